"""Makes MXNet 1.9.1 importable, or says once and clearly why it cannot be had.

MXNet's last release is older than NumPy 1.24, which dropped the alias ``numpy.bool``
that MXNet still reads, and than Python 3.12, which dropped ``distutils``. Both are put
in its way here, and nowhere else. Everything in `d2lib.mx` imports MXNet from here.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import operator
import os
import platform
import re
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy

from d2lib._checks import (
    as_array,
    as_float_array,
    check_axes,
    check_batch,
    check_broadcast,
    check_flag,
    check_matmul,
    check_order,
    check_reshape,
    format_value,
)
from d2lib.mx import _runtime
from d2lib.mx._copies import mend_copies

__all__ = ["autograd", "gluon", "mx", "np", "npx"]

INSTALL = 'pip install "mxnet==1.9.1" "numpy<2"'
WHEELS = (
    "MXNet 1.9.1 has wheels for Linux (x86-64 and ARM) and for macOS on Intel, up to "
    "Python 3.12 and with NumPy 1.26; it cannot be had on Apple silicon, on Windows, "
    "on Python 3.13 or later, or with NumPy 2"
)


def why_unavailable(
    system: str, machine: str, python: tuple[int, ...], numpy_version: str, found: bool
) -> str | None:
    """Says what keeps MXNet from being imported here, and the mend; None if nothing.

    Args:
        system: as ``platform.system()`` names it.
        machine: as ``platform.machine()`` names it.
        python: the version of Python, such as ``(3, 11)``.
        numpy_version: of the NumPy that is installed.
        found: whether a package ``mxnet`` is installed.
    """
    if not found:
        if system == "Windows":
            here = "on Windows: use the Windows Subsystem for Linux (WSL 2)"
        elif system == "Darwin" and machine == "arm64":
            here = "on Apple silicon: use a Linux x86-64 or ARM container"
        elif python >= (3, 13):
            version = ".".join(map(str, python[:2]))
            here = f"for Python {version}: make an environment with Python 3.11 or 3.12"
        else:
            return f"MXNet is not installed: {INSTALL}. {WHEELS}"
        return f"MXNet cannot be had {here}, then {INSTALL}. {WHEELS}"
    if int(numpy_version.split(".")[0]) >= 2:
        return (
            f"MXNet does not work with NumPy {numpy_version}: {INSTALL}, which brings "
            f"NumPy 1.26. {WHEELS}"
        )
    return None


def import_mxnet() -> Any:
    """Imports MXNet, switches it to NumPy's semantics and returns the package.

    Raises:
        ImportError: MXNet is missing, cannot be had here, can't read its settings, or
            fails to load.
    """
    problem = why_unavailable(
        platform.system(),
        platform.machine(),
        sys.version_info[:2],
        numpy.__version__,
        importlib.util.find_spec("mxnet") is not None,
    )
    if not problem and "mxnet" not in sys.modules:
        problem = _runtime.why_unreadable(os.environ)
    if problem:
        raise ImportError(f"{problem}. d2lib.scratch works without it.", name="mxnet")
    _runtime.follow_launcher()
    try:
        with _runtime.applied(), _stand_ins(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mxnet

            mxnet.npx.set_np()
            _in_every_thread(mxnet)
            _mend_arrays(mxnet)
            _mend_operators(mxnet)
            mend_copies(mxnet)
            # The engine reads its settings when it is first used, so use it.
            with _runtime.silenced_stderr():
                mxnet.np.zeros(1).wait_to_read()
    except Exception as error:
        raise ImportError(
            f"MXNet is installed, and importing it failed ({error}): {INSTALL}. "
            f"{WHEELS}. d2lib.scratch works without it.",
            name="mxnet",
        ) from error
    return mxnet


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Puts small modules in the place of what MXNet imports and hardly uses.

    Of ``distutils``, gone since Python 3.12, it compares versions only. ``requests``
    and its own ``onnx`` take 0.3 s to import and are loaded when they are first used.
    """
    # This one stays: MXNet reads it at calls too. (NumPy 2 has brought the name back.)
    vars(numpy).setdefault("bool", bool)
    modules = {
        "distutils": types.ModuleType("distutils"),
        "distutils.version": types.ModuleType("distutils.version"),
        "requests": _loaded_when_used("requests"),
        "mxnet.contrib.onnx": _loaded_when_used("mxnet.contrib.onnx"),
    }
    versions = vars(modules["distutils.version"])
    versions["LooseVersion"] = versions["StrictVersion"] = _Version
    absent = {name: m for name, m in modules.items() if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)


def _loaded_when_used(name: str) -> types.ModuleType:
    """A module whose attributes are those of the real one, imported at first use."""
    module = types.ModuleType(name)
    vars(module)["__getattr__"] = lambda attribute: getattr(
        importlib.import_module(name), attribute
    )
    return module


def _in_every_thread(mxnet: Any) -> None:
    """Extends ``set_np``, which holds for the thread that calls it, to all of them."""
    scope = mxnet.util._NumpyArrayScope

    class Current(threading.local):
        def __init__(self) -> None:
            self.value = scope(True)

    scope._current = Current()
    mxnet.util.set_np_shape(2)  # which means: in all threads


def _mend_arrays(mxnet: Any) -> None:
    """Replaces operators of MXNet's arrays whose gradients 1.9.1 computes wrongly.

    ``x ** 0`` has the gradient 0, at x = 0 too, where MXNet's is NaN. And where an axis
    of length 1 in the middle of a stack of matrices is stretched, ``x @ y`` adds up the
    gradient of the wrong ones; stretched beforehand, it is right. Equal largest values
    share the gradient of their maximum, where MXNet gives all of it to each.

    The reductions, ``reshape`` and ``transpose`` say what is wrong with an axis or a
    shape, and the reductions with nothing to reduce. A tensor of one number, of
    whatever shape, can be formatted as that.

    Where gradients add up, that of a copy, a cast, a clip or a running sum replaces
    what was there before, and that of a mean divides it: they are taken of a product
    with 1.
    """
    np = mxnet.np
    power, matmul = np.ndarray.__pow__, np.ndarray.__matmul__

    def __pow__(x: Any, n: Any) -> Any:
        return np.ones_like(x) if isinstance(n, Real) and n == 0 else power(x, n)

    def __matmul__(x: Any, y: Any) -> Any:
        if isinstance(y, np.ndarray) and min(x.ndim, y.ndim) > 2:
            stacks = x.shape[:-2], y.shape[:-2]
            if stacks[0] != stacks[1]:
                stack = numpy.broadcast_shapes(*stacks)
                x = np.broadcast_to(x, (*stack, *x.shape[-2:]))
                y = np.broadcast_to(y, (*stack, *y.shape[-2:]))
        return matmul(x, y)

    np.ndarray.__pow__, np.ndarray.__matmul__ = __pow__, __matmul__

    def adding(name: str) -> Any:
        f = getattr(np.ndarray, name)

        @functools.wraps(f)
        def method(self: Any, *args: Any, **named: Any) -> Any:
            leaf = mxnet.autograd.is_recording() and self.grad is not None
            return f(self * 1 if leaf else self, *args, **named)

        return method

    for name in ("astype", "clip", "copy", "cumsum", "mean"):
        setattr(np.ndarray, name, adding(name))

    def checked(name: str) -> Any:
        reduce = getattr(np.ndarray, name)

        @functools.wraps(reduce)
        def reduction(
            self: Any, axis: Any = None, keepdims: bool = False, **named: Any
        ) -> Any:
            check_axes(axis, self.ndim, name)
            check_flag(keepdims, "keepdims")
            if name != "sum":
                check_batch(self.shape, name, "x")
            return reduce(self, axis, keepdims=keepdims, **named)

        return reduction

    for name in ("sum", "mean", "max", "min"):
        setattr(np.ndarray, name, checked(name))

    def shared(name: str) -> Any:
        best = getattr(np.ndarray, name)

        @functools.wraps(best)
        def reduction(
            self: Any, axis: Any = None, keepdims: bool = False, **named: Any
        ) -> Any:
            y = best(self, axis, keepdims, **named)
            if not mxnet.autograd.is_recording():
                return y
            with mxnet.autograd.pause():
                value = y.copy()
                equal = self == best(self, axis, True)
                ties = equal.astype(self.dtype).sum(axis, keepdims=True)
                ties = ties.reshape(y.shape)
            # y - value is zero, and passes 1/ties of the gradient on.
            split = value + (y - value) / np.maximum(ties, 1)
            return np.where(np.isfinite(value), split, y)

        return reduction

    for name in ("max", "min"):
        setattr(np.ndarray, name, shared(name))

    reshape, transpose = np.ndarray.reshape, np.ndarray.transpose

    @functools.wraps(reshape)
    def reshaped(self: Any, *shape: Any, **named: Any) -> Any:
        return reshape(self, check_reshape(shape, self.shape), **named)

    @functools.wraps(transpose)
    def transposed(self: Any, *axes: Any) -> Any:
        return transpose(self, check_order(axes, self.ndim))

    np.ndarray.reshape, np.ndarray.transpose = reshaped, transposed
    np.ndarray.__hash__ = object.__hash__  # by identity; MXNet's raises an error

    def __format__(self: Any, spec: str) -> str:
        return format(format_value(self, spec), spec)

    np.ndarray.__format__ = __format__


def _mend_operators(mxnet: Any) -> None:
    """Lets MXNet's arrays compute with lists, with NumPy's arrays, and across dtypes.

    What is no array of MXNet's becomes one of the other operand's dtype, or is refused
    as the NumPy twin refuses it; of two dtypes the wider one is computed in. NumPy
    leaves ``array * tensor`` to the tensor. Two tensors of one dtype are MXNet's own
    business: nothing is asked before it has failed.
    """
    np, numbers = mxnet.np, mxnet.base.numeric_types

    def like(x: Any, other: Any) -> Any:
        """Makes an array of MXNet's that can be computed with x."""
        dtype = numpy.dtype(x.dtype)
        array = (
            as_float_array(other, dtype, "x")
            if dtype.kind == "f"
            else as_array(other, "x")
        )
        return np.array(array, dtype=array.dtype, ctx=x.ctx)

    def width(dtype: Any) -> tuple[bool, int]:
        dtype = numpy.dtype(dtype)
        return dtype.kind == "f", dtype.itemsize

    def mended(name: str, sign: str) -> Any:
        compute = getattr(np.ndarray, name)
        taken = np.ndarray if sign == "@" else (np.ndarray, *numbers)
        in_place = name.startswith("__i")

        @functools.wraps(compute)
        def method(x: Any, y: Any) -> Any:
            if not isinstance(y, taken):
                y = like(x, y)
            try:
                return compute(x, y)
            except mxnet.MXNetError:
                if not isinstance(y, np.ndarray):
                    raise
                if sign == "@":
                    check_matmul(x.shape, y.shape)
                else:
                    check_broadcast((x.shape, y.shape), f"x {sign} y", "x and y")
                if x.dtype == y.dtype:
                    raise
                dtype = max(x.dtype, y.dtype, key=width)
                if in_place or x.dtype == dtype:
                    return compute(x, y.astype(x.dtype))
                return compute(x.astype(dtype), y)

        return method

    def reflected(name: str, forward: Any, sign: str) -> Any:
        compute = getattr(np.ndarray, name)

        @functools.wraps(compute)
        def method(x: Any, y: Any) -> Any:
            if sign != "@" and isinstance(y, numbers):
                return compute(x, y)
            return forward(y if isinstance(y, np.ndarray) else like(x, y), x)

        return method

    by_ufunc = {}
    for name, sign, ufunc in (
        ("add", "+", "add"),
        ("sub", "-", "subtract"),
        ("mul", "*", "multiply"),
        ("truediv", "/", "divide"),
        ("matmul", "@", "matmul"),
    ):
        forward = mended(f"__{name}__", sign)
        backward = reflected(f"__r{name}__", forward, sign)
        setattr(np.ndarray, f"__{name}__", forward)
        setattr(np.ndarray, f"__r{name}__", backward)
        if sign != "@":
            setattr(np.ndarray, f"__i{name}__", mended(f"__i{name}__", f"{sign}="))
        by_ufunc[ufunc] = getattr(operator, name)
    for name, sign, ufunc in (
        ("lt", "<", "less"),
        ("le", "<=", "less_equal"),
        ("gt", ">", "greater"),
        ("ge", ">=", "greater_equal"),
        ("eq", "==", "equal"),
        ("ne", "!=", "not_equal"),
    ):
        setattr(np.ndarray, f"__{name}__", mended(f"__{name}__", sign))
        by_ufunc[ufunc] = getattr(operator, name)

    dispatch = np.ndarray.__array_ufunc__

    def __array_ufunc__(
        self: Any, ufunc: Any, method: str, *inputs: Any, **options: Any
    ) -> Any:
        operation = by_ufunc.get(ufunc.__name__)
        if operation and method == "__call__" and not options:
            x, y = inputs
            if isinstance(x, numpy.ndarray):
                x = like(self, x)
            return operation(x, y)
        return dispatch(self, ufunc, method, *inputs, **options)

    np.ndarray.__array_ufunc__ = __array_ufunc__


class _Version(tuple[int, ...]):
    """A version number that compares as numbers do."""

    def __new__(cls, text: str) -> _Version:
        return super().__new__(cls, [int(n) for n in re.findall(r"\d+", text)[:3]])


import_mxnet()

import mxnet as mx  # noqa: E402
from mxnet import autograd, gluon, np, npx  # noqa: E402
