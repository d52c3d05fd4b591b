"""Gluon's layers under the NumPy twin's names; `d2lib.scratch.layers` derives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

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
from d2lib.mx._compat import gluon
from d2lib.mx.activations import ACTIVATIONS, check_activation
from d2lib.mx.device import device
from d2lib.mx.initializers import Initializer
from d2lib.mx.module import Layer, Layout, Module
from d2lib.mx.regularization import Dropout

__all__ = ["MLP", "Dense", "Perceptron", "Sequential"]


NAMES = {"weight": "W", "bias": "b"}


class Dense(Layer, gluon.nn.Dense):
    r"""``gluon.nn.Dense``: :math:`\hat Y = g(X W + b)` by ``npx.fully_connected``.

    Gluon stores ``weight`` as (units, inputs); ``state()`` and ``gradients()`` call it
    ``W`` and give it as (inputs, units), as in `d2lib.scratch.Dense`, whose arguments
    and initial weights are the same. So does ``layer.W``, a copy to compute with, which
    `load_state` changes, and an assignment does not.

    Args:
        inputs: the length of each example.
        units: the number of outputs.
        activation: None, "sigmoid", "tanh", "relu" or "softmax".
        initializer: a scheme of `initialize`; None takes "he" before a ReLU and
            "xavier" otherwise. The bias starts at zero.
        bias: whether there is a bias.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: an unknown activation or scheme, sizes < 1, or (when called) an x
            whose last axis is not ``inputs``.
        TypeError: an argument of a wrong type.

    Example:
        >>> layer = Dense(3, 2, "relu", seed=0)
        >>> layer([[1.0, 2.0, 3.0]]).shape
        (1, 2)
        >>> layer.state()["W"].shape
        (3, 2)
    """

    _names = NAMES

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
        self.activation = check_activation(activation)
        scheme = initializer
        if scheme is None:
            scheme = "he" if self.activation == "relu" else "xavier"
        gluon.nn.Dense.__init__(
            self,
            self.units,
            use_bias=check_flag(bias, "bias"),
            flatten=False,
            weight_initializer=Initializer(scheme, seed),
            in_units=self.inputs,
        )
        prepare(self)
        self.weight.layout = Layout((1, 0), (self.inputs, self.units))

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        """Maps x of shape (..., inputs) to (..., units)."""
        alone = bias_alone(self.weight, self.bias)
        y = product(F, x, weight, bias, self.units, alone)
        return activated(F, y, self.activation)

    def _mode(self) -> Any:
        """A frozen weight beside a bias that is trained leads to another graph."""
        return self.training, bias_alone(self.weight, self.bias)

    def example_axes(self) -> int:
        """One example is a vector."""
        return 1

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Checks the input's last axis."""
        check_inputs(shape, self.inputs, "Dense")
        return (*shape[:-1], self.units)


class Perceptron(Layer, gluon.nn.Dense):
    r"""One neuron, :math:`\hat y = g(X^\top W + w_0)`: ``gluon.nn.Dense`` of one unit.

    Args:
        inputs: the number of inputs.
        activation: None, "sigmoid", "tanh" or "relu".
        initializer: a scheme of `initialize`; the bias starts at zero.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: an unknown activation or scheme, inputs < 1, or (when called) an x
            whose last axis is not ``inputs``.
        TypeError: an argument of a wrong type.

    Example:
        >>> neuron = Perceptron(2)
        >>> neuron.load_state({"W": [3.0, -2.0], "b": 1.0})
        >>> round(neuron([-1.0, 2.0]).item(), 4)
        0.0025
    """

    _names = NAMES

    def __init__(
        self,
        inputs: int,
        activation: str | None = "sigmoid",
        initializer: str = "xavier",
        seed: Any = None,
    ) -> None:
        self.inputs = check_positive_int(inputs, "inputs")
        check_numbers(inputs=self.inputs)
        self.activation = check_activation(activation)
        gluon.nn.Dense.__init__(
            self,
            1,
            flatten=False,
            weight_initializer=Initializer(initializer, seed),
            in_units=self.inputs,
        )
        prepare(self)
        self.weight.layout = Layout((1, 0), (self.inputs,))
        self.bias.layout = Layout((0,), ())

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any) -> Any:
        """Maps x of shape (inputs,) or (batch, inputs) to () or (batch,)."""
        alone = bias_alone(self.weight, self.bias)
        y = product(F, x, weight, bias, 1, alone)
        return activated(F, F.np.squeeze(y, axis=-1), self.activation)

    def _mode(self) -> Any:
        """A frozen weight beside a bias that is trained leads to another graph."""
        return self.training, bias_alone(self.weight, self.bias)

    def example_axes(self) -> int:
        """One example is a vector."""
        return 1

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Checks the input's last axis."""
        check_inputs(shape, self.inputs, "Perceptron")
        return shape[:-1]


class Sequential(Layer, gluon.nn.HybridSequential):
    """Layers in a row, compiled into one graph: a ``gluon.nn.HybridSequential``.

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
                    "Sequential takes modules of d2lib.mx, got "
                    f"{kind(layer)}: pass the layers one by one, as "
                    "Sequential(*layers), and an activation as "
                    "Dense(..., activation='relu')"
                )
        gluon.nn.HybridSequential.__init__(self)
        self.add(*layers)
        self.hybridize()

    @property
    def layers(self) -> tuple[Module, ...]:
        """The layers, first to last."""
        # Gluon numbers them; what a subclass keeps beside them has a name.
        return tuple(c for name, c in self._children.items() if name.isdigit())

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Passes x through every layer in turn."""
        for layer in self.layers:
            x = layer(x)
        return x

    def _of_nothing(self, x: Any) -> Any:
        """Asks every layer, for some can't tell the shape of their output before."""
        return self.hybrid_forward(None, x)

    def __getitem__(self, index: int) -> Module:
        return self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)

    def parts(self) -> dict[str, Any]:
        """The layers under the NumPy twin's name, and what stands beside them."""
        return {"layers": self.layers, **super().parts()}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Passes the shape through the layers, as far as they can tell theirs."""
        for layer in self.layers:
            if not isinstance(layer, Layer):
                break
            shape = layer.output_shape(shape)
        return shape

    def example_axes(self) -> int | None:
        """Those of the first layer that needs a batch."""
        for layer in self.layers:
            axes = layer.example_axes() if isinstance(layer, Layer) else None
            if axes is not None:
                return axes
        return None

    def dtype(self) -> Any:
        """The dtype of the first layer that has one."""
        for layer in self.layers:
            if isinstance(layer, Layer) and layer.dtype() is not None:
                return layer.dtype()
        return None


class MLP(Sequential):
    r"""A multi-layer perceptron: dense layers in a row, non-linear between them.

    The arguments, and for one seed the initial weights, are those of
    `d2lib.scratch.MLP`.

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
        for inputs, units in pairwise(sizes[:-1]):
            layers.append(Dense(inputs, units, activation, initializer, seed=generator))
            if dropout:
                layers.append(Dropout(dropout))
        layers.append(
            Dense(sizes[-2], sizes[-1], output_activation, initializer, seed=generator)
        )
        super().__init__(*layers)
        if seed is not None:
            self.seed(generator)


def product(F: Any, x: Any, weight: Any, bias: Any, units: int, separate: bool) -> Any:
    """Computes x W + b by ``npx.fully_connected``, and b separately if asked.

    MXNet's operator computes no gradient of b if it need not compute that of W.
    """
    fused = None if separate else bias
    y = F.npx.fully_connected(
        x, weight, fused, no_bias=fused is None, num_hidden=units, flatten=False
    )
    return y + bias if separate else y


def bias_alone(weight: Any, bias: Any) -> bool:
    """Whether a layer's weight is frozen and its bias is not."""
    return bias is not None and weight.grad_req == "null" != bias.grad_req


def activated(F: Any, z: Any, activation: str | None) -> Any:
    """Computes an activation, as `d2lib.mx.activations` does."""
    if activation is None:
        return z
    if activation == "softmax":
        return F.npx.softmax(z, axis=-1)
    if activation == "relu":
        return F.npx.relu(z)
    return F.npx.activation(z, act_type=activation)


def prepare(layer: Any) -> None:
    """Draws the weights, makes gradients accumulate, and compiles the layer."""
    layer.collect_params().setattr("grad_req", "add")
    layer.initialize(ctx=device())
    layer.hybridize()
