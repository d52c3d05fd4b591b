"""The memory: what it keeps, what it draws, and how it goes on."""

from __future__ import annotations

import numpy as np
import pytest

from d2lib.reinforcement import ReplayBuffer
from tests.twins.checks import identical


def filled(n, capacity=10, seed=0):
    """A memory after n steps, each of which can be told from its numbers."""
    memory = ReplayBuffer(capacity, 2, seed)
    for i in range(n):
        memory.add([i, -i], i % 3, i / 2, [i + 1, -i - 1], i % 4 == 3)
    return memory


def test_what_comes_back_belongs_together():
    batch = filled(7).sample(7)
    i = batch.observations[:, 0]
    np.testing.assert_array_equal(batch.observations[:, 1], -i)
    np.testing.assert_array_equal(batch.actions, i % 3)
    np.testing.assert_array_equal(batch.rewards, i / 2)
    np.testing.assert_array_equal(batch.following[:, 0], i + 1)
    np.testing.assert_array_equal(batch.terminated, i % 4 == 3)
    kinds = [column.dtype.name for column in batch]
    assert kinds == ["float32", "int64", "float32", "float32", "float32"]


def test_a_new_step_takes_the_place_of_the_oldest():
    memory = filled(13)
    assert len(memory) == 10
    seen = {int(i) for _ in range(60) for i in memory.sample(10).observations[:, 0]}
    assert seen == set(range(3, 13))


def test_each_step_is_as_likely_as_any_other():
    memory = filled(10)
    drawn = np.concatenate([memory.sample(10).rewards for _ in range(2000)]) * 2
    counts = np.bincount(drawn.astype(int), minlength=10)
    # 20,000 draws of ten: 2,000 each, with a spread of sqrt(20,000 * 0.1 * 0.9) = 42.
    assert np.abs(counts - 2000).max() < 5 * 42


def test_its_arrays_are_made_once():
    memory = ReplayBuffer(5, 2, 0)
    before = [id(column) for column in memory._steps]
    for i in range(12):
        memory.add([i, i], 0, 0.0, [i, i], False)
    assert [id(column) for column in memory._steps] == before


def test_what_is_drawn_is_a_copy():
    memory = filled(3)
    memory.sample(3).observations[:] = 99
    assert memory.sample(3).observations.max() < 99


def test_one_seed_draws_the_same():
    a, b = filled(10, seed=5), filled(10, seed=5)
    np.testing.assert_array_equal(a.sample(8).rewards, b.sample(8).rewards)
    c = filled(10, seed=6)
    assert (a.sample(8).rewards != c.sample(8).rewards).any()


def test_it_goes_on_from_its_state_bit_for_bit():
    a, b = filled(13, seed=1), filled(4, seed=2)
    a.sample(4)
    b.load_state(a.state())
    identical(a.state(), b.state())
    for memory in (a, b):
        memory.add([50, 50], 1, 2.0, [51, 51], True)
    for x, y in zip(a.sample(9), b.sample(9), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ({"actions": np.zeros(9)}, r"actions must have shape \(10,\)"),
        ({"generator": np.zeros(3)}, "the state of the random numbers is none"),
        ({"more": np.zeros(1)}, "unexpected \\['more'\\]"),
    ],
)
def test_a_state_of_another_memory_changes_nothing(spoil, says):
    memory = filled(6)
    before = memory.state()
    with pytest.raises(ValueError, match=says):
        memory.load_state(filled(8).state() | spoil)
    identical(memory.state(), before)


def test_more_than_it_holds():
    memory = filled(3)
    with pytest.raises(ValueError, match="the buffer holds 3 steps, got batch_size=4"):
        memory.sample(4)


@pytest.mark.parametrize(
    ("step", "error", "says"),
    [
        (
            ([np.nan, 0], 0, 0.0, [0, 0], False),
            ValueError,
            "observation must be finite",
        ),
        (([0, 0], 0, np.inf, [0, 0], False), ValueError, "reward must be a finite num"),
        (([0, 0], 0, 0.0, [0, np.inf], False), ValueError, "following must be finite"),
        (([0], 0, 0.0, [0, 0], False), ValueError, r"observation must have shape \(2,"),
        (([0, 0], 0.5, 0.0, [0, 0], False), TypeError, "action must be a whole number"),
        (([0, 0], 0, 0.0, [0, 0], 1), TypeError, "terminated must be True or False"),
        ((["a", "b"], 0, 0.0, [0, 0], False), TypeError, "observation must hold numb"),
    ],
)
def test_what_is_no_step_is_not_kept(step, error, says):
    memory = filled(2)
    before = memory.state()
    with pytest.raises(error, match=says):
        memory.add(*step)
    identical(memory.state(), before)
