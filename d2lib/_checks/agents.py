"""What agents and environments are given: rewards, discounts, actions."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from d2lib._checks.arrays import LARGEST, TOO_LARGE, as_array, check_finite
from d2lib._checks.functions import check_schedule
from d2lib._checks.numbers import as_float, as_list, check_positive_int
from d2lib._checks.show import short
from d2lib._types import Array


def check_discount(value: Any, name: str = "gamma") -> float:
    """Returns a discount as a float; it must lie in (0, 1]."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number in (0, 1], got {short(value)}")
    if not 0 < as_real(value) <= 1:
        raise ValueError(
            f"{name} must lie in (0, 1], got {short(value)}: 0.99 looks some hundred "
            "steps ahead, and 1 discounts nothing"
        )
    return as_real(value)


def check_share(value: Any, name: str) -> float:
    """Returns a share as a float; it must lie in [0, 1]."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number in [0, 1], got {short(value)}")
    if not 0 <= as_real(value) <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {short(value)}")
    return as_real(value)


def as_rewards(values: Any, name: str = "rewards") -> Array:
    """Returns finite numbers along a first axis, time, as float64; one at least."""
    array = as_array(values, name)
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise TypeError(
            f"{name} must be numbers along time, shape (steps, ...), got dtype "
            f"{array.dtype} and shape {array.shape}"
        )
    if not array.size:
        raise ValueError(f"{name} must hold at least one step, got {array.shape}")
    with np.errstate(over="ignore"):
        array = array.astype(np.float64)
    check_finite(array, name)
    return array


def as_flags(values: Any, shape: tuple[int, ...], name: str) -> Array:
    """Returns truth values of a shape; None is never."""
    if values is None:
        return np.zeros(shape, bool)
    array = as_array(values, name)
    if array.dtype.kind not in "b" and not (
        array.dtype.kind in "iuf" and np.isin(array, (0, 1)).all()
    ):
        raise TypeError(
            f"{name} must be True or False for each step, got {short(values)}"
        )
    if array.shape != shape:
        raise ValueError(
            f"{name} must have the shape of the rewards, {shape}, got {array.shape}"
        )
    return array.astype(bool)


def as_values(values: Any, shape: tuple[int, ...], name: str) -> Array:
    """Returns finite numbers of the rewards' shape; None is zeros."""
    if values is None:
        return np.zeros(shape)
    array = as_rewards(values, name)
    if array.shape != shape:
        raise ValueError(
            f"{name} must have the shape of the rewards, {shape}, got {array.shape}"
        )
    return array


def check_rate(value: Any, n: int, name: str) -> float:
    """Returns a number, or what a function says at n; it must lie in [0, 1]."""
    if not callable(value):
        return check_share(value, name)
    found = value(n)
    if not isinstance(found, Real) or not 0 <= as_real(found) <= 1:
        raise ValueError(
            f"{name} must lie in [0, 1], got {short(found)} from {short(value)} at {n}"
        )
    return as_real(found)


def as_real(value: Any) -> float:
    """A number, however large, as a float."""
    number = as_float(value)
    return float("nan") if number is None else number


def check_hidden(hidden: Any, most: int = 4096) -> tuple[int, ...]:
    """Returns the widths of hidden layers, of which there may be none."""
    widths = (
        as_list(hidden, "hidden", 32, "name the widths of the hidden layers, as (64,)")
        if not isinstance(hidden, Integral)
        else [hidden]
    )
    return tuple([check_positive_int(n, "each width of hidden", most) for n in widths])


def check_share_schedule(value: Any, name: str) -> Any:
    """Returns a share in [0, 1], or a function of the step that gives one."""
    if not callable(value):
        return check_share(value, name)
    try:
        check_schedule(value)
        first = value(0)
    except Exception as error:
        raise TypeError(
            f"{name} must be a number in [0, 1] or a function of the step, got "
            f"{short(value)}: a schedule is what a call returns, such as "
            "linear(1.0, steps=1000)"
        ) from error
    if not isinstance(first, Real):
        raise TypeError(f"{name} must give a number for each step, got {short(first)}")
    check_rate(value, 0, name)
    return value


def check_columns(batch: Any, kinds: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
    """Raises unless a batch has columns of these kinds and shapes, equally long.

    Args:
        batch: a `Batch` or a `Rollout`.
        kinds: by name, the kind of dtype, and the shape of one row.
    """
    rows = None
    for name, (kind, shape) in kinds.items():
        column = getattr(batch, name, None)
        if not isinstance(column, np.ndarray) or isinstance(batch, np.ndarray):
            raise TypeError(
                f"batch must hold steps, as ReplayBuffer.sample or rollout return "
                f"them, got {short(batch)} without {name}"
            )
        rows = len(column) if rows is None and column.ndim else rows
        if column.dtype.kind not in kind or column.shape != (rows, *shape):
            raise ValueError(
                f"batch needs {name} of kind {kind!r} and shape {('n', *shape)}, got "
                f"dtype {column.dtype} and shape {column.shape}: is it of another "
                "environment?"
            )
    if not rows:
        raise ValueError("batch needs at least one step, got none")


def check_fits(values: Array, name: str) -> None:
    """Raises ValueError unless an array of floats is finite, in float32 too."""
    if (np.abs(values) <= LARGEST).all():  # no NaN is
        return
    check_finite(values, name)
    raise ValueError(
        f"{name} must be numbers of float32, got {np.abs(values).max():g}, which is "
        f"{TOO_LARGE}: scale them"
    )


def check_sums(values: Array, name: str) -> Array:
    """Returns sums of finite numbers, which must have stayed finite."""
    if not np.isfinite(values).all():
        raise ValueError(
            f"{name} must have sums of at most 1.8e308, which float64 can hold, got "
            "more: scale them"
        )
    return values
