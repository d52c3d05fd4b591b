"""The parameters and the state of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from d2lib._checks.arrays import as_array
from d2lib._checks.show import kind, short
from d2lib._types import Array


def twin_of(model: Any) -> str:
    """Returns the name of the twin that a model belongs to."""
    name: str | None = getattr(model, "twin", None)
    if name not in ("d2lib.scratch", "d2lib.mx") or isinstance(model, type):
        raise TypeError(
            f"model must be a Module of d2lib.scratch or d2lib.mx, got {short(model)}"
        )
    return name


def check_twin(part: Any, twin: str, path: str) -> None:
    """Raises TypeError if a module of ``twin`` holds a module of the other one."""
    other = getattr(type(part), "twin", twin)
    if other != twin:
        raise TypeError(
            f"a module of {twin} takes modules of {twin}, got {kind(part)} of {other} "
            f"as {path!r}: build every part of a model with one twin"
        )


def fixed(what: str) -> TypeError:
    """The error of who replaces, or writes into, a parameter that MXNet keeps."""
    return TypeError(
        f"{what} can't be replaced or written into, for MXNet would compute with the "
        "old one: give it new values by load_state(...), or use one layer in two "
        "places to share it"
    )


def check_buffer(given: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Raises ValueError unless what is assigned to a buffer has its shape."""
    if tuple(given) != tuple(expected):
        raise ValueError(
            f"a buffer keeps its shape {tuple(expected)}, got {tuple(given)}: reduce "
            "or reshape the value that you assign, or make a new Buffer"
        )


def check_state(
    given: dict[str, Array], expected: dict[str, tuple[int, ...]], what: str
) -> None:
    """Raises ValueError unless names and shapes of a state fit a model exactly."""
    missing = [name for name in expected if name not in given]
    unexpected = [name for name in given if name not in expected]
    if missing or unexpected:
        raise ValueError(
            f"the state does not fit this {what}: missing {missing or 'nothing'}, "
            f"unexpected {unexpected or 'nothing'}: load it into a {what} built "
            "with the same arguments"
        )
    for name, shape in expected.items():
        array = np.asarray(given[name])
        if array.shape != tuple(shape):
            raise ValueError(
                f"the state does not fit this {what}: {name} must have shape "
                f"{tuple(shape)}, got {array.shape}"
            )
        if array.dtype.kind not in "fiu":
            raise TypeError(
                f"the state's {name} must hold numbers, got dtype {array.dtype}"
            )


def check_weights(given: Mapping[str, Array], own: Mapping[str, Array]) -> None:
    """Raises ValueError unless all weights are finite, in a model's precision too.

    Args:
        given: the weights.
        own: the model's ``state()``, of the same names.
    """
    for name, dtype in ((name, values.dtype) for name, values in own.items()):
        array = given[name]
        if not np.isfinite(array).all():
            raise ValueError(
                f"weights must be finite, and {name} holds NaN or infinity: did a "
                "training fail? take an earlier checkpoint"
            )
        if array.dtype != dtype:
            with np.errstate(over="ignore"):
                fits = np.isfinite(array.astype(dtype)).all()
            if not fits:
                raise ValueError(
                    f"weights must fit into the model's {dtype.name}, and "
                    f"{name} of {array.dtype} goes up to {np.abs(array).max():.3g}: "
                    "scale the weights, or use a model of float64"
                )


def as_state(state: Any, name: str = "state") -> dict[str, Array]:
    """Returns a state as arrays by name; the values may be tensors of either twin."""
    if not isinstance(state, Mapping):
        raise TypeError(
            f"{name} must be a mapping from names to arrays, as state() returns it, "
            f"got {short(state)}: to read a file, call load(path)"
        )
    for key in state:
        if not isinstance(key, str):
            raise TypeError(f"{name} must have text as names, got {short(key)}")
    return {key: as_array(values, f"{name}[{key!r}]") for key, values in state.items()}


def check_parameters(parameters: Any, is_leaf: Callable[[Any], bool]) -> list[Any]:
    """Returns parameters as a list: leaves that have gradients, each of them once.

    Args:
        parameters: what a user gave to an optimiser or to `clip_gradients`.
        is_leaf: tells whether the twin that asks can train something.

    Raises:
        TypeError: no list of parameters, or something in it that is none.
        ValueError: none at all, or one of them twice.
    """
    tensor = hasattr(parameters, "asnumpy")  # which MXNet would give row by row
    try:
        given = None if tensor or is_leaf(parameters) else iter(parameters)
    except TypeError:
        given = None
    if given is None:
        raise TypeError(
            "an optimiser takes a list of tensors with requires_grad=True, got "
            f"{kind(parameters)}: pass model.parameters(), or [w] for one"
        )
    found = []
    for parameter in given:
        if not is_leaf(parameter):
            raise TypeError(
                "an optimiser takes tensors with requires_grad=True, got "
                f"{kind(parameter)}: pass model.parameters(), and not what is "
                "computed from them"
            )
        found.append(parameter)
    if not found:
        raise ValueError("an optimiser needs at least one parameter, got none")
    if len({id(parameter) for parameter in found}) < len(found):
        raise ValueError(
            "each parameter must be given once, or a step moves it twice, got "
            f"{len(found)} of which some are the same: name shared ones once"
        )
    return found
