"""Modules: objects that hold parameters and can name, save and load all of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from d2lib import checkpoint
from d2lib._checks import (
    as_generator,
    as_state,
    check_buffer,
    check_flag,
    check_state,
    check_twin,
    check_weights,
)
from d2lib._types import Array
from d2lib.scratch.tensor import Tensor, as_tensor, tensor
from d2lib.shared.calls import Forward
from d2lib.shared.recipes import recipe_of, written
from d2lib.shared.summaries import Part, table

__all__ = ["Buffer", "Module"]

M = TypeVar("M", bound="Module")
P = ParamSpec("P")
R = TypeVar("R")


class Buffer:
    """Numbers that a module keeps beside its parameters, such as running statistics.

    Assigned to an attribute of a `Module`, a buffer is part of ``state()``, is saved
    and loaded. It is no parameter: nothing trains it, counts it, or freezes it.

    Args:
        values: the numbers to start with, floats of any shape; they are copied.
        dtype: float32 unless given.

    Attributes:
        value: a tensor without a gradient. Assign another one of its shape to change
            it: the values are copied, and how they were computed is forgotten.

    Raises:
        TypeError: integer or object arrays.
        ValueError: ragged lists, or (when assigned) another shape.

    Example:
        >>> class Counter(Module):
        ...     def __init__(self):
        ...         self.calls = Buffer(0.0)
        ...     def forward(self, x):
        ...         self.calls.value = self.calls.value + 1.0
        ...         return x
        >>> counter = Counter()
        >>> _ = counter([1.0])
        >>> counter.state()["calls"].item(), counter.num_parameters()
        (1.0, 0)
    """

    def __init__(self, values: Any, dtype: Any = None) -> None:
        self._value = tensor(as_tensor(values, dtype, "values"), dtype)

    @property
    def value(self) -> Tensor:
        """The numbers, as a tensor without a gradient."""
        return self._value

    @value.setter
    def value(self, values: Any) -> None:
        new = as_tensor(values, self._value.dtype, "value")
        check_buffer(new.shape, self._value.shape)
        dtype = self._value.dtype
        self._value = Tensor(new.data.astype(dtype), dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the numbers."""
        return self._value.shape


class Module:
    """A part of a network: its parameters are the tensors found in its attributes.

    Assign tensors with ``requires_grad=True``, a `Buffer`, other modules, or lists and
    dicts of these, and they are found and named by their path (``layers.0.W``),
    whatever the attribute is called (``_hidden`` too). A subclass defines ``forward``.

    ``print(model)`` shows its parts. It can be copied (by `copy.copy` too, with weights
    of its own) and pickled; gradients and compiled graphs stay behind.

    Example:
        >>> from d2lib.scratch import tensor
        >>> class Scale(Module):
        ...     def __init__(self):
        ...         self.factor = tensor(2.0, requires_grad=True)
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> scale = Scale()
        >>> scale(tensor([1.0, 2.0])).data
        array([2., 4.], dtype=float32)
        >>> list(scale.state())
        ['factor']
    """

    twin = "d2lib.scratch"
    training = True

    def __new__(cls: type[M], *args: Any, **named: Any) -> M:
        """Notes the arguments, so that ``save`` can write what was built."""
        self = super().__new__(cls)
        vars(self)["_recipe"] = recipe_of(cls, args, named)
        return self

    def __call__(self: Forward[P, R], *inputs: P.args, **named: P.kwargs) -> R:
        """Computes the module's output, by ``forward``."""
        return self.forward(*inputs, **named)

    if TYPE_CHECKING:  # a subclass may take what it likes
        forward: Callable[..., Any]
    else:

        def forward(self, *inputs: Any) -> Any:
            """Computes the module's output; every subclass says how."""
            raise NotImplementedError(
                f"{type(self).__name__} must define forward(self, x), which computes "
                "its output"
            )

    # Finding the parts --------------------------------------------------------------

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yields (path, tensor) for every parameter; a shared one once."""
        for path, part in self._named_arrays():
            if isinstance(part, Tensor):
                yield path, part

    def _named_arrays(self) -> Iterator[tuple[str, Tensor | Buffer]]:
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

    def parameters(self) -> list[Tensor]:
        """The parameters, in the order in which they were assigned."""
        return [parameter for _, parameter in self.named_parameters()]

    def num_parameters(self) -> int:
        """How many numbers there are to learn."""
        return sum(parameter.size for parameter in self.parameters())

    # Their values -------------------------------------------------------------------

    def state(self) -> dict[str, Array]:
        """Returns a copy of the values of every parameter and buffer by name."""
        return {name: _values(part).copy() for name, part in self._named_arrays()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over values by name, from either twin's ``state()``.

        Raises:
            TypeError: no mapping, or values that are not numbers.
            ValueError: names or shapes that are not this module's; nothing is changed.
        """
        arrays = as_state(state)
        parts = dict(self._named_arrays())
        shapes = {name: part.shape for name, part in parts.items()}
        check_state(arrays, shapes, type(self).__name__)
        for name, part in parts.items():
            if isinstance(part, Buffer):
                part.value = arrays[name].astype(part.value.dtype)
            else:
                part.data[...] = arrays[name]
                part.mark_changed()

    def gradients(self) -> dict[str, Array]:
        """Returns a copy of every accumulated gradient; zeros where there is none."""
        return {
            name: np.zeros_like(p.data) if p.grad is None else p.grad.copy()
            for name, p in self.named_parameters()
        }

    def zero_grad(self) -> None:
        """Forgets every accumulated gradient."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def _widen(self) -> None:
        """Computes in float64 from now on."""
        for _, part in self._named_arrays():
            tensor = part.value if isinstance(part, Buffer) else part
            tensor.data = tensor.data.astype(np.float64)

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
        """Keeps every parameter as it is, until `unfreeze`.

        They stay in ``state()`` and ``parameters()``; no gradient is computed for them,
        and no optimiser moves them.
        """
        return self._set_trainable(False)

    def unfreeze(self: M) -> M:
        """Lets every parameter be trained again."""
        return self._set_trainable(True)

    def _set_trainable(self: M, trainable: bool) -> M:
        for parameter in self.parameters():
            parameter.requires_grad = trainable
            parameter.zero_grad()
        return self

    def seed(self, seed: Any) -> None:
        """Restarts the random numbers of every layer that draws some (Dropout)."""
        generator = as_generator(seed)
        for module in self.modules():
            module._reseed(generator)

    def _reseed(self, generator: np.random.Generator) -> None:
        """Takes a generator to draw from; layers that draw override this."""

    def hybridize(self: M, active: bool = True, **flags: Any) -> M:
        """Does nothing here; in MXNet it compiles the module into one graph."""
        check_flag(active, "active")
        return self

    # Showing and copying ------------------------------------------------------------

    def __repr__(self) -> str:
        return table(self._described())

    def _described(self) -> list[Part]:
        """Every part for `summary`, in the order of ``state()``."""
        return [
            Part(path, part, "module")
            if isinstance(part, Module)
            else Part(path, part, "buffer", part.shape)
            if isinstance(part, Buffer)
            else Part(path, part, "parameter", part.shape, part.requires_grad)
            for path, part in _walk(self, "")
        ]

    def __copy__(self: M) -> M:
        """Copies the weights too: a change of one model never changes another."""
        return copy.deepcopy(self)


def is_parameter(part: Any) -> bool:
    """Whether this is a tensor to be trained, or one that was until it was frozen."""
    return (
        isinstance(part, Tensor)
        and part.op == "leaf"
        and (part.requires_grad or part.is_parameter)
    )


def _values(part: Tensor | Buffer) -> Array:
    return part.value.data if isinstance(part, Buffer) else part.data


def _walk(
    part: Any, path: str, above: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Yields every module, parameter and buffer below ``part`` with its path."""
    if isinstance(part, Module):
        yield path, part
        children: Any = vars(part).items()
    elif isinstance(part, dict):
        children = part.items()
    elif isinstance(part, (list, tuple)):
        children = enumerate(part)
    else:
        if is_parameter(part) or isinstance(part, Buffer):
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
