"""Computational graphs: boxes in columns, and arrows around what is in their way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from d2lib.plotting._canvas import new_figure
from d2lib.plotting.style import COLORS, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_graph"]


def plot_graph(
    nodes: Mapping[str, str],
    edges: Sequence[tuple[str, str] | tuple[str, str, str]],
    ax: Axes | None = None,
) -> Axes:
    r"""Draws a computational graph from left to right.

    Each node stands one column before the first that needs it. Nodes without parents
    (inputs, weights) have square corners, results have round ones.

    Args:
        nodes: the text of each node by its name; mathematics between dollar signs.
        edges: (from, to), or (from, to, text beside the arrow).
        ax: where to draw, or None for a new figure.

    Returns:
        The axes.

    Raises:
        ValueError: no nodes, an edge to a node that is not there, or a cycle.

    Example:
        >>> ax = plot_graph(
        ...     {"x": "$x$", "w": "$w_1$", "z": r"$z_1 = w_1 x$", "J": "$J$"},
        ...     [("x", "z"), ("w", "z"), ("z", "J", r"$\partial J/\partial z_1$")],
        ... )
    """
    for edge in edges:
        missing = [name for name in edge[:2] if name not in nodes]
        if missing:
            raise ValueError(
                f"each edge must join two of the nodes {list(nodes)}, got {edge}: add "
                f"{missing[0]!r} to nodes"
            )
    joints = [(edge[0], edge[1]) for edge in edges]
    columns = _columns(list(nodes), joints)
    routes = {joint: _route(joint, columns) for joint in joints}
    rows = _rows(
        columns, [step for route in routes.values() for step in pairwise(route)]
    )
    top, bottom = 48 * max(rows.values()) + 32, 48 * min(rows.values()) - 32
    if ax is None:
        ax = new_figure((top - bottom) / 72).gca()

    # All lengths are points, 1/72 inch, so that boxes and gaps fit what is in them.
    room = ax.get_window_extent().width * 72 / ax.figure.dpi
    boxes_wide = [
        max(_text_width(nodes[name]) for name in nodes if columns[name] == c) + 16
        for c in range(max(columns.values()) + 1)
    ]
    gaps_wide = [34.0] * (len(boxes_wide) - 1)
    for edge in edges:
        if len(edge) == 3:
            gap = columns[edge[0]]
            gaps_wide[gap] = max(gaps_wide[gap], _text_width(edge[2]) + 22)
    width = sum(boxes_wide) + sum(gaps_wide) + 8
    scale = min(1.0, room / width)  # too wide for the page: everything shrinks
    lefts = np.cumsum(
        [4.0, *(b + g for b, g in zip(boxes_wide, [*gaps_wide, 0], strict=True))]
    )
    places = {
        name: (lefts[column] + boxes_wide[column] / 2, 48 * rows[name])
        for name, column in columns.items()
    }

    results = {head for _, head in joints}
    boxes = {}
    for name, text in nodes.items():
        corners = "round,rounding_size=0.6" if name in results else "square"
        boxes[name] = ax.text(
            *places[name],
            text,
            ha="center",
            va="center",
            size=12 * scale,
            bbox={
                "boxstyle": f"{corners},pad=0.5",
                "facecolor": "none",
                "edgecolor": COLORS[1 if name in results else 0],
                "linewidth": 1.6,
            },
            zorder=3,
        )
    for edge in edges:
        route = routes[edge[0], edge[1]]
        for tail, head in pairwise(route):
            last = head == route[-1]
            ax.annotate(
                "",
                xy=places[head],
                xytext=places[tail],
                arrowprops={
                    "arrowstyle": "-|>,head_length=0.5,head_width=0.22"
                    if last
                    else "-",
                    "color": TEXT,
                    "linewidth": 1.4,
                    "patchA": boxes[tail].get_bbox_patch() if tail in boxes else None,
                    "patchB": boxes[head].get_bbox_patch() if last else None,
                    "shrinkA": 2 if tail in boxes else 0,
                    "shrinkB": 2 if last else 0,
                },
            )
        if len(edge) == 3:
            column, y = columns[route[0]], places[route[0]][1]
            next_y = places[route[1]][1]
            # The side that the arrows leave free.
            below = y < next_y or y == next_y < 0
            ax.text(
                lefts[column] + boxes_wide[column] + 6,
                y + (-2 if below else 5),
                edge[2],
                ha="left",
                va="top" if below else "bottom",
                size=12 * scale,
            )
    middle = width / 2
    ax.set_xlim(middle - room / scale / 2, middle + room / scale / 2)
    ax.set_ylim(bottom, top)
    ax.axis("off")
    return ax


def _columns(names: list[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    """Gives each node its column: one before the first node that needs it."""
    if not names:
        raise ValueError("plot_graph needs at least one node, got none")
    left: dict[str, int] = {}  # how many columns lie between a node and the end
    waiting = {name: sum(tail == name for tail, _ in edges) for name in names}
    ready = [name for name in names if waiting[name] == 0]
    for name in ready:  # grows while it is walked: Kahn's topological sort
        left[name] = max((left[h] + 1 for t, h in edges if t == name), default=0)
        for tail, head in edges:
            if head == name:
                waiting[tail] -= 1
                if waiting[tail] == 0:
                    ready.append(tail)
    if len(left) < len(names):
        raise ValueError(
            "plot_graph needs a graph without cycles, got one through "
            f"{[name for name in names if name not in left]}: an operation cannot need "
            "its own result"
        )
    most = max(left.values())
    return {name: most - left[name] for name in names}


def _route(joint: tuple[str, str], columns: dict[str, int]) -> list[str]:
    """Leads a long edge through a place of its own in each column between its ends."""
    tail, head = joint
    passed = {
        f"{tail}, {head}, {column}": column
        for column in range(columns[tail] + 1, columns[head])
    }
    columns.update(passed)
    return [tail, *passed, head]


def _rows(columns: dict[str, int], edges: list[tuple[str, str]]) -> dict[str, int]:
    """Gives each node its row: a chain of results stays level, the rest makes room."""
    rows: dict[str, int] = {}
    inner = {head for _, head in edges}
    for column in sorted(set(columns.values()), reverse=True):
        members = [name for name, where in columns.items() if where == column]
        taken: set[int] = set()
        for name in sorted(members, key=lambda name: name not in inner):
            heads = [rows[head] for tail, head in edges if tail == name]
            wanted = round(float(np.mean(heads))) if heads else 0
            steps = (sign * step for step in range(len(members)) for sign in (-1, 1))
            row = next(wanted + step for step in steps if wanted + step not in taken)
            taken.add(row)
            rows[name] = row
    return rows


def _text_width(text: str) -> float:
    """Measures a text of 12 points, with or without mathematics, in points."""
    from matplotlib.textpath import TextPath

    return max(
        float(TextPath((0, 0), line, size=12).get_extents().width)
        for line in text.split("\n")
    )
