"""Recurrent layers: neurons with a memory, read one step of a sequence after the other.

Each layer is one operation over all its time steps. Its inputs are multiplied in one
matrix product for the whole sequence, since they do not depend on the state; only the
state goes step by step. Its backward pass is backpropagation through time: the same
steps in reverse, and again one product over all of them for each weight matrix.

Inside, time comes first, so that a step is one block of memory: (length, batch, units).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks import (
    as_generator,
    check_choice,
    check_finite_number,
    check_recurrent,
    check_sequence,
    check_states,
)
from d2lib._types import Array
from d2lib.scratch._fast import lstm
from d2lib.scratch._steps import by_time, gradients, project, states_before
from d2lib.scratch.module import Module
from d2lib.scratch.tensor import Tensor, as_tensor, node, tensor
from d2lib.shared.weights import first_weights

__all__ = ["GRU", "LSTM", "RNN"]

States = tuple[Tensor, ...]


class Recurrent(Module):
    """What the recurrent layers share: weights, layers on top of each other, states.

    A subclass says how many blocks (``_gates``) its weights have and how many parts its
    state (``_states``), and computes one layer in ``_run``.
    """

    _gates = 1
    _states = 1

    def __init__(
        self, inputs: int, units: int, layers: int, initializer: str, seed: Any
    ) -> None:
        inputs, units, layers = check_recurrent(inputs, units, layers, self._gates)
        self.inputs, self.units, self.layers = inputs, units, layers
        generator = as_generator(seed)
        self.W_xh: list[Tensor] = []
        self.W_hh: list[Tensor] = []
        self.b: list[Tensor] = []
        for k in range(layers):
            below = inputs if k == 0 else units
            W_xh, W_hh, b = first_weights(
                below, units, self._gates, initializer, generator
            )
            self.W_xh.append(tensor(W_xh, requires_grad=True))
            self.W_hh.append(tensor(W_hh, requires_grad=True))
            self.b.append(tensor(b, requires_grad=True))

    def forward(self, x: Any, state: Any = None) -> tuple[Tensor, Any]:
        """Reads x of shape (batch, length, inputs), from ``state`` on.

        Returns:
            The outputs of the last layer, (batch, length, units), and the final state,
            in the shape in which it is taken: (layers, batch, units) for each part.
        """
        dtype = self.b[0].dtype
        x = as_tensor(x, dtype)
        check_sequence(x.shape, self.inputs, type(self).__name__)
        shape = (self.layers, len(x), self.units)
        if state is None:
            parts = [
                Tensor(np.zeros_like(x.data, shape=shape, order="C"), dtype)
            ] * self._states
        else:
            parts = check_states(state, self._states, shape, type(self).__name__)
            parts = [as_tensor(part, dtype) for part in parts]
        finals = []
        for k in range(self.layers):
            x, final = self._run(k, x, *[part[k] for part in parts])
            finals.append(final)
        state = tuple(stack(layers) for layers in zip(*finals, strict=True))
        return x, state if self._states > 1 else state[0]

    def _run(self, k: int, x: Tensor, *state: Tensor) -> tuple[Tensor, States]:
        """Computes layer k: its outputs, and its final state."""
        raise NotImplementedError(f"{type(self).__name__} must define _run")


class RNN(Recurrent):
    r"""A layer whose neurons see, besides the input, what they said a step before.

    .. math:: h_t = g\big(x_t W_{xh} + h_{t-1} W_{hh} + b\big)

    The same weights serve every step.

    Args:
        inputs: the length of the vector :math:`x_t`.
        units: the length of the state :math:`h_t`.
        layers: how many layers, each reading the outputs of the one below.
        activation: g: "tanh" or "relu".
        initializer: a scheme of `initialize` for :math:`W_{hh}`; :math:`W_{xh}` starts
            with "xavier", b at zero.
        seed: an int or a ``numpy.random.Generator``.

    Called with x of shape (batch, length, inputs) and, if wanted, a first state of
    shape (layers, batch, units) (zeros otherwise), it returns the outputs
    :math:`h_1, h_2, \dots` of the last layer, shape (batch, length, units), and the
    final state, shape (layers, batch, units).

    Attributes:
        W_xh: for each layer the weights of its input, shape ``(inputs, units)``.
        W_hh: for each layer the weights of its state, shape ``(units, units)``.
        b: for each layer the biases, shape ``(units,)``.

    Raises:
        ValueError: an unknown activation or scheme, sizes < 1, or (when called) an x or
            a state of another shape.
        TypeError: an argument of a wrong type.

    Example:
        >>> layer = RNN(3, 5, seed=0)
        >>> outputs, state = layer(np.zeros((2, 7, 3), np.float32))
        >>> outputs.shape, state.shape
        ((2, 7, 5), (1, 2, 5))

    Source: Elman, 1990; backpropagation through time: Werbos, 1990.
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        layers: int = 1,
        activation: str = "tanh",
        initializer: str = "orthogonal",
        seed: Any = None,
    ) -> None:
        check_choice(activation, ("tanh", "relu"), "activation")
        self.activation = activation
        super().__init__(inputs, units, layers, initializer, seed)

    def _run(self, k: int, x: Tensor, *state: Tensor) -> tuple[Tensor, States]:
        """Computes layer k: its outputs, and its final state."""
        (h_0,) = state
        h = rnn(x, h_0, self.W_xh[k], self.W_hh[k], self.b[k], self.activation)
        return h, (h[:, -1],)


class LSTM(Recurrent):
    r"""Long short-term memory: a state that is kept unless a gate decides otherwise.

    .. math:: (i, f, o)_t &= \sigma\big(x_t W_{xh} + h_{t-1} W_{hh} + b\big), \qquad
              g_t = \tanh\big(x_t W_{xh} + h_{t-1} W_{hh} + b\big) \\
              c_t &= f_t \odot c_{t-1} + i_t \odot g_t, \qquad
              h_t = o_t \odot \tanh(c_t)

    with a block of columns of its own in W and b for each of i, f, g, o, in that order.

    Args:
        inputs: the length of the vector :math:`x_t`.
        units: the length of the state :math:`h_t` and of the cell state :math:`c_t`.
        layers: how many layers, each reading the outputs of the one below.
        forget_bias: where the biases of the forget gates start; the others start at 0.
            With 1 a cell keeps most of its state before it has learnt anything.
        seed: an int or a ``numpy.random.Generator``.

    Called with x of shape (batch, length, inputs) and, if wanted, a first state (h, c),
    each of shape (layers, batch, units), it returns the outputs of the last layer,
    shape (batch, length, units), and the final state (h, c).

    Attributes:
        W_xh: for each layer the weights of its input, shape ``(inputs, 4 * units)``.
        W_hh: for each layer the weights of its state, shape ``(units, 4 * units)``.
        b: for each layer the biases, shape ``(4 * units,)``.

    Raises:
        ValueError: sizes < 1, or (when called) an x or a state of another shape.
        TypeError: an argument of a wrong type.

    Example:
        >>> layer = LSTM(3, 5, seed=0)
        >>> outputs, (h, c) = layer(np.zeros((2, 7, 3), np.float32))
        >>> outputs.shape, h.shape, c.shape
        ((2, 7, 5), (1, 2, 5), (1, 2, 5))

    Source: Hochreiter & Schmidhuber, 1997; the forget gate: Gers, Schmidhuber &
    Cummins, 2000.
    """

    _gates = 4
    _states = 2

    def __init__(
        self,
        inputs: int,
        units: int,
        layers: int = 1,
        forget_bias: float = 1.0,
        seed: Any = None,
    ) -> None:
        self.forget_bias = check_finite_number(forget_bias, "forget_bias")
        super().__init__(inputs, units, layers, "orthogonal", seed)
        for b in self.b:
            b.data[units : 2 * units] = forget_bias

    def _run(self, k: int, x: Tensor, *state: Tensor) -> tuple[Tensor, States]:
        """Computes layer k: its outputs, and its final state (h, c)."""
        h_0, c_0 = state
        hc = lstm(x, h_0, c_0, self.W_xh[k], self.W_hh[k], self.b[k])
        h, c = hc[:, :-1], hc[:, -1]
        return h, (h[:, -1], c)


class GRU(Recurrent):
    r"""Gated recurrent unit: two gates, and no state beside the output.

    .. math:: (r, z)_t &= \sigma\big(x_t W_{xh} + b + h_{t-1} W_{hh} + b_{hh}\big) \\
              n_t &= \tanh\big(x_t W_{xh} + b
                     + r_t \odot (h_{t-1} W_{hh} + b_{hh})\big) \\
              h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}

    with a block of columns of its own in W and b for each of r, z, n, in that order.

    Args:
        inputs: the length of the vector :math:`x_t`.
        units: the length of the state :math:`h_t`.
        layers: how many layers, each reading the outputs of the one below.
        seed: an int or a ``numpy.random.Generator``.

    Called with x of shape (batch, length, inputs) and, if wanted, a first state of
    shape (layers, batch, units), it returns the outputs of the last layer, shape
    (batch, length, units), and the final state.

    Attributes:
        W_xh: for each layer the weights of its input, shape ``(inputs, 3 * units)``.
        W_hh: for each layer the weights of its state, shape ``(units, 3 * units)``.
        b, b_hh: for each layer the biases, shape ``(3 * units,)``.

    Raises:
        ValueError: sizes < 1, or (when called) an x or a state of another shape.
        TypeError: an argument of a wrong type.

    Example:
        >>> layer = GRU(3, 5, seed=0)
        >>> outputs, state = layer(np.zeros((2, 7, 3), np.float32))
        >>> outputs.shape, state.shape
        ((2, 7, 5), (1, 2, 5))

    Source: Cho et al., 2014; with the reset gate behind the product, as GPUs compute
    it: Chung et al., 2014.
    """

    _gates = 3

    def __init__(
        self, inputs: int, units: int, layers: int = 1, seed: Any = None
    ) -> None:
        super().__init__(inputs, units, layers, "orthogonal", seed)
        zeros = np.zeros(3 * units, np.float32)
        self.b_hh = [tensor(zeros, requires_grad=True) for _ in range(layers)]

    def _run(self, k: int, x: Tensor, *state: Tensor) -> tuple[Tensor, States]:
        """Computes layer k: its outputs, and its final state."""
        (h_0,) = state
        h = gru(x, h_0, self.W_xh[k], self.W_hh[k], self.b[k], self.b_hh[k])
        return h, (h[:, -1],)


def rnn(
    x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor, activation: str
) -> Tensor:
    """One layer of an `RNN` over all its steps: (batch, length, units)."""
    X = by_time(x)  # (length, batch, inputs)
    a = project(X, W_xh.data)  # (length, batch, units)
    h = np.empty_like(a)
    before, product = h_0.data, np.empty_like(h_0.data)
    for t in range(len(X)):
        a[t] += b.data
        a[t] += np.matmul(before, W_hh.data, out=product)
        if activation == "tanh":
            np.tanh(a[t], out=h[t])
        else:
            np.maximum(a[t], 0, out=h[t])
        before = h[t]

    def backward(g: Array) -> tuple[Any, ...]:
        g = g.swapaxes(0, 1)  # (length, batch, units)
        da = np.empty_like(h)
        dh = np.zeros_like(h_0.data)  # of the loss, by the state after step t
        for t in reversed(range(len(X))):
            dh += g[t]
            slope = 1 - h[t] * h[t] if activation == "tanh" else h[t] > 0
            np.multiply(dh, slope, out=da[t])
            np.matmul(da[t], W_hh.data.T, out=dh)
        before = states_before(h, h_0.data)
        return gradients(x, X, da, da, before, dh, W_xh, W_hh, b)

    return node("rnn", h.swapaxes(0, 1), (x, h_0, W_xh, W_hh, b), backward)


def gru(
    x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor, b_hh: Tensor
) -> Tensor:
    """One layer of a `GRU` over all its steps: (batch, length, units)."""
    X = by_time(x)
    length, batch, units = len(X), len(x), len(W_hh)
    r, z, n = (slice(k * units, (k + 1) * units) for k in range(3))
    rz = slice(0, 2 * units)
    gates = project(X, W_xh.data)  # (length, batch, 3 * units)
    h = np.empty_like(X, shape=(length, batch, units), order="C")
    candidates = np.empty_like(h)  # h_{t-1} W_hh + b_hh in the block of n
    before, product = h_0.data, np.empty_like(gates[0])
    for t in range(length):
        a = gates[t]
        a += b.data
        np.matmul(before, W_hh.data, out=product)
        product += b_hh.data
        candidates[t] = product[:, n]
        a[:, rz] += product[:, rz]
        _sigmoid(a[:, rz])
        a[:, n] += np.multiply(a[:, r], candidates[t], out=h[t])
        np.tanh(a[:, n], out=a[:, n])
        np.subtract(before, a[:, n], out=h[t])
        h[t] *= a[:, z]
        h[t] += a[:, n]  # n + z (h_{t-1} - n)
        before = h[t]

    def backward(g: Array) -> tuple[Any, ...]:
        g = g.swapaxes(0, 1)  # (length, batch, units)
        before = states_before(h, h_0.data)
        da = np.empty_like(gates)  # by x W_xh + b
        dp = np.empty_like(gates)  # by h W_hh + b_hh: the same but for n
        dh = np.zeros_like(h_0.data)  # of the loss, by the state after step t
        for t in reversed(range(length)):
            a, d = gates[t], da[t]
            dh += g[t]
            keep = a[:, z]
            d[:, z] = dh * (before[t] - a[:, n]) * keep * (1 - keep)
            d[:, n] = dh * (1 - keep) * (1 - a[:, n] * a[:, n])
            d[:, r] = d[:, n] * candidates[t] * a[:, r] * (1 - a[:, r])
            dp[t] = d
            dp[t, :, n] *= a[:, r]
            dh *= keep
            dh += dp[t] @ W_hh.data.T
        db_hh = dp.reshape(-1, 3 * units).sum(axis=0) if b_hh.requires_grad else None
        return *gradients(x, X, da, dp, before, dh, W_xh, W_hh, b), db_hh

    return node("gru", h.swapaxes(0, 1), (x, h_0, W_xh, W_hh, b, b_hh), backward)


def stack(tensors: tuple[Tensor, ...]) -> Tensor:
    """Puts tensors of one shape behind each other along a new first axis."""
    return node("stack", np.stack([t.data for t in tensors]), tensors, tuple)


def _sigmoid(a: Array) -> None:
    """Replaces a by sigma(a) = (1 + tanh(a / 2)) / 2."""
    a *= 0.5
    np.tanh(a, out=a)
    a *= 0.5
    a += 0.5
