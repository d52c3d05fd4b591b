"""Checks derivatives written by hand against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from d2lib._checks import (
    as_float_array,
    as_generator,
    check_finite,
    check_positive,
    short,
)
from d2lib.scratch.recording import record
from d2lib.scratch.tensor import Tensor

__all__ = ["check_gradients"]


def check_gradients(
    f: Callable[..., Tensor],
    *inputs: Any,
    seed: Any = 0,
    eps: float = 1e-6,
    tolerance: float = 1e-6,
) -> None:
    r"""Compares `Tensor.backward` with central differences, number by number.

    .. math:: \frac{\partial L}{\partial x_i} \approx
              \frac{L(x + \epsilon e_i) - L(x - \epsilon e_i)}{2\epsilon}, \qquad
              L = \sum_j u_j\, f(x)_j

    with random weights u: with all ones, mistakes that cancel in a sum would not show.
    Everything is in float64, where this difference is good to about ten digits.

    Args:
        f: from tensors to a tensor of any shape. It must be smooth where it is checked
            (keep ReLU's inputs away from 0) and return the same value each time.
        inputs: float arrays, one per argument of f.
        seed: of the weights u.
        eps: :math:`\epsilon`, the width of the difference.
        tolerance: the largest error allowed, relative to the largest derivative.

    Raises:
        TypeError: f is no function of tensors, or inputs hold no numbers.
        ValueError: eps or tolerance are not > 0.
        AssertionError: a derivative is wrong; the message says which, and by how much.

    Example:
        >>> check_gradients(lambda x: x * x, np.array([1.0, -2.0]))

    Source: the idea of random upstream weights is as in HIPS autograd's test_util.
    """
    if not callable(f):
        raise TypeError(f"f must be a function of tensors, got {short(f)}")
    eps = check_positive(eps, "eps")
    tolerance = check_positive(tolerance, "tolerance")
    arrays = [
        np.array(as_float_array(x, np.float64, "inputs"), order="C") for x in inputs
    ]
    generator = as_generator(seed)
    for array in arrays:
        check_finite(array, "inputs")
    tensors = [Tensor(a, np.float64, requires_grad=True) for a in arrays]
    with record():
        out = f(*tensors)
    if not isinstance(out, Tensor):
        raise TypeError(f"f must return a tensor of d2lib.scratch, got {short(out)}")
    if out.dtype != np.float64:
        raise AssertionError(f"f turned float64 into {out.dtype}: check its constants")
    u = generator.normal(size=out.shape)
    out.backward(u)
    # What the differences cannot resolve: L's rounding errors, divided by eps.
    least = 1e-3 * max(1.0, float(np.abs(out.data * u).sum()))

    def loss() -> float:
        with record():
            value = f(*[Tensor(a, np.float64) for a in arrays])
        return float((value.data * u).sum())

    for k, (array, tensor) in enumerate(zip(arrays, tensors, strict=True)):
        numeric = np.empty_like(array)
        for i in np.ndindex(array.shape):
            middle = array[i]
            array[i] = middle + eps
            above = loss()
            array[i] = middle - eps
            below = loss()
            array[i] = middle
            numeric[i] = (above - below) / (2 * eps)
        exact = np.zeros_like(array) if tensor.grad is None else tensor.grad
        error = np.abs(exact - numeric) / max(least, np.abs(numeric).max(initial=0))
        if not (error <= tolerance).all():
            worst = int(np.argmax(np.nan_to_num(error, nan=np.inf)))
            i = tuple(int(n) for n in np.unravel_index(worst, error.shape))
            raise AssertionError(
                f"input {k}, element {i}: backward gives {exact[i]:.10g}, finite "
                f"differences give {numeric[i]:.10g} (relative error {error[i]:.2g}, "
                f"allowed {tolerance:.2g})"
            )
