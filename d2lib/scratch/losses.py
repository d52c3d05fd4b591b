"""Losses: what a wrong prediction costs.

Each is one operation with a derivative by hand, so that it is exact and stable. The
cross-entropies to train with take *logits* (the scores before sigmoid or softmax),
because the logarithm of a probability that was rounded to 0 cannot be repaired
afterwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks import (
    as_targets,
    check_batch,
    check_choice,
    check_labels,
    check_same_shape,
    check_unit_interval,
)
from d2lib._types import Array
from d2lib.scratch._fast import exp_rows, scale_rows
from d2lib.scratch.tensor import Tensor, as_tensor, node

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "mse",
]

_TINY = 1e-12  # keeps log(0) finite where probabilities, not logits, are given


def mse(y_hat: Any, y: Any, reduction: str = "mean") -> Tensor:
    r"""Mean squared error, for targets that are numbers: the grade, a price.

    .. math:: J = \frac1n \sum_{i=1}^n \big(y^{(i)} - \hat y^{(i)}\big)^2, \qquad
              \frac{\partial J}{\partial \hat y^{(i)}} =
              \frac2n \big(\hat y^{(i)} - y^{(i)}\big)

    Args:
        y_hat: predictions, a tensor or float array of any shape.
        y: targets of the same shape.
        reduction: "mean" over all elements, "sum", or "none".

    Returns:
        A scalar tensor; with "none" a tensor of y's shape.

    Raises:
        ValueError: different shapes, an empty batch, an unknown reduction.
        TypeError: an argument of a wrong type.

    Example:
        >>> mse([1.0, 2.0], [1.0, 4.0]).item()
        2.0

    Source: Legendre, 1805; Gauss, 1809 (least squares).
    """
    y_hat = as_tensor(y_hat, name="y_hat")
    y = as_targets(y, y_hat.dtype)
    check_same_shape(y_hat.shape, y.shape, "mse")
    error = y_hat.data - y
    return _reduce(
        "mse", error * error, y_hat, lambda factor: 2 * error * factor, reduction
    )


def binary_cross_entropy(y_hat: Any, y: Any, reduction: str = "mean") -> Tensor:
    r"""Binary cross-entropy of *probabilities*, for yes or no: will I pass this class?

    .. math:: J = -\frac1n \sum_{i=1}^n \Big[ y^{(i)} \log \hat y^{(i)}
              + \big(1 - y^{(i)}\big) \log\big(1 - \hat y^{(i)}\big) \Big]

    A network is better trained by `binary_cross_entropy_with_logits`, without a sigmoid
    at its end. (Both names are those of PyTorch.)

    Args:
        y_hat: probabilities in [0, 1], a tensor or float array of any shape.
        y: targets in [0, 1], of the same shape.
        reduction: "mean" over all elements, "sum", or "none".

    Returns:
        A scalar tensor; with "none" a tensor of y's shape, in nats.

    Raises:
        ValueError: different shapes, an empty batch, targets or probabilities outside
            [0, 1] (logits, mostly), an unknown reduction.
        TypeError: an argument of a wrong type.

    Example:
        >>> round(binary_cross_entropy([0.1], [1.0]).item(), 3)
        2.303

    Source: Shannon, 1948; Good, 1952.
    """
    y_hat = as_tensor(y_hat, name="y_hat")
    y = as_targets(y, y_hat.dtype)
    check_same_shape(y_hat.shape, y.shape, "binary_cross_entropy")
    check_unit_interval(y, "y")
    p = y_hat.data
    check_unit_interval(p, "y_hat")
    values = -(y * np.log(p + _TINY) + (1 - y) * np.log(1 - p + _TINY))

    def slope(factor: Array) -> Array:
        dy_hat: Array = ((1 - y) / (1 - p + _TINY) - y / (p + _TINY)) * factor
        return dy_hat

    return _reduce("binary cross-entropy", values, y_hat, slope, reduction)


def binary_cross_entropy_with_logits(
    y_hat: Any, y: Any, reduction: str = "mean"
) -> Tensor:
    r"""Binary cross-entropy of *logits*: of what a network gives before the sigmoid.

    .. math:: J = \frac1n \sum_{i=1}^n \Big[ \max(z, 0) - z y
              + \log\big(1 + e^{-|z|}\big) \Big], \qquad
              \frac{\partial J}{\partial z} = \frac1n \big(\sigma(z) - y\big)

    This is `binary_cross_entropy` of :math:`\hat y = \sigma(z)`, the same number
    without overflow, and without the logarithm of a probability that was rounded to 0.

    Args:
        y_hat: logits :math:`z`, a tensor or float array of any shape.
        y: targets in [0, 1], of the same shape.
        reduction: "mean" over all elements, "sum", or "none".

    Returns:
        A scalar tensor; with "none" a tensor of y's shape, in nats.

    Raises:
        ValueError: different shapes, an empty batch, targets outside [0, 1], an unknown
            reduction.
        TypeError: an argument of a wrong type.

    Example:
        >>> round(binary_cross_entropy_with_logits([0.0], [1.0]).item(), 3)  # log 2
        0.693

    Source: Shannon, 1948; Good, 1952.
    """
    y_hat = as_tensor(y_hat, name="y_hat")
    y = as_targets(y, y_hat.dtype)
    check_same_shape(y_hat.shape, y.shape, "binary_cross_entropy_with_logits")
    check_unit_interval(y, "y")
    z = y_hat.data
    small = np.exp(-np.abs(z))  # in (0, 1]: never overflows
    values = np.maximum(z, 0) - z * y + np.log1p(small)

    def slope(factor: Array) -> Array:
        dy_hat: Array = (np.where(z >= 0, 1, small) / (1 + small) - y) * factor
        return dy_hat

    return _reduce("binary cross-entropy", values, y_hat, slope, reduction)


def cross_entropy(y_hat: Any, y: Any, reduction: str = "mean") -> Tensor:
    r"""Softmax cross-entropy, for one class out of several: which digit is it?

    .. math:: J = -\frac1n \sum_{i=1}^n \log p^{(i)}_{y^{(i)}}, \qquad
              p = \text{softmax}(z), \qquad
              \frac{\partial J}{\partial z^{(i)}_k} =
              \frac1n \big(p^{(i)}_k - [k = y^{(i)}]\big)

    Args:
        y_hat: logits :math:`z`, shape ``(..., classes)``.
        y: integer labels in [0, classes), shape ``(...)``.
        reduction: "mean" over all labels, "sum", or "none".

    Returns:
        A scalar tensor; with "none" a tensor of y's shape, in nats.

    Raises:
        ValueError: shapes that do not go together, labels out of range, an empty batch,
            an unknown reduction.
        TypeError: labels that are not integers.

    Example:
        >>> round(cross_entropy([[0.0, 0.0]], [1]).item(), 3)  # log 2: no idea
        0.693

    Source: Bridle, 1990.
    """
    y_hat = as_tensor(y_hat, name="y_hat")
    labels = check_labels(y, y_hat.shape).reshape(-1)
    z = y_hat.data.reshape(-1, y_hat.shape[-1])  # (n, classes)
    check_batch(y_hat.shape, "cross_entropy")
    rows = np.arange(len(z), like=z)
    p, total, shift = exp_rows(z)
    own = p[rows, labels]
    # A quotient first, whose logarithm is exact near 0. But p may have vanished.
    with np.errstate(divide="ignore", over="ignore"):
        values = np.log(total / own)
    vanished = ~(own > np.finfo(z.dtype).tiny)
    values[vanished] = (np.log(total) + (shift - z[rows, labels]))[vanished]

    def slope(factor: Array) -> Array:
        factor = factor.reshape(-1)  # (1,), or one factor per example: (n,)
        dy_hat: Array = y_hat.gradient_buffer()
        dz = dy_hat.reshape(z.shape)  # the same memory, as (n, classes)
        scale_rows(p, factor / total, out=dz)
        dz[rows, labels] -= factor
        return dy_hat

    values = values.reshape(y_hat.shape[:-1])
    return _reduce("cross-entropy", values, y_hat, slope, reduction)


def _reduce(
    op: str, values: Array, y_hat: Tensor, slope: Any, reduction: str
) -> Tensor:
    """Reduces the losses of the examples; ``slope`` is each one's derivative.

    It takes a factor, a number or one number per example, because the derivative of
    many classes is large: multiplying it later would cost as much as computing it.
    """
    check_choice(reduction, ("mean", "sum", "none"), "reduction")
    check_batch(values.shape, op)
    scale = values.dtype.type(1.0 / values.size if reduction == "mean" else 1.0)

    def backward(g: Array) -> tuple[Any, ...]:
        return (slope(g * scale),)

    if reduction == "none":
        return node(op, values, (y_hat,), backward)
    return node(op, values.sum() * scale, (y_hat,), backward)
