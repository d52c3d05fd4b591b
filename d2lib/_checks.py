"""Checks of what a user passes in: each states the rule, what came, and the mend.

Both twins call these at their public boundary, so that the same mistake gets the same
message whichever twin runs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = [
    "as_float_array",
    "as_targets",
    "check_attention",
    "check_batch",
    "check_choice",
    "check_context",
    "check_finite",
    "check_finite_number",
    "check_heads",
    "check_indices",
    "check_inputs",
    "check_labels",
    "check_length",
    "check_mask",
    "check_non_negative",
    "check_parameters",
    "check_positive",
    "check_positive_int",
    "check_probability",
    "check_same_shape",
    "check_seed",
    "check_sequence",
    "check_state",
    "check_states",
    "check_unit_interval",
]


def as_float_array(data: Any, dtype: Any = None, name: str = "data") -> np.ndarray:
    """Turns numbers, lists or a float array into a floating-point array.

    Python numbers and lists of them become float32 unless ``dtype`` says otherwise.
    An *array* of integers is refused: it usually is a batch of labels or of raw pixels
    that somebody forgot to convert, and casting it silently would hide that.
    """
    wanted = np.dtype(np.float32 if dtype is None else dtype)
    if wanted.kind != "f":
        raise TypeError(
            f"{name} needs a floating dtype, got dtype={wanted}: "
            "use float32 (the default) or float64"
        )
    is_array = hasattr(data, "shape") and not isinstance(data, np.generic)
    try:
        array = np.asarray(data)
    except ValueError as error:  # a ragged list
        raise ValueError(
            f"{name} must be a rectangular array of numbers, got {_short(data)}: "
            "give every row the same length"
        ) from error
    if array.dtype.kind not in "fiub" or (is_array and array.dtype.kind in "iub"):
        raise TypeError(
            f"{name} must hold floating-point numbers, got an array of dtype "
            f"{array.dtype} and shape {array.shape}: convert it with "
            "x.astype('float32')"
        )
    return array.astype(wanted, copy=False)


def as_targets(y: Any, dtype: Any) -> np.ndarray:
    """Turns the targets of a loss into floats; whole numbers, as 0 and 1, are fine."""
    targets = np.asarray(y)
    if targets.dtype.kind in "iub":
        return targets.astype(dtype)
    return as_float_array(targets, dtype, "y")


def check_choice(value: Any, choices: Iterable[Any], name: str) -> None:
    """Raises ValueError unless ``value`` is one of ``choices``."""
    options = list(choices)
    if not any(value is option or value == option for option in options):
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}"
        )


def check_positive(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must be a finite number above zero."""
    number = _as_real(value, name)
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be a finite number > 0, got {value!r}")
    return number


def check_non_negative(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must be a finite number of at least zero."""
    number = _as_real(value, name)
    if not (np.isfinite(number) and number >= 0):
        raise ValueError(f"{name} must be a finite number >= 0, got {value!r}")
    return number


def check_finite_number(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must be a finite number."""
    number = _as_real(value, name)
    if not np.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return number


def check_probability(value: Any, name: str) -> float:
    """Returns ``value`` as a float; it must lie in [0, 1)."""
    number = _as_real(value, name)
    if not 0 <= number < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {value!r}")
    return number


def check_positive_int(value: Any, name: str) -> int:
    """Returns ``value`` as an int; it must be a whole number of at least one."""
    return _as_whole(value, name, 1)


def check_seed(value: Any) -> int:
    """Returns a seed as an int; it must be a whole number of at least zero."""
    return _as_whole(value, "seed", 0)


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


def check_states(
    state: Any, count: int, shape: tuple[int, ...], layer: str
) -> list[Any]:
    """Returns the ``count`` parts of a state; each must be of ``shape``."""
    what = "a state" if count == 1 else "a state (h, c), each"
    if count > 1 and not (isinstance(state, (tuple, list)) and len(state) == count):
        raise TypeError(
            f"{layer} expects {what} of shape {shape}, got {type(state).__name__}: "
            "pass the pair that an earlier call returned"
        )
    parts = [state] if count == 1 else list(state)
    for part in parts:
        if np.shape(part) != shape:
            raise ValueError(
                f"{layer} expects {what} of shape {shape} (layers, batch, units), got "
                f"{np.shape(part)}"
            )
    return parts


def check_indices(indices: Any, tokens: int, what: str) -> np.ndarray:
    """Returns ``indices`` as an integer array; each must lie in [0, tokens)."""
    array = np.asarray(indices)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(
            f"{what} expects whole numbers in [0, {tokens}), got dtype {array.dtype}: "
            "a Vocabulary turns tokens into them with encode()"
        )
    if array.size and (array.min() < 0 or array.max() >= tokens):
        bad = array[(array < 0) | (array >= tokens)]
        raise ValueError(
            f"{what} expects indices in [0, {tokens}), got {int(bad.flat[0])} "
            f"({bad.size} of {array.size} are out of range): build it with as many "
            "tokens as the vocabulary has"
        )
    return array.astype(np.int64, copy=False)


def check_length(x: Any, max_length: int | None) -> int:
    """Returns the length of token sequences (batch, length), at most max_length."""
    shape = np.shape(x)
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
    return units, heads


def check_mask(mask: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Returns a boolean mask that broadcasts to scores of ``shape``."""
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(
            "mask must be boolean, True where a query may look, got dtype "
            f"{mask.dtype}: convert it with mask.astype(bool)"
        )
    fits = 2 <= mask.ndim <= len(shape) and all(
        n in (1, m) for n, m in zip(mask.shape[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise ValueError(
            f"mask must have two axes or more and broadcast to {shape}, (..., len_q, "
            f"len_k), got {mask.shape}: padding of shape (batch, len_k) is given as "
            "mask[:, None, :]"
        )
    return mask


def check_same_shape(
    y_hat_shape: tuple[int, ...], y_shape: tuple[int, ...], what: str
) -> None:
    """Raises ValueError unless prediction and target have one and the same shape.

    Broadcasting is refused on purpose: ``(n, 1)`` against ``(n,)`` would silently
    compare every prediction with every target.
    """
    if tuple(y_hat_shape) != tuple(y_shape):
        hint = ""
        if int(np.prod(y_hat_shape)) == int(np.prod(y_shape)):
            hint = f": reshape y with y.reshape({tuple(y_hat_shape)})"
        raise ValueError(
            f"{what} needs y_hat and y of the same shape, got y_hat "
            f"{tuple(y_hat_shape)} and y {tuple(y_shape)}{hint}"
        )


def check_batch(shape: tuple[int, ...], what: str) -> None:
    """Raises ValueError for an array without elements."""
    if 0 in shape:
        raise ValueError(
            f"{what} needs at least one example, got an empty batch of shape "
            f"{tuple(shape)}: a mean over nothing is not a number"
        )


def check_labels(y: Any, y_hat_shape: tuple[int, ...]) -> np.ndarray:
    """Returns ``y`` as integer labels fit for predictions of ``y_hat_shape``."""
    labels = np.asarray(y)
    classes = y_hat_shape[-1] if y_hat_shape else 0
    if len(y_hat_shape) < 1 or labels.shape != tuple(y_hat_shape[:-1]):
        mend = (
            "labels are class numbers, and one-hot rows become that with y.argmax(-1)"
        )
        if labels.shape == (*y_hat_shape[:-1], 1):  # of one column argmax makes zeros
            mend = "a column of labels becomes a row of them with y.reshape(-1)"
        raise ValueError(
            "cross_entropy needs y_hat of shape (..., classes) and y of shape (...), "
            f"got y_hat {tuple(y_hat_shape)} and y {labels.shape}: {mend}"
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"labels must be integers in [0, {classes}), got dtype {labels.dtype}: "
            "convert them with y.astype('int64')"
        )
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        bad = labels[(labels < 0) | (labels >= classes)]
        raise ValueError(
            f"labels must lie in [0, {classes}) for y_hat of shape "
            f"{tuple(y_hat_shape)}, got {int(bad.flat[0])} ({bad.size} of "
            f"{labels.size} labels are out of range)"
        )
    return labels


def check_unit_interval(values: np.ndarray, name: str) -> None:
    """Raises ValueError unless every value is a probability in [0, 1]."""
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        hint = ""
        if name == "y_hat":
            hint = ": pass logits with from_logits=True, or squash them with sigmoid"
        raise ValueError(
            f"{name} must lie in [0, 1], got values from {values.min():g} to "
            f"{values.max():g}{hint}"
        )


def check_finite(values: np.ndarray, name: str) -> None:
    """Raises ValueError if an array of data holds NaN or infinity."""
    if values.dtype.kind != "f":
        return
    # The sum is one quick pass; only a suspicious one is looked at in detail.
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf, and huge values
        total = values.sum(dtype=np.float64)
    if not np.isfinite(total):
        bad = ~np.isfinite(values)
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"{name} must be finite, got {int(bad.sum())} NaN or infinite values "
                f"of {values.size}, the first at index {first}: drop or replace them"
            )


def check_state(
    given: dict[str, np.ndarray], expected: dict[str, tuple[int, ...]], what: str
) -> None:
    """Raises ValueError unless names and shapes of a state fit a model exactly."""
    missing = [name for name in expected if name not in given]
    unexpected = [name for name in given if name not in expected]
    if missing or unexpected:
        raise ValueError(
            f"the state does not fit this {what}: missing {missing or 'nothing'}, "
            f"unexpected {unexpected or 'nothing'}: load it into a {what} built "
            "with the same arguments"
        )
    for name, shape in expected.items():
        array = np.asarray(given[name])
        if array.shape != tuple(shape):
            raise ValueError(
                f"the state does not fit this {what}: {name} must have shape "
                f"{tuple(shape)}, got {array.shape}"
            )
        if array.dtype.kind not in "fiu":
            raise TypeError(
                f"the state's {name} must hold numbers, got dtype {array.dtype}"
            )


def _as_real(value: Any, name: str) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    return float(value)


def _as_whole(value: Any, name: str, least: int) -> int:
    message = f"{name} must be a whole number >= {least}, got {value!r}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(message)
    if value < least:
        raise ValueError(message)
    return int(value)


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."


def check_parameters(parameters: Any, is_leaf: Callable[[Any], bool]) -> list[Any]:
    """Returns parameters as a list: leaves that have gradients, each of them once.

    Args:
        parameters: what a user gave to an optimiser or to `clip_gradients`.
        is_leaf: tells whether the twin that asks can train something.

    Raises:
        TypeError: no list of parameters, or something in it that is none.
        ValueError: none at all, or one of them twice.
    """
    if is_leaf(parameters) or not isinstance(parameters, Iterable):
        raise TypeError(
            "an optimiser takes a list of tensors with requires_grad=True, got "
            f"{type(parameters).__name__}: pass model.parameters(), or [w] for one"
        )
    found = list(parameters)
    if not found:
        raise ValueError("an optimiser needs at least one parameter, got none")
    for parameter in found:
        if not is_leaf(parameter):
            raise TypeError(
                "an optimiser takes tensors with requires_grad=True, got "
                f"{type(parameter).__name__}: pass model.parameters(), and not what is "
                "computed from them"
            )
    if len({id(parameter) for parameter in found}) < len(found):
        raise ValueError(
            "each parameter must be given once, or a step moves it twice, got "
            f"{len(found)} of which some are the same: name shared ones once"
        )
    return found
