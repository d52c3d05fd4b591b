"""Convolution: nine numbers, a window, and the map that they make."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from d2lib import plotting, scratch
from d2lib.data import load_mnist, load_photograph
from explore._case import Case

RELIEF = [[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]]
SIZE = 40


def pictures() -> dict[str, np.ndarray]:
    """A digit with a border and a face, both of 40 x 40 pixels from 0 to 255."""
    digit = load_mnist(flatten=False, normalize=False).x_test[0].reshape(28, 28)
    face = load_photograph("grace_hopper", gray=True)[0, 30:310, 130:410]
    face = face.reshape(SIZE, 7, SIZE, 7).mean(axis=(1, 3))
    return {
        "digit": np.pad(digit, 6).astype(int),
        "face": (255 * face).round().astype(int),
    }


def data() -> dict[str, Any]:
    """The pictures, row by row."""
    return {"convolution": pictures()}


def convolve(x: Any, w: Any) -> np.ndarray:
    """The library's convolution, in float64."""
    x, w = (scratch.tensor([[a]], dtype=np.float64) for a in (x, w))
    return scratch.conv2d(x, w).data[0, 0]


def golden() -> list[Case]:
    """Whole maps, and what single windows add up to."""
    rng = np.random.default_rng(0)
    filters = [RELIEF, np.zeros((3, 3)), rng.normal(size=(3, 3))]
    pixels = [pictures()["face"][8:18, 5:16] / 255, rng.normal(size=(3, 3))]
    cases = []
    for w in filters:
        for x in pixels:
            cases.append(Case("convolve", (x, w), convolve(x, w)))
            patch = x[:3, :3]
            value = {
                "products": (
                    scratch.tensor(patch, dtype=np.float64) * np.array(w)
                ).data,
                "sum": convolve(patch, w).item(),
            }
            cases.append(Case("look", (x, w, 0, 0), value))
    x, w = pixels[0], filters[2]
    value = {
        "products": (scratch.tensor(x[6:9, 7:10], dtype=np.float64) * w).data,
        "sum": convolve(x, w)[6, 7],
    }
    return [*cases, Case("look", (x, w, 6, 7), value)]


def picture() -> Figure:
    """The face, with a window, and its relief."""
    x = pictures()["face"] / 255
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.3))
    axes[0].imshow(x, cmap="gray")
    frame = {"fill": False, "ec": plotting.COLORS[1], "lw": 3}
    axes[0].add_patch(plt.Rectangle((9.5, 17.5), 3, 3, **frame))
    axes[0].set_title("picture, with the window")
    y = convolve(x, RELIEF)
    axes[1].imshow(y, cmap="gray", vmin=-2, vmax=2)
    axes[1].add_patch(plt.Rectangle((9.5, 17.5), 1, 1, **frame))
    axes[1].set_title("feature map, by the nine numbers")
    for ax in axes:
        ax.axis("off")
    return fig
