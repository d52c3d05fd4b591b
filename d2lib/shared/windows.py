"""How a window moves over an image: the arithmetic of sizes, alike for both twins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from d2lib._checks import check_enlarged, check_padded, check_pair, check_window

__all__ = ["Geometry", "Pair"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """How a kernel moves over an image; each pair is (vertical, horizontal).

    Attributes:
        image: height and width, without the padding.
        kernel: height and width.
        stride: how far the window moves.
        padding: rows and columns of zeros at each edge.
        dilation: the distance of neighbouring weights.
        groups: into how many groups the channels are divided.
    """

    image: Pair
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @classmethod
    def of(
        cls,
        images: Sequence[int],
        kernel: Sequence[int],
        stride: Any,
        padding: Any,
        dilation: Any = 1,
        groups: int = 1,
        what: str = "conv2d",
    ) -> Geometry:
        """Over images of that shape, by what a user says: whole numbers or pairs.

        Raises:
            ValueError: numbers that are too small, or a window larger than the padded
                image.
        """
        at = cls(
            (images[2], images[3]),
            (kernel[0], kernel[1]),
            check_pair(stride, "stride"),
            check_pair(padding, "padding", least=0),
            check_pair(dilation, "dilation"),
            groups,
        )
        check_window(at.padded, at.span, what)
        check_padded((*images[:2], *at.padded), at.padding, what)
        return at

    @classmethod
    def enlarging(
        cls,
        images: Sequence[int],
        filters: int,
        kernel: Sequence[int],
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
    ) -> Geometry:
        """Of the convolution that leads back to ``images``, from the result.

        Raises:
            ValueError: numbers that are too small, or nothing left of the result.
        """
        moves = check_pair(stride, "stride"), check_pair(padding, "padding", least=0)
        apart = check_pair(dilation, "dilation")
        height, width = (
            (n - 1) * s + (k - 1) * d + 1 - 2 * p
            for n, k, s, p, d in zip(images[2:], kernel, *moves, apart, strict=True)
        )
        made = images[0], filters, height, width
        check_enlarged(
            made, tuple(images[2:]), "conv_transpose2d", "stride or dilation"
        )
        size = (kernel[0], kernel[1])
        return cls((height, width), size, *moves, apart, groups)

    @property
    def span(self) -> Pair:
        """Height and width of the window, dilated."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1

    @property
    def padded(self) -> Pair:
        """Height and width of the image with its padding."""
        (h, w), (ph, pw) = self.image, self.padding
        return h + 2 * ph, w + 2 * pw

    @property
    def output(self) -> Pair:
        """Height and width of the feature map."""
        (h, w), (kh, kw), (sh, sw) = self.padded, self.span, self.stride
        return (h - kh) // sh + 1, (w - kw) // sw + 1
