"""Who may look at whom in attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks import check_flag, check_mask
from d2lib._types import Array

__all__ = ["may_look"]


def may_look(mask: Any, causal: bool, shape: tuple[int, ...]) -> Array | None:
    """Says where a query may look; None means everywhere.

    Args:
        mask: what the user gave, or None.
        causal: whether to hide the future.
        shape: that of the scores, (..., len_q, len_k).

    Returns:
        A boolean array that broadcasts to ``shape``.
    """
    visible = None if mask is None else check_mask(mask, shape)
    if check_flag(causal, "causal"):
        past = np.tri(shape[-2], shape[-1], dtype=bool)  # row t: True at 0 to t
        visible = past if visible is None else visible & past
    return visible
