"""Dropout by MXNet's operator; `d2lib.scratch.regularization` derives it."""

from __future__ import annotations

import copy
from typing import Any

import numpy

from d2lib._checks import as_generator, check_probability
from d2lib.mx._compat import gluon, mx
from d2lib.mx.module import Layer

__all__ = ["Dropout"]


class Dropout(Layer, gluon.nn.Dropout):
    r"""``gluon.nn.Dropout``: drops by ``npx.dropout``, scales the rest by 1/(1-p).

    Args:
        p: the probability of dropping, in [0, 1).
        seed: an int or a ``numpy.random.Generator``. MXNet has one source of random
            numbers per device, which this restarts for all layers.

    Raises:
        ValueError: p outside [0, 1).
        TypeError: an argument of a wrong type.

    Example:
        >>> from d2lib.mx import record
        >>> dropout = Dropout(0.5, seed=0)
        >>> dropout([1.0, 1.0])
        array([1., 1.])
        >>> with record():
        ...     dropped = dropout([1.0] * 100)
        >>> set(dropped.tolist())
        {0.0, 2.0}
    """

    def __init__(self, p: float = 0.5, seed: Any = None) -> None:
        self.p = check_probability(p, "p")
        gluon.nn.Dropout.__init__(self, self.p)
        if seed is not None:
            self._reseed(as_generator(seed))
        self.hybridize()

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Drops inside `record` while in training mode; otherwise returns x."""
        if not self.training:
            return F.np.copy(x)  # a graph without an operation has no backward pass
        return gluon.nn.Dropout.hybrid_forward(self, F, x)

    def _reseed(self, generator: numpy.random.Generator) -> None:
        # From a copy, so that who shares the generator draws the same in both twins.
        mx.random.seed(int(copy.deepcopy(generator).integers(2**31)))
