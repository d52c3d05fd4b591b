"""MXNet's ``grad_req`` under the NumPy twin's name: ``requires_grad``.

A tensor and a Gluon parameter have it. A graph in which a parameter was compiled knows
what was trained then: it is forgotten, and compiled anew when it is next needed.
"""

from __future__ import annotations

from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from d2lib._checks import check_flag
from d2lib.mx._compat import autograd, gluon, mx, np

# Which blocks have compiled a parameter.
_blocks: WeakKeyDictionary[Any, WeakSet[Any]] = WeakKeyDictionary()
_build_cache = gluon.HybridBlock._build_cache


@wraps(_build_cache)
def _noted(self: Any, *args: Any) -> None:
    """Compiles a block, and keeps in mind what is in its graph."""
    _build_cache(self, *args)
    for is_input, parameter in self._cached_op_args:
        if not is_input:
            _blocks.setdefault(parameter, WeakSet()).add(self)


def _parameter_learns(self: Any) -> bool:
    """Whether ``backward`` adds to the gradient; assign False to freeze it."""
    learns: bool = self.grad_req != "null"
    return learns


def _let_parameter_learn(self: Any, value: Any) -> None:
    self.grad_req = "add" if check_flag(value, "requires_grad") else "null"
    for block in list(_blocks.get(self, ())):
        block._clear_cached_op()


_attach_grad = np.ndarray.attach_grad


@wraps(_attach_grad)
def _attach(self: Any, grad_req: str = "write") -> None:
    """Keeps in mind what MXNet does not tell: whether the gradient is computed."""
    _attach_grad(self, grad_req)
    self.is_frozen = grad_req == "null"


def gradient(array: Any) -> Any:
    """An array's gradient; None if it has none, or none is computed any more."""
    return None if getattr(array, "is_frozen", False) else array.grad


def _tensor_learns(self: Any) -> bool:
    """Whether ``backward`` goes through here; assign False to freeze a parameter."""
    if self.grad is not None:
        return gradient(self) is not None
    try:
        return autograd.get_symbol(self) is not None  # it was computed and recorded
    except mx.MXNetError:
        return False


def _let_tensor_learn(self: Any, value: Any) -> None:
    if check_flag(value, "requires_grad") != (gradient(self) is not None):
        self.attach_grad("add" if value else "null")
        self.is_parameter = True  # and remains one when it is frozen


gluon.HybridBlock._build_cache = _noted
gluon.Parameter.requires_grad = property(_parameter_learns, _let_parameter_learn)
np.ndarray.attach_grad = _attach
np.ndarray.requires_grad = property(_tensor_learns, _let_tensor_learn)
