"""Show the source of a library object in a notebook or a page of the book.

The book never copies code: a listing *is* the library's source, read from the file
that runs.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["Listing", "listing"]

_ROOT = Path(__file__).resolve().parents[2]  # the folder that holds the package


class Listing:
    """The source of one object; a notebook shows it as a highlighted listing.

    Attributes:
        name: The object's full name, such as ``d2lib.scratch.losses.mse``.
        file: The file, relative to the folder that holds the package.
        first: The number of the source's first line in that file, from 1.
        last: The number of its last line.
        source: The code that is shown.
    """

    def __init__(
        self, name: str, file: str, first: int, last: int, source: str
    ) -> None:
        self.name = name
        self.file = file
        self.first = first
        self.last = last
        self.source = source

    def __str__(self) -> str:
        return (
            f"# {self.name}: {self.file}, lines {self.first}-{self.last}\n{self.source}"
        )

    __repr__ = __str__

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, str]:
        # The fence must be longer than any run of backticks in the code.
        fence = "```"
        while fence in self.source:
            fence += "`"
        caption = f"`{self.name}` in `{self.file}`, lines {self.first}–{self.last}"
        return {
            "text/markdown": f"{caption}\n\n{fence}python\n{self.source}\n{fence}\n",
            "text/plain": str(self),
        }


def listing(
    obj: Callable[..., Any] | type | ModuleType,
    *,
    lines: tuple[int, int] | None = None,
    docstring: bool = False,
) -> Listing:
    """Show the source of a library object, as it is in the file that runs.

    In a notebook, make it the last line of a cell. To change the code instead of
    reading it, run ``%load -n scratch.mse`` in a cell of its own, or
    ``%load -s mse path/to/losses.py``: both put the source into the cell.

    Args:
        obj: A function, a class, a method, a property or a module, written in Python.
        lines: The first and the last line to show, counted from 1 within what would
            be shown without this argument. All lines if None.
        docstring: Whether to show docstrings too. Comments are always shown.

    Returns:
        The listing. A notebook shows it highlighted, under a caption with the
        object's name and file; ``print`` shows it as text.

    Raises:
        TypeError: If ``obj`` has no Python source, as a number, an array or a
            function written in C.
        ValueError: If ``lines`` is not a pair that lies within the source.

    Example:
        >>> from d2lib.book import listing
        >>> print(listing(listing, lines=(1, 6)).source)
        def listing(
            obj: Callable[..., Any] | type | ModuleType,
            *,
            lines: tuple[int, int] | None = None,
            docstring: bool = False,
        ) -> Listing:
    """
    target = _unwrap(obj)
    try:
        found, start = inspect.getsourcelines(target)
        path = Path(inspect.getsourcefile(target) or "")
    except (TypeError, OSError) as error:
        raise TypeError(
            "listing expects a function, class, method or module written in Python, "
            f"got {obj!r} of type {type(obj).__name__}: pass the object itself, "
            "as in listing(scratch.mse)"
        ) from error
    start = max(start, 1)  # getsourcelines counts a module's lines from 0
    kept = textwrap.dedent("".join(found)).rstrip().splitlines()
    last = start + len(kept) - 1
    if not docstring:
        kept = _without_docstrings(kept)
    if lines is not None:
        kept = _slice(kept, lines)
    file = path.resolve()
    file = file.relative_to(_ROOT) if file.is_relative_to(_ROOT) else Path(file.name)
    return Listing(_name(target), file.as_posix(), start, last, "\n".join(kept))


def _unwrap(obj: Any) -> Any:
    """Return the object that holds the source: a property's getter, a wrapped one."""
    if isinstance(obj, property) and obj.fget is not None:
        obj = obj.fget
    return inspect.unwrap(obj) if callable(obj) else obj


def _name(obj: Any) -> str:
    if inspect.ismodule(obj):
        return obj.__name__
    return f"{obj.__module__}.{obj.__qualname__}"


def _slice(source: list[str], lines: tuple[int, int]) -> list[str]:
    try:
        first, last = lines
        valid = 1 <= first <= last <= len(source)
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f"lines must be a pair (first, last) with 1 <= first <= last <= "
            f"{len(source)}, the number of lines of the listing, got {lines!r}"
        )
    return textwrap.dedent("\n".join(source[first - 1 : last])).splitlines()


def _without_docstrings(source: list[str]) -> list[str]:
    """Return source lines without docstrings, and without the gap that they leave."""
    drop: set[int] = set()
    for node in ast.walk(ast.parse("\n".join(source))):
        if not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module
        ):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        doc = node.body[0]
        header = 0 if isinstance(node, ast.Module) else node.lineno
        # A body needs a statement, and `def f(): "text"` shares its line.
        if doc.lineno == header or (len(node.body) == 1 and header):
            continue
        end = doc.end_lineno or doc.lineno
        drop.update(range(doc.lineno, end + 1))
        after = end + 1
        while after <= len(source) and not source[after - 1].strip():
            drop.add(after)
            after += 1
    return [line for number, line in enumerate(source, 1) if number not in drop]
