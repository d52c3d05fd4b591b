"""Gluon's ``HybridBlock`` with the names and shapes of the NumPy twin's `Module`."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import numpy

from d2lib import checkpoint
from d2lib._checks import (
    as_generator,
    as_state,
    check_buffer,
    check_flag,
    check_state,
    check_twin,
    check_weights,
    fixed,
)
from d2lib._types import Array
from d2lib.mx._compat import autograd, gluon, mx, np
from d2lib.mx._process import computing
from d2lib.mx.tensor import (
    Learnable,
    array_of,
    as_shared,
    as_tensor,
    is_parameter,
    renew,
    tensor,
    zero_gradients,
)
from d2lib.shared.calls import Forward
from d2lib.shared.recipes import recipe_of, written
from d2lib.shared.summaries import Part, table

__all__ = ["Buffer", "Layer", "Layout", "Module"]

M = TypeVar("M", bound="Module")
P = ParamSpec("P")
R = TypeVar("R")

# Gluon hands a Symbol instead of an array to a block whose graph it is compiling.
Symbol = mx.symbol.Symbol

# Attributes of every block, which are not parts of it.
_OF_GLUON = frozenset(vars(gluon.HybridBlock())) | {"_inside"}
_TAKEN = ("params", "prefix")  # properties, by which it finds its parameters


class Layout(NamedTuple):
    """How a Gluon parameter looks in the NumPy twin, where that is not the same.

    A parameter declares it in its attribute ``layout``: its axes come in the order
    ``axes``, and then in the shape ``shape``.
    """

    axes: tuple[int, ...]
    shape: tuple[int, ...]


class Fixed(tuple[Any, ...]):
    """Parameters of a layer, one for each part of it; none of them can be replaced."""

    what = ""  # the layer and its attribute, for the error

    def __setitem__(self, index: Any, value: Any) -> None:
        raise fixed(self.what)


class Buffer:
    """Numbers that a module keeps beside its parameters; see `d2lib.scratch.Buffer`.

    (A layer of Gluon's has a parameter that is not differentiable instead, such as the
    running mean of its ``BatchNorm``. That is a buffer too.)

    Args:
        values: the numbers to start with, floats of any shape; they are copied.
        dtype: float32 unless given.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists, or (when assigned) another shape.

    Example:
        >>> mean = Buffer([0.0, 0.0])
        >>> mean.value = mean.value * 0.9 + 0.1
        >>> mean.value
        array([0.1, 0.1])
    """

    def __init__(self, values: Any, dtype: Any = None) -> None:
        self._value = tensor(as_tensor(values, dtype, "values"), dtype)

    @property
    def value(self) -> Any:
        """The numbers, as a tensor without a gradient."""
        return self._value

    @value.setter
    def value(self, values: Any) -> None:
        new = as_tensor(values, self._value.dtype, "value")
        check_buffer(new.shape, self._value.shape)
        with autograd.pause():
            self._value = new.copy()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the numbers."""
        shape: tuple[int, ...] = self._value.shape
        return shape


class Module(gluon.HybridBlock):
    """A part of a network; see `d2lib.scratch.Module`, which has the same methods.

    Assign tensors with ``requires_grad=True``, a `Buffer`, other modules, or lists and
    dicts of these. A subclass defines ``forward`` in plain Python; its parts are
    compiled each for itself. (With Gluon's ``hybrid_forward`` instead, it is compiled
    as a whole.)

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
    _names: Mapping[str, str] = {}  # what Gluon calls otherwise, such as weight: W

    def __new__(cls: type[M], *args: Any, **kwargs: Any) -> M:
        """Prepares the block, so that a subclass need not call ``super().__init__``.

        It notes the arguments, so that ``save`` can write what was built.
        """
        self = super().__new__(cls)
        gluon.HybridBlock.__init__(self)
        vars(self)["_recipe"] = recipe_of(cls, args, kwargs)
        made: M = self
        return made

    def __init__(self) -> None:
        """There is nothing left to do after ``__new__``."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Lets a part be replaced by anything; Gluon would keep or refuse it.

        Raises:
            TypeError: the parameter of a layer, whose old one would be computed with.
            AttributeError: a name that Gluon needs.
        """
        if name in _TAKEN:
            raise AttributeError(
                f"a module of d2lib.mx can't have an attribute {name!r}, for Gluon has "
                f"one of that name: choose another name, such as 'my_{name}'"
            )
        old = vars(self).get(name)
        if isinstance(old, (gluon.Parameter, Fixed)) or name in self._names.values():
            raise fixed(f"{type(self).__name__}.{name}")
        if isinstance(old, gluon.Block):
            self._children.pop(name, None)
            del self.__dict__[name]
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        """Reads a layer's W or b, which Gluon calls weight and bias, to compute with.

        It is a copy in the NumPy twin's layout, W as (inputs, units), and what is
        computed with it inside `record` counts for the layer's ``gradients()``.
        """
        for theirs, ours in type(self)._names.items():
            if name == ours and theirs in vars(self):
                parameter = vars(self)[theirs]
                what = f"{type(self).__name__}.{name}"
                return None if parameter is None else _copied(parameter, what)
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}"
        )

    @property
    def name(self) -> Any:
        """What was assigned, or else what Gluon calls the block."""
        return vars(self).get("name", self._name)

    @name.setter
    def name(self, value: Any) -> None:
        self.__dict__["name"] = value

    if TYPE_CHECKING:  # a subclass may take what it likes, and is called with that
        forward: Callable[..., Any]

        def __call__(self: Forward[P, R], *inputs: P.args, **named: P.kwargs) -> R:
            """Computes the module's output."""

    else:

        def __call__(self, *inputs: Any, **named: Any) -> Any:
            """Computes the module's output, by ``forward``; Gluon's takes no names."""
            computing()
            if named:
                call = inspect.signature(self.forward).bind(*inputs, **named)
                call.apply_defaults()
                inputs, named = call.args, call.kwargs
            if not named:
                return super().__call__(*inputs)
            # Gluon passes on what has a place only, and nothing that stands after a *.
            for hook in self._forward_pre_hooks.values():
                hook(self, inputs)
            outputs = self.forward(*inputs, **named)
            for hook in self._forward_hooks.values():
                hook(self, inputs, outputs)
            return outputs

        def forward(self, *inputs: Any) -> Any:
            """Computes the module's output; every subclass says how."""
            if type(self).hybrid_forward is not gluon.HybridBlock.hybrid_forward:
                return super().forward(*inputs)
            raise NotImplementedError(
                f"{type(self).__name__} must define forward(self, x), which computes "
                "its output"
            )

    def _check_container_with_block(self) -> None:
        """Gluon warns of modules in lists, which it cannot find; `parts` finds them."""

    # Finding the parts --------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """The attributes in which parameters and modules are looked for, by name."""
        return {
            self._names.get(name, name): part
            for name, part in vars(self).items()
            if name not in _OF_GLUON
        }

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yields (path, Gluon parameter or tensor) for each; a shared one once."""
        for path, part in self._named_arrays():
            if is_parameter(part):
                yield path, part

    def _named_arrays(self) -> Iterator[tuple[str, Any]]:
        """Yields (path, parameter or buffer), which is what ``state()`` holds."""
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

    def state(self) -> dict[str, Array]:
        """Returns a copy of the values of every parameter and buffer by name.

        They are laid out as in the NumPy twin: W as (inputs, units).
        """
        return {
            name: as_shared(part, _values(part).asnumpy())
            for name, part in self._named_arrays()
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over values by name, from either twin's ``state()``.

        Raises:
            TypeError: no mapping, or values that are not numbers.
            ValueError: names or shapes that are not this module's; nothing is changed.
        """
        given = as_state(state)
        parts = dict(self._named_arrays())
        shapes = {name: shared_shape(part) for name, part in parts.items()}
        check_state(given, shapes, type(self).__name__)
        for name, part in parts.items():
            fill(part, given[name])

    def gradients(self) -> dict[str, Array]:
        """Returns a copy of every accumulated gradient; zeros where there is none."""
        return {
            name: as_shared(p, _gradient_of(array_of(p)).asnumpy())
            for name, p in self.named_parameters()
        }

    def zero_grad(self) -> None:
        """Sets every accumulated gradient to zero."""
        zero_gradients([Learnable(p) for p in self.parameters()])

    def _widen(self) -> None:
        """Computes in float64 from now on."""
        self.cast("float64")
        for _, part in self._named_arrays():
            if isinstance(part, Buffer):
                part._value = part._value.astype("float64")

    def save(self, path: str | Path) -> None:
        """Writes the ``state()`` to an ``.npz`` file, whole or not at all.

        The class and its arguments go with it, from which ``load_model`` builds the
        model again, and by which ``load`` tells another one of the same shapes.

        Raises:
            TypeError: a path that is none.
            ValueError: a path that is none, or weights that are not finite.
            OSError: the folder is missing or can't be written, or the disk is full.
        """
        state = self.state()
        check_weights(state, state)
        checkpoint.save(path, state, written(self))

    def load(self, path: str | Path) -> None:
        """Reads a ``state()`` that either twin saved.

        Raises:
            TypeError, ValueError: a path that is none.
            FileNotFoundError: no such file.
            CheckpointError: not a checkpoint, truncated, with weights that are not
                finite or too large for this model's precision, or another model's: of
                other shapes, or of other arguments (ReLU or tanh); nothing is changed.
        """
        checkpoint.load_into(self, path)

    # Modes --------------------------------------------------------------------------

    def _mode(self) -> Any:
        """What the module's graph depends on: compiled anew where it changes."""
        return self.training

    def train(self: M) -> M:
        """Lets Dropout drop (inside `record`)."""
        for module in self.modules():
            module.training = True
        return self

    def eval(self: M) -> M:
        """Makes Dropout the identity, inside `record` too."""
        for module in self.modules():
            module.training = False
        return self

    def freeze(self: M) -> M:
        """Keeps every parameter as it is, until `unfreeze`: ``grad_req="null"``."""
        return self._set_trainable(False)

    def unfreeze(self: M) -> M:
        """Lets every parameter be trained again: ``grad_req="add"``."""
        return self._set_trainable(True)

    def _set_trainable(self: M, trainable: bool) -> M:
        for parameter in self.parameters():
            parameter.requires_grad = trainable
        self.zero_grad()
        return self

    def seed(self, seed: Any) -> None:
        """Restarts the random numbers of the layers that draw some (Dropout).

        MXNet has one source of random numbers per device, not one per layer.
        """
        generator = as_generator(seed)
        for module in self.modules():
            module._reseed(generator)

    def _take_nothing(self) -> None:
        """Raises where a part of the network can do nothing without examples."""

    def _reseed(self, generator: numpy.random.Generator) -> None:
        """Takes a generator to draw from; layers that draw override this."""

    def hybridize(self: M, active: bool = True, **flags: Any) -> M:
        """Compiles the module into one graph with memory planned in advance.

        The layers of this package are compiled from the start; ``active=False`` undoes
        it, for stepping through a network in a debugger.

        Args:
            active: whether to compile.
            flags: those of Gluon's ``HybridBlock.hybridize``.
        """
        check_flag(active, "active")
        if _compilable(self):
            planned = {"static_alloc": active, "static_shape": active}
            super().hybridize(active, **(planned | flags))
        else:
            for part in self._children.values():
                part.hybridize(active, **flags)
        return self

    def cast(self, dtype: Any) -> None:
        """Computes in another precision from now on; blocks in lists and dicts too.

        Args:
            dtype: float32 or float64. (Tensors that are parameters keep theirs.)
        """
        for module in self.modules():
            super(Module, module).cast(dtype)

    # Showing and copying ------------------------------------------------------------

    def __repr__(self) -> str:
        return table(self._described())

    def _described(self) -> list[Part]:
        """Every part for `summary`, in the order of ``state()``."""
        return [
            Part(path, part, "module")
            if isinstance(part, Module)
            else Part(path, part, "buffer", shared_shape(part))
            if _is_buffer(part)
            else Part(path, part, "parameter", shared_shape(part), part.requires_grad)
            for path, part in _walk(self, "")
        ]

    def __copy__(self: M) -> M:
        """Copies the weights too: a change of one model never changes another."""
        return copy.deepcopy(self)


class Layer(Module):
    """A module of this package: it checks what comes in, and is compiled."""

    _input: Any = None  # the shape that was checked last, and what it leads to
    _output: Any = None
    _modes: Any = None  # which of the modules inside trained then

    def forward(self, x: Any) -> Any:
        """Checks x and computes the layer's output."""
        if isinstance(x, Symbol):
            return super().forward(x)
        x = as_tensor(x, self.dtype())
        if x.shape != self._input:
            self._output = self.output_shape(x.shape)
            self._input = x.shape
        if not x.size:  # MXNet's operators fail on no examples, and much later
            for part in self._modules_inside():
                part._take_nothing()
            return self._of_nothing(x)
        modes = [part._mode() for part in self._modules_inside()]
        if modes != self._modes:
            self._clear_cached_op()
            self._modes = modes
        if x.ndim == self.example_axes():  # one example: a batch of one
            return super().forward(np.expand_dims(x, 0))[0]
        return super().forward(x)

    def _of_nothing(self, x: Any) -> Any:
        """The output for an x without elements, which was checked."""
        return np.zeros(self._output, dtype=x.dtype, ctx=x.ctx)

    def example_axes(self) -> int | None:
        """How many axes one example has, if MXNet computes batches only."""
        return None

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


def _is_buffer(part: Any) -> bool:
    return isinstance(part, Buffer) or (
        isinstance(part, gluon.Parameter) and not is_parameter(part)
    )


def _values(part: Any) -> Any:
    """The array of a parameter or a buffer."""
    return part.value if isinstance(part, Buffer) else array_of(part)


def shared_shape(part: Any) -> tuple[int, ...]:
    """The shape of a parameter or buffer in the NumPy twin and in checkpoints."""
    whole = part.layout if hasattr(part, "layout") else part
    shape: tuple[int, ...] = whole.shape
    return shape


def _copied(parameter: Any, what: str) -> Any:
    """Copies a Gluon parameter's array in the NumPy twin's layout, only to be read."""
    array = parameter.data()
    axes, shape = getattr(parameter, "layout", (range(array.ndim), array.shape))
    copied = array.copy().transpose(*axes).reshape(shape)
    copied.copied_from = what  # who writes into it is told that nothing would change
    return copied


def from_shared(part: Any, values: Array) -> Array:
    """Turns a parameter's values from the NumPy twin's layout into Gluon's."""
    if not hasattr(part, "layout"):
        return values
    axes = part.layout.axes
    values = values.reshape([part.shape[axis] for axis in axes])
    back = [axes.index(axis) for axis in range(len(axes))]
    return numpy.ascontiguousarray(values.transpose(back))


def fill(part: Any, values: Array) -> None:
    """Gives a parameter or a buffer values in the NumPy twin's layout."""
    array = _values(part)
    values = from_shared(part, values)
    everything = ... if array.ndim else ()  # MXNet takes no ... for a number
    array[everything] = np.array(values, dtype=array.dtype, ctx=array.ctx)
    if is_parameter(part):
        learnable = Learnable(part)
        if learnable.classic_gradient is not None:
            renew([learnable])


def _walk(
    part: Any, path: str, above: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Yields every module, parameter and buffer below ``part`` with its path."""
    if isinstance(part, Module):
        yield path, part
        children: Any = type(part).parts(part).items()  # "parts" may be an attribute
    elif isinstance(part, dict):
        children = part.items()
    elif isinstance(part, (list, tuple)):
        children = enumerate(part)
    else:
        if is_parameter(part) or _is_buffer(part):
            yield path, part
        else:
            check_twin(part, Module.twin, path)
        return
    if id(part) in above:
        raise ValueError(
            f"a module can't contain itself, and {path!r} is a part of what it is in: "
            "keep such a reference outside of the module's attributes"
        )
    for name, child in children:
        below = f"{path}.{name}" if path else str(name)
        yield from _walk(child, below, (*above, id(part)))
