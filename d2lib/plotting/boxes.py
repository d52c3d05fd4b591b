"""Boxes on images, with what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from d2lib._checks import check_boxes, check_count, check_scores
from d2lib.plotting._canvas import as_numpy
from d2lib.plotting.style import COLORS, LINE_STYLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_boxes"]


def draw_boxes(
    ax: Axes,
    boxes: Any,
    names: Sequence[Any] | None = None,
    scores: Any = None,
    kind: int = 0,
    width: float = 2.0,
    label: str | None = None,
) -> Axes:
    """Draws boxes over an image, each around exactly the pixels that are in it.

    A box is (x1, y1, x2, y2) from edge to edge of its pixels, while ``imshow`` puts the
    *middle* of the first pixel at 0. So everything is drawn half a pixel further left
    and up. What is written beside a box stands on a ground of its own.

    Args:
        ax: where an image has been drawn, by ``imshow`` without an ``extent``.
        boxes: shape (n, 4).
        names: what to write at each box: one for each.
        scores: how sure it is, numbers written behind the names, shape (n,).
        kind: which of the book's colours and dashes, counted from 0, so that boxes of
            two kinds can be told apart without colour.
        width: of the lines, in points.
        label: what to call these boxes in a legend.

    Returns:
        The axes.

    Raises:
        ValueError: boxes that are none, or not as many names or scores as boxes.
        TypeError: a kind that is no whole number, or a list of tensors.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> ax = plt.figure().gca()
        >>> _ = ax.imshow([[0.0] * 64] * 64, cmap="gray")
        >>> ax = draw_boxes(ax, [[9, 9, 29, 29]], names=[7], scores=[0.98])
    """
    from matplotlib.patches import Rectangle

    boxes = check_boxes(as_numpy(boxes))
    kind = check_count(kind, "kind") % len(COLORS)
    if names is not None and len(names) != len(boxes):
        raise ValueError(
            f"draw_boxes needs one of names for each of {len(boxes)} boxes, got "
            f"{len(names)}"
        )
    if scores is not None:
        scores = check_scores(as_numpy(scores), len(boxes))
    color = COLORS[kind]
    low, high = sorted(ax.get_ylim())
    for i, (x1, y1, x2, y2) in enumerate(boxes - 0.5):
        ax.add_patch(
            Rectangle(
                (x1, y1),
                x2 - x1,
                y2 - y1,
                fill=False,
                edgecolor=color,
                linestyle=LINE_STYLES[kind],
                linewidth=width,
                label=label if i == 0 else None,
            )
        )
        parts = [] if names is None else [str(names[i])]
        parts += [] if scores is None else [f"{scores[i]:.2f}"]
        if not parts:
            continue
        # Above the box; inside of it where the image ends there.
        above = y1 - low > 0.12 * (high - low)
        ax.text(
            max(x1, min(ax.get_xlim())),
            y1 if above else max(y1, low),
            " ".join(parts),
            va="bottom" if above else "top",
            size=8,
            color="white",
            weight="bold",
            bbox={"facecolor": color, "edgecolor": "none", "pad": 1},
            clip_on=True,
        )
    return ax
