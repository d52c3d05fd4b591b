"""Attention: each position of a sequence asks all the others what they know.

A *query* is compared with a *key* of every position; a softmax turns the similarities
into weights; the answer is the average of the *values* with these weights. Nothing is
passed on step by step, so the first word and the last are as near to each other as
neighbours are, and all positions are computed at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from d2lib._checks import (
    as_generator,
    check_attention,
    check_context,
    check_flag,
    check_heads,
    check_mask,
    check_positive,
)
from d2lib._types import Array
from d2lib.scratch._parallel import products_in_parallel
from d2lib.scratch.initializers import initialize
from d2lib.scratch.layers import linear
from d2lib.scratch.module import Module
from d2lib.scratch.tensor import Tensor, as_tensor, node, tensor
from d2lib.shared.masks import may_look
from d2lib.shared.positions import positional_encoding

__all__ = [
    "MultiHeadAttention",
    "attention",
    "attention_weights",
    "positional_encoding",
]

_BLOCK = 131_072  # scores: half a MB of float32, which stays in the cache


def attention(
    q: Any,
    k: Any,
    v: Any,
    mask: Any = None,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    r"""Answers each query with the values whose keys are like it.

    .. math:: Y = P V, \qquad P = \text{softmax}(S), \qquad
              S = \text{scale} \cdot Q K^\top

    .. math:: \frac{\partial L}{\partial V} = P^\top G, \qquad
              \frac{\partial L}{\partial S_{ij}} =
              P_{ij} \Big((G V^\top)_{ij} - \sum_n G_{in} Y_{in}\Big), \qquad
              G = \frac{\partial L}{\partial Y}

    A sum of d products grows like :math:`\sqrt d`. Divided by that, the scores leave
    the softmax soft, and its gradient alive, whatever the width. (``scale`` and
    ``causal`` are ``scale`` and ``is_causal`` of PyTorch's
    ``scaled_dot_product_attention``.)

    Args:
        q: the queries, shape ``(..., len_q, d)``.
        k: the keys, shape ``(..., len_k, d)``.
        v: the values, shape ``(..., len_k, d_v)``.
        mask: a boolean array, True where a query may look; it broadcasts to
            ``(..., len_q, len_k)``. Padding, known as an array ``(batch, len_k)``, is
            ``mask[:, None, :]``.
        causal: whether query t may look at the keys 0 to t only: not into the future.
        scale: what the scores are multiplied with, as in PyTorch; None takes
            :math:`1/\sqrt d`.

    Returns:
        A tensor of shape ``(..., len_q, d_v)``. A query that may look nowhere gets
        zeros, and passes no gradient on; one whose scores are infinite gets NaN.

    Raises:
        ValueError: shapes that do not go together, no keys, a scale that is not > 0.
        TypeError: a mask that is not boolean.

    Example:
        >>> attention([[9.0, 0.0]], [[9.0, 0.0], [0.0, 9.0]], [[1.0], [2.0]]).data
        array([[1.]], dtype=float32)

    Source: Bahdanau, Cho & Bengio, 2015; scaled products: Vaswani et al., 2017.
    """
    q = as_tensor(q, name="q")
    k, v = as_tensor(k, q.dtype, "k"), as_tensor(v, q.dtype, "v")
    check_attention(q.shape, k.shape, v.shape)
    scale = check_positive(q.shape[-1] ** -0.5 if scale is None else scale, "scale")
    queries, keys, values = q.data, k.data, v.data
    p = _weights(queries, keys, mask, causal, scale)
    # It takes over the order in memory of the queries: several heads stay interleaved.
    y = np.empty_like(queries, shape=(*q.shape[:-1], v.shape[-1]))
    _by_parts(lambda i: np.matmul(p[i], values[i], out=y[i]), p.shape)

    def backward(g: Array) -> tuple[Any, ...]:
        dq, dk, dv = (np.empty_like(a) for a in (queries, keys, values))

        def part(i: Any) -> None:
            np.matmul(_turned(p[i]), g[i], out=dv[i])
            ds = g[i] @ _turned(values[i])  # (..., len_q, len_k), as the scores
            ds -= (g[i] * y[i]).sum(axis=-1, keepdims=True)
            ds *= p[i]
            np.matmul(ds, keys[i], out=dq[i])
            np.matmul(_turned(ds), queries[i], out=dk[i])

        _by_parts(part, p.shape)
        dq *= scale
        dk *= scale
        return dq, dk, dv

    return node("attention", y, (q, k, v), backward)


def attention_weights(
    q: Any,
    k: Any,
    mask: Any = None,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    r"""Says how much each query takes from each position: who looks at whom.

    .. math:: P = \text{softmax}\big(\text{scale} \cdot Q K^\top\big), \qquad
              \frac{\partial L}{\partial S_{ij}} =
              P_{ij} \Big(G_{ij} - \sum_n G_{in} P_{in}\Big)

    Args:
        q: the queries, shape ``(..., len_q, d)``.
        k: the keys, shape ``(..., len_k, d)``.
        mask: see `attention`.
        causal: see `attention`.
        scale: see `attention`.

    Returns:
        A tensor of shape ``(..., len_q, len_k)``. Each row sums to 1; that of a query
        that may look nowhere is zero, and one of infinite scores NaN.

    Raises:
        ValueError: shapes that do not go together, no keys, a scale that is not > 0.
        TypeError: a mask that is not boolean.

    Example:
        >>> attention_weights([[0.0], [0.0]], [[1.0], [2.0]], causal=True).data
        array([[1. , 0. ],
               [0.5, 0.5]], dtype=float32)

    Source: Bahdanau, Cho & Bengio, 2015, who draw them for words in translation.
    """
    q = as_tensor(q, name="q")
    k = as_tensor(k, q.dtype, "k")
    check_attention(q.shape, k.shape)
    scale = check_positive(q.shape[-1] ** -0.5 if scale is None else scale, "scale")
    queries, keys = q.data, k.data
    p = _weights(queries, keys, mask, causal, scale)

    def backward(g: Array) -> tuple[Any, ...]:
        ds = p * (g - (g * p).sum(axis=-1, keepdims=True))
        return ds @ keys * scale, _turned(ds) @ queries * scale

    return node("attention weights", p, (q, k), backward)


def _by_parts(work: Callable[[Any], object], shape: tuple[int, ...]) -> None:
    """Calls ``work`` with indices that cut scores of that shape into small parts.

    They are cut along their first axis, and each thread has a share of the parts.
    """
    if len(shape) == 2:
        work(...)
        return
    step = max(1, _BLOCK // max(1, math.prod(shape[1:])))

    def share(start: int, stop: int, _: int) -> None:
        for i in range(start, stop, step):
            work(slice(i, min(i + step, stop)))

    products_in_parallel(share, shape[0], math.prod(shape))


def _turned(x: Array) -> Array:
    """The transposed matrices."""
    return np.swapaxes(x, -1, -2)


def _weights(q: Array, k: Array, mask: Any, causal: bool, scale: float) -> Array:
    """Computes softmax(scale q k^T), zero where a query may not look."""
    weights = np.empty_like(q, shape=(*q.shape[:-1], k.shape[-2]), order="C")
    visible = may_look(mask, causal, weights.shape)
    if visible is not None:
        visible = np.asarray(visible, like=q)
        hidden = np.broadcast_to(~visible, weights.shape)
        nowhere = ~visible.any(axis=-1, keepdims=True)
        nowhere = np.broadcast_to(nowhere, (*weights.shape[:-1], 1))
    ones = np.ones_like(q, shape=k.shape[-2])

    def part(i: Any) -> None:
        p = weights[i]
        np.matmul(q[i] * scale, _turned(k[i]), out=p)
        if visible is None:
            p -= p.max(axis=-1, keepdims=True)
        else:
            np.copyto(p, -np.inf, where=hidden[i])
            top = p.max(axis=-1, keepdims=True)
            np.copyto(top, 0, where=nowhere[i])  # such a row stays one of -inf
            p -= top
        np.exp(p, out=p)
        # The largest has become 1, so the sum is at least 1, or 0 in such a row. (A
        # product with ones is a faster sum.)
        p /= np.maximum(p @ ones, 1)[..., None]

    _by_parts(part, weights.shape)
    return weights


class MultiHeadAttention(Module):
    r"""Several attentions side by side, each looking for something else.

    .. math:: Q = X W_q + b_q, \quad K = C W_k + b_k, \quad V = C W_v + b_v, \qquad
              Y = \big[\text{attention}(Q_1, K_1, V_1), \dots\big]\, W_o + b_o

    where :math:`Q_h`, :math:`K_h`, :math:`V_h` are the columns of head h, and C is the
    context, or X itself: then a sequence attends to itself.

    Args:
        units: the length of the vectors that come in and go out.
        heads: into how many heads they are split; units must be a multiple of it.
        causal: whether position t may look at the positions 0 to t only.
        seed: an int or a ``numpy.random.Generator``.

    Called with x of shape (batch, length, units); if wanted, with a context of shape
    (batch, len_k, units) and a mask that broadcasts to (batch, length, len_k), as in
    `attention`. It returns a tensor of x's shape. ``weights``, called alike, returns
    who looks at whom, shape (batch, heads, length, len_k).

    Attributes:
        W_q: makes queries, shape ``(units, units)``; ``W_k`` keys, ``W_v`` values.
        W_o: mixes the heads' answers, shape ``(units, units)``.
        b_q: the biases of the queries, shape ``(units,)``; and b_k, b_v, b_o. (b_k adds
            the same to all scores of a query, so its gradient is zero.)

    Raises:
        ValueError: units that heads do not divide, sizes < 1, or (when called) shapes
            that do not go together.
        TypeError: a mask that is not boolean.

    Example:
        >>> layer = MultiHeadAttention(8, heads=2, seed=0)
        >>> x = np.ones((1, 3, 8), np.float32)
        >>> layer(x).shape, layer.weights(x).shape
        ((1, 3, 8), (1, 2, 3, 3))

    Source: Vaswani et al., 2017.
    """

    def __init__(
        self, units: int, heads: int, causal: bool = False, seed: Any = None
    ) -> None:
        self.units, self.heads = check_heads(units, heads)
        self.causal = check_flag(causal, "causal")
        generator = as_generator(seed)

        def matrix() -> Tensor:
            values = initialize((units, units), "xavier", generator)
            return tensor(values, requires_grad=True)

        def bias() -> Tensor:
            return tensor(np.zeros(units, np.float32), requires_grad=True)

        self.W_q, self.W_k, self.W_v, self.W_o = (matrix() for _ in range(4))
        self.b_q, self.b_k, self.b_v, self.b_o = (bias() for _ in range(4))

    def forward(self, x: Any, context: Any = None, mask: Any = None) -> Tensor:
        """Lets every position of x look at the context, or at x itself."""
        x, context, mask = self._checked(x, context, mask)
        q = self._heads(linear(x, self.W_q, self.b_q))
        k = self._heads(linear(context, self.W_k, self.b_k))
        v = self._heads(linear(context, self.W_v, self.b_v))
        y = attention(q, k, v, mask, self.causal)
        y = y.transpose(0, 2, 1, 3)  # (batch, length, heads, units / heads)
        return linear(y.reshape(x.shape), self.W_o, self.b_o)

    def weights(self, x: Any, context: Any = None, mask: Any = None) -> Tensor:
        """Returns who looks at whom, shape (batch, heads, length, len_k)."""
        x, context, mask = self._checked(x, context, mask)
        q = self._heads(linear(x, self.W_q, self.b_q))
        k = self._heads(linear(context, self.W_k, self.b_k))
        return attention_weights(q, k, mask, self.causal)

    def _checked(self, x: Any, context: Any, mask: Any) -> tuple[Tensor, Tensor, Any]:
        dtype = self.W_q.dtype
        x = as_tensor(x, dtype)
        context = x if context is None else as_tensor(context, dtype, "context")
        shape = check_context(x.shape, context.shape, self.units)
        if mask is not None:
            mask = check_mask(mask, shape)[..., None, :, :]  # the same for all heads
        return x, context, mask

    def _heads(self, x: Tensor) -> Tensor:
        """From (batch, length, units) to (batch, heads, length, units / heads)."""
        shape = (*x.shape[:2], self.heads, self.units // self.heads)
        return x.reshape(shape).transpose(0, 2, 1, 3)
