"""Losses by Gluon; `d2lib.scratch.losses` derives them and their gradients."""

from __future__ import annotations

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

__all__ = ["binary_cross_entropy", "cross_entropy", "mse"]


def mse(y_hat: Any, y: Any, reduction: str = "mean") -> Tensor:
    r"""Mean squared error, :math:`\frac1n\sum_i (y_i - \hat y_i)^2`.

    It is ``gluon.loss.L2Loss`` with weight 2, since Gluon halves the square.

    Args:
        y_hat: predictions, a tensor or float array of any shape.
        y: targets of the same shape.
        reduction: "mean" over all elements, "sum", or "none".

    Raises:
        ValueError: different shapes, an empty batch, an unknown reduction.

    Example:
        >>> mse([1.0, 2.0], [1.0, 4.0]).item()
        2.0
    """
    y_hat = as_tensor(y_hat)
    y = y.detach() if isinstance(y, np.ndarray) else as_targets(y, y_hat.dtype)
    check_same_shape(y_hat.shape, y.shape, "mse")
    return _compute("mse", y_hat, as_tensor(y, y_hat.dtype), reduction)


def binary_cross_entropy(
    y_hat: Any, y: Any, from_logits: bool = True, reduction: str = "mean"
) -> Tensor:
    r"""Binary cross-entropy, :math:`-\frac1n\sum_i y_i\log p_i + (1-y_i)\log(1-p_i)`.

    Of probabilities it is ``gluon.loss.SigmoidBCELoss(from_sigmoid=True)``.

    Args:
        y_hat: logits, or probabilities in [0, 1] if ``from_logits`` is False.
        y: targets in [0, 1], of the same shape.
        from_logits: what y_hat is.
        reduction: "mean" over all elements, "sum", or "none".

    Raises:
        ValueError: different shapes, an empty batch, targets or probabilities outside
            [0, 1], an unknown reduction.

    Example:
        >>> round(binary_cross_entropy([0.1], [1.0], from_logits=False).item(), 3)
        2.303
    """
    y_hat = as_tensor(y_hat)
    targets = as_targets(to_numpy(y), y_hat.dtype)
    check_same_shape(y_hat.shape, targets.shape, "binary_cross_entropy")
    check_unit_interval(targets, "y")
    kind = "binary cross-entropy"
    if not from_logits:
        check_unit_interval(to_numpy(y_hat), "y_hat")
        kind = "binary cross-entropy of probabilities"
    return _compute(kind, y_hat, as_tensor(targets, y_hat.dtype), reduction)


def cross_entropy(y_hat: Any, y: Any, reduction: str = "mean") -> Tensor:
    r"""Softmax cross-entropy, :math:`-\frac1n\sum_i \log\text{softmax}(z_i)_{y_i}`.

    It is ``gluon.loss.SoftmaxCrossEntropyLoss``: ``npx.log_softmax`` and ``npx.pick``.

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
    y_hat = as_tensor(y_hat)
    labels = check_labels(to_numpy(y), y_hat.shape)
    check_batch(y_hat.shape, "cross_entropy")
    rows = y_hat if y_hat.ndim == 2 else y_hat.reshape(-1, y_hat.shape[-1])
    classes = to_device(labels.reshape(-1).astype("int32"))
    loss = _compute("cross-entropy", rows, classes, reduction)
    return loss.reshape(labels.shape) if reduction == "none" else loss


class _Logistic(gluon.HybridBlock):
    r"""Binary cross-entropy of logits: :math:`|z|/2 + z(1/2-y) + \log(1+e^{-|z|})`.

    This is the usual stable form, written so that each derivative at z = 0 is right.
    ``gluon.loss.SigmoidBCELoss`` gives -y there instead of 1/2 - y, which a network
    that starts with zero weights would learn from, and is 1% off at z = -10.
    """

    def hybrid_forward(self, F: Any, z: Any, y: Any) -> Any:
        size = F.np.abs(z)
        return size * 0.5 + z * (0.5 - y) + F.np.log1p(F.np.exp(-size))


class _Reduced(gluon.HybridBlock):
    """A loss and its reduction as one compiled graph."""

    def __init__(self, loss: Any, flat: bool, reduction: str) -> None:
        super().__init__()
        self.loss, self.flat, self.reduction = loss, flat, reduction
        self.hybridize(static_alloc=True, static_shape=True)

    def hybrid_forward(self, F: Any, y_hat: Any, y: Any) -> Any:
        if self.flat:  # Gluon would take the mean over each example's numbers
            y_hat, y = y_hat.reshape((-1, 1)), y.reshape((-1, 1))
        values = self.loss(y_hat, y)
        if self.reduction == "none":
            return values
        return F.np.mean(values) if self.reduction == "mean" else F.np.sum(values)


_LOSSES = {
    "mse": lambda: gluon.loss.L2Loss(weight=2.0),
    "binary cross-entropy": _Logistic,
    "binary cross-entropy of probabilities": lambda: gluon.loss.SigmoidBCELoss(True),
    "cross-entropy": gluon.loss.SoftmaxCrossEntropyLoss,
}


@cache
def _compiled(kind: str, reduction: str) -> _Reduced:
    check_choice(reduction, ("mean", "sum", "none"), "reduction")
    return _Reduced(_LOSSES[kind](), kind != "cross-entropy", reduction)


def _compute(kind: str, y_hat: Tensor, y: Tensor, reduction: str) -> Tensor:
    check_batch(y_hat.shape, kind)
    values = _compiled(kind, reduction)(y_hat, y)
    if reduction == "none" and values.shape != y.shape:
        values = values.reshape(y.shape)
    return values
