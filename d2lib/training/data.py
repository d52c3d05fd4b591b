"""The examples of a training, and whether they can be trained with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from d2lib._checks import as_array, check_batch, check_finite, how_to_convert, kind

__all__ = ["examples", "inputs", "numbers"]


def examples(data: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns a pair (x, y) as arrays that can be trained with."""
    if isinstance(data, str) or not (isinstance(data, Sequence) and len(data) == 2):
        raise TypeError(
            f"{name} must be a pair (x, y), got {kind(data)}: take the columns of a "
            "table, and make arrays of what a generator yields"
        )
    x, y = numbers(data[0], f"{name}'s x"), as_array(data[1], f"{name}'s y")
    if y.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}'s y must hold numbers, got dtype {y.dtype}: number the classes "
            "with names, y = numpy.unique(y, return_inverse=True)"
        )
    if x.ndim < 1 or y.ndim < 1 or len(x) != len(y):
        raise ValueError(
            f"{name} needs as many targets as examples, got x {x.shape} and y {y.shape}"
        )
    check_batch(x.shape, name, "x")
    check_finite(x, f"{name}'s x")
    check_finite(y, f"{name}'s y")
    return x, y


def numbers(x: Any, name: str) -> np.ndarray:
    """Returns examples, also those of a tensor of either twin, as an array."""
    x = as_array(x, name)
    if x.dtype.kind not in "fiu" or x.ndim < 1:
        raise TypeError(
            f"{name} must hold numbers, got dtype {x.dtype} and shape {x.shape}: put "
            f"the examples along its first axis, and {how_to_convert(x, name)}"
        )
    return x


def inputs(twin: Any, x: np.ndarray) -> Any:
    """Floats become a tensor; tokens go to the model as they are."""
    return x if x.dtype.kind in "iu" else twin.tensor(x)
