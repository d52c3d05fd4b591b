"""What all recurrent layers do around their steps, for the whole sequence at once."""

from __future__ import annotations

import numpy as np

from d2lib._types import Array
from d2lib.scratch.tensor import Tensor

__all__ = ["by_time", "gradients", "project", "states_before"]


def by_time(x: Tensor) -> Array:
    """The values of x with time first: (length, batch, inputs)."""
    return x.data.swapaxes(0, 1).copy()


def project(X: Array, W: Array) -> Array:
    """The inputs of all steps times W in one product: (length, batch, W's columns)."""
    rows = X.reshape(-1, X.shape[2])  # (length * batch, inputs)
    return (rows @ W).reshape(*X.shape[:2], W.shape[1])


def states_before(h: Array, h_0: Array) -> Array:
    """The state that each step started from: (length, batch, units)."""
    return np.concatenate([h_0[None], h[:-1]])


def gradients(
    x: Tensor,
    X: Array,
    da: Array,
    dp: Array,
    before: Array,
    dh_0: Array,
    W_xh: Tensor,
    W_hh: Tensor,
    b: Tensor,
) -> tuple[Array | None, ...]:
    """The gradients of x, h_0, W_xh, W_hh and b: one product each, over all steps.

    Args:
        x: the input, (batch, length, inputs).
        X: the same with time first.
        da: of the loss by x W_xh + b, (length, batch, columns).
        dp: of the loss by h W_hh, (length, batch, columns).
        before: the state that each step started from, (length, batch, units).
        dh_0: of the loss by the first state, (batch, units).
        W_xh: the weights of the input.
        W_hh: the weights of the state.
        b: the biases.
    """
    columns = da.shape[-1]
    rows = da.reshape(-1, columns)  # (length * batch, columns)
    dx = dW_xh = dW_hh = db = None
    if x.requires_grad:
        dx = (rows @ W_xh.data.T).reshape(X.shape).swapaxes(0, 1)
    if W_xh.requires_grad:
        X = X.reshape(len(rows), X.shape[2])
        dW_xh = np.matmul(X.T, rows, out=W_xh.gradient_buffer())
    if W_hh.requires_grad:
        before = before.reshape(len(rows), before.shape[2])
        dp = dp.reshape(-1, columns)
        dW_hh = np.matmul(before.T, dp, out=W_hh.gradient_buffer())
    if b.requires_grad:
        db = np.ones_like(rows, shape=len(rows)) @ rows
    return dx, dh_0, dW_xh, dW_hh, db
