"""Returns and advantages: against their definitions, written out in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.reinforcement import discounted_returns, generalized_advantages

some = settings(deadline=None, max_examples=60)
SEEDS = st.integers(0, 2**32)


def history(seed):
    """Some steps of some copies: rewards, values, and both kinds of end."""
    rng = np.random.default_rng(seed)
    shape = (
        rng.integers(1, 12),
        *((rng.integers(1, 4),) if rng.random() < 0.5 else ()),
    )
    rewards, values, following = rng.normal(size=(3, *shape))
    over, left = rng.random((2, *shape)) < 0.25
    gamma, lam = rng.choice([0.3, 0.9, 1.0], 2)
    return rewards, values, following, over, left, gamma, lam


def columns(*arrays):
    """Each copy by itself, as lists."""
    tables = [np.asarray(a).reshape(len(a), -1).T.tolist() for a in arrays]
    return zip(*tables, strict=True)


def returns_by_definition(rewards, following, over, left, gamma):
    """The sum over all i >= t up to the episode's end, for each t by itself."""
    found = []
    for t in range(len(rewards)):
        total = 0.0
        for i in range(t, len(rewards)):
            total += gamma ** (i - t) * rewards[i]
            if over[i]:
                break
            if left[i] or i == len(rewards) - 1:
                total += gamma ** (i - t + 1) * following[i]
                break
        found.append(total)
    return found


def advantages_by_definition(rewards, values, following, over, left, gamma, lam):
    """The sum of the surprises up to the episode's end, for each t by itself."""
    found = []
    for t in range(len(rewards)):
        total = 0.0
        for i in range(t, len(rewards)):
            then = 0.0 if over[i] else following[i]
            surprise = rewards[i] + gamma * then - values[i]
            total += (gamma * lam) ** (i - t) * surprise
            if over[i] or left[i]:
                break
        found.append(total)
    return found


@some
@given(SEEDS)
def test_returns_are_what_they_are_defined_to_be(seed):
    rewards, _, following, over, left, gamma, _ = history(seed)
    found = discounted_returns(rewards, gamma, over, left, following)
    assert (found.shape, found.dtype) == (rewards.shape, np.float64)
    wanted = [
        returns_by_definition(*column, gamma)
        for column in columns(rewards, following, over, left)
    ]
    np.testing.assert_allclose(found.reshape(len(found), -1).T, wanted, atol=1e-12)


@some
@given(SEEDS)
def test_advantages_are_what_they_are_defined_to_be(seed):
    rewards, values, following, over, left, gamma, lam = history(seed)
    found = generalized_advantages(rewards, values, following, gamma, lam, over, left)
    assert (found.shape, found.dtype) == (rewards.shape, np.float64)
    wanted = [
        advantages_by_definition(*column, gamma, lam)
        for column in columns(rewards, values, following, over, left)
    ]
    np.testing.assert_allclose(found.reshape(len(found), -1).T, wanted, atol=1e-12)


@some
@given(SEEDS)
def test_with_lambda_one_the_advantage_is_the_return_less_the_value(seed):
    rewards, values, following, over, left, gamma, _ = history(seed)
    # The value that was expected of a state is that of the state one came to.
    following[:-1] = np.where((over | left)[:-1], following[:-1], values[1:])
    A = generalized_advantages(rewards, values, following, gamma, 1, over, left)
    R = discounted_returns(rewards, gamma, over, left, following)
    np.testing.assert_allclose(A, R - values, atol=1e-12)


def test_the_checker_finds_a_truncation_that_is_taken_for_a_termination():
    wanted = returns_by_definition([1.0], [5.0], [False], [True], 0.5)
    assert discounted_returns([1], 0.5, None, [1], [5])[0] == wanted[0] == 3.5
    assert discounted_returns([1], 0.5, [1], None, [5])[0] == 1.0  # the mistake
    wanted = advantages_by_definition([1.0], [0.0], [5.0], [False], [True], 0.5, 0.9)
    assert generalized_advantages([1], [0], [5], 0.5, 0.9, None, [1])[0] == wanted[0]
    assert generalized_advantages([1], [0], [5], 0.5, 0.9, [1])[0] == 1.0


def test_golden_values():
    # Sutton & Barto, 2018, exercise 3.8: gamma 0.5, rewards -1, 2, 6, 3, 2.
    found = discounted_returns([-1, 2, 6, 3, 2], 0.5)
    np.testing.assert_array_equal(found, [2, 6, 8, 4, 2])
    # The same, exercise 3.9: 2, and then 7 for ever, with gamma 0.9: 65 and 70.
    found = discounted_returns([2, *[7] * 1000], 0.9)
    np.testing.assert_allclose(found[:2], [65, 70])
    # Of a value for ever, cut after one step: V = 7 / (1 - gamma).
    np.testing.assert_allclose(discounted_returns([7], 0.9, next_values=[70]), [70])


def test_no_surprise_passes_the_end_of_an_episode():
    left = [False, True, False]
    a, b = (
        generalized_advantages([1, 1, r], [0, 0, 0], [0, 0, 0], 0.9, 0.9, None, left)
        for r in (0.0, 1e6)
    )
    np.testing.assert_array_equal(a[:2], b[:2])
    assert a[2] != b[2]


def test_what_is_given_stays_as_it_was():
    given_ = np.ones(3), np.zeros(3, bool), np.zeros(3, bool), np.ones(3)
    before = [a.copy() for a in given_]
    discounted_returns(given_[0], 0.5, *given_[1:])
    generalized_advantages(given_[0], given_[3], given_[3], 0.5, 0.5, *given_[1:3])
    for a, b in zip(given_, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("gamma", [0, -0.1, 1.1, float("nan"), float("inf")])
def test_a_gamma_outside_of_its_range(gamma):
    for f in (
        lambda: discounted_returns([1], gamma),
        lambda: generalized_advantages([1], [0], [0], gamma),
    ):
        with pytest.raises(ValueError, match=r"gamma must lie in \(0, 1\], got"):
            f()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_rewards_that_are_not_finite(bad):
    with pytest.raises(ValueError, match="rewards must be finite"):
        discounted_returns([1.0, bad])
    with pytest.raises(ValueError, match="next_values must be finite"):
        generalized_advantages([1.0], [0.0], [bad])


def test_shapes_that_do_not_go_together():
    with pytest.raises(ValueError, match=r"terminated must have the shape .*\(2,\)"):
        discounted_returns([1, 2], 0.9, [True])
    with pytest.raises(ValueError, match="rewards must hold at least one step"):
        discounted_returns([])
