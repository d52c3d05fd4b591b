"""What a model predicts, and how good that is."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from d2lib._checks import (
    as_array,
    check_batch,
    check_finite_number,
    check_positive_int,
    check_range,
    short,
    twin_of,
)
from d2lib._types import Array
from d2lib.training.data import Feed, Inputs, inputs, several
from d2lib.training.history import History

__all__ = ["accuracy", "evaluate", "named_functions", "predict"]


def predict(model: Any, x: Any, batch_size: int = 1024) -> Array:
    """Returns what a model of either twin makes of x, without recording or dropping.

    Args:
        model: a ``Module`` of either twin.
        x: examples along the first axis: floats, or whole numbers for a model that
            takes tokens; or a tuple of such arrays, for a model of several inputs.
        batch_size: how many at a time.

    Returns:
        A NumPy array, one row per example.

    Raises:
        TypeError: no model of a twin, one that returns several tensors, x that holds
            no numbers, or a batch_size that is not whole.
        ValueError: no examples, inputs of different lengths, or x that does not fit
            the model.

    Example:
        >>> from d2lib import scratch
        >>> predict(scratch.Dense(2, 3, seed=0), np.zeros((5, 2), np.float32)).shape
        (5, 3)
    """
    twin = importlib.import_module(twin_of(model))
    batch_size = check_positive_int(batch_size, "batch_size")
    x = several(x, "x")
    for part in x:
        check_batch(part.shape, "predict", "x")
        if len(part) != len(x[0]):
            raise ValueError(
                "predict needs inputs of one length, got "
                f"{' and '.join(str(p.shape) for p in x)}"
            )
    outputs = []
    for start in range(0, len(x[0]), batch_size):
        part = tuple([p[start : start + batch_size] for p in x])
        outputs.append(_outputs(twin, model, part))
    return np.concatenate(outputs)


def _outputs(twin: Any, model: Any, x: Inputs) -> Array:
    """What a model makes of a batch."""
    with twin.no_grad():
        output = model(*inputs(twin, x))
    if not isinstance(output, twin.Tensor):
        raise TypeError(
            "predict needs a model that returns one tensor, got "
            f"{type(output).__name__}: wrap it in a Module whose forward returns the "
            "part that you want"
        )
    array: Array = twin.to_numpy(output)
    return array


def accuracy(y_hat: Any, y: Any, threshold: float | None = None) -> float:
    """Returns the share of right answers.

    Args:
        y_hat: scores, shape ``(n, classes)``, of which the largest is the answer; or
            ``(n,)`` scores of "yes", which is the answer above the threshold. Tensors
            of either twin are taken too.
        y: labels, shape ``(n,)``.
        threshold: None takes 0 for logits, and 0.5 for probabilities: scores of which
            none is below 0 or above 1.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: shapes that do not go together, one-hot labels, labels out of range,
            scores that are NaN, or no examples.
        TypeError: what holds no numbers, or a threshold that is none.

    Example:
        >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
        0.5
        >>> accuracy(np.array([0.9, 0.2]), np.array([1, 0]))
        1.0
    """
    y_hat, y = as_array(y_hat, "y_hat"), as_array(y, "y")
    for name, array in (("y_hat", y_hat), ("y", y)):
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"accuracy needs numbers, got {name} of dtype {array.dtype}: number "
                "the classes with names, y = numpy.unique(y, return_inverse=True)"
            )
    if threshold is not None:
        threshold = check_finite_number(threshold, "threshold")
    check_batch(y.shape, "accuracy", "y")
    check_batch(y_hat.shape, "accuracy", "y_hat")
    if np.isnan(y_hat).any():
        raise ValueError(
            "accuracy needs numbers as scores y_hat, got NaN: did training fail?"
        )
    scores = y_hat.ndim > y.ndim
    if threshold is None:
        threshold = 0.5 if y_hat.size and ((y_hat >= 0) & (y_hat <= 1)).all() else 0.0
    answers = y_hat.argmax(axis=-1) if scores else y_hat > threshold
    if y_hat.shape == y.shape and y.ndim > 1 and y.shape[-1] > 1:
        raise ValueError(
            f"accuracy needs labels (n,), got rows {y.shape}: one-hot rows become "
            "labels with y.argmax(axis=-1)"
        )
    if answers.shape != y.shape or (scores and y_hat.shape[-1] == 1):
        raise ValueError(
            "accuracy needs scores (n, classes) or logits (n,) and labels (n,), got "
            f"y_hat {y_hat.shape} and y {y.shape}: a single column of logits needs "
            "labels of its own shape, y.reshape(-1, 1)"
        )
    if scores:
        check_range(y, y_hat.shape)
    return float((answers == y).mean())


def named_functions(metrics: Any) -> Mapping[str, Callable[..., float]]:
    """Returns metrics by name; None is none."""
    if metrics is None:
        return {}
    if not (
        isinstance(metrics, Mapping)
        and all(map(callable, metrics.values()))
        and all(isinstance(name, str) for name in metrics)
    ):
        raise TypeError(
            f"metrics must be functions by name, got {short(metrics)}: pass "
            '{"accuracy": dl.accuracy}'
        )
    return metrics


def evaluate(
    history: History,
    twin: Any,
    model: Any,
    loss: Callable[..., Any],
    held_out: Feed | None,
    metrics: Mapping[str, Callable[..., float]],
    training: Feed,
) -> None:
    """Adds the validation loss and the metrics of the epoch to the history."""
    if held_out is None and not metrics:
        return
    outputs, targets = [], []
    for x, part in (held_out or training).parts(1024):
        outputs.append(_outputs(twin, model, x))
        targets.append(part)
    y_hat, y = np.concatenate(outputs), np.concatenate(targets)
    if held_out is not None:
        with twin.no_grad():
            history.val_loss.append(float(loss(twin.tensor(y_hat), y)))
    for name, metric in metrics.items():
        value: Any = metric(y_hat, y)
        if hasattr(value, "asnumpy"):  # of a loss that is measured
            value = value.asnumpy()
        if np.ndim(value) or not isinstance(value, (Real, np.ndarray)):
            raise TypeError(
                f"metrics must return a number, and {name!r} returned {short(value)}: "
                "take its mean"
            )
        history.metrics[name].append(float(value))
