"""The NumPy twin's initial weights, for Gluon: the same seed draws the same numbers."""

from __future__ import annotations

from typing import Any

from d2lib.mx._compat import mx, np
from d2lib.shared.weights import initialize

__all__ = ["Initializer", "initialize"]


class Initializer(mx.initializer.Initializer):
    """Fills a Gluon weight of shape (units, inputs) with `initialize`'s numbers.

    Args:
        scheme: see `initialize`.
        seed: an int or a ``numpy.random.Generator``.
    """

    def __init__(self, scheme: str, seed: Any = None) -> None:
        super().__init__(scheme=scheme)
        self.scheme, self.seed = scheme, seed

    def _init_weight(self, name: str, weight: Any) -> None:
        shape = weight.shape[::-1]
        weight[:] = np.array(
            initialize(shape, self.scheme, self.seed, weight.dtype).T,
            dtype=weight.dtype,
        )
