"""What makes two packages twins: functions that return a list of complaints."""

from __future__ import annotations

import inspect
import types

# Public members of d2lib.mx's classes that connect them to Gluon, and nothing else.
GLUON_HOOKS = {"hybrid_forward", "parts", "output_shape", "dtype", "example_axes"}

# Members of a scratch class that its twin need not have, with the reason.
SCRATCH_ONLY = {
    # Gluon's are `weight` and `bias`; state() and gradients() call them W and b.
    ("Dense", "W"),
    ("Dense", "b"),
    ("Perceptron", "W"),
    ("Perceptron", "b"),
    # How scratch does it, of no use to a caller.
    ("Dense", "g"),
    ("Perceptron", "g"),
    ("Dropout", "generator"),
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


def missing_names(a, b):
    """A name that only one of the two packages makes public, or does not have."""
    complaints = [
        f"{name}: public in {x.__name__} and not in {y.__name__}"
        for x, y in ((a, b), (b, a))
        for name in x.__all__
        if name not in y.__all__
    ]
    complaints += [
        f"{name}: in {x.__name__}.__all__, but {x.__name__} has no such name"
        for x in (a, b)
        for name in x.__all__
        if not hasattr(x, name)
    ]
    return complaints


def different_signatures(a, b, exempt=("Tensor",)):
    """A function, class or method that is called differently in the two packages."""
    complaints = []

    def compare(name, x, y):
        if parameters(x) != parameters(y):
            complaints.append(
                f"{name}: {show(parameters(x))} in {a.__name__} and "
                f"{show(parameters(y))} in {b.__name__}"
            )

    for name in a.__all__:
        x, y = getattr(a, name, None), getattr(b, name, None)
        if name in exempt or x is y or x is None or y is None:
            continue
        if inspect.isclass(x) != inspect.isclass(y):
            complaints.append(f"{name}: a class in one package only")
        elif not inspect.isclass(x):
            compare(name, x, y)
        else:
            compare(name, x.__init__, y.__init__)
            theirs = public_members(y)
            for member, ours in public_members(x).items():
                if (name, member) in SCRATCH_ONLY:
                    continue
                if not hasattr(y, member):
                    complaints.append(f"{name}.{member}: not in {b.__name__}")
                elif inspect.isfunction(ours) and member in theirs:
                    if inspect.isfunction(theirs[member]):
                        compare(f"{name}.{member}", ours, theirs[member])
                    else:
                        complaints.append(
                            f"{name}.{member}: a method in {a.__name__} only"
                        )
            complaints += [
                f"{name}.{member}: not in {a.__name__}"
                for member in theirs
                if not hasattr(x, member)
                and member not in GLUON_HOOKS
                # an attribute that scratch sets in __init__
                and member != "layers"
            ]
    return complaints


def missing_attributes(a, b, build):
    """A public attribute of an object of ``a`` that its twin does not have."""
    complaints = []
    for name, make in build.items():
        x, y = make(a), make(b)
        for attribute in vars(x):
            if attribute.startswith("_") or (name, attribute) in SCRATCH_ONLY:
                continue
            if not hasattr(y, attribute):
                complaints.append(f"{name}().{attribute}: not in {b.__name__}")
    return complaints


def without_a_case(a, covered):
    """A public name that no parity case covers."""
    return [f"{name}: no parity case" for name in a.__all__ if name not in covered]


def source_of(callable_):
    try:
        return inspect.getsource(callable_)
    except (OSError, TypeError):  # made by a decorator, or by Python itself
        return ""


def undocumented(package, sections=True):
    """A public object whose docstring lacks something.

    All need one sentence and an example. With ``sections`` they also need Args if they
    take arguments, Returns if they return something, and Raises if their source raises
    or calls a check.
    """
    complaints = []
    for name in package.__all__:
        thing = getattr(package, name)
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
        complaints += [
            f"{name}: {what} is missing" for what, ok in needs.items() if not ok
        ]
    return complaints


def without_a_source(package, exempt):
    """A concept whose docstring does not say where it comes from."""
    return [
        f"{name}: Source is missing"
        for name in package.__all__
        if name not in exempt
        and "Source:" not in (getattr(package, name).__doc__ or "")
    ]
