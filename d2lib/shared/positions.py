"""Where a token stands, as a vector to be added to its own."""

from __future__ import annotations

import numpy as np

from d2lib._checks import check_numbers, check_positive_int
from d2lib._types import Array

__all__ = ["positional_encoding"]


def positional_encoding(length: int, units: int) -> Array:
    r"""Gives every position a vector of its own: attention alone knows no order.

    .. math:: P_{t,2i} = \sin\frac{t}{10000^{2i/d}}, \qquad
              P_{t,2i+1} = \cos\frac{t}{10000^{2i/d}}

    Each pair of columns is a clock hand, the first turning fastest; going on by k
    positions turns each hand by the same angle, wherever one starts.

    Args:
        length: the number of positions.
        units: d, the length of a vector; if it is odd, the last sine has no cosine.

    Returns:
        A float32 array of shape ``(length, units)``, to be added to the inputs.

    Raises:
        ValueError: length or units < 1.
        TypeError: an argument of a wrong type.

    Example:
        >>> positional_encoding(2, 4).round(2)
        array([[0.  , 1.  , 0.  , 1.  ],
               [0.84, 0.54, 0.01, 1.  ]], dtype=float32)

    Source: Vaswani et al., 2017.
    """
    length = check_positive_int(length, "length")
    units = check_positive_int(units, "units")
    check_numbers(length=length, units=units)
    slowness = 10_000 ** (np.arange(0, units, 2) / units)  # one for each pair
    angles = np.arange(length)[:, None] / slowness  # (length, pairs)
    encoding = np.empty((length, units), np.float32)
    encoding[:, 0::2] = np.sin(angles)
    encoding[:, 1::2] = np.cos(angles)[:, : units // 2]
    return encoding
