"""Classes that count more than others in the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from d2lib._checks import check_non_negative, short
from d2lib._types import Array
from d2lib.training.data import Arrays, Feed

__all__ = ["Weighted"]


class Weighted:
    r"""A loss in which each example counts by the weight of its class.

    .. math:: J = \frac1n \sum_{i=1}^n \omega_{y^{(i)}}
              \mathcal L\big(\hat y^{(i)}, y^{(i)}\big)

    Args:
        weights: by label, or "balanced".
        loss: takes ``reduction="none"``.
        feed: what the frequencies of "balanced" are counted in.
        twin: the module that computes.
    """

    def __init__(
        self,
        weights: Mapping[int, float] | str,
        loss: Callable[..., Any],
        feed: Feed,
        twin: Any,
    ) -> None:
        if isinstance(weights, str) and weights == "balanced":
            weights = _balanced(feed)
        if not isinstance(weights, Mapping) or not weights:
            raise TypeError(
                "class_weight must be weights by label, such as {0: 1.0, 1: 5.0}, or "
                f'"balanced", got {short(weights)}'
            )
        self.loss, self.twin = loss, twin
        table: dict[int, float] = {}
        for label, weight in weights.items():
            whole = isinstance(label, int | np.integer) and not isinstance(label, bool)
            if not whole or label < 0:
                raise TypeError(
                    "class_weight must be weights by label, a whole number >= 0, got "
                    f"the label {label!r}"
                )
            table[int(label)] = check_non_negative(weight, f"class_weight[{label}]")
        self.described = sorted(table.items())
        self.table = np.ones(max(table) + 1, np.float32)
        self.table[list(table)] = list(table.values())

    def __call__(self, y_hat: Any, y: Array) -> Any:
        """The mean of the examples' losses, each times its weight."""
        labels = y.astype(np.int64)
        if (labels != y).any() or (labels < 0).any():
            raise ValueError(
                f"class_weight needs labels, whole numbers >= 0, got {short(y)}"
            )
        known = labels < len(self.table)
        weights = np.where(known, self.table[np.where(known, labels, 0)], 1)
        try:
            losses = self.loss(y_hat, y, reduction="none")
        except TypeError as error:
            if "reduction" not in str(error):
                raise
            raise TypeError(
                'class_weight needs a loss that takes reduction="none", as those of '
                f"d2lib do, got {short(self.loss)}: weigh the examples in it instead"
            ) from error
        if tuple(losses.shape) != labels.shape:
            raise ValueError(
                "class_weight needs one loss for each label, got losses "
                f"{tuple(losses.shape)} for labels {labels.shape}"
            )
        return (losses * self.twin.tensor(weights.astype(np.float32))).mean()


def _balanced(feed: Feed) -> dict[int, float]:
    """N / (k n_c) for each class c, as scikit-learn has it."""
    if not isinstance(feed, Arrays):
        raise ValueError(
            'class_weight="balanced" counts the labels, which takes arrays, got '
            "batches: pass the weights by label"
        )
    labels, counts = np.unique(feed.y, return_counts=True)
    if (labels != labels.astype(np.int64)).any():
        raise ValueError(
            'class_weight="balanced" needs whole numbers as labels, got '
            f"{short(feed.y)}"
        )
    weights = counts.sum() / (len(counts) * counts)
    return dict(zip(labels.astype(int).tolist(), weights.tolist(), strict=True))
