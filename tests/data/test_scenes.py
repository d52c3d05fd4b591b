"""Scenes of digits: the same from a seed, and labelled as they are drawn."""

import numpy as np
import pytest

from d2lib.data import digit_scenes, load_mnist, scenes
from d2lib.shared.boxes import overlaps


@pytest.fixture(scope="module")
def many():
    return digit_scenes(60, seed=3)


def same(a, b):
    np.testing.assert_array_equal(a.images, b.images)
    np.testing.assert_array_equal(a.pixels, b.pixels)
    for x, y in zip((*a.boxes, *a.classes), (*b.boxes, *b.classes), strict=True):
        np.testing.assert_array_equal(x, y, strict=True)


def test_shapes_dtypes_and_ranges(many):
    assert len(many) == len(many.boxes) == len(many.classes) == 60
    assert many.images.shape == (60, 1, 64, 64)
    assert many.pixels.shape == (60, 64, 64)
    assert many.images.dtype == np.float32
    assert many.pixels.dtype == np.int64
    assert many.images.min() >= 0
    assert many.images.max() <= 1
    for boxes, classes in zip(many.boxes, many.classes, strict=True):
        assert boxes.dtype == np.float32
        assert classes.dtype == np.int64
        assert boxes.shape == (len(classes), 4)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= 64).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
    counts = {len(classes) for classes in many.classes}
    assert counts == {1, 2, 3, 4, 5}
    assert set(np.concatenate(many.classes)) == set(range(10))
    assert repr(many) == f"Scenes(60 images with {sum(map(len, many.classes))} digits)"


def test_one_seed_has_one_start(many):
    same(digit_scenes(60, seed=3), many)
    same(digit_scenes(7, seed=3), many[:7])
    same(many[[2, 5]], many[np.array([2, 5])])
    same(many[-1:], many[[59]])
    for other in (digit_scenes(2, seed=4), digit_scenes(2, "test", seed=3)):
        assert not np.array_equal(other.images, many.images[:2])


def test_nothing_touches_the_global_generator():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    digit_scenes(2)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_boxes_overlap_little(many):
    for boxes in many.boxes:
        shared = overlaps(boxes, boxes) - np.eye(len(boxes))
        assert shared.max() <= 0.15 + 1e-6


def test_a_box_is_around_its_ink(many):
    """All four edges touch it, unless another digit has the pixel."""
    alone = 0
    for boxes, classes, pixels in zip(
        many.boxes, many.classes, many.pixels, strict=True
    ):
        for k, (box, name) in enumerate(zip(boxes.astype(int), classes, strict=True)):
            x1, y1, x2, y2 = box
            if overlaps(boxes[k : k + 1], np.delete(boxes, k, axis=0)).any():
                continue
            alone += 1
            inside = pixels[y1:y2, x1:x2]
            assert set(np.unique(inside)) <= {0, 1 + name}
            mine = inside > 0
            assert mine[0].any()
            assert mine[-1].any()
            assert mine[:, 0].any()
            assert mine[:, -1].any()
        outside = np.ones((64, 64), bool)
        for x1, y1, x2, y2 in boxes.astype(int):
            outside[y1:y2, x1:x2] = False
        assert not pixels[outside].any()
        assert set(np.unique(pixels)) <= {0, *(1 + classes)}
    assert alone > 50


def test_ink_is_dark_and_scraps_are_nothing(many):
    images = many.images[:, 0]
    assert images[many.pixels > 0].mean() > 0.6
    background = images[many.pixels == 0]
    assert background.mean() < 0.1
    assert (background > 0.5).mean() > 0.001  # the scraps
    # Noise of standard deviation 0.08 on what is empty, cut at 0.
    assert np.std(background[background < 0.3]) == pytest.approx(0.047, abs=0.02)


def test_sizes_vary(many):
    heights = np.concatenate([b[:, 3] - b[:, 1] for b in many.boxes])
    assert heights.min() < 15
    assert heights.max() > 26


def test_what_is_learnt_from_is_not_in_the_test():
    mnist = load_mnist(flatten=False, normalize=False)
    for subset, images in (("train", mnist.x_train), ("test", mnist.x_test)):
        np.testing.assert_array_equal(scenes._digits(subset)[0], images)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0,), ValueError, "n must be a whole number >= 1, got 0"),
        ((1.5,), TypeError, "n must be a whole number"),
        ((10**9,), ValueError, r"n \* pixels must be at most"),
        ((1, "validation"), ValueError, "subset must be one of 'train', 'test'"),
        ((1, "train", -1), ValueError, "seed must be a whole number >= 0, got -1"),
        ((1, "train", 0.5), TypeError, "seed must be a whole number"),
    ],
)
def test_mistakes(arguments, error, message):
    with pytest.raises(error, match=message):
        digit_scenes(*arguments)
