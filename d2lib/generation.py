"""Writing with a language model, one for both twins: read, draw a token, read it."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from d2lib._checks import (
    as_array,
    as_generator,
    check_indices,
    check_non_negative,
    check_positive_int,
    short,
)
from d2lib._types import Array

__all__ = ["generate"]


def generate(
    model: Any,
    prompt: Any,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    stop: int | None = None,
    seed: Any = None,
) -> Any:
    r"""Continues a sequence of tokens, drawing each from what the model expects.

    .. math:: P(x_{t+1} = k) = \frac{e^{z_k / \tau}}{\sum_j e^{z_j / \tau}}

    A temperature :math:`\tau` below 1 makes likely tokens likelier, one above 1 brings
    the unlikely ones nearer. At 0 the likeliest is taken each time ("greedy").

    Args:
        model: a ``LanguageModel`` of either twin.
        prompt: integers in [0, model.tokens), of shape ``(n,)`` or ``(batch, n)`` with
            n >= 1: what was said so far.
        length: how many tokens to add at most.
        temperature: :math:`\tau \ge 0`.
        top_k: if given, only the k likeliest tokens can be drawn; of equally likely
            ones those with the lower numbers.
        stop: if given, a sequence ends with this token, one integer.
        seed: an int or a ``numpy.random.Generator``.

    Returns:
        The prompt and what follows, an integer array; for a batch a list of them, since
        some stop earlier than others.

    Raises:
        TypeError: no language model, a prompt that is not made of integers, or another
            argument of a wrong type.
        ValueError: an empty prompt, a token outside the vocabulary, a negative
            temperature, length < 1 or top_k < 1, several tokens as stop, or logits of
            the model that are NaN or +inf.

    Example:
        >>> from d2lib import scratch
        >>> model = scratch.LanguageModel(10, units=8, seed=0)
        >>> generate(model, [1, 2, 3], 5, seed=0).shape
        (8,)

    Source: Ackley, Hinton & Sejnowski, 1985 (temperature); Fan, Lewis & Dauphin, 2018
    (top-k).
    """
    name = getattr(model, "twin", None)
    if name not in ("d2lib.scratch", "d2lib.mx") or not hasattr(model, "advance"):
        raise TypeError(
            "model must be a LanguageModel of d2lib.scratch or d2lib.mx, got "
            f"{short(model)}"
        )
    twin = importlib.import_module(name)
    length = check_positive_int(length, "length")
    temperature = check_non_negative(temperature, "temperature")
    if top_k is not None:
        top_k = min(check_positive_int(top_k, "top_k"), model.tokens)
    if stop is not None:
        if as_array(stop, "stop").ndim:
            raise ValueError(
                f"stop must be one token, got {short(stop)}: draw longer and cut the "
                "result where the first of several stands"
            )
        check_indices(stop, model.tokens, "stop")
    prompt = check_indices(prompt, model.tokens, "prompt")
    if prompt.ndim not in (1, 2) or not prompt.size:
        raise ValueError(
            "generate needs a prompt of shape (n,) or (batch, n) with at least one "
            f"token, got shape {prompt.shape}: start with the token that begins a text"
        )
    rng = as_generator(seed)
    x = np.atleast_2d(prompt)
    texts = [list(row) for row in x]
    writing = np.ones(len(x), bool)
    state = None
    with twin.no_grad():
        for _ in range(length):
            logits, state = model.advance(x, state)
            drawn = _draw(twin.to_numpy(logits), temperature, top_k, rng)  # (batch,)
            for text, token, active in zip(texts, drawn, writing, strict=True):
                if active:
                    text.append(token)
            if stop is not None:
                writing &= drawn != stop
                if not writing.any():
                    break
            x = drawn[:, None]
    arrays = [np.array(text, np.int64) for text in texts]
    return arrays if prompt.ndim == 2 else arrays[0]


def _draw(
    logits: Array, temperature: float, top_k: int | None, rng: np.random.Generator
) -> Array:
    """Draws a token for each row of logits: (batch, tokens) to (batch,)."""
    if np.isnan(logits).any() or (logits == np.inf).any():
        raise ValueError(
            "generate needs finite logits (or -inf for what can't come), got NaN or "
            "+inf from the model: train it with a lower rate or clip_norm=1.0"
        )
    if (logits == -np.inf).all(axis=1).any():
        raise ValueError("generate needs a token that can come, got only -inf")
    if temperature == 0:
        drawn: Array = logits.argmax(axis=1)
        return drawn
    z = (logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    with np.errstate(over="ignore"):  # -inf is right: e^-inf = 0, and the largest is 0
        z /= temperature
    if top_k is not None:
        # Exactly k: of equals the one with the lower number comes first.
        order = np.argsort(-z, axis=1, kind="stable")
        np.put_along_axis(z, order[:, top_k:], -np.inf, axis=1)
    cumulative = np.exp(z).cumsum(axis=1)
    u = rng.random((len(z), 1)) * cumulative[:, -1:]
    drawn = (cumulative > u).argmax(axis=1)
    return drawn
