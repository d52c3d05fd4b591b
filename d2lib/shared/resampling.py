"""Weights with which an image is read between its pixels, the same for both twins."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from d2lib._types import Array

__all__ = ["interpolation"]


@lru_cache(maxsize=64)
def interpolation(size: int, scale: int, mode: str) -> Array:
    r"""The matrix that makes a row of pixels ``scale`` times as long.

    A pixel is a square with its number in the middle, so the middle of pixel i of the
    long row lies at :math:`(i + \tfrac12)/s - \tfrac12` of the short one. "bilinear"
    mixes the two nearest pixels there, and repeats the outermost ones beyond the edge;
    "nearest" takes the one in whose square it lies.

    Returns:
        Shape (size * scale, size), float64; each row sums to 1. Not to be written to.
    """
    place = (np.arange(size * scale) + 0.5) / scale - 0.5
    if mode == "nearest":
        place = np.floor(place + 0.5)
    place = place.clip(0, size - 1)
    low = np.minimum(place.astype(int), max(size - 2, 0))
    A = np.zeros((size * scale, size))
    rows = np.arange(len(A))
    A[rows, low] = 1 - (place - low)
    if size > 1:
        A[rows, low + 1] = place - low
    A.setflags(write=False)
    return A
