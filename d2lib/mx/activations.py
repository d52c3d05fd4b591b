"""Activations by MXNet's operators; `d2lib.scratch.activations` derives them."""

from __future__ import annotations

from typing import Any

from d2lib._checks import check_axis, check_choice
from d2lib.mx._compat import np, npx
from d2lib.mx.tensor import Tensor, as_tensor

__all__ = ["relu", "sigmoid", "softmax", "tanh"]

ACTIVATIONS = (None, "sigmoid", "tanh", "relu", "softmax")


def sigmoid(x: Any) -> Tensor:
    r""":math:`1/(1 + e^{-z})` by ``npx.activation``.

    Args:
        x: a tensor or float array of any shape.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> sigmoid([0.0]).item()
        0.5
    """
    return _activation(x, "sigmoid")


def tanh(x: Any) -> Tensor:
    r""":math:`(e^z - e^{-z})/(e^z + e^{-z})` by ``npx.activation``.

    (``np.tanh`` is the same function and far slower.)

    Args:
        x: a tensor or float array of any shape.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> tanh([0.0]).item()
        0.0
    """
    return _activation(x, "tanh")


def relu(x: Any) -> Tensor:
    r""":math:`\max(0, z)` by ``npx.relu``, which lets a NaN through.

    (``npx.activation`` makes it 0 on a processor, and nobody would notice.)

    Args:
        x: a tensor or float array of any shape.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> relu([-1.0, 2.0])
        array([0., 2.])
    """
    return npx.relu(as_tensor(x))


def softmax(x: Any, axis: int = -1) -> Tensor:
    r""":math:`e^{z_i}/\sum_j e^{z_j}` along ``axis``, by ``npx.softmax``.

    Args:
        x: a tensor or float array; the scores lie along ``axis``.
        axis: the axis that is to sum to 1.

    Raises:
        TypeError: integer or object arrays, or an axis that is not a whole number.
        ValueError: an axis that x does not have, ragged lists.

    Example:
        >>> softmax([1000.0, 1000.0])
        array([0.5, 0.5])
    """
    x = as_tensor(x)
    return npx.softmax(x, axis=check_axis(axis, x.ndim))


def _activation(x: Any, kind: str) -> Tensor:
    x = as_tensor(x)
    if not x.size:  # MXNet's operator fails on no examples
        return np.zeros_like(x)
    return npx.activation(x, act_type=kind)


def check_activation(name: str | None) -> str | None:
    """Returns the name of a known activation."""
    check_choice(name, ACTIVATIONS, "activation")
    return name
