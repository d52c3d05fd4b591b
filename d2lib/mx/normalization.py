"""Batch normalisation by Gluon's layer; `d2lib.scratch.normalization` derives it."""

from __future__ import annotations

from typing import Any

from d2lib._checks import (
    check_channels,
    check_measured,
    check_numbers,
    check_pointwise,
    check_positive,
    check_positive_int,
    check_probability,
)
from d2lib.mx._compat import autograd, gluon
from d2lib.mx.layers import activated, prepare
from d2lib.mx.module import Layer

__all__ = ["BatchNorm"]


class BatchNorm(Layer, gluon.nn.BatchNorm):
    """``gluon.nn.BatchNorm``: mean 0 and variance 1, then a learnt range.

    Its running mean and variance are what the NumPy twin's are, but MXNet brings them
    up to date when the gradient comes back, not on the way there.

    Args:
        channels: the length of the second axis.
        activation: what follows: None, "sigmoid", "tanh" or "relu".
        momentum: how much of the running statistics a batch leaves, in [0, 1).
        eps: keeps a constant channel from a division by zero.

    Raises:
        ValueError: channels < 1, eps not > 0, a momentum outside [0, 1), or (when
            called) an x whose second axis is not ``channels``, or an empty batch while
            training.
        TypeError: an argument of a wrong type.

    Example:
        >>> from d2lib.mx import record
        >>> norm = BatchNorm(2)
        >>> with record():
        ...     y = norm([[1.0, 10.0], [3.0, 30.0]])
        >>> y.backward()
        >>> y.round(2)
        array([[-1., -1.],
               [ 1.,  1.]])
        >>> norm.state()["running_mean"].round(2)
        array([0.2, 2. ], dtype=float32)
    """

    def __init__(
        self,
        channels: int,
        activation: str | None = None,
        momentum: float = 0.9,
        eps: float = 1e-5,
    ) -> None:
        self.channels = check_positive_int(channels, "channels")
        check_numbers(channels=self.channels)
        self.activation = check_pointwise(activation)
        self.momentum = check_probability(momentum, "momentum")
        self.eps = check_positive(eps, "eps")
        gluon.nn.BatchNorm.__init__(
            self, momentum=self.momentum, epsilon=self.eps, in_channels=self.channels
        )
        prepare(self)

    def hybrid_forward(self, F: Any, x: Any, **parameters: Any) -> Any:
        """Normalises x, shape (batch, channels) or (batch, channels, ...)."""
        self._kwargs["use_global_stats"] = not self.training
        y = gluon.nn.BatchNorm.hybrid_forward(self, F, x, **parameters)
        return activated(F, y, self.activation)

    def _take_nothing(self) -> None:
        """Refuses to measure nothing."""
        if self.training and autograd.is_training():
            check_measured((0,), "BatchNorm")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Checks the second axis."""
        check_channels(shape, self.channels, "BatchNorm")
        return shape
