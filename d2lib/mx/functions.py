"""Functions of tensors by MXNet's; `d2lib.scratch.functions` derives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from d2lib._checks import (
    as_array,
    check_bounds,
    check_broadcast,
    check_condition,
    check_joined,
    check_tensors,
)
from d2lib.mx._compat import np
from d2lib.mx.tensor import Tensor, as_tensor, to_device

__all__ = [
    "abs",
    "clip",
    "concatenate",
    "exp",
    "log",
    "maximum",
    "minimum",
    "sqrt",
    "stack",
    "where",
]


def exp(x: Any) -> Tensor:
    """The exponential of every element, by ``np.exp``.

    Args:
        x: a tensor or float array of any shape.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> exp([0.0, 1.0]).round(3)
        array([1.   , 2.718])
    """
    return np.exp(as_tensor(x))


def log(x: Any) -> Tensor:
    """The natural logarithm of every element, by ``np.log``.

    Args:
        x: a tensor or float array of any shape, above zero.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> log([1.0, 10.0]).round(3)
        array([0.   , 2.303])
    """
    return np.log(as_tensor(x))


def sqrt(x: Any) -> Tensor:
    """The square root of every element, by ``np.sqrt``.

    Example:
        >>> sqrt([4.0, 9.0])
        array([2., 3.])
    """
    return np.sqrt(as_tensor(x))


def abs(x: Any) -> Tensor:
    """The size of every element, by ``np.abs``.

    Example:
        >>> abs([-2.0, 3.0])
        array([2., 3.])
    """
    return np.abs(as_tensor(x))


def clip(x: Any, low: float | None, high: float | None) -> Tensor:
    """Moves what lies outside of [low, high] to the nearer end, by `where`.

    (``np.clip`` rounds the ends to float32, and its gradients do not add up.)

    Example:
        >>> clip([-3.0, 0.5, 3.0], -1, 1)
        array([-1. ,  0.5,  1. ])
    """
    y = x = as_tensor(x)
    low, high = check_bounds(low, high)
    if low is not None:
        y = where(x < low, low, y)
    return y if high is None else where(x > high, high, y)


def maximum(x: Any, y: Any) -> Tensor:
    """The larger of two, element by element; equals share the gradient.

    (``np.maximum`` gives all of it to the first.)

    Example:
        >>> maximum([1.0, 5.0], 3.0)
        array([3., 5.])
    """
    x, y = _pair(x, y)
    shape = check_broadcast((x.shape, y.shape), "maximum", "x and y")
    x, y = np.broadcast_to(x, shape), np.broadcast_to(y, shape)
    return np.where(x > y, x, np.where(y > x, y, x * 0.5 + y * 0.5))


def minimum(x: Any, y: Any) -> Tensor:
    """The smaller of two, element by element; equals share the gradient.

    (``np.minimum`` gives all of it to the first.)

    Example:
        >>> minimum([1.0, 5.0], 3.0)
        array([1., 3.])
    """
    x, y = _pair(x, y)
    shape = check_broadcast((x.shape, y.shape), "minimum", "x and y")
    x, y = np.broadcast_to(x, shape), np.broadcast_to(y, shape)
    return np.where(x < y, x, np.where(y < x, y, x * 0.5 + y * 0.5))


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """Takes x where the condition holds, and y elsewhere, by ``np.where``.

    (All are stretched beforehand: MXNet's gradient of a stretched one is wrong.)

    Example:
        >>> x = as_tensor([-1.0, 2.0])
        >>> where(x > 0, x, 0.0)
        array([0., 2.])
    """
    x, y = _pair(x, y)
    if not isinstance(condition, np.ndarray):
        condition = to_device(check_condition(as_array(condition, "condition")))
    check_condition(condition)
    shapes = condition.shape, x.shape, y.shape
    shape = check_broadcast(shapes, "where", "condition, x and y")
    return np.where(*(np.broadcast_to(a, shape) for a in (condition, x, y)))


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Joins tensors along an axis that they have, by ``np.concatenate``.

    Example:
        >>> concatenate([[1.0, 2.0], [3.0]])
        array([1., 2., 3.])
    """
    return np.concatenate(_list(tensors, "concatenate", axis), axis)


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Lays tensors side by side along a new axis, by ``np.stack``.

    Example:
        >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=1)
        array([[1., 3.],
               [2., 4.]])
    """
    return np.stack(_list(tensors, "stack", axis), axis)


def _pair(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Makes tensors of both; what is none takes the dtype of the one that is."""
    if isinstance(y, np.ndarray) and not isinstance(x, np.ndarray):
        x = as_tensor(x, y.dtype)
    x = as_tensor(x)
    y = as_tensor(y, None if isinstance(y, np.ndarray) else x.dtype, "y")
    x, y = _alike([x, y])
    return x, y


def _list(tensors: Any, what: str, axis: Any) -> list[Tensor]:
    check_tensors(tensors, what)
    parts = [as_tensor(t, name=f"tensors[{i}]") for i, t in enumerate(tensors)]
    check_joined([p.shape for p in parts], what, axis)
    return _alike(parts)


def _alike(tensors: list[Tensor]) -> list[Tensor]:
    """Gives all the widest dtype among them, as NumPy does."""
    widest = max((numpy.dtype(t.dtype) for t in tensors), key=lambda d: d.itemsize)
    return [t if t.dtype == widest else t.astype(widest) for t in tensors]
