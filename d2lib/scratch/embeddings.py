"""Tokens as vectors: one-hot, and learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks import check_indices, check_numbers, check_positive_int
from d2lib._types import Array
from d2lib.scratch.initializers import initialize
from d2lib.scratch.module import Module
from d2lib.scratch.tensor import Tensor, node, tensor

__all__ = ["Embedding", "one_hot"]


def one_hot(indices: Any, tokens: int) -> Tensor:
    r"""Turns a number into a vector that is 1 at its place and 0 elsewhere.

    No token is then larger than another, or nearer to a third:

    .. math:: e(i) = [0, \dots, 0, \underset{i}{1}, 0, \dots, 0]

    Args:
        indices: integers in [0, tokens), a NumPy array or lists, of any shape.
        tokens: how many there are: the length of the vectors.

    Returns:
        A float32 tensor of shape ``(*indices.shape, tokens)``.

    Raises:
        TypeError: indices that are not integers.
        ValueError: an index outside [0, tokens), or tokens < 1.

    Example:
        >>> one_hot([2, 0], 3).data
        array([[0., 0., 1.],
               [1., 0., 0.]], dtype=float32)
    """
    tokens = check_positive_int(tokens, "tokens")
    indices = check_indices(indices, tokens, "one_hot")
    check_numbers(indices=indices.size, tokens=tokens)
    vectors = np.zeros((indices.size, tokens), np.float32)
    vectors[np.arange(indices.size), indices.reshape(-1)] = 1
    return Tensor(vectors.reshape(*indices.shape, tokens))


class Embedding(Module):
    r"""A table with one learned vector for each token.

    Looking up row i is the product of the one-hot vector with the table,

    .. math:: \text{embedding}(i) = e(i)^\top W,

    without computing it. So only the rows that were looked up get a gradient.

    Args:
        tokens: how many tokens there are.
        units: the length of their vectors.
        initializer: a scheme of `initialize` for W.
        seed: an int or a ``numpy.random.Generator``.

    Called with integers in [0, tokens) of any shape, a NumPy array or lists, it returns
    a tensor of shape ``(*indices.shape, units)``.

    Attributes:
        W: the vectors, shape ``(tokens, units)``.

    Raises:
        TypeError: (when called) indices that are not integers.
        ValueError: sizes < 1, an unknown scheme, or an index outside [0, tokens).

    Example:
        >>> embedding = Embedding(10, 4, seed=0)
        >>> embedding([[1, 2, 1]]).shape
        (1, 3, 4)

    Source: Bengio, Ducharme, Vincent & Jauvin, 2003.
    """

    def __init__(
        self, tokens: int, units: int, initializer: str = "xavier", seed: Any = None
    ) -> None:
        self.tokens = check_positive_int(tokens, "tokens")
        self.units = check_positive_int(units, "units")
        check_numbers(tokens=self.tokens, units=self.units)
        self.W = tensor(initialize((tokens, units), initializer, seed), None, True)

    def forward(self, indices: Any) -> Tensor:
        """Maps integers (...) to vectors (..., units)."""
        return look_up(self.W, check_indices(indices, self.tokens, "Embedding"))


def look_up(W: Tensor, indices: Array) -> Tensor:
    """Takes rows of W, (tokens, units), as one operation: (*indices.shape, units)."""
    flat = indices.reshape(-1)

    def backward(g: Array) -> tuple[Any, ...]:
        dW = W.gradient_buffer()
        dW[...] = 0
        if flat.size:
            # Sorted, the rows of one token are neighbours and are summed in one pass;
            # np.add.at adds number by number and takes many times as long.
            order = np.argsort(flat, kind="stable")
            tokens, starts = np.unique(flat[order], return_index=True)
            rows = g.reshape(flat.size, -1)[order]
            dW[tokens] = np.add.reduceat(rows, starts, axis=0)
        return (dW,)

    return node("embedding", W.data[indices], (W,), backward)
