"""Where this twin computes."""

from __future__ import annotations

__all__ = ["device"]


def device() -> str:
    """Names where this twin computes: NumPy knows the processor only.

    Returns:
        "cpu(0)", as MXNet writes it.

    Example:
        >>> device()
        'cpu(0)'
    """
    return "cpu(0)"
