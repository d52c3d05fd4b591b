"""What came in, as a message can show it."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_tensor(data: Any) -> bool:
    """Whether this is a tensor of either twin, or a parameter of Gluon's."""
    return hasattr(data, "asnumpy") or hasattr(data, "grad_req")


def kind(data: Any) -> str:
    """Returns the name of a type; both twins' tensors have the same one."""
    return "Tensor" if is_tensor(data) else type(data).__name__


def short(data: Any) -> str:
    """Returns ``repr(data)`` in one line of 60 characters at most."""
    if isinstance(data, np.ndarray) and data.ndim:
        return f"an array of dtype {data.dtype} and shape {data.shape}"
    if hasattr(data, "asnumpy"):
        return f"a tensor of shape {data.shape}"
    try:
        text = " ".join(repr(data).split())
    except Exception:  # who writes a repr that fails still needs the message
        text = type(data).__name__
    return text if len(text) <= 60 else text[:57] + "..."


def format_value(data: Any, spec: str) -> Any:
    """Returns what a tensor is in formatted text: its one number, or all of it."""
    if not spec:
        return str(data)
    if data.size != 1:
        raise TypeError(
            f"a format such as {spec!r} needs a tensor of one number, got shape "
            f"{tuple(data.shape)}: format its elements, or pick one with x[i]"
        )
    return data.item()
