"""Gates: a small LSTM that counts open brackets, on a text that the reader types."""

from __future__ import annotations

from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from d2lib import plotting, scratch
from explore._case import Case

ALPHABET = "abcdefghijklmnopqrstuvwxyz ()"
TEXT = "f(a(b)c)d"
UNITS = 4


class Counter(scratch.Module):
    """Reads characters, and says after each how many brackets are open."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.lstm = scratch.LSTM(len(ALPHABET), UNITS, seed=rng)
        self.head = scratch.Dense(UNITS, 1, seed=rng)

    def forward(self, x: Any) -> Any:
        """From characters (batch, length) to numbers (batch, length, 1)."""
        return self.head(self.lstm(one_hot(x))[0])


def one_hot(x: Any) -> np.ndarray:
    """A vector for each character."""
    return np.eye(len(ALPHABET), dtype=np.float32)[x]


def texts(n: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Letters with brackets, never more than four open, and how many are open."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 27, (n, length))
    y = np.zeros((n, length, 1), np.float32)
    depth = np.zeros(n, int)
    for t in range(length):
        u = rng.random(n)
        opens, closes = (u < 0.2) & (depth < 4), (u > 0.8) & (depth > 0)
        x[opens, t], x[closes, t] = 27, 28
        depth += opens.astype(int) - closes
        y[:, t, 0] = depth
    return x, y


@cache
def network() -> dict[str, Any]:
    """The trained weights; the cell that follows the number best is the first one."""
    model = Counter(seed=0)
    scratch.fit(
        model,
        texts(1000, 24, seed=0),
        loss=scratch.mse,
        optimizer=scratch.Adam(model.parameters(), lr=0.03),
        epochs=12,
        batch_size=16,
        seed=0,
    )
    x, y = texts(500, 32, seed=1)
    wrong = (model(x).data.round() != y).mean()
    assert wrong < 0.01, f"the LSTM counts wrong in {wrong:.0%} of the places"
    h = model.lstm(one_hot(x))[0].data.reshape(-1, UNITS)
    follows = [np.cov(h_k, y.ravel())[0, 1] for h_k in h.T]
    best = np.argsort(follows)[::-1]
    blocks = np.concatenate([k * UNITS + best for k in range(4)])
    W_xh, W_hh, b = model.lstm.state().values()
    return {
        "alphabet": ALPHABET,
        "W_xh": W_xh[:, blocks],
        "W_hh": W_hh[np.ix_(best, blocks)],
        "b": b[blocks],
        "W": model.head.W.data[best, 0],
        "b_out": model.head.b.data[0],
    }


def read(text: str) -> list[dict[str, Any]]:
    """What the library's layer does at each character, in float64."""

    def number(a: Any) -> Any:
        return scratch.tensor(a, dtype=np.float64, requires_grad=True)

    net = network()
    layer = scratch.LSTM(len(ALPHABET), UNITS)
    layer.W_xh, layer.W_hh, layer.b = ([number(net[k])] for k in ("W_xh", "W_hh", "b"))
    state, steps = (number(np.zeros((1, 1, UNITS))),) * 2, []
    for character in text:
        x = number([[one_hot(ALPHABET.index(character))]])
        z = x[0] @ layer.W_xh[0] + state[0][0] @ layer.W_hh[0] + layer.b[0]
        i, f, g, o = (z[0, k * UNITS : (k + 1) * UNITS] for k in range(4))
        h, state = layer(x, state)
        steps.append(
            {
                "i": scratch.sigmoid(i),
                "f": scratch.sigmoid(f),
                "g": scratch.tanh(g),
                "o": scratch.sigmoid(o),
                "c": state[1][0, 0],
                "h": h[0, 0],
                "y": (h[0, 0] @ number(net["W"]) + number(net["b_out"])).item(),
            }
        )
    return steps


def data() -> dict[str, Any]:
    """The trained weights."""
    return {"lstm": network()}


def golden() -> list[Case]:
    """Texts that it has met the like of, and others."""
    net = network()
    some = (TEXT, "", "no brackets", "((((((((", ")))", "a (b (c (d)))" * 3)
    return [Case("read", (text, net), read(text)) for text in some]


def picture() -> Figure:
    """The default text: the state of the cell that counts, and two of its gates."""
    steps = read(TEXT)
    at = np.arange(len(TEXT))
    fig, axes = plt.subplots(3, 1, figsize=(6.4, 4.6), sharex=True)
    axes[0].bar(at, [step["y"] for step in steps])
    axes[0].set(ylabel="answer", title="open brackets, as the LSTM says")
    axes[1].bar(at, [step["c"].data[0] for step in steps], color=plotting.COLORS[2])
    axes[1].set(ylabel="$c$ of cell 1")
    for key, marker in (("f", "o"), ("i", "s")):
        values = [step[key].data[0] for step in steps]
        axes[2].plot(at, values, marker=marker, label=f"${key}$")
    axes[2].set(ylabel="gates", ylim=(-0.05, 1.05), xticks=at, xticklabels=list(TEXT))
    axes[2].legend(loc="center right")
    return fig
