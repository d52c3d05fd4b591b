"""Regularisation: keeping a network from learning its training data by heart.

Early stopping, the other remedy of the lecture, watches the training from outside and
lives with the training loop, in `d2lib.training`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks import as_generator, check_probability
from d2lib.scratch.module import Module
from d2lib.scratch.recording import is_recording
from d2lib.scratch.tensor import Tensor, as_tensor, node

__all__ = ["Dropout"]


class Dropout(Module):
    r"""Sets a random part of the activations to zero at each training step.

    No unit can then rely on one other unit being there. What is left is scaled up, so
    that the expected sum is the same with and without dropout:

    .. math:: y_i = \frac{m_i}{1-p}\, x_i, \qquad m_i \sim \text{Bernoulli}(1-p)

    Args:
        p: the probability of dropping, in [0, 1).
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: p outside [0, 1).
        TypeError: an argument of a wrong type.

    Example:
        >>> from d2lib.scratch import record
        >>> dropout = Dropout(0.5, seed=0)
        >>> dropout(np.ones(4, np.float32)).data
        array([1., 1., 1., 1.], dtype=float32)
        >>> with record():
        ...     dropped = dropout(np.ones(4, np.float32)).data
        >>> set(dropped.tolist()) <= {0.0, 2.0}
        True

    Source: Srivastava et al., 2014.
    """

    def __init__(self, p: float = 0.5, seed: Any = None) -> None:
        self.p = check_probability(p, "p")
        self.generator = as_generator(seed)

    def forward(self, x: Any) -> Tensor:
        """Drops inside `record` while in training mode; otherwise returns x."""
        if not (self.p and self.training and is_recording()):
            return as_tensor(x)
        x = as_tensor(x)
        keep = 1.0 - self.p
        mask = self.generator.random(x.shape, dtype=np.float32) < keep
        mask = np.asarray(mask, like=x.data)  # drawn here, used where x is
        scaled = np.multiply(mask, 1.0 / keep, dtype=x.dtype)
        return node("dropout", x.data * scaled, (x,), lambda g: (g * scaled,))

    def _reseed(self, generator: np.random.Generator) -> None:
        self.generator = generator
