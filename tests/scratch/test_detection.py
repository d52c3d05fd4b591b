"""Boxes as plain Python defines them, on whatever boxes there are."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib import scratch as dl
from d2lib.gradcheck import check_gradients

some = settings(deadline=None, max_examples=60)
SEEDS = st.integers(0, 2**32)


@st.composite
def boxes(draw, least=0, most=12):
    """Boxes on a coarse grid: many touch, are equal, or have no area."""
    n = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(SEEDS))
    corner = rng.integers(-2, 7, (n, 2))
    reach = rng.integers(draw(st.sampled_from([0, 1])), 6, (n, 2))
    grid = draw(st.sampled_from([1.0, 0.5, 0.37]))
    return (np.hstack([corner, corner + reach]) * grid).astype(np.float32)


# Overlaps, and what follows from them -------------------------------------------------


def plain_iou(a, b):
    """Intersection over union of two boxes, by the definition."""
    a, b = [[float(n) for n in box] for box in (a, b)]
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    shared = w * h if w > 0 and h > 0 else 0.0
    union = sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)) - shared
    return shared / union if union > 0 else 0.0


@some
@given(boxes(), boxes())
def test_iou_is_the_definition(a, b):
    found = dl.iou(a, b).data
    assert found.shape == (len(a), len(b))
    expected = [[plain_iou(p, q) for q in b] for p in a]
    np.testing.assert_allclose(found, np.reshape(expected, found.shape), atol=1e-6)
    np.testing.assert_array_equal(found, dl.iou(b, a).data.T)
    moved = dl.iou(a + 8, b + 8).data
    np.testing.assert_allclose(moved, found, atol=1e-5)


def plain_nms(boxes, scores, threshold):
    """From the best score down; the first of equal ones first."""
    order = sorted(range(len(boxes)), key=lambda i: -scores[i])
    shared = dl.iou(boxes, boxes).data
    kept = []
    for i in order:
        if all(shared[i, j] <= np.float32(threshold) for j in kept):
            kept.append(i)
    return kept


@some
@given(boxes(most=150), SEEDS, st.sampled_from([0, 0.25, 0.5, 0.7, 1]), st.booleans())
def test_nms_is_the_greedy_one(b, seed, threshold, ties):
    scores = np.random.default_rng(seed).normal(size=len(b))
    scores = (scores.round() if ties else scores).astype(np.float32)
    kept = dl.nms(b, scores, threshold)
    assert kept.dtype == np.int64
    assert kept.tolist() == plain_nms(b, scores, threshold)
    again = dl.nms(b[kept], scores[kept], threshold)
    assert again.tolist() == list(range(len(kept)))
    equal = dl.nms(b, np.zeros(len(b)), threshold)
    assert equal.tolist() == plain_nms(b, np.zeros(len(b)), threshold)


# Codes --------------------------------------------------------------------------------


@some
@given(SEEDS, st.integers(0, 9))
def test_decoding_undoes_encoding(seed, n):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-20, 60, (2, n, 2))
    b, a = np.concatenate([corner, corner + rng.uniform(1, 40, (2, n, 2))], axis=2)
    code = dl.encode_boxes(b, a).data
    np.testing.assert_allclose(dl.decode_boxes(code, a).data, b, rtol=1e-9, atol=1e-9)
    for row, (x1, y1, x2, y2), (p1, q1, p2, q2) in zip(code, b, a, strict=True):
        w, h, aw, ah = x2 - x1, y2 - y1, p2 - p1, q2 - q1
        expected = [
            ((x1 + x2) / 2 - (p1 + p2) / 2) / aw / 0.1,
            ((y1 + y2) / 2 - (q1 + q2) / 2) / ah / 0.1,
            math.log(w / aw) / 0.2,
            math.log(h / ah) / 0.2,
        ]
        np.testing.assert_allclose(row, expected, rtol=1e-9, atol=1e-9)
    still = dl.decode_boxes(np.zeros_like(a), a).data
    np.testing.assert_allclose(still, a, rtol=1e-12, atol=1e-12)


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(1, 20),
    st.lists(st.floats(0.5, 60), min_size=1, max_size=3),
    st.lists(st.floats(0.1, 9), min_size=1, max_size=3),
)
def test_anchors_are_the_definition(size, stride, scales, ratios):
    expected = [
        [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        for y in [(i + 0.5) * stride for i in range(size[0])]
        for x in [(j + 0.5) * stride for j in range(size[1])]
        for s in scales
        for w, h in [(s / math.sqrt(r), s * math.sqrt(r)) for r in ratios]
    ]
    found = dl.anchors(size, stride, scales, ratios)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@some
@given(
    boxes(least=1, most=40), boxes(most=6), st.sampled_from([(0.7, 0.3), (0.5, 0.5)])
)
def test_match_anchors(a, b, limits):
    high, low = limits
    label, which = dl.match_anchors(a, b, high, low)
    assert label.shape == which.shape == (len(a),)
    assert set(label.tolist()) <= {-1, 0, 1}
    shared = dl.iou(a, b).data
    best = shared.max(axis=1, initial=0)
    for k, row in enumerate(shared.T):  # each box that any anchor overlaps has one
        first = np.flatnonzero((row == row.max()) & (row > 0))
        assert (label[first] == 1).all()
        # which finds it, unless it is as near to another
        assert all(which[i] == k or best[i] >= row[i] for i in first)
    assert (label[best >= high] == 1).all()
    assert (best[label == 0] < low).all()
    between = label == -1
    assert ((best[between] >= low) & (best[between] < high)).all()
    for i in np.flatnonzero(label == 1):
        nearest = shared[i, which[i]]
        assert nearest > 0
        assert nearest == best[i] or nearest == shared[:, which[i]].max()


def test_no_box_is_matched_by_none():
    label, which = dl.match_anchors(dl.anchors(3, 4, [8]), np.zeros((0, 4)))
    assert not label.any()
    assert not which.any()
    assert [part.shape for part in dl.match_anchors([], [[0, 0, 1, 1]])] == [(0,), (0,)]


# Pieces of maps -----------------------------------------------------------------------


def read(plane, y, x):
    """A reading between the middles of four cells; beyond the edge that of the edge."""
    height, width = plane.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = min(int(y), max(height - 2, 0)), min(int(x), max(width - 2, 0))
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    v, u = y - top, x - left
    return (1 - v) * ((1 - u) * plane[top, left] + u * plane[top, right]) + v * (
        (1 - u) * plane[bottom, left] + u * plane[bottom, right]
    )


def plain_roi_align(x, boxes, image, size, scale, samples):
    """The mean of samples x samples readings in each bin."""
    y = np.zeros((len(boxes), x.shape[1], *size))
    for k, box in enumerate(boxes):
        x1, y1, x2, y2 = (float(n) * scale - 0.5 for n in box)
        h, w = (y2 - y1) / size[0], (x2 - x1) / size[1]
        for c, i, j in np.ndindex(*y.shape[1:]):
            y[k, c, i, j] = np.mean(
                [
                    read(
                        x[image[k], c],
                        y1 + (i + (p + 0.5) / samples) * h,
                        x1 + (j + (q + 0.5) / samples) * w,
                    )
                    for p in range(samples)
                    for q in range(samples)
                ]
            )
    return y


def plain_roi_pool(x, boxes, image, size, scale):
    """The largest number of the whole cells of each bin."""
    y = np.zeros((len(boxes), x.shape[1], *size))
    for k, box in enumerate(boxes):
        first = [math.floor(float(n) * scale) for n in box[:2]]
        ends = [math.ceil(float(n) * scale) for n in box[2:]]
        w, h = (max(e - f, 1) for e, f in zip(ends, first, strict=True))
        for c, i, j in np.ndindex(*y.shape[1:]):
            rows = range(
                first[1] + i * h // size[0], first[1] - (-(i + 1) * h // size[0])
            )
            columns = range(
                first[0] + j * w // size[1], first[0] - (-(j + 1) * w // size[1])
            )
            inside = [
                x[image[k], c, r, s]
                for r in rows
                for s in columns
                if 0 <= r < x.shape[2] and 0 <= s < x.shape[3]
            ]
            y[k, c, i, j] = max(inside, default=0)
    return y


MAPS = st.tuples(
    st.integers(1, 2), st.integers(1, 2), st.integers(1, 6), st.integers(1, 6)
)
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 3))
SCALES = st.sampled_from([1.0, 0.5, 0.3])


@some
@given(MAPS, boxes(most=5), SEEDS, SIZES, SCALES, st.integers(1, 3))
def test_roi_align_is_the_definition(shape, b, seed, size, scale, samples):
    rng = np.random.default_rng(seed)
    x, image = rng.normal(size=shape), rng.integers(0, shape[0], len(b))
    found = dl.roi_align(dl.tensor(x, np.float64), b, image, size, scale, samples).data
    expected = plain_roi_align(x, b, image, size, scale, samples)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@some
@given(MAPS, boxes(most=5), SEEDS, SIZES, SCALES)
def test_roi_pool_is_the_definition(shape, b, seed, size, scale):
    rng = np.random.default_rng(seed)
    x, image = rng.normal(size=shape), rng.integers(0, shape[0], len(b))
    found = dl.roi_pool(dl.tensor(x, np.float64), b, image, size, scale).data
    np.testing.assert_array_equal(found, plain_roi_pool(x, b, image, size, scale))


@some
@given(MAPS, boxes(most=5), SEEDS, SIZES, SCALES, st.integers(1, 3))
def test_the_backward_of_roi_align_is_its_adjoint(shape, b, seed, size, scale, samples):
    """It is linear, y = Ax; and (Ax) . u = x . (A'u) for all x and u."""
    rng = np.random.default_rng(seed)
    x = dl.tensor(rng.normal(size=shape), np.float64, requires_grad=True)
    image = rng.integers(0, shape[0], len(b))
    with dl.record():
        y = dl.roi_align(x, b, image, size, scale, samples)
    u = rng.normal(size=y.shape)
    if y.data.size:
        y.backward(dl.tensor(u, np.float64))
        left, right = (y.data * u).sum(), (x.data * x.grad).sum()
        assert left == pytest.approx(right, rel=1e-9, abs=1e-9)


def test_gradients_number_by_number():
    rng = np.random.default_rng(0)
    b = [[0, 0, 5, 4], [2, 1, 9, 8], [3, 3, 3, 3], [-3, -2, 2, 3], [4, 4, 20, 20]]
    x, image = rng.normal(size=(2, 2, 4, 5)), [0, 1, 1, 0, 1]
    check_gradients(lambda x: dl.roi_align(x, b, image, (2, 3), 0.5), x)
    check_gradients(lambda x: dl.roi_pool(x, b, image, (2, 3), 0.5), x)


def test_what_is_equal_goes_to_the_first():
    """As in a pooling: the gradient of a maximum has one place."""
    x = dl.tensor(np.ones((1, 1, 2, 2)), requires_grad=True)
    with dl.record():
        y = dl.roi_pool(x, [[0, 0, 2, 2]], [0], 1)
    y.backward(dl.tensor([[[[3.0]]]]))
    assert dl.to_numpy(x.grad).tolist() == [[[[3, 0], [0, 0]]]]
