"""What happens to new operations: are they recorded, and is this training?

`d2lib.scratch.tensor` asks whether to write an operation down, `Dropout` whether to
drop. It is one answer, as in MXNet: inside `record` yes, outside it no. Each thread
answers for itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["is_recording", "no_grad", "record"]


class _Mode(threading.local):
    """What this thread does with new operations."""

    recording = False


_mode = _Mode()


@contextmanager
def record() -> Iterator[None]:
    """Records operations for `backward` and switches to training mode.

    Training mode is what makes `Dropout` drop. Outside this block nothing is recorded,
    in either twin: `backward` of a loss that was computed there is an error.

    Example:
        >>> from d2lib.scratch import tensor
        >>> x = tensor([3.0], requires_grad=True)
        >>> with record():
        ...     y = (x * x).sum()
        >>> y.backward()
        >>> x.grad
        array([6.], dtype=float32)
    """
    yield from _switch(True)


@contextmanager
def no_grad() -> Iterator[None]:
    """Records nothing, for inference inside of a `record` block.

    Example:
        >>> from d2lib.scratch import tensor
        >>> x = tensor([3.0], requires_grad=True)
        >>> with record(), no_grad():
        ...     y = x * x
        >>> y.requires_grad
        False
    """
    yield from _switch(False)


def _switch(recording: bool) -> Iterator[None]:
    before = _mode.recording
    _mode.recording = recording
    try:
        yield
    finally:
        _mode.recording = before


def is_recording() -> bool:
    """Tells whether operations are written down, and Dropout drops."""
    return _mode.recording
