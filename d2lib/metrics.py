"""How good is it? Measures of detectors and of maps of pixels, for both twins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from d2lib._checks import (
    check_count,
    check_flag,
    check_maps,
    check_overlap,
    check_overlaps,
    check_results,
)
from d2lib._types import Array
from d2lib.shared.boxes import overlaps

__all__ = [
    "COCO",
    "Detections",
    "Truth",
    "average_precision",
    "mean_iou",
    "precision_recall",
]

#: The overlaps over which COCO averages: 0.5, 0.55, ... 0.95.
COCO = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
MOST = 100  # detections an image that are looked at, the best ones, as COCO does
RECALLS = np.linspace(0, 1, 101)


class Detections(NamedTuple):
    """What a detector says about one image.

    Attributes:
        boxes: (x1, y1, x2, y2), shape (n, 4).
        classes: whole numbers, shape (n,).
        scores: how sure it is, shape (n,).
    """

    boxes: Array
    classes: Array
    scores: Array


class Truth(NamedTuple):
    """What is to be seen in one image.

    Attributes:
        boxes: (x1, y1, x2, y2), shape (n, 4).
        classes: whole numbers, shape (n,).
    """

    boxes: Array
    classes: Array


def average_precision(
    found: Sequence[Any],
    truth: Sequence[Any],
    overlap: float | Sequence[float] = 0.5,
    each: bool = False,
) -> Any:
    r"""The area under the curve of precision over recall, as COCO measures it.

    From the surest detection down, each is right if it overlaps a box of its class by
    at least ``overlap`` that no surer one has taken. After k of them

    .. math:: \text{precision} = \frac{\text{right}}{k}, \qquad
              \text{recall} = \frac{\text{right}}{\text{boxes}}

    and the curve is read at recalls of 0, 0.01, ... 1, at each as the best precision
    from there on. Each class that occurs has one such area; the result is
    their mean.

    Args:
        found: for each image the boxes, classes and scores, as `Detections` or any
            triple; the 100 surest count.
        truth: for each image the boxes and classes, as `Truth` or any pair.
        overlap: the least intersection over union; or several, over which the mean is
            taken, such as `COCO`.
        each: return a dict with the areas of the classes instead.

    Returns:
        A float in [0, 1]; NaN where there is no box at all. With ``each`` a dict by
        class.

    Raises:
        ValueError: not one entry for each image, shapes that do not go together, boxes
            that are upside down or not finite, or an overlap outside of (0, 1].
        TypeError: no list of images, or an ``each`` that is not True or False.

    Example:
        >>> truth = [([[0, 0, 4, 4], [6, 6, 9, 9]], [1, 1])]
        >>> found = [([[0, 0, 4, 4], [5, 0, 9, 4]], [1, 1], [0.9, 0.8])]
        >>> round(average_precision(found, truth), 3)
        0.505

    Source: Lin et al., 2014 (COCO); Everingham et al., 2010.
    """
    limits = check_overlaps(overlap)
    check_flag(each, "each")
    seen, there = check_results(found, truth)
    names = np.unique(np.concatenate([one[1] for one in there])) if there else []
    areas = {
        int(name): float(np.mean([_area(seen, there, name, t) for t in limits]))
        for name in names
    }
    if each:
        return areas
    return float(np.mean(list(areas.values()))) if areas else float("nan")


def precision_recall(
    found: Sequence[Any], truth: Sequence[Any], name: int, overlap: float = 0.5
) -> tuple[Array, Array, Array]:
    """The curve behind `average_precision`, for one class.

    Args:
        found: as in `average_precision`.
        truth: as in `average_precision`.
        name: the class.
        overlap: the least intersection over union.

    Returns:
        The scores from the highest down, and the precision and the recall of all
        detections down to each.

    Raises:
        ValueError: as in `average_precision`.
        TypeError: no list of images, or a name that is no whole number.

    Example:
        >>> truth = [([[0, 0, 4, 4], [6, 6, 9, 9]], [1, 1])]
        >>> found = [([[0, 0, 4, 4], [5, 0, 9, 4]], [1, 1], [0.9, 0.8])]
        >>> precision_recall(found, truth, 1)
        (array([0.9, 0.8]), array([1. , 0.5]), array([0.5, 0.5]))
    """
    name, overlap = check_count(name, "name"), check_overlap(overlap, "overlap")
    return _curve(*check_results(found, truth), name, overlap)


def _curve(
    found: list[tuple[Any, ...]],
    truth: list[tuple[Any, ...]],
    name: int,
    overlap: float,
) -> tuple[Array, Array, Array]:
    """`precision_recall` of what has been checked."""
    scores, right, boxes = [], [], 0
    for (seen, classes, sure), (there, kinds) in zip(found, truth, strict=True):
        mine = np.flatnonzero(classes == name)
        mine = mine[np.argsort(-sure[mine], kind="stable")][:MOST]
        wanted = there[kinds == name]
        boxes += len(wanted)
        scores.append(sure[mine].astype(np.float64))
        right.append(_right(seen[mine], wanted, overlap))
    if not scores:
        return (np.zeros(0),) * 3
    of_all, hits = np.concatenate(scores), np.concatenate(right)
    order = np.argsort(-of_all, kind="stable")
    total = np.cumsum(hits[order])
    counts = np.arange(1, len(total) + 1)
    return of_all[order], total / counts, total / max(boxes, 1)


def _area(
    found: list[tuple[Any, ...]],
    truth: list[tuple[Any, ...]],
    name: int,
    overlap: float,
) -> float:
    _, precision, recall = _curve(found, truth, name, overlap)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # from there on
    where = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(best, 0)[where].mean())


def _right(boxes: Array, wanted: Array, overlap: float) -> Array:
    """Which of the boxes, the surest first, find one that is wanted."""
    hits = np.zeros(len(boxes), bool)
    free = np.ones(len(wanted), bool)
    for k, row in enumerate(overlaps(boxes.astype(float), wanted.astype(float))):
        row = np.where(free, row, -1)
        if free.any() and row.max() >= min(overlap, 1 - 1e-10):
            hits[k] = True
            free[np.flatnonzero(row == row.max())[-1]] = False
    return hits


def mean_iou(found: Any, truth: Any, classes: int | None = None) -> float:
    r"""How well maps of pixels agree: intersection over union, the mean over classes.

    .. math:: \text{iou}_c = \frac{|F_c \cap T_c|}{|F_c \cup T_c|}

    with the pixels :math:`F_c` and :math:`T_c` that are called c, over all images. A
    class that neither has does not count.

    Args:
        found: the class of each pixel, whole numbers of any shape.
        truth: the same, as it should be.
        classes: how many there are, 4096 at most; None takes as many as occur.

    Returns:
        A float in [0, 1]; NaN where there is no pixel.

    Raises:
        ValueError: shapes that differ, or numbers outside [0, classes).
        TypeError: maps that are not whole numbers.

    Example:
        >>> round(mean_iou([[0, 0, 1]], [[0, 1, 1]]), 3)
        0.5

    Source: Jaccard, 1901; Long, Shelhamer & Darrell, 2015.
    """
    found, truth, classes = check_maps(found, truth, classes)
    pairs = np.bincount(
        classes * truth.ravel() + found.ravel(), minlength=classes * classes
    ).reshape(classes, classes)  # rows: as it should be
    both = pairs.diagonal()
    either = pairs.sum(axis=0) + pairs.sum(axis=1) - both
    occurs = either > 0
    if not occurs.any():
        return float("nan")
    return float((both[occurs] / either[occurs]).mean())
