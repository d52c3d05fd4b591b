"""What a model is built from: its class and its arguments, written beside its weights.

Names and shapes alone do not tell a net of ReLUs from one of tanh. A `Module` of either
twin notes the arguments of its constructor, and a checkpoint holds them for each part
of the model, as text. Only the classes of this library are built from such notes: a
file can name a class and give it numbers, and never bring code.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

import d2lib
from d2lib._checks import spending

__all__ = ["Recipe", "build", "check_same", "recipe_of", "written"]

#: What only says how training starts and goes; any weights fit any of these.
OF_TRAINING = frozenset({"dropout", "forget_bias", "initializer", "momentum", "p"})
_NEVER = frozenset({"seed"})  # the weights are in the file


class Recipe:
    """The arguments that a module was built with, as far as text can hold them.

    Attributes:
        arguments: by name, what JSON can hold, defaults too.
        left_out: the names of those that text can't hold.
    """

    def __init__(self, arguments: dict[str, Any], left_out: list[str]) -> None:
        self.arguments, self.left_out = arguments, left_out


def recipe_of(cls: type, args: tuple, named: Mapping[str, Any]) -> Recipe | None:
    """Notes a call of a class; None if its constructor is about to refuse the call."""
    try:
        call = _signature(cls).bind(*args, **named)
    except (TypeError, ValueError):
        return None
    call.apply_defaults()
    recipe = Recipe({}, [])
    for name, value in call.arguments.items():
        if name in _NEVER:
            continue
        try:
            recipe.arguments[name] = _plain(value)
        except TypeError:  # a default need not be written
            if value is not _signature(cls).parameters[name].default:
                recipe.left_out.append(name)
    return recipe


@cache
def _signature(cls: type) -> inspect.Signature:
    whole = inspect.signature(cls.__init__)
    return whole.replace(parameters=list(whole.parameters.values())[1:])  # no self


def _plain(value: Any) -> Any:
    """Returns a value as JSON gives it back, or raises TypeError."""
    if isinstance(value, (np.generic, np.ndarray)):
        if value.dtype.kind not in "biuf" or value.size > 1000:
            raise TypeError
        value = value.tolist()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, range)):
        return [_plain(part) for part in value]
    raise TypeError


def written(model: Any) -> dict[str, Any]:
    """What a checkpoint says about a model beside its weights, for JSON."""
    parts = {}
    for part in model._described():
        if part.kind == "module":
            recipe = vars(part.thing).get("_recipe") or Recipe({}, ["arguments"])
            parts[part.path] = {
                "class": _name(type(part.thing)),
                "arguments": recipe.arguments,
                "left_out": recipe.left_out,
            }
    return {"d2lib": d2lib.__version__, "twin": model.twin, "model": parts}


def _name(cls: type) -> str:
    """One of the library's classes by its name alone, another with its module."""
    twin = importlib.import_module(cls.twin)  # type: ignore[attr-defined]
    own = cls.__name__ in twin.__all__ and getattr(twin, cls.__name__) is cls
    return cls.__name__ if own else f"{cls.__module__}.{cls.__qualname__}"


def check_same(theirs: Any, model: Any, ignored: frozenset[str] = OF_TRAINING) -> None:
    """Raises ValueError if a file's model computes something else than this one.

    Parts are compared where both have one, argument by argument.

    Args:
        theirs: what `written` said of the file's model, or None of an old file.
        model: the model that is to take the weights.
        ignored: arguments that may differ.
    """
    if not isinstance(theirs, dict) or not isinstance(theirs.get("model"), dict):
        return
    ours = written(model)["model"]
    for path, part in theirs["model"].items():
        if path not in ours or not _comparable(part, ours[path]):
            continue
        own = ours[path]["arguments"]
        for name in part["arguments"].keys() & own.keys() - ignored:
            if part["arguments"][name] != own[name]:
                raise ValueError(
                    f"{path or 'the model'} was {part['class']} with {name}="
                    f"{part['arguments'][name]!r}, and here it is "
                    f"{ours[path]['class']} with {name}={own[name]!r}: build it with "
                    "the same arguments, or let load_model(path) build it"
                )


def _comparable(theirs: Any, ours: dict[str, Any]) -> bool:
    """Whether two parts are of one class, or both of the library's."""
    if not isinstance(theirs, dict) or not isinstance(theirs.get("arguments"), dict):
        return False
    names = str(theirs.get("class")), ours["class"]
    return names[0] == names[1] or not any("." in name for name in names)


def build(theirs: Any, twin: str, numbers: int) -> Any:
    """Builds the model that a file describes, without its weights.

    Args:
        theirs: what `written` said of it.
        twin: the package to build it with.
        numbers: how many numbers the file holds; no model much larger is built.

    Raises:
        ValueError: no description, or one of what the library can't build.
    """
    if not isinstance(theirs, dict) or not isinstance(theirs.get("model"), dict):
        raise ValueError("it does not say which model its weights are of")
    with spending(4 * numbers + 100_000):
        return _build(theirs["model"], "", importlib.import_module(twin))


def _build(parts: Mapping[str, Any], path: str, dl: Any) -> Any:
    part = parts.get(path)
    if not isinstance(part, dict) or not isinstance(part.get("arguments"), dict):
        raise ValueError(f"it does not say what {path or 'the model'} is")
    name = part.get("class")
    cls = getattr(dl, name, None) if name in dl.__all__ else None
    if not (isinstance(cls, type) and issubclass(cls, dl.Module)):
        raise ValueError(
            f"{path or 'the model'} is a {name}, which is none of the library's classes"
        )
    if cls is dl.Sequential:
        start = f"{path}.layers" if path else "layers"
        count = 0
        while f"{start}.{count}" in parts:
            count += 1
        return cls(*[_build(parts, f"{start}.{i}", dl) for i in range(count)])
    if part.get("left_out"):
        raise ValueError(
            f"{path or 'the model'} is a {name} whose {', '.join(part['left_out'])} "
            "could not be written as text"
        )
    return cls(**part["arguments"])
