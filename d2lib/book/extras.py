"""Let a notebook say what it needs, and run where MXNet cannot be had."""

from __future__ import annotations

import importlib
import importlib.util

import numpy

__all__ = ["needs"]

# What each extra of the package brings, as one imports it,
EXTRAS = {
    "plot": "matplotlib",
    "music": "music21",
    "photos": "skimage",
    "rl": "gymnasium",
    "mxnet": "mxnet",
}
# and how it is called where one installs it, if that is another name.
INSTALLED_AS = {"skimage": "scikit-image", "sklearn": "scikit-learn"}

# How a cell begins that needs MXNet. Where MXNet is missing, such a cell does nothing.
MXNET_CELL = "# MXNet"
BOTH_CELL = "# NumPy and MXNet"


def needs(*extras: str) -> None:
    """Says what a notebook needs and whether it is here; the first cell calls it.

    MXNet is half of each page, and the other half runs without it. So where MXNet is
    missing, cells that begin with the comment ``# MXNet`` or ``# NumPy and MXNet`` do
    nothing from now on, and "Run all" gets to the end. Any other cell is left as it is.

    Args:
        extras: which extras of the package the notebook uses: ``"plot"`` for
            matplotlib, ``"music"`` for music21, ``"photos"`` for scikit-image, ``"rl"``
            for Gymnasium, ``"mxnet"`` for MXNet.

    Raises:
        ImportError: one of these packages is missing. The message says how to get it.
        ValueError: the package has no extra of this name.

    Example:
        >>> needs("plot")
        Here: NumPy ..., matplotlib .... This page has all that it needs.
    """
    if unknown := [extra for extra in extras if extra not in EXTRAS]:
        raise ValueError(
            f"needs expects names of extras, {', '.join(EXTRAS)}, got {unknown[0]!r}"
        )
    names = [EXTRAS[extra] for extra in extras]
    reason = _why_without_mxnet() if "mxnet" in extras else None
    missing = [
        INSTALLED_AS.get(name, name)
        for name in names
        if name != "mxnet" and importlib.util.find_spec(name) is None
    ]
    if missing:
        packages = " ".join(missing)
        raise ImportError(
            f"This page needs {' and '.join(missing)}: run %pip install {packages} in "
            "a cell of its own, then restart the kernel and run this cell again"
        )
    here = [("NumPy", numpy)]
    here += [
        (INSTALLED_AS.get(name, name), importlib.import_module(name))
        for name in names
        if name != "mxnet" or reason is None
    ]
    versions = ", ".join(f"{name} {module.__version__}" for name, module in here)
    found = f"Here: {versions}."
    if reason is None:
        print(f"{found} This page has all that it needs.")
    else:
        print(f"{found} {reason}.")
        print(f"Cells that begin with {MXNET_CELL} do nothing here; all others run.")
    _leave_out(reason is not None)


def _why_without_mxnet() -> str | None:
    """The reason why the MXNet twin can't be imported; None if it can."""
    try:
        importlib.import_module("d2lib.mx")
    except ImportError as error:
        return str(error).partition(". ")[0]
    return None


def _leave_out(missing: bool) -> None:
    """Makes IPython pass over MXNet's cells, or no longer do so."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        transformers = shell.input_transformers_cleanup
        transformers[:] = [t for t in transformers if t is not _without_mxnet]
        if missing:
            transformers.append(_without_mxnet)


def _without_mxnet(lines: list[str]) -> list[str]:
    """The lines of a cell, none if one of the comments at its top marks it."""
    for line in lines:
        text = line.strip()
        if text in (MXNET_CELL, BOTH_CELL):
            return ["\n"]
        if text and not text.startswith("#"):
            break
    return lines
