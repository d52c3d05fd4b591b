"""The NumPy twin's initial weights, for Gluon: the same seed draws the same numbers."""

from __future__ import annotations

from typing import Any

from d2lib.mx._compat import mx, np
from d2lib.shared.weights import initialize

__all__ = ["Initializer", "initialize"]


class Initializer(mx.initializer.Initializer):
    """Fills a Gluon weight with `initialize`'s numbers.

    Gluon lays out a dense layer's weight as (units, inputs), the other way round, and
    a convolution's kernels as (out, in, height, width), as `initialize` does.

    Args:
        scheme: see `initialize`.
        seed: an int or a ``numpy.random.Generator``.
    """

    def __init__(self, scheme: str, seed: Any = None) -> None:
        super().__init__(scheme=scheme)
        self.scheme, self.seed = scheme, seed

    def _init_weight(self, name: str, weight: Any) -> None:
        dense = weight.ndim == 2
        shape = weight.shape[::-1] if dense else weight.shape
        values = initialize(shape, self.scheme, self.seed, weight.dtype)
        weight[:] = np.array(values.T if dense else values, dtype=weight.dtype)
