"""A convolutional network that says what is in an image."""

from __future__ import annotations

from d2lib.mx.layers import Sequential
from d2lib.shared.lenet import Reader

__all__ = ["LeNet"]


class LeNet(Reader, Sequential):
    """Two convolutions with pooling, a third, and two dense layers, as one graph.

    The arguments, shapes and, for one seed, the initial weights are those of
    `d2lib.scratch.LeNet`.

    Args:
        classes: how many there are.
        channels: of the images.
        filters: of the first and the second convolution.
        batch_norm: whether `BatchNorm` follows each of them, before the ReLU; they then
            have no bias.
        seed: an int or a ``numpy.random.Generator``, drawn from layer by layer.

    Raises:
        ValueError: sizes < 1, or (when called) images of another shape, or smaller than
            28 x 28.
        TypeError: an argument of a wrong type.

    Example:
        >>> model = LeNet(seed=0)
        >>> model([[[[0.0] * 28] * 28]]).shape
        (1, 10)
        >>> model.num_parameters()
        61706
    """
