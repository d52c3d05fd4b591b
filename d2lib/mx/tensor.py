"""Tensors are MXNet's own arrays.

`d2lib.scratch.tensor` builds by hand what happens here behind the C interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy

from d2lib._checks import as_array, as_float_array, check_flag
from d2lib._types import Array
from d2lib.mx._compat import gluon, mx, np
from d2lib.mx._freezing import gradient as gradient_of
from d2lib.mx._process import check_process, computing
from d2lib.mx._tape import mark_changed
from d2lib.mx.device import device

__all__ = [
    "Tensor",
    "as_tensor",
    "tensor",
    "to_numpy",
]

if TYPE_CHECKING:  # MXNet has no type information
    Tensor: TypeAlias = Any
else:
    Tensor = np.ndarray


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Makes an array on `device`; with ``requires_grad`` it has a gradient.

    Gradients accumulate (``grad_req="add"``) until they are zeroed, as in the NumPy
    twin. ``backward`` is MXNet's, with that twin's errors: what was not recorded, and
    what was recorded before a step of an optimiser, ``load_state``, or a change in
    place (``w -= ...``, ``w[:] = ...``), has no gradient. (It is not noticed if MXNet's
    operators write into an array by ``out=``, or if a frozen parameter is changed.) Of
    several elements MXNet's ``backward`` takes the gradient of the sum, unasked.

    Args:
        data: numbers, nested lists or a float array, of any shape; it is copied, so
            that who changes it later does not change the gradient.
        dtype: float32 unless given.
        requires_grad: whether ``backward`` shall add to ``grad``; an attribute, too,
            which freezes a tensor or a Gluon parameter where it is set to False.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists.

    Example:
        >>> from d2lib.mx import record
        >>> w = tensor([1.0, 2.0], requires_grad=True)
        >>> with record():
        ...     loss = (w * w).sum()
        >>> loss.backward()
        >>> to_numpy(w.grad)
        array([2., 4.], dtype=float32)
    """
    array = as_float_array(
        to_numpy(data) if isinstance(data, np.ndarray) else data, dtype
    )
    result = to_device(array)
    if check_flag(requires_grad, "requires_grad"):
        result.attach_grad("add")
        result.is_parameter = True  # and remains one when it is frozen
    return result


def to_device(array: Array) -> Tensor:
    """Copies a NumPy array into a new MXNet array on `device`."""
    check_process()
    return np.array(array, dtype=array.dtype, ctx=device())


def as_tensor(x: Any, dtype: Any = None, name: str = "x") -> Tensor:
    """Returns ``x`` itself if it is an MXNet array of floats, else one made from it."""
    computing()
    if not isinstance(x, np.ndarray):
        return to_device(as_float_array(x, dtype, name))
    if dtype is not None and x.dtype != dtype:
        if numpy.dtype(x.dtype).kind != "f":
            return to_device(as_float_array(x.asnumpy(), dtype, name))  # an error
        return x.astype(dtype)
    return x


def to_numpy(x: Any) -> Array:
    """Returns the values as NumPy array, waiting for them to be computed.

    Args:
        x: an MXNet array, a Gluon parameter (laid out as in the NumPy twin: W as
            (inputs, units)), or anything like an array.

    Raises:
        TypeError: a list with a tensor in it.
        ValueError: ragged lists.

    Example:
        >>> to_numpy(tensor([1.0, 2.0]))
        array([1., 2.], dtype=float32)
    """
    if isinstance(x, gluon.Parameter):
        return as_shared(x, x.data().asnumpy())
    return x.asnumpy() if isinstance(x, mx.nd.NDArray) else as_array(x, "x")


def as_shared(part: Any, values: Array) -> Array:
    """Turns a parameter's values from Gluon's layout into the NumPy twin's."""
    if not hasattr(part, "layout"):
        return values
    axes, shape = part.layout
    return numpy.ascontiguousarray(values.transpose(axes)).reshape(shape)


def is_parameter(part: Any) -> bool:
    """Whether this is to be trained, or was until it was frozen."""
    if isinstance(part, gluon.Parameter):
        learnt: bool = part._differentiable  # or a buffer, such as a running mean
        return learnt
    return isinstance(part, np.ndarray) and (
        part.grad is not None or getattr(part, "is_parameter", False)
    )


def array_of(parameter: Any) -> Tensor:
    """The array behind a Gluon parameter; an array is itself."""
    return parameter.data() if isinstance(parameter, gluon.Parameter) else parameter


def classic(array: Tensor) -> Any:
    """The same memory as MXNet's older kind of array, which its optimisers take.

    To these a shape () means "not known yet": a single number becomes an array of one.
    """
    older = array.as_nd_ndarray()
    return older if older.shape else older.reshape((1,))


class Learnable:
    """A parameter's array and gradient as MXNet's older kind, for its operators.

    Asking MXNet for them takes longer than the update of a small network. So they are
    kept, and made anew when the parameter was cast, moved, or given another gradient.

    Args:
        parameter: a Gluon parameter, or a tensor that has a gradient.
    """

    def __init__(self, parameter: Any) -> None:
        self.parameter = parameter
        self.layer: Any = self  # a tensor stands for itself
        if isinstance(parameter, gluon.Parameter):
            self.layer = parameter.name.rpartition("_")[0]
        self.array: Any = None
        self._gradient: Any = None
        self.refresh()

    def refresh(self) -> None:
        """Takes over the parameter's arrays if it has other ones now."""
        parameter = self.parameter
        gradient = None
        if not isinstance(parameter, gluon.Parameter):
            array, gradient = parameter, gradient_of(parameter)
        else:
            array = parameter.data()
            if parameter.grad_req != "null":
                gradient = parameter.grad()
        if array is self.array and gradient is self._gradient:
            return
        self.array, self._gradient = array, gradient
        self.classic = classic(array)
        self.classic_gradient: Any = None if gradient is None else classic(gradient)

    @property
    def ready(self) -> bool:
        """Whether ``backward`` has reached the gradient since it was set to zero."""
        return self.classic_gradient is not None and bool(self.array._fresh_grad)


def renew(learnables: list[Learnable]) -> None:
    """Says that these parameters, which have a gradient, have new values.

    Those of a layer are used together: to save time, one stands for all of them.
    """
    changed: dict[Any, Learnable] = {}
    for learnable in learnables:
        changed.setdefault(learnable.layer, learnable)
    reqs = [getattr(p.parameter, "grad_req", "add") for p in changed.values()]
    mark_changed(
        [p.array for p in changed.values()],
        [p._gradient for p in changed.values()],
        "add" if reqs.count("add") == len(reqs) else reqs,
    )


def zero_gradients(learnables: list[Learnable]) -> None:
    """Sets all gradients to zero with one call into MXNet, and marks them as unset."""
    gradients = [
        p.classic_gradient for p in learnables if p.classic_gradient is not None
    ]
    if gradients:
        mx.nd.reset_arrays(*gradients, num_arrays=len(gradients))
    for learnable in learnables:
        if learnable.classic_gradient is not None:
            learnable.array._fresh_grad = False
