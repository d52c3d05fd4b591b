"""Recording is MXNet's own ``autograd``; `d2lib.scratch.recording` does it by hand."""

from __future__ import annotations

from typing import Any

from d2lib.mx._compat import autograd
from d2lib.mx._process import computing

__all__ = ["no_grad", "record"]


def record() -> Any:
    """Records operations for ``backward`` and switches to training mode.

    It is ``mxnet.autograd.record()``. Outside it nothing is recorded and Dropout is the
    identity, and ``backward`` of a loss that was computed there is an error. A loss's
    ``backward`` retains what was recorded, so that losses may share a part of it.

    Example:
        >>> from d2lib.mx import tensor
        >>> x = tensor([3.0], requires_grad=True)
        >>> with record():
        ...     y = (x * x).sum()
        >>> y.backward()
        >>> x.grad
        array([6.])
    """
    computing()
    return autograd.record()


def no_grad() -> Any:
    """Records nothing, for inference: ``mxnet.autograd.pause(train_mode=False)``.

    Example:
        >>> from d2lib.mx import Dropout, tensor
        >>> with record(), no_grad():
        ...     y = Dropout(0.5)(tensor([1.0, 2.0]))
        >>> y
        array([1., 2.])
    """
    return autograd.pause(train_mode=False)
