"""The Transformer's block: attention between positions, then a network at each of them.

Normalised inputs and added outputs keep it trainable when many are stacked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks import (
    check_inputs,
    check_numbers,
    check_positive,
    check_positive_int,
)
from d2lib._types import Array
from d2lib.scratch.module import Module
from d2lib.scratch.tensor import Tensor, as_tensor, node, tensor
from d2lib.shared.transformer import Block

__all__ = ["LayerNorm", "TransformerBlock"]


class LayerNorm(Module):
    r"""Gives each vector mean 0 and variance 1, then a scale and a shift it may learn.

    .. math:: \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad
              y = \gamma \hat x + \beta, \qquad
              \frac{\partial L}{\partial x} = \frac{1}{\sqrt{\sigma^2 + \epsilon}}
              \Big(h - \overline{h} - \hat x\, \overline{h \hat x}\Big), \quad
              h = \gamma \frac{\partial L}{\partial y}

    A bar is a mean over the vector, as :math:`\mu` and :math:`\sigma^2` are. However
    large the activations of a deep network become, the next layer sees the same range.

    Args:
        units: the length of the vectors.
        eps: :math:`\epsilon`, which keeps a constant vector from a division by zero.

    Attributes:
        gamma: the scale, shape ``(units,)``, 1 at first.
        beta: the shift, shape ``(units,)``, 0 at first.

    Raises:
        ValueError: units < 1, eps not > 0, or (when called) an x whose last axis is not
            ``units``.
        TypeError: an argument of a wrong type.

    Example:
        >>> LayerNorm(2)([[1.0, 3.0], [10.0, 30.0]]).data.round(2)
        array([[-1.,  1.],
               [-1.,  1.]], dtype=float32)

    Source: Ba, Kiros & Hinton, 2016.
    """

    def __init__(self, units: int, eps: float = 1e-5) -> None:
        self.units = check_positive_int(units, "units")
        check_numbers(units=self.units)
        self.eps = check_positive(eps, "eps")
        self.gamma = tensor(np.ones(units, np.float32), requires_grad=True)
        self.beta = tensor(np.zeros(units, np.float32), requires_grad=True)

    def forward(self, x: Any) -> Tensor:
        """Normalises each vector of x, shape (..., units)."""
        x = as_tensor(x, self.gamma.dtype)
        check_inputs(x.shape, self.units, "LayerNorm")
        gamma, beta = self.gamma, self.beta
        normal = x.data - x.data.mean(axis=-1, keepdims=True)
        variance = np.square(normal).mean(axis=-1, keepdims=True)
        steepness = 1 / np.sqrt(variance + self.eps)  # (..., 1)
        normal *= steepness
        y = normal * gamma.data
        y += beta.data

        def backward(g: Array) -> tuple[Any, ...]:
            rows = g.reshape(-1, len(gamma))
            ones = np.ones_like(g, shape=len(rows))  # a product with them sums the rows
            dgamma = ones @ (rows * normal.reshape(rows.shape))
            h = g * gamma.data
            dx = h - h.mean(axis=-1, keepdims=True)
            dx -= normal * (h * normal).mean(axis=-1, keepdims=True)
            dx *= steepness
            return dx, dgamma, ones @ rows

        return node("layer norm", y, (x, gamma, beta), backward)


class TransformerBlock(Block, Module):
    r"""Looks around, then thinks: attention between positions, a network at each.

    .. math:: z = x + \text{attention}(\text{norm}_1(x)), \qquad
              y = z + \text{feed\_forward}(\text{norm}_2(z))

    What a part computes is *added* to what was there. Gradients flow along the sum
    undiminished, so that many blocks can be stacked; and since each part sees
    normalised inputs, the sum may grow.

    Args:
        units: the length of the vectors that come in and go out.
        heads: of the `MultiHeadAttention`.
        hidden: the width inside the feed-forward network; None takes 4 * units.
        causal: whether position t may look at the positions 0 to t only, as a language
            model's must.
        dropout: the probability with which `Dropout` drops from what is added.
        seed: an int or a ``numpy.random.Generator``, drawn from part by part.

    Called with x of shape (batch, length, units) and, if wanted, a mask that broadcasts
    to (batch, length, length). It returns a tensor of x's shape.

    Raises:
        ValueError: what `MultiHeadAttention`, `Dense` and `Dropout` refuse.
        TypeError: a mask that is not boolean.

    Example:
        >>> block = TransformerBlock(8, heads=2, seed=0)
        >>> block(np.ones((1, 3, 8), np.float32)).shape
        (1, 3, 8)
        >>> block.num_parameters()
        872

    Source: Vaswani et al., 2017; normalising first: Xiong et al., 2020.
    """

    _as_tensor = staticmethod(as_tensor)
