"""A model as a table: its parts with their shapes, and how much there is to learn."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from d2lib._checks import as_array, as_float_array, check_shape, twin_of

__all__ = ["Part", "summary", "table"]


class Part(NamedTuple):
    """A part of a model, as either twin describes it."""

    path: str
    thing: Any  # the module, the parameter or the buffer itself: it may be shared
    kind: str  # "module", "parameter" or "buffer"
    shape: tuple[int, ...] = ()
    trainable: bool = True


def summary(model: Any, *inputs: Any) -> str:
    """Shows a model: each module with its weights, their number, and what comes out.

    ``print(model)`` shows the same without outputs.

    Args:
        model: a ``Module`` of either twin.
        inputs: what the model is called with, in batches: arrays or tensors, whole
            numbers for a model that takes tokens, or a shape, a tuple such as
            ``(32, 784)``, for zeros. Without inputs the outputs are left out.

    Returns:
        A table to print. A module or a weight that is used twice is counted once.

    Raises:
        TypeError: what is no model, or inputs that it does not take.
        ValueError: inputs that do not fit the model.

    Example:
        >>> from d2lib import scratch
        >>> print(summary(scratch.MLP([2, 3, 1]), (8, 2)))
                  module  output  weights           parameters
                  MLP     (8, 1)
        layers.0  Dense   (8, 3)  W (2, 3), b (3,)           9
        layers.1  Dense   (8, 1)  W (3, 1), b (1,)           4
        13 parameters
    """
    name = twin_of(model)
    outputs: dict[int, str] = {}
    if inputs:
        twin = importlib.import_module(name)
        with _watched(model, outputs), twin.no_grad():
            model(*[_input(twin, x) for x in inputs])
    return table(model._described(), outputs)


def table(parts: list[Part], outputs: Mapping[int, str] | None = None) -> str:
    """Writes the parts of a model, below each other.

    Args:
        parts: in the order of the model; its modules stand before what is in them.
        outputs: for the ``id`` of a module what came out of it.
    """
    modules = {part.path: part.thing for part in parts if part.kind == "module"}
    own: dict[str, list[Part]] = {path: [] for path in modules}
    first: dict[int, str] = {}
    for part in parts:
        if part.kind != "module" and id(part.thing) not in first:
            own[_owner(part.path, modules)].append(part)
        first.setdefault(id(part.thing), part.path)
    rows = []
    for path, module in modules.items():
        kind, place = type(module).__name__, first[id(module)]
        output = (outputs or {}).get(id(module), "")
        if place != path:
            rows.append([path, f"{kind}, as {place}", output, "", ""])
            continue
        number = _count(own[path], "parameter")
        rows.append(
            [
                path,
                kind,
                output,
                _weights(path, own[path]),
                f"{number:,}" * bool(number),
            ]
        )
    return "\n".join([*_aligned(rows), _total([p for ps in own.values() for p in ps])])


def _owner(path: str, modules: Mapping[str, Any]) -> str:
    """The path of the module in which a parameter stands, perhaps in a list."""
    while path and (path := path.rpartition(".")[0]) not in modules:
        pass
    return path


def _weights(path: str, own: list[Part]) -> str:
    """Names and shapes; what follows each other and is alike shares one shape."""

    def look(part: Part) -> str:
        note = " buffer" if part.kind == "buffer" else ""
        note += "" if part.trainable else " frozen"
        return f"{part.shape}{note}"

    start = len(path) + 1 if path else 0
    return ", ".join(
        f"{', '.join(part.path[start:] for part in alike)} {text}"
        for text, alike in groupby(own, look)
    )


def _count(parts: list[Part], kind: str) -> int:
    return sum(math.prod(part.shape) for part in parts if part.kind == kind)


def _total(parts: list[Part]) -> str:
    line = f"{_count(parts, 'parameter'):,} parameters"
    frozen = _count([part for part in parts if not part.trainable], "parameter")
    kept = _count(parts, "buffer")
    line += f", {frozen:,} of them frozen" if frozen else ""
    return line + (f", and {kept:,} numbers in buffers" if kept else "")


def _aligned(rows: list[list[str]]) -> list[str]:
    """Lines of equal columns, under a head; a column of nothing is left out."""
    head = ["", "module", "output", "weights", "parameters"]
    filled = [column for column in zip(head, *rows, strict=True) if any(column[1:])]
    padded = []
    for column in filled:
        width = max(map(len, column))
        right = column[0] == "parameters"
        padded.append([c.rjust(width) if right else c.ljust(width) for c in column])
    return ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]


def _input(twin: Any, x: Any) -> Any:
    """Makes of a shape zeros; tokens stay as they are."""
    if isinstance(x, tuple) and all(isinstance(n, int) for n in x):
        x = np.zeros(check_shape(x, "inputs"), np.float32)
    if isinstance(x, twin.Tensor):
        return x
    if not hasattr(x, "asnumpy"):
        x = as_array(x, "inputs")
        if x.dtype.kind in "iu":
            return x
    return twin.tensor(as_float_array(x, name="inputs"))


@contextmanager
def _watched(model: Any, outputs: dict[int, str]) -> Iterator[None]:
    """Writes down the shape of what each module returns.

    A module that MXNet compiled would not call those inside: for so long, none is.
    """
    compiled = []

    def watch(module: Any) -> None:
        forward = module.forward

        @functools.wraps(forward)
        def watched(*inputs: Any, **named: Any) -> Any:
            result = forward(*inputs, **named)
            outputs[id(module)] = _shapes(result)
            return result

        vars(module)["forward"] = watched
        if vars(module).get("_active"):
            compiled.append(module)
            vars(module)["_active"] = False

    modules = list(model.modules())
    for module in modules:
        watch(module)
    try:
        yield
    finally:
        for module in modules:
            del vars(module)["forward"]
        for module in compiled:
            vars(module)["_active"] = True


def _shapes(result: Any) -> str:
    """The shape of a tensor; of several, those of each."""
    if isinstance(result, (list, tuple)):
        return ", ".join(map(_shapes, result))
    return str(tuple(result.shape)) if hasattr(result, "shape") else ""
