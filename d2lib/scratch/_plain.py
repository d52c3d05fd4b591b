"""Convolution for arrays that are not NumPy's own, such as a GPU's.

The maps of `_columns.py`, which needs strides, blocks that fit a cache, and threads.
Here is one product for each place of the kernel, by functions that other libraries take
over through NumPy's dispatch protocols. In the subscripts n is the image, g the group,
c and f are the channels and filters within it, h and w rows and columns.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from d2lib._types import Array
from d2lib.shared.windows import Geometry

__all__ = [
    "add_bias",
    "correlate",
    "correlate_kernel",
    "correlate_transpose",
    "sum_places",
]


def correlate(x: Array, W: Array, at: Geometry) -> Array:
    """See `_columns.correlate`."""
    images, kernel = _framed(x, at), _grouped(W, 0, at)
    y = sum(
        np.einsum("ngchw,gfc->ngfhw", images[window], kernel[place])
        for place, window in _places(at)
    )
    return _joined(y, 1)


def correlate_kernel(x: Array, y: Array, at: Geometry) -> Array:
    """See `_columns.correlate_kernel`."""
    images, maps = _framed(x, at), _grouped(y, 1, at)
    filters, channels = maps.shape[2], images.shape[2]
    W = np.zeros_like(x, shape=(at.groups, filters, channels, *at.kernel))
    for place, window in _places(at):
        W[place] = np.einsum("ngchw,ngfhw->gfc", images[window], maps)
    return _joined(W, 0)


def correlate_transpose(y: Array, W: Array, at: Geometry) -> Array:
    """See `_columns.correlate_transpose`."""
    maps, kernel = _grouped(y, 1, at), _grouped(W, 0, at)
    size = len(y), at.groups, W.shape[1], *at.padded
    images = np.zeros_like(y, shape=size)
    for place, window in _places(at):
        images[window] += np.einsum("ngfhw,gfc->ngchw", maps, kernel[place])
    return _joined(images[_inner(at)], 1)


def add_bias(y: Array, b: Array) -> None:
    """See `_columns.add_bias`."""
    y += b[:, None, None]


def sum_places(g: Array) -> Array:
    """See `_columns.sum_places`."""
    total: Array = g.sum(axis=(0, 2, 3))
    return total


def _places(at: Geometry) -> Iterator[tuple[Any, Any]]:
    """Each place of the kernel, and what lies under it as the kernel moves."""
    steps = zip(at.output, at.stride, strict=True)
    runs = [(n - 1) * s + 1 for n, s in steps]
    for p, q in itertools.product(*map(range, at.kernel)):
        starts = p * at.dilation[0], q * at.dilation[1]
        window = (
            slice(start, start + run, stride)
            for start, run, stride in zip(starts, runs, at.stride, strict=True)
        )
        yield (..., p, q), (..., *window)


def _framed(x: Array, at: Geometry) -> Array:
    """The images in groups, with zeros around them as far as the padding goes."""
    images = np.zeros_like(x, shape=(*x.shape[:2], *at.padded))
    images[_inner(at)] = x
    return _grouped(images, 1, at)


def _inner(at: Geometry) -> tuple[Any, ...]:
    """Where the images lie in their frame."""
    sizes = zip(at.padding, at.image, strict=True)
    return (..., *(slice(before, before + size) for before, size in sizes))


def _grouped(x: Array, axis: int, at: Geometry) -> Array:
    """Parts an axis into (groups, the rest)."""
    parts = at.groups, x.shape[axis] // at.groups
    return x.reshape(*x.shape[:axis], *parts, *x.shape[axis + 1 :])


def _joined(x: Array, axis: int) -> Array:
    """Joins the groups at that axis again."""
    size = x.shape[axis] * x.shape[axis + 1]
    return x.reshape(*x.shape[:axis], size, *x.shape[axis + 2 :])
