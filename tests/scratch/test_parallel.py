"""Large arrays are cut into parts, one for each thread, and nothing else changes."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from d2lib.scratch import (
    Adam,
    MaxPool2D,
    _parallel,
    conv2d,
    conv_transpose2d,
    cross_entropy,
    tensor,
)
from d2lib.scratch._parallel import in_parallel, products_in_parallel


@pytest.fixture
def three_threads(monkeypatch):
    """Three threads, every array is large, and each BLAS that is loaded is known."""
    _parallel._pool.cache_clear()
    _parallel._blas.cache_clear()
    monkeypatch.setattr(_parallel, "threads", lambda: 3)
    monkeypatch.setattr("d2lib.scratch.optimizers.threads", lambda: 3)
    monkeypatch.setattr("d2lib.scratch.optimizers._BLOCK", 8)
    monkeypatch.setattr(_parallel, "_LARGE", 1)
    yield
    _parallel._pool().shutdown()
    _parallel._pool.cache_clear()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10])
def test_the_parts_make_up_the_whole(three_threads, n):
    parts = []
    in_parallel(lambda i, j, thread: parts.append((i, j, thread)), n, 100)
    covered = [k for i, j, _ in sorted(parts) for k in range(i, j)]
    assert covered == list(range(n))
    assert sorted(thread for *_, thread in parts) == list(range(min(3, max(n, 1))))


def test_parts_run_at_the_same_time(three_threads):
    meeting = threading.Barrier(3)
    in_parallel(lambda *_: meeting.wait(timeout=30), 3, 100)


def test_little_work_stays_in_one_thread(monkeypatch):
    monkeypatch.setattr(_parallel, "threads", lambda: 3)
    parts = []
    in_parallel(lambda *part: parts.append(part), 10, _parallel._LARGE - 1)
    assert parts == [(0, 10, 0)]


@pytest.mark.parametrize("where", [0, 2])
def test_an_error_in_a_part_reaches_the_caller(three_threads, where):
    def fail(i, j, thread):
        if thread == where:
            raise ValueError(f"part {thread}")

    with pytest.raises(ValueError, match=f"part {where}"):
        in_parallel(fail, 3, 100)


def test_the_environment_says_how_many(monkeypatch):
    _parallel.threads.cache_clear()
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "5")
    assert _parallel.threads() == 5
    _parallel.threads.cache_clear()
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "many")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert _parallel.threads() >= 1
    _parallel.threads.cache_clear()


def train():
    rng = np.random.default_rng(0)
    z = tensor(rng.normal(size=(20, 7)), "float32", requires_grad=True)
    y = rng.integers(0, 7, 20)
    optimizer = Adam([z])
    for _ in range(3):
        loss = cross_entropy(z, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.data, z.grad, z.data


def test_results_are_the_same_bits(request):
    alone = train()
    request.getfixturevalue("three_threads")
    for one, many in zip(alone, train(), strict=True):
        np.testing.assert_array_equal(one, many)


# Where matrices are multiplied, too ---------------------------------------------------


def blas_threads():
    """How many threads each BLAS of this process takes.

    MXNet's goes by OpenMP, where the number is each thread's own.
    """
    np.ones((2, 2)) @ np.ones((2, 2))
    blas = [at for at in threadpool_info() if at["user_api"] == "blas"]
    return [at["num_threads"] for at in blas if at["threading_layer"] != "openmp"]


def test_products_leave_the_threads_to_the_parts(three_threads):
    before, seen = blas_threads(), []
    products_in_parallel(lambda *part: seen.append((part, blas_threads())), 10, 100)
    assert sorted(part for part, _ in seen) == [(0, 3, 0), (3, 6, 1), (6, 10, 2)]
    assert all(set(threads) == {1} for _, threads in seen)
    assert blas_threads() == before


def test_blas_has_its_threads_back_after_an_error(three_threads):
    def fail(*_):
        raise ValueError("a part")

    before = blas_threads()
    for _ in range(2):  # and the next one gets them, too
        with pytest.raises(ValueError, match="a part"):
            products_in_parallel(fail, 3, 100)
    assert blas_threads() == before


def test_who_comes_second_does_not_touch_them(three_threads):
    inner = []

    def work(i, j, thread):
        if thread == 0:
            products_in_parallel(lambda *part: inner.append(part), 7, 100)

    before = blas_threads()
    products_in_parallel(work, 3, 100)
    assert inner == [(0, 7, 0)]
    assert blas_threads() == before


def test_products_without_threadpoolctl_stay_together(three_threads, monkeypatch):
    monkeypatch.setattr(_parallel, "_blas", list)
    parts = []
    products_in_parallel(lambda *part: parts.append(part), 10, 100)
    assert parts == [(0, 10, 0)]


def images():
    """Both convolutions and pooling, forward and backward."""
    rng = np.random.default_rng(1)
    x = tensor(rng.normal(size=(7, 4, 9, 8)), "float32", requires_grad=True)
    W = tensor(rng.normal(size=(6, 4, 3, 3)), "float32", requires_grad=True)
    b = tensor(rng.normal(size=6), "float32", requires_grad=True)
    pooled = MaxPool2D(2)(conv2d(x, W, b, padding=1))
    y = conv_transpose2d(pooled, W, stride=2)
    y.backward(rng.normal(size=y.shape).astype(np.float32))
    return [y.data, *(at.grad for at in (x, W, b))]


def test_images_are_the_same_but_for_rounding(request):
    alone = images()
    request.getfixturevalue("three_threads")
    many = images()
    for one, other, again in zip(alone, many, images(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(other, again)  # whichever thread was first
