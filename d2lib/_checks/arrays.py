"""Arrays of real numbers: their values, shapes and what is not finite."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from d2lib._checks.numbers import (
    MOST,
    MOST_NUMBERS,
    as_float,
    as_list,
    check_positive_int,
)
from d2lib._checks.show import is_tensor, short
from d2lib._types import Array, DType

_FLOAT32 = np.dtype(np.float32)
LARGEST = float(np.finfo(np.float32).max)  # a number of float32
TOO_LARGE = "too large for float32, whose largest number is 3.4e38"
_FLOATS = (np.dtype(np.float16), _FLOAT32, np.dtype(np.float64))


def as_array(data: Any, name: str) -> Array:
    """Turns an array, a tensor of either twin, numbers or lists into an array."""
    if isinstance(data, np.ndarray):
        array = np.asarray(data)
    else:
        if isinstance(data, (list, tuple)) and any(map(is_tensor, data)):
            raise TypeError(
                f"{name} must be one tensor or array, got a list with a tensor in it: "
                "make one of them"
            )
        try:
            # Reading a tensor element by element would take minutes.
            values = data.asnumpy() if hasattr(data, "asnumpy") else data
            huge = isinstance(values, range) and len(values) > MOST
            array = np.broadcast_to(0, len(values)) if huge else np.asarray(values)
        except Exception as error:  # a ragged list, or something with an odd __array__
            raise ValueError(
                f"{name} must be a rectangular array of numbers, got {short(data)}: "
                "give every row the same length"
            ) from error
    if array.size > MOST:
        raise ValueError(
            f"{name} must have at most {MOST} numbers, got shape {array.shape}: give "
            "it in parts"
        )
    return array


def shape_of(data: Any, name: str) -> tuple[int, ...]:
    """The shape of a tensor or of whatever `as_array` takes."""
    return data.shape if hasattr(data, "asnumpy") else as_array(data, name).shape


def as_float_array(data: Any, dtype: Any = None, name: str = "data") -> Array:
    """Turns numbers, lists or a float array into a floating-point array.

    Python numbers and lists of them become float32 unless ``dtype`` says otherwise.
    An *array* of integers is refused: it usually is a batch of labels or of raw pixels
    that somebody forgot to convert, and casting it silently would hide that. So is a
    tensor of the other twin, whose gradient would end here.
    """
    plain = type(data) is np.ndarray and data.dtype is _FLOAT32 and data.size <= MOST
    if plain and (dtype is None or dtype is _FLOAT32):
        array: Array = data  # most are: what follows takes longer than a small product
        return array
    wanted = check_dtype(dtype)
    if hasattr(data, "asnumpy"):
        raise TypeError(
            f"{name} must be a tensor of this twin or an array, got a tensor of the "
            f"other twin: pass its values, {name}.asnumpy()"
        )
    is_array = hasattr(data, "shape") and not isinstance(data, np.generic)
    array = as_array(data, name)
    if array.dtype.kind not in "fiub" or (is_array and array.dtype.kind in "iub"):
        got = short(data)
        if is_array:
            got = f"an array of dtype {array.dtype} and shape {array.shape}"
        raise TypeError(
            f"{name} must hold floating-point numbers, got {got}: "
            f"{how_to_convert(array, name)}"
        )
    if array.dtype == wanted:
        return array
    with np.errstate(over="ignore"):  # what is too large for float32 is infinite
        return array.astype(wanted)


def how_to_convert(array: Array, name: str) -> str:
    """Says how an array that holds no floating-point numbers becomes one that does."""
    name = name if name.isidentifier() else "x"
    if array.dtype.kind in "SU":
        return (
            "numbers that were read as text become numbers with "
            f"numpy.array({name}, 'float32'), and words must be numbered"
        )
    if array.dtype.kind == "c":
        return f"take {name}.real, {name}.imag or abs({name})"
    if array.dtype.kind in "OV":
        return "give a number, or a list or an array of nothing but numbers"
    pixels = " / 255" if array.dtype == np.uint8 else ""
    return f"convert it with {name}.astype('float32'){pixels}"


def check_dtype(dtype: Any) -> DType:
    """Returns a floating dtype; None is float32."""
    try:
        wanted = np.dtype(np.float32 if dtype is None else dtype)
    except Exception as error:
        raise TypeError(
            f"dtype must be a floating dtype, got {short(dtype)}: use float32 (the "
            "default) or float64"
        ) from error
    if wanted not in _FLOATS:
        raise TypeError(
            f"data needs a floating dtype, got dtype={wanted}: "
            "use float32 (the default) or float64"
        )
    return wanted


def check_shape(shape: Any, name: str = "shape") -> tuple[int, ...]:
    """Returns the shape of an array that is to be made."""
    axes = as_list(shape, name, 32, "the shape of a vector of n numbers is (n,)")
    sizes = tuple([check_positive_int(n, f"each axis of {name}") for n in axes])
    if math.prod(sizes) > MOST_NUMBERS:
        raise ValueError(
            f"{name} must have at most {MOST_NUMBERS} numbers, 1 GB, got {sizes}: make "
            "it smaller"
        )
    return sizes


def as_targets(y: Any, dtype: Any) -> Array:
    """Turns the targets of a loss into floats; whole numbers, as 0 and 1, are fine."""
    targets = as_array(y, "y")
    if targets.dtype.kind in "iub":
        return targets.astype(dtype)
    return as_float_array(targets if targets.dtype.kind == "f" else y, dtype, "y")


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
        elif tuple(y_hat_shape[:-1]) == tuple(y_shape):
            hint = (
                ": if y holds class numbers, use cross_entropy, or make rows of them "
                f"with one_hot(y, {y_hat_shape[-1]})"
            )
        raise ValueError(
            f"{what} needs y_hat and y of the same shape, got y_hat "
            f"{tuple(y_hat_shape)} and y {tuple(y_shape)}{hint}"
        )


def check_batch(shape: tuple[int, ...], what: str, name: str = "y_hat") -> None:
    """Raises ValueError for an array without elements."""
    if 0 in shape:
        raise ValueError(
            f"{what} needs at least one example, got an empty batch of shape "
            f"{tuple(shape)} as {name}: a mean over nothing is not a number"
        )


def check_unit_interval(values: Array, name: str) -> None:
    """Raises ValueError unless every value is a probability in [0, 1]."""
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        hint = ""
        if name == "y_hat":
            hint = (
                ": these are logits, for binary_cross_entropy_with_logits, or become "
                "probabilities with sigmoid"
            )
        raise ValueError(
            f"{name} must lie in [0, 1], got values from {values.min():g} to "
            f"{values.max():g}{hint}"
        )


def check_finite(values: Array, name: str) -> None:
    """Raises ValueError if an array of data holds NaN or infinity."""
    if values.dtype.kind != "f":
        return
    finite = np.isfinite(values)
    if not finite.all():
        bad = ~finite
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} must be finite, got {int(bad.sum())} NaN or infinite values "
            f"of {values.size}, the first at index {first}: drop or replace them"
        )


def as_float32(values: Any, name: str) -> Array:
    """Turns data of any numbers into float32, in which they must be finite."""
    array = as_array(values, name)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, got dtype {array.dtype}")
    check_finite(array, name)
    with np.errstate(over="ignore"):
        cast = array.astype(np.float32)
    if not np.isfinite(cast).all():
        raise ValueError(
            f"{name} must be numbers of float32, got {np.abs(array).max():g}, which is "
            f"{TOO_LARGE}: scale it"
        )
    return cast


def check_axes(axis: Any, ndim: int, what: str) -> None:
    """Raises unless an axis, a tuple of axes, or None names axes of ``ndim`` ones."""
    if isinstance(axis, tuple):
        for i in axis:
            _check_axis(i, ndim, f"{what}'s axis")
        _check_once(axis, ndim, f"{what}'s axis")
    elif axis is not None:
        _check_axis(axis, ndim, f"{what}'s axis")


def _check_axis(axis: Any, ndim: int, name: str) -> None:
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise TypeError(f"{name} must be a whole number, got {short(axis)}")
    if not -ndim <= axis < ndim:
        raise ValueError(
            f"{name} must lie in [{-ndim}, {ndim}) for {ndim} axes, got {axis}"
        )


def _check_once(axes: Any, ndim: int, name: str) -> None:
    if len({i % ndim for i in axes}) < len(axes):
        raise ValueError(f"{name} must name each axis once, got {tuple(axes)}")


def check_order(axes: Any, ndim: int) -> tuple[int, ...]:
    """Returns the order that `transpose` gets, as numbers or as one tuple of them."""
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))):
        axes = axes[0] or ()
    if not axes:
        return tuple(range(ndim))[::-1]
    for i in axes:
        _check_axis(i, ndim, "transpose's axes")
    _check_once(axes, ndim, "transpose's axes")
    if len(axes) < ndim:
        raise ValueError(
            f"transpose's axes must name all {ndim} axes, got {tuple(axes)}"
        )
    return tuple([int(i) % ndim for i in axes])


def check_reshape(new: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the shape that `reshape` gets, as numbers or as one tuple of them."""
    if len(new) == 1 and isinstance(new[0], (tuple, list)):
        new = new[0]
    for n in new:
        if type(n) is not int and (
            isinstance(n, bool) or not isinstance(n, int | np.integer)
        ):
            raise TypeError(f"reshape's shape must be of whole numbers, got {short(n)}")
    sizes, size = [int(n) for n in new], math.prod(shape)
    known = math.prod([n for n in sizes if n != -1])
    if sizes.count(-1) == 1 and known and not size % known:
        sizes[sizes.index(-1)] = size // known
    if math.prod(sizes) != size or min(sizes, default=0) < 0:
        raise ValueError(
            f"reshape's shape must have the {size} numbers of x, got {tuple(new)} for "
            f"x of shape {tuple(shape)}: one axis may be -1, which takes what is left"
        )
    return tuple(sizes)


def check_bounds(low: Any, high: Any) -> tuple[float | None, float | None]:
    """Returns the ends of an interval, one of them at least, which must be in order."""
    ends = [end for end in (low, high) if end is not None]
    for end in ends:
        if isinstance(end, bool) or not isinstance(end, Real):
            raise TypeError(
                f"clip's low and high must be numbers or None, got {short(end)}"
            )
    if not ends:
        raise TypeError("clip needs low, high or both, got None for both")
    if not ends[0] <= ends[-1]:
        raise ValueError(
            f"clip needs low <= high, got low={short(low)} and high={short(high)}"
        )
    return as_float(low), as_float(high)


def check_broadcast(shapes: Any, what: str, names: str) -> tuple[int, ...]:
    """Returns the shape that these shapes broadcast to."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(
            f"{what} needs shapes that broadcast, got "
            f"{' and '.join(map(str, map(tuple, shapes)))}: the axes of {names}, "
            "counted from the last, must be equally long, or 1"
        ) from None


def check_matmul(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    """Raises ValueError unless arrays of these shapes can be multiplied as matrices."""
    if not (x and y) or x[-1] != y[-2 if len(y) > 1 else 0]:
        raise ValueError(
            "x @ y needs the last axis of x as long as the second to last of y, got "
            f"{tuple(x)} @ {tuple(y)}"
        )


def check_condition(condition: Any) -> Any:
    """Returns the condition of a choice, which must be boolean."""
    if condition.dtype != bool:
        raise TypeError(
            f"where's condition must be boolean, got dtype {condition.dtype}: compare, "
            "as in where(x > 0, x, 0.0)"
        )
    return condition


def check_tensors(tensors: Any, what: str) -> None:
    """Raises unless it is a list, with something in it."""
    if not isinstance(tensors, (list, tuple)):
        one = is_tensor(tensors) or isinstance(tensors, np.ndarray)
        raise TypeError(
            f"{what} takes a list of tensors, got {'one' if one else short(tensors)}: "
            f"pass {what}([x, y])"
        )
    if not tensors:
        raise ValueError(f"{what} needs at least one tensor, got no tensors")


def check_joined(shapes: list[tuple[int, ...]], what: str, axis: Any) -> None:
    """Raises unless tensors can be concatenated, or stacked, along an axis."""
    new = what == "stack"
    if not (shapes[0] or new):
        raise ValueError(
            f"{what} needs tensors with an axis, and axis must lie in [0, 0) for 0 "
            f"axes, got {axis}: stack numbers"
        )
    _check_axis(axis, len(shapes[0]) + new, f"{what}'s axis")
    for shape in shapes[1:]:
        alike = len(shape) == len(shapes[0]) and all(
            n == m or (not new and i == axis % len(shape))
            for i, (n, m) in enumerate(zip(shape, shapes[0], strict=True))
        )
        if not alike:
            rule = "one shape" if new else f"one shape but for axis {axis}"
            raise ValueError(
                f"{what} needs tensors of {rule}, got {shapes[0]} and {shape}"
            )
