"""A stand-in for an array on a device, such as CuPy's, that refuses to leave it.

NumPy's functions reach it by the protocols that CuPy has too: ``__array_ufunc__`` and
``__array_function__``. Whatever would copy its numbers to the processor is an error, as
is computing with an array of NumPy's, but for single numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class Left(TypeError):
    """Numbers would have left the device."""


class DeviceArray(NDArrayOperatorsMixin):
    """An array that only NumPy's protocols can compute with."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise Left("an array of the device was turned into one of NumPy's")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any):
        return wrap(getattr(ufunc, method)(*inside(inputs), **inside(kwargs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any):
        if function is np.asarray:  # with like=, the one way onto the device
            data, *others = args
            return wrap(function(getattr(data, "_array", data), *others, **kwargs))
        return wrap(function(*inside(args), **inside(kwargs)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # such as __array_interface__, a way out
            raise AttributeError(name)
        found = getattr(self._array, name)
        if not callable(found):
            return wrap(found)
        if name in ("tolist", "tobytes", "tofile", "dump", "dumps"):
            raise Left(f"{name} copies numbers of the device")
        return lambda *args, **kwargs: wrap(found(*inside(args), **inside(kwargs)))

    def __getitem__(self, key: Any) -> Any:
        return wrap(self._array[inside(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self._array[inside(key)] = inside(value)

    def __len__(self) -> int:
        return len(self._array)

    def __repr__(self) -> str:
        return f"DeviceArray{self._array.shape}"

    # One number may be read, as of CuPy's arrays: the loss, or whether a check holds.

    def __float__(self) -> float:
        return float(self._array)

    def __bool__(self) -> bool:
        return bool(self._array)

    def item(self) -> Any:
        return self._array.item()


def inside(thing: Any) -> Any:
    """What stands behind the arrays of the device; another array is an error."""
    if isinstance(thing, DeviceArray):
        return thing._array
    if isinstance(thing, (tuple, list)):
        return type(thing)(inside(part) for part in thing)
    if isinstance(thing, dict):
        return {name: inside(part) for name, part in thing.items()}
    if isinstance(thing, np.ndarray) and thing.ndim:
        raise Left("an array of NumPy's met one of the device")
    return thing


def wrap(thing: Any) -> Any:
    """Arrays of the device in place of NumPy's."""
    if isinstance(thing, (np.ndarray, np.generic)) and not isinstance(thing, np.dtype):
        return DeviceArray(np.asarray(thing))
    if isinstance(thing, (tuple, list)) and not hasattr(thing, "_fields"):
        return type(thing)(wrap(part) for part in thing)
    return thing
