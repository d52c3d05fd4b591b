"""Write the API reference of a package from what it exports.

A page says `% reference: d2lib.scratch`, and in place of that line comes a section for
each module of the package, with its public names under the path by which one imports
them. So a new concept is in the reference as soon as it is exported.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the tests of the library read this file, too
    from docutils.nodes import Element
    from sphinx.application import Sphinx

#: Its table says where each name is taught.
API = Path(__file__).parent.parent / "chapters" / "appendix" / "api.md"
TWINS = "d2lib.scratch.", "d2lib.mx."
ROLE = re.compile(r"\{(ref|doc)\}`([^`]+)`")
PLACE = re.compile(r"^% reference: ([\w.]+)$", re.MULTILINE)
# Methods by which Gluon, or an optimiser's base, does its work: nobody calls them.
HOOKS = "hybrid_forward, parts, output_shape, dtype, example_axes, slots"
TENSOR = """\
.. py:data:: Tensor
   :module: d2lib.mx

   MXNet's own ``mxnet.np.ndarray``. What it can do is in MXNet's reference; what the
   book uses of it is what :py:class:`d2lib.scratch.Tensor` has."""


def taught() -> dict[str, list[tuple[str, str]]]:
    """Return by what pages each name is taught, as the table of `api.md` says.

    Returns:
        By the path of a name, in the NumPy twin where it is in both: kind and target of
        the links to the pages, such as ("ref", "perceptron").
    """
    return taught_by(API)


@cache
def taught_by(table: Path) -> dict[str, list[tuple[str, str]]]:
    """Return what a table says; it is read once for all names."""
    found = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        cells = line.strip().strip("|").split(" | ")
        if len(cells) == 4 and (pages := ROLE.findall(cells[-1])):
            found |= dict.fromkeys(re.findall(r"`~?(d2lib[\w.]+)`", cells[1]), pages)
    return found


def directive(package: str, name: str, thing: object) -> str:
    """Return the directive that documents a public name."""
    if package == "d2lib.mx" and name == "Tensor":
        return TENSOR
    if inspect.isclass(thing):
        return (
            f".. autoclass:: {package}.{name}\n"
            "   :members:\n"
            f"   :exclude-members: {HOOKS}\n"
            "   :show-inheritance:"
        )
    return f".. autofunction:: {package}.{name}"


def is_its_own(package: ModuleType, name: str) -> bool:
    """Tell whether a name is the package's; what both twins use has its own page."""
    home = getattr(package, name).__module__
    return not home.startswith("d2lib.") or home.startswith(
        (f"{package.__name__}.", "d2lib.shared.")
    )


def reference(package: ModuleType) -> str:
    """Return the reference of a package's own modules, in Markdown."""
    path = package.__name__
    parts = []
    for file in pkgutil.iter_modules(package.__path__):
        home = importlib.import_module(f"{path}.{file.name}")
        names = [
            name
            for name in getattr(home, "__all__", ())
            if name in package.__all__ and is_its_own(package, name)
        ]
        if not names:
            continue
        title = file.name.replace("_", " ").capitalize()
        doc = inspect.getdoc(home) or ""
        entries = "\n\n".join(directive(path, n, getattr(package, n)) for n in names)
        parts.append(
            f"## {title}\n\n{doc.splitlines()[0]}\n\n"
            f"```{{eval-rst}}\n.. py:currentmodule:: {path}\n\n{entries}\n```\n"
        )
    return "\n".join(parts)


def fill_in(app: Sphinx, page: str, text: list[str]) -> None:
    """Put the reference where the page asks for it."""
    text[0] = PLACE.sub(
        lambda place: reference(importlib.import_module(place[1])), text[0]
    )


def skip(
    app: Sphinx, what: str, name: str, thing: object, skipped: bool, options: object
) -> bool | None:
    """Leave out the fields of a named tuple of which only Python itself says a word."""
    doc = inspect.getdoc(thing) or ""
    return True if doc.startswith("Alias for field number") else None


def sign(
    app: Sphinx, what: str, name: str, thing: object, options: object, *sides: str
) -> tuple[str | None, str | None]:
    """Write three dots where a dataclass makes a default, as stubs do."""
    arguments, result = sides
    return arguments and arguments.replace("<factory>", "..."), result


def type_once(app: Sphinx, domain: str, what: str, content: Element) -> None:
    """Keep one type of what a function returns, and none of what makes a class.

    Sphinx writes one into each list of fields, and a description may have two.
    """
    from docutils import nodes

    lists = [child for child in content if isinstance(child, nodes.field_list)]
    types = [f for fields in lists for f in fields if f[0].astext() == "rtype"]
    for field in types if what == "class" else types[:-1]:
        field.parent.remove(field)
    for fields in lists:
        if not len(fields):
            content.remove(fields)


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("source-read", fill_in)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-signature", sign)
    app.connect(
        "object-description-transform", type_once, priority=600
    )  # typehints: 500
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
