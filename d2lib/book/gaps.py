"""Exercises in a notebook: a gap to fill in, and a check that says how it went."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["check", "close"]

_UNFILLED = re.compile(r"^\s*\.\.\.\s*# fill in: *(.*)$", re.MULTILINE)


def check(function: Callable[..., Any], test: Callable[[Any], None]) -> bool:
    """Tries a function that a reader was asked to complete, and says how it went.

    It prints one line: "passed", or what is wrong, or which gap is still open. It never
    raises what the function raises, so that a notebook with open gaps runs to its end.

    Args:
        function: what has been filled in: a function, or a class.
        test: takes the function, calls it, and raises an AssertionError whose message
            tells the reader what is wrong; `close` does so for numbers.

    Returns:
        Whether the function has passed. What needs it can ask: ``if check(...):``.

    Example:
        >>> def double(x):
        ...     ...  # fill in: twice x
        >>> def test(double):
        ...     close(double(4), 8, "double(4)")
        >>> check(double, test)
        double: not filled in yet: twice x
        False
        >>> def double(x):
        ...     return x + 2
        >>> check(double, test)
        double: not right yet: double(4) should be 8, got 6
        False
        >>> def double(x):
        ...     return 2 * x
        >>> check(double, test)
        double: passed
        True
    """
    name = getattr(function, "__name__", "the gap")
    hint = _open_gap(function)
    if hint is not None:
        print(f"{name}: not filled in yet: {hint}")
        return False
    try:
        test(function)
    except AssertionError as error:
        print(f"{name}: not right yet: {error or 'a check fails'}")
    except Exception as error:  # whatever a reader's code may raise
        what = f"{type(error).__name__}: {error}".split("\n")[0]
        print(f"{name}: not right yet: it raises {what}")
    else:
        print(f"{name}: passed")
        return True
    return False


def close(found: Any, wanted: Any, what: str, tolerance: float = 1e-4) -> None:
    """Compares numbers, and says the difference in the words of a reader.

    Args:
        found: a number or an array, or a tensor of either twin.
        wanted: what it should be.
        what: what to call it.
        tolerance: how far apart they may be, relative to the largest value wanted, or
            to 1 if that is larger.

    Raises:
        AssertionError: they differ. The message says how.

    Example:
        >>> close([1.0, 2.5], [1.0, 2.0], "y")
        Traceback (most recent call last):
        ...
        AssertionError: y should be [1. 2.], got [1.  2.5]
    """
    if found is None or found is Ellipsis:
        raise AssertionError(f"{what} is {found}: does the function return its result?")
    found = found.asnumpy() if hasattr(found, "asnumpy") else found
    got, want = np.asarray(found), np.asarray(wanted)
    if got.dtype.kind not in "biuf":
        raise AssertionError(f"{what} should be numbers, got {type(found).__name__}")
    if got.shape != want.shape:
        raise AssertionError(
            f"{what} should have the shape {want.shape}, got {got.shape}"
        )
    error = np.abs(got.astype(float) - want)
    if error.size and not error.max() <= tolerance * max(1.0, np.abs(want).max()):
        if want.size <= 8:
            a, b = (np.array2string(array, precision=6) for array in (want, got))
            raise AssertionError(f"{what} should be {a}, got {b}")
        worst = np.unravel_index(np.nanargmax(error), error.shape)
        place = tuple(int(i) for i in worst)
        raise AssertionError(
            f"{what} is off at {place}: it should be {want[worst]:g}, got "
            f"{got[worst]:g}"
        )


def _open_gap(function: Any) -> str | None:
    """The hint of the first gap in the source that is still open, if one is."""
    # Python finds the source of a notebook's functions, but not that of its classes.
    methods = vars(function).values() if inspect.isclass(function) else (function,)
    for method in methods:
        try:
            gap = _UNFILLED.search(inspect.getsource(method))
        except (OSError, TypeError):
            continue
        if gap:
            return gap[1].strip()
    return None
