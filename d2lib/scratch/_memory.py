"""Keep the memory of a training step for the next one.

A step makes large arrays, and all are freed at its end. glibc then gives their memory
back to the system, and the next step asks for it anew, page by page, each filled with
zeros first: of a step of LeNet that can be a third. How much glibc keeps it learns from
what is freed: twice the largest array, if that is of at most 32 MB. An array of nearly
that size is enough, and it need never be used.
"""

from __future__ import annotations

import sys

import numpy as np

__all__ = ["keep_memory"]

_LARGEST = 31 << 20  # bytes; glibc learns nothing from arrays of over 32 MB


def keep_memory() -> None:
    """Teaches glibc to keep up to 62 MB of freed memory; elsewhere it does nothing."""
    if sys.platform == "linux":
        np.empty(_LARGEST, np.uint8)
