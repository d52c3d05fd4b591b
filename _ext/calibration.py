"""A small piece of work whose time says how fast this machine is just now.

Budgets are stated in seconds of one processor of an idle machine of 2026 (175 GFLOP/s
on two cores). A page's seconds are divided by what this work takes beside it, so that a
slow or busy machine does not make a page look dear. It does what pages do: products of
small matrices, NumPy's functions on arrays that fit the cache, and Python's own loops.

As a command it prints the seconds of processor time that it took.
"""

from __future__ import annotations

import time

import numpy as np

REFERENCE = 0.40  # seconds on the machine that the budgets are stated for


def work() -> float:
    """Do the work once and return the seconds of processor time that it took."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 256), np.float32)
    W = rng.standard_normal((256, 256), np.float32) / 16
    start = time.process_time()
    for _ in range(1400):
        h = np.tanh(x @ W)
        g = h.T @ (h * (1 - h * h))
        W -= 1e-6 * g
    total = 0
    for i in range(2_400_000):
        total += i & 3
    return time.process_time() - start


if __name__ == "__main__":
    print(work())
