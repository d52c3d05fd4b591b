"""Layers: the perceptron, many of them side by side, and many layers in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from d2lib._checks import (
    as_generator,
    check_choice,
    check_flag,
    check_inputs,
    check_numbers,
    check_positive_int,
    check_probability,
    check_sizes,
    kind,
)
from d2lib._types import Array
from d2lib.scratch.activations import ACTIVATIONS, activation_named
from d2lib.scratch.initializers import initialize
from d2lib.scratch.module import Module
from d2lib.scratch.recording import is_recording
from d2lib.scratch.regularization import Dropout
from d2lib.scratch.tensor import Tensor, as_tensor, node, tensor

__all__ = ["MLP", "Dense", "Perceptron", "Sequential"]


class Perceptron(Module):
    r"""One neuron: weigh the inputs, add a bias, apply a non-linear function.

    .. math:: \hat y = g\Big(w_0 + \sum_{i=1}^m x_i w_i\Big) = g(w_0 + X^\top W)

    Args:
        inputs: m, the number of inputs.
        activation: g: "sigmoid", "tanh", "relu", or None for the bare sum.
        initializer: a scheme of `initialize` for W; the bias starts at zero.
        seed: an int or a ``numpy.random.Generator``.

    Attributes:
        W: the weights, shape ``(inputs,)``.
        b: the bias :math:`w_0`, shape ``()``.

    Raises:
        ValueError: an unknown activation or scheme, inputs < 1, or (when called) an x
            whose last axis is not ``inputs``.
        TypeError: an argument of a wrong type.

    Example:
        >>> neuron = Perceptron(2)
        >>> neuron.load_state({"W": [3.0, -2.0], "b": 1.0})
        >>> round(neuron([-1.0, 2.0]).item(), 4)
        0.0025

    Source: Rosenblatt, 1958 (with a step for g).
    """

    def __init__(
        self,
        inputs: int,
        activation: str | None = "sigmoid",
        initializer: str = "xavier",
        seed: Any = None,
    ) -> None:
        self.inputs = check_positive_int(inputs, "inputs")
        check_numbers(inputs=self.inputs)
        self.activation = activation
        self.g = activation_named(activation)
        self.W = tensor(initialize((inputs,), initializer, seed), requires_grad=True)
        self.b = tensor(0.0, requires_grad=True)

    def forward(self, x: Any) -> Tensor:
        """Maps x of shape (inputs,) or (batch, inputs) to () or (batch,)."""
        x = as_tensor(x, self.W.dtype)
        check_inputs(x.shape, self.inputs, "Perceptron")
        return self.g(x @ self.W + self.b)


class Dense(Module):
    r"""A layer of perceptrons that all see the same inputs.

    .. math:: z_i = w_{0,i} + \sum_{j=1}^m x_j w_{j,i}, \qquad \hat y_i = g(z_i),
              \qquad\text{for a batch}\quad \hat Y = g(X W + b)

    Args:
        inputs: m, the length of each example.
        units: the number of outputs.
        activation: g: None, "sigmoid", "tanh", "relu" or "softmax".
        initializer: a scheme of `initialize` for W; None takes "he" before a ReLU and
            "xavier" otherwise. The bias starts at zero.
        bias: whether there is a bias.
        seed: an int or a ``numpy.random.Generator``.

    Attributes:
        W: the weights, shape ``(inputs, units)``.
        b: the biases, shape ``(units,)``, or None.

    Raises:
        ValueError: an unknown activation or scheme, sizes < 1, or (when called) an x
            whose last axis is not ``inputs``.
        TypeError: an argument of a wrong type.

    Example:
        >>> layer = Dense(3, 2, "relu", seed=0)
        >>> layer(np.ones((4, 3), np.float32)).shape
        (4, 2)

    Source: Rumelhart, Hinton & Williams, 1986.
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        activation: str | None = None,
        initializer: str | None = None,
        bias: bool = True,
        seed: Any = None,
    ) -> None:
        self.inputs = check_positive_int(inputs, "inputs")
        self.units = check_positive_int(units, "units")
        check_numbers(inputs=self.inputs, units=self.units)
        self.activation = activation
        self.g = activation_named(activation)
        scheme = initializer
        if scheme is None:
            scheme = "he" if self.activation == "relu" else "xavier"
        self.W = tensor(initialize((inputs, units), scheme, seed), requires_grad=True)
        self.b = (
            tensor(np.zeros(units, np.float32), requires_grad=True)
            if check_flag(bias, "bias")
            else None
        )

    def forward(self, x: Any) -> Tensor:
        """Maps x of shape (..., inputs) to (..., units)."""
        x = as_tensor(x, self.W.dtype)
        check_inputs(x.shape, self.inputs, "Dense")
        return self.g(linear(x, self.W, self.b))


def linear(x: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
    """Computes x W + b as one operation: one matrix product forward, two backward.

    Args:
        x: shape (..., inputs).
        W: shape (inputs, units).
        b: shape (units,), or None.

    Returns:
        Shape (..., units).
    """
    rows = x.data.reshape(-1, W.shape[0])  # (batch, inputs)
    z = rows @ W.data
    if b is not None:
        z += b.data

    def backward(g: Array) -> tuple[Any, ...]:
        g = g.reshape(-1, W.shape[1])  # (batch, units)
        dx = (g @ W.data.T).reshape(x.shape) if x.requires_grad else None
        dW = db = None
        if W.requires_grad:
            dW = np.matmul(rows.T, g, out=W.gradient_buffer())
        if b is not None and b.requires_grad:
            # A product with ones sums the rows faster than g.sum(axis=0).
            db = np.matmul(np.ones_like(g, shape=len(g)), g, out=b.gradient_buffer())
        return (dx, dW) if b is None else (dx, dW, db)

    parents = (x, W) if b is None else (x, W, b)
    return node("linear", z.reshape(*x.shape[:-1], W.shape[1]), parents, backward)


class Sequential(Module):
    """Layers in a row: the output of each is the input of the next.

    Args:
        layers: modules, at least one.

    Raises:
        TypeError: something that is not a module of this twin.
        ValueError: no layers.

    Example:
        >>> network = Sequential(Dense(2, 3, "relu", seed=0), Dense(3, 1, seed=1))
        >>> network.num_parameters()
        13
        >>> list(network.state())
        ['layers.0.W', 'layers.0.b', 'layers.1.W', 'layers.1.b']
    """

    def __init__(self, *layers: Module) -> None:
        if not layers:
            raise ValueError("Sequential needs at least one layer, got none")
        for layer in layers:
            if not isinstance(layer, Module):
                raise TypeError(
                    "Sequential takes modules of d2lib.scratch, got "
                    f"{kind(layer)}: pass the layers one by one, as "
                    "Sequential(*layers), and an activation as "
                    "Dense(..., activation='relu')"
                )
        self.layers = layers

    def forward(self, x: Any) -> Any:
        """Passes x through every layer in turn."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __getitem__(self, index: int) -> Module:
        return self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)


class MLP(Sequential):
    r"""A multi-layer perceptron: dense layers in a row, non-linear between them.

    .. math:: z_{k,i} = w_{0,i}^{(k)}
              + \sum_{j=1}^{n_{k-1}} g(z_{k-1,j})\, w_{j,i}^{(k)}

    Args:
        sizes: the widths from input to output, such as ``[784, 256, 128, 10]``.
        activation: g of the hidden layers.
        output_activation: that of the last layer; None leaves logits for the loss.
        dropout: the probability with which `Dropout` after each hidden layer drops.
        initializer: see `Dense`.
        seed: an int or a ``numpy.random.Generator``, drawn from layer by layer.

    Raises:
        ValueError: fewer than two sizes, or what `Dense` and `Dropout` refuse.
        TypeError: an argument of a wrong type.

    Example:
        >>> MLP([784, 256, 128, 10], seed=0).num_parameters()
        235146

    Source: Rumelhart, Hinton & Williams, 1986.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | None = "relu",
        output_activation: str | None = None,
        dropout: float = 0.0,
        initializer: str | None = None,
        seed: Any = None,
    ) -> None:
        sizes = check_sizes(sizes)
        check_probability(dropout, "dropout")
        check_choice(output_activation, ACTIVATIONS, "output_activation")
        generator = as_generator(seed)
        layers: list[Module] = []
        for k, (inputs, units) in enumerate(pairwise(sizes), start=2):
            g = activation if k < len(sizes) else output_activation
            layers.append(Dense(inputs, units, g, initializer, seed=generator))
            if dropout and k < len(sizes):
                layers.append(Dropout(dropout))
        super().__init__(*layers)
        self.seed(generator)

    def forward(self, x: Any) -> Tensor:
        """Applies the layers one after the other."""
        if is_recording():
            y: Tensor = super().forward(x)
            return y
        dense = [
            layer
            for layer in self.layers
            if type(layer) is Dense and "forward" not in vars(layer)
        ]
        if len(dense) < len(self.layers):
            y = super().forward(x)
            return y
        return answer(dense, x)


def answer(layers: Sequence[Dense], x: Any) -> Tensor:
    """What layers in a row compute if nobody will ask for gradients.

    Each works in the memory of its own product, and is no node of a graph. For small
    layers, such as an agent's that acts, that is half of the time.
    """
    x = as_tensor(x, layers[0].W.dtype)
    check_inputs(x.shape, layers[0].inputs, "Dense")
    z = x.data.reshape(-1, x.shape[-1])  # (batch, inputs)
    for layer in layers:
        check_inputs(z.shape, layer.inputs, "Dense")
        z = z @ layer.W.data  # (batch, units)
        if layer.b is not None:
            z += layer.b.data
        if layer.activation == "relu":
            np.maximum(z, 0, out=z)
        elif layer.activation == "tanh":
            np.tanh(z, out=z)
        elif layer.activation is not None:
            z = layer.g(tensor(z, z.dtype)).data
    return node("MLP", z.reshape(*x.shape[:-1], z.shape[-1]), (x,), lambda g: (g,))
