"""Boxes, and what goes with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks.numbers import check_non_negative


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
