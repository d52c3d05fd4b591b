"""Boxes, and what goes with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks.arrays import as_array
from d2lib._checks.images import Pair, check_pair
from d2lib._checks.numbers import (
    check_non_negative,
    check_numbers,
    check_positive,
    check_positive_int,
)
from d2lib._checks.show import short
from d2lib._types import Array

MOST_CLASSES = 4096  # whose pairs are counted in one table
LARGEST = 1e6  # pixels or cells, of a box
MOST_SAMPLES = 64  # of a piece's row


def check_boxes(boxes: Any, name: str = "boxes") -> Array:
    """Returns boxes as a float array (n, 4), each with x1 <= x2 and y1 <= y2."""
    array = as_array(boxes, name)
    if array.size == 0 and array.ndim < 2:
        array = np.zeros((0, 4), np.float32)
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "fiu":
        raise ValueError(
            f"{name} must be numbers of shape (n, 4), a row (x1, y1, x2, y2) for each "
            f"box, got shape {array.shape} of {array.dtype}: no boxes are "
            "np.zeros((0, 4))"
        )
    array = as_floats(array)
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


def as_floats(array: Array) -> Array:
    """Returns numbers as float32; what is float64 remains that."""
    if array.dtype in (np.float32, np.float64):
        return array
    with np.errstate(over="ignore"):  # what is too large is infinite
        return array.astype(np.float32)


def check_two(
    a: Any, b: Any, names: tuple[str, str] = ("a", "b")
) -> tuple[Array, Array]:
    """Returns two lists of boxes in one precision."""
    a, b = (check_boxes(x, name) for x, name in zip((a, b), names, strict=True))
    dtype = np.result_type(a, b)
    return a.astype(dtype, copy=False), b.astype(dtype, copy=False)


def check_coded(boxes: Any, anchors: Any) -> tuple[Array, Array]:
    """Returns boxes, and the anchor of each; all of them have an area."""
    boxes, anchors = check_two(boxes, anchors, ("boxes", "anchors"))
    if boxes.shape != anchors.shape:
        raise ValueError(
            "boxes and anchors must be as many, an anchor for each box, got "
            f"{len(boxes)} and {len(anchors)}"
        )
    check_areas(boxes, "boxes")
    check_areas(anchors, "anchors")
    return boxes, anchors


def check_code(code: Any, anchors: Any) -> tuple[Array, Array]:
    """Returns the codes of boxes, and the anchor of each."""
    anchors, array = check_boxes(anchors, "anchors"), as_array(code, "code")
    if array.size == 0 and array.ndim < 2:
        array = np.zeros((0, 4), anchors.dtype)
    if array.shape != anchors.shape or array.dtype.kind not in "fiu":
        raise ValueError(
            f"code must be numbers of shape {anchors.shape}, four for each of the "
            f"anchors, got shape {array.shape} of {array.dtype}"
        )
    return array.astype(anchors.dtype, copy=False), anchors


def check_std(std: Any) -> Array:
    """Returns what codes are divided by: four numbers above zero."""
    array = as_array(std, "std")
    good = array.shape == (4,) and array.dtype.kind in "fiu"
    if not (good and np.isfinite(array).all() and (array > 0).all()):
        raise ValueError(f"std must be four finite numbers > 0, got {short(std)}")
    return array


def check_lengths(values: Any, name: str) -> Array:
    """Returns the sizes or shapes of anchors: one number above zero, or more."""
    array = as_array(values, name)
    good = array.ndim == 1 and 0 < array.size <= 100 and array.dtype.kind in "fiu"
    if not (good and (array > 0).all() and (array <= LARGEST).all()):
        raise ValueError(
            f"{name} must be a list of 1 to 100 numbers in (0, {LARGEST:g}], got "
            f"{short(values)}"
        )
    return array.astype(np.float64)


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
        raise ValueError(f"{name} must lie in [0, 1], got {short(value)}")
    return number


def check_scores(scores: Any, n: int, name: str = "scores") -> Array:
    """Returns one score a box; NaN cannot be put in order."""
    array = as_array(scores, name)
    if array.shape != (n,) or array.dtype.kind not in "fiu":
        raise ValueError(
            f"{name} must be numbers of shape ({n},), one for each box, got shape "
            f"{array.shape} of {array.dtype}"
        )
    if np.isnan(array).any():
        raise ValueError(
            f"{name} must be numbers that have an order, got NaN in row "
            f"{np.flatnonzero(np.isnan(array))[0]}"
        )
    return as_floats(array)


def check_regions(
    boxes: Any, image: Any, n: int, scale: Any
) -> tuple[Array, Array, float]:
    """Returns boxes, for each the number of its image, one of n, and the scale."""
    boxes, array = check_boxes(boxes), as_array(image, "image")
    scale = check_positive(scale, "scale")
    if scale > 1:
        raise ValueError(
            f"scale must lie in (0, 1], cells of the maps per pixel, got {scale:g}"
        )
    furthest = float(np.abs(boxes).max(initial=0)) * scale
    if furthest > LARGEST:
        raise ValueError(
            f"boxes times scale must lie within {LARGEST:g} cells of the maps, got "
            f"{furthest:g}"
        )
    if array.size == 0:
        array = array.astype(np.int64)
    if array.shape != (len(boxes),) or array.dtype.kind not in "iu":
        raise ValueError(
            f"image must be whole numbers of shape ({len(boxes)},), for each of the "
            f"boxes the image that it lies in, got shape {array.shape} of {array.dtype}"
        )
    if array.size and not (array.min() >= 0 and array.max() < n):
        raise ValueError(
            f"image must number one of the {n} images of x, 0 to {n - 1}, got "
            f"{array.min()} to {array.max()}"
        )
    return boxes, array.astype(np.int64), scale


def check_pieces(size: Any, samples: Any, boxes: int) -> tuple[Pair, int]:
    """Returns rows and columns of what is cut out, and the lines behind each row."""
    pair = check_pair(size, "size")
    check_numbers(boxes=max(boxes, 1), size=pair[0] * pair[1])
    return pair, check_positive_int(samples, "samples", MOST_SAMPLES)


def check_areas(boxes: Array, name: str) -> None:
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
    array = as_array(overlap, "overlap")
    good = array.ndim < 2 and 0 < array.size <= 100 and array.dtype.kind in "fiu"
    if not (good and (array > 0).all() and (array <= 1).all()):
        raise ValueError(
            f"overlap must be a number in (0, 1], or several, got {short(overlap)}"
        )
    found: list[float] = array.astype(np.float64).reshape(-1).tolist()
    return found


def as_entries(group: Any, name: str, images: int | None = None) -> list[Any]:
    """Returns a list with an entry for each image."""
    is_array = isinstance(group, np.ndarray) and group.ndim > 0
    if not (is_array or isinstance(group, (list, tuple))):
        raise TypeError(
            f"{name} must be a list with an entry for each image, got {short(group)}"
        )
    if images is not None and len(group) != images:
        raise ValueError(
            f"{name} must have one entry for each of {images} images, got {len(group)}"
        )
    return list(group)


def check_detections(
    of: str, boxes: Any, classes: Any, scores: Any = None
) -> tuple[Any, ...]:
    """Returns an image's boxes, classes and, if there are any, scores as arrays."""
    boxes = check_boxes(boxes, f"{of}boxes")
    names = as_array(classes, f"{of}classes")
    if names.size == 0:
        names = names.astype(np.int64)
    if names.shape != (len(boxes),) or names.dtype.kind not in "iu":
        raise ValueError(
            f"{of}classes must be whole numbers of shape ({len(boxes)},), one for each "
            f"of its boxes, got shape {names.shape} of {names.dtype}"
        )
    if scores is None:
        return boxes, names
    return boxes, names, check_scores(scores, len(boxes), f"{of}scores")


def check_results(
    found: Any, truth: Any
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Returns for each image what was found, and what is there, as arrays."""
    lists = []
    for group, name, parts in (
        (found, "found", ("boxes", "classes", "scores")),
        (truth, "truth", ("boxes", "classes")),
    ):
        entries = as_entries(group, name)
        for one in entries:
            if not isinstance(one, (tuple, list)) or len(one) != len(parts):
                raise ValueError(
                    f"{name} must hold for each image ({', '.join(parts)}), got "
                    f"{short(one)}"
                )
        lists.append([check_detections(f"{name}'s ", *one) for one in entries])
    if len(lists[0]) != len(lists[1]):
        raise ValueError(
            "found and truth must have one entry for each image, got "
            f"{len(lists[0])} and {len(lists[1])}"
        )
    return lists[0], lists[1]


def check_truths(
    boxes: Any, classes: Any, shape: tuple[int, ...], kinds: int
) -> list[tuple[Any, ...]]:
    """Returns for each image its boxes and classes, each one of ``kinds``."""
    images, _, height, width = shape
    boxes = as_entries(boxes, "boxes", images)
    classes = as_entries(classes, "classes", images)
    truths = [check_detections("", *one) for one in zip(boxes, classes, strict=True)]
    for there, names in truths:
        check_areas(there, "boxes")
        outside = (there[:, 2:] <= 0).any(axis=1) | (there[:, 0] >= width)
        outside |= there[:, 1] >= height
        if outside.any():
            raise ValueError(
                f"boxes must lie in their image of {height} x {width} pixels, at least "
                f"in part, got {there[outside][0].tolist()}"
            )
        if len(names) and not (names.min() >= 0 and names.max() < kinds):
            raise ValueError(
                f"classes must be whole numbers in [0, {kinds}), got {names.min()} to "
                f"{names.max()}"
            )
    return truths


def check_proposed(score: tuple[int, ...], code: tuple[int, ...], base: Any) -> Array:
    """Returns the anchors to which the scores and codes of a batch belong."""
    anchors = check_boxes(base, "base")
    if len(score) != 2 or score[1] != len(anchors):
        raise ValueError(
            f"score must have the shape (batch, {len(anchors)}), a number for each "
            f"anchor of base, got {score}"
        )
    if code != (*score, 4):
        raise ValueError(
            f"code must have the shape {(*score, 4)}, four numbers for each score, got "
            f"{code}"
        )
    return anchors


def check_maps(found: Any, truth: Any, classes: Any) -> tuple[Array, Array, int]:
    """Returns two maps of classes, and how many classes there are."""
    a, b = as_array(found, "found"), as_array(truth, "truth")
    for name, array in (("found", a), ("truth", b)):
        if array.size and array.dtype.kind not in "iu":
            raise TypeError(
                f"{name} must be whole numbers, the class of each pixel, got "
                f"{array.dtype}: take the argmax over the classes first"
            )
    if a.shape != b.shape:
        raise ValueError(
            f"found and truth must have one shape, got {a.shape} and {b.shape}"
        )
    most = 1 + max((int(x.max()) for x in (a, b) if x.size), default=0)
    least = min((int(x.min()) for x in (a, b) if x.size), default=0)
    count = min(most, MOST_CLASSES)
    if classes is not None:
        count = check_positive_int(classes, "classes", MOST_CLASSES)
    if least < 0 or most > count:
        raise ValueError(
            f"found and truth must hold classes in [0, {count}), got {least} to "
            f"{most - 1}"
        )
    return a.astype(np.int64), b.astype(np.int64), count
