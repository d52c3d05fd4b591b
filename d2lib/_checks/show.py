"""What came in, as a message can show it."""

from __future__ import annotations

from typing import Any

import numpy as np


def short(data: Any) -> str:
    """Returns ``repr(data)`` in one line of 60 characters at most."""
    if isinstance(data, np.ndarray) and data.ndim:
        return f"an array of dtype {data.dtype} and shape {data.shape}"
    try:
        text = " ".join(repr(data).split())
    except Exception:  # who writes a repr that fails still needs the message
        text = type(data).__name__
    return text if len(text) <= 60 else text[:57] + "..."
