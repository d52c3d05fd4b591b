"""Figures for the book: one style that holds on a light and on a dark page.

A page may be white or nearly black, and the figure cannot know. So every figure has a
transparent ground, and every colour stands out against both:

- `TEXT` has a contrast of 4.5:1 on white and of 4.1:1 on #121212. (No colour has more
  than 4.33:1 on both at once; the book's style sheet brightens figures on dark pages.)
- Each of `COLORS` has at least 3.5:1 on both, and they remain different from each other
  to readers who are colour-blind. They are after Okabe and Ito, "Color universal
  design", 2002.
- Lines differ in their dashes and points in their markers, so that no figure needs
  colour to be read.

Every helper draws into the axes that it is given and returns them, or makes a figure of
the right size when none are given. matplotlib is loaded at the first use only.
"""

from d2lib.plotting.agents import Film, Scene, watch
from d2lib.plotting.boxes import draw_boxes
from d2lib.plotting.classes import plot_confusion, plot_decision, plot_points
from d2lib.plotting.graphs import plot_graph
from d2lib.plotting.images import show_digits
from d2lib.plotting.losses import plot_contours, plot_path
from d2lib.plotting.networks import plot_network
from d2lib.plotting.style import (
    COLORS,
    LINE_STYLES,
    MARKERS,
    TEXT,
    mark_lines,
    use_style,
)

__all__ = [
    "COLORS",
    "LINE_STYLES",
    "MARKERS",
    "TEXT",
    "Film",
    "Scene",
    "draw_boxes",
    "mark_lines",
    "plot_confusion",
    "plot_contours",
    "plot_decision",
    "plot_graph",
    "plot_network",
    "plot_path",
    "plot_points",
    "show_digits",
    "use_style",
    "watch",
]
