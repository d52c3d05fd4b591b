"""Activations: the non-linear functions between the layers, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from d2lib._checks import check_axis, check_choice
from d2lib._types import Array
from d2lib.scratch.tensor import Tensor, as_tensor, node

__all__ = ["relu", "sigmoid", "softmax", "tanh"]


def sigmoid(x: Any) -> Tensor:
    r"""Squashes every number into (0, 1), so that it can be read as a probability.

    .. math:: g(z) = \frac{1}{1 + e^{-z}}, \qquad g'(z) = g(z)\,(1 - g(z))

    Args:
        x: a tensor or float array of any shape.

    Returns:
        A tensor of the same shape. It never overflows, being computed as
        :math:`\tfrac12 + \tfrac12\tanh(z/2)`, which is the same function.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> sigmoid([0.0, 1000.0, -1000.0]).data
        array([0.5, 1. , 0. ], dtype=float32)

    Source: Verhulst, 1845 (the logistic curve); Cybenko, 1989 (in networks).
    """
    x = as_tensor(x)
    y = np.multiply(x.data, 0.5, out=np.empty_like(x.data))
    np.tanh(y, out=y)
    y *= 0.5
    y += 0.5
    return node("sigmoid", y, (x,), lambda g: (g * (y * (1 - y)),))


def tanh(x: Any) -> Tensor:
    r"""Squashes every number into (-1, 1), with zero staying zero.

    .. math:: g(z) = \frac{e^z - e^{-z}}{e^z + e^{-z}}, \qquad g'(z) = 1 - g(z)^2

    Args:
        x: a tensor or float array of any shape.

    Returns:
        A tensor of the same shape.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> tanh([0.0, 1000.0]).data
        array([0., 1.], dtype=float32)

    Source: LeCun et al., *Efficient BackProp*, 1998 (why zero-centred helps).
    """
    x = as_tensor(x)
    y = np.tanh(x.data, out=np.empty_like(x.data))
    return node("tanh", y, (x,), lambda g: (g * (1 - y * y),))


def relu(x: Any) -> Tensor:
    r"""Lets positive numbers pass and makes the others zero.

    .. math:: g(z) = \max(0, z), \qquad
              g'(z) = \begin{cases} 1 & z > 0 \\ 0 & \text{otherwise} \end{cases}

    Args:
        x: a tensor or float array of any shape.

    Returns:
        A tensor of the same shape. At :math:`z = 0` there is no derivative; 0 is used.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> relu([-1.0, 2.0]).data
        array([0., 2.], dtype=float32)

    Source: Nair & Hinton, 2010; Glorot, Bordes & Bengio, 2011.
    """
    x = as_tensor(x)
    y = np.maximum(x.data, 0, out=np.empty_like(x.data))
    return node("relu", y, (x,), lambda g: (g * (y > 0),))


def softmax(x: Any, axis: int = -1) -> Tensor:
    r"""Turns scores into probabilities that are positive and sum to 1.

    .. math:: p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}, \qquad
              \frac{\partial L}{\partial z_i} =
              p_i \Big(\frac{\partial L}{\partial p_i}
              - \sum_j \frac{\partial L}{\partial p_j} p_j\Big)

    Args:
        x: a tensor or float array; the scores lie along ``axis``.
        axis: the axis that is to sum to 1.

    Returns:
        A tensor of the same shape. The largest score is subtracted first, which changes
        no probability and keeps :math:`e^z` from overflowing.

    Raises:
        TypeError: integer or object arrays, or an axis that is not a whole number.
        ValueError: an axis that x does not have, ragged lists.

    Example:
        >>> softmax([1000.0, 1000.0]).data
        array([0.5, 0.5], dtype=float32)

    Source: Bridle, 1990.
    """
    x = as_tensor(x)
    axis = check_axis(axis, x.ndim)
    p = x.data - x.data.max(axis=axis, keepdims=True, initial=-np.inf)
    np.exp(p, out=p)
    p /= p.sum(axis=axis, keepdims=True)

    def backward(g: Array) -> tuple[Any, ...]:
        weighted = g * p
        return (weighted - p * weighted.sum(axis=axis, keepdims=True),)

    return node("softmax", p, (x,), backward)


def _identity(x: Any) -> Any:
    return x


ACTIVATIONS: dict[str | None, Callable[..., Tensor]] = {
    None: _identity,  # by name, so that a layer can be pickled
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "softmax": softmax,
}


def activation_named(name: str | None) -> Callable[..., Tensor]:
    """Returns the activation of that name; None is the identity."""
    check_choice(name, ACTIVATIONS, "activation")
    return ACTIVATIONS[name]
