"""The training loop, one for both twins.

`fit` repeats what the lecture's algorithm says: take a batch, compute the loss and its
gradient, step. Around these lines it keeps a history, stops when asked, and leaves a
checkpoint from which an interrupted training goes on bit for bit.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from d2lib import checkpoint as checkpoints
from d2lib._checks import (
    check_flag,
    check_path,
    check_positive,
    check_positive_int,
    check_seed,
    short,
    twin_of,
)
from d2lib.data import minibatches
from d2lib.training.callbacks import Callback, Run, as_callbacks
from d2lib.training.checks import check_loss, check_optimizer, check_probabilities
from d2lib.training.data import examples, inputs
from d2lib.training.files import resume_from, settings_of, write
from d2lib.training.history import History, NonFiniteLossError
from d2lib.training.measures import evaluate, named_functions
from d2lib.training.progress import Bar

__all__ = ["fit"]


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
    check_optimizer(optimizer, model)
    check_loss(loss, model.twin)
    metrics = named_functions(metrics)
    callbacks = as_callbacks(callbacks)
    x, y = examples(data, "data")
    held_out = None if validation is None else examples(validation, "validation")
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
    settings = settings_of(run, callbacks, seed, validation is not None)
    if checkpoint is not None:
        checkpoints.check_writable(checkpoint)  # now, not after an epoch of work
    if resume and checkpoint is not None and Path(checkpoint).exists():
        resume_from(checkpoint, run, callbacks, settings)
    else:
        for callback in callbacks:
            callback.on_start(run)
    bar = Bar(progress, epochs, len(x), batch_size)
    while run.epoch < epochs and not run.stop:
        epoch = run.epoch
        model.seed([seed, epoch])
        total = 0.0
        for step, (xb, yb) in enumerate(
            minibatches(x, y, batch_size, seed=np.random.default_rng([seed, epoch]))
        ):
            optimizer.zero_grad()
            with twin.record():
                y_hat = model(inputs(twin, xb))
                if run.epoch == step == 0:
                    check_probabilities(twin, loss, model, y_hat)
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
        evaluate(run.history, twin, model, loss, held_out, metrics, (x, y))
        for callback in callbacks:
            callback.on_epoch(run)
        if checkpoint is not None:
            write(checkpoint, run, callbacks, settings)
    bar.close()
    for callback in callbacks:
        callback.on_end(run)
    return run.history
