"""Modules: objects that hold parameters and can name, save and load all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from d2lib import checkpoint
from d2lib._checks import as_generator, as_state, check_flag, check_state
from d2lib.scratch.tensor import Tensor

__all__ = ["Module"]


class Module:
    """A part of a network: its parameters are the tensors found in its attributes.

    Assign tensors with ``requires_grad=True``, other modules, or lists and dicts of
    these, and they are found and named by their path (``layers.0.W``). A subclass
    defines ``forward``.

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

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Computes the module's output, by ``forward``."""
        return self.forward(*inputs, **named)

    def forward(self, *inputs: Any) -> Any:
        """Computes the module's output; every subclass says how."""
        raise NotImplementedError(
            f"{type(self).__name__} must define forward(self, x), which computes its "
            "output"
        )

    # Finding the parts --------------------------------------------------------------

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yields (path, tensor) for every parameter; a shared one once."""
        seen: set[int] = set()
        names: set[str] = set()
        for path, part in _walk(self, ""):
            if isinstance(part, Tensor) and id(part) not in seen:
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

    def state(self) -> dict[str, np.ndarray]:
        """Returns a copy of every parameter's values by name."""
        return {name: p.data.copy() for name, p in self.named_parameters()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over values by name, from either twin's ``state()``.

        Raises:
            TypeError: no mapping, or values that are not numbers.
            ValueError: names or shapes that are not this module's; nothing is changed.
        """
        arrays = as_state(state)
        parameters = dict(self.named_parameters())
        shapes = {name: p.shape for name, p in parameters.items()}
        check_state(arrays, shapes, type(self).__name__)
        for name, parameter in parameters.items():
            parameter.data[...] = arrays[name]

    def gradients(self) -> dict[str, np.ndarray]:
        """Returns a copy of every accumulated gradient; zeros where there is none."""
        return {
            name: np.zeros_like(p.data) if p.grad is None else p.grad.copy()
            for name, p in self.named_parameters()
        }

    def zero_grad(self) -> None:
        """Forgets every accumulated gradient."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def save(self, path: str | Path) -> None:
        """Writes the parameters to an ``.npz`` file, whole or not at all.

        Raises:
            TypeError, ValueError: a path that is none.
            OSError: the folder is missing or can't be written.
        """
        checkpoint.save(path, self.state())

    def load(self, path: str | Path) -> None:
        """Reads parameters that either twin saved.

        Raises:
            TypeError, ValueError: a path that is none.
            FileNotFoundError: no such file.
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
        """Keeps every parameter as it is, until `unfreeze`.

        They stay in ``state()`` and ``parameters()``; no gradient is computed for them,
        and no optimiser moves them.
        """
        return self._set_trainable(False)

    def unfreeze(self) -> Module:
        """Lets every parameter be trained again."""
        return self._set_trainable(True)

    def _set_trainable(self, trainable: bool) -> Module:
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

    def hybridize(self, active: bool = True, **flags: Any) -> Module:
        """Does nothing here; in MXNet it compiles the module into one graph."""
        check_flag(active, "active")
        return self


def is_parameter(part: Any) -> bool:
    """Whether this is a tensor to be trained, or one that was until it was frozen."""
    return (
        isinstance(part, Tensor)
        and part.op == "leaf"
        and (part.requires_grad or part.is_parameter)
    )


def _walk(
    part: Any, path: str, above: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Yields every module and parameter below ``part`` with its path, depth first."""
    if isinstance(part, Module):
        yield path, part
        children: Any = vars(part).items()
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
