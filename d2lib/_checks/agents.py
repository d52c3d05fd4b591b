"""What agents and environments are given: rewards, discounts, actions."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from d2lib._checks.arrays import as_array, check_finite
from d2lib._checks.numbers import as_float
from d2lib._checks.show import short


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


def as_rewards(values: Any, name: str = "rewards") -> np.ndarray:
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


def as_flags(values: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
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


def as_values(values: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
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
