"""The Transformer's block, composed of the layers of either twin."""

from __future__ import annotations

import importlib
from typing import Any

from d2lib._checks import (
    as_generator,
    check_heads,
    check_numbers,
    check_positive_int,
    check_probability,
    check_sequence,
)

__all__ = ["Block"]


class Block:
    """What ``TransformerBlock`` is in both twins, made of the layers of either.

    A twin's own class adds its ``Module``, whose ``twin`` names the package that the
    layers come from, and says how it takes what comes in.
    """

    twin: str
    _as_tensor: Any

    def __init__(
        self,
        units: int,
        heads: int,
        hidden: int | None = None,
        causal: bool = False,
        dropout: float = 0.0,
        seed: Any = None,
    ) -> None:
        self.units, self.heads = check_heads(units, heads)
        hidden = 4 * units if hidden is None else check_positive_int(hidden, "hidden")
        check_probability(dropout, "dropout")
        check_numbers(units=units, hidden=hidden)
        generator = as_generator(seed)
        dl = importlib.import_module(self.twin)
        self.norm1 = dl.LayerNorm(units)
        self.attention = dl.MultiHeadAttention(units, heads, causal, generator)
        self.norm2 = dl.LayerNorm(units)
        self.feed_forward = dl.Sequential(
            dl.Dense(units, hidden, "relu", seed=generator),
            dl.Dense(hidden, units, seed=generator),
        )
        # MXNet has one source of random numbers: without a seed it is left alone.
        self.dropout = dl.Dropout(dropout, None if seed is None else generator)

    def forward(self, x: Any, mask: Any = None) -> Any:
        """Maps x of shape (batch, length, units) to the same shape."""
        x = self._as_tensor(x, self.norm1.gamma.dtype)
        check_sequence(x.shape, self.units, "TransformerBlock")
        x = x + self.dropout(self.attention(self.norm1(x), mask=mask))
        return x + self.dropout(self.feed_forward(self.norm2(x)))
