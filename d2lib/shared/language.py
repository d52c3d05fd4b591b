"""A language model, composed of the layers of either twin."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from d2lib._checks import (
    as_generator,
    check_choice,
    check_layers,
    check_length,
    check_positive_int,
    check_probability,
)

__all__ = ["Language"]


class Language:
    """What ``LanguageModel`` is in both twins, made of the layers of either.

    A twin's own class adds its ``Module``, whose ``twin`` names the package that the
    layers come from.
    """

    twin: str
    seed: Any

    def __init__(
        self,
        tokens: int,
        units: int = 128,
        cell: str = "lstm",
        layers: int = 1,
        heads: int = 4,
        max_length: int = 256,
        dropout: float = 0.0,
        seed: Any = None,
    ) -> None:
        check_choice(cell, ("rnn", "lstm", "gru", "transformer"), "cell")
        self.tokens = check_positive_int(tokens, "tokens")
        self.units = check_positive_int(units, "units")
        self.layers = check_layers(layers)
        self.max_length = check_positive_int(max_length, "max_length")
        check_probability(dropout, "dropout")
        self.cell = cell
        generator = as_generator(seed)
        dl = importlib.import_module(self.twin)
        self.embedding = dl.Embedding(tokens, units, seed=generator)
        if cell == "transformer":
            self.positions = dl.positional_encoding(max_length, units)
            self.blocks = [
                dl.TransformerBlock(
                    units, heads, causal=True, dropout=dropout, seed=generator
                )
                for _ in range(layers)
            ]
            self.norm = dl.LayerNorm(units)
        else:
            recurrent = {"rnn": dl.RNN, "lstm": dl.LSTM, "gru": dl.GRU}[cell]
            self.recurrent = recurrent(units, units, layers, seed=generator)
            self.dropout = dl.Dropout(dropout)
        self.head = dl.Dense(units, tokens, seed=generator)
        if seed is not None:
            self.seed(generator)

    def forward(self, x: Any) -> Any:
        """Maps tokens (batch, length) to logits (batch, length, tokens)."""
        return self.head(self._read(x, None)[0])

    def advance(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        """Reads more tokens and says what comes next.

        Args:
            x: tokens, shape (batch, length).
            state: what an earlier call returned; None starts afresh.

        Returns:
            The logits of the token after the last one, (batch, tokens), and the state:
            that of the recurrent layer. A Transformer's is the last ``max_length``
            tokens, which it reads again.
        """
        if self.cell == "transformer":
            x = np.asarray(x)
            if state is not None:
                x = np.concatenate([state, x], axis=1)
            state = x[:, -self.max_length :]
            return self.head(self._read(state, None)[0][:, -1]), state
        y, state = self._read(x, state)
        return self.head(y[:, -1]), state

    def _read(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Computes (batch, length, units) from tokens, and the state after them."""
        is_transformer = self.cell == "transformer"
        length = check_length(x, self.max_length if is_transformer else None)
        if not is_transformer:
            y, state = self.recurrent(self.embedding(x), state)
            return self.dropout(y), state
        dl = importlib.import_module(self.twin)
        # The square root makes the vectors as long as the positions added to them.
        y = self.embedding(x) * self.units**0.5
        y = y + dl.tensor(self.positions[:length], y.dtype)
        for block in self.blocks:
            y = block(y)
        return self.norm(y), None
