"""What `backward` needs: a recording, and the values that it was made with."""

from __future__ import annotations


def nothing_recorded() -> ValueError:
    """The error of a `backward` that nothing was recorded for."""
    return ValueError(
        "backward() needs a result that was recorded from a tensor with "
        "requires_grad=True, and none was recorded here: record the forward pass, "
        "with dl.record(): loss = ..., of parameters made with "
        "tensor(..., requires_grad=True); a frozen model learns after unfreeze()"
    )


def changed_since() -> ValueError:
    """The error of a `backward` that comes after a step."""
    return ValueError(
        "backward() needs the values that the loss was recorded with, and a parameter "
        "was changed since, by step(), load_state() or in place: call backward() "
        "before step(), or record the forward pass again"
    )


def check_gradient_shape(given: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Raises ValueError unless an upstream gradient has its tensor's shape."""
    if tuple(given) != tuple(shape):
        raise ValueError(
            f"the gradient must have the tensor's shape {tuple(shape)}, got "
            f"{tuple(given)}"
        )
