"""A golden value: what the page must compute, computed by d2lib."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One call of a function of `explorable.model.NAME`, and what it must return.

    Attributes:
        call: The function's name.
        args: Its arguments: numbers, texts, lists and dicts of them.
        value: What d2lib returns: numbers, lists and dicts of them.
        rtol: How far the page may be from it, relative to the largest number of a list.
    """

    call: str
    args: tuple
    value: Any
    rtol: float = 1e-9


def plain(value: Any) -> Any:
    """Return arrays as lists, with more digits than float64 has, and tensors' data."""
    if hasattr(value, "backward"):
        value = value.data
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value
