"""Networks, unit by unit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from d2lib._checks import check_positive_int
from d2lib._types import Array
from d2lib.plotting._canvas import WIDTH, new_figure
from d2lib.plotting.style import COLORS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_network"]


def plot_network(
    sizes: Sequence[int],
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    most: int = 6,
) -> Axes:
    """Draws a network layer by layer, inputs on the left, with every connection.

    Args:
        sizes: how many units each layer has, from the inputs to the outputs.
        labels: what to write below each layer; without it, the sizes.
        ax: where to draw, or None for a new figure.
        most: a larger layer is drawn with this many units and dots between them.

    Returns:
        The axes.

    Raises:
        TypeError, ValueError: fewer than two layers, a size below 1, as many labels as
            layers missing, or ``most`` below 3.

    Example:
        >>> ax = plot_network([784, 128, 10], ["pixels", "hidden", "digits"])
    """
    counts = [check_positive_int(size, "each of sizes") for size in sizes]
    if len(counts) < 2:
        raise ValueError(
            f"plot_network needs at least two layers, got sizes={list(sizes)}: name "
            "the inputs and the outputs"
        )
    if labels is not None and len(labels) != len(counts):
        raise ValueError(
            f"plot_network needs one label for each of {len(counts)} layers, got "
            f"{len(labels)}"
        )
    if check_positive_int(most, "most") < 3:
        raise ValueError(f"most must be at least 3, got {most}")
    tallest = min(max(counts), most)
    spread = max(2.4, 0.9 * tallest)  # from layer to layer; units are 1 apart
    width, height = (len(counts) - 0.6) * spread + 1.2, tallest + 1.5
    if ax is None:
        ax = new_figure(min(WIDTH * height / width, 0.7 * height)).gca()
    places: list[Array] = []
    for column, count in enumerate(counts):
        shown = min(count, most)
        heights = (shown - 1) / 2 - np.arange(shown)
        if count > most:
            gap = shown // 2  # this one gives its place to the dots
            ax.text(
                column * spread,
                heights[gap],
                "⋮",
                size=18,
                ha="center",
                va="center_baseline",
            )
            heights = np.delete(heights, gap)
        places.append(
            np.stack([np.full(len(heights), column * spread), heights], axis=1)
        )

    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Circle

    edges = [(a, b) for left, right in pairwise(places) for a in left for b in right]
    ax.add_collection(
        LineCollection(edges, colors=TEXT, linewidths=0.9, alpha=0.6, zorder=1)
    )
    last = len(places) - 1
    for column, units in enumerate(places):
        # The page shows through a ring, so the lines below it have to be cut off first:
        # hence full discs, in the colours of input, hidden layer and output.
        color = COLORS[0 if column == 0 else 1 if column == last else 2]
        discs = PatchCollection([Circle(unit, 0.3) for unit in units], zorder=2)
        discs.set(facecolor=color, edgecolor=color)
        ax.add_collection(discs)
        text = f"{counts[column]}" if labels is None else labels[column]
        ax.text(column * spread, -tallest / 2 - 0.35, text, ha="center", va="top")
    ax.set_aspect("equal")
    ax.set_xlim(-0.6 - 0.2 * spread, width - 0.6 - 0.2 * spread)
    ax.set_ylim(-tallest / 2 - 1.4, tallest / 2 + 0.1)
    ax.axis("off")
    return ax
