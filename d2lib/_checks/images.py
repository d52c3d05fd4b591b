"""Images and the windows that move over them."""

from __future__ import annotations

from typing import Any

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


def check_images(shape: tuple[int, ...], channels: int | None, what: str) -> None:
    """Raises ValueError unless ``shape`` is (batch, channels, height, width)."""
    wanted = "channels" if channels is None else str(channels)
    if len(shape) == 4 and (channels is None or shape[1] == channels):
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


def check_window(image: Pair, padding: Pair, span: Pair, what: str) -> None:
    """Raises ValueError if a window of ``span`` does not fit the padded image."""
    padded = (image[0] + 2 * padding[0], image[1] + 2 * padding[1])
    if span[0] > padded[0] or span[1] > padded[1]:
        raise ValueError(
            f"{what} moves a window of {span[0]} x {span[1]} over images that are only "
            f"{padded[0]} x {padded[1]} with their padding: take a smaller kernel, or "
            "more padding"
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
