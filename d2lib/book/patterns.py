"""Measure a pattern that upsampling can leave in maps."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["checkerboard"]


def checkerboard(maps: Any) -> float:
    r"""How much stronger a pattern of every other pixel is than it would be by itself.

    A row of W pixels is a sum of waves with k = 0, 1, ... W/2 periods. The last one
    goes up and down from pixel to pixel. What has no preference for every other pixel
    has about as much power :math:`P_k` there as in the two waves before it:

    .. math:: \text{excess} = \frac{P_{W/2}}{\tfrac12 (P_{W/2-1} + P_{W/2-2})}

    where the power is the mean over all rows, and over all columns in the same way.

    Args:
        maps: scores, or other maps, shape (batch, channels, height, width), sizes even
            and 6 at least.

    Returns:
        1 where there is no pattern, as of noise or of a photograph; more where there
        is one; 0 where pixels are equal in pairs. NaN for maps of zeros.

    Raises:
        ValueError: another shape, or numbers that are not finite.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(4, 3, 64, 64))
        >>> round(checkerboard(noise), 1)
        1.0
        >>> board = np.indices((64, 64)).sum(axis=0) % 2
        >>> checkerboard(noise + board) > 10
        True
    """
    maps = np.asarray(maps, np.float64)
    sizes = maps.shape[2:]
    if maps.ndim != 4 or any(size % 2 or size < 6 for size in sizes):
        raise ValueError(
            "checkerboard expects maps of shape (batch, channels, height, width), "
            f"height and width even and 6 at least, got {maps.shape}: crop them"
        )
    if not np.isfinite(maps).all():
        raise ValueError("checkerboard expects finite numbers, got NaN or infinity")
    last, beside = np.zeros(2)
    for axis, size in zip((2, 3), sizes, strict=True):
        power = np.abs(np.fft.rfft(maps, axis=axis)) ** 2 / size
        power = np.moveaxis(power, axis, 0)  # (waves, ...)
        last += power[-1].mean()
        beside += power[-3:-1].mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(last / beside)
