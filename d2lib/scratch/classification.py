"""A convolutional network that says what is in an image."""

from __future__ import annotations

from d2lib.scratch.layers import Sequential
from d2lib.shared.lenet import Reader

__all__ = ["LeNet"]


class LeNet(Reader, Sequential):
    r"""Reads a handwritten digit: first what there is where, then what it is together.

    ==========  =========================  ================
    28 × 28     convolution 5 × 5, ReLU    6 maps of 28 × 28
    \           max-pooling 2 × 2          6 maps of 14 × 14
    \           convolution 5 × 5, ReLU    16 maps of 10 × 10
    \           max-pooling 2 × 2          16 maps of 5 × 5
    \           convolution 5 × 5, ReLU    120 numbers
    \           dense, ReLU                84 numbers
    \           dense                      a logit for each class
    ==========  =========================  ================

    It is a `Sequential`: ``model[0].W`` are its first filters. (LeCun's had tanh, and
    means where this has maxima.) Images may be larger: then the third convolution,
    which sees 5 × 5 cells at once, slides over them too, and its answers are averaged.

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
        >>> import numpy as np
        >>> model = LeNet(seed=0)
        >>> model(np.zeros((2, 1, 28, 28), np.float32)).shape
        (2, 10)
        >>> model.num_parameters()
        61706

    Source: LeCun et al., 1989; LeCun, Bottou, Bengio & Haffner, 1998.
    """
