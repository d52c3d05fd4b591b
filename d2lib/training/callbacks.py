"""What is done around the epochs of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from d2lib import checkpoint as checkpoints
from d2lib._checks import (
    as_state,
    check_choice,
    check_flag,
    check_non_negative,
    check_positive_int,
    short,
)
from d2lib.training.history import History

__all__ = ["Callback", "EarlyStopping", "Run", "as_callbacks"]


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


def as_callbacks(callbacks: Any) -> list[Callback]:
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
