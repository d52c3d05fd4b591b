"""Draw a digit: a dense and a convolutional network, trained here, answer in the page.

Their weights travel as whole numbers from -127 to 127, with one scale for each unit.
The build fails if that costs more than a tenth of a point of accuracy.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from d2lib import plotting, scratch
from d2lib.data import load_mnist
from explore._case import Case

MOST_LOST = 0.001  # a tenth of a point
KINDS = ("dense", "conv")


def untrained(kind: str) -> Any:
    """Return a network for pictures of shape (n, 1, 28, 28)."""
    if kind == "dense":
        return scratch.Sequential(
            scratch.Flatten(),
            scratch.Dense(784, 64, "relu", seed=0),
            scratch.Dense(64, 10, seed=1),
        )
    return scratch.Sequential(
        scratch.Conv2D(1, 6, 5, activation="relu", seed=0),
        scratch.MaxPool2D(2),
        scratch.Conv2D(6, 12, 5, activation="relu", seed=1),
        scratch.MaxPool2D(2),
        scratch.Flatten(),
        scratch.Dense(192, 10, seed=2),
    )


def pictures(x: np.ndarray) -> np.ndarray:
    """Return digits as pictures of one channel."""
    return x.reshape(-1, 1, 28, 28)


@cache
def trained(kind: str) -> dict[str, np.ndarray]:
    """Return the weights after training on the 60,000 digits, in float32."""
    digits, net = load_mnist(), untrained(kind)
    scratch.fit(
        net,
        (pictures(digits.x_train), digits.y_train),
        loss=scratch.cross_entropy,
        optimizer=scratch.Adam(
            net.parameters(), lr=0.001 if kind == "dense" else 0.003
        ),
        epochs=6 if kind == "dense" else 1,
        batch_size=100,
    )
    return net.state()


def rounded(kind: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return each weight matrix as whole numbers, and the scale of each unit.

    The units are the last axis of a dense layer's weights, the first of a filter's.
    """
    found = {}
    for name, W in trained(kind).items():
        if W.ndim > 1:
            axes = (0,) if W.ndim == 2 else (1, 2, 3)
            scale = np.abs(W.astype(float)).max(axis=axes, keepdims=True) / 127
            found[name] = np.round(W / scale).astype(np.int8), scale
    return found


@cache
def network(kind: str, dtype: Any = np.float64) -> Any:
    """Return the network with the weights that the page has."""
    net, weights = untrained(kind), trained(kind)
    whole = {name: q * scale for name, (q, scale) in rounded(kind).items()}
    for k, layer in enumerate(net.layers):
        for name in ("W", "b"):
            if hasattr(layer, name):
                key = f"layers.{k}.{name}"
                value = whole.get(key, weights[key].astype(float).round(6))
                setattr(layer, name, scratch.tensor(value, dtype, requires_grad=True))
    net.eval()
    return net


@cache
def accuracies(kind: str) -> tuple[float, float]:
    """Return the shares of the test digits that are right: float32, and in the page.

    Raises:
        ValueError: they differ by more than a tenth of a point.
    """
    digits, net = load_mnist(), untrained(kind)
    net.load_state(trained(kind))
    net.eval()
    x, shares = pictures(digits.x_test), []
    for one in (net, network(kind, np.float32)):
        shares.append(float(scratch.accuracy(scratch.predict(one, x), digits.y_test)))
    if abs(shares[0] - shares[1]) > MOST_LOST:
        raise ValueError(
            f"rounding the {kind} network's weights moves its accuracy from "
            f"{shares[0]:.2%} to {shares[1]:.2%}, more than {MOST_LOST:.1%}: take more "
            "scales, or two bytes for each weight"
        )
    return shares[0], shares[1]


@cache
def samples() -> np.ndarray:
    """Return ten test digits, 0 to 9, as whole numbers from 0 to 255."""
    digits = load_mnist()
    first = [np.flatnonzero(digits.y_test == digit)[3] for digit in range(10)]
    return (digits.x_test[first] * 255).round().astype(np.uint8)


def answer(kind: str, digit: int) -> dict:
    """Return what a network says to a sample digit, and the sums of its maps."""
    x = scratch.tensor(pictures(samples()[digit : digit + 1] / 255), np.float64)
    net = network(kind)
    found = {"p": scratch.softmax(net(x)).data[0]}
    if kind == "conv":
        maps = net.layers[0](x)
        found["first"] = maps.data.sum(axis=(0, 2, 3))
        found["second"] = net.layers[2](net.layers[1](maps)).data.sum(axis=(0, 2, 3))
    return found


def golden() -> list[Case]:
    """Both networks' answers to the ten samples."""
    return [Case("sample", (k, i), answer(k, i)) for k in KINDS for i in range(10)]


def text(numbers: np.ndarray) -> str:
    """Return bytes as text."""
    return base64.b64encode(numbers.tobytes()).decode()


def data() -> dict:
    """The samples, and each network in a script of its own."""
    found: dict[str, Any] = {"digits-samples": text(samples())}
    for kind in KINDS:
        before, after = accuracies(kind)
        layers = []
        for name, (whole, scale) in rounded(kind).items():
            bias = trained(kind)[name.removesuffix("W") + "b"].astype(float).round(6)
            layers.append(
                {
                    "shape": whole.shape,
                    "W": text(whole),
                    "scale": scale.ravel(),
                    "b": bias,
                }
            )
        found[f"digits-{kind}"] = {
            "layers": layers,
            "accuracy": after,
            "float32": before,
        }
    return found


def picture() -> Figure:
    """The seven with which the explorable begins, both answers, and its maps."""
    x = samples()[7:8] / 255
    fig = plt.figure(figsize=(6.5, 4.4))
    grid = fig.add_gridspec(3, 6, height_ratios=[3, 1, 1])
    ax = fig.add_subplot(grid[0, :2])
    ax.imshow(x.reshape(28, 28), cmap="gray_r")
    ax.axis("off")
    ax = fig.add_subplot(grid[0, 2:])
    for i, kind in enumerate(KINDS):
        p = answer(kind, 7)["p"]
        at = np.arange(10) + 0.4 * i - 0.2
        ax.bar(at, p, 0.4, color=plotting.COLORS[i], hatch=("", "///")[i], label=kind)
    ax.set(xlabel="digit", ylabel="answer", xticks=range(10))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    for k, m in enumerate(network("conv").layers[0](pictures(x)).data[0]):
        ax = fig.add_subplot(grid[1:, k])
        ax.imshow(m, cmap="gray_r")
        ax.axis("off")
    return fig
