"""Language models of this twin's layers; `d2lib.scratch.language` explains them."""

from __future__ import annotations

from d2lib.generation import generate
from d2lib.mx.module import Module
from d2lib.shared.language import Language

__all__ = ["LanguageModel", "generate"]


class LanguageModel(Language, Module):
    """Gives every token a score for coming next, after all that were read so far.

    The arguments, shapes and, for one seed, the initial weights are those of
    `d2lib.scratch.LanguageModel`.

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

    Raises:
        TypeError: (when called) tokens that are not integers.
        ValueError: an unknown cell, sizes < 1, units that can't be divided by heads, or
            (when called) an index outside [0, tokens) or a sequence longer than
            ``max_length``.

    Example:
        >>> import numpy
        >>> model = LanguageModel(26, units=16, cell="gru", seed=0)
        >>> model(numpy.zeros((2, 7), int)).shape
        (2, 7, 26)
    """
