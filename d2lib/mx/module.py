"""Gluon's ``HybridBlock`` with the names and shapes of the NumPy twin's `Module`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy

from d2lib import checkpoint
from d2lib._checks import check_state
from d2lib.mx._compat import gluon, mx, np
from d2lib.mx.tensor import (
    Learnable,
    array_of,
    as_tensor,
    is_parameter,
    to_numpy,
    zero_gradients,
)

__all__ = ["Layer", "Module"]

# Gluon hands a Symbol instead of an array to a block whose graph it is compiling.
Symbol = mx.symbol.Symbol


class Module(gluon.HybridBlock):
    """A part of a network; see `d2lib.scratch.Module`, which has the same methods.

    Assign tensors with ``requires_grad=True``, other modules, or lists and dicts of
    these. A subclass defines ``forward`` in plain Python; its parts are compiled each
    for itself. (With Gluon's ``hybrid_forward`` instead, it is compiled as a whole.)

    Example:
        >>> from d2lib.mx import tensor
        >>> class Scale(Module):
        ...     def __init__(self):
        ...         self.factor = tensor(2.0, requires_grad=True)
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> scale = Scale()
        >>> scale(tensor([1.0, 2.0]))
        array([2., 4.])
        >>> list(scale.state())
        ['factor']
    """

    twin = "d2lib.mx"
    training = True
    _changes = 0  # how often it was frozen or unfrozen

    def __new__(cls, *args: Any, **kwargs: Any) -> Module:
        """Prepares the block, so that a subclass need not call ``super().__init__``."""
        self = super().__new__(cls)
        gluon.HybridBlock.__init__(self)
        return self

    def __init__(self) -> None:
        """There is nothing left to do after ``__new__``."""

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Computes the module's output, by ``forward``; Gluon's takes no names."""
        if named:
            call = inspect.signature(self.forward).bind(*inputs, **named)
            call.apply_defaults()
            inputs = call.args
        return super().__call__(*inputs)

    def forward(self, *inputs: Any) -> Any:
        """Computes the module's output; every subclass says how."""
        if type(self).hybrid_forward is not gluon.HybridBlock.hybrid_forward:
            return super().forward(*inputs)
        raise NotImplementedError(
            f"{type(self).__name__} must define forward(self, x), which computes its "
            "output"
        )

    def _check_container_with_block(self) -> None:
        """Gluon warns of modules in lists, which it cannot find; `parts` finds them."""

    # Finding the parts --------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """The attributes in which parameters and modules are looked for, by name."""
        return {n: part for n, part in vars(self).items() if not n.startswith("_")}

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yields (path, Gluon parameter or tensor) for each; a shared one once."""
        seen: set[int] = set()
        names: set[str] = set()
        for path, part in _walk(self, ""):
            if not isinstance(part, Module) and id(part) not in seen:
                if path in names:  # as those of the keys 0 and "0" of a dict
                    raise ValueError(
                        f"two parameters are called {path!r}: give the keys of a dict "
                        "different names"
                    )
                seen.add(id(part))
                names.add(path)
                yield path, part

    def modules(self) -> Iterator[Module]:
        """Yields this module and every module inside it, once each."""
        seen: set[int] = set()
        for _, part in _walk(self, ""):
            if isinstance(part, Module) and id(part) not in seen:
                seen.add(id(part))
                yield part

    def parameters(self) -> list[Any]:
        """The Gluon parameters (and bare tensors), in the NumPy twin's order."""
        return [parameter for _, parameter in self.named_parameters()]

    def num_parameters(self) -> int:
        """How many numbers there are to learn."""
        return sum(array_of(parameter).size for parameter in self.parameters())

    # Their values -------------------------------------------------------------------

    def state(self) -> dict[str, numpy.ndarray]:
        """Returns a copy of every parameter's values by name, W as (inputs, units)."""
        return {
            name: as_shared(p, array_of(p).asnumpy())
            for name, p in self.named_parameters()
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over values by name, from either twin's ``state()``.

        Raises:
            ValueError: names or shapes that are not this module's; nothing is changed.
        """
        given = {name: to_numpy(values) for name, values in state.items()}
        parameters = dict(self.named_parameters())
        shapes = {name: shared_shape(p) for name, p in parameters.items()}
        check_state(given, shapes, type(self).__name__)
        for name, parameter in parameters.items():
            fill(parameter, given[name])

    def gradients(self) -> dict[str, numpy.ndarray]:
        """Returns a copy of every accumulated gradient; zeros where there is none."""
        return {
            name: as_shared(p, _gradient_of(array_of(p)).asnumpy())
            for name, p in self.named_parameters()
        }

    def zero_grad(self) -> None:
        """Sets every accumulated gradient to zero."""
        zero_gradients([Learnable(p) for p in self.parameters()])

    def save(self, path: str | Path) -> None:
        """Writes the parameters to an ``.npz`` file, whole or not at all."""
        checkpoint.save(path, self.state())

    def load(self, path: str | Path) -> None:
        """Reads parameters that either twin saved.

        Raises:
            CheckpointError: not a checkpoint, truncated, or another model's; nothing is
                changed.
        """
        checkpoint.load_into(self, path)

    # Modes --------------------------------------------------------------------------

    def train(self) -> Module:
        """Lets Dropout drop (inside `record`)."""
        for module in self.modules():
            module.training = True
        return self

    def eval(self) -> Module:
        """Makes Dropout the identity, inside `record` too."""
        for module in self.modules():
            module.training = False
        return self

    def freeze(self) -> Module:
        """Keeps every parameter as it is, until `unfreeze`: ``grad_req="null"``."""
        return self._set_grad_req("null")

    def unfreeze(self) -> Module:
        """Lets every parameter be trained again: ``grad_req="add"``."""
        return self._set_grad_req("add")

    def _set_grad_req(self, grad_req: str) -> Module:
        for parameter in self.parameters():
            if isinstance(parameter, gluon.Parameter):
                parameter.grad_req = grad_req
            else:
                parameter.attach_grad(grad_req)
                parameter.is_parameter = True  # and remains one without a gradient
        # A graph that was compiled before would add to the gradients of then.
        for module in self.modules():
            module.apply(lambda block: getattr(block, "_clear_cached_op", int)())
            module._changes += 1
        return self

    def seed(self, seed: Any) -> None:
        """Restarts the random numbers of the layers that draw some (Dropout).

        MXNet has one source of random numbers per device, not one per layer.
        """
        generator = numpy.random.default_rng(seed)
        for module in self.modules():
            module._reseed(generator)

    def _reseed(self, generator: numpy.random.Generator) -> None:
        """Takes a generator to draw from; layers that draw override this."""

    def hybridize(self, active: bool = True, **flags: Any) -> Module:
        """Compiles the module into one graph with memory planned in advance.

        The layers of this package are compiled from the start; ``active=False`` undoes
        it, for stepping through a network in a debugger.

        Args:
            active: whether to compile.
            flags: those of Gluon's ``HybridBlock.hybridize``.
        """
        if _compilable(self):
            planned = {"static_alloc": active, "static_shape": active}
            super().hybridize(active, **(planned | flags))
        else:
            for part in self._children.values():
                part.hybridize(active, **flags)
        return self


class Layer(Module):
    """A module of this package: it checks what comes in, and is compiled."""

    _input: Any = None  # the shape that was checked last, and what it leads to
    _output: Any = None
    _modes: Any = None  # which of the modules inside trained then, or were frozen

    def forward(self, x: Any) -> Any:
        """Checks x and computes the layer's output."""
        if isinstance(x, Symbol):
            return super().forward(x)
        x = as_tensor(x, self.dtype())
        if x.shape != self._input:
            self._output = self.output_shape(x.shape)
            self._input = x.shape
        if not x.size:  # MXNet's operators fail on no examples, and much later
            return np.zeros(self._output, dtype=x.dtype, ctx=x.ctx)
        modes = [(part.training, part._changes) for part in self._modules_inside()]
        if modes != self._modes:
            self._clear_cached_op()
            self._modes = modes
        if x.ndim == 1:  # one example: a batch of one
            return super().forward(x.reshape(1, -1))[0]
        return super().forward(x)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the output for an input of ``shape``.

        Raises:
            ValueError: inputs of that shape do not fit.
        """
        return shape

    def dtype(self) -> Any:
        """The dtype to compute in: that of the first parameter."""
        for parameter in self._reg_params.values():
            return parameter.dtype
        return None

    def _modules_inside(self) -> list[Module]:
        inside = self.__dict__.get("_inside")
        if inside is None:
            inside = self.__dict__["_inside"] = list(self.modules())
        return inside


def _compilable(block: Any) -> bool:
    """Whether Gluon can trace the block: no forward in plain Python anywhere inside."""
    if isinstance(block, Module) and type(block).forward not in (
        Module.forward,
        Layer.forward,
    ):
        return False
    return all(_compilable(child) for child in block._children.values())


def _gradient_of(array: Any) -> Any:
    """An array's gradient; zeros for one that is frozen."""
    return np.zeros_like(array) if array.grad is None else array.grad


def shared_shape(parameter: Any) -> tuple[int, ...]:
    """The parameter's shape in the NumPy twin and in checkpoints."""
    return getattr(parameter, "shared_shape", parameter.shape)


def as_shared(parameter: Any, values: numpy.ndarray) -> numpy.ndarray:
    """Turns a parameter's values from Gluon's layout into the NumPy twin's."""
    if not hasattr(parameter, "shared_shape"):
        return values
    return numpy.ascontiguousarray(values.T).reshape(parameter.shared_shape)


def from_shared(parameter: Any, values: numpy.ndarray) -> numpy.ndarray:
    """Turns a parameter's values from the NumPy twin's layout into Gluon's."""
    if not hasattr(parameter, "shared_shape"):
        return values
    return numpy.ascontiguousarray(values.reshape(parameter.shape[::-1]).T)


def fill(parameter: Any, values: numpy.ndarray) -> None:
    """Gives a parameter values in the NumPy twin's layout."""
    array = array_of(parameter)
    values = from_shared(parameter, values)
    everything = ... if array.ndim else ()  # MXNet takes no ... for a number
    array[everything] = np.array(values, dtype=array.dtype, ctx=array.ctx)


def _walk(
    part: Any, path: str, above: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Yields every module and parameter below ``part`` with its path, depth first."""
    if isinstance(part, Module):
        yield path, part
        children: Any = type(part).parts(part).items()  # "parts" may be an attribute
    elif isinstance(part, dict):
        children = part.items()
    elif isinstance(part, (list, tuple)):
        children = enumerate(part)
    else:
        if is_parameter(part):
            yield path, part
        return
    if id(part) in above:
        raise ValueError(
            f"a module can't contain itself, and {path!r} is a part of what it is in: "
            "keep such a reference outside of the module's attributes"
        )
    for name, child in children:
        below = f"{path}.{name}" if path else str(name)
        yield from _walk(child, below, (*above, id(part)))
