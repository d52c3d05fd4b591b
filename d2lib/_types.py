"""Short names for types: NumPy's arrays and dtypes, whatever the numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

__all__ = ["Array", "DType"]

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    DType: TypeAlias = np.dtype[Any]
else:  # so the reference says `numpy.ndarray`, without `[Any, dtype[Any]]`
    Array = np.ndarray
    DType = np.dtype
