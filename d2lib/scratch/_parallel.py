"""More cores for NumPy, which uses one for everything but matrix products.

NumPy lets other threads run while it goes through an array. So a large array is cut
into as many parts as there are threads, and each thread takes one. Where work goes
through arrays *and* multiplies matrices, the products must not take all cores as well:
the package threadpoolctl tells BLAS so, if it is installed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from threading import Lock
from typing import Any

__all__ = ["in_parallel", "one_product_thread", "products_in_parallel", "threads"]

_LARGE = 262_144  # numbers: with fewer, waking a thread takes longer than the work


@cache
def threads() -> int:
    """How many threads to use: what OpenBLAS is told to, or else one for each core."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdigit():
            return max(1, int(os.environ[name]))
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads() - 1, thread_name_prefix="d2lib")


if hasattr(os, "register_at_fork"):  # a forked process has no threads but its own
    os.register_at_fork(after_in_child=_pool.cache_clear)


def in_parallel(work: Callable[[int, int, int], object], n: int, size: int) -> None:
    """Calls ``work(start, stop, thread)`` so that the parts make up ``range(n)``.

    Args:
        work: computes the part from start to stop; ``thread`` counts the parts.
        n: what is cut into parts, such as the rows of an array.
        size: how many numbers there are in all; a few are not worth a second thread.

    Example:
        >>> import numpy as np
        >>> x = np.arange(4.0)
        >>> in_parallel(lambda i, j, _: np.sqrt(x[i:j], out=x[i:j]), len(x), x.size)
        >>> x.round(2)
        array([0.  , 1.  , 1.41, 1.73])
    """
    parts = min(threads(), n) if size >= _LARGE else 1
    if parts <= 1:
        work(0, n, 0)
        return
    bounds = [n * k // parts for k in range(parts + 1)]
    first, *others = [(i, j, k) for k, (i, j) in enumerate(pairwise(bounds))]
    waiting = [_pool().submit(work, *part) for part in others]
    try:
        work(*first)
    finally:
        for result in waiting:
            result.result()


@cache
def _blas() -> list[Any]:
    """What sets the threads of matrix products, one for each BLAS that is loaded."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return []
    found: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return found


_one_at_a_time = Lock()  # for the number of BLAS's threads is one for the whole process


@contextmanager
def one_product_thread() -> Iterator[bool]:
    """Lets BLAS take one thread for what is done inside.

    It yields False, and changes nothing, where there is but one anyway, where BLAS
    can't be told, and where another thread has told it.
    """
    blas = _blas() if threads() > 1 else []
    if not blas or not _one_at_a_time.acquire(blocking=False):
        yield False
        return
    before = [library.get_num_threads() for library in blas]
    try:
        for library in blas:
            library.set_num_threads(1)
        yield True
    finally:
        for library, number in zip(blas, before, strict=True):
            library.set_num_threads(number)
        _one_at_a_time.release()


def products_in_parallel(
    work: Callable[[int, int, int], object], n: int, size: int
) -> None:
    """As `in_parallel`, for work that multiplies matrices: BLAS takes one thread then.

    Where it does not, ``work`` is called once, for all of ``range(n)``, and its
    products take all threads.
    """
    if n > 1 and size >= _LARGE:
        with one_product_thread() as alone:
            if alone:
                in_parallel(work, n, size)
                return
    work(0, n, 0)
