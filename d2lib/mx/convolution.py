"""MXNet's layers for images under the NumPy twin's names.

`d2lib.scratch.convolution` derives them. Images are (batch, channels, height, width).
"""

from __future__ import annotations

import math
from typing import Any

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
from d2lib.mx._compat import gluon, mx, np, npx
from d2lib.mx.initializers import Initializer
from d2lib.mx.layers import NAMES, activated, bias_alone, prepare
from d2lib.mx.module import Layer
from d2lib.mx.tensor import Tensor, as_tensor
from d2lib.shared.windows import Geometry, Pair

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
    """Slides filters over images, by ``npx.convolution``.

    Args:
        x: images, shape (batch, channels, height, width).
        W: filters, shape (filters, channels / groups, kernel height, kernel width).
        b: one number for each filter, shape (filters,), or None.
        stride: how far the window moves: a whole number, or a pair (vertical,
            horizontal), as the next two.
        padding: rows and columns of zeros put around the image.
        dilation: the distance of neighbouring weights.
        groups: into how many groups the channels are divided; each filter sees one.

    Raises:
        ValueError: shapes that do not go together, groups that do not divide the
            channels, a kernel larger than the padded image.
        TypeError: an argument of a wrong type, such as images of whole numbers.

    Example:
        >>> conv2d([[[[0.0, 1.0, 2.0]]]], [[[[1.0, 1.0]]]])
        array([[[[1., 3.]]]])
    """
    x = as_tensor(x)
    W = as_tensor(W, x.dtype, "W")
    check_images(x.shape, None, "conv2d")
    check_kernel(W.shape, x.shape, groups, "conv2d")
    sizes = x.shape, W.shape[2:]
    at = Geometry.of(*sizes, stride, padding, dilation, groups)
    if b is not None:
        b = as_tensor(b, x.dtype, "b")
        check_bias(b.shape, len(W), "conv2d")
    if not x.size:
        return np.zeros((len(x), len(W), *at.output), dtype=x.dtype, ctx=x.ctx)
    return npx.convolution(
        x, W, b, num_filter=len(W), no_bias=b is None, **of_operator(at)
    )


def conv_transpose2d(
    x: Any,
    W: Any,
    b: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """The adjoint of `conv2d` going forward, by ``npx.deconvolution``.

    Args:
        x: shape (batch, channels, height, width).
        W: shape (channels, filters / groups, kernel height, kernel width).
        b: one number for each filter, shape (filters,), or None.
        stride: how far apart neighbouring numbers lay down their filters: a whole
            number, or a pair (vertical, horizontal), as the next two.
        padding: rows and columns cut off at each edge of the result.
        dilation: the distance of neighbouring weights.
        groups: into how many groups the channels are divided.

    Raises:
        ValueError: shapes that do not go together, groups that do not divide the
            channels, or so much padding that nothing is left.
        TypeError: an argument of a wrong type, such as images of whole numbers.

    Example:
        >>> conv_transpose2d([[[[1.0, 2.0]]]], [[[[1.0, 1.0]]]])
        array([[[[1., 3., 2.]]]])
    """
    x = as_tensor(x)
    W = as_tensor(W, x.dtype, "W")
    check_images(x.shape, None, "conv_transpose2d")
    check_transposed_kernel(W.shape, x.shape, groups, "conv_transpose2d")
    filters = W.shape[1] * groups
    sizes = x.shape, filters, W.shape[2:]
    at = Geometry.enlarging(*sizes, stride, padding, dilation, groups)
    if b is not None:
        b = as_tensor(b, x.dtype, "b")
        check_bias(b.shape, filters, "conv_transpose2d")
    if not x.size:
        return np.zeros((len(x), filters, *at.image), dtype=x.dtype, ctx=x.ctx)
    how = of_operator(at)
    if are_tangled(at.stride, at.dilation):
        W = spread(mx.nd, W, W.shape, at.dilation)
        how |= {"kernel": at.span, "dilate": (1, 1)}
    return npx.deconvolution(x, W, b, num_filter=filters, no_bias=b is None, **how)


def of_operator(at: Geometry) -> dict[str, Any]:
    """How a kernel moves, as the arguments of MXNet's operators."""
    return {
        "kernel": at.kernel,
        "stride": at.stride,
        "pad": at.padding,
        "dilate": at.dilation,
        "num_group": at.groups,
    }


def are_tangled(stride: Pair, dilation: Pair) -> bool:
    """Whether MXNet's deconvolution is wrong: in float64, if there are both.

    (Of float32 another library, oneDNN, takes care.)
    """
    return any(s > 1 < d for s, d in zip(stride, dilation, strict=True))


def spread(F: Any, W: Any, shape: tuple[int, ...], dilation: Pair) -> Any:
    """The kernel with zeros between its weights, which needs no dilation any more.

    A transposed convolution with one weight, a 1, lays them down so.
    """
    channels, filters, kh, kw = shape
    one = F.np.max(F.np.ones_like(W))  # on W's device, in W's precision
    far = F.npx.deconvolution(
        F.np.reshape(W, (-1, 1, kh, kw)),
        F.np.reshape(one, (1, 1, 1, 1)),
        kernel=(1, 1),
        stride=dilation,
        num_filter=1,
        no_bias=True,
    )
    size = (kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1
    return F.np.reshape(far, (channels, filters, *size))


class Filters2D(Layer):
    """What the two layers of filters share: their sizes, how they move, and weights."""

    _names = NAMES
    _gluon: Any  # Gluon's layer

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
        scheme = initializer
        if scheme is None:
            scheme = "he" if activation == "relu" else "xavier"
        self._gluon.__init__(
            self,
            self.filters,
            self.kernel_size,
            self.stride,
            self.padding,
            dilation=self.dilation,
            groups=self.groups,
            use_bias=check_flag(bias, "bias"),
            weight_initializer=Initializer(scheme, seed),
            in_channels=self.channels,
        )
        prepare(self)

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        """Maps (batch, channels, height, width) to (batch, filters, rows, columns)."""
        return filtered(self, F, self._gluon, x, weight, bias)

    def _mode(self) -> Any:
        """A frozen weight beside a bias that is trained leads to another graph."""
        return self.training, bias_alone(self.weight, self.bias)


class Conv2D(Filters2D, gluon.nn.Conv2D):
    """``gluon.nn.Conv2D``: filters that look for their pattern at every place.

    Args:
        channels: how many channels the images have.
        filters: how many feature maps it makes.
        kernel_size: height and width of a filter: a whole number, or a pair, as the
            next three.
        stride: how far the window moves.
        padding: rows and columns of zeros put around the image.
        dilation: the distance of neighbouring weights.
        groups: into how many groups the channels are divided; each filter sees one.
        activation: None, "sigmoid", "tanh" or "relu".
        initializer: a scheme of `initialize`; None takes "he" before a ReLU and
            "xavier" otherwise. The bias starts at zero.
        bias: whether there is a bias.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: sizes < 1, an unknown activation or scheme, or (when called) images
            of another shape or smaller than the kernel.
        TypeError: an argument of a wrong type.

    Example:
        >>> layer = Conv2D(3, 8, 5, padding=2, activation="relu", seed=0)
        >>> layer(np.zeros((4, 3, 28, 28))).shape
        (4, 8, 28, 28)
        >>> layer.state()["W"].shape
        (8, 3, 5, 5)
    """

    _gluon = gluon.nn.Conv2D

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Checks the channels, and that the kernel fits."""
        check_images(shape, self.channels, "Conv2D")
        moves = self.stride, self.padding, self.dilation, self.groups
        at = Geometry.of(shape, self.kernel_size, *moves)
        return (shape[0], self.filters, *at.output)


class ConvTranspose2D(Filters2D, gluon.nn.Conv2DTranspose):
    """``gluon.nn.Conv2DTranspose``: makes images larger, with filters it has learnt.

    Args:
        channels: how many channels its input has.
        filters: how many its output has.
        kernel_size: height and width of a filter: a whole number, or a pair, as the
            next three.
        stride: how far apart neighbouring numbers lay down their filters.
        padding: rows and columns cut off at each edge of the result.
        dilation: the distance of neighbouring weights.
        groups: into how many groups the channels are divided.
        activation: None, "sigmoid", "tanh" or "relu".
        initializer: a scheme of `initialize`; None takes "he" before a ReLU and
            "xavier" otherwise. The bias starts at zero.
        bias: whether there is a bias.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: sizes < 1, an unknown activation or scheme, or (when called) an
            input of another shape.
        TypeError: an argument of a wrong type.

    Example:
        >>> layer = ConvTranspose2D(8, 3, 4, stride=2, padding=1, seed=0)
        >>> layer(np.zeros((4, 8, 14, 14))).shape
        (4, 3, 28, 28)
    """

    _gluon = gluon.nn.Conv2DTranspose

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        """Maps (batch, channels, height, width) to (batch, filters, rows, columns)."""
        if are_tangled(self.stride, self.dilation):
            weight = spread(F, weight, self.weight.shape, self.dilation)
            pairs = zip(self.kernel_size, self.dilation, strict=True)
            span = tuple((k - 1) * d + 1 for k, d in pairs)
            self._kwargs |= {"kernel": span, "dilate": (1, 1)}
        return super().hybrid_forward(F, x, weight, bias)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Checks the channels, and that something is left."""
        check_images(shape, self.channels, "ConvTranspose2D")
        moves = self.stride, self.padding, self.dilation, self.groups
        at = Geometry.enlarging(shape, self.filters, self.kernel_size, *moves)
        return (shape[0], self.filters, *at.image)


def filtered(layer: Any, F: Any, gluons: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Computes a layer of filters as Gluon does, and the bias separately if need be.

    MXNet's operator computes no gradient of b if it need not compute that of W.
    """
    separate = layer._mode()[1]
    layer._kwargs["no_bias"] = bias is None or separate
    y = gluons.hybrid_forward(layer, F, x, weight, None if separate else bias)
    if separate:
        y = y + F.np.reshape(bias, (1, -1, 1, 1))
    return activated(F, y, layer.activation)


class Pool2D(Layer):
    """What the pooling layers share: how their window moves."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Checks that there are images, and that the window fits."""
        name = type(self).__name__
        check_images(shape, None, name)
        at = Geometry.of(shape, self.kernel_size, self.stride, self.padding, what=name)
        return (*shape[:2], *at.output)


class MaxPool2D(Pool2D, gluon.nn.MaxPool2D):
    """``gluon.nn.MaxPool2D``: keeps the largest number of each window.

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
        >>> MaxPool2D(2)([[[[1.0, 3.0], [2.0, 0.0]]]])
        array([[[[3.]]]])
    """

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0
    ) -> None:
        sizes = pooling(kernel_size, stride, padding)
        gluon.nn.MaxPool2D.__init__(self, *sizes)
        self.kernel_size, self.stride, self.padding = sizes
        self.hybridize()

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Keeps the largest number of each window, and NaN where there is one.

        MXNet's pooling passes over a NaN, and nobody would notice.
        """
        y = gluon.nn.MaxPool2D.hybrid_forward(self, F, x)
        missing = F.np.not_equal(x, x).astype("float32")  # 1 where x is NaN
        missing = gluon.nn.MaxPool2D.hybrid_forward(self, F, missing)
        return y + F.np.sqrt(-missing)


class AvgPool2D(Pool2D, gluon.nn.AvgPool2D):
    """``gluon.nn.AvgPool2D``: takes the mean of each window.

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
        >>> AvgPool2D(2)([[[[1.0, 3.0], [2.0, 0.0]]]])
        array([[[[1.5]]]])
    """

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0
    ) -> None:
        sizes = pooling(kernel_size, stride, padding)
        gluon.nn.AvgPool2D.__init__(self, *sizes)
        self.kernel_size, self.stride, self.padding = sizes
        self.hybridize()


def pooling(kernel_size: Any, stride: Any, padding: Any) -> tuple[Any, ...]:
    """The window's size, how far it moves, and the padding, as pairs."""
    kernel = check_pair(kernel_size, "kernel_size")
    moves = kernel if stride is None else check_pair(stride, "stride")
    around = check_pair(padding, "padding", least=0)
    check_pooling(kernel, around)
    return kernel, moves, around


class GlobalAvgPool2D(Layer, gluon.nn.GlobalAvgPool2D):
    """``gluon.nn.GlobalAvgPool2D``: takes the mean of each feature map.

    Raises:
        ValueError: (when called) images of another shape.

    Example:
        >>> GlobalAvgPool2D()(np.ones((4, 8, 5, 5))).shape
        (4, 8)
    """

    def __init__(self) -> None:
        gluon.nn.GlobalAvgPool2D.__init__(self)
        self.hybridize()

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Maps (batch, channels, height, width) to (batch, channels)."""
        y = gluon.nn.GlobalAvgPool2D.hybrid_forward(self, F, x)
        return F.np.squeeze(y, axis=(2, 3))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Checks that there are images."""
        check_images(shape, None, "GlobalAvgPool2D")
        return shape[:2]


class Flatten(Layer, gluon.nn.Flatten):
    """``gluon.nn.Flatten``: lays the numbers of each example in one row.

    Raises:
        ValueError: (when called) an x without an axis for the batch.

    Example:
        >>> Flatten()(np.zeros((4, 8, 5, 5))).shape
        (4, 200)
    """

    def __init__(self) -> None:
        gluon.nn.Flatten.__init__(self)
        self.hybridize()

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Checks that there is a batch."""
        check_examples(shape, "Flatten")
        return (shape[0], math.prod(shape[1:]))


def upsample(x: Any, scale: int = 2, mode: str = "bilinear") -> Tensor:
    """Makes images larger, by ``contrib.BilinearResize2D`` or ``UpSampling``.

    Args:
        x: shape (batch, channels, height, width).
        scale: how many times as high and as wide.
        mode: "bilinear" mixes the nearest two pixels in each direction, "nearest"
            repeats the nearest one. A pixel's place is the middle of its square.

    Raises:
        ValueError: another shape, a scale < 1, or an unknown mode.
        TypeError: an argument of a wrong type, such as images of whole numbers.

    Example:
        >>> upsample([[[[0.0, 4.0]]]])[0, 0, 0]
        array([0., 1., 3., 4.])
    """
    x = as_tensor(x)
    check_images(x.shape, None, "upsample")
    scale = check_positive_int(scale, "scale")
    check_choice(mode, ("bilinear", "nearest"), "mode")
    n, channels, h, w = x.shape
    made = n, channels, scale * h, scale * w
    check_enlarged(made, (h, w), "upsample", "scale")
    if not x.size:
        return np.zeros(made, dtype=x.dtype, ctx=x.ctx)
    old = x.as_nd_ndarray()
    if mode == "nearest":
        y = mx.nd.UpSampling(old, scale=scale, sample_type="nearest")
    else:
        y = mx.nd.contrib.BilinearResize2D(
            old, height=made[2], width=made[3], align_corners=False
        )
    return y.as_np_ndarray()
