"""The Transformer's block by Gluon; `d2lib.scratch.transformer` explains it."""

from __future__ import annotations

from d2lib._checks import (
    check_inputs,
    check_numbers,
    check_positive,
    check_positive_int,
)
from d2lib.mx._compat import gluon
from d2lib.mx.layers import prepare
from d2lib.mx.module import Layer, Module
from d2lib.mx.tensor import as_tensor
from d2lib.shared.transformer import Block

__all__ = ["LayerNorm", "TransformerBlock"]


class LayerNorm(Layer, gluon.nn.LayerNorm):
    """``gluon.nn.LayerNorm``: mean 0 and variance 1, then a scale and a shift.

    Args:
        units: the length of the vectors.
        eps: keeps a constant vector from a division by zero.

    Raises:
        ValueError: units < 1, eps not > 0, or (when called) an x whose last axis is not
            ``units``.
        TypeError: an argument of a wrong type.

    Example:
        >>> LayerNorm(2)([[1.0, 3.0], [10.0, 30.0]]).round(2)
        array([[-1.,  1.],
               [-1.,  1.]])
    """

    def __init__(self, units: int, eps: float = 1e-5) -> None:
        self.units = check_positive_int(units, "units")
        check_numbers(units=self.units)
        self.eps = check_positive(eps, "eps")
        gluon.nn.LayerNorm.__init__(self, epsilon=self.eps, in_channels=self.units)
        prepare(self)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Checks the input's last axis."""
        check_inputs(shape, self.units, "LayerNorm")
        return shape


class TransformerBlock(Block, Module):
    """x + attention(norm1(x)), and to that again feed_forward(norm2(...)).

    The arguments, shapes and, for one seed, the initial weights are those of
    `d2lib.scratch.TransformerBlock`.

    Args:
        units: the length of the vectors that come in and go out.
        heads: of the `MultiHeadAttention`.
        hidden: the width inside the feed-forward network; None takes 4 * units.
        causal: whether position t may look at the positions 0 to t only, as a language
            model's must.
        dropout: the probability with which `Dropout` drops from what is added.
        seed: an int or a ``numpy.random.Generator``, drawn from part by part.

    Raises:
        ValueError: what `MultiHeadAttention`, `Dense` and `Dropout` refuse.
        TypeError: a mask that is not boolean.

    Example:
        >>> import numpy
        >>> block = TransformerBlock(8, heads=2, seed=0)
        >>> block([[[1.0] * 8] * 3]).shape
        (1, 3, 8)
        >>> block.num_parameters()
        872
    """

    _as_tensor = staticmethod(as_tensor)
