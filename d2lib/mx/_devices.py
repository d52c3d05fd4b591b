"""A training on a device of the user's choice, to which model and optimiser go along.

What is computed with in MXNet must be in one place. So the model and what the optimiser
keeps are moved there, `device` names it meanwhile, and afterwards all return to where
models and tensors live otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from d2lib.mx._compat import gluon, mx, np
from d2lib.mx.device import device, device_report, on
from d2lib.mx.module import Buffer
from d2lib.mx.tensor import Learnable

__all__ = ["as_device", "trained_on"]


def as_device(given: Any) -> Any:
    """Returns MXNet's context for "cpu", "gpu", "gpu(1)"; a context is itself.

    Raises:
        ValueError: a GPU that is not there.
    """
    if isinstance(given, str):
        kind, _, number = given.rstrip(")").partition("(")
        given = mx.Context(kind, int(number or 0))
    if given.device_type != "gpu":
        return given
    try:
        there = mx.context.num_gpus()
    except Exception:  # the driver can't count them
        there = 0
    if given.device_id >= there:
        raise ValueError(
            f"device is {given}, and MXNet finds {there or 'no'} "
            f"GPU{'s' if there > 1 else ''} here ({device_report()}): pass "
            'device="cpu", or none, and what works is taken'
        )
    return given


@contextmanager
def trained_on(where: Any, model: Any, optimizer: Any) -> Iterator[None]:
    """Moves a model and its optimiser to a device, and back in the end."""
    usual = device()
    with on(where):
        _move(model, optimizer, where)
        try:
            yield
        finally:
            _move(model, optimizer, usual)


def _move(model: Any, optimizer: Any, where: Any) -> None:
    """Moves whatever is computed with; gradients begin at zero."""
    parts = {id(part): part for _, part in model._named_arrays()}
    parts |= {id(part): part for part in optimizer.parameters}
    for module in model.modules():  # what is in no state, too, such as a fixed bias
        parts |= {id(part): part for part in module.collect_params().values()}
    for part in parts.values():
        if isinstance(part, gluon.Parameter):
            if part.list_ctx() != [where]:
                part.reset_ctx(where)
        elif isinstance(part, Buffer):
            part._value = part._value.as_in_ctx(where)
        elif part.ctx != where:
            _move_tensor(part, where)
    for module in model.modules():
        module._clear_cached_op()  # a graph and its memory belong to a device
    optimizer._learnables = [Learnable(p) for p in optimizer.parameters]
    optimizer._kept = [
        [array.as_in_context(where) for array in kept] for kept in optimizer._kept
    ]


def _move_tensor(tensor: np.ndarray, where: Any) -> None:
    """Moves a tensor that others hold, too: it stays the same object."""
    other = tensor.as_in_ctx(where)
    requires_grad = tensor.requires_grad
    tensor.handle, other.handle = other.handle, tensor.handle
    tensor.attach_grad("add" if requires_grad else "null")
