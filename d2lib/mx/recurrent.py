"""Gluon's recurrent layers, fused over time; `d2lib.scratch.recurrent` derives them."""

from __future__ import annotations

from typing import Any

from d2lib._checks import (
    as_generator,
    check_choice,
    check_finite_number,
    check_recurrent,
    check_sequence,
    check_states,
)
from d2lib.mx._compat import gluon, np
from d2lib.mx.device import device
from d2lib.mx.module import Fixed, Layout, Module, fill
from d2lib.mx.tensor import Tensor, as_tensor
from d2lib.shared.weights import first_weights

__all__ = ["GRU", "LSTM", "RNN"]


class Recurrent(Module):
    """A layer of ``gluon.rnn`` under the NumPy twin's names and shapes.

    Gluon stores the weights of layer k as ``lk_i2h_weight`` (columns, inputs) and
    ``lk_h2h_weight`` (columns, units), and two biases, which are added to each other;
    but for the `GRU`, the second one stays zero.
    """

    _gates = 1
    _states = 1

    def __init__(
        self,
        kind: Any,
        inputs: int,
        units: int,
        layers: int,
        initializer: str,
        seed: Any,
        **options: Any,
    ) -> None:
        inputs, units, layers = check_recurrent(inputs, units, layers, self._gates)
        self.inputs, self.units, self.layers = inputs, units, layers
        layer = kind(units, layers, layout="NTC", input_size=inputs, **options)
        self._layer = layer
        self.W_xh = self._parameters("i2h_weight", "W_xh")
        self.W_hh = self._parameters("h2h_weight", "W_hh")
        self.b = self._parameters("i2h_bias", "b")
        for parameter in (*self.W_xh, *self.W_hh, *self.b):
            parameter.grad_req = "add"
        for bias in self._parameters("h2h_bias", "b_hh"):
            bias.grad_req = "null"
        layer.initialize(ctx=device())
        layer.hybridize(static_alloc=True)
        generator = as_generator(seed)
        for k in range(self.layers):
            values = first_weights(
                self.inputs if k == 0 else self.units,
                self.units,
                self._gates,
                initializer,
                generator,
            )
            for part, array in zip((self.W_xh, self.W_hh, self.b), values, strict=True):
                if array.ndim == 2:
                    part[k].layout = Layout((1, 0), array.shape)
                fill(part[k], array)

    def _parameters(self, theirs: str, ours: str) -> Fixed:
        layers = range(self.layers)
        found = Fixed(getattr(self._layer, f"l{k}_{theirs}") for k in layers)
        found.what = f"{type(self).__name__}.{ours}"
        return found

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
            parts = [np.zeros(shape, dtype=dtype, ctx=x.ctx)] * self._states
        else:
            parts = check_states(state, self._states, shape, type(self).__name__)
            parts = [as_tensor(part, dtype) for part in parts]
        if not x.size:  # MXNet's operator fails on no examples
            outputs = np.zeros((*x.shape[:2], self.units), dtype=dtype, ctx=x.ctx)
        else:
            outputs, parts = self._layer(x, parts)
        return outputs, tuple(parts) if self._states > 1 else parts[0]


class RNN(Recurrent):
    r"""``gluon.rnn.RNN``: :math:`h_t = g(x_t W_{xh} + h_{t-1} W_{hh} + b)`.

    The arguments, shapes and, for one seed, the initial weights are those of
    `d2lib.scratch.RNN`.

    Args:
        inputs: the length of the vector :math:`x_t`.
        units: the length of the state :math:`h_t`.
        layers: how many layers, each reading the outputs of the one below.
        activation: g: "tanh" or "relu". (MXNet's "relu" rounds to float32 here, and
            makes 0 of a NaN, which is then not seen in the outputs.)
        initializer: a scheme of `initialize` for :math:`W_{hh}`.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: an unknown activation or scheme, sizes < 1, or (when called) an x or
            a state of another shape.
        TypeError: an argument of a wrong type.

    Example:
        >>> import numpy
        >>> layer = RNN(3, 5, seed=0)
        >>> outputs, state = layer(numpy.zeros((2, 7, 3), "float32"))
        >>> outputs.shape, state.shape
        ((2, 7, 5), (1, 2, 5))
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
        super().__init__(
            gluon.rnn.RNN,
            inputs,
            units,
            layers,
            initializer,
            seed,
            activation=activation,
        )


class LSTM(Recurrent):
    """``gluon.rnn.LSTM``; its equations stand in `d2lib.scratch.LSTM`.

    The arguments, shapes and, for one seed, the initial weights are those of the NumPy
    twin.

    Args:
        inputs: the length of the vector :math:`x_t`.
        units: the length of the state and of the cell state.
        layers: how many layers, each reading the outputs of the one below.
        forget_bias: where the biases of the forget gates start.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: sizes < 1, or (when called) an x or a state of another shape.
        TypeError: an argument of a wrong type.

    Example:
        >>> import numpy
        >>> layer = LSTM(3, 5, seed=0)
        >>> outputs, (h, c) = layer(numpy.zeros((2, 7, 3), "float32"))
        >>> outputs.shape, h.shape, c.shape
        ((2, 7, 5), (1, 2, 5), (1, 2, 5))
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
        super().__init__(gluon.rnn.LSTM, inputs, units, layers, "orthogonal", seed)
        for b in self.b:
            b.data()[units : 2 * units] = forget_bias


class GRU(Recurrent):
    """``gluon.rnn.GRU``; its equations stand in `d2lib.scratch.GRU`.

    The arguments, shapes and, for one seed, the initial weights are those of the NumPy
    twin.

    Args:
        inputs: the length of the vector :math:`x_t`.
        units: the length of the state.
        layers: how many layers, each reading the outputs of the one below.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: sizes < 1, or (when called) an x or a state of another shape.
        TypeError: an argument of a wrong type.

    Example:
        >>> import numpy
        >>> layer = GRU(3, 5, seed=0)
        >>> outputs, state = layer(numpy.zeros((2, 7, 3), "float32"))
        >>> outputs.shape, state.shape
        ((2, 7, 5), (1, 2, 5))
    """

    _gates = 3

    def __init__(
        self, inputs: int, units: int, layers: int = 1, seed: Any = None
    ) -> None:
        super().__init__(gluon.rnn.GRU, inputs, units, layers, "orthogonal", seed)
        self.b_hh = self._parameters("h2h_bias", "b_hh")
        for b_hh in self.b_hh:  # inside the reset gate's product: a bias of its own
            b_hh.grad_req = "add"
