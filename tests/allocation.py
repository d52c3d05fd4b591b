"""How much memory Python's allocators, and NumPy's, are asked for."""

import tracemalloc
from collections.abc import Callable


def bytes_asked_for(step: Callable[[], object]) -> int:
    """The most bytes that a step holds beyond what there was; the first two prepare."""
    step()
    tracemalloc.start()
    try:
        step()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before
