"""Large arrays are cut into parts, one for each thread, and nothing else changes."""

import threading

import numpy as np
import pytest

from d2lib.scratch import Adam, _parallel, cross_entropy, tensor
from d2lib.scratch._parallel import in_parallel


@pytest.fixture
def three_threads(monkeypatch):
    """Three threads, and every array is large."""
    _parallel._pool.cache_clear()
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
