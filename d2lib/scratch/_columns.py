"""Convolution as matrix products, fast: the three maps behind the layers for images.

A convolution with the kernel W is a linear map A of the image x. There is the map
itself, ``correlate``; its adjoint, ``correlate_transpose``, with which the gradient
goes back and a transposed convolution goes forward; and, as A x is linear in W too, the
gradient of W, ``correlate_kernel``. For any x and y

    <correlate(x, W), y> = <x, correlate_transpose(y, W)> = <W, correlate_kernel(x, y)>

The chapter on convolution shows each in three plain lines, and the tests hold these to
them. What is not an array of NumPy's own takes the plain form of `_plain.py`.

They are fast for three reasons. Shapes are (batch, channels, height, width), but
in memory the channels come last, so that a window's rows are runs of numbers to copy
and the product's result need not be turned. Some images at a time are copied into one
array of columns, about 1 MB, that stays in the cache until it is multiplied. And each
thread takes a share of the images, copies and multiplies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from d2lib._types import Array, DType
from d2lib.scratch import _plain
from d2lib.scratch._parallel import (
    in_parallel,
    one_product_thread,
    products_in_parallel,
)
from d2lib.shared.windows import Geometry, Pair

__all__ = [
    "add_bias",
    "correlate",
    "correlate_kernel",
    "correlate_transpose",
    "sum_places",
]

_BLOCK = 262_144  # numbers of columns at a time: 1 MB of float32
_FEW = 16  # numbers in a run; with shorter ones, copy a kernel's place after the other


Map = TypeVar("Map", bound=Callable[..., Any])


def _or_plain(fast: Map) -> Map:
    """Lets arrays that are not NumPy's own take the plain form of the same name."""
    plain = getattr(_plain, fast.__name__)

    @wraps(fast)
    def either(array: Any, *others: Any) -> Any:
        return (fast if isinstance(array, np.ndarray) else plain)(array, *others)

    return cast("Map", either)


class Windows(NamedTuple):
    """Where windows lie over an image; each pair is (vertical, horizontal).

    Window (i, j) begins at row ``i * stride - before`` of the image. What lies outside
    of the image is zero.
    """

    kernel: Pair
    output: Pair  # how many windows
    stride: Pair
    dilation: Pair
    before: Pair


def windows_of(at: Geometry) -> Windows:
    """The windows of a convolution."""
    return Windows(at.kernel, at.output, at.stride, at.dilation, at.padding)


@_or_plain
def correlate(x: Array, W: Array, at: Geometry) -> Array:
    """The feature maps of x: each number is a window times a filter, summed.

    Args:
        x: shape (batch, channels, height, width).
        W: shape (filters, channels / groups, height, width).
        at: how the kernel moves.

    Returns:
        Shape (batch, filters, height, width), with the channels last in memory.
    """
    out = _empty_last(len(x), len(W), at.output, x.dtype)
    for x_g, W_g, out_g in _groups(at.groups, (x, 1), (W, 0), (out, 1)):
        _correlate(x_g, _as_columns(W_g), _last(out_g), windows_of(at))
    return out


def _correlate(x: Array, kernel: Array, out: Array, at: Windows) -> None:
    """Writes a group's maps into out, (batch, rows, columns, filters)."""

    def multiply(start: int, stop: int, _: int) -> None:
        maps = out[start:stop]
        for part, columns in _blocks(x[start:stop], at):
            block = maps[part]
            if block.flags.c_contiguous:
                np.matmul(columns, kernel, out=block.reshape(-1, kernel.shape[1]))
            else:  # between the numbers of others
                block[...] = (columns @ kernel).reshape(block.shape)

    products_in_parallel(multiply, len(x), _size(x, at))


@_or_plain
def correlate_kernel(x: Array, y: Array, at: Geometry) -> Array:
    """The gradient of the kernel: each window, weighted by y at its place, summed.

    Args:
        x: shape (batch, channels, height, width).
        y: shape (batch, filters, height, width), as ``correlate`` returns it.
        at: how the kernel moves.

    Returns:
        Shape (filters, channels / groups, height, width).
    """
    filters, channels = y.shape[1], x.shape[1] // at.groups
    W = np.empty((filters, channels, *at.kernel), x.dtype)
    for x_g, y_g, W_g in _groups(at.groups, (x, 1), (y, 1), (W, 0)):
        total = _correlate_kernel(x_g, _last(y_g), windows_of(at))
        W_g[...] = _as_kernel(total, W_g.shape)
    return W


def _correlate_kernel(x: Array, y: Array, at: Windows) -> Array:
    """The gradient of a group's kernel, shape (kh kw channels, filters)."""
    filters = y.shape[3]

    def part(start: int, stop: int) -> Array:
        total = np.zeros((math.prod(at.kernel) * x.shape[1], filters), x.dtype)
        maps = y[start:stop]
        for images, columns in _blocks(x[start:stop], at):
            rows = maps[images].reshape(-1, filters)  # (windows, filters)
            # By @ no other thread of Python could run meanwhile if the result is small.
            total += np.dot(columns.T, rows)
        return total

    return _summed(part, len(x), _size(x, at))


@_or_plain
def correlate_transpose(y: Array, W: Array, at: Geometry) -> Array:
    """The adjoint of ``correlate``: each number of y lays down its filter, weighted.

    Seen from the image, each of its numbers takes from y what the windows over it took
    there: a correlation with the kernel turned by 180 degrees. With a stride of 2, say,
    even columns of the image lie under other columns of the kernel than odd ones, and
    there is a correlation for each of the two. So it is with rows; but where that is
    cheaper, they are laid down as the definition says (`_lay_rows`).

    Args:
        y: shape (batch, filters, height, width), as ``correlate`` returns it.
        W: shape (filters, channels / groups, height, width).
        at: how the kernel moved.

    Returns:
        Shape (batch, channels, height, width), with the channels last in memory.
    """
    out = _empty_last(len(y), W.shape[1] * at.groups, at.image, y.dtype)
    downs = list(_phases(at, 0))
    # To take costs numbers of y to copy, to lay down costs numbers of the image to add.
    lay = out.shape[1] <= y.shape[1] and at.kernel[0] > at.stride[0]
    for y_g, W_g, out_g in _groups(at.groups, (y, 1), (W, 0), (out, 1)):
        if at.kernel == at.image == at.padded:  # one window, which is the image
            dense = y_g[:, :, 0, 0] @ _as_columns(W_g).T
            _last(out_g)[...] = dense.reshape(len(y), *at.image, -1)
            continue
        for across in _phases(at, 1):
            kernel = W_g[..., across.rows]
            pixels = _last(out_g)[:, :, across.image]
            write = _lay_rows if lay and across.rows else _take_rows
            write(y_g, kernel, pixels, downs, across)
    return out


class Phase(NamedTuple):
    """Rows (or columns) of the image that lie under the same rows of the kernel."""

    image: slice
    rows: list[int]  # of the kernel, from the last to the first
    starts: list[int]  # for each: on which of the phase's rows it lays y's first one
    dilation: int


def _phases(at: Geometry, axis: int) -> Iterator[Phase]:
    """How the rows (axis 0) or columns of an image take from y."""
    k, s, d = at.kernel[axis], at.stride[axis], at.dilation[axis]
    for first in range(min(s, at.image[axis])):
        place = first + at.padding[axis]
        # Row ``first`` takes, by row q of the kernel, from row (place - q d) / s of y.
        rows = [q for q in reversed(range(k)) if (place - q * d) % s == 0]
        starts = [(q * d - place) // s for q in rows]
        yield Phase(slice(first, None, s), rows, starts, d // math.gcd(s, d))


def _take_rows(
    y: Array, kernel: Array, out: Array, downs: list[Phase], across: Phase
) -> None:
    """Writes each phase of a group's image as the correlation that it is.

    Args:
        y: the maps, (batch, filters, height, width).
        kernel: the columns of ``across`` alone, (filters, channels, kh, columns).
        out: these columns of the image, (batch, height, columns, channels).
        downs: all rows of the image, by phases.
        across: which columns.
    """
    for down in downs:
        pixels = out[:, down.image]
        part = kernel[:, :, down.rows]
        if not part.size:
            pixels[...] = 0
            continue
        windows = Windows(
            (part.shape[2], part.shape[3]),
            (pixels.shape[1], pixels.shape[2]),
            (1, 1),
            (down.dilation, across.dilation),
            (down.starts[0], across.starts[0]),
        )
        _correlate(y, _as_columns(part.swapaxes(0, 1)), pixels, windows)


def _lay_rows(
    y: Array, kernel: Array, out: Array, downs: list[Phase], across: Phase
) -> None:
    """Writes all rows of a group's image: one product, whose rows are laid down.

    It correlates along the width alone, so that fewer numbers are copied into columns,
    with all rows of the kernel at once. What each row of y gives for each row of the
    kernel is added to the row of the image that lies there. The arguments are those of
    `_take_rows`.
    """
    channels, kh, kw = kernel.shape[1:]
    height, width = y.shape[2], out.shape[2]
    matrix = kernel.transpose(2, 1, 3, 0).reshape(kh * channels, -1)
    moves = (1, 1), (1, across.dilation), (0, across.starts[0])
    windows = Windows((1, kw), (height, width), *moves)

    def multiply(start: int, stop: int, _: int) -> None:
        for part, columns in _blocks(y[start:stop], windows):
            rows = (matrix @ columns.T).reshape(kh, channels, -1, height, width)
            for down in downs:
                pixels = out[start:stop][part, down.image]
                size = len(pixels), pixels.shape[1], width
                total = np.zeros((channels, *size), y.dtype)
                for q, first in zip(down.rows, down.starts, strict=True):
                    i, j = max(0, first), min(size[1], first + height)
                    if i < j:
                        total[:, :, i:j] += rows[q, :, :, i - first : j - first]
                pixels[...] = total.transpose(1, 2, 3, 0)

    products_in_parallel(multiply, len(y), _size(y, windows))


@_or_plain
def add_bias(y: Array, b: Array) -> None:
    """Adds to each channel of maps, as `correlate` returns them, its own number.

    Whole rows of pixels are long runs of numbers; a pixel alone is a short one.
    """
    n, channels, h, w = y.shape
    rows, row = _last(y).reshape(n, h, w * channels), np.tile(b, w)
    few = y.size // 8  # an addition is a small part of what a product takes
    in_parallel(lambda i, j, _: np.add(rows[i:j], row, out=rows[i:j]), n, few)


@_or_plain
def sum_places(g: Array) -> Array:
    """The sum of each channel, over images and places, as a product with ones."""
    rows = _last(g).reshape(-1, g.shape[1])
    with one_product_thread():
        total: Array = np.ones(len(rows), g.dtype) @ rows
    return total


def _summed(part: Callable[[int, int], Array], n: int, size: int) -> Array:
    """The sum of what ``part`` returns for each thread's share of ``range(n)``."""
    totals: dict[int, Array] = {}

    def work(start: int, stop: int, thread: int) -> None:
        totals[thread] = part(start, stop)

    products_in_parallel(work, n, size)
    first, *others = (totals[thread] for thread in sorted(totals))
    for total in others:
        first += total
    return first


def _groups(groups: int, *arrays: tuple[Array, int]) -> Iterator[tuple[Array, ...]]:
    """Cuts each array along its axis into groups; yields one part of each at a time."""
    if groups == 1:
        yield tuple(array for array, _ in arrays)
        return
    cut = [np.split(array, groups, axis) for array, axis in arrays]
    yield from zip(*cut, strict=True)


def _last(x: Array) -> Array:
    """A view with the channels last: (batch, height, width, channels)."""
    return x.transpose(0, 2, 3, 1)


def _empty_last(n: int, channels: int, size: Pair, dtype: DType) -> Array:
    """Room for (batch, channels, height, width), with the channels last in memory."""
    return np.empty((n, *size, channels), dtype).transpose(0, 3, 1, 2)


def _as_columns(W: Array) -> Array:
    """A kernel as a matrix, in the order of the columns: (kh kw channels, filters)."""
    return W.transpose(2, 3, 1, 0).reshape(-1, len(W))


def _as_kernel(matrix: Array, shape: tuple[int, ...]) -> Array:
    """A matrix (kh kw channels, filters) as the kernel (filters, channels, kh, kw)."""
    filters, channels, kh, kw = shape
    return matrix.reshape(kh, kw, channels, filters).transpose(3, 2, 0, 1)


def _size(x: Array, at: Windows) -> int:
    """How many numbers the columns of some images have."""
    return len(x) * x.shape[1] * math.prod(at.kernel) * math.prod(at.output)


def _blocks(x: Array, at: Windows) -> Iterator[tuple[slice, Array]]:
    """Copies the windows of some images at a time into the rows of a matrix.

    Yields:
        Which images, and a matrix (images oh ow, kh kw channels). The matrix is good
        until the next one.
    """
    n, channels = x.shape[:2]
    (kh, kw), (oh, ow) = at.kernel, at.output
    (sh, sw), (dh, dw) = at.stride, at.dilation
    width = kh * kw * channels
    step = max(1, min(n, _BLOCK // (width * oh * ow)))
    down, across = (_seen(x.shape[2 + axis], at, axis) for axis in (0, 1))
    images = _last(x)[:, down.image, across.image]
    if (kh, kw) == (1, 1) and not (down.padded or across.padded):  # a pixel each
        for i in range(0, n, step):
            part = images[i : i + step, ::sh, ::sw]
            yield slice(i, i + step), part.reshape(-1, channels)
        return
    by_place = kw * channels < _FEW
    if by_place:
        buffer = np.empty((kh, kw, channels, step, oh, ow), x.dtype)
    else:
        buffer = np.empty((step, oh, ow, kh, kw, channels), x.dtype)
    source = images
    framed = down.padded or across.padded or not (by_place or images.flags.c_contiguous)
    if framed:  # some images at a time, with zeros around them
        source = np.zeros((step, down.size, across.size, channels), x.dtype)
        inner = source[:, down.frame, across.frame]
    s_n, s_h, s_w, s_c = source.strides
    windows = np.lib.stride_tricks.as_strided(
        source,
        (len(source), oh, ow, kh, kw, channels),
        (s_n, s_h * sh, s_w * sw, s_h * dh, s_w * dw, s_c),
        writeable=False,
    )
    for i in range(0, n, step):
        size = min(step, n - i)
        if framed:
            inner[:size] = images[i : i + size]
            seen = windows[:size]
        else:
            seen = windows[i : i + size]
        if by_place:
            columns = buffer[:, :, :, :size]
            columns[...] = seen.transpose(3, 4, 5, 0, 1, 2)
            matrix = columns.reshape(width, -1).T
        else:
            buffer[:size] = seen
            matrix = buffer[:size].reshape(-1, width)
        yield slice(i, i + size), matrix


class Seen(NamedTuple):
    """Which rows (or columns) all windows see together, and where the image lies."""

    size: int
    image: slice  # of the image, what is seen
    frame: slice  # where that lies among all that is seen
    padded: bool  # whether there is anything else


def _seen(length: int, at: Windows, axis: int) -> Seen:
    """What the windows see of an image of that height (axis 0) or width."""
    before = at.before[axis]
    size = (at.output[axis] - 1) * at.stride[axis]
    size += (at.kernel[axis] - 1) * at.dilation[axis] + 1
    start, stop = max(0, -before), max(0, min(length, size - before))
    start = min(start, stop)
    frame = slice(start + before, stop + before)
    return Seen(size, slice(start, stop), frame, stop - start < size)
