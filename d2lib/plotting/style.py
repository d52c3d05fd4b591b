"""One style that holds on a light and on a dark page.

A page may be white or nearly black, and the figure cannot know. So every figure has a
transparent ground, and every colour stands out against both:

- `TEXT` has a contrast of 4.5:1 on white and of 4.1:1 on #121212. (No colour has more
  than 4.33:1 on both at once; the book's style sheet brightens figures on dark pages.)
- Each of `COLORS` has at least 3.5:1 on both, and they remain different from each other
  to readers who are colour-blind. They are after Okabe and Ito, "Color universal
  design", 2002.
- Lines differ in their dashes and points in their markers, so that no figure needs
  colour to be read.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from d2lib.plotting._canvas import WIDTH, pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLORS", "LINE_STYLES", "MARKERS", "TEXT", "mark_lines", "use_style"]

#: Text, axes and grid.
TEXT = "#767676"
#: Blue, vermillion, green, rose, violet, grey: for lines and classes, in this order.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#c95fa8", "#8a4fd8", "#7d7d7d")
#: The dashes of the lines, in the order of `COLORS`.
LINE_STYLES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (6, 1.5, 1.2, 1.5)),
    (0, (9, 2)),
    (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2)),
)
#: The shapes of the points, in the order of `COLORS`.
MARKERS = ("o", "^", "s", "D", "v", "P")


def use_style() -> None:
    """Makes matplotlib draw like the book, from here on.

    In a notebook, figures become SVG, which is sharp at any size, and the same bytes at
    every run: text is drawn as outlines, and no date is written.

    Raises:
        ImportError: matplotlib is missing.

    Example:
        >>> use_style()
        >>> import matplotlib
        >>> matplotlib.rcParams["figure.facecolor"]
        'none'
    """
    plt = pyplot()
    from cycler import cycler

    plt.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.edgecolor": TEXT,
            "axes.facecolor": "none",
            "axes.grid": True,
            "axes.labelcolor": TEXT,
            "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=LINE_STYLES),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlecolor": TEXT,
            "axes.titlesize": 12,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.facecolor": "none",
            "figure.figsize": (WIDTH, 3.8),
            "font.size": 12,
            "grid.alpha": 0.3,
            "grid.color": TEXT,
            "hatch.color": TEXT,
            "image.interpolation": "none",
            "legend.frameon": False,
            "legend.handlelength": 2.8,
            "lines.linewidth": 2,
            "patch.edgecolor": TEXT,
            "savefig.facecolor": "none",
            "svg.fonttype": "path",
            "svg.hashsalt": "d2lib",
            "text.color": TEXT,
            "xtick.color": TEXT,
            "ytick.color": TEXT,
        }
    )
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # Without bbox_inches=None every figure would be cropped to a width of its own,
        # and the page would scale the letters of each one differently.
        set_matplotlib_formats(
            "svg", bbox_inches=None, metadata={"Date": None, "Creator": None}
        )


def mark_lines(ax: Axes, every: float = 0.12) -> Axes:
    """Puts a marker of its own on each line, so that the legend needs no colour.

    Args:
        ax: axes whose lines are drawn; call it before ``ax.legend()``.
        every: the distance between two markers, as a share of the axes' diagonal.

    Returns:
        The axes.
    """
    for i, line in enumerate(ax.get_lines()):
        if len(np.atleast_1d(line.get_xdata())) > 2:
            line.set_marker(MARKERS[i % len(MARKERS)])
            # Each line starts elsewhere, so that markers do not cover each other.
            line.set_markevery((every * (i % 4) / 4, every))
            line.set_markersize(7)
    return ax
