"""Batch normalisation: every layer sees numbers of the size it is used to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from d2lib._checks import (
    check_channels,
    check_measured,
    check_numbers,
    check_pointwise,
    check_positive,
    check_positive_int,
    check_probability,
)
from d2lib._types import Array
from d2lib.scratch.activations import activation_named
from d2lib.scratch.module import Buffer, Module
from d2lib.scratch.recording import is_recording
from d2lib.scratch.tensor import Tensor, as_tensor, node, tensor

__all__ = ["BatchNorm"]


class BatchNorm(Module):
    r"""Gives each channel mean 0 and variance 1 over the batch, then a learnt range.

    .. math:: \hat x = \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}}, \qquad
              y = \gamma_c \hat x + \beta_c, \qquad
              \frac{\partial J}{\partial x}
              = \frac{\gamma_c}{\sqrt{\sigma_c^2 + \epsilon}}
                \Big(g - \overline{g} - \hat x\, \overline{g \hat x}\Big)

    A bar is a mean over all numbers of the channel in the batch, as :math:`\mu_c` and
    :math:`\sigma_c^2` are; g is the gradient of y. While training (inside `record`)
    each batch is measured, and remembered in a running mean and variance: ``running =
    momentum * running + (1 - momentum) * batch``. Elsewhere, and after ``eval()``, what
    was remembered is used, so that an example's output does not depend on its
    neighbours.

    Args:
        channels: the length of the second axis.
        activation: g, what follows: None, "sigmoid", "tanh" or "relu".
        momentum: how much of the running statistics a batch leaves, in [0, 1). (PyTorch
            calls 1 minus this number its momentum.)
        eps: :math:`\epsilon`, which keeps a constant channel from a division by zero.

    Attributes:
        gamma: the scale, shape ``(channels,)``, 1 at first.
        beta: the shift, shape ``(channels,)``, 0 at first.
        running_mean: a `Buffer`, shape ``(channels,)``, 0 at first.
        running_var: a `Buffer`, shape ``(channels,)``, 1 at first: of variances that
            are divided by n, not by n - 1.

    Raises:
        ValueError: channels < 1, eps not > 0, a momentum outside [0, 1), or (when
            called) an x whose second axis is not ``channels``, or an empty batch while
            training.
        TypeError: an argument of a wrong type.

    Example:
        >>> from d2lib.scratch import record
        >>> norm = BatchNorm(2)
        >>> with record():
        ...     y = norm([[1.0, 10.0], [3.0, 30.0]])
        >>> y.data.round(2)
        array([[-1., -1.],
               [ 1.,  1.]], dtype=float32)
        >>> norm.running_mean.value.data.round(2)
        array([0.2, 2. ], dtype=float32)

    Source: Ioffe & Szegedy, 2015.
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
        # ReLU is done along with the rest, in the same memory.
        self.rectify = activation == "relu"
        self.g = activation_named(None if self.rectify else activation)
        self.momentum = check_probability(momentum, "momentum")
        self.eps = check_positive(eps, "eps")
        self.gamma = tensor(np.ones(self.channels, np.float32), requires_grad=True)
        self.beta = tensor(np.zeros(self.channels, np.float32), requires_grad=True)
        self.running_mean = Buffer(np.zeros(self.channels, np.float32))
        self.running_var = Buffer(np.ones(self.channels, np.float32))

    def forward(self, x: Any) -> Tensor:
        """Normalises x, shape (batch, channels) or (batch, channels, ...)."""
        x = as_tensor(x, self.gamma.dtype)
        check_channels(x.shape, self.channels, "BatchNorm")
        given = x, self.gamma, self.beta, self.eps, self.rectify
        if not (self.training and is_recording()):
            known = self.running_mean.value.data, self.running_var.value.data
            return self.g(batch_norm(*given, known)[0])
        check_measured(x.shape, "BatchNorm")
        y, mean, var = batch_norm(*given)
        for running, batch in ((self.running_mean, mean), (self.running_var, var)):
            old = running.value.data
            running.value = old + (1 - self.momentum) * (batch - old)
        return self.g(y)


def batch_norm(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    eps: float,
    rectify: bool = False,
    statistics: tuple[Array, Array] | None = None,
) -> tuple[Tensor, Array, Array]:
    """Normalises with the batch's own statistics, or with those that are given.

    Args:
        x: shape (batch, channels, ...).
        gamma: the scale, shape (channels,).
        beta: the shift, shape (channels,).
        eps: added to the variance.
        rectify: whether a ReLU follows.
        statistics: mean and variance of each channel; None measures the batch.

    Returns:
        y, of x's shape, and the mean and the variance that were used.
    """
    last = np.moveaxis(x.data, 1, -1)  # (batch, ..., channels)
    channels = len(gamma)
    n = last.size // channels
    # Some pixels side by side: NumPy takes long rows much faster than short ones.
    side = math.gcd(n, 16)
    rows = last.reshape(n // side, side * channels)
    ones = np.ones_like(rows, shape=len(rows))  # a product with them sums the rows
    share = x.dtype.type(1 / max(n, 1))

    def each(v: Array) -> Array:
        """A number for each channel, for all that stand side by side."""
        return np.tile(v, side)

    def total(v: Array) -> Array:
        """The sums of columns, summed for each channel."""
        sums: Array = v.reshape(side, channels).sum(axis=0)
        return sums

    mean = total(ones @ rows) * share if statistics is None else statistics[0]
    centred = rows - each(mean)
    if statistics is None:
        var = total(np.einsum("nc,nc->c", centred, centred)) * share
    else:
        var = statistics[1]
    scale = 1 / np.sqrt(var.astype(x.dtype) + x.dtype.type(eps))  # (channels,)
    y = centred * each(gamma.data * scale)
    y += each(beta.data)
    if rectify:
        np.maximum(y, 0, out=y)

    def backward(g: Array) -> tuple[Any, ...]:
        g = np.moveaxis(g, 1, -1).reshape(rows.shape)
        if rectify:
            g = g * (y > 0)
        dbeta = total(ones @ g)
        dgamma = total(np.einsum("nc,nc->c", g, centred)) * scale
        if statistics is not None:
            dx: Any = g * each(gamma.data * scale)
        else:  # x also moved the mean and the variance that it was measured by
            dx = centred * each(-share * scale * dgamma)
            dx -= each(share * dbeta)
            dx += g
            dx *= each(gamma.data * scale)
        return np.moveaxis(dx.reshape(last.shape), -1, 1), dgamma, dbeta

    value = np.moveaxis(y.reshape(last.shape), -1, 1)
    return node("batch norm", value, (x, gamma, beta), backward), mean, var
