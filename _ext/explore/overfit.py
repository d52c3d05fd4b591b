"""Over-fitting: twelve noisy points, a network of some width, and dropout.

The page trains the network itself, step by step as the library does. It begins with the
library's points and first weights, which `data` hands over.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from d2lib import plotting, scratch
from d2lib.data import noisy_sine
from explore._case import Case

WIDTHS, SAMPLES, LR = (1, 2, 4, 8, 16), (0, 1, 2), 0.02


def network(units: int, seed: int, p: float = 0.0) -> scratch.MLP:
    """Return the network of the page's first question, in float64."""
    net = scratch.MLP([1, units, units, 1], activation="tanh", dropout=p, seed=seed)
    for layer in dense(net):
        layer.W = scratch.tensor(layer.W.data, np.float64, requires_grad=True)
        layer.b = scratch.tensor(layer.b.data, np.float64, requires_grad=True)
    return net


def dense(net: scratch.MLP) -> list:
    """Return the layers that have weights."""
    return [layer for layer in net.layers if hasattr(layer, "W")]


def weights(net: scratch.MLP) -> list:
    """Return the weights as the page keeps them, one list per array."""
    return [a.data.ravel().copy() for layer in dense(net) for a in (layer.W, layer.b)]


def points(n: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of a sample, as vectors in float64."""
    x, y = noisy_sine(n, noise=noise, seed=seed)
    return x[:, 0].astype(float), y[:, 0].astype(float)


def train(net: scratch.MLP, x: Any, y: Any, steps: int) -> dict:
    """Train by Adam; return the weights, the losses, and the curve at five places."""
    adam = scratch.Adam(net.parameters(), lr=LR)
    losses = []
    for _ in range(steps):
        adam.zero_grad()
        with scratch.record():
            loss = scratch.mse(net(6 * x[:, None] - 3), y[:, None])
        losses.append(loss.item())
        loss.backward()
        adam.step()
    grid = np.linspace(0, 1, 5)
    curve = scratch.predict(net, 6 * grid[:, None] - 3)[:, 0]
    return {"weights": weights(net), "losses": np.array(losses), "curve": curve}


def golden() -> list[Case]:
    """Trainings of several widths; with dropout, the masks that the library drew."""
    cases = []
    x, y = points(12, 0.3, seed=1)
    for units, steps in ((1, 5), (2, 200), (8, 200)):
        net = network(units, seed=1)
        first = weights(net)
        cases.append(Case("train", (first, x, y, steps), train(net, x, y, steps)))
    for p in (0.2, 0.5):
        net, masks = network(4, 2, p), []
        drops = [layer for layer in net.layers if isinstance(layer, scratch.Dropout)]
        for seed, layer in enumerate(drops):
            layer.generator = np.random.default_rng(seed)
        again = [np.random.default_rng(seed) for seed in range(len(drops))]
        for _ in range(20):
            drawn = [g.random((12, 4), dtype=np.float32) < 1.0 - p for g in again]
            masks.append([mask.astype(int).ravel() for mask in drawn])
        first = weights(net)
        args = (first, x, y, 20, p, masks)
        cases.append(Case("train", args, train(net, x, y, 20)))
    return cases


def data() -> dict:
    """The points, their noise apart, and the first weights of each width."""
    samples = []
    for seed in SAMPLES:
        x, smooth = points(12, 0.0, seed)
        new, smooth_new = points(200, 0.0, 1000 + seed)
        samples.append(
            {
                "x": x.round(7),
                "noise": (points(12, 1.0, seed)[1] - smooth).round(7),
                "newX": new.round(7),
                "newNoise": (points(200, 1.0, 1000 + seed)[1] - smooth_new).round(7),
                "weights": {
                    str(units): [a.round(8) for a in weights(network(units, seed))]
                    for units in WIDTHS
                },
            }
        )
    return {"overfit": samples}


def picture() -> Figure:
    """Eight units: the curve, and both errors on the way there."""
    x, y = points(12, 0.3, seed=1)
    new, y_new = points(200, 0.3, seed=1001)
    net = network(8, seed=1)
    adam = scratch.Adam(net.parameters(), lr=LR)
    errors = []
    for _ in range(1000):
        errors.append(
            [
                np.mean((scratch.predict(net, 6 * a[:, None] - 3)[:, 0] - b) ** 2)
                for a, b in ((x, y), (new, y_new))
            ]
        )
        adam.zero_grad()
        with scratch.record():
            loss = scratch.mse(net(6 * x[:, None] - 3), y[:, None])
        loss.backward()
        adam.step()
    fig, axes = plt.subplots(1, 2, figsize=(6.5, 3.6))
    grid = np.linspace(0, 1, 300)
    axes[0].plot(x, y, "o", color=plotting.TEXT)
    axes[0].plot(grid, scratch.predict(net, 6 * grid[:, None] - 3)[:, 0])
    axes[0].set(xlabel="$x$", ylabel="$y$", ylim=(-2.2, 2.2))
    for name, values in zip(
        ("twelve points", "new points"), np.array(errors).T, strict=True
    ):
        axes[1].plot(values, label=name)
    axes[1].axvline(np.argmin(np.array(errors)[:, 1]), ls=":", color=plotting.TEXT)
    axes[1].set(xlabel="step", ylabel="mean squared error", yscale="log")
    axes[1].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=11)
    return fig
