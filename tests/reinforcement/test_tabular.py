"""Tables of values: exact where they can be, and the best policy where chance rules."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from d2lib.reinforcement import (
    Transitions,
    evaluate,
    q_learning,
    transitions,
    value_iteration,
)
from tests.reinforcement.worlds import Corridor, Count


def lake(slippery, **options):
    return gym.make("FrozenLake-v1", is_slippery=slippery, **options)


@pytest.mark.parametrize(
    "make",
    [lambda: lake(True), lambda: lake(False), lambda: gym.make("CliffWalking-v1")],
    ids=["slippery", "not slippery", "cliff"],
)
def test_a_model_is_what_the_environment_does(make):
    """Step by step from every state that can be left, with every action."""
    env = make()
    model = transitions(env)
    states, actions = model.rewards.shape
    rng = np.random.default_rng(0)
    ways = 40 if model.going_on.max() < 1 else 1
    for s in rng.permutation(states)[:20]:
        if not model.going_on[s].any() and not model.rewards[s].any():
            continue  # an end: nobody acts there
        for a in range(actions):
            going_on, brought = np.zeros(states), 0.0
            possible = model.going_on[s, a] > 0
            for seed in range(ways):
                env.reset(seed=seed)
                env.unwrapped.s = s
                then, reward, over, _, _ = env.step(a)
                brought += reward / ways
                if not over:
                    assert possible[then]
                    going_on[then] += 1 / ways
            spread = 4 * 0.5 / ways**0.5 if ways > 1 else 1e-12
            assert np.abs(going_on - model.going_on[s, a]).max() <= spread
            assert abs(brought - model.rewards[s, a]) <= spread


def solved(model, gamma):
    """The best values, by trying every policy of a tiny world with linear algebra."""
    n, actions = model.rewards.shape
    best = np.full(n, -np.inf)
    for number in range(actions**n):
        choice = [number // actions**s % actions for s in range(n)]
        rows = range(n)
        P, r = model.going_on[rows, choice], model.rewards[rows, choice]
        best = np.maximum(best, np.linalg.solve(np.eye(n) - gamma * P, r))
    return best


@pytest.mark.parametrize("seed", range(5))
def test_values_of_small_random_worlds(seed):
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(5, 0.5), (4, 3))[:, :, :4]
    model = Transitions(rng.normal(size=(4, 3)), P)
    q = value_iteration(model, 0.9, 1e-13)
    np.testing.assert_allclose(q.max(axis=1), solved(model, 0.9), atol=1e-11)
    np.testing.assert_allclose(q, model.rewards + 0.9 * P @ q.max(axis=1), atol=1e-11)


def test_a_wrong_value_is_found():
    model = Transitions(np.ones((2, 2)), np.full((2, 2, 2), 0.25))
    q = value_iteration(model, 0.9, tolerance=0.5)  # stopped early
    assert np.abs(q.max(axis=1) - solved(model, 0.9)).max() > 0.01


def test_golden_values():
    # CliffWalking (Sutton & Barto, example 6.6): 13 steps along the edge, -1 each.
    q = value_iteration("CliffWalking-v1", gamma=1)
    assert q[36].max() == -13
    # FrozenLake 4x4, not slippery: six steps, and 1 at the last one.
    q = value_iteration(lake(False), gamma=0.9)
    np.testing.assert_allclose(q[0].max(), 0.9**5)
    # Slippery, without discount, 14 of 17 games are won with the best policy.
    q = value_iteration(lake(True), gamma=1, tolerance=1e-12)
    np.testing.assert_allclose(q[0].max(), 14 / 17, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "gamma", "steps", "epsilon"),
    [
        (lambda: lake(False), 0.9, 12_000, 1.0),
        (lambda: gym.make("CliffWalking-v1", max_episode_steps=200), 1.0, 20_000, 0.5),
    ],
    ids=["lake", "cliff"],
)
def test_without_chance_it_learns_the_values_exactly(make, gamma, steps, epsilon):
    found = q_learning(make(), steps, gamma, alpha=1, epsilon=epsilon, seed=0)
    exact = value_iteration(make(), gamma)
    tried = found.visits > 0
    np.testing.assert_allclose(found.values[tried], exact[tried], atol=1e-12)
    # What was not tried can't be: the ends, and the cliff, where nobody stands.
    rewards, going_on = transitions(make())
    reached = going_on.any(axis=(0, 1))
    reached[36 if len(rewards) == 48 else 0] = True
    np.testing.assert_array_equal(tried.any(axis=1), reached)
    assert found.visits.sum() == steps


def test_with_chance_the_policy_becomes_the_best_one():
    env = lake(True, map_name="4x4")
    found = q_learning(env, 60_000, 0.99, alpha=lambda n: n**-0.65, epsilon=1.0, seed=0)
    exact = value_iteration(env, 0.99)
    tried = found.visits > 0
    loss = exact.max(axis=1) - exact[np.arange(16), found.values.argmax(axis=1)]
    assert loss[tried.any(axis=1)].max() < 0.06
    won = evaluate(lambda o: found.values.argmax(axis=1)[o.argmax(axis=1)], env, 300)
    assert won.mean() > 0.65  # 0.74 in 100 steps; at random it is 0.014


def test_a_truncation_is_no_termination():
    """Four steps of 1, 2, 3, 4, after which it is left, or over."""

    class Numbered(Count):
        observation_space = gym.spaces.Discrete(5)

        def seen(self):
            return self.k

    over = q_learning(Numbered(4), 400, 0.5, alpha=1, epsilon=1, seed=0)
    left = q_learning(Numbered(4, truncates=True), 400, 0.5, alpha=1, epsilon=1, seed=0)
    np.testing.assert_allclose(over.values[3], 4)
    np.testing.assert_allclose(left.values[3], 4)  # nothing was learnt of state 4: 0
    assert left.visits[4].sum() == over.visits[4].sum() == 0


def test_one_seed_learns_the_same():
    a, b = (q_learning("FrozenLake-v1", 500, seed=3) for _ in range(2))
    np.testing.assert_array_equal(a.values, b.values)
    np.testing.assert_array_equal(a.visits, b.visits)


@pytest.mark.parametrize("env", ["CartPole-v1", Corridor(), Count()])
def test_what_is_not_numbered(env):
    with pytest.raises(ValueError, match="env must have numbered observations and act"):
        q_learning(env, 10)


def test_an_environment_without_a_table():
    with pytest.raises(ValueError, match="env must have a table P"):
        transitions("Blackjack-v1" if False else NoTable())


class NoTable(Count):
    observation_space = gym.spaces.Discrete(9)

    def seen(self):
        return self.k


@pytest.mark.parametrize(
    ("model", "error", "says"),
    [
        (Transitions(np.ones((2, 2)), np.ones((2, 2, 2))), ValueError, "sums up to 2"),
        (Transitions(np.ones((2, 2)), -np.ones((2, 2, 2))), ValueError, "at least 0"),
        (Transitions(np.ones((2, 2)), np.zeros((2, 3, 2))), ValueError, "model needs"),
        (Transitions([[np.nan]], [[[0.0]]]), ValueError, "rewards must be finite"),
        (Transitions("a", "b"), ValueError, "model must be made of numbers"),
        ((1, 2), TypeError, "model must be Transitions"),
        (None, TypeError, "model must be Transitions"),
    ],
)
def test_what_is_no_model(model, error, says):
    with pytest.raises(error, match=says):
        value_iteration(model)


def test_values_that_grow_without_an_end():
    for_ever = Transitions(np.ones((1, 1)), np.ones((1, 1, 1)))
    assert value_iteration(for_ever, 0.5)[0, 0] == pytest.approx(2)
    with pytest.raises(ValueError, match="still change by 1 after 100000 sweeps"):
        value_iteration(for_ever, 1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"alpha": 1.5}, r"alpha must lie in \[0, 1\]"),
        ({"alpha": lambda n: -1}, r"alpha must lie in \[0, 1\]"),
        ({"epsilon": float("nan")}, r"epsilon must lie in \[0, 1\]"),
        ({"gamma": 0}, r"gamma must lie in \(0, 1\]"),
    ],
)
def test_rates_out_of_their_range(options, says):
    with pytest.raises(ValueError, match=says):
        q_learning("FrozenLake-v1", 10, **options)
