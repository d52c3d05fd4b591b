"""What is done around the epochs of a training."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from d2lib import checkpoint as checkpoints
from d2lib._checks import (
    as_state,
    check_choice,
    check_count,
    check_flag,
    check_non_negative,
    check_path,
    check_positive,
    check_positive_int,
    short,
)
from d2lib._types import Array
from d2lib.training.history import History

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "Run",
    "as_callbacks",
]


@dataclass
class Run:
    """The state of a training, as callbacks see it."""

    model: Any
    optimizer: Any
    history: History
    #: epochs that are finished
    epoch: int = 0
    stop: bool = False
    #: the names of what is measured after each epoch, as the history knows them
    measured: tuple[str, ...] = ("loss",)
    #: steps in this epoch, and in all
    step: int = 0
    steps: int = 0
    #: the loss of the last batch
    batch_loss: float = math.nan
    #: the signal that ended the training, such as "SIGINT"
    interrupted: str | None = None
    #: which of several workers this is; only 0 should write files
    rank: int = 0


class Callback:
    """Something to do around steps and epochs; override what you need.

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

    def on_batch(self, run: Run) -> None:
        """Called after each step."""

    def on_epoch(self, run: Run) -> None:
        """Called after each epoch."""

    def on_interrupt(self, run: Run) -> None:
        """Called when Ctrl-C or SIGTERM ends the training; ``on_end`` follows."""

    def on_end(self, run: Run) -> None:
        """Called once, after the last epoch."""

    def state(self) -> dict[str, Array]:
        """The arrays to keep in a checkpoint."""
        return {}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Takes over what ``state`` returned."""


class Monitor(Callback):
    """What callbacks share that look at one of the things that are measured."""

    def __init__(self, monitor: Any, mode: Any) -> None:
        self.mode = mode_of(monitor, mode, type(self).__name__)
        self.monitor = monitor
        self._forget()

    def _forget(self) -> None:
        """Begins anew: any value is better than the first best one."""
        self.best = math.inf if self.mode == "min" else -math.inf

    def _check(self, run: Run) -> None:
        """Raises unless this training measures what is monitored."""
        if self.monitor not in run.measured:
            raise ValueError(
                f"{type(self).__name__} monitors {self.monitor!r}, and this training "
                f"measures {', '.join(run.measured)}: pass validation=(x, y) to fit "
                'for a val_loss, or another monitor, such as "loss"'
            )

    def _gain(self, value: float) -> float:
        """How much better a value is than the best one."""
        return self.best - value if self.mode == "min" else value - self.best


def mode_of(monitor: Any, mode: str | None, who: str) -> str:
    """Whether a lower value of the monitor is better, "min", or a higher, "max"."""
    check_choice(mode, (None, "min", "max"), "mode")
    if not isinstance(monitor, str):
        raise TypeError(
            f"monitor must be the name of what is measured, got {short(monitor)}: "
            'say "val_loss", "loss" or the name of a metric'
        )
    if mode is None and monitor.endswith(("loss", "error")):
        return "min"
    if mode is None and monitor.endswith("accuracy"):
        return "max"
    if mode is None:
        raise ValueError(
            f"{who} can't tell whether a higher value of the monitor {short(monitor)} "
            'is better: say mode="max" if it is, mode="min" if not'
        )
    return mode


class EarlyStopping(Monitor):
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
        super().__init__(monitor, mode)
        self.patience = check_positive_int(patience, "patience")
        self.min_delta = check_non_negative(min_delta, "min_delta")
        self.restore_best = check_flag(restore_best, "restore_best")

    def _forget(self) -> None:
        super()._forget()
        self.best_epoch = 0
        self.stopped_epoch: int | None = None
        self._weights: dict[str, Array] = {}

    def on_start(self, run: Run) -> None:
        """Forgets an earlier training, and looks whether there is what it monitors."""
        self._check(run)
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

    def state(self) -> dict[str, Array]:
        """The best epoch so far, with its weights."""
        numbers = [self.best, self.best_epoch, self.stopped_epoch or 0]
        weights = {f"weights/{name}": w for name, w in self._weights.items()}
        return {"numbers": np.array(numbers, np.float64), **weights}

    def load_state(self, state: Mapping[str, Array]) -> None:
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


class ReduceLROnPlateau(Monitor):
    r"""Lowers the learning rate when what is measured no longer gets better.

    .. math:: \eta \leftarrow \max(\text{factor} \cdot \eta,\ \text{min\_lr})

    Args:
        monitor: "val_loss", "loss", or the name of a metric of `fit`.
        factor: what the rate is multiplied with, in (0, 1).
        patience: how many epochs without improvement to wait for another one.
        min_delta: how much better counts as an improvement.
        cooldown: how many epochs after a change are not counted.
        min_lr: the lowest rate.
        mode: as for `EarlyStopping`.

    Attributes:
        best: the best value seen.

    Raises:
        ValueError: a number out of its range, a name that does not tell the mode, or
            (before the first step) nothing to monitor, or an optimiser whose rate
            follows a schedule.
        TypeError: a monitor that is no name, or what else is of another type.

    Example:
        >>> ReduceLROnPlateau(factor=0.5, patience=2).monitor
        'val_loss'

    Source: the practice that made AlexNet's rates: Krizhevsky, Sutskever & Hinton,
    2012; the name is that of Keras and PyTorch.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        mode: str | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.factor = check_positive(factor, "factor")
        if self.factor >= 1:
            raise ValueError(
                f"factor must be below 1, got {factor}: a rate that is to fall is "
                "multiplied with, say, 0.1"
            )
        self.patience = check_positive_int(patience, "patience")
        self.min_delta = check_non_negative(min_delta, "min_delta")
        self.cooldown = check_count(cooldown, "cooldown")
        self.min_lr = check_non_negative(min_lr, "min_lr")

    def _forget(self) -> None:
        super()._forget()
        self._waited, self._cooling = 0, 0

    def on_start(self, run: Run) -> None:
        """Forgets an earlier training, and looks whether there is what it needs."""
        self._check(run)
        if any(pace.schedule is not None for pace in run.optimizer._paces()):
            raise ValueError(
                "ReduceLROnPlateau needs an optimiser with a number as its learning "
                "rate, got one that follows a schedule: use the one or the other"
            )
        self._forget()

    def on_epoch(self, run: Run) -> None:
        """Compares this epoch with the best one."""
        value = run.history[self.monitor][-1]
        self._cooling = max(self._cooling - 1, 0)
        if self._gain(value) > self.min_delta:
            self.best, self._waited = value, 0
            return
        self._waited = 0 if self._cooling else self._waited + 1
        if self._waited < self.patience:
            return
        for pace in run.optimizer._paces():  # groups of parameters have their own
            lower = max(pace.lr * self.factor, self.min_lr)
            if 0 < lower < pace.lr:
                pace.lr = lower
                self._waited, self._cooling = 0, self.cooldown

    def state(self) -> dict[str, Array]:
        """The best value, and for how long it has been the best."""
        return {"numbers": np.array([self.best, self._waited, self._cooling], float)}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Takes over what ``state`` returned.

        Raises:
            TypeError: no mapping.
            ValueError: not what ``state`` returned.
        """
        numbers = _kept(state, "numbers", self)
        if numbers.shape != (3,):
            raise _none_of(self, f"numbers of shape {numbers.shape}")
        best, waited, cooling = numbers.tolist()
        self.best, self._waited, self._cooling = best, int(waited), int(cooling)


class ModelCheckpoint(Monitor):
    """Saves the model's weights after an epoch, in files of their own.

    (``fit(..., checkpoint=path)`` is another thing: one file, from which a training
    that was interrupted goes on.)

    Args:
        path: of the files; ``{epoch}``, ``{loss}``, ``{val_loss}`` and the names of
            metrics are filled in, with a format if you like: ``{val_loss:.3f}``.
        monitor: what tells the best epoch: "val_loss", "loss", or a metric.
        save_best_only: whether to save only an epoch that is better than all before.
        keep: how many of the files to keep, the last ones; None: all.
        mode: as for `EarlyStopping`.

    Attributes:
        best: the best value seen.
        files: what was written and is still there, the oldest first.

    Raises:
        ValueError: keep < 1, a path with other names in braces, a name that does not
            tell the mode, or (before the first step) nothing to monitor.
        TypeError: a path or a monitor that is none, or what else is of another type.

    Example:
        >>> keeper = ModelCheckpoint("net-{epoch:03d}.npz", monitor="loss", keep=2)
        >>> keeper.files
        []
    """

    def __init__(
        self,
        path: str | Path,
        monitor: str = "val_loss",
        save_best_only: bool = False,
        keep: int | None = None,
        mode: str | None = None,
    ) -> None:
        self.path = str(check_path(path, "path"))
        super().__init__(monitor, mode)
        self.save_best_only = check_flag(save_best_only, "save_best_only")
        self.keep = None if keep is None else check_positive_int(keep, "keep")

    def _forget(self) -> None:
        super()._forget()
        self.files: list[str] = []

    def _named(self, epoch: int, values: Mapping[str, float]) -> str:
        try:
            return self.path.format(epoch=epoch, **values)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"path may have in braces epoch, {', '.join(values)}, with a format, "
                f"got {self.path!r}: {error}"
            ) from error

    def on_start(self, run: Run) -> None:
        """Forgets an earlier training, and looks whether there is what it needs."""
        if self.save_best_only:
            self._check(run)
        path = self._named(1, dict.fromkeys(run.measured, 0.5))
        checkpoints.check_writable(path)  # now, not after an epoch of work
        self._forget()

    def on_epoch(self, run: Run) -> None:
        """Saves the weights, and deletes the oldest file if there are too many."""
        values = {name: run.history[name][-1] for name in run.measured}
        if self.save_best_only:
            value = values[self.monitor]
            if not self._gain(value) > 0:  # NaN is no gain
                return
            self.best = value
        path = self._named(run.epoch, values)
        if not run.rank:
            run.model.save(path)
        self.files = [f for f in self.files if f != path] + [path]
        while self.keep is not None and len(self.files) > self.keep:
            old = Path(self.files.pop(0))
            if not run.rank:
                old.unlink(missing_ok=True)

    def state(self) -> dict[str, Array]:
        """The best value, and the names of the files."""
        names = json.dumps(self.files).encode()
        return {"best": np.array(self.best), "files": np.frombuffer(names, np.uint8)}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Takes over what ``state`` returned.

        Raises:
            TypeError: no mapping.
            ValueError: not what ``state`` returned.
        """
        best = _kept(state, "best", self)
        names = _kept(state, "files", self).astype(np.uint8).tobytes()
        try:
            files = json.loads(names)
        except ValueError as error:
            raise _none_of(self, f"files that are no names, {names[:20]!r}") from error
        if best.shape or not isinstance(files, list):
            raise _none_of(self, f"best of shape {best.shape} and files {short(files)}")
        self.best, self.files = best.item(), files


class CSVLogger(Callback):
    """Writes a table with a row for each epoch, for a spreadsheet or a plot.

    Its columns: epoch, loss, val_loss and the metrics, if there are any, the learning
    rate of the epoch's last step, and the seconds that it took. The file is whole at
    any moment; a resumed training goes on with the rows that it had.

    Args:
        path: of the file; an older one is written over.

    Raises:
        TypeError, ValueError: what is no path.
        OSError: (before the first step) the folder is missing or can't be written.

    Example:
        >>> logger = CSVLogger("training.csv")
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(check_path(path, "path"))
        self._forget()

    def _forget(self) -> None:
        self._lr: list[float] = []
        self._seconds: list[float] = []
        self._since = time.monotonic()

    def on_start(self, run: Run) -> None:
        """Begins a table."""
        checkpoints.check_writable(self.path)
        self._forget()

    def on_epoch(self, run: Run) -> None:
        """Adds a row."""
        now = time.monotonic()
        self._lr.append(run.optimizer.lr)
        self._seconds.append(now - self._since)
        self._since = now
        if run.rank:
            return
        columns = {name: run.history[name] for name in run.measured}
        columns |= {"lr": self._lr, "seconds": [round(s, 3) for s in self._seconds]}
        text = io.StringIO(newline="")
        table = csv.writer(text)
        table.writerow(["epoch", *columns])
        rows = zip(run.history.epochs, *columns.values(), strict=True)
        table.writerows(rows)
        with checkpoints.whole(self.path) as file:
            file.write(text.getvalue().encode())

    def state(self) -> dict[str, Array]:
        """What the history does not know."""
        return {"lr": np.array(self._lr), "seconds": np.array(self._seconds)}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Takes over what ``state`` returned.

        Raises:
            TypeError: no mapping.
            ValueError: not what ``state`` returned.
        """
        lr, seconds = _kept(state, "lr", self), _kept(state, "seconds", self)
        if lr.ndim != 1 or lr.shape != seconds.shape:
            raise _none_of(self, f"lr {lr.shape} and seconds {seconds.shape}")
        self._lr, self._seconds = lr.tolist(), seconds.tolist()


def _kept(state: Any, name: str, callback: Callback) -> Array:
    """An array of a callback's state, by its name."""
    array = as_state(state).get(name, np.empty(0, object))
    if array.dtype.kind not in "fiu":
        raise _none_of(callback, f"no {name}")
    return array


def _none_of(callback: Callback, got: str) -> ValueError:
    who = type(callback).__name__
    return ValueError(f"the state must be what a {who} returned, got {got}")


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
