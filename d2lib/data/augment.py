"""Augmentation: more images than there are, for both twins.

What is drawn is changed by it, and what it shows is not: a digit two pixels further to
the right is the same digit. Change the images of each batch anew, and never those that
a model is judged by. The boxes and pixels of `Scenes` do not move with them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks import (
    as_float_array,
    as_generator,
    check_count,
    check_images,
    check_non_negative,
    check_unit_interval,
)
from d2lib._types import Array

__all__ = ["flip", "noise", "shift"]

_FAR = 2**31  # pixels, more than any image has


def shift(
    images: Any, seed: int | np.random.Generator | None = None, pixels: int = 2
) -> Array:
    """Moves each image by a few pixels, up or down and left or right.

    What comes in at the edge is 0, as the background of MNIST is.

    Args:
        images: float32, shape (batch, channels, height, width).
        seed: an int for the same shifts at every call, or a Generator, which draws new
            ones.
        pixels: how far at most; each whole number from -pixels to pixels is as likely.

    Returns:
        New images of the same shape, float32.

    Raises:
        ValueError: another shape, or pixels < 0.
        TypeError: images of whole numbers, or pixels that are no whole number.

    Example:
        >>> image = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
        >>> shift(image, seed=0, pixels=1)[0, 0]
        array([[0., 0.],
               [0., 1.]], dtype=float32)

    Source: LeCun et al., 1998.
    """
    images = _checked(images, "shift")
    n, _, height, width = images.shape
    most = min(check_count(pixels, "pixels"), _FAR)
    drawn = as_generator(seed).integers(-most, most + 1, (2, n))
    edge = min(most, max(height, width))  # further than out of sight is as far
    down, right = drawn.clip(-edge, edge)
    wide = np.pad(images, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    rows = edge - down[:, None] + np.arange(height)  # (batch, height)
    columns = edge - right[:, None] + np.arange(width)
    batch = np.arange(n)[:, None, None]
    moved = wide.transpose(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None]]
    return np.ascontiguousarray(moved.transpose(0, 3, 1, 2))


def flip(
    images: Any, seed: int | np.random.Generator | None = None, share: float = 0.5
) -> Array:
    """Mirrors some of the images, left and right: for cats, and not for digits.

    Args:
        images: float32, shape (batch, channels, height, width).
        seed: an int for the same choice at every call, or a Generator, which chooses
            anew.
        share: the probability of each image to be mirrored.

    Returns:
        New images of the same shape, float32.

    Raises:
        ValueError: another shape, or a share outside [0, 1].
        TypeError: images of whole numbers, or a share that is no number.

    Example:
        >>> image = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
        >>> flip(image, share=1)[0, 0]
        array([[1., 0.],
               [3., 2.]], dtype=float32)

    Source: Krizhevsky, Sutskever & Hinton, 2012.
    """
    images = _checked(images, "flip")
    share = check_non_negative(share, "share")
    check_unit_interval(np.array(share), "share")
    mirrored = as_generator(seed).random(len(images)) < share
    return np.where(mirrored[:, None, None, None], images[..., ::-1], images)


def noise(
    images: Any, seed: int | np.random.Generator | None = None, std: float = 0.1
) -> Array:
    """Adds a normal random number to each pixel.

    Args:
        images: float32, shape (batch, channels, height, width).
        seed: an int for the same noise at every call, or a Generator, which draws anew.
        std: the standard deviation.

    Returns:
        New images of the same shape, float32. They are not cut at 0 and 1.

    Raises:
        ValueError: another shape, or a std < 0.
        TypeError: images of whole numbers, or a std that is no number.

    Example:
        >>> noise(np.zeros((1, 1, 1, 2), np.float32), seed=0).round(3)
        array([[[[ 0.112, -0.139]]]], dtype=float32)

    Source: Bishop, 1995.
    """
    images = _checked(images, "noise")
    std = check_non_negative(std, "std")
    drawn = as_generator(seed).standard_normal(images.shape, np.float32)
    with np.errstate(over="ignore"):  # what is too large is infinite
        noisy: Array = images + np.float32(std) * drawn
        return noisy


def _checked(images: Any, what: str) -> Array:
    """Images as a float array, (batch, channels, height, width)."""
    checked = as_float_array(images, name="images")
    check_images(checked.shape, None, what)
    return checked
