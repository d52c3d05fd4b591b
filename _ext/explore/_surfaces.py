"""Losses over two weights, written with what either twin has: exp, and arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from d2lib import scratch

DENTS = [  # depth (that of a hill is negative), place, width
    (1.6, -2.0, 1.2, 0.6),
    (1.0, -1.2, -1.8, 0.5),
    (2.2, 1.8, -0.9, 0.9),
    (-1.2, 0.1, 0.6, 0.5),
    (0.9, 2.6, 1.9, 0.5),
]


def bumpy(a: Any, b: Any, exp: Callable = np.exp) -> Any:
    """A bowl with four dents and a hill in the middle."""
    loss = 0.1 * (a * a + b * b)
    for depth, p, q, width in DENTS:
        loss = loss - depth * exp(
            ((a - p) * (a - p) + (b - q) * (b - q)) * (-1 / width)
        )
    return loss


def valley(a: Any, b: Any, exp: Callable = np.exp) -> Any:
    """Fifty times as steep across as along, as on the page."""
    return 0.5 * (a * a + 50.0 * (b * b))


def turned(a: Any, b: Any, exp: Callable = np.exp) -> Any:
    """The same valley, turned by 45°."""
    return 0.25 * ((a + b) * (a + b) + 50.0 * ((b - a) * (b - a)))


def saddle(a: Any, b: Any, exp: Callable = np.exp) -> Any:
    """A pass between two hollows at a = ±2."""
    return 0.5 * (b * b) - 0.25 * (a * a) + a * a * (a * a) * 0.03125


SURFACES = {"valley": valley, "turned": turned, "saddle": saddle, "bumpy": bumpy}


def walk(rule: Any, surface: Callable, start: list, steps: int) -> dict:
    """Return the places that an optimiser of the library visits, and the losses there.

    Args:
        rule: makes the optimiser of a list of parameters.
        surface: the loss of two weights.
        start: where it begins.
        steps: how many steps it takes.
    """
    w = scratch.tensor(start, np.float64, requires_grad=True)
    optimizer = rule([w])
    places, losses = [w.data.copy()], []
    for step in range(steps + 1):
        optimizer.zero_grad()
        with scratch.record():
            loss = surface(w[0], w[1], scratch.exp)
        losses.append(loss.item())
        if step < steps:
            loss.backward()
            optimizer.step()
            places.append(w.data.copy())
    return {"places": np.array(places), "losses": np.array(losses)}
