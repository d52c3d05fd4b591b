"""A training in a file, from which it goes on bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from d2lib import checkpoint as checkpoints
from d2lib.schedules import described
from d2lib.training.callbacks import Callback, Run
from d2lib.training.history import History

__all__ = ["resume_from", "settings_of", "write"]


def settings_of(
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


def write(
    path: str | Path, run: Run, callbacks: list[Callback], settings: dict[str, Any]
) -> None:
    """Writes all that the next epoch depends on."""
    arrays = {f"model/{name}": a for name, a in run.model.state().items()}
    arrays |= {f"optimizer/{name}": a for name, a in run.optimizer.state().items()}
    for i, callback in enumerate(callbacks):
        arrays |= {f"callback{i}/{name}": a for name, a in callback.state().items()}
    meta = {"epoch": run.epoch, "stop": run.stop, "history": run.history.to_dict()}
    checkpoints.save(path, arrays, settings | meta)


def resume_from(
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
