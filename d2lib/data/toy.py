"""Small data sets drawn from a seed: two numbers an example, so that one can look.

Classes are labelled 0, 1, … and take turns in the rows, so that any slice is balanced.
All have a ``seed``: the same one gives the same data on every machine.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from d2lib._checks import as_generator, check_non_negative, check_positive_int
from d2lib._types import Array

__all__ = [
    "WILL_I_PASS_BEFORE",
    "WILL_I_PASS_X",
    "WILL_I_PASS_Y",
    "moons",
    "noisy_sine",
    "rings",
    "spirals",
    "will_i_pass",
    "xor",
]

_MOST = 10_000_000  # points: no picture shows more, and they still fit into memory

Floats: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.int64]
Seed: TypeAlias = int | np.random.Generator | None


def _constant(values: list[list[int]] | list[int] | list[float]) -> Floats:
    array = np.array(values, dtype=np.float32)
    array.flags.writeable = False
    return array


#: The rows of the lecture's example: lectures attended, hours spent on the project.
WILL_I_PASS_X = _constant([[4, 5], [2, 1], [5, 8]])
#: Who of the three passed: 1 is a pass.
WILL_I_PASS_Y = _constant([1, 0, 1])
#: The probability of a pass that the lecture's untrained network predicts for them.
WILL_I_PASS_BEFORE = _constant([0.1, 0.8, 0.6])


def will_i_pass(n: int = 200, seed: Seed = 0) -> tuple[Floats, Floats]:
    r"""Students of a made-up course, and who of them passed.

    The first three rows are the lecture's own (`WILL_I_PASS_X`), the others are drawn.
    Both lectures and hours help, and luck has a say:

    .. math:: P(y = 1 \mid x) = \sigma\big(\tfrac32 (x_1 + x_2 - 8)\big)

    The best that any model can do is therefore about 93% right, and a logistic
    perceptron can, because the rule is one.

    Args:
        n: how many students, including the lecture's three.
        seed: an int, a Generator, or None for other students at every call.

    Returns:
        x, float32 (n, 2), with the lectures attended, 0 to 10, and the hours spent on
        the final project, 0 to 10 in steps of half an hour; and y, float32 (n,), with 1
        for a pass and 0 for a fail.

    Raises:
        TypeError, ValueError: n is not a whole number of at least 1.

    Example:
        >>> x, y = will_i_pass()
        >>> x[:3].tolist(), y[:3].tolist()
        ([[4.0, 5.0], [2.0, 1.0], [5.0, 8.0]], [1.0, 0.0, 1.0])

    Source: the example is that of MIT 6.S191, lecture 1; the rule is ours.
    """
    n = check_positive_int(n, "n", _MOST)
    rng = as_generator(seed)
    lectures = rng.integers(0, 11, n)
    hours = rng.integers(0, 21, n) / 2
    x = np.stack([lectures, hours], axis=1).astype(np.float32)  # (n, 2)
    chance = 1 / (1 + np.exp(1.5 * (8 - x.sum(axis=1))))  # (n,)
    y = (rng.random(n) < chance).astype(np.float32)
    known = min(n, len(WILL_I_PASS_X))
    x[:known], y[:known] = WILL_I_PASS_X[:known], WILL_I_PASS_Y[:known]
    return x, y


def spirals(
    n: int = 300, classes: int = 3, noise: float = 0.2, seed: Seed = 0
) -> tuple[Floats, Labels]:
    r"""Spirals wound into each other, one for each class.

    .. math:: x = t\,(\sin\varphi, \cos\varphi), \qquad
              \varphi = 4t + 2\pi y/\text{classes} + \varepsilon, \quad
              0 \le t \le 1

    Args:
        n: how many points in all.
        classes: how many spirals.
        noise: the standard deviation of :math:`\varepsilon`, in radians.
        seed: an int, a Generator, or None for other points at every call.

    Returns:
        x, float32 (n, 2), within the unit circle, and y, int64 (n,).

    Raises:
        TypeError, ValueError: n or classes is not a whole number of at least 1, or
            noise is not a finite number of at least 0.

    Example:
        >>> x, y = spirals(6, classes=3)
        >>> x.shape, y.tolist()
        ((6, 2), [0, 1, 2, 0, 1, 2])

    Source: after Lang and Witbrock, "Learning to tell two spirals apart", 1988.
    """
    n, noise = check_positive_int(n, "n", _MOST), check_non_negative(noise, "noise")
    classes = check_positive_int(classes, "classes")
    rng = as_generator(seed)
    y = np.arange(n) % classes
    t = rng.random(n)
    angle = 4 * t + 2 * np.pi * y / classes + noise * rng.standard_normal(n)
    return _points(t * np.sin(angle), t * np.cos(angle)), y


def moons(n: int = 200, noise: float = 0.1, seed: Seed = 0) -> tuple[Floats, Labels]:
    r"""Two half circles, one hooked into the other: no straight line parts them.

    .. math:: x = (\cos t, \sin t) \text{ for } y = 0, \qquad
              x = (1 - \cos t, \tfrac12 - \sin t) \text{ for } y = 1, \quad
              0 \le t \le \pi

    Args:
        n: how many points in all.
        noise: the standard deviation of the noise added to both coordinates.
        seed: an int, a Generator, or None for other points at every call.

    Returns:
        x, float32 (n, 2), and y, int64 (n,).

    Raises:
        TypeError, ValueError: n is not a whole number of at least 1, or noise is not a
            finite number of at least 0.

    Example:
        >>> x, y = moons(100)
        >>> x.shape, int(y.sum())
        ((100, 2), 50)
    """
    n, noise = check_positive_int(n, "n", _MOST), check_non_negative(noise, "noise")
    rng = as_generator(seed)
    y = np.arange(n) % 2
    t = np.pi * rng.random(n)
    x = _points(
        np.where(y == 0, np.cos(t), 1 - np.cos(t)),
        np.where(y == 0, np.sin(t), 0.5 - np.sin(t)),
    )
    return _jitter(x, noise, rng), y


def rings(n: int = 200, noise: float = 0.1, seed: Seed = 0) -> tuple[Floats, Labels]:
    r"""A ring of radius 1/2 around the origin (class 0), within one of radius 1.

    Args:
        n: how many points in all.
        noise: the standard deviation of the noise added to both coordinates.
        seed: an int, a Generator, or None for other points at every call.

    Returns:
        x, float32 (n, 2), and y, int64 (n,).

    Raises:
        TypeError, ValueError: n is not a whole number of at least 1, or noise is not a
            finite number of at least 0.

    Example:
        >>> x, y = rings(100, noise=0)
        >>> np.unique(np.hypot(x[:, 0], x[:, 1]).round(3)).tolist()
        [0.5, 1.0]
    """
    n, noise = check_positive_int(n, "n", _MOST), check_non_negative(noise, "noise")
    rng = as_generator(seed)
    y = np.arange(n) % 2
    angle, radius = 2 * np.pi * rng.random(n), (1 + y) / 2
    x = _points(radius * np.cos(angle), radius * np.sin(angle))
    return _jitter(x, noise, rng), y


def xor(n: int = 200, noise: float = 0.0, seed: Seed = 0) -> tuple[Floats, Labels]:
    r"""A square of four quarters, coloured like a chess board.

    :math:`y = 1` where :math:`x_1` and :math:`x_2` differ in sign: the exclusive or,
    which no single perceptron can compute.

    Args:
        n: how many points in all, spread evenly over :math:`[-1, 1]^2`.
        noise: the standard deviation of the noise added to both coordinates after the
            labels are given, so that the quarters run into each other.
        seed: an int, a Generator, or None for other points at every call.

    Returns:
        x, float32 (n, 2), and y, int64 (n,).

    Raises:
        TypeError, ValueError: n is not a whole number of at least 1, or noise is not a
            finite number of at least 0.

    Example:
        >>> x, y = xor(100)
        >>> bool(np.all(y == (x[:, 0] * x[:, 1] < 0)))
        True

    Source: Minsky and Papert, "Perceptrons", 1969.
    """
    n, noise = check_positive_int(n, "n", _MOST), check_non_negative(noise, "noise")
    rng = as_generator(seed)
    y = np.arange(n) % 2
    size = rng.random((n, 2), dtype=np.float32) + np.float32(1e-6)  # never on an axis
    sign = rng.choice(np.array([-1, 1], np.float32), n)
    x = np.stack([sign * size[:, 0], np.where(y == 0, sign, -sign) * size[:, 1]], 1)
    return _jitter(x, noise, rng), y


def noisy_sine(
    n: int = 30, noise: float = 0.2, seed: Seed = 0
) -> tuple[Floats, Floats]:
    r"""Points near one period of a sine, in random places: a curve to fit.

    .. math:: y = \sin(2\pi x) + \varepsilon, \qquad 0 \le x < 1

    Args:
        n: how many points.
        noise: the standard deviation of :math:`\varepsilon`.
        seed: an int, a Generator, or None for other points at every call.

    Returns:
        x, float32 (n, 1), and y, float32 (n, 1), of one shape so that `mse` can compare
        y with the output of a layer of one unit.

    Raises:
        TypeError, ValueError: n is not a whole number of at least 1, or noise is not a
            finite number of at least 0.

    Example:
        >>> x, y = noisy_sine(50, noise=0)
        >>> bool(np.allclose(y, np.sin(2 * np.pi * x), atol=1e-6))
        True

    Source: the example of Bishop, "Pattern Recognition and Machine Learning", 2006,
    chapter 1.
    """
    n, noise = check_positive_int(n, "n", _MOST), check_non_negative(noise, "noise")
    rng = as_generator(seed)
    x = rng.random((n, 1), dtype=np.float32)
    return x, _jitter(np.sin(2 * np.pi * x), noise, rng)


def _points(x_1: Array, x_2: Array) -> Floats:
    return np.stack([x_1, x_2], axis=1).astype(np.float32)  # (n, 2)


def _jitter(x: Array, noise: float, rng: np.random.Generator) -> Floats:
    moved: Floats = (x + noise * rng.standard_normal(x.shape)).astype(np.float32)
    return moved
