"""A number, a word or a seed that a user passes in."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np


def check_choice(value: Any, choices: Iterable[Any], name: str) -> None:
    """Raises ValueError unless ``value`` is one of ``choices``."""
    options = list(choices)
    if not any(value is option or value == option for option in options):
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}"
        )


def check_positive(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must be a finite number above zero."""
    number = _as_real(value, name)
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be a finite number > 0, got {value!r}")
    return number


def check_non_negative(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must be a finite number of at least zero."""
    number = _as_real(value, name)
    if not (np.isfinite(number) and number >= 0):
        raise ValueError(f"{name} must be a finite number >= 0, got {value!r}")
    return number


def check_finite_number(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must be a finite number."""
    number = _as_real(value, name)
    if not np.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return number


def check_probability(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must lie in [0, 1)."""
    number = _as_real(value, name)
    if not 0 <= number < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {value!r}")
    return number


def check_positive_int(value: Any, name: str) -> int:
    """Returns ``value`` as an int; it must be a whole number of at least one."""
    return _as_whole(value, name, 1)


def check_count(value: Any, name: str) -> int:
    """Returns ``value`` as an int; it must be a whole number of at least zero."""
    return _as_whole(value, name, 0)


def check_seed(value: Any) -> int:
    """Returns a seed as an int; it must be a whole number of at least zero."""
    return _as_whole(value, "seed", 0)


def _as_real(value: Any, name: str) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    return float(value)


def _as_whole(value: Any, name: str, least: int) -> int:
    message = f"{name} must be a whole number >= {least}, got {value!r}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(message)
    if value < least:
        raise ValueError(message)
    return int(value)
