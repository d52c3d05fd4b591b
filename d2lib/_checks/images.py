"""Images and the windows that move over them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from d2lib._checks.numbers import (
    MOST_NUMBERS,
    check_choice,
    check_count,
    check_positive_int,
)
from d2lib._checks.show import short
from d2lib._types import Array

Pair = tuple[int, int]


def check_pair(value: Any, name: str, least: int = 1) -> Pair:
    """Returns one whole number, or a pair (vertical, horizontal), as a pair."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise ValueError(
            f"{name} must be a whole number or a pair (vertical, horizontal), got "
            f"{short(value)}"
        )
    first, second = (
        check_positive_int(n, name) if least else check_count(n, name) for n in pair
    )
    return first, second


def check_images(
    shape: tuple[int, ...], channels: int | None, what: str, multiple: int = 1
) -> None:
    """Raises ValueError unless ``shape`` is (batch, channels, height, width).

    There must be a channel and a pixel, and height and width be multiples of
    ``multiple``.
    """
    wanted = "channels" if channels is None else str(channels)
    if len(shape) == 4 and (channels is None or shape[1] == channels):
        if not all(shape[1:]):
            raise ValueError(
                f"{what} expects images with a channel and a pixel at least, got x of "
                f"shape {shape}"
            )
        if any(n % multiple for n in shape[2:]):
            raise ValueError(
                f"{what} expects images whose height and width are multiples of "
                f"{multiple}, got {shape[2]} x {shape[3]}: cut them, or add a border"
            )
        return
    hint = ""
    if len(shape) == 4 and shape[3] == channels:
        hint = ": the channels come second, x.transpose(0, 3, 1, 2)"
    elif len(shape) == 3 and (channels is None or shape[0] == channels):
        hint = ": a single image is a batch of one, x[None]"
    elif len(shape) == 3 and channels == 1:
        hint = ": gray images need an axis for their one channel, x[:, None]"
    elif len(shape) == 2:
        hint = ": a single gray image is x[None, None]"
        side = math.isqrt(shape[1])
        if channels == 1 and side * side == shape[1] != shape[0]:  # as in load_mnist()
            hint = f": flat gray images are x.reshape(-1, 1, {side}, {side})"
    raise ValueError(
        f"{what} expects x of shape (batch, {wanted}, height, width), got {shape}{hint}"
    )


def check_window(padded: Pair, span: Pair, what: str) -> None:
    """Raises ValueError if a window of ``span`` does not fit the padded image."""
    if span[0] > padded[0] or span[1] > padded[1]:
        raise ValueError(
            f"{what} moves a window of {span[0]} x {span[1]} over images that are only "
            f"{padded[0]} x {padded[1]} with their padding: take a smaller kernel, "
            "less dilation, or more padding"
        )


def check_padded(shape: tuple[int, ...], padding: Pair, what: str) -> None:
    """Raises ValueError if images of ``shape``, padded, do not fit into memory."""
    if math.prod(shape) > MOST_NUMBERS:
        raise ValueError(
            f"{what} would make images of shape {shape}, got padding={padding}: take "
            "less"
        )


def check_enlarged(
    shape: tuple[int, ...], small: tuple[int, ...], what: str, by: str
) -> None:
    """Raises ValueError if images of ``shape`` are none, or do not fit into memory.

    Args:
        shape: (batch, channels, height, width) of what is to be made.
        small: height and width of what it is to be made of.
        what: what makes it.
        by: the arguments that make it large.
    """
    height, width = shape[2:]
    if height < 1 or width < 1 or math.prod(shape) > MOST_NUMBERS:
        mend = f"smaller {by}" if min(height, width) > 0 else "less padding"
        raise ValueError(
            f"{what} would make images of {height} x {width} of maps of {small[0]} x "
            f"{small[1]}: take {mend}"
        )


def check_pooling(kernel: Pair, padding: Pair) -> None:
    """Raises ValueError if a window of a pooling layer could miss the image."""
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(
            "padding must be at most half of kernel_size, or a window could miss the "
            f"image, got padding={padding} for kernel_size={kernel}"
        )


def check_groups(channels: int, filters: int, groups: Any) -> int:
    """Returns the number of groups, which must divide both numbers of channels."""
    number = check_positive_int(groups, "groups")
    if channels % number or filters % number:
        raise ValueError(
            f"groups must divide the channels and the filters, got groups={number} for "
            f"{channels} channels and {filters} filters"
        )
    return number


def check_kernel(
    shape: tuple[int, ...], images: tuple[int, ...], groups: Any, what: str
) -> None:
    """Raises ValueError unless a kernel fits images of such a shape."""
    channels = images[1]
    if len(shape) != 4 or 0 in shape:
        raise ValueError(
            f"{what} expects W of shape (filters, channels, height, width), each 1 at "
            f"least, got {shape}"
        )
    groups = check_positive_int(groups, "groups")
    if shape[1] * groups == images[3] != channels:
        raise ValueError(
            f"{what} expects x of shape (batch, {images[3]}, height, width), got "
            f"{images}: the channels come second, x.transpose(0, 3, 1, 2)"
        )
    check_groups(channels, shape[0], groups)
    if shape[1] * groups != channels:
        raise ValueError(
            f"{what} expects W of shape (filters, {channels // groups}, height, width) "
            f"for x with {channels} channels in {groups} groups, got {shape}"
        )


def check_transposed_kernel(
    shape: tuple[int, ...], images: tuple[int, ...], groups: Any, what: str
) -> None:
    """Raises ValueError unless a kernel fits a transposed convolution's input."""
    channels = images[1]
    if len(shape) != 4 or 0 in shape:
        raise ValueError(
            f"{what} expects W of shape (channels, filters, height, width), each 1 at "
            f"least, got {shape}"
        )
    if shape[0] == images[3] != channels:
        raise ValueError(
            f"{what} expects x of shape (batch, {images[3]}, height, width), got "
            f"{images}: the channels come second, x.transpose(0, 3, 1, 2)"
        )
    if shape[0] != channels:
        raise ValueError(
            f"{what} expects W of shape ({channels}, filters, height, width) for x "
            f"with {channels} channels, got {shape}"
        )
    check_groups(channels, shape[1] * check_positive_int(groups, "groups"), groups)


def check_bias(shape: tuple[int, ...], filters: int, what: str) -> None:
    """Raises ValueError unless there is one bias for each filter."""
    if shape != (filters,):
        raise ValueError(
            f"{what} expects b of shape ({filters},), one number for each filter, got "
            f"{shape}"
        )


def check_channels(shape: tuple[int, ...], channels: int, layer: str) -> None:
    """Raises ValueError unless the second axis of an input is ``channels`` long."""
    if len(shape) < 2 or shape[1] != channels:
        hint = ""
        if len(shape) > 2 and shape[-1] == channels:
            hint = ": the channels come second, as in x.transpose(0, 3, 1, 2)"
        raise ValueError(
            f"{layer} expects x of shape (batch, {channels}) or "
            f"(batch, {channels}, ...), got {shape}{hint}"
        )


def check_measured(shape: tuple[int, ...], layer: str) -> None:
    """Raises ValueError if there is nothing to measure a batch's statistics by."""
    if 0 in shape:
        raise ValueError(
            f"{layer} needs at least one example while training, got x without any: a "
            "mean over nothing is not a number"
        )


def check_pointwise(activation: Any) -> Any:
    """Returns the name of an activation that looks at each number by itself."""
    check_choice(activation, (None, "sigmoid", "tanh", "relu"), "activation")
    return activation


def check_stages(filters: Any) -> Pair:
    """Returns the filters of two convolutions, whole numbers."""
    if not isinstance(filters, (tuple, list)) or len(filters) != 2:
        raise ValueError(
            "filters must be two whole numbers, of the first and the second "
            f"convolution, got {short(filters)}"
        )
    first, second = (check_positive_int(n, "each of filters") for n in filters)
    return first, second


def check_examples(shape: tuple[int, ...], layer: str) -> None:
    """Raises ValueError unless an input has an axis for the batch, and one more."""
    if len(shape) < 2:
        raise ValueError(
            f"{layer} expects x of shape (batch, ...), got {shape}: a single example "
            "is a batch of one, x[None]"
        )


def check_filters(filters: Any) -> tuple[int, int, int]:
    """Returns the filters of a backbone, three whole numbers."""
    if not isinstance(filters, (tuple, list)) or len(filters) != 3:
        raise ValueError(
            "filters must be three whole numbers, of the first, the second and the "
            f"other convolutions, got {type(filters).__name__}"
        )
    first, second, third = (check_positive_int(n, "filters") for n in filters)
    return first, second, third


def check_pixels(pixels: Any, shape: tuple[int, ...], classes: int) -> Array:
    """Returns the class of each pixel, whole numbers in [0, classes)."""
    array = np.asarray(pixels)
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"pixels must be whole numbers, the class of each pixel, got {array.dtype}"
        )
    if array.shape != shape:
        raise ValueError(
            f"pixels must have the shape {shape} of the images, got {array.shape}"
        )
    if array.size and not (array.min() >= 0 and array.max() < classes):
        raise ValueError(
            f"pixels must be in [0, {classes}), got {array.min()} to {array.max()}"
        )
    return array
