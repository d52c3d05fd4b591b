"""Where training starts: random weights whose signals neither die out nor blow up.

A layer sums ``inputs`` products. If every weight has variance v, the sum has ``inputs *
v`` times the variance of its input, so v must shrink as the layer gets wider.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from d2lib._checks import as_generator, check_choice, check_dtype, check_shape
from d2lib._types import Array

__all__ = ["fans", "first_weights", "initialize"]

SCHEMES = ("zeros", "normal", "xavier", "he", "identity", "orthogonal")


def initialize(
    shape: Sequence[int],
    scheme: str = "xavier",
    seed: Any = None,
    dtype: Any = np.float32,
) -> Array:
    r"""Draws the first weights of a layer; both twins draw theirs here.

    ========== =======================================================================
    zeros      0 everywhere: right for biases, wrong for weights (all units stay equal)
    normal     :math:`N(0, 0.01^2)`
    xavier     :math:`U(-a, a)`, :math:`a=\sqrt{6/(n_\text{in}+n_\text{out})}`
    he         :math:`N(0, 2/n_\text{in})`; makes up for the half that ReLU cuts off
    identity   1 on the diagonal: a recurrent state starts by being remembered
    orthogonal a random rotation: lengths are kept exactly
    ========== =======================================================================

    where :math:`n_\text{in}` (fan-in) is the number of products that an output sums,
    and :math:`n_\text{out}` (fan-out) the number of outputs that an input goes to: of
    a dense layer the inputs and the units, and of a kernel of k = height × width places

    .. math:: n_\text{in} = \text{in} \cdot k, \qquad n_\text{out} = \text{out} \cdot k

    Args:
        shape: ``(inputs, units)`` of a dense layer; ``(inputs,)`` counts as one unit.
            Of a convolution's kernels ``(out, in, height, width)``, or
            ``(out, in, length)``, or with any number of axes after the channels.
        scheme: a name from the table.
        seed: an int or a ``numpy.random.Generator``; None draws fresh entropy.
        dtype: of the result.

    Returns:
        An array of ``shape``.

    Raises:
        ValueError: an unknown scheme, or a shape it can't fill.
        TypeError: an argument of a wrong type.

    Example:
        >>> initialize((2, 2), "identity")
        array([[1., 0.],
               [0., 1.]], dtype=float32)

    Source: Glorot & Bengio, 2010 (xavier); He et al., 2015 (he); Le, Jaitly & Hinton,
    2015 (identity); Saxe, McClelland & Ganguli, 2014 (orthogonal).
    """
    check_choice(scheme, SCHEMES, "scheme")
    shape = check_shape(shape)
    dtype = check_dtype(dtype)
    generator = as_generator(seed)
    fan_in, fan_out = fans(shape)
    if scheme == "zeros":
        values = np.zeros(shape)
    elif scheme == "normal":
        values = generator.normal(0.0, 0.01, shape)
    elif scheme == "xavier":
        limit = np.sqrt(6.0 / (fan_in + fan_out))
        values = generator.uniform(-limit, limit, shape)
    elif scheme == "he":
        values = generator.normal(0.0, np.sqrt(2.0 / fan_in), shape)
    elif len(shape) < 2 or (len(shape) > 2 and scheme == "identity"):
        raise ValueError(
            f"scheme {scheme!r} needs a shape (inputs, units), got {shape}"
        )
    elif scheme == "identity":
        values = np.eye(shape[0], shape[1])
    elif len(shape) == 2:
        values = _rotation(shape[0], shape[1], generator)
    else:  # each output's kernel is a vector of fan_in numbers
        values = _rotation(shape[0], fan_in, generator).reshape(shape)
    return values.astype(dtype)


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Returns fan-in and fan-out of weights (inputs, units) or (out, in, *kernel).

    Example:
        >>> fans((784, 256)), fans((32, 3, 5, 5))
        ((784, 256), (75, 800))
    """
    if len(shape) <= 2:
        inputs, units = (*shape, 1)[:2] if shape else (1, 1)
        return inputs, units
    places = math.prod(shape[2:])
    return shape[1] * places, shape[0] * places


def _rotation(rows: int, columns: int, generator: np.random.Generator) -> Array:
    """Draws a matrix whose columns are orthonormal; its rows, if they are fewer."""
    # QR of a normal matrix; the signs make the rotation uniformly distributed.
    normal = generator.normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    turned: Array = q * np.sign(np.diag(r))
    return turned if rows >= columns else turned.T


def first_weights(
    inputs: int, units: int, gates: int, initializer: str, generator: Any
) -> tuple[Array, Array, Array]:
    """Draws W_xh, W_hh and b of one layer, each gate's block for itself.

    Both twins draw here. A block sees ``inputs`` and ``units`` numbers, however many
    other blocks stand beside it.
    """
    blocks = [
        (
            initialize((inputs, units), "xavier", generator),
            initialize((units, units), initializer, generator),
        )
        for _ in range(gates)
    ]
    W_xh, W_hh = (np.concatenate(parts, axis=1) for parts in zip(*blocks, strict=True))
    return W_xh, W_hh, np.zeros(gates * units, np.float32)
