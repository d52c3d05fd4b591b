"""Losses over two weights, as a map, and the way down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from d2lib._checks import check_positive_int
from d2lib._types import Array
from d2lib.plotting._canvas import as_numpy, grid, rgb
from d2lib.plotting.style import COLORS, LINE_STYLES, MARKERS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_contours", "plot_path"]


def plot_contours(
    ax: Axes,
    f: Callable[[Array, Array], Any],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    levels: int | Sequence[float] = 14,
    resolution: int = 120,
) -> Axes:
    """Draws a loss over two weights as a map: lines of equal loss, darker where lower.

    Args:
        ax: where to draw.
        f: the loss, J = f(w_0, w_1), of two arrays of one shape, returning that shape.
        xlim: from where to where for w_0.
        ylim: from where to where for w_1.
        levels: the losses to draw a line for, or how many lines, chosen so that equally
            many points lie between any two.
        resolution: how many points along each axis are asked for.

    Returns:
        The axes.

    Raises:
        ValueError: f returns another shape, or nothing but one value.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> def bowl(w_0, w_1):
        ...     return w_0**2 + 5 * w_1**2
        >>> ax = plot_contours(plt.figure().gca(), bowl, (-2, 2), (-1, 1))
        >>> ax = plot_path(ax, [[-1.5, 0.8], [-1.2, 0.2], [-0.5, 0.0]])
    """
    w_0, w_1 = grid(xlim, ylim, check_positive_int(resolution, "resolution"))
    loss = as_numpy(f(w_0, w_1)).astype(float)
    if loss.shape != w_0.shape:
        raise ValueError(
            f"f must return one loss for each pair of weights, shape {w_0.shape}, got "
            f"{loss.shape}: write it with NumPy functions of both arguments"
        )
    lowest, highest = np.nanmin(loss), np.nanmax(loss)
    if not lowest < highest:
        raise ValueError(
            f"f must vary over xlim={xlim} and ylim={ylim}, got {lowest:g} everywhere: "
            "choose other limits"
        )
    if isinstance(levels, (int, np.integer)):
        shares = np.linspace(0, 1, check_positive_int(levels, "levels") + 2)[1:-1]
        values = np.unique(np.nanquantile(loss, shares**1.5))
    else:
        values = np.unique(levels)
    inside = [float(level) for level in values if lowest < level < highest]
    ground = np.zeros((*loss.shape, 4))
    ground[..., :3] = rgb(COLORS[0])
    rank = np.searchsorted(np.array(inside), loss) / max(len(inside), 1)
    ground[..., 3] = 0.45 * (1 - rank) ** 1.5
    ax.imshow(
        ground,
        extent=(*xlim, *ylim),
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
        zorder=0,
    )
    if inside:
        ax.contour(
            w_0,
            w_1,
            loss,
            inside,
            colors=TEXT,
            linestyles="solid",
            linewidths=0.8,
            alpha=0.8,
            zorder=1,
        )
    ax.grid(False)
    ax.set_xlim(xlim)
    ax.set_ylim(ylim)
    ax.set_xlabel("$w_0$")
    ax.set_ylabel("$w_1$")
    return ax


def plot_path(ax: Axes, path: Any, label: str | None = None, index: int = 1) -> Axes:
    """Draws the steps of a descent, from a ring to a star, with a marker for each.

    Args:
        ax: where to draw, after `plot_contours`.
        path: the weights after each step, shape (steps, 2).
        label: its name in a legend, which you draw beside the map with
            ``ax.figure.legend(loc="outside upper center", ncols=3)``.
        index: which of `COLORS` and `LINE_STYLES` it has, to tell several apart.

    Returns:
        The axes.

    Raises:
        ValueError: path is not (steps, 2), or has no step.
    """
    steps = as_numpy(path)
    if steps.ndim != 2 or steps.shape[1] != 2 or not len(steps):
        raise ValueError(
            "plot_path needs a path of shape (steps, 2) with at least one step, got "
            f"{steps.shape}: collect both weights after each step"
        )
    color = COLORS[index % len(COLORS)]
    ax.plot(
        *steps.T,
        color=color,
        linestyle=LINE_STYLES[index % len(LINE_STYLES)],
        linewidth=1.6,
        marker=MARKERS[index % len(MARKERS)],
        markersize=4,
        label=label,
        zorder=3,
    )
    ax.plot(*steps[0], "o", color=color, fillstyle="none", markersize=11, zorder=4)
    ax.plot(*steps[-1], "*", color=color, markersize=14, zorder=4)
    return ax
