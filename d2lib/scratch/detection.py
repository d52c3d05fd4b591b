"""What object detection is made of: boxes compared, coded, thinned out and cut out."""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks import (
    as_targets,
    check_boxes,
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
from d2lib.scratch.losses import _reduce as reduced
from d2lib.scratch.module import Module
from d2lib.scratch.tensor import Tensor, as_tensor, node
from d2lib.shared.boxes import anchors, match_anchors, overlaps, paired_overlaps
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
_LARGEST = np.log(1000 / 16)  # of a box's code: exp of more is no box of an image
_BLOCK = 256  # boxes that `nms` decides on at a time, at most
_PAIRS = 16_384  # of boxes that it compares at a time: they stay in the cache


def iou(a: Any, b: Any) -> Tensor:
    r"""Intersection over union: which part of what two boxes cover, they share.

    .. math:: \text{iou} = \frac{|A \cap B|}{|A \cup B|}

    Args:
        a: boxes (x1, y1, x2, y2), shape (n, 4).
        b: boxes, shape (m, 4).

    Returns:
        Shape (n, m), in [0, 1]; 0 for a box without an area.

    Raises:
        ValueError: another shape, boxes that are upside down or not finite.
        TypeError: a list of tensors.

    Example:
        >>> iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [2, 0, 4, 2]]).data.round(3)
        array([[0.333, 0.   ]], dtype=float32)

    Source: Jaccard, 1901.
    """
    a, b = check_two(a, b)
    return Tensor(overlaps(a, b), a.dtype)


def encode_boxes(boxes: Any, anchors: Any, std: Any = STD) -> Tensor:
    r"""Says how to move and stretch anchors into boxes, in numbers of about 1.

    .. math:: t_x = \frac{c_x - a_x}{a_w\, s_x}, \quad
              t_y = \frac{c_y - a_y}{a_h\, s_y}, \quad
              t_w = \frac{\log(w / a_w)}{s_w}, \quad
              t_h = \frac{\log(h / a_h)}{s_h}

    where :math:`c` is the middle of the box and :math:`a` that of the anchor.

    Args:
        boxes: shape (n, 4).
        anchors: shape (n, 4), one for each box.
        std: s, by which the four numbers are divided.

    Returns:
        Shape (n, 4).

    Raises:
        ValueError: shapes that differ, boxes that are upside down or not finite, or
            (as the logarithm needs it) without an area.
        TypeError: a list of tensors.

    Example:
        >>> encode_boxes([[2, 0, 6, 8]], [[0, 0, 8, 8]]).data.round(3)
        array([[ 0.   ,  0.   , -3.466,  0.   ]], dtype=float32)

    Source: Girshick et al., 2014.
    """
    boxes, base = check_coded(boxes, anchors)
    (x, y, w, h), (ax, ay, aw, ah) = _middles(boxes), _middles(base)
    code = [(x - ax) / aw, (y - ay) / ah, np.log(w / aw), np.log(h / ah)]
    std = check_std(std).astype(boxes.dtype)
    return Tensor(np.stack(code, axis=1) / std, boxes.dtype)


def decode_boxes(code: Any, anchors: Any, std: Any = STD) -> Tensor:
    r"""Moves and stretches anchors: the inverse of `encode_boxes`.

    A code for more than 62.5 times the width or height is taken for 62.5, so that an
    untrained network's boxes stay finite. No gradient passes.

    Args:
        code: shape (n, 4).
        anchors: shape (n, 4), one for each code.
        std: by which the four numbers were divided.

    Returns:
        Boxes, shape (n, 4).

    Raises:
        ValueError: shapes that differ, anchors that are upside down or not finite, or
            a std that is not above zero.
        TypeError: a list of tensors.

    Example:
        >>> decode_boxes([[0, 0, 0, 0]], [[0, 0, 8, 8]]).data
        array([[0., 0., 8., 8.]], dtype=float32)

    Source: Girshick et al., 2014.
    """
    code, base = check_code(code, anchors)
    x, y, w, h = _middles(base)
    tx, ty, tw, th = (code * check_std(std).astype(base.dtype)).T
    x, y = x + tx * w, y + ty * h
    w, h = (n * np.exp(np.minimum(t, _LARGEST)) / 2 for n, t in ((w, tw), (h, th)))
    return Tensor(np.stack([x - w, y - h, x + w, y + h], axis=1), base.dtype)


def nms(boxes: Any, scores: Any, threshold: float = 0.5) -> Array:
    """Keeps the best box of each heap: non-maximum suppression.

    From the highest score down, a box is kept unless it overlaps one that was kept by
    more than ``threshold``. Equal scores are taken in the order in which they came.

    Args:
        boxes: shape (n, 4).
        scores: shape (n,).
        threshold: the largest intersection over union of two that are kept.

    Returns:
        The numbers of the boxes that are kept, the best first, int64.

    Raises:
        ValueError: shapes that do not go together, boxes that are upside down or not
            finite, scores that are NaN, or a threshold outside [0, 1].
        TypeError: a threshold that is no number, or a list of tensors.

    Example:
        >>> nms([[0, 0, 4, 4], [0, 0, 4, 5], [8, 8, 9, 9]], [0.6, 0.9, 0.1])
        array([1, 2])

    Source: Girshick et al., 2014; greedily from the best score down.
    """
    boxes = check_boxes(boxes)
    scores = check_scores(scores, len(boxes))
    threshold = check_overlap(threshold, "threshold")
    order: Array = np.argsort(-scores, kind="stable")
    sides = np.ascontiguousarray(boxes[order].T)  # (4, n)
    alive = np.ones(len(order), bool)
    from_left = np.argsort(sides[0])
    start = 0
    while start < len(order):
        block = np.flatnonzero(alive[start : start + _BLOCK]) + start
        from_left = from_left[alive[from_left] & (from_left >= start)]
        taken, a, b = _share_columns(sides, block, from_left)
        start = block[taken] if taken < len(block) else start + _BLOCK
        behind = b > a
        a, b = a[behind], b[behind]
        near = paired_overlaps(sides, a, b) > threshold
        a, b = a[near], b[near]
        # From the best down, box by box: what was struck out strikes nothing out.
        ends = np.searchsorted(a, block[:taken], "right").tolist()
        for k, first, end in zip(block[:taken], [0, *ends], ends, strict=False):
            if first < end and alive[k]:
                alive[b[first:end]] = False
    left: Array = order[alive]
    return left


def _share_columns(
    sides: Array, block: Array, from_left: Array
) -> tuple[int, Array, Array]:
    """The pairs of a box of a block and another that share a column of the image.

    Most boxes of an image lie beside each other, and their overlap need not be
    computed. As many of the block are taken, one at least, as have `_PAIRS` together.

    Returns:
        How many are taken, and the numbers of both boxes of each pair.
    """
    left, _, right, _ = sides
    # Those before `first` end, all of them, where the box begins.
    first = np.searchsorted(
        np.maximum.accumulate(right[from_left]), left[block], "right"
    )
    count = np.searchsorted(left[from_left], right[block]) - first
    count = np.maximum(count, 0)  # a box without a width
    ends = np.cumsum(count)
    taken = max(int(np.searchsorted(ends, _PAIRS, "right")), 1)
    block, count = block[:taken], count[:taken]
    shift = first[:taken] - ends[:taken] + count
    a = np.repeat(block, count)
    return taken, a, from_left[np.arange(len(a)) + np.repeat(shift, count)]


def smooth_l1(y_hat: Any, y: Any, beta: float = 1.0, reduction: str = "mean") -> Tensor:
    r"""Squared near the target, and no steeper than 1 far from it.

    .. math:: J(e) = \begin{cases} e^2 / 2\beta & |e| < \beta \\
                                   |e| - \beta/2 & \text{otherwise} \end{cases},
              \qquad \frac{\partial J}{\partial \hat y} = \max(-1, \min(1, e/\beta))

    with :math:`e = \hat y - y`. One box that is far off cannot drown all the others.

    Args:
        y_hat: predictions, a tensor or float array of any shape.
        y: targets of the same shape.
        beta: up to which distance the loss is squared.
        reduction: "mean" over all elements, "sum", or "none".

    Returns:
        A scalar tensor; with "none" a tensor of y's shape.

    Raises:
        ValueError: different shapes, an empty batch, a beta not > 0, an unknown
            reduction.
        TypeError: an argument of a wrong type.

    Example:
        >>> smooth_l1([0.5, 3.0], [0.0, 0.0], reduction="none").data
        array([0.125, 2.5  ], dtype=float32)

    Source: Girshick, 2015; Huber, 1964.
    """
    y_hat = as_tensor(y_hat, name="y_hat")
    y = as_targets(y, y_hat.dtype)
    check_same_shape(y_hat.shape, y.shape, "smooth_l1")
    beta = check_positive(beta, "beta")
    error = y_hat.data - y
    size = np.abs(error)
    values = np.where(size < beta, error * error / (2 * beta), size - beta / 2)
    values = values.astype(error.dtype)

    def slope(factor: Array) -> Array:
        dy_hat: Array = (error / beta).clip(-1, 1) * factor
        return dy_hat

    return reduced("smooth_l1", values, y_hat, slope, reduction)


def roi_align(
    x: Any,
    boxes: Any,
    image: Any,
    size: int | tuple[int, int] = 7,
    scale: float = 1.0,
    samples: int = 2,
) -> Tensor:
    r"""Cuts boxes out of feature maps, each in the same size, by reading between cells.

    .. math:: Y = A_y X A_x^\top, \qquad
              \frac{\partial J}{\partial X}
              = A_y^\top \frac{\partial J}{\partial Y} A_x

    Each row of :math:`A_y` holds the weights with which one row of the result mixes
    those of the map: the mean of ``samples`` lines, each between two rows.

    Args:
        x: feature maps, shape (batch, channels, height, width).
        boxes: in pixels of the image, shape (k, 4).
        image: the number of each box's image, whole numbers, shape (k,).
        size: rows and columns of each piece: a whole number, or a pair.
        scale: cells of the map per pixel, such as 1/4; 1 at most.
        samples: how many lines each row of a piece is the mean of.

    Returns:
        Shape (k, channels, rows, columns).

    Raises:
        ValueError: shapes that do not go together, boxes that are upside down, not
            finite or a million cells away, images that are not there, or a scale
            outside (0, 1].
        TypeError: maps that are not floats, or a size or scale that is no number.

    Example:
        >>> x = np.arange(16.0, dtype=np.float32).reshape(1, 1, 4, 4)
        >>> roi_align(x, [[1, 1, 3, 3]], [0], size=2).data[0, 0]
        array([[ 5.,  6.],
               [ 9., 10.]], dtype=float32)

    Source: He et al., 2017.
    """
    x = as_tensor(x)
    check_images(x.shape, None, "roi_align")
    boxes, image, scale = check_regions(boxes, image, len(x), scale)
    (rows, columns), samples = check_pieces(size, samples, len(boxes))
    boxes = boxes.astype(x.dtype)
    n, channels, height, width = x.shape
    A_y = _lines(boxes[:, 1], boxes[:, 3], rows, height, scale, samples, x.dtype)
    A_x = _lines(boxes[:, 0], boxes[:, 2], columns, width, scale, samples, x.dtype)
    maps = np.ascontiguousarray(x.data.transpose(0, 2, 3, 1))  # the channels last
    y = np.empty((len(boxes), rows, columns, channels), x.dtype)
    members = [np.flatnonzero(image == i) for i in range(n)]
    for i, of in enumerate(members):
        lines = A_y[of].reshape(-1, height) @ maps[i].reshape(height, -1)
        lines = lines.reshape(len(of), rows, width, channels)
        y[of] = A_x[of, None] @ lines

    def backward(g: Array) -> tuple[Any, ...]:
        g = np.ascontiguousarray(g.transpose(0, 2, 3, 1))
        dx = np.zeros_like(maps)
        for i, of in enumerate(members):
            lines = A_x[of, None].swapaxes(2, 3) @ g[of]  # (of, rows, width, channels)
            lines = lines.reshape(-1, width * channels)
            dx[i] = (A_y[of].reshape(-1, height).T @ lines).reshape(maps[i].shape)
        return (dx.transpose(0, 3, 1, 2),)

    return node("roi_align", y.transpose(0, 3, 1, 2), (x,), backward)


def _lines(
    start: Array,
    stop: Array,
    bins: int,
    size: int,
    scale: float,
    samples: int,
    dtype: Any,
) -> Array:
    """The weights of each bin of each box, in one direction: (boxes, bins, size)."""
    start, stop = start * scale - 0.5, stop * scale - 0.5  # a cell's middle is at .5
    step = (stop - start) / (bins * samples)
    place = start[:, None] + (np.arange(bins * samples) + 0.5) * step[:, None]
    inside = (place >= -1) & (place <= size)  # further out there is nothing
    place = place.clip(0, size - 1)
    low = np.minimum(place.astype(np.int64), max(size - 2, 0))
    share = place - low
    A = np.zeros((len(start), bins * samples, size), dtype)
    box, line = np.ogrid[: len(start), : bins * samples]
    A[box, line, low] = (1 - share) * inside
    if size > 1:
        A[box, line, low + 1] = share * inside
    shares: Array = A.reshape(len(start), bins, samples, size).mean(axis=2)
    return shares


def roi_pool(
    x: Any,
    boxes: Any,
    image: Any,
    size: int | tuple[int, int] = 7,
    scale: float = 1.0,
) -> Tensor:
    """Cuts boxes out of feature maps, by the largest number of each bin of whole cells.

    The older form of `roi_align`: a box is widened to whole cells, and its bins are
    made of whole cells, so that it may be read half a cell beside its place.

    Args:
        x: feature maps, shape (batch, channels, height, width).
        boxes: in pixels of the image, shape (k, 4).
        image: the number of each box's image, whole numbers, shape (k,).
        size: rows and columns of each piece: a whole number, or a pair.
        scale: cells of the map per pixel, such as 1/4; 1 at most.

    Returns:
        Shape (k, channels, rows, columns); 0 where a bin lies outside of the map.

    Raises:
        ValueError: shapes that do not go together, boxes that are upside down, not
            finite or a million cells away, images that are not there, or a scale
            outside (0, 1].
        TypeError: maps that are not floats, or a size or scale that is no number.

    Example:
        >>> x = np.arange(16.0, dtype=np.float32).reshape(1, 1, 4, 4)
        >>> roi_pool(x, [[1, 1, 3, 3]], [0], size=1).item()
        10.0

    Source: Girshick, 2015.
    """
    x = as_tensor(x)
    check_images(x.shape, None, "roi_pool")
    boxes, image, scale = check_regions(boxes, image, len(x), scale)
    (rows, columns), _ = check_pieces(size, 1, len(boxes))
    channels, height, width = x.shape[1:]
    y = np.zeros((len(boxes), channels, rows, columns), x.dtype)
    places = np.full(y.shape, -1)  # in its map, from which each number came
    for k, box in enumerate(boxes * scale):
        x_bins = _bins(box[0], box[2], columns, width)
        for i, (top, bottom) in enumerate(_bins(box[1], box[3], rows, height)):
            for j, (left, right) in enumerate(x_bins):
                piece = x.data[image[k], :, top:bottom, left:right]
                if piece.size:
                    flat = piece.reshape(channels, -1)
                    best = flat.argmax(axis=1)
                    y[k, :, i, j] = flat[np.arange(channels), best]
                    row, column = np.divmod(best, right - left)
                    places[k, :, i, j] = (top + row) * width + left + column

    def backward(g: Array) -> tuple[Any, ...]:
        dx = np.zeros((len(x), channels, height * width), g.dtype)
        k, c, i, j = np.nonzero(places >= 0)
        np.add.at(dx, (image[k], c, places[k, c, i, j]), g[k, c, i, j])
        return (dx.reshape(x.shape),)

    return node("roi_pool", y, (x,), backward)


def _bins(start: float, stop: float, bins: int, size: int) -> list[tuple[int, int]]:
    """The whole cells of each bin of a box in one direction, cut at the map's edge."""
    first, last = (
        int(np.floor(start)),
        max(int(np.ceil(stop)), int(np.floor(start)) + 1),
    )
    edges = np.arange(bins + 1) * (last - first) / bins
    low = (np.floor(edges[:-1]).astype(int) + first).clip(0, size)
    high = (np.ceil(edges[1:]).astype(int) + first).clip(0, size)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _middles(boxes: Array) -> tuple[Array, ...]:
    """Middle, width and height of each box."""
    x1, y1, x2, y2 = boxes.T
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
        >>> score, code = rpn(np.zeros((2, 8, 5, 5), np.float32))
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
        >>> images = np.zeros((2, 1, 64, 64), np.float32)
        >>> losses = model.losses(images, [[[9, 9, 29, 29]], []], [[7], []], seed=0)
        >>> sorted(losses)
        ['anchor', 'box', 'class', 'objectness']
        >>> len(model.detect(images))
        2

    Source: Ren et al., 2015; RoI align: He et al., 2017.
    """

    _as_tensor = staticmethod(as_tensor)
