"""What all figures need: matplotlib, a place to draw, numbers from either twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from d2lib._types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 6.4  # inches: the column of a page


def pyplot() -> Any:
    """Loads pyplot, or says how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "d2lib.plotting draws with matplotlib, which is missing: pip install "
            "matplotlib"
        ) from error
    return plt


def new_figure(height: float, width: float = WIDTH) -> Figure:
    figure: Figure = pyplot().figure(figsize=(width, height))
    return figure


def as_numpy(x: Any) -> Array:
    """Takes what either twin returns: a NumPy array, a Tensor or an MXNet array."""
    if hasattr(x, "asnumpy"):
        x = x.asnumpy()
    elif isinstance(getattr(x, "data", None), np.ndarray):
        x = x.data
    return np.asarray(x)


def rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def grid(
    xlim: tuple[float, float], ylim: tuple[float, float], resolution: int
) -> tuple[Array, Array]:
    for name, (low, high) in (("xlim", xlim), ("ylim", ylim)):
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(
                f"{name} must go from a smaller to a larger finite number, got "
                f"({low}, {high})"
            )
    first, second = np.meshgrid(
        np.linspace(*xlim, resolution), np.linspace(*ylim, resolution)
    )
    return first, second
