r"""Boxes: their convention, the anchors, and which anchor is to find which box.

A box is (x1, y1, x2, y2) in pixels, x to the right and y down, from the left edge of
its first column to the right edge of its last: the pixel in row 3, column 5 is (5, 3,
6, 4). So x2 - x1 *is* the width, (x2 - x1)(y2 - y1) the area, and boxes that touch
share nothing. No + 1 stands anywhere. The middle of a pixel has coordinates in .5.

What is here decides, and does not learn: no gradient passes through it, so both twins
use it as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from d2lib._checks import (
    check_boxes,
    check_lengths,
    check_numbers,
    check_pair,
    check_positive_int,
    check_thresholds,
)
from d2lib._types import Array

__all__ = [
    "anchors",
    "cells",
    "match_anchors",
    "overlaps",
    "paired_overlaps",
    "ranks",
    "sample",
    "widened",
]


def anchors(
    size: int | tuple[int, int],
    stride: int,
    scales: Sequence[float],
    ratios: Sequence[float] = (1.0,),
) -> Array:
    r"""Lays boxes of a few sizes and shapes around the middle of each cell of a map.

    .. math:: w = \text{scale} / \sqrt{\text{ratio}}, \qquad
              h = \text{scale} \cdot \sqrt{\text{ratio}}

    Args:
        size: rows and columns of the feature map: a whole number, or a pair.
        stride: how many pixels of the image a cell is wide.
        scales: the square roots of the areas, in pixels.
        ratios: height over width.

    Returns:
        Boxes, float32, shape (rows * columns * scales * ratios, 4): row by row, and in
        each cell all ratios of the first scale, then of the next. Boxes at the edge
        reach beyond the image.

    Raises:
        ValueError: sizes, scales or ratios that are not above zero, or no such list.
        TypeError: a size or stride that is no whole number.

    Example:
        >>> anchors((1, 2), stride=4, scales=[8])
        array([[-2., -2.,  6.,  6.],
               [ 2., -2., 10.,  6.]], dtype=float32)

    Source: Ren et al., 2015.
    """
    rows, columns = check_pair(size, "size")
    stride = check_positive_int(stride, "stride")
    scale, ratio = check_lengths(scales, "scales"), check_lengths(ratios, "ratios")
    check_numbers(size=rows * columns, scales=len(scale), ratios=4 * len(ratio))
    w = (scale[:, None] / np.sqrt(ratio)).ravel()  # (shapes,)
    h = (scale[:, None] * np.sqrt(ratio)).ravel()
    x = (np.arange(columns) + 0.5) * stride
    y = (np.arange(rows) + 0.5) * stride
    middle = np.stack(np.broadcast_arrays(x, y[:, None], x, y[:, None]), axis=-1)
    reach = np.stack([-w, -h, w, h], axis=-1) / 2  # (shapes, 4)
    boxes = middle[:, :, None] + reach  # (rows, columns, shapes, 4)
    anchors: Array = boxes.reshape(-1, 4).astype(np.float32)
    return anchors


def overlaps(a: Array, b: Array) -> Array:
    """The intersection over union of each box of a with each of b: (len(a), len(b)).

    A box without an area shares nothing with any, not even with itself.
    """
    shared = _common(a, b, 0)
    shared *= _common(a, b, 1)
    areas = ((c[:, 2] - c[:, 0]) * (c[:, 3] - c[:, 1]) for c in (a, b))
    return _over_union(shared, np.add.outer(*areas))


def paired_overlaps(sides: Array, a: Array, b: Array) -> Array:
    """The intersection over union of pairs of boxes, by their numbers: (len(a),).

    Sides are the boxes' (left, top, right, bottom), shape (4, n).
    """
    left, top, right, bottom = sides
    shared = np.minimum(bottom[a], bottom[b]) - np.maximum(top[a], top[b])
    ratio: Array = np.zeros_like(shared)
    high = np.flatnonzero(shared > 0)  # few are, and only those are looked at further
    a, b, shared = a[high], b[high], shared[high]
    width = np.minimum(right[a], right[b]) - np.maximum(left[a], left[b])
    shared *= np.maximum(width, 0)
    area_a, area_b = ((right[c] - left[c]) * (bottom[c] - top[c]) for c in (a, b))
    ratio[high] = _over_union(shared, area_a + area_b)
    return ratio


def _over_union(shared: Array, areas: Array) -> Array:
    """What boxes share, over what they cover together; both arrays are used up."""
    areas -= shared
    # Two boxes without an area have nothing in common, and nothing over little is 0.
    np.maximum(areas, np.finfo(areas.dtype).tiny, out=areas)
    return np.divide(shared, areas, out=shared)


def _common(a: Array, b: Array, axis: int) -> Array:
    """The length that each of a has in common with each of b, along x or y."""
    length = np.minimum.outer(a[:, axis + 2], b[:, axis + 2])
    length -= np.maximum.outer(a[:, axis], b[:, axis])
    return np.maximum(length, 0, out=length)


def match_anchors(
    anchors: Any, boxes: Any, high: float = 0.7, low: float = 0.3
) -> tuple[Array, Array]:
    """Says which anchors shall find something, and what.

    An anchor is to find the box with which it overlaps most, if that is at least
    ``high``; and for each box the anchors that overlap it most are to find it in any
    case, so that none is left without. An anchor whose overlaps are all below ``low``
    is to find nothing, and what lies between teaches neither.

    Args:
        anchors: shape (n, 4).
        boxes: what is in the image, shape (m, 4); there may be none.
        high: the least overlap (intersection over union) that counts as found.
        low: below it, it counts as missed.

    Returns:
        For each anchor 1, 0 or -1 (find, find nothing, not asked), int64, shape (n,),
        and the number of its box, int64, shape (n,), 0 where it has none.

    Raises:
        ValueError: boxes of another shape, upside down or not finite, or thresholds
            that are not 0 <= low <= high <= 1.
        TypeError: thresholds that are no numbers, or a list of tensors.

    Example:
        >>> match_anchors([[0, 0, 4, 4], [0, 0, 4, 3], [9, 9, 10, 10]], [[0, 0, 4, 4]])
        (array([1, 1, 0]), array([0, 0, 0]))

    Source: Ren et al., 2015.
    """
    low, high = check_thresholds(low, high)
    anchors = check_boxes(anchors, "anchors")
    boxes = check_boxes(boxes, "boxes")
    if not len(boxes):
        return np.zeros(len(anchors), np.int64), np.zeros(len(anchors), np.int64)
    shared = overlaps(anchors, boxes)  # (n, m)
    best = shared.max(axis=1, initial=0.0)
    label = np.full(len(anchors), -1)
    label[best < low] = 0
    label[best >= high] = 1
    nearest = shared.argmax(axis=1)
    most = shared.max(axis=0, initial=0.0)  # (m,)
    rows, columns = np.nonzero((shared == most) & (most > 0))
    label[rows] = 1
    # An anchor that is the best one of several boxes keeps the one it overlaps most.
    alone = best[rows] == shared[rows, columns]
    nearest[rows[~alone]] = columns[~alone]
    nearest[rows[alone]] = columns[alone]
    return label, nearest


def sample(
    label: Array, n: int, share: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draws n of many examples, of which at most a share are positive.

    Args:
        label: 1, 0 or -1 for each.
        n: how many to draw.
        share: the largest part of them with label 1.
        rng: draws.

    Returns:
        The numbers of those with label 1, and of those with label 0, that were drawn.
    """
    positive, negative = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    most = int(n * share)
    if len(positive) > most:
        positive = np.sort(rng.choice(positive, most, replace=False))
    rest = n - len(positive)
    if len(negative) > rest:
        negative = np.sort(rng.choice(negative, rest, replace=False))
    return positive, negative


# What MXNet's operators are given -----------------------------------------------------


def ranks(scores: Array) -> tuple[Array, Array]:
    """The order from the highest score down, and for each score n, n - 1, ... 1."""
    order = np.argsort(-scores, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order), 0, -1)
    return order, place


def cells(boxes: Array, scale: float) -> Array:
    """The first and the last whole cells of a map that each box touches, (n, 4)."""
    first = np.floor(boxes[:, :2] * scale)
    last = np.maximum(np.ceil(boxes[:, 2:] * scale), first + 1) - 1
    return np.concatenate([first, last], axis=1)


def widened(boxes: Array, scale: float) -> Array:
    """Boxes a few roundings wide and high at least: ROIAlign aborts on others."""
    low, high = boxes[:, :2], boxes[:, 2:]
    furthest = np.abs(boxes).max(initial=1 / scale)
    least = 16 * np.spacing(boxes.dtype.type(furthest))
    middle, narrow = (low + high) / 2, high - low < least
    low = np.where(narrow, middle - least / 2, low)
    high = np.where(narrow, middle + least / 2, high)
    return np.concatenate([low, high], axis=1)
