"""One row per public name: how it is built and called, and what it refuses.

From its row, `tests/twins/test_concepts.py` derives every check that any concept must
pass (they stand in `tests/twins/checks.py`). The files beside this one hold the rows,
one file per subject with the names of `d2lib/scratch`; each has a list `ROWS`, and is
found by itself.

A sample is one way of using the concept, on seeded random inputs:

- ``Call(f, *inputs)`` of a function: ``f(dl, *inputs)`` calls the twin ``dl``;
- ``Build(make, *inputs)`` of a module: ``make(dl, seed)`` builds it, and it is called
  with the inputs;
- ``Train(**options)`` of an optimiser: the arguments beside the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


class Sample:
    """What a concept is tried on.

    Args:
        f: see `Call` and `Build`.
        inputs: float arrays; everything is differentiated with respect to them.
        constants: what is passed after the inputs: labels, targets, indices.
        batch: the axis of the inputs and constants along which the examples lie; None
            where there is none.
        least: values smaller than this are compared as if they were so large.
        least_gradient: the same for gradients.
        exempt: checks that this sample need not pass, with the reason. What is exempt
            has to fail: an exemption that is not needed any more is an error. With
            ``"nan in mx"`` it holds for one twin only.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        *inputs: Any,
        constants: tuple = (),
        batch: int | None = 0,
        least: float = 1e-30,
        least_gradient: float = 1e-30,
        exempt: Mapping[str, str] | None = None,
    ) -> None:
        self.f = f
        self.inputs = tuple(np.asarray(x, np.float32) for x in inputs)
        self.constants = constants
        self.batch = batch
        self.least, self.least_gradient = least, least_gradient
        self.exempt = exempt or {}

    def built_by(self) -> Any:
        """The same for all samples that are built alike, or call alike."""
        cells = [cell.cell_contents for cell in self.f.__closure__ or ()]
        return self.f.__code__, str([self.f.__defaults__, cells])

    def used_by(self) -> Any:
        """The same for all samples that are called alike, too."""
        return self.built_by()

    def build(self, dl: Any, seed: Any = 0) -> Any:
        """Returns the module; a function has none."""
        return None

    def run(self, dl: Any, module: Any, *arguments: Any) -> Any:
        """Returns the result, a tensor or tuples of tensors."""
        return self.f(dl, *arguments)


class Call(Sample):
    """A call of a function, ``f(dl, *inputs, *constants)``."""


class Build(Sample):
    """A module ``f(dl, seed)``, and its call; `call` says how if not ``m(*inputs)``."""

    def __init__(
        self,
        f: Callable[..., Any],
        *inputs: Any,
        call: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(f, *inputs, **options)
        self.call = call or (lambda module, *arguments: module(*arguments))

    def used_by(self) -> Any:
        """The same for all samples that are built and called alike."""
        return *self.built_by(), self.call.__code__

    def build(self, dl: Any, seed: Any = 0) -> Any:
        """Returns the module."""
        return self.f(dl, seed)

    def run(self, dl: Any, module: Any, *arguments: Any) -> Any:
        """Calls the module."""
        return self.call(module, *arguments)


class Train:
    """The arguments of an optimiser, beside the parameters."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.exempt: Mapping[str, str] = {}

    def built_by(self) -> Any:
        """The same for all of an optimiser, whose kind is built alike."""
        return None


@dataclass(frozen=True)
class Wrong:
    """A mistake, and what is raised: the same in both twins.

    Attributes:
        call: the mistake, a function of a twin.
        error: the type, exactly.
        pattern: a regular expression that the message matches.
        alike: how many letters the messages of the twins share; None: all of them.
    """

    call: Callable[[Any], Any]
    error: type[Exception]
    pattern: str
    alike: int | None = None


@dataclass(frozen=True)
class Row:
    """A public name of both twins, and all that is needed to check it.

    Attributes:
        name: as in ``__all__``.
        samples: by name, `Call`, `Build` or `Train`.
        wrong: by name, mistakes and what they get.
        known: by its source, a call ``f(dl)`` and the values that it must have.
        exempt: as in `Sample`, for all samples.
        scratch_only: members that the MXNet twin need not have, with the reason.
        source: whether its docstring names an author; a mere tool has none.
        tested_in: where it is checked if it has no samples: files under `tests`.
    """

    name: str
    samples: Mapping[str, Any] = field(default_factory=dict)
    wrong: Mapping[str, Wrong] = field(default_factory=dict)
    known: Mapping[str, tuple] = field(default_factory=dict)
    exempt: Mapping[str, str] = field(default_factory=dict)
    scratch_only: Mapping[str, str] = field(default_factory=dict)
    source: bool = True
    tested_in: tuple[str, ...] = ()


def normal(seed: int, *shape: int) -> Any:
    """Random numbers, the same at every call."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def whole(seed: int, below: int, *shape: int) -> Any:
    """Random whole numbers in [0, below): labels, tokens."""
    return np.random.default_rng(seed).integers(0, below, shape)


def all_rows() -> dict[str, Row]:
    """Returns the rows of all files in this folder, by name."""
    found: dict[str, Row] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path != Path(__file__):
            for row in import_module(f"tests.concepts.{path.stem}").ROWS:
                if row.name in found:
                    raise ValueError(f"two rows are called {row.name!r}")
                found[row.name] = row
    return found
