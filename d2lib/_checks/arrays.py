"""Arrays of real numbers: their values, shapes and what is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_float_array(data: Any, dtype: Any = None, name: str = "data") -> np.ndarray:
    """Turns numbers, lists or a float array into a floating-point array.

    Python numbers and lists of them become float32 unless ``dtype`` says otherwise.
    An *array* of integers is refused: it usually is a batch of labels or of raw pixels
    that somebody forgot to convert, and casting it silently would hide that.
    """
    wanted = np.dtype(np.float32 if dtype is None else dtype)
    if wanted.kind != "f":
        raise TypeError(
            f"{name} needs a floating dtype, got dtype={wanted}: "
            "use float32 (the default) or float64"
        )
    is_array = hasattr(data, "shape") and not isinstance(data, np.generic)
    try:
        array = np.asarray(data)
    except ValueError as error:  # a ragged list
        raise ValueError(
            f"{name} must be a rectangular array of numbers, got {_short(data)}: "
            "give every row the same length"
        ) from error
    if array.dtype.kind not in "fiub" or (is_array and array.dtype.kind in "iub"):
        raise TypeError(
            f"{name} must hold floating-point numbers, got an array of dtype "
            f"{array.dtype} and shape {array.shape}: convert it with "
            "x.astype('float32')"
        )
    return array.astype(wanted, copy=False)


def as_targets(y: Any, dtype: Any) -> np.ndarray:
    """Turns the targets of a loss into floats; whole numbers, as 0 and 1, are fine."""
    targets = np.asarray(y)
    if targets.dtype.kind in "iub":
        return targets.astype(dtype)
    return as_float_array(targets, dtype, "y")


def check_same_shape(
    y_hat_shape: tuple[int, ...], y_shape: tuple[int, ...], what: str
) -> None:
    """Raises ValueError unless prediction and target have one and the same shape.

    Broadcasting is refused on purpose: ``(n, 1)`` against ``(n,)`` would silently
    compare every prediction with every target.
    """
    if tuple(y_hat_shape) != tuple(y_shape):
        hint = ""
        if int(np.prod(y_hat_shape)) == int(np.prod(y_shape)):
            hint = f": reshape y with y.reshape({tuple(y_hat_shape)})"
        raise ValueError(
            f"{what} needs y_hat and y of the same shape, got y_hat "
            f"{tuple(y_hat_shape)} and y {tuple(y_shape)}{hint}"
        )


def check_batch(shape: tuple[int, ...], what: str) -> None:
    """Raises ValueError for an array without elements."""
    if 0 in shape:
        raise ValueError(
            f"{what} needs at least one example, got an empty batch of shape "
            f"{tuple(shape)}: a mean over nothing is not a number"
        )


def check_unit_interval(values: np.ndarray, name: str) -> None:
    """Raises ValueError unless every value is a probability in [0, 1]."""
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        hint = ""
        if name == "y_hat":
            hint = (
                ": these are logits, for binary_cross_entropy_with_logits, or become "
                "probabilities with sigmoid"
            )
        raise ValueError(
            f"{name} must lie in [0, 1], got values from {values.min():g} to "
            f"{values.max():g}{hint}"
        )


def check_finite(values: np.ndarray, name: str) -> None:
    """Raises ValueError if an array of data holds NaN or infinity."""
    if values.dtype.kind != "f":
        return
    # The sum is one quick pass; only a suspicious one is looked at in detail.
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf, and huge values
        total = values.sum(dtype=np.float64)
    if not np.isfinite(total):
        bad = ~np.isfinite(values)
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"{name} must be finite, got {int(bad.sum())} NaN or infinite values "
                f"of {values.size}, the first at index {first}: drop or replace them"
            )


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."
