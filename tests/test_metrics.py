"""Average precision is COCO's, and mean IoU is the definition's."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.metrics import COCO, average_precision, mean_iou, precision_recall

NONE = ([], [], [])
LIMITS = (COCO, 0.5, 0.75)


def draw(seed, images=6, classes=3):
    """Detections near the boxes of some scenes, with equal scores among them."""
    rng = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(images):
        n = rng.integers(0, 5)
        corner = rng.integers(0, 40, (n, 2)).astype(float)
        boxes = np.hstack([corner, corner + rng.integers(1, 20, (n, 2))])
        kinds = rng.integers(0, classes, n)
        truth.append((boxes, kinds))
        pick = rng.integers(0, n, rng.integers(0, 8) if n else 0)
        near = boxes[pick] + rng.integers(-2, 3, (len(pick), 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        right = rng.random(len(pick)) < 0.8
        names = np.where(right, kinds[pick], rng.integers(0, classes + 1, len(pick)))
        found.append((near, names, rng.random(len(pick)).round(1)))
    return found, truth


def by_pycocotools(found, truth):
    """What pycocotools says: AP, AP50 and AP75."""
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")

    def entry(image, box, kind, **more):
        x1, y1, x2, y2 = map(float, box)
        w, h = x2 - x1, y2 - y1
        return {
            "image_id": image,
            "category_id": int(kind),
            "bbox": [x1, y1, w, h],
            "area": w * h,
            "iscrowd": 0,
            **more,
        }

    def data(entries):
        names = {e["category_id"] for e in entries} | kinds
        made = coco.COCO()
        made.dataset = {
            "images": [{"id": i} for i in range(len(truth))],
            "categories": [{"id": name} for name in sorted(names)],
            "annotations": [{"id": i, **e} for i, e in enumerate(entries, start=1)],
        }
        made.createIndex()
        return made

    kinds = {int(name) for one in (*found, *truth) for name in one[1]}
    there = [
        entry(i, box, name)
        for i, (boxes, names) in enumerate(truth)
        for box, name in zip(boxes, names, strict=True)
    ]
    seen = [
        entry(i, box, name, score=float(score))
        for i, one in enumerate(found)
        for box, name, score in zip(*one, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        judge = evaluation.COCOeval(data(there), data(seen), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge.stats[:3]


def ours(found, truth):
    return [average_precision(found, truth, limit) for limit in LIMITS]


#: By pycocotools 2.0.11 for `draw` of these seeds: AP, AP50, AP75.
GOLDEN = {
    0: [0.2264485, 0.560231, 0.1707004],
    1: [0.11989, 0.3058306, 0.0737074],
    2: [0.2171303, 0.372623, 0.2827283],
    3: [0.1688339, 0.4539054, 0.0829483],
    4: [0.0614411, 0.1281628, 0.0561056],
    5: [0.1290429, 0.2805281, 0.1122112],
    6: [0.2002382, 0.545851, 0.069667],
    7: [0.0681518, 0.1771177, 0.0451045],
}

BOX, FAR = [2, 2, 8, 8], [20, 20, 29, 28]
SPECIAL = {
    "no detections": ([NONE], [([BOX], [1])]),
    "nothing there": ([([BOX], [1], [0.9]), NONE], [([], []), ([FAR], [1])]),
    "a class that is absent": (
        [([BOX, FAR], [0, 7], [0.5, 0.9])],
        [([BOX], [0])],
    ),
    "a class that is not found": ([([BOX], [0], [0.5])], [([BOX, FAR], [0, 1])]),
    "found twice": (
        [([BOX, BOX, FAR], [1, 1, 1], [0.9, 0.8, 0.7])],
        [([BOX, FAR], [1, 1])],
    ),
    "all scores equal": (
        [([FAR, BOX, BOX], [1, 1, 1], [0.5, 0.5, 0.5]), ([BOX], [1], [0.5])],
        [([BOX], [1]), ([BOX, FAR], [1, 1])],
    ),
    "boxes that touch": ([([[8, 2, 14, 8]], [1], [0.9])], [([BOX], [1])]),
    "exactly a half": ([([[2, 2, 8, 5]], [1], [0.9])], [([BOX], [1])]),
    "more than a hundred": (
        [([FAR] * 100 + [BOX], [1] * 101, [0.9] * 100 + [0.1])],
        [([BOX, FAR], [1, 1])],
    ),
}
#: The same of `SPECIAL`.
GOLDEN_SPECIAL = {
    "no detections": [0.0, 0.0, 0.0],
    "nothing there": [0.0, 0.0, 0.0],
    "a class that is absent": [1.0, 1.0, 1.0],
    "a class that is not found": [0.5, 0.5, 0.5],
    "found twice": [0.8349835, 0.8349835, 0.8349835],
    "all scores equal": [0.3316832, 0.3316832, 0.3316832],
    "boxes that touch": [0.0, 0.0, 0.0],
    "exactly a half": [0.1, 1.0, 0.0],
    "more than a hundred": [0.5049505, 0.5049505, 0.5049505],
}


@pytest.mark.parametrize("seed", GOLDEN)
def test_as_pycocotools_said(seed):
    np.testing.assert_allclose(ours(*draw(seed)), GOLDEN[seed], rtol=0, atol=1e-6)


@pytest.mark.parametrize("what", SPECIAL)
def test_as_pycocotools_said_of_what_is_special(what):
    found = ours(*SPECIAL[what])
    np.testing.assert_allclose(found, GOLDEN_SPECIAL[what], rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), images=st.integers(1, 9))
def test_as_pycocotools_says(seed, images):
    found, truth = draw(seed, images)
    if any(len(names) for _, names in truth):
        np.testing.assert_allclose(
            ours(found, truth), by_pycocotools(found, truth), rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("what", SPECIAL)
def test_as_pycocotools_says_of_what_is_special(what):
    found, truth = SPECIAL[what]
    np.testing.assert_allclose(
        ours(found, truth), by_pycocotools(found, truth), rtol=0, atol=1e-6
    )


def test_no_box_at_all_has_no_precision():
    """pycocotools says -1, which has been averaged as if it were a precision."""
    for found, truth in (
        ([], []),
        ([NONE], [([], [])]),
        ([([BOX], [1], [1])], [([], [])]),
    ):
        assert np.isnan(average_precision(found, truth))
        assert average_precision(found, truth, each=True) == {}


def test_each_class_by_itself():
    found, truth = draw(3)
    areas = average_precision(found, truth, 0.5, each=True)
    assert list(areas) == sorted({int(n) for _, names in truth for n in names})
    assert average_precision(found, truth) == pytest.approx(
        np.mean(list(areas.values()))
    )
    for name, area in areas.items():
        alone = [
            tuple(np.asarray(part)[np.asarray(one[1]) == name] for part in one)
            for one in truth
        ]
        assert average_precision(found, alone) == pytest.approx(area)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_what_it_does_not_depend_on(seed):
    """Neither the names of the classes, nor the scores beyond their order."""
    found, truth = draw(seed)
    renamed = (
        [(b, n + 5, 3 * s - 7) for b, n, s in found],
        [(b, n + 5) for b, n in truth],
    )
    expected = average_precision(found, truth, COCO)
    np.testing.assert_equal(average_precision(*renamed, COCO), expected)
    perfect = [(b, n, np.ones(len(n))) for b, n in truth]
    if any(len(names) for _, names in truth):
        assert average_precision(perfect, truth, 1.0) == 1
        assert 0 <= expected <= 1


def test_precision_recall_by_hand():
    # Right, wrong, right: 1, 1/2 and 2/3 of what was said; a third of three boxes each.
    truth = [([BOX, FAR], [4, 4]), ([BOX, FAR], [4, 5])]
    found = [([BOX, BOX], [4, 4], [0.9, 0.8]), ([BOX, FAR], [4, 5], [0.3, 0.95])]
    score, precision, recall = precision_recall(found, truth, 4)
    np.testing.assert_allclose(score, [0.9, 0.8, 0.3])
    np.testing.assert_allclose(precision, [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(recall, [1 / 3, 1 / 3, 2 / 3])
    # At recalls of 0 to 0.33 the precision is 1, to 0.66 2/3, and 0 beyond.
    expected = (34 + 33 * 2 / 3) / 101
    assert average_precision(found, truth, each=True)[4] == pytest.approx(expected)
    assert [len(part) for part in precision_recall(found, truth, 9)] == [0, 0, 0]
    assert [len(part) for part in precision_recall([], [], 0)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: average_precision([NONE], []), ValueError, "each image, got 1 and 0"),
        (
            lambda: average_precision([([], [])], [([], [])]),
            ValueError,
            "found must hold",
        ),
        (lambda: average_precision({}, []), TypeError, "found must be a list"),
        (
            lambda: average_precision([NONE], [([[5, 0, 1, 9]], [0])]),
            ValueError,
            "truth's boxes must have x1 <= x2",
        ),
        (
            lambda: average_precision([([BOX], [0.5], [1])], [([], [])]),
            ValueError,
            "found's classes must be whole numbers",
        ),
        (
            lambda: average_precision([([BOX], [0], [np.nan])], [([], [])]),
            ValueError,
            "found's scores must be numbers that have an order",
        ),
        (lambda: average_precision([], [], 0), ValueError, r"overlap .* \(0, 1\]"),
        (
            lambda: average_precision([], [], [0.5, 2]),
            ValueError,
            r"overlap .* \(0, 1\]",
        ),
        (lambda: average_precision([], [], []), ValueError, "or several, got "),
        (lambda: average_precision([], [], each=1), TypeError, "each must be True or"),
        (
            lambda: mean_iou([0.5], [1]),
            TypeError,
            "found must be whole numbers.*argmax",
        ),
        (
            lambda: mean_iou([[0, 1]], [0, 1]),
            ValueError,
            "found and truth .* one shape",
        ),
        (lambda: mean_iou([-1], [0]), ValueError, r"classes in \[0, 1\), got -1 to 0"),
        (lambda: mean_iou([2], [0], 2), ValueError, r"classes in \[0, 2\), got 0 to 2"),
        (lambda: mean_iou([10**9], [0]), ValueError, r"classes in \[0, 4096\)"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Mean IoU -----------------------------------------------------------------------------

MAPS = st.integers(0, 2**32).map(
    lambda seed: np.random.default_rng(seed).integers(0, 4, (2, 3, 5, 4))
)


@given(MAPS)
def test_mean_iou_is_the_mean_over_the_classes_that_occur(maps):
    found, truth = maps
    shares = []
    for name in range(4):
        either = ((found == name) | (truth == name)).sum()
        if either:
            shares.append(((found == name) & (truth == name)).sum() / either)
    assert mean_iou(found, truth) == pytest.approx(np.mean(shares))
    assert mean_iou(truth, found, 9) == pytest.approx(np.mean(shares))
    assert mean_iou(found + 1, truth + 1) == pytest.approx(np.mean(shares))
    assert mean_iou(found.ravel(), truth.ravel()) == mean_iou(found, truth)
    assert mean_iou(truth, truth) == 1


def test_mean_iou_by_hand():
    # Class 0: 2 of 4 pixels; class 1: 1 of 3; class 2, of which neither has any: none.
    assert mean_iou([0, 0, 0, 1, 1], [0, 0, 1, 1, 0], 4) == pytest.approx(
        (1 / 2 + 1 / 3) / 2
    )
    assert mean_iou([0, 0], [3, 3]) == 0
    assert np.isnan(mean_iou([], []))
    assert mean_iou(np.array([0, 3], np.uint8), np.array([0, 3])) == 1
