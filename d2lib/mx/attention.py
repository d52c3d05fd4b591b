"""Attention by MXNet's operators; `d2lib.scratch.attention` derives it."""

from __future__ import annotations

from typing import Any

import numpy

from d2lib._checks import (
    as_generator,
    check_attention,
    check_context,
    check_flag,
    check_heads,
    check_mask,
    check_positive,
)
from d2lib.mx._compat import gluon, mx, np
from d2lib.mx.initializers import Initializer
from d2lib.mx.layers import bias_alone, prepare, product
from d2lib.mx.module import Layout, Module
from d2lib.mx.tensor import Tensor, as_tensor, to_device
from d2lib.shared.masks import may_look
from d2lib.shared.positions import positional_encoding

__all__ = [
    "MultiHeadAttention",
    "attention",
    "attention_weights",
    "positional_encoding",
]


def attention(
    q: Any,
    k: Any,
    v: Any,
    mask: Any = None,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    r""":math:`\text{softmax}(\text{scale} \cdot Q K^\top)\, V` by ``np.matmul``.

    Args:
        q: the queries, shape ``(..., len_q, d)``.
        k: the keys, shape ``(..., len_k, d)``.
        v: the values, shape ``(..., len_k, d_v)``.
        mask: a boolean NumPy array, True where a query may look; it broadcasts to
            ``(..., len_q, len_k)``.
        causal: whether query t may look at the keys 0 to t only.
        scale: what the scores are multiplied with, as in PyTorch; None takes
            :math:`1/\sqrt d`.

    Raises:
        ValueError: shapes that do not go together, no keys, a scale that is not > 0.
        TypeError: a mask that is not boolean.

    Example:
        >>> attention([[9.0, 0.0]], [[9.0, 0.0], [0.0, 9.0]], [[1.0], [2.0]])
        array([[1.]])
    """
    q = as_tensor(q, name="q")
    k, v = as_tensor(k, q.dtype, "k"), as_tensor(v, q.dtype, "v")
    check_attention(q.shape, k.shape, v.shape)
    p = attention_weights(q, k, mask, causal, scale)
    if not p.size or not v.size:  # MXNet's operators fail on nothing
        return np.zeros((*q.shape[:-1], v.shape[-1]), dtype=q.dtype, ctx=q.ctx)
    return np.matmul(p, v)


def attention_weights(
    q: Any,
    k: Any,
    mask: Any = None,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    r""":math:`\text{softmax}(\text{scale} \cdot Q K^\top)`: who looks at whom.

    Args:
        q: the queries, shape ``(..., len_q, d)``.
        k: the keys, shape ``(..., len_k, d)``.
        mask: see `attention`.
        causal: see `attention`.
        scale: see `attention`.

    Raises:
        ValueError: shapes that do not go together, no keys, a scale that is not > 0.
        TypeError: a mask that is not boolean.

    Example:
        >>> attention_weights([[0.0], [0.0]], [[1.0], [2.0]], causal=True)
        array([[1. , 0. ],
               [0.5, 0.5]])
    """
    q = as_tensor(q, name="q")
    k = as_tensor(k, q.dtype, "k")
    check_attention(q.shape, k.shape)
    scale = check_positive(q.shape[-1] ** -0.5 if scale is None else scale, "scale")
    shape = (*q.shape[:-1], k.shape[-2])
    hidden, sighted = _hidden(mask, causal, shape, q.dtype)
    if 0 in shape:
        return np.zeros(shape, dtype=q.dtype, ctx=q.ctx)
    return _weights(mx.nd, q * scale, np.swapaxes(k, -1, -2), hidden, sighted)


def _hidden(
    mask: Any, causal: bool, shape: tuple[int, ...], dtype: Any
) -> tuple[Any, ...]:
    """What hides scores of that shape, as two arrays; each is None if it does nothing.

    The first is added to the scores: so far below the others, a score gets no weight at
    all. A row of nothing but such scores would share its weight out evenly; the second
    is multiplied with the weights, and zero in such a row.
    """
    visible = may_look(mask, causal, shape)
    if visible is None:
        return None, None
    hidden = to_device(numpy.where(visible, 0, -1e30).astype(dtype))
    sighted = visible.any(axis=-1, keepdims=True)
    return hidden, None if sighted.all() else to_device(sighted.astype(dtype))


def _weights(F: Any, q: Any, k: Any, hidden: Any, sighted: Any) -> Any:
    """softmax(q k), zero where a query may not look; k comes transposed.

    F is MXNet's module of array functions, or that of its symbols.
    """
    scores = F.np.matmul(q, k)
    p = F.npx.softmax(scores if hidden is None else scores + hidden, axis=-1)
    return p if sighted is None else p * sighted


class MultiHeadAttention(Module):
    """Projects by ``npx.fully_connected``, splits into heads, and attends.

    The arguments, shapes and, for one seed, the initial weights are those of
    `d2lib.scratch.MultiHeadAttention`. MXNet stores the weights transposed, as it does
    for every dense layer.

    Args:
        units: the length of the vectors that come in and go out.
        heads: into how many heads they are split; units must be a multiple of it.
        causal: whether position t may look at the positions 0 to t only.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: units that heads do not divide, sizes < 1, or (when called) shapes
            that do not go together.
        TypeError: a mask that is not boolean.

    Example:
        >>> layer = MultiHeadAttention(8, heads=2, seed=0)
        >>> x = np.ones((1, 3, 8))
        >>> layer(x).shape, layer.weights(x).shape
        ((1, 3, 8), (1, 2, 3, 3))
    """

    _given: Any = None  # which of the inputs there were last, and what was frozen

    def __init__(
        self, units: int, heads: int, causal: bool = False, seed: Any = None
    ) -> None:
        self.units, self.heads = check_heads(units, heads)
        self.causal = check_flag(causal, "causal")
        self._graph = _Heads(units, heads, as_generator(seed))
        for name, parameter in self._graph._reg_params.items():
            setattr(self, name, parameter)

    def forward(self, x: Any, context: Any = None, mask: Any = None) -> Tensor:
        """Lets every position of x look at the context, or at x itself."""
        inputs = self._checked(x, context, mask)
        x = inputs[0]
        if not x.size:  # MXNet's operators fail on nothing
            return np.zeros(x.shape, dtype=x.dtype, ctx=x.ctx)
        given = [array is not None for array in inputs], self._graph.biases_alone()
        if given != self._given:  # it leads to another graph
            self._graph._clear_cached_op()
            self._given = given
        return self._graph(*inputs)

    def weights(self, x: Any, context: Any = None, mask: Any = None) -> Tensor:
        """Returns who looks at whom, shape (batch, heads, length, len_k)."""
        inputs = self._checked(x, context, mask)
        x = inputs[0]
        if not x.size:
            length = (x if context is None else inputs[1]).shape[1]
            shape = (0, self.heads, x.shape[1], length)
            return np.zeros(shape, dtype=x.dtype, ctx=x.ctx)
        arrays = {name: p.data() for name, p in self._graph._reg_params.items()}
        return self._graph.weights(mx.nd, arrays, *inputs)

    def _checked(self, x: Any, context: Any, mask: Any) -> tuple[Any, ...]:
        dtype = self.W_q.dtype
        x = as_tensor(x, dtype)
        context = None if context is None else as_tensor(context, dtype, "context")
        batch, len_q, len_k = shape = check_context(
            x.shape, x.shape if context is None else context.shape, self.units
        )
        if mask is not None:  # the same for all heads
            mask = check_mask(mask, shape)[..., None, :, :]
        scores = (batch, self.heads, len_q, len_k)
        return x, context, *_hidden(mask, self.causal, scores, dtype)


class _Heads(gluon.HybridBlock):
    """The graph of `MultiHeadAttention`, which is compiled, and its parameters."""

    def __init__(self, units: int, heads: int, generator: Any) -> None:
        super().__init__()
        self._units, self._heads = units, heads
        for name in "qkvo":
            weight = self.params.get(
                f"W_{name}", shape=(units, units), init=Initializer("xavier", generator)
            )
            weight.layout = Layout((1, 0), (units, units))
            setattr(self, f"W_{name}", weight)
        for name in "qkvo":
            bias = self.params.get(f"b_{name}", shape=(units,), init="zeros")
            setattr(self, f"b_{name}", bias)
        prepare(self)

    def hybrid_forward(
        self,
        F: Any,
        x: Any,
        context: Any = None,
        hidden: Any = None,
        sighted: Any = None,
        **arrays: Any,
    ) -> Any:
        """Maps x of shape (batch, length, units) to the same shape."""
        p = self.weights(F, arrays, x, context, hidden, sighted)
        v = self._project(F, x if context is None else context, "v", arrays)
        y = F.np.matmul(p, F.np.swapaxes(v, 1, 2))
        y = F.np.swapaxes(y, 1, 2)  # (batch, length, heads, units / heads)
        y = F.npx.reshape(y, (-2, -2, -5))  # (batch, length, units)
        return self._dense(F, y, "o", arrays)

    def weights(
        self, F: Any, arrays: Any, x: Any, context: Any, hidden: Any, sighted: Any
    ) -> Any:
        """Computes who looks at whom."""
        q = self._project(F, x, "q", arrays) * (self._heads / self._units) ** 0.5
        k = self._project(F, x if context is None else context, "k", arrays)
        # (MXNet swaps two axes four times faster than it transposes.)
        q, k = F.np.swapaxes(q, 1, 2), F.np.transpose(k, (0, 2, 3, 1))
        return _weights(F, q, k, hidden, sighted)

    def _project(self, F: Any, x: Any, name: str, arrays: Any) -> Any:
        """Maps (batch, length, units) to (batch, length, heads, units / heads)."""
        y = self._dense(F, x, name, arrays)
        return F.npx.reshape(y, (-2, -2, -6, self._heads, -1))

    def _dense(self, F: Any, x: Any, name: str, arrays: Any) -> Any:
        W, b = arrays[f"W_{name}"], arrays[f"b_{name}"]
        return product(F, x, W, b, self._units, name in self.biases_alone())

    def biases_alone(self) -> list[str]:
        """The products of which b is trained and W is not: another graph."""
        of = self._reg_params
        return [n for n in "qkvo" if bias_alone(of[f"W_{n}"], of[f"b_{n}"])]
