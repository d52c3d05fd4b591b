"""A chain of ten activations: the signal on its way, and the gradient back."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from d2lib import plotting, scratch
from explore._case import Case

LAYERS = {
    "sigmoid": scratch.sigmoid,
    "tanh": scratch.tanh,
    "relu": scratch.relu,
    "none": lambda z: z * 1.0,
}


def chain(name: str, x: float, w: float, depth: int) -> dict:
    """Return the outputs h_0 = x, ..., h_n and dh_n / dh_k of each, by the library."""
    g = LAYERS[name]
    h = [np.float64(x)]
    for _ in range(depth):
        h.append(g(scratch.tensor(h[-1] * w, np.float64)).data)
    gradients = []
    for k in range(depth + 1):
        start = scratch.tensor(h[k], np.float64, requires_grad=True)
        with scratch.record():
            end = start * 1.0
            for _ in range(depth - k):
                end = g(end * w)
        end.backward()
        gradients.append(start.grad)
    return {"h": np.array(h), "gradient": np.array(gradients)}


def golden() -> list[Case]:
    """Chains of each kind, for inputs and weights of both signs."""
    cases = []
    for name, x, w, n in product(LAYERS, (-2.5, 0.0, 1.0), (-1.5, 0.6, 4.0), (1, 10)):
        cases.append(Case("chain", (name, x, w, n), chain(name, x, w, n)))
    return cases


def picture() -> Figure:
    """The gradient on its way back, for all kinds, as the explorable begins."""
    fig, axes = plt.subplots(1, 2, figsize=(6.5, 3.6))
    for i, name in enumerate(("sigmoid", "tanh", "relu")):
        found = chain(name, 1.0, 1.0, 10)
        for ax, values in zip(axes, found.values(), strict=True):
            ax.plot(range(11), np.abs(values), marker=plotting.MARKERS[i], label=name)
    axes[0].set(xlabel="layer $k$", ylabel="output $h_k$", ylim=(-0.05, 1.1))
    axes[1].set(xlabel="layer $k$", ylabel="gradient, its size", yscale="log")
    fig.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3
    )
    return fig
