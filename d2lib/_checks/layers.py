"""What goes into a layer: the axes of its input, states, masks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from d2lib._checks.arrays import as_array, shape_of
from d2lib._checks.numbers import as_list, check_numbers, check_positive_int
from d2lib._checks.show import kind, short
from d2lib._types import Array

MOST_LAYERS = 10_000  # each takes a millisecond to make, and all of them to compute


def check_inputs(shape: tuple[int, ...], inputs: int, layer: str) -> None:
    """Raises ValueError unless the last axis of a layer's input is ``inputs`` long."""
    if not shape or shape[-1] != inputs:
        hint = ""
        if len(shape) > 1 and math.prod(shape[1:]) == inputs:
            hint = ": flatten each example with x.reshape(len(x), -1)"
        raise ValueError(
            f"{layer} expects x of shape (batch, {inputs}), got {shape}{hint}"
        )


def check_sequence(shape: tuple[int, ...], inputs: int, layer: str) -> None:
    """Raises ValueError unless an input of ``shape`` is a batch of sequences."""
    if len(shape) != 3 or shape[-1] != inputs or shape[1] < 1:
        hint = ""
        if len(shape) == 2 and shape[-1] == inputs:
            hint = ": a single sequence is a batch of one, x[None]"
        elif len(shape) == 2 and inputs == 1:
            hint = ": one number per step needs an axis of its own, x[:, :, None]"
        raise ValueError(
            f"{layer} expects x of shape (batch, length, {inputs}) with length >= 1, "
            f"got {shape}{hint}"
        )


def check_layers(layers: Any) -> int:
    """Returns how many layers lie on top of each other, as an int."""
    return check_positive_int(layers, "layers", MOST_LAYERS)


def check_sizes(sizes: Any) -> list[int]:
    """Returns the widths of a network from its input to its output."""
    mend = "pass all widths as one list, such as MLP([784, 128, 10])"
    widths = as_list(sizes, "sizes", MOST_LAYERS, mend)
    if len(widths) < 2:
        raise ValueError(
            f"sizes must name the input and the output at least, got {short(widths)}"
        )
    return [check_positive_int(width, "each of sizes") for width in widths]


def check_recurrent(
    inputs: Any, units: Any, layers: Any, gates: int
) -> tuple[int, int, int]:
    """Returns the sizes of a recurrent layer as ints."""
    inputs = check_positive_int(inputs, "inputs")
    units = check_positive_int(units, "units")
    layers = check_layers(layers)
    check_numbers(inputs=inputs, units=units, gates=gates)
    check_numbers(units=units, gates=gates, outputs=units, layers=layers)
    return inputs, units, layers


def check_states(
    state: Any, count: int, shape: tuple[int, ...], layer: str
) -> list[Any]:
    """Returns the ``count`` parts of a state; each must be of ``shape``."""
    what = "a state" if count == 1 else "a state (h, c), each"
    if count > 1 and not (isinstance(state, (tuple, list)) and len(state) == count):
        raise TypeError(
            f"{layer} expects {what} of shape {shape}, got {kind(state)}: "
            "pass the pair that an earlier call returned"
        )
    parts = [state] if count == 1 else list(state)
    for part in parts:
        got = shape_of(part, "state")
        if got != shape:
            raise ValueError(
                f"{layer} expects {what} of shape {shape} (layers, batch, units), got "
                f"{got}"
            )
    return parts


def check_length(x: Any, max_length: int | None) -> int:
    """Returns the length of token sequences (batch, length), at most max_length."""
    shape = shape_of(x, "x")
    longest = max_length or np.inf
    if len(shape) != 2 or not 1 <= shape[1] <= longest:
        at_most = f" <= max_length = {max_length}" if max_length else ""
        hint = ""
        if len(shape) == 1:
            hint = ": a single sequence is a batch of one, x[None]"
        elif len(shape) == 2 and shape[1] > longest:
            hint = ": cut it into pieces, or build the model with a larger max_length"
        raise ValueError(
            "LanguageModel expects tokens of shape (batch, length) with 1 <= length"
            f"{at_most}, got {shape}{hint}"
        )
    return shape[1]


def check_attention(
    q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...] | None = None
) -> None:
    """Raises ValueError unless queries, keys and values of these shapes go together."""
    hint = ""
    if min(len(q), len(k), 2 if v is None else len(v)) < 2:
        hint = "each needs the axes (length, width) at least"
    elif q[-1] != k[-1]:
        hint = "q and k are multiplied, so their last axes must be of one length"
    elif q[-1] < 1:
        hint = "vectors without a number can't be compared"
    elif k[-2] < 1:
        hint = "there must be one key to look at, at least"
    elif v is not None and k[-2] != v[-2]:
        hint = "each key needs its value, so k and v must be of one length"
    elif q[:-2] != k[:-2] or (v is not None and k[:-2] != v[:-2]):
        hint = "the axes before the last two must be the same in all of them"
    if hint:
        values = "" if v is None else " and v (..., len_k, d_v)"
        got = "" if v is None else f" and v {v}"
        raise ValueError(
            f"attention needs q (..., len_q, d), k (..., len_k, d){values}, got q {q}, "
            f"k {k}{got}: {hint}"
        )


def check_context(
    x: tuple[int, ...], context: tuple[int, ...], units: int
) -> tuple[int, int, int]:
    """Returns (batch, len_q, len_k); x and context must be sequences of one batch."""
    check_sequence(x, units, "MultiHeadAttention")
    if len(context) != 3 or context[::2] != x[::2] or context[1] < 1:
        raise ValueError(
            "MultiHeadAttention expects a context of shape (batch, len_k, units) = "
            f"({x[0]}, len_k, {units}) with len_k >= 1, got {context}"
        )
    return x[0], x[1], context[1]


def check_heads(units: Any, heads: Any) -> tuple[int, int]:
    """Returns units and heads as ints; each head gets an equal share of the units."""
    units = check_positive_int(units, "units")
    heads = check_positive_int(heads, "heads")
    if units % heads:
        raise ValueError(
            f"units must be a multiple of heads, got units={units} and heads={heads}: "
            "each head gets units / heads of them"
        )
    check_numbers(units=units, outputs=units, matrices=4)
    return units, heads


def check_mask(mask: Any, shape: tuple[int, ...]) -> Array:
    """Returns a boolean mask that broadcasts to scores of ``shape``."""
    array = as_array(mask, "mask")
    if array.dtype != bool:
        raise TypeError(
            "mask must be boolean, True where a query may look, got dtype "
            f"{array.dtype}: convert it with mask.astype(bool)"
        )
    fits = 2 <= array.ndim <= len(shape) and all(
        n in (1, m) for n, m in zip(array.shape[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise ValueError(
            f"mask must have two axes or more and broadcast to {shape}, (..., len_q, "
            f"len_k), got {array.shape}: padding of shape (batch, len_k) is given as "
            "mask[:, None, :]"
        )
    return array
