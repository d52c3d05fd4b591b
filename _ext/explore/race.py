"""Six optimisers of the library race from one start on a surface of one's choice."""

from __future__ import annotations

from functools import partial

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from d2lib import plotting, scratch
from explore._case import Case
from explore._surfaces import SURFACES, valley, walk

RULES = ("SGD", "Momentum", "Adagrad", "RMSProp", "Adadelta", "Adam")


def run(name: str, surface: str, lr: float, start: list, steps: int) -> dict:
    """Return the way of one rule; Adadelta has the rate of its paper, 1."""
    rule = partial(getattr(scratch, name), lr=1.0 if name == "Adadelta" else lr)
    return walk(rule, SURFACES[surface], start, steps)


def golden() -> list[Case]:
    """Every rule on every surface, with a fit rate and with one that is too large."""
    return [
        Case("run", (name, surface, lr, start, 40), run(name, surface, lr, start, 40))
        for name in RULES
        for surface in SURFACES
        for lr, start in ((0.03, [-3.5, 1.0]), (0.3, [0.5, -2.0]))
    ]


def picture() -> Figure:
    """The race with which the explorable begins."""
    fig, ax = plt.subplots(figsize=(6.4, 5))
    plotting.plot_contours(ax, valley, (-4, 4), (-3, 3))
    for i, name in enumerate(RULES):
        way = run(name, "valley", 0.03, [-3.5, 1.0], 60)["places"]
        ax.plot(*way.T, color=plotting.COLORS[i], marker=plotting.MARKERS[i], ms=4)
        ax.lines[-1].set_label(name)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return fig
