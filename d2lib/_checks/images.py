"""Images and the windows that move over them."""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks.numbers import check_count, check_positive_int

Pair = tuple[int, int]


def check_pair(value: Any, name: str, least: int = 1) -> Pair:
    """Returns one whole number, or a pair (vertical, horizontal), as a pair."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise ValueError(
            f"{name} must be a whole number or a pair (vertical, horizontal), got "
            f"{value!r}"
        )
    first, second = (
        check_positive_int(n, name) if least else check_count(n, name) for n in pair
    )
    return first, second


def check_images(
    shape: tuple[int, ...], channels: int | None, what: str, multiple: int = 1
) -> None:
    """Raises ValueError unless ``shape`` is (batch, channels, height, width).

    Height and width must be multiples of ``multiple``, and above zero.
    """
    wanted = "channels" if channels is None else str(channels)
    if len(shape) == 4 and (channels is None or shape[1] == channels):
        if any(n % multiple for n in shape[2:]) or not all(shape[1:]):
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
    raise ValueError(
        f"{what} expects x of shape (batch, {wanted}, height, width), got {shape}{hint}"
    )


def check_window(padded: Pair, span: Pair, what: str) -> None:
    """Raises ValueError if a window of ``span`` does not fit the padded image."""
    if span[0] > padded[0] or span[1] > padded[1]:
        raise ValueError(
            f"{what} moves a window of {span[0]} x {span[1]} over images that are only "
            f"{padded[0]} x {padded[1]} with their padding: take a smaller kernel, or "
            "more padding"
        )


def check_enlarged(size: Pair, padding: Pair, small: tuple[int, ...]) -> None:
    """Raises ValueError if a transposed convolution leaves nothing of its result."""
    if size[0] < 1 or size[1] < 1:
        raise ValueError(
            f"conv_transpose2d would make images of {size[0]} x {size[1]} of maps of "
            f"{small[0]} x {small[1]}, got padding={padding}: take less"
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
    groups = check_positive_int(groups, "groups")
    if channels % groups or filters % groups:
        raise ValueError(
            f"groups must divide the channels and the filters, got groups={groups} for "
            f"{channels} channels and {filters} filters"
        )
    return groups


def check_kernel(shape: tuple[int, ...], channels: int, groups: Any, what: str) -> None:
    """Raises ValueError unless a kernel fits images of so many channels."""
    if len(shape) != 4:
        raise ValueError(
            f"{what} expects W of shape (filters, channels, height, width), got {shape}"
        )
    groups = check_groups(channels, shape[0], groups)
    if shape[1] * groups != channels:
        raise ValueError(
            f"{what} expects W of shape (filters, {channels // groups}, height, width) "
            f"for {channels} channels in {groups} groups, got {shape}"
        )


def check_transposed_kernel(
    shape: tuple[int, ...], channels: int, groups: Any, what: str
) -> None:
    """Raises ValueError unless a kernel fits a transposed convolution's input."""
    if len(shape) != 4 or shape[0] != channels:
        raise ValueError(
            f"{what} expects W of shape ({channels}, filters, height, width), got "
            f"{shape}"
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


def check_pixels(pixels: Any, shape: tuple[int, ...], classes: int) -> np.ndarray:
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
