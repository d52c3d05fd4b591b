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
from dataclasses import dataclass
from typing import Any

import numpy as np

import d2lib
from d2lib import schedules
from d2lib._checks import short, spending

__all__ = ["Recipe", "build", "check_same", "recipe_of", "written"]

_NEVER = {"seed"}  # the weights are in the file
_MOST = 1000  # numbers in an argument, or letters: what is longer is data
#: What only says how training starts and goes; any weights fit any of these.
_OF_TRAINING = {"dropout", "forget_bias", "initializer", "momentum", "p"}


@dataclass(frozen=True)
class Recipe:
    """The arguments that a module was built with, as far as text can hold them.

    Attributes:
        arguments: by name, what JSON can hold, defaults too.
        left_out: the names of those that text can't hold.
    """

    arguments: dict[str, Any]
    left_out: list[str]


def recipe_of(
    cls: type, args: tuple[Any, ...], named: Mapping[str, Any]
) -> Recipe | None:
    """Notes a call of a class; None if its constructor is about to refuse the call."""
    try:
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        call = signature.bind(None, *args, **named)  # None for self
    except (TypeError, ValueError):
        return None
    call.apply_defaults()
    recipe = Recipe({}, [])
    for name, value in list(call.arguments.items())[1:]:
        parameter = signature.parameters[name]
        is_many = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if name in _NEVER or (is_many and not value):
            continue
        try:
            recipe.arguments[name] = _plain(value)
        except (TypeError, RecursionError):
            if value is not parameter.default:  # which need not be written
                recipe.left_out.append(name)
    return recipe


def _plain(value: Any) -> Any:
    """Returns a value as JSON gives it back, or raises TypeError: for data, too."""
    if isinstance(value, (np.generic, np.ndarray)):
        if value.dtype.kind not in "biuf" or value.size > _MOST:
            raise TypeError
        value = value.tolist()
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, schedules.Schedule):
        return {"schedule": value.name, **value.arguments}
    if isinstance(value, str) and len(value) <= _MOST:
        return value
    if isinstance(value, (list, tuple, range)) and not value[_MOST:]:
        return [_plain(part) for part in value]
    raise TypeError


def written(model: Any) -> dict[str, Any]:
    """What a checkpoint says about a model beside its weights, for JSON."""
    parts: dict[str, dict[str, Any]] = {}
    first: dict[int, str] = {}
    for part in model._described():
        if part.kind == "module":
            recipe = vars(part.thing).get("_recipe") or Recipe({}, ["arguments"])
            parts[part.path] = {"class": _name(type(part.thing)), **vars(recipe)}
            if first.setdefault(id(part.thing), part.path) != part.path:
                parts[part.path]["is"] = first[id(part.thing)]
    return {"d2lib": d2lib.__version__, "twin": model.twin, "model": parts}


def _name(cls: Any) -> str:
    """One of the library's classes by its name alone, another with its module."""
    twin = importlib.import_module(cls.twin)
    own = cls.__name__ in twin.__all__ and getattr(twin, cls.__name__) is cls
    return cls.__name__ if own else f"{cls.__module__}.{cls.__qualname__}"


def _parts_of(meta: Any) -> dict[str, dict[str, Any]] | None:
    """What a file says of each part of its model; None if it says nothing.

    Raises:
        ValueError: it says something else than `written` does.
    """
    parts = meta.get("model") if isinstance(meta, dict) else None
    if parts is None:
        return None
    if isinstance(parts, dict) and all(
        isinstance(part, dict)
        and isinstance(part.get("class"), str)
        and isinstance(part.get("arguments"), dict)
        and isinstance(part.get("left_out"), list)
        for part in parts.values()
    ):
        return parts
    raise ValueError(f"it says of its model {short(parts)}")


def check_same(meta: Any, model: Any) -> None:
    """Raises ValueError if a file's model computes something else than this one.

    Parts are compared where both models have one, argument by argument. An old file,
    which says nothing of its model, may be of any.

    Args:
        meta: what `written` said of the file's model.
        model: the model that is to take the weights.
    """
    theirs, ours = _parts_of(meta) or {}, written(model)["model"]
    for path, a in theirs.items():
        if path not in ours:
            continue
        b = ours[path]
        if "." in a["class"] + b["class"]:
            continue  # a class of somebody's own, whose arguments mean what they mean
        one_class = a["class"] == b["class"]
        for name in sorted(a["arguments"].keys() & b["arguments"].keys()):
            values = a["arguments"][name], b["arguments"][name]
            if not _equal(*values) and name not in _OF_TRAINING:
                one, other = (f"{name}={short(value)}" for value in values)
                raise _different(
                    path, f"{a['class']} with {one}", f"{b['class']} with {other}"
                )
        below = f"{path}." if path else ""
        is_layer = not any(p != path and p.startswith(below) for p in theirs)
        if not one_class and is_layer:
            raise _different(path, a["class"], b["class"])


def _equal(a: Any, b: Any) -> bool:
    return a == b or repr(a) == repr(b)  # NaN, which is not equal to itself


def _different(path: str, theirs: str, ours: str) -> ValueError:
    return ValueError(
        f"{path or 'the model'} was {theirs}, and here it is {ours}: build it with the "
        "same arguments, or let load_model(path) build it"
    )


def build(meta: Any, twin: str, numbers: int) -> Any:
    """Builds the model that a file describes, without its weights.

    Args:
        meta: what `written` said of it.
        twin: the package to build it with.
        numbers: how many numbers the file holds; no model much larger is built.

    Raises:
        ValueError: no description, or one of what the library can't build.
        TypeError: arguments that a class does not take.
    """
    parts = _parts_of(meta)
    if parts is None:
        raise ValueError("it does not say which model its weights are of")
    # A layer may count its matrices only; and tables of positions are no weights.
    with spending(4 * numbers + 2_000_000):
        model = _build(parts, "", importlib.import_module(twin), {})
    _check_built(parts, model)
    return model


def _build(
    parts: dict[str, dict[str, Any]], path: str, dl: Any, built: dict[str, Any]
) -> Any:
    """Builds what stands at a path; ``built`` holds what there is by then."""
    if path not in parts:
        raise ValueError(f"it does not say what {path or 'the model'} is")
    part = parts[path]
    if "is" in part:
        if not isinstance(part["is"], str) or part["is"] not in built:
            raise ValueError(f"{path} is {short(part['is'])}, which stands elsewhere")
        return built[part["is"]]
    name = part["class"]
    cls = getattr(dl, name) if name in dl.__all__ else None
    if not (isinstance(cls, type) and issubclass(cls, dl.Module)):
        raise ValueError(
            f"{path or 'the model'} is a {short(name)}, which is none of the library's "
            "classes"
        )
    if cls is dl.Sequential:
        layers: list[Any] = []
        start = f"{path}.layers" if path else "layers"
        while f"{start}.{len(layers)}" in parts:
            layers.append(_build(parts, f"{start}.{len(layers)}", dl, built))
        built[path] = cls(*layers)
        return built[path]
    if part["left_out"]:
        raise ValueError(
            f"{path or 'the model'} is a {name} whose {short(part['left_out'])} could "
            "not be written as text"
        )
    built[path] = cls(**{n: _lively(v) for n, v in part["arguments"].items()})
    return built[path]


def _lively(value: Any) -> Any:
    """Makes a schedule again of what `_plain` made of one."""
    if not isinstance(value, dict):
        return value
    name = value.get("schedule")
    if name not in schedules.NAMES:
        raise ValueError(f"it holds {short(value)}, which is no schedule")
    arguments = {n: v for n, v in value.items() if n != "schedule"}
    return getattr(schedules, name)(**arguments)


def _check_built(parts: dict[str, dict[str, Any]], model: Any) -> None:
    """Raises ValueError if a model is not the one that a file describes.

    That was changed after it was built, then, or by another version of the library.
    """
    ours = written(model)["model"]
    for path in sorted(parts.keys() | ours.keys()):
        a, b = parts.get(path), ours.get(path)
        if a is None or b is None:
            raise ValueError(f"{path} is in {'it' if b is None else 'a new one'} only")
        if a["class"] != b["class"]:
            raise _different(path, a["class"], b["class"])
        same = all(
            name in b["arguments"] and _equal(value, b["arguments"][name])
            for name, value in a["arguments"].items()
        )
        if not same or a.get("is") != b.get("is"):
            raise ValueError(f"{path or 'the model'} was changed after it was built")
