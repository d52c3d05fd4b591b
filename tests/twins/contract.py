"""What makes two packages twins: functions that return a list of complaints."""

from __future__ import annotations

import inspect
import re
import types

TWINS = ("scratch", "mx")
# Public members of d2lib.mx's classes that connect them to Gluon, and nothing else.
GLUON_HOOKS = {
    *("hybrid_forward", "parts", "output_shape", "dtype", "example_axes", "cast"),
    "name",  # Gluon's, and the user's
}


def parameters(callable_):
    """(name, kind, default) of every parameter, without self and annotations."""
    if isinstance(callable_, types.WrapperDescriptorType):  # Python's own __init__
        return []
    found = list(inspect.signature(callable_).parameters.values())
    if found and found[0].name == "self":
        found = found[1:]
    return [(p.name, p.kind.description, p.default) for p in found]


def show(parameters_):
    return (
        "("
        + ", ".join(
            name if default is inspect.Parameter.empty else f"{name}={default!r}"
            for name, _, default in parameters_
        )
        + ")"
    )


def public_members(cls):
    """Public methods and properties that d2lib itself defines for a class."""
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith(("d2lib.", "tests.")):
            found |= {n: m for n, m in vars(base).items() if not n.startswith("_")}
    return found


def missing_rows(rows, *packages):
    """A public name without a row, and a row without its public name."""
    complaints = [
        f"{name}: public in {x.__name__}, and no row in tests/concepts"
        for x in packages
        for name in x.__all__
        if name not in rows
    ]
    complaints += [
        f"{name}: a row in tests/concepts, and not public in {x.__name__}"
        for x in packages
        for name in rows
        if name not in x.__all__
    ]
    complaints += [
        f"{name}: in {x.__name__}.__all__, but {x.__name__} has no such name"
        for x in packages
        for name in x.__all__
        if not hasattr(x, name)
    ]
    return complaints


def unchecked(row, folder):
    """A row that says nothing: no sample, and no test that would know the name."""
    if row.samples or any(
        re.search(rf"\b{row.name}\b", (folder / file).read_text())
        for file in row.tested_in
        if (folder / file).exists()
    ):
        return []
    return [f"{row.name}: no sample, and no test in {list(row.tested_in)} names it"]


def not_in_the_reference(row, text):
    """A name that the book's reference, this text, does not describe."""
    if re.search(rf"::\s+d2lib\.[\w.]*\b{row.name}$", text, re.MULTILINE):
        return []
    return [f"{row.name}: not in the reference; is it in its module's __all__?"]


def unknown_exemptions(row, checks):
    """An exemption from a check that does not exist."""
    known = {*checks, *(f"{check} in {twin}" for check in checks for twin in TWINS)}
    exempt = {*row.exempt, *(e for s in row.samples.values() for e in s.exempt)}
    return [f"{row.name}: there is no check {e!r}" for e in sorted(exempt - known)]


def different_signatures(row, a, b):
    """A function, class or method that is called differently in the two packages."""
    complaints = []

    def compare(name, x, y):
        if parameters(x) != parameters(y):
            complaints.append(
                f"{name}: {show(parameters(x))} in {a.__name__} and "
                f"{show(parameters(y))} in {b.__name__}"
            )

    name = row.name
    x, y = getattr(a, name), getattr(b, name)
    if x is y or name == "Tensor":  # which is MXNet's own
        return []
    if inspect.isclass(x) != inspect.isclass(y):
        complaints.append(f"{name}: a class in one package only")
    elif not inspect.isclass(x):
        compare(name, x, y)
    else:
        compare(name, x.__init__, y.__init__)
        theirs = public_members(y)
        for member, ours in public_members(x).items():
            if member in row.scratch_only:
                continue
            if not hasattr(y, member):
                complaints.append(f"{name}.{member}: not in {b.__name__}")
            elif inspect.isfunction(ours) and member in theirs:
                if inspect.isfunction(theirs[member]):
                    compare(f"{name}.{member}", ours, theirs[member])
                else:
                    complaints.append(f"{name}.{member}: a method in {a.__name__} only")
        complaints += [
            f"{name}.{member}: not in {a.__name__}"
            for member in theirs
            if not hasattr(x, member)
            and member not in GLUON_HOOKS
            # an attribute that scratch sets in __init__
            and member != "layers"
        ]
    return complaints


def missing_attributes(row, x, y):
    """A public attribute of an object that its twin does not have; or an exemption.

    Args:
        row: whose ``scratch_only`` names what the twin need not have.
        x: the object of the NumPy twin.
        y: that of the MXNet twin.
    """
    names = {name for name in vars(x) if not name.startswith("_")}
    missing = {name for name in names if not hasattr(y, name)}
    complaints = [
        f"{row.name}().{name}: not in the MXNet twin"
        for name in sorted(missing - {*row.scratch_only})
    ]
    complaints += [
        f"{row.name}().{name}: scratch_only, and the MXNet twin has it: take it away"
        for name in sorted(names & {*row.scratch_only} - missing)
    ]
    return complaints


def source_of(callable_):
    try:
        return inspect.getsource(callable_)
    except (OSError, TypeError):  # made by a decorator, or by Python itself
        return ""


def undocumented(name, thing, sections=True):
    """What the docstring of a public object lacks.

    All need one sentence and an example. With ``sections`` they also need Args if they
    take arguments, Returns if they return something, and Raises if their source raises
    or calls a check.
    """
    doc = inspect.getdoc(thing) or ""
    needs = {"a docstring": bool(doc), "an Example": "Example:" in doc}
    is_class = inspect.isclass(thing)
    called = thing.__init__ if is_class else thing
    if sections:
        if parameters(called):
            needs["Args or Attributes"] = "Args:" in doc or "Attributes:" in doc
        returns = inspect.signature(called).return_annotation
        if not is_class and returns not in (None, "None", "Iterator[None]"):
            needs["Returns"] = "Returns:" in doc
        source = source_of(called)
        if "raise " in source or "check_" in source or "as_tensor(" in source:
            needs["Raises"] = "Raises:" in doc
    return [f"{name}: {what} is missing" for what, ok in needs.items() if not ok]


def without_a_source(row, thing):
    """A concept's docstring says where it comes from; that of a mere tool does not."""
    if row.source == ("Source:" in (thing.__doc__ or "")):
        return []
    what = "Source is missing" if row.source else "it has a Source: it is no mere tool"
    return [f"{row.name}: {what}"]
