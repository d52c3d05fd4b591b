"""Functions of tensors, each with its derivative beside its value.

Where there is no derivative, at a corner or between equals, a value is chosen that
treats equals alike, and the docstring says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from d2lib._checks import (
    as_array,
    check_bounds,
    check_broadcast,
    check_condition,
    check_joined,
    check_tensors,
)
from d2lib._types import Array
from d2lib.scratch.tensor import Tensor, as_tensor, node, unbroadcast

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
    r"""The exponential of every element, :math:`e^x`; it is its own derivative.

    Args:
        x: a tensor or float array of any shape.

    Returns:
        A tensor of the same shape.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> exp([0.0, 1.0]).data.round(3)
        array([1.   , 2.718], dtype=float32)
    """
    x = as_tensor(x)
    y = np.exp(x.data)
    return node("exp", y, (x,), lambda g: (g * y,))


def log(x: Any) -> Tensor:
    r"""The natural logarithm of every element; its derivative is :math:`1/x`.

    Args:
        x: a tensor or float array of any shape, above zero.

    Returns:
        A tensor of the same shape.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> log([1.0, 10.0]).data.round(3)
        array([0.   , 2.303], dtype=float32)
    """
    x = as_tensor(x)
    values = x.data
    return node("log", np.log(values), (x,), lambda g: (g / values,))


def sqrt(x: Any) -> Tensor:
    r"""The square root of every element; its derivative is :math:`1/(2\sqrt x)`.

    Args:
        x: a tensor or float array of any shape. The root of a negative number is NaN,
            and the derivative at 0 is infinite.

    Returns:
        A tensor of the same shape.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> sqrt([4.0, 9.0]).data
        array([2., 3.], dtype=float32)
    """
    x = as_tensor(x)
    y = np.sqrt(x.data)
    return node("sqrt", y, (x,), lambda g: (g * 0.5 / y,))


def abs(x: Any) -> Tensor:
    r"""The size of every element, :math:`|x|`; its derivative is the sign, 0 at 0.

    Args:
        x: a tensor or float array of any shape.

    Returns:
        A tensor of the same shape.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> abs([-2.0, 3.0]).data
        array([2., 3.], dtype=float32)
    """
    return as_tensor(x).__abs__()


def clip(x: Any, low: float | None, high: float | None) -> Tensor:
    """Moves what lies outside of [low, high] to the nearer end.

    The derivative is 1 within, ends included, and 0 outside.

    Args:
        x: a tensor or float array of any shape.
        low: the lower end, a number; None leaves that side open.
        high: the upper end, not below the lower one, or None.

    Returns:
        A tensor of the same shape. A NaN remains one.

    Raises:
        TypeError: integer or object arrays, ends that are no numbers, or none at all.
        ValueError: a lower end above the upper one, one that is NaN, ragged lists.

    Example:
        >>> clip([-3.0, 0.5, 3.0], -1, 1).data
        array([-1. ,  0.5,  1. ], dtype=float32)
    """
    x = as_tensor(x)
    low, high = check_bounds(low, high)
    values = x.data

    def backward(g: Array) -> tuple[Any, ...]:
        outside = np.zeros(values.shape, bool)
        if low is not None:
            outside |= values < low
        if high is not None:
            outside |= values > high
        return (np.where(outside, 0, g),)

    y = np.asarray(np.clip(values, low, high), x.dtype)
    return node("clip", y, (x,), backward)


def maximum(x: Any, y: Any) -> Tensor:
    """The larger of two, element by element; equals share the gradient.

    Args:
        x: a tensor or float array.
        y: a tensor, float array or number that broadcasts with it.

    Returns:
        A tensor of the shape that both broadcast to; NaN where either is.

    Raises:
        TypeError: integer or object arrays.
        ValueError: shapes that do not broadcast, ragged lists.

    Example:
        >>> maximum([1.0, 5.0], 3.0).data
        array([3., 5.], dtype=float32)
    """
    return _best("maximum", np.maximum, np.greater, x, y)


def minimum(x: Any, y: Any) -> Tensor:
    """The smaller of two, element by element; equals share the gradient.

    Args:
        x: a tensor or float array.
        y: a tensor, float array or number that broadcasts with it.

    Returns:
        A tensor of the shape that both broadcast to; NaN where either is.

    Raises:
        TypeError: integer or object arrays.
        ValueError: shapes that do not broadcast, ragged lists.

    Example:
        >>> minimum([1.0, 5.0], 3.0).data
        array([1., 3.], dtype=float32)
    """
    return _best("minimum", np.minimum, np.less, x, y)


def _best(name: str, best: Any, better: Any, x: Any, y: Any) -> Tensor:
    x, y = _pair(x, y)
    check_broadcast((x.shape, y.shape), name, "x and y")
    a, b = x.data, y.data

    def backward(g: Array) -> tuple[Any, ...]:
        # 1, 0, or 1/2 where neither is better
        share = (1 + better(a, b).astype(g.dtype) - better(b, a)) / 2
        return unbroadcast(g * share, a.shape), unbroadcast(g * (1 - share), b.shape)

    return node(name, best(a, b), (x, y), backward)


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """Takes x where the condition holds, and y elsewhere.

    The gradient goes to the one that was taken; the condition has none.

    Args:
        condition: a boolean array, as a comparison gives.
        x: a tensor, float array or number.
        y: a tensor, float array or number; all three broadcast to one shape.

    Returns:
        A tensor of that shape.

    Raises:
        TypeError: a condition that is not boolean; integer or object arrays.
        ValueError: shapes that do not broadcast, ragged lists.

    Example:
        >>> x = as_tensor([-1.0, 2.0])
        >>> where(x > 0, x, 0.0).data
        array([0., 2.], dtype=float32)
    """
    x, y = _pair(x, y)
    holds = check_condition(
        condition.data
        if isinstance(condition, Tensor)
        else as_array(condition, "condition")
    )
    check_broadcast((holds.shape, x.shape, y.shape), "where", "condition, x and y")
    x_shape, y_shape = x.shape, y.shape

    def backward(g: Array) -> tuple[Any, ...]:
        dx, dy = np.where(holds, g, 0), np.where(holds, 0, g)
        return unbroadcast(dx, x_shape), unbroadcast(dy, y_shape)

    return node("where", np.where(holds, x.data, y.data), (x, y), backward)


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Joins tensors along an axis that they have; each gets its part of the gradient.

    Args:
        tensors: tensors or float arrays of one shape, but for the length of ``axis``.
        axis: the axis along which they follow each other.

    Returns:
        A tensor as long as all of them together.

    Raises:
        TypeError: a single tensor in place of a list; integer or object arrays.
        ValueError: none at all, shapes that do not go together, or no such axis.

    Example:
        >>> concatenate([[1.0, 2.0], [3.0]]).data
        array([1., 2., 3.], dtype=float32)
    """
    parts = _list(tensors, "concatenate", axis)
    ends = np.cumsum([p.shape[axis] for p in parts])[:-1]
    value = np.concatenate([p.data for p in parts], axis)
    return node(
        "concatenate", value, parts, lambda g: tuple(np.split(g, ends, axis=axis))
    )


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Lays tensors side by side along a new axis; each gets its part of the gradient.

    Args:
        tensors: tensors or float arrays of one shape.
        axis: where the new axis comes to stand.

    Returns:
        A tensor with one axis more.

    Raises:
        TypeError: a single tensor in place of a list; integer or object arrays.
        ValueError: none at all, different shapes, or no place of that number.

    Example:
        >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=1).data
        array([[1., 3.],
               [2., 4.]], dtype=float32)
    """
    parts = _list(tensors, "stack", axis)
    value = np.stack([p.data for p in parts], axis)
    return node("stack", value, parts, lambda g: tuple(np.moveaxis(g, axis, 0)))


def _pair(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Makes tensors of both; what is none takes the dtype of the one that is."""
    if isinstance(y, Tensor):
        return as_tensor(x, y.dtype), y
    x = as_tensor(x)
    return x, as_tensor(y, x.dtype, "y")


def _list(tensors: Any, what: str, axis: Any) -> tuple[Tensor, ...]:
    check_tensors(tensors, what)
    parts = [as_tensor(t, name=f"tensors[{i}]") for i, t in enumerate(tensors)]
    check_joined([p.shape for p in parts], what, axis)
    return tuple(parts)
