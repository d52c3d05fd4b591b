"""Carry a number from the cell that computed it into a sentence of the page."""

from __future__ import annotations

__all__ = ["glue"]

# Where MyST-NB looks for the values of its role {glue:text}. Notebooks show no output
# of a type that they do not know, so there the cell stays silent.
_PREFIX = "application/papermill.record/"


def glue(name: str, value: object) -> None:
    """Gives a value a name, by which the prose of the page can show it.

    A number that training produced differs from machine to machine. The sentence that
    quotes it says ``{glue:text}`` and the name, so that it cannot go stale. It needs
    nothing but IPython, which every notebook runs on; outside of one it does nothing.

    Args:
        name: what the prose calls it, unique in the book: ``"digits-test"``.
        value: what is shown, formatted as the sentence needs it: ``f"{loss:.2f}"``.

    Raises:
        TypeError: the name is not a string.

    Example:
        >>> glue("digits-test", f"{0.9812:.1%}")
    """
    if not isinstance(name, str) or not name:
        raise TypeError(
            f"glue expects a name and what it stands for, got {name!r} as the name: "
            'write glue("digits-test", "98.1%")'
        )
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return
    if get_ipython() is not None:
        # The book reads it as a Python literal: without quotes 12,000 is a pair, and
        # 0.30 loses its zero.
        display(
            {f"{_PREFIX}text/plain": repr(str(value))},
            raw=True,
            metadata={"scrapbook": {"name": name, "mime_prefix": _PREFIX}},
        )
