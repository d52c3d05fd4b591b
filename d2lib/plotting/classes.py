"""Classes, and how well a classifier tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from d2lib._checks import check_positive_int
from d2lib._types import Array
from d2lib.plotting._canvas import as_numpy, grid, new_figure, rgb
from d2lib.plotting.style import COLORS, MARKERS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_confusion", "plot_decision", "plot_points"]

_MISTAKE = "#b34f00"  # a darker vermillion, under white text


def plot_points(
    ax: Axes, x: Any, y: Any, labels: Sequence[str] | None = None, size: float = 28
) -> Axes:
    """Draws points in the plane, each class with its own marker and colour.

    Args:
        ax: where to draw.
        x: the points, shape (n, 2).
        y: the class of each, shape (n,): whole numbers from 0.
        labels: what to call class 0, 1, … in a legend above; without it there is none.
        size: the area of a marker, in square points (1/72 inch).

    Returns:
        The axes.

    Raises:
        ValueError: x is not (n, 2), y not (n,), or there are more classes than markers
            or than labels.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> from d2lib.data import moons
        >>> ax = plot_points(plt.figure().gca(), *moons(), labels=["left", "right"])
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or x.shape[1] != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"plot_points needs x of shape (n, 2) and y of shape (n,), got x {x.shape} "
            f"and y {y.shape}: take two columns with x[:, :2], and y.reshape(-1)"
        )
    classes = [int(c) for c in np.unique(y)]
    most = len(MARKERS) if labels is None else min(len(MARKERS), len(labels))
    if classes and (classes[0] < 0 or classes[-1] >= most):
        raise ValueError(
            f"plot_points can tell classes 0 to {most - 1} apart here, got "
            f"{classes}: number them from 0, and give each one a label"
        )
    for c in classes:
        ax.scatter(
            x[y == c, 0],
            x[y == c, 1],
            s=size,
            color=COLORS[c],
            marker=MARKERS[c],
            linewidths=0,
            alpha=0.9,
            label=None if labels is None else labels[c],
        )
    if labels is not None:
        # Above the axes, where no point can lie below it.
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, handletextpad=0.2
        )
    return ax


def plot_decision(
    ax: Axes,
    predict: Callable[[Array], Any],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    resolution: int = 150,
) -> Axes:
    """Colours the plane by what a classifier says there, and draws where it is unsure.

    The stronger the colour, the surer the classifier. The line is where two classes are
    equally likely: for two classes, where the probability is 0.5.

    Args:
        ax: where to draw.
        predict: takes points, float32 (n, 2), and returns probabilities: of class 1,
            shape (n,) or (n, 1), or of each class, shape (n, classes).
        xlim: from where to where along the first axis.
        ylim: from where to where along the second axis.
        resolution: how many points along each axis are asked for.

    Returns:
        The axes.

    Raises:
        ValueError: predict returns another shape, or something that is no probability.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> def line(x):
        ...     return 1 / (1 + np.exp(-(1 + 3 * x[:, 0] - 2 * x[:, 1])))
        >>> ax = plot_decision(plt.figure().gca(), line, (-3, 3), (-3, 3))
    """
    resolution = check_positive_int(resolution, "resolution")
    x_1, x_2 = grid(xlim, ylim, resolution)
    points = np.stack([x_1.ravel(), x_2.ravel()], axis=1).astype(np.float32)
    p = as_numpy(predict(points)).astype(float)
    if p.ndim == 2 and p.shape[1] == 1:
        p = p[:, 0]  # (n, 1) -> (n,)
    if p.ndim == 1:
        p = np.stack([1 - p, p], axis=1)  # (n,) -> (n, 2)
    if p.ndim != 2 or p.shape[0] != len(points) or p.shape[1] > len(COLORS):
        raise ValueError(
            f"predict must return one probability for each of {len(points)} points, or "
            f"one for each point and class (at most {len(COLORS)}), got shape "
            f"{p.shape}"
        )
    if not (p.min() >= -1e-6 and p.max() <= 1 + 1e-6):
        raise ValueError(
            f"predict must return probabilities from 0 to 1, got {p.min():g} to "
            f"{p.max():g}: put the logits through sigmoid or softmax"
        )
    classes = p.shape[1]
    p = p.reshape(resolution, resolution, classes)  # (n, classes) -> (rows, columns, …)
    image = np.empty((resolution, resolution, 4))
    image[..., :3] = np.array([rgb(color) for color in COLORS])[p.argmax(axis=-1)]
    image[..., 3] = 0.4 * (p.max(axis=-1) - 1 / classes) / (1 - 1 / classes)
    ax.imshow(
        image.clip(0, 1),
        extent=(*xlim, *ylim),
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
        zorder=0,
    )
    for c in range(1 if classes == 2 else 0, classes):
        margin = p[..., c] - np.delete(p, c, axis=-1).max(axis=-1)
        if margin.min() < 0 < margin.max():
            ax.contour(x_1, x_2, margin, [0], colors=TEXT, linewidths=1.5, zorder=1)
    ax.grid(False)
    ax.set_xlim(xlim)
    ax.set_ylim(ylim)
    return ax


def plot_confusion(
    matrix: Any, labels: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draws who was taken for whom, as a table of counts.

    What is right stands on the diagonal, on blue. Where mistakes pile up (at least half
    as many as in the worst place), they stand on vermillion. A zero is left out.

    Args:
        matrix: counts, shape (classes, classes): row, what it is; column, what it was
            taken for.
        labels: the names of the classes; without it, 0, 1, …
        ax: where to draw, or None for a new figure.

    Returns:
        The axes.

    Raises:
        ValueError: the matrix is not square or has a negative count, or the labels do
            not fit.

    Example:
        >>> ax = plot_confusion([[50, 2], [7, 41]], ["fail", "pass"])
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(
            "plot_confusion needs a square matrix of counts, got shape "
            f"{counts.shape}: rows are true classes, columns predicted ones"
        )
    if counts.dtype.kind not in "iu" or counts.min() < 0:
        raise ValueError(
            "plot_confusion needs whole counts of at least 0, got dtype "
            f"{counts.dtype} and a least value of {counts.min()}"
        )
    classes = len(counts)
    names = [str(c) for c in range(classes)] if labels is None else list(labels)
    if len(names) != classes:
        raise ValueError(
            f"plot_confusion needs one label for each of {classes} classes, got "
            f"{len(names)}"
        )
    if ax is None:
        ax = new_figure(max(2.6, 0.48 * classes + 0.7)).gca()
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    worst = wrong.max()
    from matplotlib.patches import Rectangle

    for row, column in np.argwhere(counts > 0):
        count = counts[row, column]
        right = row == column
        filled = right or 2 * count >= worst
        if filled:
            color = COLORS[0] if right else _MISTAKE
            corner = (column - 0.46, row - 0.46)
            ax.add_patch(Rectangle(corner, 0.92, 0.92, color=color, linewidth=0))
        ax.text(
            column,
            row,
            f"{count}",
            ha="center",
            va="center",
            color="white" if filled else TEXT,
            size=12 if classes <= 6 else 10.5,
        )
    ax.set_xlim(-0.5, classes - 0.5)
    ax.set_ylim(classes - 0.5, -0.5)
    ax.set_xticks(range(classes), names)
    ax.set_yticks(range(classes), names)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="predicted", ylabel="true")
    return ax
