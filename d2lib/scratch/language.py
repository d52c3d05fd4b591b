"""Language models: what token comes next?"""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks import (
    as_generator,
    check_choice,
    check_length,
    check_positive_int,
    check_probability,
)
from d2lib.generation import generate
from d2lib.scratch.attention import positional_encoding
from d2lib.scratch.embeddings import Embedding
from d2lib.scratch.layers import Dense
from d2lib.scratch.module import Module
from d2lib.scratch.recurrent import GRU, LSTM, RNN
from d2lib.scratch.regularization import Dropout
from d2lib.scratch.tensor import Tensor
from d2lib.scratch.transformer import LayerNorm, TransformerBlock

__all__ = ["LanguageModel", "generate"]

RECURRENT = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


class LanguageModel(Module):
    r"""Gives every token a score for coming next, after all that were read so far.

    .. math:: P(x_1, \dots, x_T) = \prod_{t=1}^T P(x_t \mid x_1, \dots, x_{t-1})

    Tokens become vectors, a recurrent layer or a stack of Transformer blocks reads them
    from left to right, and a dense layer turns what it says into scores (logits).

    Args:
        tokens: how many tokens there are.
        units: the width of the vectors and of the states.
        cell: what reads: "rnn", "lstm", "gru" or "transformer".
        layers: how many recurrent layers or Transformer blocks.
        heads: of the attention in each block; only for "transformer".
        max_length: how many tokens can be read at once; only for "transformer".
        dropout: the probability with which `Dropout` drops, inside the blocks of a
            Transformer, and before the last layer otherwise.
        seed: an int or a ``numpy.random.Generator``.

    Called with integers in [0, tokens) of shape (batch, length), it returns logits of
    shape (batch, length, tokens): at position t those of token t + 1.

    Raises:
        TypeError: (when called) tokens that are not integers.
        ValueError: an unknown cell, sizes < 1, units that can't be divided by heads, or
            (when called) an index outside [0, tokens) or a sequence longer than
            ``max_length``.

    Example:
        >>> model = LanguageModel(26, units=16, cell="gru", seed=0)
        >>> model(np.zeros((2, 7), int)).shape
        (2, 7, 26)

    Source: Shannon, 1948 (with counts); Bengio et al., 2003; Mikolov et al., 2010
    (recurrent); Radford et al., 2018 (Transformer).
    """

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
        check_choice(cell, (*RECURRENT, "transformer"), "cell")
        self.tokens = check_positive_int(tokens, "tokens")
        self.units = check_positive_int(units, "units")
        self.layers = check_positive_int(layers, "layers")
        self.max_length = check_positive_int(max_length, "max_length")
        check_probability(dropout, "dropout")
        self.cell = cell
        generator = as_generator(seed)
        self.embedding = Embedding(tokens, units, seed=generator)
        if cell == "transformer":
            self.positions = positional_encoding(max_length, units)
            self.blocks = [
                TransformerBlock(units, heads, dropout=dropout, seed=generator)
                for _ in range(layers)
            ]
            self.norm = LayerNorm(units)
        else:
            self.recurrent = RECURRENT[cell](units, units, layers, seed=generator)
            self.dropout = Dropout(dropout)
        self.head = Dense(units, tokens, seed=generator)
        self.seed(generator)

    def forward(self, x: Any) -> Tensor:
        """Maps tokens (batch, length) to logits (batch, length, tokens)."""
        return self.head(self._read(x, None)[0])

    def advance(self, x: Any, state: Any = None) -> tuple[Tensor, Any]:
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

    def _read(self, x: Any, state: Any) -> tuple[Tensor, Any]:
        """Computes (batch, length, units) from tokens, and the state after them."""
        is_transformer = self.cell == "transformer"
        length = check_length(x, self.max_length if is_transformer else None)
        if not is_transformer:
            y, state = self.recurrent(self.embedding(x), state)
            return self.dropout(y), state
        # The square root makes the vectors as long as the positions added to them.
        y = self.embedding(x) * self.units**0.5 + self.positions[:length]
        for block in self.blocks:
            y = block(y)
        return self.norm(y), None
