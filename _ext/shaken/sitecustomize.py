"""Disturb what a page draws at random, as another machine's rounding would.

Python imports a module of this name when it starts, if this folder is on its
PYTHONPATH. `D2LIB_SHAKE` is the number of the disturbance. Every number drawn by a
NumPy generator from a continuous distribution changes by about 3e-7 of itself, a few
units in float32's last place: initial weights, before they are made orthogonal, in both
twins, and the data that a page or `d2lib.data` draws. The change depends on nothing but
the disturbance and the numbers drawn, so equal seeds go on drawing equal numbers.
"""

from __future__ import annotations

import os
import zlib

import numpy as np

SIZE = 3e-7
DISTURBANCE = int(os.environ.get("D2LIB_SHAKE", "0"))


class Shaken(np.random.Generator):
    """A generator whose real numbers are a little off."""

    def random(self, *args, **kwargs):
        return shake(super().random(*args, **kwargs))

    def uniform(self, *args, **kwargs):
        return shake(super().uniform(*args, **kwargs))

    def normal(self, *args, **kwargs):
        return shake(super().normal(*args, **kwargs))

    def standard_normal(self, *args, **kwargs):
        return shake(super().standard_normal(*args, **kwargs))

    def __reduce__(self):
        return Shaken, (self.bit_generator,)


def shake(drawn):
    """Change each number by about 3e-7 of itself, in place if it is an array."""
    values = np.asarray(drawn)
    digest = zlib.crc32(values.tobytes())
    noise = np.random.Generator(np.random.PCG64([DISTURBANCE, digest]))
    changed = values * (1 + SIZE * noise.standard_normal(values.shape))
    if isinstance(drawn, np.ndarray):
        drawn[...] = changed
        return drawn
    return float(changed)


def default_rng(seed=None):
    """Return a shaken generator, or the one that was given."""
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, np.random.BitGenerator):
        return Shaken(seed)
    return Shaken(np.random.PCG64(seed))


if DISTURBANCE:
    np.random.default_rng = default_rng
