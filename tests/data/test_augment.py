"""Augmentation: what moves, what stays, and that a seed repeats it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lib.data import flip, noise, shift

ALL = [shift, flip, noise]
SHAPES = st.tuples(*(st.integers(low, 5) for low in (0, 1, 1, 1)))
X = np.random.default_rng(0).normal(size=(40, 2, 5, 4)).astype(np.float32)


@pytest.mark.parametrize("change", ALL)
@given(shape=SHAPES, seed=st.integers(0, 2**32))
def test_shapes_dtypes_and_seed(change, shape, seed):
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    before = x.copy()
    y = change(x, seed)
    assert y.shape == x.shape
    assert y.dtype == np.float32
    assert not np.shares_memory(x, y) or not x.size
    np.testing.assert_array_equal(change(x, seed), y)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("change", ALL)
def test_a_generator_goes_on(change):
    rng = np.random.default_rng(0)
    first, second = change(X, rng), change(X, rng)
    np.testing.assert_array_equal(first, change(X, 0))
    assert not np.array_equal(first, second)


@given(SHAPES, st.integers(0, 2**32), st.integers(0, 7))
def test_shift_moves_each_image_as_a_whole(shape, seed, pixels):
    x = 1 + np.random.default_rng(seed).random(shape, np.float32)
    height, width = shape[2:]
    moved = shift(x, seed, pixels)
    for image, new in zip(x, moved, strict=True):
        fits = []
        for down in range(-pixels, pixels + 1):
            for right in range(-pixels, pixels + 1):
                expected = np.zeros_like(image)
                for i, j in np.ndindex(height, width):
                    if 0 <= i - down < height and 0 <= j - right < width:
                        expected[:, i, j] = image[:, i - down, j - right]
                fits.append(np.array_equal(new, expected))
        assert any(fits)


def test_all_shifts_are_drawn():
    x = np.zeros((500, 1, 5, 5), np.float32)
    x[:, :, 2, 2] = 1
    found = shift(x, 0, 2)
    assert (found.sum(axis=(1, 2, 3)) == 1).all()
    assert (found.sum(axis=(0, 1)) > 5).all()  # 500 / 25 = 20 each
    np.testing.assert_array_equal(shift(x, 0, 0), x)
    assert not shift(x, 0, 10**9).any()  # out of sight


def test_flip_mirrors_a_share():
    mirrored = X[..., ::-1]
    np.testing.assert_array_equal(flip(X, 0, 1), mirrored)
    np.testing.assert_array_equal(flip(X, 0, 0), X)
    y = flip(X, 0)
    which = (y == mirrored).all(axis=(1, 2, 3))
    assert ((y == X).all(axis=(1, 2, 3)) ^ which).all()
    assert 10 < which.sum() < 30


def test_noise_is_normal():
    x = np.zeros((10, 1, 40, 40), np.float32)
    y = noise(x, 0, 0.5)
    assert y.mean() == pytest.approx(0, abs=0.02)
    assert y.std() == pytest.approx(0.5, rel=0.02)
    np.testing.assert_array_equal(noise(X, 0, 0), X)


@pytest.mark.parametrize("change", ALL)
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones((2, 1, 4, 4), np.uint8), TypeError, "images must hold.*/ 255"),
        (np.ones((2, 4, 4), np.float32), ValueError, r"batch, channels, .*\(2, 4, 4\)"),
        ([[1.0]], ValueError, r"got \(1, 1\): a single gray image"),
        (None, TypeError, "images must hold floating-point"),
    ],
)
def test_what_is_no_images(change, x, error, message):
    with pytest.raises(error, match=message):
        change(x)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: shift(X, pixels=-1), ValueError, "pixels must be a whole number >= 0"),
        (lambda: shift(X, pixels=0.5), TypeError, "pixels must be a whole number"),
        (lambda: flip(X, share=1.5), ValueError, r"share must lie in \[0, 1\]"),
        (lambda: flip(X, share=-1), ValueError, "share must be a finite number >= 0"),
        (lambda: noise(X, std=-1), ValueError, "std must be a finite number >= 0"),
        (lambda: noise(X, std="a"), TypeError, "std must be a number"),
        (lambda: noise(X, seed="a"), TypeError, "seed must be a whole number"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call()
