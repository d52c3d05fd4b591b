"""Boxes: four of them to drag, how far they agree, and which non-maximum keeps."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from d2lib import plotting, scratch
from explore._case import Case

START = [[4.0, 6.0, 18.0, 20.0], [7, 7, 21, 21], [10, 8, 24, 22], [26, 18, 37, 34]]
SCORES = [0.9, 0.8, 0.7, 0.6]


def golden() -> list[Case]:
    """Overlaps and what is kept, of the boxes that it begins with and of others."""
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 40, (6, 4, 2, 2))
    heaps = [START, *np.sort(corners, axis=2).reshape(6, 4, 4).astype(float)]
    heaps.append([[3, 3, 3, 9], [3, 3, 3, 9], [0, 0, 9, 9], [0, 0, 9, 9]])  # no area
    cases = []
    for boxes in heaps:
        boxes = np.array(boxes, float)
        cases.append(Case("overlaps", (boxes, boxes), scratch.iou(boxes, boxes)))
        for threshold in (0.0, 0.3, 0.5, 1.0):
            kept = scratch.nms(boxes, SCORES, threshold)
            cases.append(Case("nms", (boxes, SCORES, threshold), kept))
    return cases


def picture() -> Figure:
    """The boxes that it begins with; dashed is what is struck out."""
    kept = scratch.nms(np.array(START), SCORES).tolist()
    fig, ax = plt.subplots(figsize=(4.6, 4.6))
    for k, (x1, y1, x2, y2) in enumerate(START):
        style: dict[str, Any] = {"ec": plotting.COLORS[k], "fill": False, "lw": 3}
        style["ls"] = "-" if k in kept else "--"
        ax.add_patch(plt.Rectangle((x1, y1), x2 - x1, y2 - y1, **style))
        words = "kept" if k in kept else "struck out"
        ax.text(x1, y1 - 0.4, f"{k + 1}: {SCORES[k]}, {words}", size=10)
    ax.set(xlim=(0, 40), ylim=(40, 0), xlabel="x", ylabel="y", aspect="equal")
    return fig
