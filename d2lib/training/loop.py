"""The training loop, one for both twins.

`fit` repeats what the lecture's algorithm says: take a batch, compute the loss and its
gradient, step. Around these lines it keeps a history, stops when asked, by Ctrl-C too,
and leaves a checkpoint from which an interrupted training goes on bit for bit.
"""

from __future__ import annotations

import importlib
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from d2lib import checkpoint as checkpoints
from d2lib._checks import (
    check_choice,
    check_flag,
    check_path,
    check_positive,
    check_positive_int,
    check_seed,
    short,
    twin_of,
)
from d2lib.training.callbacks import Callback, Run, as_callbacks
from d2lib.training.checks import (
    check_device,
    check_loss,
    check_optimizer,
    check_probabilities,
)
from d2lib.training.data import Arrays, Batch, Feed, as_feed, inputs
from d2lib.training.files import resume_from, settings_of, write
from d2lib.training.history import History, NonFiniteLossError
from d2lib.training.measures import evaluate, named_functions
from d2lib.training.progress import Progress
from d2lib.training.signals import Interrupts
from d2lib.training.weights import Weighted

__all__ = ["fit"]


def fit(
    model: Any,
    data: Any,
    *,
    loss: Callable[..., Any],
    optimizer: Any,
    epochs: int = 1,
    batch_size: int = 128,
    validation: Any = None,
    metrics: Mapping[str, Callable[..., float]] | None = None,
    callbacks: Iterable[Callback] = (),
    class_weight: Mapping[int, float] | str | None = None,
    clip_norm: float | None = None,
    seed: int = 0,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_steps: int | None = None,
    checkpoint_seconds: float | None = None,
    resume: bool = False,
    kvstore: str | None = None,
    device: Any = None,
) -> History:
    r"""Trains a model of either twin by mini-batch gradient descent.

    .. math:: W \leftarrow W - \eta\, \frac{\partial}{\partial W}
              \frac1B \sum_{k=1}^{B} \mathcal L\big(f(x^{(k)}; W), y^{(k)}\big)

    (with the optimiser's own rule in place of the plain step).

    Args:
        model: a ``Module`` of `d2lib.scratch` or `d2lib.mx`.
        data: the training examples ``(x, y)``, NumPy arrays of equal length; x holds
            floats, or whole numbers for a model that takes tokens. For a model of
            several inputs x is a tuple of arrays. For data that do not fit in memory:
            an iterable of batches ``(x, y)``, gone through once an epoch, or a function
            without arguments that returns one (a generator's, for instance).
        loss: of the same twin; called as ``loss(model(x), y)``, returns a scalar.
        optimizer: of the same twin, made for ``model.parameters()``, or groups of them.
        epochs: passes over the data in all; a resumed training counts the earlier ones.
        batch_size: B, examples per step; batches that are given keep their size.
        validation: held-out ``(x, y)``, or batches as above.
        metrics: by name, functions of ``(y_hat, y)``, NumPy arrays, computed after each
            epoch on the validation data (without any: on the training data).
        callbacks: such as `EarlyStopping`.
        class_weight: what the loss of an example is multiplied with, by its label; 1
            for a label that is not named. "balanced" weighs each of k classes as if
            they were equally frequent, n / (k n_c), as scikit-learn does. The loss is
            then called with ``reduction="none"``.
        clip_norm: if given, gradients are shortened to this norm (`clip_gradients`).
        seed: of the order of the examples and of Dropout; epoch e draws from (seed, e).
        progress: whether to show how far it is: a bar in a terminal or a notebook,
            where tqdm is installed, and a line per epoch elsewhere. None shows it where
            somebody watches, unless D2LIB_PROGRESS=0.
        checkpoint: a file to write after each epoch.
        checkpoint_steps: write it after each so many steps, too.
        checkpoint_seconds: and when so much time has passed since the last.
        resume: whether to go on from that file if it exists. Model, optimiser and
            callbacks then continue as if they had never stopped, bit for bit, from the
            middle of an epoch too.
        kvstore: for a program that `d2lib.mx.launch` has started in several processes:
            "dist_sync", in which each of n workers takes every n-th example of the
            shuffled order and all take one step, with the mean gradient, so that n
            workers with B/n examples each end where one with B does; or "dist_async",
            in which nobody waits for anybody.
        device: where a model of `d2lib.mx` is trained: "cpu", "gpu", one of several,
            "gpu(1)", or a context of MXNet. Model and optimiser go there, and return in
            the end; None leaves them where `d2lib.mx.device` put them. A model of
            `d2lib.scratch` knows "cpu" alone.

    With ``kvstore`` what is given is the same on all workers (of batches that are given
    each takes every n-th; examples fewer than workers at an epoch's end are left out).
    Worker 0's first weights count, and only it writes files, which all must be able to
    read to resume; ``run.rank`` tells callbacks which one they are on. ``BatchNorm``
    normalizes by the worker's own examples, and its running statistics are averaged at
    each checkpoint and the end of an epoch. ``history.loss`` is that of all examples,
    with "dist_async" of the worker's own. From three workers on, the order in which
    gradients arrive moves their sum's last digit.

    Ctrl-C and SIGTERM end the training after the step that is being taken: with a
    checkpoint if there is a file for it, callbacks told (`EarlyStopping` restores the
    best weights), the signal's name in ``history.interrupted``, and one sentence. A
    second Ctrl-C interrupts at once. A checkpoint that can't be written in mid-training
    is a warning: the next one is tried.

    Returns:
        The `History`.

    Raises:
        ValueError: lengths or shapes that differ, no examples, NaN or infinity in the
            data, an optimiser of another model, a loss that is not one number, or one
            that takes logits for a model that returns probabilities.
        TypeError: an optimiser or a loss of the other twin, or what is none; metrics
            without names, or that return no number; a callback outside a list; data
            that is neither a pair of arrays nor batches; any other argument of a wrong
            type.
        OSError: the checkpoint's folder is missing or can't be written; a scheduler
            that can't be reached.
        RuntimeError: ``kvstore`` in a process that no launcher has started.
        NonFiniteLossError: the loss became NaN or infinite; the message names the step.
        CheckpointError: the file to resume from is damaged, or of a training with
            another model, data or settings.

    Warns:
        UserWarning: a checkpoint that is written over, or of a training that has
            finished.
        RuntimeWarning: a checkpoint that could not be written.

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
    check_choice(kvstore, (None, "dist_sync", "dist_async"), "kvstore")
    if kvstore is not None and model.twin != "d2lib.mx":
        raise ValueError(
            f"kvstore={kvstore!r} needs a model of d2lib.mx, got one of {model.twin}: "
            "the servers are MXNet's"
        )
    check_optimizer(optimizer, model)
    check_loss(loss, model.twin)
    metrics = named_functions(metrics)
    callbacks = as_callbacks(callbacks)
    epochs = check_positive_int(epochs, "epochs")
    batch_size = check_positive_int(batch_size, "batch_size")
    feed = as_feed(data, "data", batch_size)
    held_out = None if validation is None else as_feed(validation, "validation", 1024)
    _check_alike(feed, held_out)
    weighted = (
        None if class_weight is None else Weighted(class_weight, loss, feed, twin)
    )
    if clip_norm is not None:
        clip_norm = check_positive(clip_norm, "clip_norm")
    seed = check_seed(seed)
    if progress is not None:
        check_flag(progress, "progress")
    resume = check_flag(resume, "resume")
    if checkpoint is not None:
        checkpoint = check_path(checkpoint, "checkpoint")
    elif resume:
        raise ValueError("resume=True needs checkpoint=, the file to go on from")
    elif checkpoint_steps is not None or checkpoint_seconds is not None:
        raise ValueError(
            "checkpoint_steps and checkpoint_seconds need checkpoint=, the file to "
            "write"
        )
    if checkpoint_steps is not None:
        checkpoint_steps = check_positive_int(checkpoint_steps, "checkpoint_steps")
    if checkpoint_seconds is not None:
        checkpoint_seconds = check_positive(checkpoint_seconds, "checkpoint_seconds")
    with _placed(device, model, optimizer):
        run = Run(model, optimizer, History(metrics={name: [] for name in metrics}))
        interrupts = Interrupts()
        store: Any = Alone(interrupts)
        if kvstore is not None:
            servers = importlib.import_module("d2lib.mx._servers")
            store = servers.Servers(kvstore, model)
            feed.shard(store.rank, store.workers)
        run.rank = store.rank
        run.measured = ("loss", *(["val_loss"] if held_out else []), *metrics)
        settings = (
            settings_of(
                run,
                callbacks,
                feed=feed,
                loss=loss,
                seed=seed,
                validation=validation is not None,
                batch_size=batch_size,
                clip_norm=clip_norm,
                class_weight=None if weighted is None else weighted.described,
                workers=store.workers,
            )
            if checkpoint is not None
            else {}
        )
        # Of this epoch: the sum of the examples' losses, and their number.
        total, seen = 0.0, 0
        if checkpoint is not None and not run.rank:
            checkpoints.check_writable(checkpoint)  # now, not after an epoch of work
        if checkpoint is not None and resume and checkpoint.exists():
            total, seen = resume_from(checkpoint, run, callbacks, settings)
            _check_unfinished(checkpoint, run, epochs)
        else:
            if checkpoint is not None and checkpoint.exists() and not run.rank:
                warnings.warn(
                    f"{checkpoint} is there already and will be written over: pass "
                    "resume=True to go on from it, or another name",
                    stacklevel=2,
                )
            for callback in callbacks:
                callback.on_start(run)
        store.begin(
            {
                "number of examples": len(feed.y) if isinstance(feed, Arrays) else 0,
                "number of batches in an epoch": feed.steps or 0,
                "number of steps taken before": run.steps,
                "epochs": epochs,
                "batch_size": batch_size,
                "seed": seed,
            }
        )

        kept = time.monotonic()

        def keep() -> None:
            nonlocal kept
            kept = time.monotonic()
            if checkpoint is None or run.rank:
                return
            try:
                write(checkpoint, run, callbacks, settings, total, seen)
            except OSError as error:
                warnings.warn(
                    f"no checkpoint after step {run.steps}, training goes on: {error}",
                    RuntimeWarning,
                    stacklevel=3,
                )

        shown = Progress(False if run.rank else progress, epochs, feed.steps)
        shown.step(run.epoch, math.nan, run.steps)
        with interrupts, closing(shown):
            while run.epoch < epochs and not run.stop and not store.asked:
                epoch, done = run.epoch, run.step
                model.seed([seed, epoch, *([run.rank] if run.rank else [])])
                batches = feed.batches(np.random.default_rng([seed, epoch]))
                _pass_over(twin, model, batches, done)
                for xb, yb in batches:
                    optimizer.zero_grad()
                    with twin.record():
                        y_hat = model(*inputs(twin, xb))
                        if not run.steps:
                            check_probabilities(twin, loss, model, y_hat)
                        batch_loss = (weighted or loss)(y_hat, yb)
                    value, examples = store.meet(
                        _number(batch_loss, twin), len(yb), interrupts.came()
                    )
                    _check_finite(value, run)
                    batch_loss.backward()
                    store.add_gradients()
                    if clip_norm is not None:
                        twin.clip_gradients(model.parameters(), clip_norm)
                    optimizer.step()
                    store.stepped()
                    total += value * examples
                    seen += examples
                    run.step += 1
                    run.steps += 1
                    run.batch_loss = value
                    shown.step(epoch, value)
                    for callback in callbacks:
                        callback.on_batch(run)
                    if store.asked:
                        break
                    late = checkpoint_seconds is not None and store.any(
                        time.monotonic() - kept >= checkpoint_seconds
                    )
                    if late or (checkpoint_steps and not run.steps % checkpoint_steps):
                        store.average_buffers()  # what the file holds, all go on with
                        keep()
                if not store.asked:
                    store.meet(0.0, 0, interrupts.came(), ended=True)
                if store.asked:
                    break
                store.average_buffers()
                run.history.loss.append(total / seen)
                run.epoch, run.step, total, seen = epoch + 1, 0, 0.0, 0
                evaluate(run.history, twin, model, loss, held_out, metrics, feed)
                for callback in callbacks:
                    callback.on_epoch(run)
                run.stop = store.any(run.stop)
                shown.epoch(run.epoch, run.history, run.measured)
                keep()
            if store.asked:
                store.average_buffers()
                keep()
        store.leave()
        if store.asked:
            run.interrupted = run.history.interrupted = store.asked
            for callback in callbacks:
                callback.on_interrupt(run)
            if not run.rank:
                _tell(run, checkpoint)
        for callback in callbacks:
            callback.on_end(run)
        return run.history


def _placed(device: Any, model: Any, optimizer: Any) -> AbstractContextManager[None]:
    """Lets the training happen on the device that was asked for."""
    if device is None:
        return nullcontext()
    check_device(device, model.twin)
    if model.twin == "d2lib.scratch":
        return nullcontext()
    devices = importlib.import_module("d2lib.mx._devices")
    where = devices.as_device(device)
    place: AbstractContextManager[None] = devices.trained_on(where, model, optimizer)
    return place


class Alone:
    """One process that trains: what the servers do for several, it has done already."""

    rank, workers = 0, 1

    def __init__(self, interrupts: Interrupts) -> None:
        self.interrupts = interrupts

    @property
    def asked(self) -> str | None:
        """The signal that asks the training to end."""
        return self.interrupts.came()

    def meet(
        self, value: float, examples: int, asked: str | None, ended: bool = False
    ) -> tuple[float, int]:
        """The loss of a batch and its examples, over all workers."""
        return value, examples

    def any(self, flag: bool) -> bool:
        """Whether a flag is set in any worker."""
        return flag

    def _nothing(self, *_: Any) -> None:
        """Begins, adds gradients, averages: there is nobody else."""

    begin = add_gradients = stepped = average_buffers = leave = _nothing


def _number(batch_loss: Any, twin: Any) -> float:
    """The loss of a batch, if it is one number."""
    if not isinstance(batch_loss, twin.Tensor):
        raise TypeError(
            f"the loss must return a tensor of {twin.__name__}, got "
            f"{short(batch_loss)}: compute it with that twin's functions"
        )
    if math.prod(batch_loss.shape) != 1:
        raise ValueError(
            "the loss of a batch must be one number, got shape "
            f"{tuple(batch_loss.shape)}: let it return the mean"
        )
    return float(batch_loss)


def _check_finite(value: float, run: Run) -> None:
    """Raises unless the loss of a batch is finite."""
    if not math.isfinite(value):
        raise NonFiniteLossError(
            f"the loss became {value} at step {run.step + 1} of epoch "
            f"{run.epoch + 1}: lower the learning rate (now {run.optimizer.lr:g}), "
            "clip the gradients (clip_norm=1.0), or look for a log or a division by 0"
        )


def _check_alike(feed: Feed, held_out: Feed | None) -> None:
    """Raises now, not after an epoch of work, if examples to measure by are others."""
    if not (isinstance(feed, Arrays) and isinstance(held_out, Arrays)):
        return
    ours, theirs = ([a.ndim for a in (*f.x, f.y)] for f in (feed, held_out))
    if ours != theirs:
        x, other = (" and ".join(str(a.shape) for a in f.x) for f in (feed, held_out))
        raise ValueError(
            f"validation needs examples like those of data, got x {other} and y "
            f"{held_out.y.shape} for x {x} and y {feed.y.shape}: prepare both in the "
            "same way"
        )


def _check_unfinished(path: Path, run: Run, epochs: int) -> None:
    """Warns if there is nothing to resume."""
    if run.epoch >= epochs or run.stop:
        why = "was stopped" if run.stop else "has finished"
        warnings.warn(
            f"nothing to do: the training in {path} {why} after epoch {run.epoch}; ask "
            "for more epochs, or take another file for another training",
            stacklevel=3,
        )


def _pass_over(twin: Any, model: Any, batches: Iterator[Batch], done: int) -> None:
    """Skips the batches of an epoch that were learnt from before it was interrupted.

    A layer that draws random numbers draws them again, so that the next ones are those
    that would have come.
    """
    base = twin.Module._reseed
    draws = any(type(m)._reseed is not base for m in model.modules())
    before = model.state() if done and draws else {}
    for _ in range(done):
        xb, _ = next(batches, (None, None))
        if xb is None:
            raise ValueError(
                f"data must give the batches that it gave before, got fewer than {done}"
            )
        if draws:
            with twin.record():
                model(*inputs(twin, xb))
    if before:  # running statistics have moved
        model.load_state(before)


def _tell(run: Run, checkpoint: Path | None) -> None:
    """Says in one sentence what an interruption leaves."""
    then = "there is no checkpoint: pass checkpoint=path to go on another time"
    if checkpoint is not None:
        then = (
            f"fit(..., checkpoint={str(checkpoint)!r}, resume=True) goes on from there"
        )
    print(
        f"fit stopped by {run.interrupted} after step {run.step} of epoch "
        f"{run.epoch + 1}; {then}",
        file=sys.stderr,
    )
