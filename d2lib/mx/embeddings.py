"""Tokens as vectors by MXNet's operators; `d2lib.scratch.embeddings` derives them."""

from __future__ import annotations

from typing import Any

from d2lib._checks import check_indices, check_numbers, check_positive_int
from d2lib._types import Array
from d2lib.mx._compat import gluon, np, npx
from d2lib.mx.device import device
from d2lib.mx.module import Module, fill
from d2lib.mx.tensor import Tensor, to_device
from d2lib.shared.weights import initialize

__all__ = ["Embedding", "one_hot"]


def one_hot(indices: Any, tokens: int) -> Tensor:
    """Vectors that are 1 at the place of an index and 0 elsewhere: ``npx.one_hot``.

    Args:
        indices: integers in [0, tokens), a NumPy array or lists, of any shape.
        tokens: how many there are: the length of the vectors.

    Returns:
        A float32 tensor of shape ``(*indices.shape, tokens)``.

    Raises:
        TypeError: indices that are not integers.
        ValueError: an index outside [0, tokens), or tokens < 1.

    Example:
        >>> one_hot([2, 0], 3)
        array([[0., 0., 1.],
               [1., 0., 0.]])
    """
    tokens = check_positive_int(tokens, "tokens")
    indices = check_indices(indices, tokens, "one_hot")
    check_numbers(indices=indices.size, tokens=tokens)
    if not indices.size:  # MXNet's operator fails on no examples
        return np.zeros((*indices.shape, tokens), ctx=device())
    return npx.one_hot(as_indices(indices), tokens)


class Embedding(Module):
    """A table with one learned vector for each token: a ``gluon.nn.Embedding``.

    Args:
        tokens: how many tokens there are.
        units: the length of their vectors.
        initializer: a scheme of `initialize` for W.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        TypeError: (when called) indices that are not integers.
        ValueError: sizes < 1, an unknown scheme, or an index outside [0, tokens).

    Example:
        >>> embedding = Embedding(10, 4, seed=0)
        >>> embedding([[1, 2, 1]]).shape
        (1, 3, 4)
    """

    def __init__(
        self, tokens: int, units: int, initializer: str = "xavier", seed: Any = None
    ) -> None:
        self.tokens = check_positive_int(tokens, "tokens")
        self.units = check_positive_int(units, "units")
        check_numbers(tokens=self.tokens, units=self.units)
        values = initialize((tokens, units), initializer, seed)
        self._layer = gluon.nn.Embedding(self.tokens, self.units)
        self.W = self._layer.weight
        self.W.grad_req = "add"
        self._layer.initialize(ctx=device())
        self._layer.hybridize()
        fill(self.W, values)

    def forward(self, indices: Any) -> Tensor:
        """Maps integers (...) to vectors (..., units)."""
        indices = check_indices(indices, self.tokens, "Embedding")
        if not indices.size:  # MXNet's operator fails on no examples
            return np.zeros((*indices.shape, self.units), ctx=device())
        return self._layer(as_indices(indices))


def as_indices(indices: Array) -> Tensor:
    """Copies checked indices to `device`, as the 32-bit integers of MXNet."""
    return to_device(indices.astype("int32"))
