"""The training loop, one for both twins.

`fit` repeats what the lecture's algorithm says: take a batch, compute the loss and its
gradient, step. Around these lines it keeps a history, stops when asked, and leaves a
checkpoint from which an interrupted training goes on bit for bit.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from d2lib import checkpoint as checkpoints
from d2lib._checks import (
    as_array,
    as_state,
    check_batch,
    check_choice,
    check_finite,
    check_finite_number,
    check_flag,
    check_non_negative,
    check_path,
    check_positive,
    check_positive_int,
    check_range,
    check_seed,
    how_to_convert,
    kind,
    short,
    twin_of,
)
from d2lib.data import minibatches
from d2lib.schedules import described

__all__ = [
    "Callback",
    "EarlyStopping",
    "History",
    "NonFiniteLossError",
    "accuracy",
    "fit",
    "predict",
]


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite: training stopped at the step it names.

    Example:
        >>> from d2lib import scratch as dl
        >>> def broken(y_hat, y):
        ...     return dl.mse(y_hat, y) * float("nan")
        >>> model = dl.Dense(1, 1, seed=0)
        >>> sgd = dl.SGD(model.parameters())
        >>> try:
        ...     dl.fit(model, ([[1.0]], [[2.0]]), loss=broken, optimizer=sgd)
        ... except dl.NonFiniteLossError as error:
        ...     print(error)
        the loss became nan at step 1 of epoch 1...
    """


@dataclass
class History:
    """What happened in each epoch.

    Attributes:
        loss: the mean training loss of each epoch.
        val_loss: the validation loss after each epoch, if there is validation data.
        metrics: by name, the metrics after each epoch.

    Raises:
        TypeError: losses that are no lists, or metrics that are no dict.

    Example:
        >>> history = History(loss=[0.9, 0.4], metrics={"accuracy": [0.6, 0.8]})
        >>> history["accuracy"]
        [0.6, 0.8]
    """

    loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("loss", "val_loss"):
            if not isinstance(getattr(self, name), list):
                raise TypeError(
                    f"{name} must be a list with a number for each epoch, got "
                    f"{short(getattr(self, name))}"
                )
        if not isinstance(self.metrics, dict):
            raise TypeError(
                f"metrics must be a dict of lists by name, got {short(self.metrics)}"
            )

    @property
    def epochs(self) -> list[int]:
        """The numbers of the epochs, from 1."""
        return list(range(1, len(self.loss) + 1))

    def __getitem__(self, name: str) -> list[float]:
        if name in ("loss", "val_loss"):
            return getattr(self, name)
        if not isinstance(name, str) or name not in self.metrics:
            known = ["loss", "val_loss", *self.metrics]
            raise KeyError(f"the history has {', '.join(known)}, not {name!r}")
        return self.metrics[name]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain lists, fit for JSON."""
        return {
            "loss": list(self.loss),
            "val_loss": list(self.val_loss),
            "metrics": {name: list(values) for name, values in self.metrics.items()},
        }

    def plot(self, ax: Any = None) -> Any:
        """Draws the losses against the epochs and returns the matplotlib axes."""
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots()
        ax.plot(self.epochs, self.loss, marker="o", label="training")
        if self.val_loss:
            ax.plot(self.epochs, self.val_loss, marker="s", ls="--", label="validation")
        ax.set(xlabel="epoch", ylabel="loss")
        ax.legend()
        return ax


@dataclass
class Run:
    """The state of a training, as callbacks see it."""

    model: Any
    optimizer: Any
    history: History
    epoch: int = 0
    stop: bool = False
    #: the names of what is measured after each epoch, as the history knows them
    measured: tuple[str, ...] = ("loss",)


class Callback:
    """Something to do around the epochs; override what you need.

    Set ``run.stop = True`` to end the training after the current epoch. What must
    survive an interruption goes through ``state`` and ``load_state``.

    Example:
        >>> class Enough(Callback):
        ...     def on_epoch(self, run):
        ...         run.stop = run.history.loss[-1] < 0.1
        >>> run = Run(model=None, optimizer=None, history=History(loss=[0.05]))
        >>> Enough().on_epoch(run)  # as `fit` does after each epoch
        >>> run.stop
        True
    """

    def on_start(self, run: Run) -> None:
        """Called once, before the first epoch; ``load_state`` follows on resuming."""

    def on_epoch(self, run: Run) -> None:
        """Called after each epoch."""

    def on_end(self, run: Run) -> None:
        """Called once, after the last epoch."""

    def state(self) -> dict[str, np.ndarray]:
        """The arrays to keep in a checkpoint."""
        return {}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Takes over what ``state`` returned."""


class EarlyStopping(Callback):
    """Stops when the validation loss no longer falls, and restores the best weights.

    While a network still learns what is common to all data, its loss falls on held-out
    data too. When it starts to learn the training set by heart, that loss rises again.

    Args:
        patience: how many epochs without improvement to wait for another one.
        min_delta: how much lower counts as an improvement.
        monitor: "val_loss", "loss", or the name of a metric of `fit`.
        restore_best: whether to put back the weights of the best epoch at the end.
        mode: "min" where lower is better, "max" where higher is; None takes "min" for a
            name that ends in loss or error, and "max" for one that ends in accuracy.

    Attributes:
        best: the best value seen.
        best_epoch: its epoch, from 1.
        stopped_epoch: the epoch after which training was stopped, or None.

    Raises:
        ValueError: patience < 1, a negative min_delta, a name that does not tell the
            mode, or (before the first step) nothing to monitor.
        TypeError: a monitor that is no name, or what else is of another type.

    Example:
        >>> EarlyStopping(patience=2).best_epoch
        0

    Source: Prechelt, *Early Stopping, But When?*, 1998.
    """

    def __init__(
        self,
        patience: int = 3,
        min_delta: float = 0.0,
        monitor: str = "val_loss",
        restore_best: bool = True,
        mode: str | None = None,
    ) -> None:
        check_choice(mode, (None, "min", "max"), "mode")
        if not isinstance(monitor, str):
            raise TypeError(
                f"monitor must be the name of what is measured, got {short(monitor)}: "
                'say "val_loss", "loss" or the name of a metric'
            )
        if mode is None and monitor.endswith(("loss", "error")):
            mode = "min"
        if mode is None and monitor.endswith("accuracy"):
            mode = "max"
        if mode is None:
            raise ValueError(
                "EarlyStopping can't tell whether a higher value of the monitor "
                f'{short(monitor)} is better: say mode="max" if it is, mode="min" if '
                "not"
            )
        self.mode = mode
        self.patience = check_positive_int(patience, "patience")
        self.min_delta = check_non_negative(min_delta, "min_delta")
        self.monitor = monitor
        self.restore_best = check_flag(restore_best, "restore_best")
        self._forget()

    def _forget(self) -> None:
        self.best = math.inf if self.mode == "min" else -math.inf
        self.best_epoch = 0
        self.stopped_epoch: int | None = None
        self._weights: dict[str, np.ndarray] = {}

    def on_start(self, run: Run) -> None:
        """Forgets an earlier training, and looks whether there is what it monitors."""
        if self.monitor not in run.measured:
            raise ValueError(
                f"EarlyStopping monitors {self.monitor!r}, and this training measures "
                f"{', '.join(run.measured)}: pass validation=(x, y) to fit for a "
                'val_loss, or another monitor, such as "loss"'
            )
        self._forget()

    def on_epoch(self, run: Run) -> None:
        """Compares this epoch with the best one."""
        value = run.history[self.monitor][-1]
        gain = self.best - value if self.mode == "min" else value - self.best
        if gain > self.min_delta:
            self.best, self.best_epoch = value, run.epoch
            if self.restore_best:
                self._weights = run.model.state()
        elif run.epoch - self.best_epoch >= self.patience:
            self.stopped_epoch = run.epoch
            run.stop = True

    def on_end(self, run: Run) -> None:
        """Puts the best weights back."""
        if self._weights:
            run.model.load_state(self._weights)

    def state(self) -> dict[str, np.ndarray]:
        """The best epoch so far, with its weights."""
        numbers = [self.best, self.best_epoch, self.stopped_epoch or 0]
        weights = {f"weights/{name}": w for name, w in self._weights.items()}
        return {"numbers": np.array(numbers, np.float64), **weights}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Takes over what ``state`` returned.

        Raises:
            TypeError: no mapping.
            ValueError: not what ``state`` returned.
        """
        state = as_state(state)
        numbers = state.get("numbers", np.zeros(0))
        if numbers.shape != (3,) or numbers.dtype.kind not in "fiu":
            raise ValueError(
                "the state is none of an EarlyStopping: its numbers must be best, "
                f"best_epoch and stopped_epoch, got {short(numbers)}"
            )
        best, best_epoch, stopped = numbers.tolist()
        self.best, self.best_epoch = best, int(best_epoch)
        self.stopped_epoch = int(stopped) or None
        self._weights = checkpoints.part(state, "weights/")


def fit(
    model: Any,
    data: tuple[Any, Any],
    *,
    loss: Callable[..., Any],
    optimizer: Any,
    epochs: int = 1,
    batch_size: int = 128,
    validation: tuple[Any, Any] | None = None,
    metrics: Mapping[str, Callable[..., float]] | None = None,
    callbacks: Iterable[Callback] = (),
    clip_norm: float | None = None,
    seed: int = 0,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
) -> History:
    r"""Trains a model of either twin by mini-batch gradient descent.

    .. math:: W \leftarrow W - \eta\, \frac{\partial}{\partial W}
              \frac1B \sum_{k=1}^{B} \mathcal L\big(f(x^{(k)}; W), y^{(k)}\big)

    (with the optimiser's own rule in place of the plain step).

    Args:
        model: a ``Module`` of `d2lib.scratch` or `d2lib.mx`.
        data: the training examples ``(x, y)``, NumPy arrays of equal length; x holds
            floats, or whole numbers for a model that takes tokens.
        loss: of the same twin; called as ``loss(model(x), y)``, returns a scalar.
        optimizer: of the same twin, made for ``model.parameters()``.
        epochs: passes over the data in all; a resumed training counts the earlier ones.
        batch_size: B, examples per step.
        validation: held-out ``(x, y)``.
        metrics: by name, functions of ``(y_hat, y)``, NumPy arrays, computed after each
            epoch on the validation data (without any: on the training data).
        callbacks: such as `EarlyStopping`.
        clip_norm: if given, gradients are shortened to this norm (`clip_gradients`).
        seed: of the order of the examples and of Dropout; epoch e draws from (seed, e).
        progress: whether to show a bar; None shows one where somebody watches (a
            terminal or a notebook, unless D2LIB_PROGRESS=0).
        checkpoint: a file to write after each epoch.
        resume: whether to go on from that file if it exists. Model, optimiser and
            callbacks then continue as if they had never stopped, bit for bit.

    Returns:
        The `History`.

    Raises:
        ValueError: lengths or shapes that differ, no examples, NaN or infinity in the
            data, an optimiser of another model, a loss that is not one number, or one
            that takes logits for a model that returns probabilities.
        TypeError: an optimiser or a loss of the other twin, or what is none; metrics
            without names, or that return no number; a callback outside a list; data
            that is no pair of arrays; any other argument of a wrong type.
        OSError: the checkpoint's folder is missing or can't be written.
        NonFiniteLossError: the loss became NaN or infinite; the message names the step.
        CheckpointError: the file to resume from is damaged or another model's.

    Example:
        >>> from d2lib import scratch
        >>> from d2lib.data import spirals
        >>> x, y = spirals(200, classes=2, seed=0)
        >>> model = scratch.MLP([2, 16, 2], seed=0)
        >>> adam = scratch.Adam(model.parameters(), lr=0.01)
        >>> history = fit(model, (x, y), loss=scratch.cross_entropy, optimizer=adam,
        ...               epochs=5)
        >>> history.loss[-1] < history.loss[0]
        True
    """
    twin = importlib.import_module(twin_of(model))
    _check_optimizer(optimizer, model)
    _check_loss(loss, model.twin)
    metrics = _functions(metrics)
    callbacks = _callbacks(callbacks)
    x, y = _examples(data, "data")
    held_out = None if validation is None else _examples(validation, "validation")
    if held_out is not None and (held_out[0].ndim, held_out[1].ndim) != (
        x.ndim,
        y.ndim,
    ):  # now, not after an epoch of work
        raise ValueError(
            "validation needs examples like those of data, got x "
            f"{held_out[0].shape} and y {held_out[1].shape} for x {x.shape} and y "
            f"{y.shape}: prepare both in the same way"
        )
    epochs = check_positive_int(epochs, "epochs")
    batch_size = check_positive_int(batch_size, "batch_size")
    if clip_norm is not None:
        clip_norm = check_positive(clip_norm, "clip_norm")
    seed = check_seed(seed)
    if progress is not None:
        check_flag(progress, "progress")
    if checkpoint is not None:
        checkpoint = check_path(checkpoint, "checkpoint")
    run = Run(model, optimizer, History(metrics={name: [] for name in metrics}))
    run.measured = ("loss", *(["val_loss"] if held_out else []), *metrics)
    if check_flag(resume, "resume") and checkpoint is None:
        raise ValueError("resume=True needs checkpoint=, the file to go on from")
    settings = _settings(run, callbacks, seed, validation is not None)
    if checkpoint is not None:
        checkpoints.check_writable(checkpoint)  # now, not after an epoch of work
    if resume and checkpoint is not None and Path(checkpoint).exists():
        _resume(checkpoint, run, callbacks, settings)
    else:
        for callback in callbacks:
            callback.on_start(run)
    bar = _Bar(progress, epochs, len(x), batch_size)
    while run.epoch < epochs and not run.stop:
        epoch = run.epoch
        model.seed([seed, epoch])
        total = 0.0
        for step, (xb, yb) in enumerate(
            minibatches(x, y, batch_size, seed=np.random.default_rng([seed, epoch]))
        ):
            optimizer.zero_grad()
            with twin.record():
                y_hat = model(_inputs(twin, xb))
                if run.epoch == step == 0:
                    _check_probabilities(twin, loss, model, y_hat)
                batch_loss = loss(y_hat, yb)
            if not isinstance(batch_loss, twin.Tensor):
                raise TypeError(
                    f"the loss must return a tensor of {model.twin}, got "
                    f"{short(batch_loss)}: compute it with that twin's functions"
                )
            if math.prod(batch_loss.shape) != 1:
                raise ValueError(
                    "the loss of a batch must be one number, got shape "
                    f"{tuple(batch_loss.shape)}: let it return the mean"
                )
            value = float(batch_loss)
            if not math.isfinite(value):
                bar.close()
                raise NonFiniteLossError(
                    f"the loss became {value} at step {step + 1} of epoch {epoch + 1}: "
                    f"lower the learning rate (now {optimizer.lr:g}), clip the "
                    "gradients (clip_norm=1.0), or look for a log or a division by 0"
                )
            batch_loss.backward()
            if clip_norm is not None:
                twin.clip_gradients(model.parameters(), clip_norm)
            optimizer.step()
            total += value * len(xb)
            bar.step(epoch, value)
        run.epoch += 1
        run.history.loss.append(total / len(x))
        _evaluate(run.history, twin, model, loss, held_out, metrics, (x, y))
        for callback in callbacks:
            callback.on_epoch(run)
        if checkpoint is not None:
            _write(checkpoint, run, callbacks, settings)
    bar.close()
    for callback in callbacks:
        callback.on_end(run)
    return run.history


def predict(model: Any, x: Any, batch_size: int = 1024) -> np.ndarray:
    """Returns what a model of either twin makes of x, without recording or dropping.

    Args:
        model: a ``Module`` of either twin.
        x: examples along the first axis: floats, or whole numbers for a model that
            takes tokens.
        batch_size: how many at a time.

    Returns:
        A NumPy array, one row per example.

    Raises:
        TypeError: no model of a twin, one that returns several tensors, x that holds
            no numbers, or a batch_size that is not whole.
        ValueError: no examples, or x that does not fit the model.

    Example:
        >>> from d2lib import scratch
        >>> predict(scratch.Dense(2, 3, seed=0), np.zeros((5, 2), np.float32)).shape
        (5, 3)
    """
    twin = importlib.import_module(twin_of(model))
    batch_size = check_positive_int(batch_size, "batch_size")
    x = _numbers(x, "x")
    check_batch(x.shape, "predict", "x")
    outputs = []
    with twin.no_grad():
        for start in range(0, len(x), batch_size):
            output = model(_inputs(twin, x[start : start + batch_size]))
            if not isinstance(output, twin.Tensor):
                raise TypeError(
                    "predict needs a model that returns one tensor, got "
                    f"{type(output).__name__}: wrap it in a Module whose forward "
                    "returns the part that you want"
                )
            outputs.append(twin.to_numpy(output))
    return np.concatenate(outputs)


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


def _check_optimizer(optimizer: Any, model: Any) -> None:
    """Raises unless it is an optimiser of the model's twin, made for its parameters."""
    if isinstance(optimizer, type) or not (
        hasattr(optimizer, "step")
        and isinstance(getattr(optimizer, "parameters", None), list)
    ):
        raise TypeError(
            "optimizer must be an optimiser made for the model, got "
            f"{short(optimizer)}: pass dl.Adam(model.parameters())"
        )
    # A subclass of one's own counts as one of the twin that it extends.
    if not any(c.__module__.startswith(model.twin) for c in type(optimizer).__mro__):
        raise TypeError(
            f"model and optimiser must be of one twin, got a model of {model.twin} and "
            f"an optimiser of {type(optimizer).__module__}"
        )
    own = {id(parameter) for parameter in model.parameters()}
    if not any(id(parameter) in own for parameter in optimizer.parameters):
        raise ValueError(
            "the optimiser must be made for this model, got one that moves none of its "
            f"parameters: pass {type(optimizer).__name__}(model.parameters())"
        )


def _check_loss(loss: Any, twin: str) -> None:
    """Raises unless it is a function, and none of the other twin's."""
    if not callable(loss) or isinstance(loss, type) or hasattr(loss, "twin"):
        raise TypeError(
            f"loss must be a function, got {short(loss)}: pass the function itself, "
            "such as dl.mse or dl.cross_entropy"
        )
    module = getattr(loss, "__module__", None) or ""
    other = {"d2lib.scratch": "d2lib.mx", "d2lib.mx": "d2lib.scratch"}[twin]
    if module.startswith(other):
        raise TypeError(
            f"model and loss must be of one twin, got a model of {twin} and the loss "
            f"{module}.{getattr(loss, '__name__', '')}"
        )


def _inputs(twin: Any, x: np.ndarray) -> Any:
    """Floats become a tensor; tokens go to the model as they are."""
    return x if x.dtype.kind in "iu" else twin.tensor(x)


def _examples(data: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(data, str) or not (isinstance(data, Sequence) and len(data) == 2):
        raise TypeError(
            f"{name} must be a pair (x, y), got {kind(data)}: take the columns of a "
            "table, and make arrays of what a generator yields"
        )
    x, y = _numbers(data[0], f"{name}'s x"), as_array(data[1], f"{name}'s y")
    if y.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}'s y must hold numbers, got dtype {y.dtype}: number the classes "
            "with names, y = numpy.unique(y, return_inverse=True)"
        )
    if x.ndim < 1 or y.ndim < 1 or len(x) != len(y):
        raise ValueError(
            f"{name} needs as many targets as examples, got x {x.shape} and y {y.shape}"
        )
    check_batch(x.shape, name, "x")
    check_finite(x, f"{name}'s x")
    check_finite(y, f"{name}'s y")
    return x, y


def _numbers(x: Any, name: str) -> np.ndarray:
    """Returns examples, also those of a tensor of either twin, as an array."""
    x = as_array(x, name)
    if x.dtype.kind not in "fiu" or x.ndim < 1:
        raise TypeError(
            f"{name} must hold numbers, got dtype {x.dtype} and shape {x.shape}: put "
            f"the examples along its first axis, and {how_to_convert(x, name)}"
        )
    return x


def _functions(metrics: Any) -> Mapping[str, Callable[..., float]]:
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


def _callbacks(callbacks: Any) -> list[Callback]:
    """Returns callbacks as a list."""
    try:
        each = iter(callbacks)
    except TypeError as error:
        raise TypeError(
            f"callbacks must be a list, got {short(callbacks)}: pass [callback]"
        ) from error
    found = []
    for callback in each:
        if not isinstance(callback, Callback):
            raise TypeError(
                "a callback must be a d2lib.training.Callback, got callbacks with "
                f"{short(callback)}: make an object of a class that extends it"
            )
        found.append(callback)
    return found


def _check_probabilities(twin: Any, loss: Any, model: Any, y_hat: Any) -> None:
    """Raises if a loss that takes logits would get what is a probability already."""
    if loss is twin.binary_cross_entropy_with_logits:
        last = model
        while getattr(last, "layers", None) and isinstance(last.layers, (list, tuple)):
            last = last.layers[-1]
        if getattr(last, "activation", None) == "sigmoid":
            raise ValueError(
                "the loss binary_cross_entropy_with_logits takes logits, and this "
                "model ends with a sigmoid: build it with activation=None there, or "
                "pass loss=dl.binary_cross_entropy"
            )
    if loss is twin.cross_entropy and isinstance(y_hat, twin.Tensor) and y_hat.ndim:
        p = twin.to_numpy(y_hat)
        total = p.sum(axis=-1)
        if p.shape[-1] > 1 and (p >= 0).all() and (abs(total - 1) < 1e-3).all():
            raise ValueError(
                "the loss cross_entropy takes logits, and this model returns "
                "probabilities, which sum to 1: leave out its softmax, which is part "
                "of the loss"
            )


def _evaluate(
    history: History,
    twin: Any,
    model: Any,
    loss: Callable[..., Any],
    held_out: tuple[np.ndarray, np.ndarray] | None,
    metrics: Mapping[str, Callable[..., float]],
    training: tuple[np.ndarray, np.ndarray],
) -> None:
    """Adds the validation loss and the metrics of the epoch to the history."""
    if held_out is None and not metrics:
        return
    x, y = held_out or training
    y_hat = predict(model, x)
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


def _settings(
    run: Run, callbacks: list[Callback], seed: int, validation: bool
) -> dict[str, Any]:
    """What a training must have in common with the one it resumes."""
    return {
        "twin": run.model.twin,
        "seed": seed,
        "optimizer": type(run.optimizer).__name__,
        "schedule": described(getattr(run.optimizer, "schedule", None)),
        "callbacks": [type(callback).__name__ for callback in callbacks],
        "metrics": sorted(run.history.metrics),
        "validation": validation,
    }


def _write(
    path: str | Path, run: Run, callbacks: list[Callback], settings: dict[str, Any]
) -> None:
    arrays = {f"model/{name}": a for name, a in run.model.state().items()}
    arrays |= {f"optimizer/{name}": a for name, a in run.optimizer.state().items()}
    for i, callback in enumerate(callbacks):
        arrays |= {f"callback{i}/{name}": a for name, a in callback.state().items()}
    meta = {"epoch": run.epoch, "stop": run.stop, "history": run.history.to_dict()}
    checkpoints.save(path, arrays, settings | meta)


def _resume(
    path: str | Path, run: Run, callbacks: list[Callback], settings: dict[str, Any]
) -> None:
    """Continues from a checkpoint; one that does not fit changes nothing."""
    arrays, meta = checkpoints.load(path)
    if not isinstance(meta, dict) or "epoch" not in meta:
        raise checkpoints.CheckpointError(
            f"{path} holds a model's weights, not a training to resume: load them with "
            "model.load(path)"
        )
    for name, value in settings.items():
        if meta.get(name) != value:
            raise checkpoints.CheckpointError(
                f"{path} was written with {name} {meta.get(name)!r}, and this training "
                f"has {value!r}: resume with the same, or load only the weights with "
                "model.load(path)"
            )
    before = run.model.state()
    try:
        run.model.load_state(checkpoints.part(arrays, "model/"))
        run.optimizer.load_state(checkpoints.part(arrays, "optimizer/"))
    except (TypeError, ValueError) as error:
        run.model.load_state(before)
        raise checkpoints.CheckpointError(
            f"{path} was written with another model or optimiser: {error}"
        ) from error
    run.epoch, run.stop = meta["epoch"], meta["stop"]
    run.history = History(**meta["history"])
    for i, callback in enumerate(callbacks):
        callback.on_start(run)
        callback.load_state(checkpoints.part(arrays, f"callback{i}/"))


class _Bar:
    """A tqdm bar where somebody watches; nothing elsewhere, or without tqdm."""

    def __init__(
        self, progress: bool | None, epochs: int, examples: int, batch_size: int
    ) -> None:
        self.bar = None
        if progress is None:
            progress = os.environ.get("D2LIB_PROGRESS", "1") != "0" and (
                sys.stderr.isatty() or "ipykernel" in sys.modules
            )
        if progress:
            try:
                from tqdm import tqdm
            except ImportError:
                return
            self.bar = tqdm(total=epochs * -(-examples // batch_size), leave=False)

    def step(self, epoch: int, loss: float) -> None:
        if self.bar is not None:
            self.bar.set_postfix(epoch=epoch + 1, loss=f"{loss:.4f}", refresh=False)
            self.bar.update()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
