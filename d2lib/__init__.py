"""Deep learning, twice: every concept from scratch in NumPy, and in MXNet.

``d2lib.scratch`` is the NumPy twin and ``d2lib.mx`` the MXNet twin. They have the same
modules, the same names, the same arguments and the same shapes, so one changed import
changes the backend:

    >>> from d2lib import scratch as dl  # or: from d2lib import mx as dl

``import d2lib`` loads neither. A twin, or any other module of the package, is loaded
when it is first named, ``d2lib.music`` as well as ``d2lib.mx``, so that NumPy alone is
enough wherever MXNet has no wheel.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["__version__"]

__version__ = "0.1.0"

#: What users import; what begins with _ and ``shared`` are the package's own.
_SUBMODULES = (
    "book",
    "checkpoint",
    "data",
    "generation",
    "gradcheck",
    "metrics",
    "music",
    "mx",
    "plotting",
    "reinforcement",
    "schedules",
    "scratch",
    "sklearn",
    "training",
)


def __getattr__(name: str) -> Any:
    """Loads ``d2lib.scratch`` and the like at the first use (PEP 562)."""
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_SUBMODULES])
