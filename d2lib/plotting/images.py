"""Images, with what they are and what they were taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from d2lib._checks import check_positive_int
from d2lib.plotting._canvas import WIDTH, as_numpy, new_figure
from d2lib.plotting.style import COLORS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["show_digits"]


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
    x = as_numpy(images)
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
    width = WIDTH if columns > 4 else 1.4 * columns
    figure = new_figure(rows * (width / columns + (0.3 if titled else 0)), width)
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
