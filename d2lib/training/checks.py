"""Whether model, loss and optimiser go together."""

from __future__ import annotations

import re
from typing import Any

from d2lib._checks import short

__all__ = ["check_device", "check_loss", "check_optimizer", "check_probabilities"]


def check_device(device: Any, twin: str) -> None:
    """Raises unless it names a device, for NumPy the processor; or is MXNet's own."""
    if isinstance(device, str):
        if not re.fullmatch(r"(cpu|gpu)(\(\d{1,3}\))?", device):
            raise ValueError(
                'device must be "cpu", "gpu", or one of several, such as "gpu(1)", got '
                f"{short(device)}"
            )
    elif type(device).__name__ != "Context":
        raise TypeError(
            'device must be "cpu", "gpu", "gpu(1)" or a context of MXNet, got '
            f"{short(device)}"
        )
    if twin == "d2lib.scratch" and device != "cpu":
        raise ValueError(
            'device must be "cpu" for a model of d2lib.scratch, which NumPy computes, '
            f"got {short(device)}: build it with d2lib.mx"
        )


def check_optimizer(optimizer: Any, model: Any) -> None:
    """Raises unless it is an optimiser of the model's twin, made for its parameters."""
    if isinstance(optimizer, type) or not (
        hasattr(optimizer, "step")
        and isinstance(getattr(optimizer, "parameters", None), list)
    ):
        raise TypeError(
            "optimizer must be an optimiser made for the model, got "
            f"{short(optimizer)}: pass dl.Adam(model.parameters())"
        )
    # A subclass of one's own counts as one of the twin that it extends.
    if not any(c.__module__.startswith(model.twin) for c in type(optimizer).__mro__):
        raise TypeError(
            f"model and optimiser must be of one twin, got a model of {model.twin} and "
            f"an optimiser of {type(optimizer).__module__}"
        )
    own = {id(parameter) for parameter in model.parameters()}
    if not any(id(parameter) in own for parameter in optimizer.parameters):
        raise ValueError(
            "the optimiser must be made for this model, got one that moves none of its "
            f"parameters: pass {type(optimizer).__name__}(model.parameters())"
        )


def check_loss(loss: Any, twin: str) -> None:
    """Raises unless it is a function, and none of the other twin's."""
    if not callable(loss) or isinstance(loss, type) or hasattr(loss, "twin"):
        raise TypeError(
            f"loss must be a function, got {short(loss)}: pass the function itself, "
            "such as dl.mse or dl.cross_entropy"
        )
    module = getattr(loss, "__module__", None) or ""
    other = {"d2lib.scratch": "d2lib.mx", "d2lib.mx": "d2lib.scratch"}[twin]
    if module.startswith(other):
        raise TypeError(
            f"model and loss must be of one twin, got a model of {twin} and the loss "
            f"{module}.{getattr(loss, '__name__', '')}"
        )


def check_probabilities(twin: Any, loss: Any, model: Any, y_hat: Any) -> None:
    """Raises if a loss that takes logits would get what is a probability already."""
    if loss is twin.binary_cross_entropy_with_logits:
        last = model
        while getattr(last, "layers", None) and isinstance(last.layers, (list, tuple)):
            last = last.layers[-1]
        if getattr(last, "activation", None) == "sigmoid":
            raise ValueError(
                "the loss binary_cross_entropy_with_logits takes logits, and this "
                "model ends with a sigmoid: build it with activation=None there, or "
                "pass loss=dl.binary_cross_entropy"
            )
    if loss is twin.cross_entropy and isinstance(y_hat, twin.Tensor) and y_hat.ndim:
        p = twin.to_numpy(y_hat)
        total = p.sum(axis=-1)
        if p.shape[-1] > 1 and (p >= 0).all() and (abs(total - 1) < 1e-3).all():
            raise ValueError(
                "the loss cross_entropy takes logits, and this model returns "
                "probabilities, which sum to 1: leave out its softmax, which is part "
                "of the loss"
            )
