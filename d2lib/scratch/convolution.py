r"""Layers for images: one small filter looks at every place with the same weights.

Images are (batch, channels, height, width). A convolution with given weights is a
linear map, :math:`y = A x`. Its gradient goes back by the adjoint,
:math:`\partial J/\partial x = A^\top \partial J/\partial y`, and the adjoint going
*forward* is the transposed convolution. Pooling, but for the maximum, and upsampling
are linear maps, too, and each has its adjoint beside it.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from d2lib._checks import (
    check_bias,
    check_choice,
    check_enlarged,
    check_examples,
    check_flag,
    check_groups,
    check_images,
    check_kernel,
    check_numbers,
    check_pair,
    check_pointwise,
    check_pooling,
    check_positive_int,
    check_transposed_kernel,
)
from d2lib._types import Array
from d2lib.scratch._columns import (
    add_bias,
    correlate,
    correlate_kernel,
    correlate_transpose,
    sum_places,
)
from d2lib.scratch._parallel import in_parallel
from d2lib.scratch.activations import activation_named
from d2lib.scratch.initializers import initialize
from d2lib.scratch.module import Module
from d2lib.scratch.tensor import Tensor, as_tensor, node, tensor
from d2lib.shared.resampling import interpolation
from d2lib.shared.windows import Geometry

__all__ = [
    "AvgPool2D",
    "Conv2D",
    "ConvTranspose2D",
    "Flatten",
    "GlobalAvgPool2D",
    "MaxPool2D",
    "conv2d",
    "conv_transpose2d",
    "upsample",
]

Size = int | tuple[int, int]


def conv2d(
    x: Any,
    W: Any,
    b: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    r"""Slides filters over images: each output is a window times a filter, summed.

    .. math:: y_{f,i,j} = b_f + \sum_{c,p,q} W_{f,c,p,q}\, x_{c,\, i s + p,\, j s + q}

    As in every library for networks this is a cross-correlation: the filter is not
    turned round, as the convolution of mathematics does.

    Args:
        x: images, shape (batch, channels, height, width).
        W: filters, shape (filters, channels / groups, kernel height, kernel width).
        b: one number for each filter, shape (filters,), or None.
        stride: s, how far the window moves: a whole number, or a pair (vertical,
            horizontal), as the next two.
        padding: rows and columns of zeros put around the image.
        dilation: the distance of neighbouring weights.
        groups: into how many groups the channels are divided; each filter sees one.

    Returns:
        Feature maps, shape (batch, filters, rows, columns), where ``rows`` is
        ``(height + 2 * padding - dilation * (kernel height - 1) - 1) // stride + 1``.

    Raises:
        ValueError: shapes that do not go together, groups that do not divide the
            channels, a kernel larger than the padded image.
        TypeError: an argument of a wrong type, such as images of whole numbers.

    Example:
        >>> x = np.arange(9.0, dtype=np.float32).reshape(1, 1, 3, 3)
        >>> conv2d(x, np.ones((1, 1, 2, 2), np.float32)).data[0, 0]
        array([[ 8., 12.],
               [20., 24.]], dtype=float32)

    Source: Fukushima, 1980; LeCun et al., 1989.
    """
    x = as_tensor(x)
    W = as_tensor(W, x.dtype, "W")
    check_images(x.shape, None, "conv2d")
    check_kernel(W.shape, x.shape, groups, "conv2d")
    sizes = x.shape, W.shape[2:]
    at = Geometry.of(*sizes, stride, padding, dilation, groups)
    y = correlate(x.data, W.data, at)
    if b is not None:
        b = as_tensor(b, x.dtype, "b")
        check_bias(b.shape, len(W), "conv2d")
        add_bias(y, b.data)

    def backward(g: Array) -> tuple[Any, ...]:
        dx = correlate_transpose(g, W.data, at) if x.requires_grad else None
        dW = correlate_kernel(x.data, g, at) if W.requires_grad else None
        return (dx, dW) if b is None else (dx, dW, sum_places(g))

    return node("conv2d", y, (x, W) if b is None else (x, W, b), backward)


def conv_transpose2d(
    x: Any,
    W: Any,
    b: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    r"""Makes images larger: each number lays down a whole filter, weighted by itself.

    .. math:: y = A^\top x, \qquad \text{where } A
              \text{ is `conv2d` with the same } W

    so that :math:`\langle A u, x \rangle = \langle u, A^\top x \rangle`. It undoes the
    *shape* of a convolution, not the convolution.

    Args:
        x: shape (batch, channels, height, width).
        W: shape (channels, filters / groups, kernel height, kernel width): the shape
            that W has in the convolution which leads back.
        b: one number for each filter, shape (filters,), or None.
        stride: how far apart neighbouring numbers lay down their filters: a whole
            number, or a pair (vertical, horizontal), as the next two.
        padding: rows and columns cut off at each edge of the result.
        dilation: the distance of neighbouring weights.
        groups: into how many groups the channels are divided.

    Returns:
        Shape (batch, filters, rows, columns), where ``rows`` is
        ``(height - 1) * stride + dilation * (kernel height - 1) + 1 - 2 * padding``.

    Raises:
        ValueError: shapes that do not go together, groups that do not divide the
            channels, or so much padding that nothing is left.
        TypeError: an argument of a wrong type, such as images of whole numbers.

    Example:
        >>> x = np.float32([[[[1, 2]]]])
        >>> conv_transpose2d(x, np.ones((1, 1, 1, 2), np.float32)).data[0, 0]
        array([[1., 3., 2.]], dtype=float32)

    Source: Zeiler et al., 2010; Dumoulin & Visin, 2016.
    """
    x = as_tensor(x)
    W = as_tensor(W, x.dtype, "W")
    check_images(x.shape, None, "conv_transpose2d")
    check_transposed_kernel(W.shape, x.shape, groups, "conv_transpose2d")
    filters = W.shape[1] * groups
    sizes = x.shape, filters, W.shape[2:]
    at = Geometry.enlarging(*sizes, stride, padding, dilation, groups)
    y = correlate_transpose(x.data, W.data, at)
    if b is not None:
        b = as_tensor(b, x.dtype, "b")
        check_bias(b.shape, y.shape[1], "conv_transpose2d")
        add_bias(y, b.data)

    def backward(g: Array) -> tuple[Any, ...]:
        dx = correlate(g, W.data, at) if x.requires_grad else None
        dW = correlate_kernel(g, x.data, at) if W.requires_grad else None
        return (dx, dW) if b is None else (dx, dW, sum_places(g))

    return node("conv_transpose2d", y, (x, W) if b is None else (x, W, b), backward)


class Filters2D(Module):
    """What the two layers of filters share: their sizes, how they move, and weights."""

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        activation: str | None = None,
        initializer: str | None = None,
        bias: bool = True,
        seed: Any = None,
    ) -> None:
        self.channels = check_positive_int(channels, "channels")
        self.filters = check_positive_int(filters, "filters")
        self.kernel_size = check_pair(kernel_size, "kernel_size")
        self.stride = check_pair(stride, "stride")
        self.padding = check_pair(padding, "padding", least=0)
        self.dilation = check_pair(dilation, "dilation")
        self.groups = check_groups(self.channels, self.filters, groups)
        places = self.kernel_size[0] * self.kernel_size[1]
        check_numbers(
            channels=self.channels // self.groups,
            filters=self.filters,
            kernel_size=places,
        )
        self.activation = check_pointwise(activation)
        self.g = activation_named(activation)
        scheme = initializer
        if scheme is None:
            scheme = "he" if activation == "relu" else "xavier"
        shape = (*self._axes(), *self.kernel_size)
        self.W = tensor(initialize(shape, scheme, seed), requires_grad=True)
        self.b = (
            tensor(np.zeros(self.filters, np.float32), requires_grad=True)
            if check_flag(bias, "bias")
            else None
        )

    def _axes(self) -> tuple[int, int]:
        """The first two axes of W."""
        raise NotImplementedError(f"{type(self).__name__} must define _axes")


class Conv2D(Filters2D):
    r"""A layer of filters, each of which looks for its pattern at every place.

    .. math:: y = g\big(\text{conv2d}(x, W) + b\big)

    Args:
        channels: how many channels the images have.
        filters: how many feature maps it makes: the depth of its output.
        kernel_size: height and width of a filter: a whole number, or a pair, as the
            next three.
        stride: how far the window moves.
        padding: rows and columns of zeros put around the image.
        dilation: the distance of neighbouring weights.
        groups: into how many groups the channels are divided; each filter sees one.
        activation: g: None, "sigmoid", "tanh" or "relu".
        initializer: a scheme of `initialize` for W; None takes "he" before a ReLU and
            "xavier" otherwise. The bias starts at zero.
        bias: whether there is a bias.
        seed: an int or a ``numpy.random.Generator``.

    Attributes:
        W: the filters, shape (filters, channels / groups, height, width).
        b: one bias for each filter, shape (filters,), or None.

    Raises:
        ValueError: sizes < 1, an unknown activation or scheme, or (when called) images
            of another shape or smaller than the kernel.
        TypeError: an argument of a wrong type.

    Example:
        >>> layer = Conv2D(3, 8, 5, padding=2, activation="relu", seed=0)
        >>> layer(np.zeros((4, 3, 28, 28), np.float32)).shape
        (4, 8, 28, 28)

    Source: Fukushima, 1980; LeCun et al., 1989.
    """

    def _axes(self) -> tuple[int, int]:
        """The first two axes of W."""
        return self.filters, self.channels // self.groups

    def forward(self, x: Any) -> Tensor:
        """Maps (batch, channels, height, width) to (batch, filters, rows, columns)."""
        x = as_tensor(x, self.W.dtype)
        check_images(x.shape, self.channels, "Conv2D")
        moves = self.stride, self.padding, self.dilation, self.groups
        return self.g(conv2d(x, self.W, self.b, *moves))


class ConvTranspose2D(Filters2D):
    r"""A layer that makes images larger, with filters it has learnt.

    .. math:: y = g\big(\text{conv\_transpose2d}(x, W) + b\big)

    Args:
        channels: how many channels its input has.
        filters: how many its output has.
        kernel_size: height and width of a filter: a whole number, or a pair, as the
            next three.
        stride: how far apart neighbouring numbers lay down their filters.
        padding: rows and columns cut off at each edge of the result.
        dilation: the distance of neighbouring weights.
        groups: into how many groups the channels are divided.
        activation: g: None, "sigmoid", "tanh" or "relu".
        initializer: a scheme of `initialize` for W; None takes "he" before a ReLU and
            "xavier" otherwise. The bias starts at zero.
        bias: whether there is a bias.
        seed: an int or a ``numpy.random.Generator``.

    Attributes:
        W: the filters, shape (channels, filters / groups, height, width).
        b: one bias for each filter, shape (filters,), or None.

    Raises:
        ValueError: sizes < 1, an unknown activation or scheme, or (when called) an
            input of another shape.
        TypeError: an argument of a wrong type.

    Example:
        >>> layer = ConvTranspose2D(8, 3, 4, stride=2, padding=1, seed=0)
        >>> layer(np.zeros((4, 8, 14, 14), np.float32)).shape
        (4, 3, 28, 28)

    Source: Zeiler et al., 2010.
    """

    def _axes(self) -> tuple[int, int]:
        """The first two axes of W."""
        return self.channels, self.filters // self.groups

    def forward(self, x: Any) -> Tensor:
        """Maps (batch, channels, height, width) to (batch, filters, rows, columns)."""
        x = as_tensor(x, self.W.dtype)
        check_images(x.shape, self.channels, "ConvTranspose2D")
        moves = self.stride, self.padding, self.dilation, self.groups
        return self.g(conv_transpose2d(x, self.W, self.b, *moves))


class Pool2D(Module):
    """What the pooling layers share: a window that moves, and is reduced to a number.

    Inside, the window's places are gone through one after the other, each for all
    windows at once: a place is a view of the image, (batch, channels, rows, columns).
    """

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0
    ) -> None:
        self.kernel_size = check_pair(kernel_size, "kernel_size")
        self.stride = (
            self.kernel_size if stride is None else check_pair(stride, "stride")
        )
        self.padding = check_pair(padding, "padding", least=0)
        check_pooling(self.kernel_size, self.padding)

    def forward(self, x: Any) -> Tensor:
        """Maps (batch, channels, height, width) to (batch, channels, rows, columns)."""
        x = as_tensor(x)
        name = type(self).__name__
        check_images(x.shape, None, name)
        at = Geometry.of(
            x.shape, self.kernel_size, self.stride, self.padding, what=name
        )
        return self._reduce(x, at)

    def _reduce(self, x: Tensor, at: Geometry) -> Tensor:
        """Reduces each window of x to a number."""
        raise NotImplementedError(f"{type(self).__name__} must define _reduce")


class MaxPool2D(Pool2D):
    r"""Keeps the largest number of each window: that something is there, not where.

    .. math:: y_{c,i,j} = \max_{p,q}\, x_{c,\, i s + p,\, j s + q}

    The gradient goes to the place that the number came from; of equal numbers, to the
    first, from left to right and from top to bottom.

    Args:
        kernel_size: height and width of the window: a whole number, or a pair, as the
            next two.
        stride: how far the window moves; None moves it by its own size.
        padding: rows and columns put around the image, at most half the window. They
            are never the largest.

    Raises:
        ValueError: sizes < 1, too much padding, or (when called) images of another
            shape or smaller than the window.
        TypeError: an argument of a wrong type.

    Example:
        >>> x = np.float32([[[[1, 3], [2, 0]]]])
        >>> MaxPool2D(2)(x).item()
        3.0

    Source: Yamaguchi et al., 1990.
    """

    def _reduce(self, x: Tensor, at: Geometry) -> Tensor:
        if at.kernel == at.stride == (2, 2) and at.padding == (0, 0):
            return _half(x)
        image = _framed(x.data, at, -np.inf)
        places = list(_places(at))
        y = image[places[0]].copy(order="K")
        winner = np.zeros_like(y, np.uint8 if len(places) < 256 else np.intp)
        for k, place in enumerate(places[1:], start=1):
            rival = image[place]
            # Later places have larger numbers k, so the largest k that won is the last.
            np.maximum(winner, (rival > y) * winner.dtype.type(k), out=winner)
            np.maximum(y, rival, out=y)

        def backward(g: Array) -> tuple[Any, ...]:
            dx = np.zeros_like(image)
            for k, place in enumerate(places):
                dx[place] += g * (winner == k)
            return (_unframed(dx, at),)

        return node("max_pool2d", y, (x,), backward)


def _half(x: Tensor) -> Tensor:
    """The largest of each 2 x 2, twice as fast: of two rows first, of two columns then.

    Whole rows are long runs of numbers, and it is the second maximum, of half as many,
    that must pick them one by one.
    """
    rows, columns = x.shape[2] // 2, x.shape[3] // 2
    image = x.data[:, :, : 2 * rows, : 2 * columns]
    top, bottom = image[:, :, ::2], image[:, :, 1::2]
    lower, row = np.empty_like(top, bool), np.empty_like(top)
    left, right = row[..., ::2], row[..., 1::2]
    later, y = np.empty_like(left, bool), np.empty_like(left)

    def forward(i: int, j: int, _: int) -> None:
        np.greater(bottom[i:j], top[i:j], out=lower[i:j])
        np.maximum(top[i:j], bottom[i:j], out=row[i:j])
        np.greater(right[i:j], left[i:j], out=later[i:j])
        equal = right[i:j] == left[i:j]
        if equal.any():  # the upper one comes first, though it may be the right one
            equal &= lower[i:j, ..., ::2] > lower[i:j, ..., 1::2]
            later[i:j] |= equal
        np.maximum(left[i:j], right[i:j], out=y[i:j])

    in_parallel(forward, len(y), image.size)

    def backward(g: Array) -> tuple[Any, ...]:
        drow = np.empty_like(row)
        dx = np.zeros_like(x.data) if image.shape != x.shape else np.empty_like(x.data)
        inner = dx[:, :, : 2 * rows, : 2 * columns]

        def back(i: int, j: int, _: int) -> None:
            drow[i:j, ..., 1::2] = moved = g[i:j] * later[i:j]
            np.subtract(g[i:j], moved, out=drow[i:j, ..., ::2])
            inner[i:j, :, 1::2] = moved = drow[i:j] * lower[i:j]
            np.subtract(drow[i:j], moved, out=inner[i:j, :, ::2])

        in_parallel(back, len(g), image.size)
        return (dx,)

    return node("max_pool2d", y, (x,), backward)


class AvgPool2D(Pool2D):
    r"""Takes the mean of each window.

    .. math:: y_{c,i,j} = \frac{1}{k^2} \sum_{p,q} x_{c,\, i s + p,\, j s + q}

    Args:
        kernel_size: height and width of the window: a whole number, or a pair, as the
            next two.
        stride: how far the window moves; None moves it by its own size.
        padding: rows and columns of zeros put around the image, at most half the
            window. They count: each mean is over the whole window.

    Raises:
        ValueError: sizes < 1, too much padding, or (when called) images of another
            shape or smaller than the window.
        TypeError: an argument of a wrong type.

    Example:
        >>> x = np.float32([[[[1, 3], [2, 0]]]])
        >>> AvgPool2D(2)(x).item()
        1.5

    Source: LeCun et al., 1989.
    """

    def _reduce(self, x: Tensor, at: Geometry) -> Tensor:
        image = _framed(x.data, at, 0)
        places = list(_places(at))
        share = x.dtype.type(1 / len(places))
        y = sum((image[place] for place in places[1:]), start=image[places[0]]) * share

        def backward(g: Array) -> tuple[Any, ...]:
            dx = np.zeros_like(image)
            part = g * share
            for place in places:
                dx[place] += part
            return (_unframed(dx, at),)

        return node("avg_pool2d", y, (x,), backward)


class GlobalAvgPool2D(Module):
    r"""Takes the mean of each feature map: how much of a pattern there is, anywhere.

    .. math:: y_c = \frac{1}{HW} \sum_{i,j} x_{c,i,j}

    Raises:
        ValueError: (when called) images of another shape.

    Example:
        >>> GlobalAvgPool2D()(np.ones((4, 8, 5, 5), np.float32)).shape
        (4, 8)

    Source: Lin, Chen & Yan, 2014.
    """

    def forward(self, x: Any) -> Tensor:
        """Maps (batch, channels, height, width) to (batch, channels)."""
        x = as_tensor(x)
        check_images(x.shape, None, "GlobalAvgPool2D")
        mean: Tensor = x.sum(axis=(2, 3)) * (1 / (x.shape[2] * x.shape[3]))
        return mean


class Flatten(Module):
    """Lays the numbers of each example in one row, for the dense layer behind.

    Raises:
        ValueError: (when called) an x without an axis for the batch.

    Example:
        >>> Flatten()(np.zeros((4, 8, 5, 5), np.float32)).shape
        (4, 200)
    """

    def forward(self, x: Any) -> Tensor:
        """Maps (batch, ...) to (batch, numbers), the last axis running fastest."""
        x = as_tensor(x)
        check_examples(x.shape, "Flatten")
        rows: Tensor = x.reshape(len(x), math.prod(x.shape[1:]))
        return rows


def upsample(x: Any, scale: int = 2, mode: str = "bilinear") -> Tensor:
    r"""Makes images larger without learning anything, by reading between the pixels.

    .. math:: Y = A_h X A_w^\top, \qquad
              \frac{\partial J}{\partial X}
              = A_h^\top \frac{\partial J}{\partial Y} A_w

    Each row of A holds the weights with which one new pixel mixes the old ones.

    Args:
        x: shape (batch, channels, height, width).
        scale: how many times as high and as wide.
        mode: "bilinear" mixes the nearest two pixels in each direction, "nearest"
            repeats the nearest one. A pixel's place is the middle of its square.

    Returns:
        Shape (batch, channels, scale * height, scale * width).

    Raises:
        ValueError: another shape, a scale < 1, or an unknown mode.
        TypeError: an argument of a wrong type, such as images of whole numbers.

    Example:
        >>> upsample(np.float32([[[[0, 4]]]]), mode="bilinear").data[0, 0, 0]
        array([0., 1., 3., 4.], dtype=float32)
    """
    x = as_tensor(x)
    check_images(x.shape, None, "upsample")
    scale = check_positive_int(scale, "scale")
    check_choice(mode, ("bilinear", "nearest"), "mode")
    n, channels, h, w = x.shape
    made = n, channels, scale * h, scale * w
    check_enlarged(made, (h, w), "upsample", "scale")
    A_h, A_w = (
        np.asarray(interpolation(size, scale, mode), x.dtype, like=x.data)
        for size in (h, w)
    )
    y = _resampled(x.data, A_h, A_w)
    return node("upsample", y, (x,), lambda g: (_resampled(g, A_h.T, A_w.T),))


def _resampled(x: Array, A_h: Array, A_w: Array) -> Array:
    """Multiplies the rows and the columns of images by a matrix each."""
    n, channels, h, w = x.shape
    rows = x.transpose(0, 2, 3, 1).reshape(n, h, w * channels)
    tall = A_h @ rows  # (n, new h, w channels)
    wide = A_w @ tall.reshape(n, len(A_h), w, channels)  # (n, new h, new w, channels)
    y: Array = wide.transpose(0, 3, 1, 2)
    return y


def _places(at: Geometry) -> Any:
    """For each place in the window, where its numbers are, for all windows at once."""
    (kh, kw), (sh, sw), (rows, columns) = at.kernel, at.stride, at.output
    for p, q in itertools.product(range(kh), range(kw)):
        yield (
            ...,
            slice(p, p + (rows - 1) * sh + 1, sh),
            slice(q, q + (columns - 1) * sw + 1, sw),
        )


def _framed(x: Array, at: Geometry, value: float) -> Array:
    """The images with ``value`` around them, as far as the padding goes."""
    (ph, pw), (h, w) = at.padding, at.image
    if not (ph or pw):
        return x
    last = np.full_like(x, value, shape=(len(x), *at.padded, x.shape[1]), order="C")
    framed = last.transpose(0, 3, 1, 2)
    framed[:, :, ph : ph + h, pw : pw + w] = x
    return framed


def _unframed(x: Array, at: Geometry) -> Array:
    """The images without their padding."""
    (ph, pw), (h, w) = at.padding, at.image
    return x[:, :, ph : ph + h, pw : pw + w]
