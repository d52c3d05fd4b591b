"""A number, a word or a seed that a user passes in."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Integral, Real
from typing import Any

import numpy as np

from d2lib._checks.show import short

MOST = 2**31 - 1  # of anything countable: how far MXNet 1.9.1 counts
MOST_NUMBERS = 2**28  # in one array that a size asks for: 1 GB of float32


def check_choice(value: Any, choices: Iterable[Any], name: str) -> None:
    """Raises ValueError unless ``value`` is one of ``choices``."""
    options = list(choices)
    # Only text is compared: an array would be so element by element.
    if not any(
        value is option or (isinstance(value, str) and value == option)
        for option in options
    ):
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, options))}, got {short(value)}"
        )


def check_flag(value: Any, name: str) -> bool:
    """Returns ``value`` as a bool; it must be True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {short(value)}")
    return bool(value)


def check_axis(axis: Any, ndim: int, name: str = "axis") -> int:
    """Returns ``axis`` as an int; it must be one of an array with ``ndim`` axes."""
    if isinstance(axis, (bool, np.bool_)) or not isinstance(axis, Integral):
        raise TypeError(f"{name} must be a whole number, got {short(axis)}")
    number = int(axis)
    if not ndim:
        raise ValueError(f"{name} must be one of x's, and x is a single number")
    if not -ndim <= number < ndim:
        raise ValueError(
            f"{name} must lie in [{-ndim}, {ndim}) for an array with {ndim} axes, got "
            f"{number}"
        )
    return number


def as_float(value: Any) -> float | None:
    """Returns a number, however large, as a float; None is None."""
    return None if value is None else _as_real(value, "value")


def check_positive(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must be a finite number above zero."""
    number = _as_real(value, name)
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be a finite number > 0, got {short(value)}")
    return number


def check_non_negative(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must be a finite number of at least zero."""
    number = _as_real(value, name)
    if not (np.isfinite(number) and number >= 0):
        raise ValueError(f"{name} must be a finite number >= 0, got {short(value)}")
    return number


def check_finite_number(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must be a finite number."""
    number = _as_real(value, name)
    if not np.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {short(value)}")
    return number


def check_probability(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must lie in [0, 1)."""
    number = _as_real(value, name)
    if not 0 <= number < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {short(value)}")
    return number


def check_positive_int(value: Any, name: str, most: int = MOST) -> int:
    """Returns ``value`` as an int; it must be a whole number of at least one."""
    return _at_most(_as_whole(value, name, 1), name, most)


_left: ContextVar[int | None] = ContextVar("numbers left", default=None)


@contextmanager
def spending(numbers: int) -> Iterator[None]:
    """Lets `check_numbers` pass arrays of so many numbers in all.

    A file may describe a model of any size in a few bytes.
    """
    token = _left.set(numbers)
    try:
        yield
    finally:
        _left.reset(token)


def check_numbers(**sizes: int) -> None:
    """Raises ValueError unless an array of these sizes, by name, fits into memory."""
    left = _left.get()
    if left is not None:
        left -= math.prod(sizes.values())
        if left < 0:
            raise ValueError("a model is described that is larger than its weights are")
        _left.set(left)
    if math.prod(sizes.values()) > MOST_NUMBERS:
        got = " and ".join(f"{name}={size}" for name, size in sizes.items())
        raise ValueError(
            f"{' * '.join(sizes)} must be at most {MOST_NUMBERS} numbers, 1 GB, got "
            f"{got}: make it smaller"
        )


def as_list(value: Any, name: str, most: int, mend: str) -> list[Any]:
    """Returns a list of whole numbers that are still to be checked, at most so many."""
    what = f"{name} must be a list of whole numbers, got {short(value)}: {mend}"
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Collection):
        raise TypeError(what)
    try:
        length = len(value)
    except TypeError as error:  # an array without axes
        raise TypeError(what) from error
    if length > most:
        raise ValueError(f"{name} must be a list of at most {most}, got {length}")
    return list(value)


def check_count(value: Any, name: str) -> int:
    """Returns ``value`` as an int; it must be a whole number of at least zero."""
    return _at_most(_as_whole(value, name, 0), name, MOST)


def check_seed(value: Any) -> int:
    """Returns a seed as an int; it must be a whole number of at least zero."""
    return _as_whole(value, "seed", 0)


def as_generator(seed: Any) -> np.random.Generator:
    """Returns what draws random numbers from a seed; a Generator is that itself."""
    if isinstance(seed, np.random.Generator):
        return seed
    parts = seed if isinstance(seed, (list, tuple)) else [0 if seed is None else seed]
    rule = "seed must be a whole number >= 0, a numpy.random.Generator or None, got "
    for part in parts:
        if isinstance(part, (bool, np.bool_)) or not isinstance(part, Integral):
            raise TypeError(rule + short(seed))
        if part < 0:
            raise ValueError(rule + short(seed))
    return np.random.default_rng(seed)


def _as_real(value: Any, name: str) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {short(value)}")
    try:
        return float(value)
    except OverflowError:  # a whole number with hundreds of digits
        return math.copysign(math.inf, -1 if value <= 0.0 else 1)


def _as_whole(value: Any, name: str, least: int) -> int:
    message = f"{name} must be a whole number >= {least}, got {short(value)}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(message)
    if value < least:
        raise ValueError(message)
    return int(value)


def _at_most(number: int, name: str, most: int) -> int:
    if number > most:
        raise ValueError(
            f"{name} must be a whole number <= {most}, got {short(number)}"
        )
    return number
