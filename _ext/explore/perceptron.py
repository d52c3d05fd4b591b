"""The perceptron: weights, bias and a point to drag."""

from __future__ import annotations

from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from d2lib import plotting, scratch
from explore._case import Case


def perceptron(
    w: Any, b: float, activation: str | None = "sigmoid", dtype: Any = np.float64
) -> scratch.Perceptron:
    """Return the library's neuron with these numbers."""
    neuron = scratch.Perceptron(2, activation)
    neuron.W = scratch.tensor(w, dtype=dtype, requires_grad=True)
    neuron.b = scratch.tensor(b, dtype=dtype, requires_grad=True)
    return neuron


def golden() -> list[Case]:
    """The answer and the logit of many neurons."""
    cases = []
    weights = ([3.0, -2.0], [0.0, 0.0], [-0.1, 4.0], [1.5, 1.5])
    for w, b, x in product(weights, (1.0, 0.0, -5.5), ([-1.0, 2.0], [0.3, -3.9])):
        value = {
            "z": perceptron(w, b, None)(np.array(x)),  # the bare sum
            "y": perceptron(w, b)(np.array(x)),
        }
        cases.append(Case("forward", (w, b, x), value))
    return cases


def picture() -> Figure:
    """The lecture's neuron, as the explorable begins."""
    fig, ax = plt.subplots(figsize=(5, 4.6))
    neuron = perceptron([3.0, -2.0], 1.0, dtype=np.float32)
    plotting.plot_decision(ax, neuron, xlim=(-4, 4), ylim=(-4, 4))
    arrow = {"arrowstyle": "->", "lw": 2, "color": plotting.TEXT}
    ax.annotate("", xy=(3, -2), xytext=(0, 0), arrowprops=arrow)
    ax.text(2.6, -2.7, "$W$", color=plotting.TEXT)
    ax.plot(-1, 2, "o", color=plotting.TEXT)
    ax.text(-0.8, 2.1, "$X$", color=plotting.TEXT)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    return fig
