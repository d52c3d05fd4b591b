"""MXNet's tape with the NumPy twin's manners: clear errors, and no stale gradient.

MXNet gives every array that has a gradient a *variable*, to which the recorded graph
refers. When an optimiser has changed a parameter, its variable is renamed, and it gets
a new one. A loss that was recorded with the old one still refers to that, and
`backward` reads its name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from d2lib._checks import changed_since, check_gradient_shape, fixed, nothing_recorded
from d2lib.mx._compat import autograd, mx, np
from d2lib.mx._freezing import gradient

__all__ = ["mark_changed"]


_CHANGED = "changed"  # the name of a variable whose values are gone


def mark_changed(arrays: list[Any], gradients: list[Any], grad_reqs: Any) -> None:
    """Says that these arrays, which have these gradients, have new values."""
    if not arrays:
        return
    try:
        for array in arrays:
            autograd.get_symbol(array)._set_attr(name=_CHANGED)
        fresh = [array for array in arrays if array._fresh_grad]
        autograd.mark_variables(arrays, gradients, grad_reqs)
    except BaseException:  # Ctrl-C: left so, they would count as changed for ever
        autograd.mark_variables(arrays, gradients, grad_reqs)
        raise
    for array in fresh:
        array._fresh_grad = True


def backward(
    self: Any, out_grad: Any = None, retain_graph: bool = True, train_mode: bool = True
) -> None:
    """Computes the gradients; see `d2lib.scratch.Tensor.backward`.

    Unlike MXNet's it retains the graph, which costs nothing: what was recorded lives as
    long as the loss does, and parts that two losses share count for both.
    """
    if out_grad is not None:
        if not isinstance(out_grad, np.ndarray):
            out_grad = np.array(out_grad, dtype=self.dtype, ctx=self.ctx)
        check_gradient_shape(out_grad.shape, self.shape)
    try:
        graph = autograd.get_symbol(self)
    except mx.MXNetError:
        raise nothing_recorded() from None
    if _CHANGED in graph.list_arguments():
        raise changed_since()
    _backward(self, out_grad, retain_graph, train_mode)


def _changing(name: str) -> Callable[..., Any]:
    """MXNet's operation on an array in place, which counts as a change."""
    original = getattr(np.ndarray, name)

    @wraps(original)
    def change(self: Any, *args: Any) -> Any:
        if hasattr(self, "copied_from"):
            raise fixed(self.copied_from)
        result = original(self, *args)
        if hasattr(self, "is_parameter"):  # made by `tensor`
            own = gradient(self)
            if own is not None:
                mark_changed([self], [own], "add")
        return result

    return change


_backward = np.ndarray.backward
np.ndarray.backward = backward
for _name in ("__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__"):
    setattr(np.ndarray, _name, _changing(_name))
