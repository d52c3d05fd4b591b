"""Boxes, and what goes with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks.numbers import check_non_negative, check_positive_int


def check_boxes(boxes: Any, name: str = "boxes") -> np.ndarray:
    """Returns boxes as a float array (n, 4), each with x1 <= x2 and y1 <= y2."""
    array = np.asarray(boxes)
    if array.size == 0 and array.ndim < 2:
        array = array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "fiu":
        raise ValueError(
            f"{name} must be numbers of shape (n, 4), a row (x1, y1, x2, y2) for each "
            f"box, got shape {array.shape} of {array.dtype}: no boxes are "
            "np.zeros((0, 4))"
        )
    if array.dtype.kind != "f":
        array = array.astype(np.float32)
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{name} must be finite, got {array[bad][0].tolist()} in row "
            f"{np.flatnonzero(bad)[0]}"
        )
    bad = (array[:, 2] < array[:, 0]) | (array[:, 3] < array[:, 1])
    if bad.any():
        raise ValueError(
            f"{name} must have x1 <= x2 and y1 <= y2, got {array[bad][0].tolist()} in "
            f"row {np.flatnonzero(bad)[0]}: a box is (x1, y1, x2, y2), two corners, "
            "not a corner, a width and a height"
        )
    return array


def check_thresholds(low: Any, high: Any) -> tuple[float, float]:
    """Returns the two thresholds of matching: 0 <= low <= high <= 1."""
    low, high = check_non_negative(low, "low"), check_non_negative(high, "high")
    if not low <= high <= 1:
        raise ValueError(
            f"low and high must be 0 <= low <= high <= 1, got low={low}, high={high}"
        )
    return low, high


def check_overlap(value: Any, name: str) -> float:
    """Returns an intersection over union as a float in [0, 1]."""
    number = check_non_negative(value, name)
    if number > 1:
        raise ValueError(f"{name} must lie in [0, 1], got {value!r}")
    return number


def check_scores(scores: Any, n: int) -> np.ndarray:
    """Returns one score a box; NaN cannot be put in order."""
    array = np.asarray(scores)
    if array.shape != (n,) or array.dtype.kind not in "fiu":
        raise ValueError(
            f"scores must be numbers of shape ({n},), one for each box, got shape "
            f"{array.shape} of {array.dtype}"
        )
    if np.isnan(array).any():
        raise ValueError(
            f"scores must be numbers that have an order, got NaN in row "
            f"{np.flatnonzero(np.isnan(array))[0]}"
        )
    return array


def check_regions(boxes: np.ndarray, image: Any, n: int) -> np.ndarray:
    """Returns for each box the number of its image, one of n."""
    array = np.asarray(image)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.shape != (len(boxes),) or array.dtype.kind not in "iu":
        raise ValueError(
            f"image must be whole numbers of shape ({len(boxes)},), for each box the "
            f"image that it lies in, got shape {array.shape} of {array.dtype}"
        )
    if array.size and not (array.min() >= 0 and array.max() < n):
        raise ValueError(
            f"image must number one of the {n} images, 0 to {n - 1}, got "
            f"{array.min()} to {array.max()}"
        )
    return array


def check_areas(boxes: np.ndarray, name: str) -> None:
    """Raises ValueError if a box has no width or no height, where that is needed."""
    bad = (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])
    if bad.any():
        raise ValueError(
            f"{name} must have a width and a height above zero, got "
            f"{boxes[bad][0].tolist()} in row {np.flatnonzero(bad)[0]}: leave such "
            "boxes out of the data"
        )


def check_overlaps(overlap: Any) -> list[float]:
    """Returns one or several overlaps as a list of floats in (0, 1]."""
    several = list(overlap) if np.iterable(overlap) else [overlap]
    limits = [check_overlap(value, "overlap") for value in several]
    if not limits or min(limits) <= 0:
        raise ValueError(
            f"overlap must be a number in (0, 1], or several, got {overlap!r}"
        )
    return limits


def check_detections(boxes: Any, classes: Any, scores: Any = None) -> tuple:
    """Returns an image's boxes, classes and, if there are any, scores as arrays."""
    boxes = check_boxes(boxes)
    names = np.asarray(classes)
    if names.size == 0:
        names = names.astype(np.int64)
    if names.shape != (len(boxes),) or names.dtype.kind not in "iu":
        raise ValueError(
            f"classes must be whole numbers of shape ({len(boxes)},), one for each "
            f"box, got shape {names.shape} of {names.dtype}"
        )
    if scores is None:
        return boxes, names
    return boxes, names, check_scores(scores, len(boxes))


def check_truths(boxes: Any, classes: Any, images: int, kinds: int) -> list[tuple]:
    """Returns for each image its boxes and classes, each one of ``kinds``."""
    if len(boxes) != images or len(classes) != images:
        raise ValueError(
            f"boxes and classes must have one entry for each of {images} images, got "
            f"{len(boxes)} and {len(classes)}"
        )
    truths = [check_detections(*pair) for pair in zip(boxes, classes, strict=True)]
    for there, names in truths:
        check_areas(there, "boxes")
        if len(names) and not (names.min() >= 0 and names.max() < kinds):
            raise ValueError(
                f"classes must be whole numbers in [0, {kinds}), got {names.min()} to "
                f"{names.max()}"
            )
    return truths


def check_maps(
    found: Any, truth: Any, classes: Any
) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns two maps of classes, and how many classes there are."""
    a, b = np.asarray(found), np.asarray(truth)
    for name, array in (("found", a), ("truth", b)):
        if array.dtype.kind not in "iu":
            raise TypeError(
                f"{name} must be whole numbers, the class of each pixel, got "
                f"{array.dtype}: take the argmax over the classes first"
            )
    if a.shape != b.shape:
        raise ValueError(
            f"found and truth must have one shape, got {a.shape} and {b.shape}"
        )
    most = 1 + int(max(a.max(initial=0), b.max(initial=0)))
    least = int(min(a.min(initial=0), b.min(initial=0)))
    count = most if classes is None else check_positive_int(classes, "classes")
    if least < 0 or most > count:
        raise ValueError(
            f"classes must be whole numbers in [0, {count}), got {least} to {most - 1}"
        )
    return a, b, count
