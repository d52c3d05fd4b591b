"""Whole numbers that stand for a class or a token."""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks.arrays import as_array
from d2lib._types import Array


def check_labels(y: Any, y_hat_shape: tuple[int, ...]) -> Array:
    """Returns ``y`` as integer labels fit for predictions of ``y_hat_shape``."""
    labels = as_array(y, "y")
    classes = y_hat_shape[-1] if y_hat_shape else 0
    if len(y_hat_shape) < 1 or labels.shape != tuple(y_hat_shape[:-1]):
        mend = (
            "labels are class numbers, and one-hot rows become that with y.argmax(-1)"
        )
        if labels.shape == (*y_hat_shape[:-1], 1):  # of one column argmax makes zeros
            mend = "a column of labels becomes a row of them with y.reshape(-1)"
        raise ValueError(
            "cross_entropy needs y_hat of shape (..., classes) and y of shape (...), "
            f"got y_hat {tuple(y_hat_shape)} and y {labels.shape}: {mend}"
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"labels must be integers in [0, {classes}), got dtype {labels.dtype}: "
            "convert them with y.astype('int64')"
        )
    check_range(labels, tuple(y_hat_shape))
    return labels


def check_range(labels: Array, y_hat_shape: tuple[int, ...]) -> None:
    """Raises ValueError unless each label is that of a column of the predictions."""
    classes = y_hat_shape[-1]
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        bad = labels[(labels < 0) | (labels >= classes)]
        raise ValueError(
            f"labels must lie in [0, {classes}) for y_hat of shape {y_hat_shape}, got "
            f"{bad.flat[0]} ({bad.size} of {labels.size} labels are out of range)"
        )


def check_indices(indices: Any, tokens: int, what: str) -> Array:
    """Returns ``indices`` as an integer array; each must lie in [0, tokens)."""
    array = as_array(indices, f"{what}'s indices")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(
            f"{what} expects whole numbers in [0, {tokens}) as indices, got dtype "
            f"{array.dtype}: a Vocabulary turns tokens into them with encode()"
        )
    if array.size and (array.min() < 0 or array.max() >= tokens):
        bad = array[(array < 0) | (array >= tokens)]
        raise ValueError(
            f"{what} expects indices in [0, {tokens}), got {int(bad.flat[0])} "
            f"({bad.size} of {array.size} are out of range): build it with as many "
            "tokens as the vocabulary has"
        )
    return array.astype(np.int64, copy=False)
