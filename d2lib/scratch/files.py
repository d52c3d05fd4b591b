"""Models from files: built as they were, and given their weights."""

from __future__ import annotations

from pathlib import Path

from d2lib.checkpoint import load_model_of
from d2lib.scratch.module import Module

__all__ = ["load_model"]


def load_model(path: str | Path) -> Module:
    """Builds the model that a file holds: nobody has to remember its arguments.

    ``model.save`` writes the class and its arguments beside the weights. Only the
    library's own classes are built, and no code of the file is run. A model of a class
    of your own is built by you, and then reads the file: ``model.load(path)``.

    The model computes in the precision of its weights, float32 or float64. Nothing in
    it is frozen, and what it draws (Dropout) has no seed. An agent comes back with all
    that it remembers, and learns on as it would have, bit for bit in the same twin.

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
        >>> from d2lib.scratch import MLP
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     MLP([2, 8, 3], "tanh", seed=0).save(folder + "/net.npz")
        ...     model = load_model(folder + "/net.npz")
        >>> model.layers[0].activation, model.num_parameters()
        ('tanh', 51)
    """
    model: Module = load_model_of("d2lib.scratch", path)
    return model
