"""Functions that a user passes in."""

from __future__ import annotations

import inspect
from typing import Any

from d2lib._checks.show import short


def check_schedule(lr: Any) -> None:
    """Raises TypeError unless what can be called can be with a step alone.

    What makes a schedule, such as `cosine`, is soon passed in its place.
    """
    fits = not isinstance(lr, type) and not hasattr(lr, "twin")
    if fits:
        try:
            inspect.signature(lr).bind(0)
        except TypeError:
            fits = False
        except ValueError:  # a function of C without a signature: it will say
            pass
    if not fits:
        raise TypeError(
            f"lr must be a number or a function of the step, got "
            f"{getattr(lr, '__qualname__', short(lr))}: a schedule is what a call "
            "returns, such as cosine(0.1, steps=1000)"
        )
