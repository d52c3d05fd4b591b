"""Figures for the book: one style that holds on a light and on a dark page.

A page may be white or nearly black, and the figure cannot know. So every figure has a
transparent ground, and every colour stands out against both:

- `TEXT` has a contrast of 4.5:1 on white and of 4.1:1 on #121212. (No colour has more
  than 4.33:1 on both at once; the book's style sheet brightens figures on dark pages.)
- Each of `COLORS` has at least 3.5:1 on both, and they remain different from each other
  to readers who are colour-blind. They are after Okabe and Ito, "Color universal
  design", 2002.
- Lines differ in their dashes and points in their markers, so that no figure needs
  colour to be read.

Every helper draws into the axes that it is given and returns them, or makes a figure of
the right size when none are given. matplotlib is loaded at the first use only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from d2lib._checks import check_positive_int

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLORS",
    "LINE_STYLES",
    "MARKERS",
    "TEXT",
    "mark_lines",
    "plot_confusion",
    "plot_contours",
    "plot_decision",
    "plot_graph",
    "plot_network",
    "plot_path",
    "plot_points",
    "show_digits",
    "use_style",
]

#: Text, axes and grid.
TEXT = "#767676"
#: Blue, vermillion, green, rose, violet, grey: for lines and classes, in this order.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#c95fa8", "#8a4fd8", "#7d7d7d")
#: The dashes of the lines, in the order of `COLORS`.
LINE_STYLES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (6, 1.5, 1.2, 1.5)),
    (0, (9, 2)),
    (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2)),
)
#: The shapes of the points, in the order of `COLORS`.
MARKERS = ("o", "^", "s", "D", "v", "P")

_WIDTH = 6.4  # inches: the column of a page
_MISTAKE = "#b34f00"  # a darker vermillion, under white text


def use_style() -> None:
    """Makes matplotlib draw like the book, from here on.

    In a notebook, figures become SVG, which is sharp at any size, and the same bytes at
    every run: text is drawn as outlines, and no date is written.

    Raises:
        ImportError: matplotlib is missing.

    Example:
        >>> use_style()
        >>> import matplotlib
        >>> matplotlib.rcParams["figure.facecolor"]
        'none'
    """
    plt = _pyplot()
    from cycler import cycler

    plt.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.edgecolor": TEXT,
            "axes.facecolor": "none",
            "axes.grid": True,
            "axes.labelcolor": TEXT,
            "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=LINE_STYLES),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlecolor": TEXT,
            "axes.titlesize": 12,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.facecolor": "none",
            "figure.figsize": (_WIDTH, 3.8),
            "font.size": 12,
            "grid.alpha": 0.3,
            "grid.color": TEXT,
            "hatch.color": TEXT,
            "image.interpolation": "none",
            "legend.frameon": False,
            "legend.handlelength": 2.8,
            "lines.linewidth": 2,
            "patch.edgecolor": TEXT,
            "savefig.facecolor": "none",
            "svg.fonttype": "path",
            "svg.hashsalt": "d2lib",
            "text.color": TEXT,
            "xtick.color": TEXT,
            "ytick.color": TEXT,
        }
    )
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # Without bbox_inches=None every figure would be cropped to a width of its own,
        # and the page would scale the letters of each one differently.
        set_matplotlib_formats(
            "svg", bbox_inches=None, metadata={"Date": None, "Creator": None}
        )


def plot_points(
    ax: Axes, x: Any, y: Any, labels: Sequence[str] | None = None, size: float = 28
) -> Axes:
    """Draws points in the plane, each class with its own marker and colour.

    Args:
        ax: where to draw.
        x: the points, shape (n, 2).
        y: the class of each, shape (n,): whole numbers from 0.
        labels: what to call class 0, 1, … in a legend above; without it there is none.
        size: the area of a marker, in square points (1/72 inch).

    Returns:
        The axes.

    Raises:
        ValueError: x is not (n, 2), y not (n,), or there are more classes than markers
            or than labels.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> from d2lib.data import moons
        >>> ax = plot_points(plt.figure().gca(), *moons(), labels=["left", "right"])
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or x.shape[1] != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"plot_points needs x of shape (n, 2) and y of shape (n,), got x {x.shape} "
            f"and y {y.shape}: take two columns with x[:, :2], and y.reshape(-1)"
        )
    classes = [int(c) for c in np.unique(y)]
    most = len(MARKERS) if labels is None else min(len(MARKERS), len(labels))
    if classes and (classes[0] < 0 or classes[-1] >= most):
        raise ValueError(
            f"plot_points can tell classes 0 to {most - 1} apart here, got "
            f"{classes}: number them from 0, and give each one a label"
        )
    for c in classes:
        ax.scatter(
            x[y == c, 0],
            x[y == c, 1],
            s=size,
            color=COLORS[c],
            marker=MARKERS[c],
            linewidths=0,
            alpha=0.9,
            label=None if labels is None else labels[c],
        )
    if labels is not None:
        # Above the axes, where no point can lie below it.
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, handletextpad=0.2
        )
    return ax


def plot_decision(
    ax: Axes,
    predict: Callable[[np.ndarray], Any],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    resolution: int = 150,
) -> Axes:
    """Colours the plane by what a classifier says there, and draws where it is unsure.

    The stronger the colour, the surer the classifier. The line is where two classes are
    equally likely: for two classes, where the probability is 0.5.

    Args:
        ax: where to draw.
        predict: takes points, float32 (n, 2), and returns probabilities: of class 1,
            shape (n,) or (n, 1), or of each class, shape (n, classes).
        xlim: from where to where along the first axis.
        ylim: from where to where along the second axis.
        resolution: how many points along each axis are asked for.

    Returns:
        The axes.

    Raises:
        ValueError: predict returns another shape, or something that is no probability.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> def line(x):
        ...     return 1 / (1 + np.exp(-(1 + 3 * x[:, 0] - 2 * x[:, 1])))
        >>> ax = plot_decision(plt.figure().gca(), line, (-3, 3), (-3, 3))
    """
    resolution = check_positive_int(resolution, "resolution")
    x_1, x_2 = _grid(xlim, ylim, resolution)
    points = np.stack([x_1.ravel(), x_2.ravel()], axis=1).astype(np.float32)
    p = _as_numpy(predict(points)).astype(float)
    if p.ndim == 2 and p.shape[1] == 1:
        p = p[:, 0]  # (n, 1) -> (n,)
    if p.ndim == 1:
        p = np.stack([1 - p, p], axis=1)  # (n,) -> (n, 2)
    if p.ndim != 2 or p.shape[0] != len(points) or p.shape[1] > len(COLORS):
        raise ValueError(
            f"predict must return one probability for each of {len(points)} points, or "
            f"one for each point and class (at most {len(COLORS)}), got shape "
            f"{p.shape}"
        )
    if not (p.min() >= -1e-6 and p.max() <= 1 + 1e-6):
        raise ValueError(
            f"predict must return probabilities from 0 to 1, got {p.min():g} to "
            f"{p.max():g}: put the logits through sigmoid or softmax"
        )
    classes = p.shape[1]
    p = p.reshape(resolution, resolution, classes)  # (n, classes) -> (rows, columns, …)
    image = np.empty((resolution, resolution, 4))
    image[..., :3] = np.array([_rgb(color) for color in COLORS])[p.argmax(axis=-1)]
    image[..., 3] = 0.4 * (p.max(axis=-1) - 1 / classes) / (1 - 1 / classes)
    ax.imshow(
        image.clip(0, 1),
        extent=(*xlim, *ylim),
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
        zorder=0,
    )
    for c in range(1 if classes == 2 else 0, classes):
        margin = p[..., c] - np.delete(p, c, axis=-1).max(axis=-1)
        if margin.min() < 0 < margin.max():
            ax.contour(x_1, x_2, margin, [0], colors=TEXT, linewidths=1.5, zorder=1)
    ax.grid(False)
    ax.set_xlim(xlim)
    ax.set_ylim(ylim)
    return ax


def plot_contours(
    ax: Axes,
    f: Callable[[np.ndarray, np.ndarray], Any],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    levels: int | Sequence[float] = 14,
    resolution: int = 120,
) -> Axes:
    """Draws a loss over two weights as a map: lines of equal loss, darker where lower.

    Args:
        ax: where to draw.
        f: the loss, J = f(w_0, w_1), of two arrays of one shape, returning that shape.
        xlim: from where to where for w_0.
        ylim: from where to where for w_1.
        levels: the losses to draw a line for, or how many lines, chosen so that equally
            many points lie between any two.
        resolution: how many points along each axis are asked for.

    Returns:
        The axes.

    Raises:
        ValueError: f returns another shape, or nothing but one value.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> def bowl(w_0, w_1):
        ...     return w_0**2 + 5 * w_1**2
        >>> ax = plot_contours(plt.figure().gca(), bowl, (-2, 2), (-1, 1))
        >>> ax = plot_path(ax, [[-1.5, 0.8], [-1.2, 0.2], [-0.5, 0.0]])
    """
    w_0, w_1 = _grid(xlim, ylim, check_positive_int(resolution, "resolution"))
    loss = _as_numpy(f(w_0, w_1)).astype(float)
    if loss.shape != w_0.shape:
        raise ValueError(
            f"f must return one loss for each pair of weights, shape {w_0.shape}, got "
            f"{loss.shape}: write it with NumPy functions of both arguments"
        )
    lowest, highest = np.nanmin(loss), np.nanmax(loss)
    if not lowest < highest:
        raise ValueError(
            f"f must vary over xlim={xlim} and ylim={ylim}, got {lowest:g} everywhere: "
            "choose other limits"
        )
    if isinstance(levels, (int, np.integer)):
        shares = np.linspace(0, 1, check_positive_int(levels, "levels") + 2)[1:-1]
        values = np.unique(np.nanquantile(loss, shares**1.5))
    else:
        values = np.unique(levels)
    inside = [float(level) for level in values if lowest < level < highest]
    ground = np.zeros((*loss.shape, 4))
    ground[..., :3] = _rgb(COLORS[0])
    rank = np.searchsorted(np.array(inside), loss) / max(len(inside), 1)
    ground[..., 3] = 0.45 * (1 - rank) ** 1.5
    ax.imshow(
        ground,
        extent=(*xlim, *ylim),
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
        zorder=0,
    )
    if inside:
        ax.contour(
            w_0,
            w_1,
            loss,
            inside,
            colors=TEXT,
            linestyles="solid",
            linewidths=0.8,
            alpha=0.8,
            zorder=1,
        )
    ax.grid(False)
    ax.set_xlim(xlim)
    ax.set_ylim(ylim)
    ax.set_xlabel("$w_0$")
    ax.set_ylabel("$w_1$")
    return ax


def plot_path(ax: Axes, path: Any, label: str | None = None, index: int = 1) -> Axes:
    """Draws the steps of a descent, from a ring to a star, with a marker for each.

    Args:
        ax: where to draw, after `plot_contours`.
        path: the weights after each step, shape (steps, 2).
        label: its name in a legend, which you draw beside the map with
            ``ax.figure.legend(loc="outside upper center", ncols=3)``.
        index: which of `COLORS` and `LINE_STYLES` it has, to tell several apart.

    Returns:
        The axes.

    Raises:
        ValueError: path is not (steps, 2), or has no step.
    """
    steps = _as_numpy(path)
    if steps.ndim != 2 or steps.shape[1] != 2 or not len(steps):
        raise ValueError(
            "plot_path needs a path of shape (steps, 2) with at least one step, got "
            f"{steps.shape}: collect both weights after each step"
        )
    color = COLORS[index % len(COLORS)]
    ax.plot(
        *steps.T,
        color=color,
        linestyle=LINE_STYLES[index % len(LINE_STYLES)],
        linewidth=1.6,
        marker=MARKERS[index % len(MARKERS)],
        markersize=4,
        label=label,
        zorder=3,
    )
    ax.plot(*steps[0], "o", color=color, fillstyle="none", markersize=11, zorder=4)
    ax.plot(*steps[-1], "*", color=color, markersize=14, zorder=4)
    return ax


def mark_lines(ax: Axes, every: float = 0.12) -> Axes:
    """Puts a marker of its own on each line, so that the legend needs no colour.

    Args:
        ax: axes whose lines are drawn; call it before ``ax.legend()``.
        every: the distance between two markers, as a share of the axes' diagonal.

    Returns:
        The axes.
    """
    for i, line in enumerate(ax.get_lines()):
        if len(np.atleast_1d(line.get_xdata())) > 2:
            line.set_marker(MARKERS[i % len(MARKERS)])
            # Each line starts elsewhere, so that markers do not cover each other.
            line.set_markevery((every * (i % 4) / 4, every))
            line.set_markersize(7)
    return ax


def plot_network(
    sizes: Sequence[int],
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    most: int = 6,
) -> Axes:
    """Draws a network layer by layer, inputs on the left, with every connection.

    Args:
        sizes: how many units each layer has, from the inputs to the outputs.
        labels: what to write below each layer; without it, the sizes.
        ax: where to draw, or None for a new figure.
        most: a larger layer is drawn with this many units and dots between them.

    Returns:
        The axes.

    Raises:
        TypeError, ValueError: fewer than two layers, a size below 1, as many labels as
            layers missing, or ``most`` below 3.

    Example:
        >>> ax = plot_network([784, 128, 10], ["pixels", "hidden", "digits"])
    """
    counts = [check_positive_int(size, "each of sizes") for size in sizes]
    if len(counts) < 2:
        raise ValueError(
            f"plot_network needs at least two layers, got sizes={list(sizes)}: name "
            "the inputs and the outputs"
        )
    if labels is not None and len(labels) != len(counts):
        raise ValueError(
            f"plot_network needs one label for each of {len(counts)} layers, got "
            f"{len(labels)}"
        )
    if check_positive_int(most, "most") < 3:
        raise ValueError(f"most must be at least 3, got {most}")
    tallest = min(max(counts), most)
    spread = max(2.4, 0.9 * tallest)  # from layer to layer; units are 1 apart
    width, height = (len(counts) - 0.6) * spread + 1.2, tallest + 1.5
    if ax is None:
        ax = _figure(min(_WIDTH * height / width, 0.7 * height)).gca()
    places: list[np.ndarray] = []
    for column, count in enumerate(counts):
        shown = min(count, most)
        heights = (shown - 1) / 2 - np.arange(shown)
        if count > most:
            gap = shown // 2  # this one gives its place to the dots
            ax.text(
                column * spread,
                heights[gap],
                "⋮",
                size=18,
                ha="center",
                va="center_baseline",
            )
            heights = np.delete(heights, gap)
        places.append(
            np.stack([np.full(len(heights), column * spread), heights], axis=1)
        )

    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Circle

    edges = [(a, b) for left, right in pairwise(places) for a in left for b in right]
    ax.add_collection(
        LineCollection(edges, colors=TEXT, linewidths=0.9, alpha=0.6, zorder=1)
    )
    last = len(places) - 1
    for column, units in enumerate(places):
        # The page shows through a ring, so the lines below it have to be cut off first:
        # hence full discs, in the colours of input, hidden layer and output.
        color = COLORS[0 if column == 0 else 1 if column == last else 2]
        discs = PatchCollection([Circle(unit, 0.3) for unit in units], zorder=2)
        discs.set(facecolor=color, edgecolor=color)
        ax.add_collection(discs)
        text = f"{counts[column]}" if labels is None else labels[column]
        ax.text(column * spread, -tallest / 2 - 0.35, text, ha="center", va="top")
    ax.set_aspect("equal")
    ax.set_xlim(-0.6 - 0.2 * spread, width - 0.6 - 0.2 * spread)
    ax.set_ylim(-tallest / 2 - 1.4, tallest / 2 + 0.1)
    ax.axis("off")
    return ax


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
        ax = _figure((top - bottom) / 72).gca()

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


def show_digits(
    images: Any, labels: Any = None, predictions: Any = None, columns: int = 10
) -> Figure:
    """Shows images in rows, with what they are and what a network took them for.

    Args:
        images: shape (n, 784), (n, side * side) or (n, rows, columns).
        labels: what each one is, shape (n,).
        predictions: what it was taken for, shape (n,). With labels too, a mistake is
            framed and written as "4, not 9": predicted first, then the truth.
        columns: how many stand side by side.

    Returns:
        The figure.

    Raises:
        ValueError: no images, images that are not square when flat, or as many labels
            or predictions as images missing.

    Example:
        >>> from d2lib.data import load_mnist
        >>> digits = load_mnist(normalize=False)
        >>> figure = show_digits(digits.x_test[:20], digits.y_test[:20])
    """
    x = _as_numpy(images)
    side = int(np.sqrt(x.shape[-1])) if x.ndim == 2 else 0
    if x.ndim == 2 and side * side == x.shape[1]:
        x = x.reshape(len(x), side, side)  # (n, 784) -> (n, 28, 28)
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(
            "show_digits needs at least one image, shape (n, 784) or (n, 28, 28), got "
            f"{x.shape}: a single image is images[None]"
        )
    for name, values in (("labels", labels), ("predictions", predictions)):
        if values is not None and np.shape(values) != x.shape[:1]:
            raise ValueError(
                f"show_digits needs one of {name} for each of {len(x)} images, got "
                f"shape {np.shape(values)}"
            )
    columns = min(check_positive_int(columns, "columns"), len(x))
    rows = -(-len(x) // columns)
    titled = labels is not None or predictions is not None
    width = _WIDTH if columns > 4 else 1.4 * columns
    figure = _figure(rows * (width / columns + (0.3 if titled else 0)), width)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for i, ax in enumerate(axes):
        ax.grid(False)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        if i >= len(x):
            continue
        ax.imshow(x[i], cmap="gray", vmin=0)
        said = None if predictions is None else np.asarray(predictions)[i]
        is_ = None if labels is None else np.asarray(labels)[i]
        if said is not None and is_ is not None and said != is_:
            ax.set_title(f"{said}, not {is_}", color=COLORS[1], weight="bold", size=10)
            ax.spines[:].set(visible=True, color=COLORS[1], linewidth=2.5)
        elif titled:
            ax.set_title(f"{is_ if said is None else said}", size=12)
    return figure


def plot_confusion(
    matrix: Any, labels: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draws who was taken for whom, as a table of counts.

    What is right stands on the diagonal, on blue. Where mistakes pile up (at least half
    as many as in the worst place), they stand on vermillion. A zero is left out.

    Args:
        matrix: counts, shape (classes, classes): row, what it is; column, what it was
            taken for.
        labels: the names of the classes; without it, 0, 1, …
        ax: where to draw, or None for a new figure.

    Returns:
        The axes.

    Raises:
        ValueError: the matrix is not square or has a negative count, or the labels do
            not fit.

    Example:
        >>> ax = plot_confusion([[50, 2], [7, 41]], ["fail", "pass"])
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(
            "plot_confusion needs a square matrix of counts, got shape "
            f"{counts.shape}: rows are true classes, columns predicted ones"
        )
    if counts.dtype.kind not in "iu" or counts.min() < 0:
        raise ValueError(
            "plot_confusion needs whole counts of at least 0, got dtype "
            f"{counts.dtype} and a least value of {counts.min()}"
        )
    classes = len(counts)
    names = [str(c) for c in range(classes)] if labels is None else list(labels)
    if len(names) != classes:
        raise ValueError(
            f"plot_confusion needs one label for each of {classes} classes, got "
            f"{len(names)}"
        )
    if ax is None:
        ax = _figure(max(2.6, 0.48 * classes + 0.7)).gca()
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    worst = wrong.max()
    from matplotlib.patches import Rectangle

    for row, column in np.argwhere(counts > 0):
        count = counts[row, column]
        right = row == column
        filled = right or 2 * count >= worst
        if filled:
            color = COLORS[0] if right else _MISTAKE
            corner = (column - 0.46, row - 0.46)
            ax.add_patch(Rectangle(corner, 0.92, 0.92, color=color, linewidth=0))
        ax.text(
            column,
            row,
            f"{count}",
            ha="center",
            va="center",
            color="white" if filled else TEXT,
            size=12 if classes <= 6 else 10.5,
        )
    ax.set_xlim(-0.5, classes - 0.5)
    ax.set_ylim(classes - 0.5, -0.5)
    ax.set_xticks(range(classes), names)
    ax.set_yticks(range(classes), names)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="predicted", ylabel="true")
    return ax


def _pyplot() -> Any:
    """Loads pyplot, or says how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "d2lib.plotting draws with matplotlib, which is not installed: run "
            "`pip install matplotlib`, or install this package with its extra, "
            "d2lib-book[plot]"
        ) from error
    return plt


def _figure(height: float, width: float = _WIDTH) -> Figure:
    figure: Figure = _pyplot().figure(figsize=(width, height))
    return figure


def _as_numpy(x: Any) -> np.ndarray:
    """Takes what either twin returns: a NumPy array, a Tensor or an MXNet array."""
    if hasattr(x, "asnumpy"):
        x = x.asnumpy()
    elif isinstance(getattr(x, "data", None), np.ndarray):
        x = x.data
    return np.asarray(x)


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _grid(
    xlim: tuple[float, float], ylim: tuple[float, float], resolution: int
) -> tuple[np.ndarray, np.ndarray]:
    for name, (low, high) in (("xlim", xlim), ("ylim", ylim)):
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(
                f"{name} must go from a smaller to a larger finite number, got "
                f"({low}, {high})"
            )
    first, second = np.meshgrid(
        np.linspace(*xlim, resolution), np.linspace(*ylim, resolution)
    )
    return first, second


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
