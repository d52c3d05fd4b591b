"""A training in a file, from which it goes on bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from d2lib import checkpoint as checkpoints
from d2lib._checks import check_weights
from d2lib.schedules import described
from d2lib.shared.recipes import check_same, written
from d2lib.training.callbacks import Callback, Run
from d2lib.training.data import Feed
from d2lib.training.history import History

__all__ = ["resume_from", "settings_of", "write"]


def settings_of(
    run: Run,
    callbacks: list[Callback],
    *,
    feed: Feed,
    loss: Any,
    **others: Any,
) -> dict[str, Any]:
    """What a training must have in common with the one it resumes."""
    return {
        "twin": run.model.twin,
        "optimizer": type(run.optimizer).__name__,
        "schedule": described(getattr(run.optimizer, "schedule", None)),
        "lr": run.optimizer.lr,
        "groups": run.optimizer._described(),
        "callbacks": [type(callback).__name__ for callback in callbacks],
        "metrics": sorted(run.history.metrics),
        "loss": getattr(loss, "__name__", type(loss).__name__),
        "data": feed.fingerprint,
        **others,
    }


def write(
    path: str | Path,
    run: Run,
    callbacks: list[Callback],
    settings: dict[str, Any],
    total: float,
    examples: int,
) -> None:
    """Writes all that the next step depends on.

    Args:
        path: of the file.
        run: the training.
        callbacks: whose state is part of it.
        settings: those of `settings_of`.
        total: the sum of the losses of this epoch's examples so far.
        examples: how many these are.
    """
    arrays = {f"model/{name}": a for name, a in run.model.state().items()}
    arrays |= {f"optimizer/{name}": a for name, a in run.optimizer.state().items()}
    for i, callback in enumerate(callbacks):
        arrays |= {f"callback{i}/{name}": a for name, a in callback.state().items()}
    meta = {"epoch": run.epoch, "stop": run.stop, "history": run.history.to_dict()}
    meta |= {"step": run.step, "steps": run.steps, "total": total, "examples": examples}
    checkpoints.save(path, arrays, settings | meta | written(run.model))


def resume_from(
    path: str | Path, run: Run, callbacks: list[Callback], settings: dict[str, Any]
) -> tuple[float, int]:
    """Continues from a checkpoint; one that does not fit changes nothing.

    Returns:
        The sum of the losses of the unfinished epoch's examples, and their number.
    """
    arrays, meta = checkpoints.load(path)
    if not isinstance(meta, dict) or "epoch" not in meta:
        raise checkpoints.CheckpointError(
            f"{path} holds a model's weights, not a training to resume: load them with "
            "model.load(path)"
        )
    for name, value in settings.items():
        if name in meta and meta[name] != value:  # an older file knows fewer
            raise checkpoints.CheckpointError(
                f"{path} was written with {name} {_said(name, meta[name])}, and this "
                f"training has {_said(name, value)}: resume with the same, or load "
                "only the weights with model.load(path)"
            )
    before = run.model.state()
    weights = checkpoints.part(arrays, "model/")
    try:
        run.model.load_state(weights)
        check_weights(weights, before)
        check_same(meta, run.model)
        run.optimizer.load_state(checkpoints.part(arrays, "optimizer/"))
    except (TypeError, ValueError) as error:
        run.model.load_state(before)
        raise checkpoints.CheckpointError(
            f"{path} was written with another model or optimiser: {error}"
        ) from error
    run.epoch, run.stop = meta["epoch"], meta["stop"]
    run.step, run.steps = meta.get("step", 0), meta.get("steps", 0)
    run.history = History(**meta["history"])
    for i, callback in enumerate(callbacks):
        callback.on_start(run)
        callback.load_state(checkpoints.part(arrays, f"callback{i}/"))
    return meta.get("total", 0.0), meta.get("examples", 0)


def _said(name: str, value: Any) -> str:
    """A setting in words; data are told by their shapes and checksums."""
    if name == "data" and value is not None:
        arrays = [f"{tuple(shape)} with checksum {s:08x}" for shape, _, s in value]
        return "arrays " + ", ".join(arrays)
    return repr(value)
