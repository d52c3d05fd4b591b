"""Language models: what token comes next?"""

from __future__ import annotations

from d2lib.generation import generate
from d2lib.scratch.module import Module
from d2lib.shared.language import Language

__all__ = ["LanguageModel", "generate"]


class LanguageModel(Language, Module):
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
        >>> import numpy as np
        >>> model = LanguageModel(26, units=16, cell="gru", seed=0)
        >>> model(np.zeros((2, 7), int)).shape
        (2, 7, 26)

    Source: Shannon, 1948 (with counts); Bengio et al., 2003; Mikolov et al., 2010
    (recurrent); Radford et al., 2018 (Transformer).
    """
