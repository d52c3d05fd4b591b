"""Detectors: what both twins must agree on that no row in `tests/concepts` can say."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib import scratch
from d2lib.data import digit_scenes
from d2lib.metrics import average_precision, mean_iou
from tests.concepts.row import normal
from tests.twins.both import needs_mxnet
from tests.twins.checks import close

some = settings(deadline=None, max_examples=40)
SEEDS = st.integers(0, 2**32)
PARTS = ["anchor", "box", "class", "objectness"]


@pytest.fixture(scope="module")
def mx():
    from d2lib import mx

    return mx


def draw(seed, most=12, degenerate=True):
    """Boxes on a coarse grid, of which many touch, are equal, or have no area."""
    rng = np.random.default_rng(seed)
    n = rng.integers(1, most)
    corner = rng.integers(-3, 12, (n, 2))
    reach = rng.integers(0 if degenerate else 1, 9, (n, 2))
    grid = rng.choice([1.0, 0.5, 0.37])
    return (np.hstack([corner, corner + reach]) * grid).astype(np.float32), rng


# MXNet's operators --------------------------------------------------------------------


@needs_mxnet
@some
@given(SEEDS)
def test_boxes_as_by_mxnet(mx, seed):
    a, b = draw(seed)[0], draw(seed + 1)[0]
    close(mx.to_numpy(mx.iou(a, b)), scratch.iou(a, b).data, 1e-6, "iou", least=1)
    a, b = draw(seed, degenerate=False)[0], draw(seed, degenerate=False)[0][::-1]
    code = scratch.encode_boxes(a, b).data
    close(mx.to_numpy(mx.encode_boxes(a, b)), code, 1e-5, "code", least=1)
    decoded = scratch.decode_boxes(code, b).data
    close(mx.to_numpy(mx.decode_boxes(code, b)), decoded, 1e-5, "boxes", least=1)


@needs_mxnet
@some
@given(SEEDS, st.sampled_from([0, 0.25, 0.5, 0.7, 1]), st.sampled_from([0, 1, 8]))
def test_nms_as_by_mxnet(mx, seed, threshold, digits):
    b, rng = draw(seed, 200)
    scores = rng.normal(size=len(b)).round(digits).astype(np.float32)
    for s in (scores, np.zeros_like(scores)):
        kept = scratch.nms(b, s, threshold)
        np.testing.assert_array_equal(mx.nms(b, s, threshold), kept, strict=True)


@needs_mxnet
@some
@given(SEEDS, st.sampled_from(["roi_align", "roi_pool"]), st.sampled_from([1.0, 0.25]))
def test_pieces_as_by_mxnet(mx, seed, name, scale):
    b, rng = draw(seed, 6)
    x = rng.normal(size=(2, 2, *rng.integers(1, 9, 2))).astype(np.float32)
    image, size = rng.integers(0, 2, len(b)), tuple(rng.integers(1, 4, 2).tolist())
    rounded = 3 in size or (b % 0.5).any()  # thirds are, halves are not
    if rounded or (b[:, :2] == b[:, 2:]).any():  # and MXNet must be given some width
        # A place that is on the map's edge but for rounding is on it in one twin only,
        # and what is there ends with a jump.
        b += np.float32(0.0173)
    found = []
    for dl in (scratch, mx):
        tensor = dl.tensor(x, requires_grad=True)
        with dl.record():
            y = getattr(dl, name)(tensor, b, image, size, scale)
        y.backward(dl.tensor(normal(seed, *y.shape)))
        found.append((dl.to_numpy(y), dl.to_numpy(tensor.grad)))
    for ours, theirs in zip(*found, strict=True):
        close(ours, theirs, 1e-4, name, least=1)


@needs_mxnet
def test_boxes_without_a_width_do_not_end_the_process(mx):
    """ROIAlign does that to those that are none after rounding, too."""
    x = normal(0, 1, 1, 9, 9)
    for scale in (1.0, 0.25, 1 / 3):
        for place in (0.0, 0.1, 7.3, 33.3, 1e3 / 3, 1e5 / 3, 9e5 / 7):
            least = np.spacing(np.float32(place))
            b = [[place, place, place + k * least, place + 2] for k in range(40)]
            found = [
                dl.to_numpy(dl.roi_align(x, np.float32(b), [0] * 40, 2, scale))
                for dl in (scratch, mx)
            ]
            close(*found, 1e-3, f"at {place}", least=1)


@needs_mxnet
def test_anchors_as_by_mxnet():
    """On a square map, where MXNet's normalised ratios are not bent."""
    from d2lib.mx._compat import mx as mxnet

    scales, ratios, n, stride = [8.0, 16.0], [1.0, 2.0, 0.5], 3, 4
    theirs = mxnet.nd.contrib.MultiBoxPrior(
        mxnet.nd.zeros((1, 1, n, n)),
        sizes=[s / (n * stride) for s in scales],
        ratios=[1 / r for r in ratios],  # width over height
    ).asnumpy()
    # All sizes with the first ratio, then the first size with the others.
    theirs = theirs.reshape(n * n, 4, 4) * (n * stride)
    for place, (s, r) in enumerate([(8, 1), (16, 1), (8, 2), (8, 0.5)]):
        ours = scratch.anchors(n, stride, [s], [r])
        np.testing.assert_allclose(theirs[:, place], ours, atol=1e-4)


# Training -----------------------------------------------------------------------------


def small(dl, seed=0):
    return dl.FasterRCNN(10, filters=(4, 6, 8), units=16, roi_size=3, seed=seed)


def one_step(dl, model, batch):
    """All losses, and the gradients of their sum."""
    model.zero_grad()
    with dl.record():
        if isinstance(model, dl.FCN):
            parts = {"loss": model.loss(batch.images, batch.pixels)}
        else:
            parts = model.losses(batch.images, batch.boxes, batch.classes, seed=3)
        J = sum(list(parts.values())[1:], next(iter(parts.values())))
    J.backward()
    return {name: float(dl.to_numpy(part)) for name, part in parts.items()}


@needs_mxnet
@pytest.mark.parametrize(
    "make", [small, lambda dl: dl.FCN(11, filters=(4, 6, 8), seed=0)]
)
def test_a_step_of_training_is_the_same(mx, make):
    """With the same weights: losses, gradients, and what batch norm has measured."""
    batch = digit_scenes(3, seed=5)
    models = [make(dl) for dl in (scratch, mx)]
    ours, theirs = (
        one_step(dl, model, batch)
        for dl, model in zip((scratch, mx), models, strict=True)
    )
    assert ours == pytest.approx(theirs, rel=1e-4)
    a, b = (model.gradients() for model in models)
    least = 1e-2 * max(np.abs(g).max() for g in a.values())
    for name, g in a.items():
        close(g, b[name], 1e-3, name, least)
    a, b = (model.state() for model in models)
    assert any("running" in name for name in a)
    for name, values in a.items():
        close(values, b[name], 1e-4, name, least=1e-2)


@pytest.mark.parametrize("empty", ["one scene", "every scene"])
def test_training_goes_on_without_boxes(dl, empty):
    scenes = digit_scenes(4, seed=1)
    boxes, classes = list(scenes.boxes), list(scenes.classes)
    for i in range(1 if empty == "one scene" else 4):
        boxes[i], classes[i] = np.zeros((0, 4)), np.zeros(0, int)
    model = small(dl)
    adam = dl.Adam(model.parameters(), lr=0.01)
    rng = np.random.default_rng(0)
    first = None
    for _ in range(6):
        model.zero_grad()
        with dl.record():
            parts = model.losses(scenes.images, boxes, classes, rng)
            J = sum(parts[name] for name in PARTS[1:]) + parts[PARTS[0]]
        J.backward()
        adam.step()
        values = {name: float(dl.to_numpy(part)) for name, part in parts.items()}
        assert np.isfinite(list(values.values())).all()
        first = first or values
        if empty == "every scene":
            assert values["anchor"] == values["box"] == 0
    assert values["objectness"] < first["objectness"]
    assert all(np.isfinite(v).all() for v in model.state().values())
    for found in model.detect(scenes.images):
        assert np.isfinite(found.boxes).all()
        assert (found.boxes >= 0).all()
        assert (found.boxes <= 64).all()


def test_what_an_untrained_detector_says(dl):
    model = small(dl)
    images = digit_scenes(2, "test").images
    assert [len(one) for one in model.detect(images, least=0, most=7)] == [3, 3]
    for boxes, classes, scores in model.detect(images, least=0, most=7):
        assert boxes.shape == (7, 4)
        assert classes.dtype.kind == "i"
        assert (np.diff(scores) <= 0).all()
        assert len(classes) == len(scores) == 7
    assert [len(one.boxes) for one in model.detect(images, least=1)] == [0, 0]
    assert model.detect(images[:0]) == []
    wide = np.zeros((1, 1, 24, 80), np.float32)  # of any size; here nothing is to see
    assert model.detect(wide, least=0)[0].boxes[:, 2].max() <= 80
    assert model(wide).shape == (1, 8, 6, 20)


def test_a_checkpoint_keeps_what_was_measured(dl, tmp_path):
    scenes = digit_scenes(2, seed=1)
    model, other = small(dl), small(dl, seed=1)
    one_step(dl, model, scenes)
    model.save(tmp_path / "model.npz")
    other.load(tmp_path / "model.npz")
    for a, b in zip(
        model.detect(scenes.images), other.detect(scenes.images), strict=True
    ):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


STEPS = 400
SLOW = pytest.mark.scheduled  # MXNet's steps take longer
LEARN = ("scratch", pytest.param("mx", marks=[needs_mxnet, SLOW]))


@pytest.mark.parametrize("twin", LEARN)
def test_a_detector_learns_one_scene_by_heart(twin):
    """If it can't, something is wrong that no loss shows."""
    dl = importlib.import_module(f"d2lib.{twin}")
    scene = digit_scenes(12)[[7]]
    assert len(scene.boxes[0]) > 1
    model = dl.FasterRCNN(10, seed=0)
    adam = dl.Adam(model.parameters(), lr=2e-3)
    rng = np.random.default_rng(0)
    for step in range(STEPS):
        adam.lr = 2e-3 * (1 - step / STEPS)
        model.zero_grad()
        with dl.record():
            parts = model.losses(scene.images, scene.boxes, scene.classes, rng)
            J = sum(parts[name] for name in PARTS[1:]) + parts[PARTS[0]]
        J.backward()
        adam.step()
    truth = list(zip(scene.boxes, scene.classes, strict=True))
    found = model.eval().detect(scene.images)
    assert average_precision(found, truth, 0.5) == 1
    assert average_precision(found, truth, 0.75) == 1


@pytest.mark.parametrize("twin", LEARN)
def test_a_segmenter_learns_one_scene_by_heart(twin):
    dl = importlib.import_module(f"d2lib.{twin}")
    scene = digit_scenes(12)[[7]]
    model = dl.FCN(11, seed=0)
    adam = dl.Adam(model.parameters(), lr=1e-2)
    for step in range(STEPS):
        adam.lr = 1e-2 * (1 - step / STEPS)
        model.zero_grad()
        with dl.record():
            J = model.loss(scene.images, scene.pixels)
        J.backward()
        adam.step()
    found = model.eval().segment(scene.images)
    assert found.dtype == np.int64
    assert mean_iou(found, scene.pixels) > 0.98
