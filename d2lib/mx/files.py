"""Models from files: built as they were, and given their weights."""

from __future__ import annotations

from pathlib import Path

from d2lib.checkpoint import load_model_of
from d2lib.mx.module import Module

__all__ = ["load_model"]


def load_model(path: str | Path) -> Module:
    """Builds the model that a file holds; see `d2lib.scratch.load_model`.

    Args:
        path: a file that a model of either twin wrote.

    Returns:
        A model of this twin.

    Raises:
        TypeError, ValueError: a path that is none.
        FileNotFoundError: no such file.
        CheckpointError: not a checkpoint, a damaged one, or that of a model that the
            library can't build: one of your own class, one that was changed after it
            was built, or an agent with a schedule that is a function of your own.

    Example:
        >>> import tempfile
        >>> from d2lib.mx import MLP
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     MLP([2, 8, 3], "tanh", seed=0).save(folder + "/net.npz")
        ...     model = load_model(folder + "/net.npz")
        >>> model.layers[0].activation, model.num_parameters()
        ('tanh', 51)
    """
    model: Module = load_model_of("d2lib.mx", path)
    return model
