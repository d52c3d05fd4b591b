"""Reverse-mode automatic differentiation: an array that remembers how it was made.

Every operation on a `Tensor` computes its value with NumPy and, inside `record`, writes
down one function beside it: given the derivative of the loss with respect to the
*result*, it returns the derivatives with respect to the *operands*. `Tensor.backward`
calls these functions from the newest result to the oldest operand. That is the whole of
backpropagation.

Source: Linnainmaa, 1970; Rumelhart, Hinton & Williams, 1986.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from numbers import Real
from typing import Any, Union

import numpy as np

from d2lib._checks import (
    as_array,
    as_float_array,
    changed_since,
    check_axes,
    check_batch,
    check_flag,
    check_gradient_shape,
    check_matmul,
    check_order,
    check_reshape,
    format_value,
    nothing_recorded,
)
from d2lib._types import Array, DType
from d2lib.scratch.recording import is_recording

__all__ = [
    "Tensor",
    "as_tensor",
    "node",
    "tensor",
    "to_numpy",
    "unbroadcast",
]

Operand = Union["Tensor", Array, float]
Backward = Callable[[Array], tuple[Any, ...]]
_birth = itertools.count()


class Tensor:
    """An array with a gradient: the unit of reverse-mode differentiation.

    Args:
        data: numbers, nested lists or a float array, of any shape. An array of the
            right dtype is taken over, not copied; `tensor` copies.
        dtype: float32 unless given; float64 for gradient checks.
        requires_grad: whether `backward` shall leave a gradient in ``grad``. Such a
            tensor gets a copy of ``data``, because optimisers update it in place.

    Attributes:
        data: the values, a NumPy array; assigning to it counts as a change, as
            ``w.data -= lr * w.grad`` does.
        grad: the accumulated gradient, a NumPy array of the same shape, or None.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> from d2lib.scratch import record
        >>> w = Tensor([1.0, 2.0], requires_grad=True)
        >>> with record():
        ...     loss = (w * w).sum()
        >>> loss.backward()
        >>> w.grad
        array([2., 4.], dtype=float32)
    """

    __slots__ = (
        "__weakref__",
        "_backward",
        "_birth",
        "_buffer",
        "_data",
        "_parents",
        "grad",
        "is_parameter",
        "op",
        "requires_grad",
    )
    # NumPy must leave `array * tensor` to Tensor.__rmul__.
    __array_ufunc__ = None

    def __init__(
        self, data: Any, dtype: Any = None, requires_grad: bool = False
    ) -> None:
        if isinstance(data, Tensor):
            data = data.data
        array = as_float_array(data, dtype)
        if check_flag(requires_grad, "requires_grad"):
            array = np.array(array, order="C")
        self._data: Array = array
        self.grad: Array | None = None
        self.requires_grad = requires_grad
        self.is_parameter = requires_grad  # and remains one when it is frozen
        self.op = "leaf"
        self._parents: tuple[Tensor, ...] = ()
        self._backward: Backward | None = None
        self._buffer: Array | None = None
        self._birth = next(_birth)

    # The values ---------------------------------------------------------------------

    @property
    def data(self) -> Array:
        """The values, a NumPy array."""
        return self._data

    @data.setter
    def data(self, values: Array) -> None:
        self._data = values
        self.mark_changed()

    def mark_changed(self) -> None:
        """Says that the values were changed in place, as by ``x.data[...] = values``.

        What was recorded with the old ones is older than the new ones now, and
        `backward` refuses to go through it.
        """
        self._birth = next(_birth)

    # What an array would tell -------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """The number of values."""
        return self._data.size

    @property
    def dtype(self) -> DType:
        """The dtype of the values."""
        return self._data.dtype

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        values = np.array2string(self.data, separator=", ", prefix="tensor(")
        return f"tensor({values}, dtype={self.dtype})"

    def item(self) -> float:
        """Returns the value of a tensor of one element as a Python float."""
        value: float = self.data.item()
        return value

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(format_value(self, spec), spec)

    def __bool__(self) -> bool:
        return bool(self.data)  # which is an error unless it is one number

    def asnumpy(self) -> Array:
        """Returns the values as a NumPy array of one's own."""
        return self.data.copy()

    def detach(self) -> Tensor:
        """Returns the same values, in the same memory, with their history cut off."""
        return Tensor(self.data, dtype=self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles the values; of what a leaf has, all but the gradient."""
        is_leaf = self.op == "leaf"
        return _restored, (
            self.data,
            is_leaf and self.requires_grad,
            is_leaf and self.is_parameter,
        )

    # The backward pass --------------------------------------------------------------

    def backward(self, gradient: Any = None) -> None:
        r"""Adds :math:`\partial L/\partial x` to ``x.grad`` of every leaf ``x``.

        An operation's result is always younger than its operands, so going from young
        to old visits every result before what it was made from: no recursion, and a
        chain of any length. Gradients **accumulate**: a second call adds to the first;
        ``zero_grad`` starts afresh. A parameter that was changed since (by ``step``,
        ``load_state``, or through ``data``) is younger than its results: their
        derivatives are no longer those of anything, and asking for them is an error.
        (A change that `mark_changed` is not told of, ``x.data[...] = values``, is not
        noticed.)

        Args:
            gradient: :math:`\partial L/\partial` this tensor, of its shape. A tensor of
                one element needs none (it is the loss itself: 1).

        Raises:
            ValueError: nothing was recorded, a parameter was changed since, a tensor of
                several elements without ``gradient``, or a gradient of another shape.
        """
        if not self.requires_grad:
            raise nothing_recorded()
        if gradient is None:
            if self.size != 1:
                raise ValueError(
                    "backward() without a gradient needs a scalar loss, got shape "
                    f"{self.shape}: reduce it with .sum() or .mean(), or pass "
                    "backward(gradient) of that shape"
                )
            seed = np.ones_like(self.data)
        else:
            seed = as_tensor(gradient, self.dtype).data
            check_gradient_shape(seed.shape, self.shape)
        if self._backward is None:
            self._accumulate(seed)
            return
        history = self._history()
        for result in history:
            for operand in result._parents:
                if operand._birth > result._birth:
                    raise changed_since()
        gradients = {id(self): seed}
        for result in history:
            parts = result._backward(gradients.pop(id(result)))  # type: ignore[misc]
            for operand, part in zip(result._parents, parts, strict=True):
                if not operand.requires_grad:
                    continue
                # Before NumPy 2, a 0-d float32 array and a Python number make float64.
                if isinstance(part, (np.generic, float, int)):
                    part = np.asarray(part, operand.dtype)
                elif part.dtype != operand.dtype:
                    part = part.astype(operand.dtype)
                if operand._backward is None:
                    operand._accumulate(part)
                elif id(operand) in gradients:
                    gradients[id(operand)] = gradients[id(operand)] + part
                else:
                    gradients[id(operand)] = part

    def _history(self) -> list[Tensor]:
        """Every recorded result this one depends on, the youngest first."""
        found, todo = {id(self): self}, [self]
        while todo:
            for operand in todo.pop()._parents:
                if operand._backward is not None and id(operand) not in found:
                    found[id(operand)] = operand
                    todo.append(operand)
        return sorted(found.values(), key=lambda t: t._birth, reverse=True)

    def _accumulate(self, part: Array) -> None:
        """Adds to ``grad``, in an array that belongs to this leaf alone."""
        if self.grad is not None:
            self.grad += part
        elif part is self._buffer:
            self.grad = part
        else:
            self.grad = self.gradient_buffer()
            np.copyto(self.grad, part)

    def gradient_buffer(self) -> Array:
        """An array of this leaf's shape in which an operation may leave its gradient.

        It is the same one at every step, so that training does not ask the system for
        new memory each time. It is a fresh one while a gradient is being added to, and
        where somebody still holds the last one.
        """
        if self.grad is not None or self._backward is not None:
            return np.empty_like(self.data, order="C")
        # Two references: the attribute, and the argument of getrefcount.
        if self._buffer is None or sys.getrefcount(self._buffer) > 2:
            self._buffer = np.empty_like(self.data, order="C")
        return self._buffer

    def zero_grad(self) -> None:
        """Forgets the accumulated gradient."""
        self.grad = None

    # Arithmetic: the value, and beside it the derivatives ---------------------------

    def __add__(self, other: Operand) -> Tensor:
        other = as_tensor(other, self.dtype)

        def backward(g: Array) -> tuple[Any, ...]:
            return unbroadcast(g, x_shape), unbroadcast(g, y_shape)

        x_shape, y_shape = self.shape, other.shape
        return node("+", self.data + other.data, (self, other), backward)

    def __sub__(self, other: Operand) -> Tensor:
        other = as_tensor(other, self.dtype)

        def backward(g: Array) -> tuple[Any, ...]:
            return unbroadcast(g, x_shape), unbroadcast(-g, y_shape)

        x_shape, y_shape = self.shape, other.shape
        return node("-", self.data - other.data, (self, other), backward)

    def __mul__(self, other: Operand) -> Tensor:
        other = as_tensor(other, self.dtype)
        x, y = self.data, other.data

        def backward(g: Array) -> tuple[Any, ...]:
            return unbroadcast(g * y, x.shape), unbroadcast(g * x, y.shape)

        return node("*", x * y, (self, other), backward)

    def __truediv__(self, other: Operand) -> Tensor:
        other = as_tensor(other, self.dtype)
        x, y = self.data, other.data

        def backward(g: Array) -> tuple[Any, ...]:
            by_y = g / y
            return unbroadcast(by_y, x.shape), unbroadcast(-by_y * x / y, y.shape)

        return node("/", x / y, (self, other), backward)

    def __pow__(self, exponent: Any) -> Tensor:
        if not isinstance(exponent, Real):
            raise TypeError(
                f"x ** n needs a number n, got {type(exponent).__name__}: for another "
                "power of each element use exp(n * log(x))"
            )
        x = self.data

        def backward(g: Array) -> tuple[Any, ...]:
            if exponent == 0:  # a constant, at 0 too
                return (np.zeros_like(g),)
            return (g * (exponent * x ** (exponent - 1)),)

        return node("**", x**exponent, (self,), backward)

    def __abs__(self) -> Tensor:
        x = self.data

        def backward(g: Array) -> tuple[Any, ...]:
            return (g * ((x > 0).astype(x.dtype) - (x < 0)),)

        return node("abs", np.abs(x), (self,), backward)

    def __neg__(self) -> Tensor:
        return node("neg", -self.data, (self,), lambda g: (-g,))

    def __matmul__(self, other: Operand) -> Tensor:
        other = as_tensor(other, self.dtype)
        x, y = self.data, other.data
        check_matmul(x.shape, y.shape)

        def backward(g: Array) -> tuple[Any, ...]:
            # Vectors get the axis that @ gave them for the occasion, and lose it.
            rows = x if x.ndim > 1 else x[None, :]
            columns = y if y.ndim > 1 else y[:, None]
            g = g if x.ndim > 1 else np.expand_dims(g, -2 if y.ndim > 1 else -1)
            g = g if y.ndim > 1 else np.expand_dims(g, -1)
            dx = unbroadcast(g @ np.swapaxes(columns, -1, -2), rows.shape)
            dy = unbroadcast(np.swapaxes(rows, -1, -2) @ g, columns.shape)
            return dx.reshape(x.shape), dy.reshape(y.shape)

        return node("@", x @ y, (self, other), backward)

    def __radd__(self, other: Operand) -> Tensor:
        return as_tensor(other, self.dtype) + self

    def __rsub__(self, other: Operand) -> Tensor:
        return as_tensor(other, self.dtype) - self

    def __rmul__(self, other: Operand) -> Tensor:
        return as_tensor(other, self.dtype) * self

    def __rtruediv__(self, other: Operand) -> Tensor:
        return as_tensor(other, self.dtype) / self

    def __rmatmul__(self, other: Operand) -> Tensor:
        return as_tensor(other, self.dtype) @ self

    # Comparisons: boolean NumPy arrays, which have no derivative -------------------

    def __lt__(self, other: Operand) -> Any:
        return self.data < as_tensor(other, self.dtype).data

    def __le__(self, other: Operand) -> Any:
        return self.data <= as_tensor(other, self.dtype).data

    def __gt__(self, other: Operand) -> Any:
        return self.data > as_tensor(other, self.dtype).data

    def __ge__(self, other: Operand) -> Any:
        return self.data >= as_tensor(other, self.dtype).data

    def __eq__(self, other: object) -> Any:
        return self.data == as_tensor(other, self.dtype).data

    def __ne__(self, other: object) -> Any:
        return self.data != as_tensor(other, self.dtype).data

    __hash__ = object.__hash__  # by identity: two tensors may hold the same values

    # Reductions and shapes ----------------------------------------------------------

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """The sum over ``axis``: its derivative is 1 for every summand."""
        x = self.data
        check_axes(axis, x.ndim, "sum")
        check_flag(keepdims, "keepdims")

        def backward(g: Array) -> tuple[Any, ...]:
            return (np.broadcast_to(_keep(g, x.shape, axis, keepdims), x.shape),)

        return node("sum", x.sum(axis=axis, keepdims=keepdims), (self,), backward)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """The mean over ``axis``: its derivative is 1/n for each of n values."""
        check_axes(axis, self.ndim, "mean")
        check_flag(keepdims, "keepdims")
        check_batch(self.shape, "mean", "x")
        total = self.sum(axis, keepdims)
        return total * (total.size / self.size)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """The largest value over ``axis``; equal largest values share the gradient."""
        return self._best("max", np.max, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """The smallest value over ``axis``; equal smallest ones share the gradient."""
        return self._best("min", np.min, axis, keepdims)

    def _best(self, name: str, best: Any, axis: Any, keepdims: bool) -> Tensor:
        x = self.data
        check_axes(axis, x.ndim, name)
        check_flag(keepdims, "keepdims")
        check_batch(x.shape, name, "x")
        top = best(x, axis=axis, keepdims=True)

        def backward(g: Array) -> tuple[Any, ...]:
            winners = (x == top).astype(x.dtype)
            # (Nothing equals a NaN: nobody wins.)
            winners /= np.maximum(winners.sum(axis=axis, keepdims=True), 1)
            return (winners * _keep(g, x.shape, axis, keepdims),)

        return node(name, top if keepdims else best(x, axis=axis), (self,), backward)

    def reshape(self, *shape: Any) -> Tensor:
        """The same values in another shape."""
        x_shape = self.shape
        new = self.data.reshape(check_reshape(shape, x_shape))
        return node("reshape", new, (self,), lambda g: (g.reshape(x_shape),))

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order (reversed if none is given)."""
        order = check_order(axes, self.ndim)

        def backward(g: Array) -> tuple[Any, ...]:
            return (g.transpose(tuple(np.argsort(order))),)

        return node("transpose", self.data.transpose(order), (self,), backward)

    @property
    def T(self) -> Tensor:
        """The transpose."""
        return self.transpose()

    def __getitem__(self, index: Any) -> Tensor:
        x = self.data
        if isinstance(index, Tensor):
            raise TypeError("a Tensor can't be an index: use an integer NumPy array")
        axes = index if isinstance(index, tuple) else (index,)

        def backward(g: Array) -> tuple[Any, ...]:
            dx = np.zeros_like(x)
            if all(isinstance(i, (int, slice, type(None), type(...))) for i in axes):
                dx[index] = g
            else:
                np.add.at(dx, index, g)  # an element taken twice gets both gradients
            return (dx,)

        return node("[]", x[index], (self,), backward)


def node(op: str, value: Any, parents: tuple[Any, ...], backward: Backward) -> Tensor:
    """Wraps the result of an operation and, if asked for, writes the operation down.

    Args:
        op: the operation's name, for drawing the graph.
        value: what it computed.
        parents: its operands, tensors.
        backward: from the gradient of the result to the gradients of the operands, in
            their order. It must not refer to the resulting Tensor: that would be a
            cycle, which only the garbage collector can free.

    Returns:
        A tensor that requires a gradient if this is recorded and an operand does.
    """
    out = Tensor.__new__(Tensor)
    if isinstance(value, np.generic):  # what NumPy makes of an array without axes
        value = np.asarray(value)
    if value.ndim == 0:
        # Before NumPy 2, a 0-d float32 array and a Python number make float64.
        dtype = np.result_type(*[p.dtype for p in parents])
        value = value.astype(dtype, copy=False)
    out._data = value
    out.grad = out._buffer = None
    out.op = op
    out._birth = next(_birth)
    if is_recording() and any([p.requires_grad for p in parents]):
        out.requires_grad, out._parents, out._backward = True, parents, backward
    else:
        out.requires_grad, out._parents, out._backward = False, (), None
    return out


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sums a gradient over the axes along which its operand was repeated.

    Broadcasting uses one number many times; the derivative with respect to that number
    is the sum over its uses.

    Example:
        >>> unbroadcast(np.ones((4, 3)), (3,))
        array([4., 4., 4.])
    """
    if g.shape == shape:
        return g
    extra = g.ndim - len(shape)
    stretched = tuple(i + extra for i, n in enumerate(shape) if n == 1)
    total: Array = g.sum(axis=tuple(range(extra)) + stretched)
    return total.reshape(shape)


def _keep(g: Array, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Array:
    """Gives a reduced gradient back the axes (of length 1) that a reduction took."""
    if keepdims or axis is None:
        return g.reshape((1,) * len(shape)) if axis is None else g
    return np.expand_dims(g, axis)


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Makes a `Tensor`; both twins have this function.

    Args:
        data: numbers, nested lists or a float array, of any shape; it is copied.
        dtype: float32 unless given.
        requires_grad: whether ``backward`` shall leave a gradient in ``grad``.

    Returns:
        A tensor of the data's shape.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> tensor([[1, 2], [3, 4]]).shape
        (2, 2)
    """
    if isinstance(data, Tensor):
        data = data.data
    if isinstance(data, np.ndarray):
        # Who changes the array later does not change the gradient.
        data = np.array(as_float_array(data, dtype))
    return Tensor(data, dtype, requires_grad)


def _restored(data: Array, requires_grad: bool, is_parameter: bool) -> Tensor:
    """Makes a tensor again of what `copy` and `pickle` took from one."""
    result = Tensor(data.copy(), data.dtype, requires_grad)
    result.is_parameter = is_parameter
    return result


def as_tensor(x: Any, dtype: Any = None, name: str = "x") -> Tensor:
    """Returns ``x`` itself if it is a `Tensor`, else a constant made from it."""
    return x if isinstance(x, Tensor) else Tensor(as_float_array(x, dtype, name), dtype)


def to_numpy(x: Any) -> Array:
    """Returns the values of a tensor, or of anything like an array, as NumPy array.

    Args:
        x: a tensor, an array or nested lists.

    Returns:
        A NumPy array; a tensor's is its own one, not a copy.

    Raises:
        TypeError: a list with a tensor in it.
        ValueError: ragged lists.

    Example:
        >>> to_numpy(tensor([1.0, 2.0]))
        array([1., 2.], dtype=float32)
    """
    return x.data if isinstance(x, Tensor) else as_array(x, "x")
