"""Semantic segmentation: a class for every pixel."""

from __future__ import annotations

from d2lib.mx.module import Module
from d2lib.mx.tensor import as_tensor
from d2lib.shared.segmenters import Segmenter

__all__ = ["FCN"]


class FCN(Segmenter, Module):
    r"""Names every pixel of an image: down to see far, and up again to say where.

    .. math:: z = \text{up}\big(\text{up}\big(\text{up}(s_8) + s_4\big) + s_2\big)

    A backbone like that of `FasterRCNN` and one stage more make maps at strides of 2,
    4 and 8; :math:`s_k` is a convolution of 1 x 1 over the map at stride k, a score for
    each class. The coarse scores know what there is, the fine ones where it ends.

    Args:
        classes: how many there are, the background included.
        channels: of the images.
        filters: of the backbone's first, second and other convolutions.
        upsampling: "bilinear" or "nearest", see `upsample`, or "transposed": a
            `ConvTranspose2D` that is learnt.
        skips: whether the finer scores are added.
        seed: an int or a ``numpy.random.Generator``, drawn from layer by layer.

    ``loss`` is what to train on, ``segment`` what to use it for. Called with images
    whose height and width are multiples of 8, it returns logits, shape (batch, classes,
    height, width).

    Raises:
        ValueError: sizes < 1, an unknown upsampling, or (when called) images of another
            shape.
        TypeError: an argument of a wrong type.

    Example:
        >>> import numpy as np
        >>> model = FCN(classes=11, seed=0)
        >>> model(np.zeros((2, 1, 64, 64), np.float32)).shape
        (2, 11, 64, 64)

    Source: Long, Shelhamer & Darrell, 2015.
    """

    _as_tensor = staticmethod(as_tensor)
