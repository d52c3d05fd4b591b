"""MXNet's operators for boxes; `d2lib.scratch.detection` derives them.

MXNet checks little of what these operators are given: a wrong number of an image makes
``ROIAlign`` read memory that is not its own, and a box that is upside down ends the
process. So everything is checked here before each call.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from d2lib._checks import (
    as_targets,
    check_batch,
    check_boxes,
    check_choice,
    check_code,
    check_coded,
    check_images,
    check_overlap,
    check_pieces,
    check_positive,
    check_regions,
    check_same_shape,
    check_scores,
    check_std,
    check_two,
)
from d2lib._types import Array
from d2lib.mx._compat import mx, np, npx
from d2lib.mx.module import Module
from d2lib.mx.tensor import Tensor, as_tensor, to_device
from d2lib.shared.boxes import anchors, cells, match_anchors, ranks, widened
from d2lib.shared.detectors import Detector, Proposer

__all__ = [
    "FasterRCNN",
    "RegionProposalNetwork",
    "anchors",
    "decode_boxes",
    "encode_boxes",
    "iou",
    "match_anchors",
    "nms",
    "roi_align",
    "roi_pool",
    "smooth_l1",
]

STD = (0.1, 0.1, 0.2, 0.2)
_LARGEST = math.log(1000 / 16)


def iou(a: Any, b: Any) -> Tensor:
    """Intersection over union of each box of a with each of b, by ``box_iou``.

    Args:
        a: boxes (x1, y1, x2, y2), shape (n, 4).
        b: boxes, shape (m, 4).

    Raises:
        ValueError: another shape, boxes that are upside down or not finite.
        TypeError: a list of tensors.

    Example:
        >>> iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [2, 0, 4, 2]]).round(3)
        array([[0.333, 0.   ]])
    """
    a, b = map(to_device, check_two(a, b))
    if not (len(a) and len(b)):
        return np.zeros((len(a), len(b)), dtype=a.dtype, ctx=a.ctx)
    found = mx.nd.contrib.box_iou(a.as_nd_ndarray(), b.as_nd_ndarray(), format="corner")
    return found.as_np_ndarray()


def encode_boxes(boxes: Any, anchors: Any, std: Any = STD) -> Tensor:
    """Says how to move and stretch anchors into boxes.

    Args:
        boxes: shape (n, 4).
        anchors: shape (n, 4), one for each box.
        std: by which the four numbers are divided.

    Raises:
        ValueError: shapes that differ, boxes that are upside down or not finite, or
            without an area.
        TypeError: a list of tensors.

    Example:
        >>> encode_boxes([[2, 0, 6, 8]], [[0, 0, 8, 8]]).round(3)
        array([[ 0.   ,  0.   , -3.466,  0.   ]])
    """
    boxes, base = map(to_device, check_coded(boxes, anchors))
    (x, y, w, h), (ax, ay, aw, ah) = middles(boxes), middles(base)
    code = [(x - ax) / aw, (y - ay) / ah, np.log(w / aw), np.log(h / ah)]
    return np.stack(code, axis=1) / to_device(check_std(std).astype(boxes.dtype))


def decode_boxes(code: Any, anchors: Any, std: Any = STD) -> Tensor:
    """Moves and stretches anchors: the inverse of `encode_boxes`.

    Args:
        code: shape (n, 4).
        anchors: shape (n, 4), one for each code.
        std: by which the four numbers were divided.

    Raises:
        ValueError: shapes that differ, anchors that are upside down or not finite, or
            a std that is not above zero.
        TypeError: a list of tensors.

    Example:
        >>> decode_boxes([[0.0, 0.0, 0.0, 0.0]], [[0, 0, 8, 8]])
        array([[0., 0., 8., 8.]])
    """
    code, base = map(to_device, check_code(code, anchors))
    x, y, w, h = middles(base)
    tx, ty, tw, th = (code * to_device(check_std(std).astype(code.dtype))).T
    x, y = x + tx * w, y + ty * h
    w, h = (n * np.exp(np.minimum(t, _LARGEST)) / 2 for n, t in ((w, tw), (h, th)))
    return np.stack([x - w, y - h, x + w, y + h], axis=1)


def nms(boxes: Any, scores: Any, threshold: float = 0.5) -> Array:
    """Keeps the best box of each heap, by ``box_nms``.

    Args:
        boxes: shape (n, 4).
        scores: shape (n,).
        threshold: the largest intersection over union of two that are kept.

    Returns:
        The numbers of the boxes that are kept, the best first, int64.

    Raises:
        ValueError: shapes that do not go together, boxes that are upside down or not
            finite, scores that are NaN, or a threshold outside [0, 1].
        TypeError: a threshold that is no number.

    Example:
        >>> nms([[0, 0, 4, 4], [0, 0, 4, 5], [8, 8, 9, 9]], [0.6, 0.9, 0.1])
        array([1, 2])
    """
    boxes = to_device(check_boxes(boxes))
    scores = check_scores(scores, len(boxes))
    threshold = check_overlap(threshold, "threshold")
    if not len(boxes):
        return numpy.zeros(0, "int64")
    # The operator drops scores of 0 and less: it is given the places in the order.
    order, place = ranks(scores)
    place = place.astype(boxes.dtype)
    rows = np.concatenate([to_device(place)[:, None], boxes], axis=1)
    kept = mx.nd.contrib.box_nms(
        rows.as_nd_ndarray(),
        overlap_thresh=threshold,
        valid_thresh=0,
        coord_start=1,
        score_index=0,
        force_suppress=True,
    ).asnumpy()[:, 0]
    left: Array = order[(len(order) - kept[kept > 0]).astype("int64")]
    return left


def smooth_l1(y_hat: Any, y: Any, beta: float = 1.0, reduction: str = "mean") -> Tensor:
    """Squared near the target, and no steeper than 1 far from it: ``npx.smooth_l1``.

    Args:
        y_hat: predictions, a tensor or float array of any shape.
        y: targets of the same shape.
        beta: up to which distance the loss is squared.
        reduction: "mean" over all elements, "sum", or "none".

    Raises:
        ValueError: different shapes, an empty batch, a beta not > 0, an unknown
            reduction.
        TypeError: an argument of a wrong type.

    Example:
        >>> smooth_l1([0.5, 3.0], [0.0, 0.0], reduction="none")
        array([0.125, 2.5  ])
    """
    y_hat = as_tensor(y_hat, name="y_hat")
    targets = to_device(as_targets(y, y_hat.dtype))
    check_same_shape(y_hat.shape, targets.shape, "smooth_l1")
    beta = check_positive(beta, "beta")
    check_choice(reduction, ("mean", "sum", "none"), "reduction")
    check_batch(y_hat.shape, "smooth_l1")
    values = npx.smooth_l1(y_hat - targets, scalar=1 / math.sqrt(beta))
    if reduction == "none":
        return values
    return values.mean() if reduction == "mean" else values.sum()


def roi_align(
    x: Any,
    boxes: Any,
    image: Any,
    size: int | tuple[int, int] = 7,
    scale: float = 1.0,
    samples: int = 2,
) -> Tensor:
    """Cuts boxes out of feature maps, each in the same size, by ``ROIAlign``.

    Args:
        x: feature maps, shape (batch, channels, height, width).
        boxes: in pixels of the image, shape (k, 4).
        image: the number of each box's image, whole numbers, shape (k,).
        size: rows and columns of each piece: a whole number, or a pair.
        scale: cells of the map per pixel, such as 1/4; 1 at most.
        samples: how many lines each row of a piece is the mean of.

    Raises:
        ValueError: shapes that do not go together, boxes that are upside down, not
            finite or a million cells away, images that are not there, or a scale
            outside (0, 1].
        TypeError: maps that are not floats, or a size or scale that is no number.

    Example:
        >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
        >>> roi_align(x, [[1, 1, 3, 3]], [0], size=2)[0, 0]
        array([[ 5.,  6.],
               [ 9., 10.]])
    """
    x, regions, scale = _regions(x, boxes, image, scale, "roi_align")
    pair, samples = check_pieces(size, samples, len(regions))
    if not len(regions):
        return np.zeros((0, x.shape[1], *pair), dtype=x.dtype, ctx=x.ctx)
    regions[:, 1:] = widened(regions[:, 1:], scale)
    y = mx.nd.contrib.ROIAlign(
        x.as_nd_ndarray(),
        to_device(regions).as_nd_ndarray(),
        pooled_size=pair,
        spatial_scale=scale,
        sample_ratio=samples,
        aligned=True,
    )
    return y.as_np_ndarray()


def roi_pool(
    x: Any,
    boxes: Any,
    image: Any,
    size: int | tuple[int, int] = 7,
    scale: float = 1.0,
) -> Tensor:
    """Cuts boxes out of feature maps, by ``npx.roi_pooling``.

    The operator rounds, and counts both ends of a box: it is given the first and the
    last of the whole cells that a box touches.

    Args:
        x: feature maps, shape (batch, channels, height, width).
        boxes: in pixels of the image, shape (k, 4).
        image: the number of each box's image, whole numbers, shape (k,).
        size: rows and columns of each piece: a whole number, or a pair.
        scale: cells of the map per pixel, such as 1/4; 1 at most.

    Raises:
        ValueError: shapes that do not go together, boxes that are upside down, not
            finite or a million cells away, images that are not there, or a scale
            outside (0, 1].
        TypeError: maps that are not floats, or a size or scale that is no number.

    Example:
        >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
        >>> roi_pool(x, [[1, 1, 3, 3]], [0], size=1).item()
        10.0
    """
    x, regions, scale = _regions(x, boxes, image, scale, "roi_pool")
    pair, _ = check_pieces(size, 1, len(regions))
    if not len(regions):
        return np.zeros((0, x.shape[1], *pair), dtype=x.dtype, ctx=x.ctx)
    regions[:, 1:] = cells(regions[:, 1:], scale)
    return npx.roi_pooling(x, to_device(regions), pooled_size=pair, spatial_scale=1.0)


def _regions(
    x: Any, boxes: Any, image: Any, scale: Any, what: str
) -> tuple[Tensor, Array, float]:
    """Maps, and rows (image, x1, y1, x2, y2), after all checks."""
    x = as_tensor(x)
    check_images(x.shape, None, what)
    corners, image, scale = check_regions(boxes, image, len(x), scale)
    regions = numpy.concatenate([image[:, None], corners], axis=1)
    return x, regions.astype(x.dtype), scale


def middles(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Middle, width and height of each box."""
    x1, y1, x2, y2 = (boxes[:, k] for k in range(4))
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


class RegionProposalNetwork(Proposer, Module):
    r"""Looks at every cell of a feature map: is there something, and where exactly?

    A 3 x 3 convolution, and two of 1 x 1 beside each other: for each anchor a score,
    and the four numbers of `encode_boxes` that move it.

    Args:
        channels: of the feature maps.
        stride: how many pixels of the image a cell is wide.
        scales: of the `anchors`.
        ratios: of the `anchors`.
        seed: an int or a ``numpy.random.Generator``.

    Called with feature maps, shape (batch, channels, rows, columns), it returns scores
    (batch, anchors) and codes (batch, anchors, 4). ``losses`` says how wrong they are,
    and ``propose`` makes boxes of them.

    Raises:
        ValueError: sizes, scales or ratios that are not above zero.
        TypeError: sizes that are no whole numbers.

    Example:
        >>> rpn = RegionProposalNetwork(8, stride=4, seed=0)
        >>> score, code = rpn(numpy.zeros((2, 8, 5, 5), "float32"))
        >>> score.shape, code.shape
        ((2, 150), (2, 150, 4))

    Source: Ren et al., 2015.
    """

    _as_tensor = staticmethod(as_tensor)


class FasterRCNN(Detector, Module):
    r"""Finds and names things in images, in two looks that share their eyes.

    .. math:: J = J_\text{objectness} + J_\text{anchor} + J_\text{class}
              + J_\text{box}

    The backbone (four convolutions of 3 x 3 with batch normalisation, and two poolings)
    makes feature maps of a quarter of the size. The `RegionProposalNetwork` says where
    to look; `roi_align` cuts these regions out of the same maps; two dense layers say
    what each is, and move its box. All are trained at once.

    Args:
        classes: how many kinds of things there are.
        channels: of the images.
        filters: of the backbone's first, second and last two convolutions.
        scales: of the `anchors`, in pixels.
        ratios: of the `anchors`, height over width.
        units: of the hidden dense layer.
        roi_size: rows and columns of what is cut out.
        seed: an int or a ``numpy.random.Generator``, drawn from layer by layer.

    ``losses`` is what to train on, ``detect`` what to use it for. Called with images,
    it returns the backbone's feature maps.

    Raises:
        ValueError: sizes, scales or ratios that are not above zero.
        TypeError: sizes that are no whole numbers.

    Example:
        >>> model = FasterRCNN(classes=10, seed=0)
        >>> images = numpy.zeros((2, 1, 64, 64), "float32")
        >>> losses = model.losses(images, [[[9, 9, 29, 29]], []], [[7], []], seed=0)
        >>> sorted(losses)
        ['anchor', 'box', 'class', 'objectness']
        >>> len(model.detect(images))
        2

    Source: Ren et al., 2015; RoI align: He et al., 2017.
    """

    _as_tensor = staticmethod(as_tensor)
