"""Gradient descent on a bumpy surface: start, learning rate, momentum."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from d2lib import plotting, scratch
from explore._case import Case
from explore._surfaces import bumpy, walk

START = [-3.0, 2.2]


def descend(start: list, lr: float, momentum: float, steps: int) -> dict:
    """Return the library's descent."""

    def rule(parameters: list) -> scratch.Momentum:
        return scratch.Momentum(parameters, lr=lr, momentum=momentum)

    return walk(rule, bumpy, start, steps)


def golden() -> list[Case]:
    """Descents from three starts; the last rate is too large, and they diverge."""
    starts = (START, [0.2, 0.5], [3.5, -2.9])
    return [
        Case("descend", (start, lr, mu, 30), descend(start, lr, mu, 30))
        for start, lr, mu in product(starts, (0.01, 0.3, 12.0), (0.0, 0.9))
    ]


def picture() -> Figure:
    """The descent with which the explorable begins."""
    fig, ax = plt.subplots(figsize=(6.4, 4.8))
    plotting.plot_contours(ax, bumpy, (-4, 4), (-3, 3))
    plotting.plot_path(ax, descend(START, 0.1, 0.0, 60)["places"])
    return fig
