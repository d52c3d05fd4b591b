"""Losses by Gluon; `d2lib.scratch.losses` derives them and their gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from d2lib._checks import (
    as_targets,
    check_batch,
    check_choice,
    check_labels,
    check_same_shape,
    check_unit_interval,
)
from d2lib.mx._compat import gluon, np
from d2lib.mx.tensor import Tensor, as_tensor, to_device, to_numpy

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "mse",
]


def mse(y_hat: Any, y: Any, reduction: str = "mean") -> Tensor:
    r"""Mean squared error, :math:`\frac1n\sum_i (y_i - \hat y_i)^2`.

    It is twice ``gluon.loss.L2Loss``, since Gluon halves the square.

    Args:
        y_hat: predictions, a tensor or float array of any shape.
        y: targets of the same shape.
        reduction: "mean" over all elements, "sum", or "none".

    Raises:
        ValueError: different shapes, an empty batch, an unknown reduction.
        TypeError: an argument of a wrong type.

    Example:
        >>> mse([1.0, 2.0], [1.0, 4.0]).item()
        2.0
    """
    y_hat = as_tensor(y_hat, name="y_hat")
    shape, dtype = y_hat.shape, y_hat.dtype  # asked once: MXNet takes its time
    y = y.detach() if isinstance(y, np.ndarray) else as_targets(y, dtype)
    check_same_shape(shape, y.shape, "mse")
    check_batch(shape, "mse")
    return _compute(_squared, y_hat, as_tensor(y, dtype), reduction)


def binary_cross_entropy(y_hat: Any, y: Any, reduction: str = "mean") -> Tensor:
    r"""Of *probabilities*, :math:`-\frac1n\sum_i y_i\log p_i + (1-y_i)\log(1-p_i)`.

    By ``gluon.loss.SigmoidBCELoss(from_sigmoid=True)``.

    Args:
        y_hat: probabilities in [0, 1], a tensor or float array of any shape.
        y: targets in [0, 1], of the same shape.
        reduction: "mean" over all elements, "sum", or "none".

    Raises:
        ValueError: different shapes, an empty batch, targets or probabilities outside
            [0, 1] (logits, mostly), an unknown reduction.
        TypeError: an argument of a wrong type.

    Example:
        >>> round(binary_cross_entropy([0.1], [1.0]).item(), 3)
        2.303
    """
    y_hat, y = _yes_or_no(y_hat, y, "binary_cross_entropy")
    check_unit_interval(to_numpy(y_hat), "y_hat")
    return _compute(_logistic_of_probabilities, y_hat, y, reduction)


def binary_cross_entropy_with_logits(
    y_hat: Any, y: Any, reduction: str = "mean"
) -> Tensor:
    r"""Of *logits*, :math:`\frac1n\sum_i \max(z_i, 0) - z_i y_i + \log(1+e^{-|z_i|})`.

    Args:
        y_hat: logits :math:`z`, a tensor or float array of any shape.
        y: targets in [0, 1], of the same shape.
        reduction: "mean" over all elements, "sum", or "none".

    Raises:
        ValueError: different shapes, an empty batch, targets outside [0, 1], an unknown
            reduction.
        TypeError: an argument of a wrong type.

    Example:
        >>> round(binary_cross_entropy_with_logits([0.0], [1.0]).item(), 3)
        0.693
    """
    y_hat, y = _yes_or_no(y_hat, y, "binary_cross_entropy_with_logits")
    return _compute(_logistic, y_hat, y, reduction)


def _yes_or_no(y_hat: Any, y: Any, what: str) -> tuple[Tensor, Tensor]:
    """Checks predictions and targets, and returns both as tensors."""
    y_hat = as_tensor(y_hat, name="y_hat")
    targets = as_targets(y, y_hat.dtype)
    check_same_shape(y_hat.shape, targets.shape, what)
    check_unit_interval(targets, "y")
    check_batch(y_hat.shape, "binary cross-entropy")
    return y_hat, as_tensor(targets, y_hat.dtype)


def cross_entropy(y_hat: Any, y: Any, reduction: str = "mean") -> Tensor:
    r"""Softmax cross-entropy, :math:`-\frac1n\sum_i \log\text{softmax}(z_i)_{y_i}`.

    It is ``npx.log_softmax`` and ``npx.pick``, as Gluon's ``SoftmaxCrossEntropyLoss``
    is, compiled with the mean. In float32 MXNet's is exact to some 4e-6, so a loss of
    nearly zero can come out below it by as much.

    Args:
        y_hat: logits, shape ``(..., classes)``.
        y: integer labels in [0, classes), shape ``(...)``.
        reduction: "mean" over all labels, "sum", or "none".

    Raises:
        ValueError: shapes that do not go together, labels out of range, an empty batch,
            an unknown reduction.
        TypeError: labels that are not integers.

    Example:
        >>> round(cross_entropy([[0.0, 0.0]], [1]).item(), 3)
        0.693
    """
    y_hat = as_tensor(y_hat, name="y_hat")
    shape = y_hat.shape
    labels = check_labels(y, shape)
    check_batch(shape, "cross_entropy")
    rows = y_hat if len(shape) == 2 else y_hat.reshape(-1, shape[-1])
    classes = to_device(labels.reshape(-1).astype("int32"))
    loss = _compute(_surprise, rows, classes, reduction)
    return loss.reshape(labels.shape) if reduction == "none" else loss


# The loss of every example. F is MXNet's module of array functions, or that of its
# symbols, from which a graph is compiled.


def _squared(F: Any, y_hat: Any, y: Any) -> Any:
    """The square of each error."""
    return F.np.square(y_hat - y)


def _logistic(F: Any, z: Any, y: Any) -> Any:
    r"""Binary cross-entropy of logits: :math:`|z|/2 + z(1/2-y) + \log(1+e^{-|z|})`.

    This is the usual stable form, written so that each derivative at z = 0 is right.
    ``gluon.loss.SigmoidBCELoss`` gives -y there instead of 1/2 - y, which a network
    that starts with zero weights would learn from, and is 1% off at z = -10.
    """
    size = F.np.abs(z)
    return size * 0.5 + z * (0.5 - y) + F.np.log1p(F.np.exp(-size))


def _logistic_of_probabilities(F: Any, p: Any, y: Any) -> Any:
    """Binary cross-entropy of probabilities, by Gluon."""
    of_each = gluon.loss.SigmoidBCELoss(from_sigmoid=True)  # takes a row's mean
    return of_each(p.reshape((-1, 1)), y.reshape((-1, 1)))


def _surprise(F: Any, z: Any, y: Any) -> Any:
    r"""Cross-entropy of logits: :math:`-\log\text{softmax}(z)_y`."""
    return -F.npx.pick(F.npx.log_softmax(z, axis=-1), y, axis=-1)


_REDUCTIONS = ("mean", "sum", "none")


class _Reduced(gluon.HybridBlock):
    """A loss and its reduction as one compiled graph."""

    def __init__(self, values: Callable[..., Any], reduction: str) -> None:
        super().__init__()
        self.values, self.reduction = values, reduction
        self.hybridize(static_alloc=True, static_shape=True)

    def hybrid_forward(self, F: Any, y_hat: Any, y: Any) -> Any:
        values = self.values(F, y_hat, y)
        if self.reduction == "none":
            return values
        return F.np.mean(values) if self.reduction == "mean" else F.np.sum(values)


@cache
def _compiled(values: Callable[..., Any], reduction: str) -> _Reduced:
    return _Reduced(values, reduction)


def _compute(
    values: Callable[..., Any], y_hat: Tensor, y: Tensor, reduction: str
) -> Tensor:
    check_choice(reduction, _REDUCTIONS, "reduction")
    loss = _compiled(values, reduction)(y_hat, y)
    if reduction == "none" and loss.shape != y.shape:
        loss = loss.reshape(y.shape)
    return loss
