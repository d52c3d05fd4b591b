"""What happens to new operations: are they recorded, and is this training?

`d2lib.scratch.tensor` asks whether to write an operation down, `Dropout` whether to
drop. Each thread answers for itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["is_recording", "is_training", "no_grad", "record"]


class _Mode(threading.local):
    """What this thread does with new operations."""

    recording = True  # are operations written down?
    training = False  # is Dropout to drop?


_mode = _Mode()


@contextmanager
def record() -> Iterator[None]:
    """Records operations for `backward` and switches to training mode.

    Training mode is what makes `Dropout` drop. A `Tensor` that needs a gradient is
    recorded outside this block as well; MXNet records only inside it. A program that
    writes ``with record():`` around its forward pass therefore runs on both twins.

    Example:
        >>> from d2lib.scratch import tensor
        >>> x = tensor([3.0], requires_grad=True)
        >>> with record():
        ...     y = (x * x).sum()
        >>> y.backward()
        >>> x.grad
        array([6.], dtype=float32)
    """
    yield from _switch(recording=True, training=True)


@contextmanager
def no_grad() -> Iterator[None]:
    """Records nothing, for inference: no memory is spent on intermediate results.

    Example:
        >>> from d2lib.scratch import tensor
        >>> x = tensor([3.0], requires_grad=True)
        >>> with no_grad():
        ...     y = x * x
        >>> y.requires_grad
        False
    """
    yield from _switch(recording=False, training=False)


def _switch(recording: bool, training: bool) -> Iterator[None]:
    before = _mode.recording, _mode.training
    _mode.recording, _mode.training = recording, training
    try:
        yield
    finally:
        _mode.recording, _mode.training = before


def is_recording() -> bool:
    """Tells whether operations are written down: everywhere but inside `no_grad`."""
    return _mode.recording


def is_training() -> bool:
    """Tells whether this runs inside `record`."""
    return _mode.training
