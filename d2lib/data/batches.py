"""Mini-batches: the data in handfuls, in a new order each time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from d2lib._checks import as_array, as_generator, check_flag, check_positive_int
from d2lib._types import Array

__all__ = ["minibatches"]


def minibatches(
    x: Any,
    y: Any,
    batch_size: int = 100,
    shuffle: bool = True,
    drop_last: bool = False,
    seed: int | np.random.Generator | None = None,
) -> Iterator[tuple[Array, Array]]:
    r"""Goes through the data once, ``batch_size`` examples at a time.

    The gradient of one example is noisy, that of all of them is expensive. A batch
    :math:`B` estimates it at a price you choose:

    .. math:: \frac{\partial J}{\partial W} \approx
              \frac{1}{|B|} \sum_{i \in B} \frac{\partial J_i}{\partial W}

    Args:
        x: the inputs, shape (n, ...), any dtype.
        y: the targets, shape (n, ...), any dtype.
        batch_size: how many examples a batch has; the last one may have fewer.
        shuffle: draw the examples in a random order. Without it, the batches are
            slices of x and y, not copies: changing one changes the data.
        drop_last: leave out a last batch that is not full.
        seed: an int for the same order at every call, or a Generator, which draws a
            new order at every call (one permutation each), or None for any order.

    Returns:
        An iterator over pairs of arrays, (batch_size, ...) from x and the same rows
        from y. The arguments are checked at the call, before the first batch.

    Raises:
        ValueError: x and y of different length, no examples, batch_size below 1, or
            drop_last with fewer examples than one batch.
        TypeError: a batch_size that is not a whole number, x or y a single number, or
            another argument of a wrong type.

    Example:
        >>> x, y = np.arange(10.0).reshape(5, 2), np.arange(5)
        >>> [batch_y.tolist() for _, batch_y in minibatches(x, y, 2, shuffle=False)]
        [[0, 1], [2, 3], [4]]

    Source: Robbins and Monro, 1951, for the noisy gradient; Bottou, Curtis and Nocedal,
    "Optimization methods for large-scale machine learning", 2018, for the batch.
    """
    x, y = as_array(x, "x"), as_array(y, "y")
    check_flag(shuffle, "shuffle")
    check_flag(drop_last, "drop_last")
    rng = as_generator(seed)
    batch_size = check_positive_int(batch_size, "batch_size")
    if x.ndim == 0 or y.ndim == 0:
        raise TypeError(
            "minibatches needs x and y with examples along their first axis, got "
            f"shapes {x.shape} and {y.shape}: put a single example into a list"
        )
    if len(x) != len(y):
        raise ValueError(
            "minibatches needs as many targets as inputs, got x of shape "
            f"{x.shape} and y of shape {y.shape}: give each example one target"
        )
    if len(x) == 0:
        raise ValueError(
            f"minibatches needs at least one example, got x of shape {x.shape}: check "
            "what the data was filtered with"
        )
    if drop_last and len(x) < batch_size:
        raise ValueError(
            f"drop_last=True would drop all {len(x)} examples, fewer than batch_size="
            f"{batch_size}: lower batch_size or set drop_last=False"
        )
    order = rng.permutation(len(x)) if shuffle else None
    end = len(x) - len(x) % batch_size if drop_last else len(x)
    return _batches(x, y, batch_size, order, end)


def _batches(
    x: Array, y: Array, batch_size: int, order: Array | None, end: int
) -> Iterator[tuple[Array, Array]]:
    for start in range(0, end, batch_size):
        rows = slice(start, start + batch_size)
        if order is None:
            yield x[rows], y[rows]
        else:
            yield x[order[rows]], y[order[rows]]
