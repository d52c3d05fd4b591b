"""Convolution as matrix products, fast: the three maps behind the layers for images.

A convolution with the kernel W is a linear map A of the image x. There is the map
itself, ``correlate``; its adjoint, ``correlate_transpose``, with which the gradient
goes back and a transposed convolution goes forward; and, as A x is linear in W too, the
gradient of W, ``correlate_kernel``. For any x and y

    <correlate(x, W), y> = <x, correlate_transpose(y, W)> = <W, correlate_kernel(x, y)>

The chapter on convolution shows each in three plain lines, and the tests hold these to
them. They are fast for two reasons. Shapes are (batch, channels, height, width), but in
memory the channels come last, so that a window's rows are runs of numbers to copy and
the product's result need not be turned. And some images at a time are copied into one
array of columns, about 1 MB, that stays in the cache until it is multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from d2lib.shared.windows import Geometry, Pair

__all__ = ["correlate", "correlate_kernel", "correlate_transpose"]

_BLOCK = 262_144  # numbers of columns at a time: 1 MB of float32
_FEW = 16  # numbers in a run; with shorter ones, copy a kernel's place after the other


def correlate(x: np.ndarray, W: np.ndarray, at: Geometry) -> np.ndarray:
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
        kernel = _as_columns(W_g)  # (kh kw channels, filters)
        pixels = _last(out_g)
        for part, columns in _blocks(x_g, at):
            block = pixels[part]
            if at.groups == 1:  # the block is one piece of memory
                np.matmul(columns, kernel, out=block.reshape(-1, len(W)))
            else:
                block[...] = (columns @ kernel).reshape(block.shape)
    return out


def correlate_kernel(x: np.ndarray, y: np.ndarray, at: Geometry) -> np.ndarray:
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
        total = np.zeros((channels * at.kernel[0] * at.kernel[1], len(W_g)), x.dtype)
        pixels = _last(y_g)
        for part, columns in _blocks(x_g, at):
            rows = pixels[part].reshape(-1, len(W_g))  # (windows, filters)
            total += columns.T @ rows
        W_g[...] = _as_kernel(total, W_g.shape)
    return W


def correlate_transpose(y: np.ndarray, W: np.ndarray, at: Geometry) -> np.ndarray:
    """The adjoint of ``correlate``: each number of y lays down its filter, weighted.

    Args:
        y: shape (batch, filters, height, width), as ``correlate`` returns it.
        W: shape (filters, channels / groups, height, width).
        at: how the kernel moved.

    Returns:
        Shape (batch, channels, height, width), with the channels last in memory.
    """
    few = W.shape[0] <= 2 * W.shape[1] * at.groups
    if (
        at.stride == (1, 1)
        and few
        and all(s > p for s, p in zip(at.span, at.padding, strict=True))
    ):
        return _by_flipped_kernel(y, W, at)
    channels = W.shape[1] * at.groups
    out = _empty_last(len(y), channels, at.image, y.dtype)
    (kh, kw), (sh, sw), (dh, dw) = at.kernel, at.stride, at.dilation
    (ph, pw), (h, w), (oh, ow) = at.padding, at.image, at.output
    for y_g, W_g, out_g in _groups(at.groups, (y, 1), (W, 0), (out, 1)):
        kernel = np.ascontiguousarray(_as_columns(W_g).T)  # (filters, kh kw channels)
        pixels, images = _last(y_g), _last(out_g)
        step = max(1, _BLOCK // max(1, kernel.shape[1] * oh * ow))
        padded = np.empty((step, *at.padded, W_g.shape[1]), y.dtype)
        for i in range(0, len(y), step):
            part = pixels[i : i + step]
            rows = part.reshape(-1, part.shape[3])  # (windows, filters)
            columns = (rows @ kernel).reshape(*part.shape[:3], kh, kw, -1)
            sums = padded[: len(part)]
            sums[...] = 0
            for a in range(kh):
                for b in range(kw):
                    top, left = a * dh, b * dw
                    sums[
                        :,
                        top : top + (oh - 1) * sh + 1 : sh,
                        left : left + (ow - 1) * sw + 1 : sw,
                    ] += columns[:, :, :, a, b]
            images[i : i + step] = sums[:, ph : ph + h, pw : pw + w]
    return out


def _by_flipped_kernel(y: np.ndarray, W: np.ndarray, at: Geometry) -> np.ndarray:
    """The adjoint at stride 1, as a correlation with the kernel turned by 180 degrees.

    The image's number at a place takes from y what the windows over it took there.
    """
    groups, (kh, kw) = at.groups, at.kernel
    filters, channels = len(W) // groups, W.shape[1]
    turned = W.reshape(groups, filters, channels, kh, kw).swapaxes(1, 2)
    turned = turned[..., ::-1, ::-1].reshape(groups * channels, filters, kh, kw)
    back = Geometry(
        at.output,
        at.kernel,
        padding=(at.span[0] - 1 - at.padding[0], at.span[1] - 1 - at.padding[1]),
        dilation=at.dilation,
        groups=groups,
    )
    return correlate(y, turned, back)


def _groups(groups: int, *arrays: tuple[np.ndarray, int]) -> Iterator[tuple]:
    """Cuts each array along its axis into groups; yields one part of each at a time."""
    if groups == 1:
        yield tuple(array for array, _ in arrays)
        return
    cut = [np.split(array, groups, axis) for array, axis in arrays]
    yield from zip(*cut, strict=True)


def _last(x: np.ndarray) -> np.ndarray:
    """A view with the channels last: (batch, height, width, channels)."""
    return x.transpose(0, 2, 3, 1)


def _empty_last(n: int, channels: int, size: Pair, dtype: np.dtype) -> np.ndarray:
    """Room for (batch, channels, height, width), with the channels last in memory."""
    return np.empty((n, *size, channels), dtype).transpose(0, 3, 1, 2)


def _as_columns(W: np.ndarray) -> np.ndarray:
    """A kernel as a matrix, in the order of the columns: (kh kw channels, filters)."""
    return W.transpose(2, 3, 1, 0).reshape(-1, len(W))


def _as_kernel(matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A matrix (kh kw channels, filters) as the kernel (filters, channels, kh, kw)."""
    filters, channels, kh, kw = shape
    return matrix.reshape(kh, kw, channels, filters).transpose(3, 2, 0, 1)


def _blocks(x: np.ndarray, at: Geometry) -> Iterator[tuple[slice, np.ndarray]]:
    """Copies the windows of some images at a time into the rows of a matrix.

    Yields:
        Which images, and a matrix (images oh ow, kh kw channels). The matrix is good
        until the next one.
    """
    n, channels = x.shape[:2]
    (kh, kw), (oh, ow), (ph, pw), (h, w) = at.kernel, at.output, at.padding, at.image
    (sh, sw), (dh, dw) = at.stride, at.dilation
    width = kh * kw * channels
    step = max(1, min(n, _BLOCK // (width * oh * ow)))
    images = _last(x)
    if (kh, kw) == (1, 1) and (ph, pw) == (0, 0):  # a window is a pixel
        for i in range(0, n, step):
            part = images[i : i + step, ::sh, ::sw]
            yield slice(i, i + step), part.reshape(-1, channels)
        return
    if padded := ph or pw:
        frame = np.zeros((step, h + 2 * ph, w + 2 * pw, channels), x.dtype)
    by_place = kw * channels < _FEW
    if by_place:
        buffer = np.empty((kh, kw, channels, step, oh, ow), x.dtype)
    else:
        buffer = np.empty((step, oh, ow, kh, kw, channels), x.dtype)
    for i in range(0, n, step):
        part = images[i : i + step]
        size = len(part)
        if padded:
            frame[:size, ph : ph + h, pw : pw + w] = part
            part = frame[:size]
        elif not by_place:
            part = np.ascontiguousarray(part)
        s_n, s_h, s_w, s_c = part.strides
        windows = np.lib.stride_tricks.as_strided(
            part,
            (size, oh, ow, kh, kw, channels),
            (s_n, s_h * sh, s_w * sw, s_h * dh, s_w * dw, s_c),
            writeable=False,
        )
        if by_place:
            columns = buffer[:, :, :, :size]
            columns[...] = windows.transpose(3, 4, 5, 0, 1, 2)
            matrix = columns.reshape(width, -1).T
        else:
            buffer[:size] = windows
            matrix = buffer[:size].reshape(-1, width)
        yield slice(i, i + size), matrix
