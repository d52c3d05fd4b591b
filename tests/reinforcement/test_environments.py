"""Walks through environments: every kind of end, and what is no environment."""

from __future__ import annotations

import sys

import gymnasium as gym
import numpy as np
import pytest

from d2lib.reinforcement import (
    CartPole,
    MountainCarContinuous,
    Pendulum,
    evaluate,
    q_learning,
    rollout,
)
from d2lib.reinforcement.environments import EVALUATION, SEEDS, VALIDATION, Walk
from tests.reinforcement.worlds import Corridor, Count, Push

MODES = list(gym.vector.AutoresetMode)


def zeros(observations):
    return np.zeros(len(observations), int)


def vector(mode, lengths=(3, 2), **options):
    """Copies that end at different steps, and reset themselves in one of three ways."""
    return gym.vector.SyncVectorEnv(
        [lambda n=n: Count(n, **options) for n in lengths], autoreset_mode=mode
    )


# Ends ---------------------------------------------------------------------------------


@pytest.mark.parametrize("truncates", [False, True])
def test_every_step_of_a_single_environment(truncates):
    env = Count(3, truncates)
    found = rollout(zeros, env, steps=5, seed=0)
    np.testing.assert_array_equal(found.rewards, [1, 2, 3, 1, 2])
    np.testing.assert_array_equal(found.observations[:, 0], [0, 1, 2, 0, 1])
    # What followed at an end is its last observation, and not the next one's first.
    np.testing.assert_array_equal(found.following[:, 0], [1, 2, 3, 1, 2])
    ends = np.array([0, 0, 1, 0, 0], bool)
    np.testing.assert_array_equal(
        found.truncated if truncates else found.terminated, ends
    )
    assert not (found.terminated if truncates else found.truncated).any()
    np.testing.assert_array_equal(found.cut, [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(found.left, found.truncated | found.cut)
    np.testing.assert_array_equal(found.totals, [6])
    np.testing.assert_array_equal(found.times, [0, 1, 2, 0, 1])


@pytest.mark.parametrize("mode", MODES, ids=lambda m: m.name)
@pytest.mark.parametrize("truncates", [False, True])
def test_every_kind_of_vector_gives_the_same_steps(mode, truncates):
    wanted = [rollout(zeros, Count(n, truncates), episodes=2, seed=0) for n in (3, 2)]
    found = rollout(zeros, vector(mode, truncates=truncates), episodes=4, seed=0)
    for name, column in found._asdict().items():
        parts = [getattr(one, name) for one in wanted]
        np.testing.assert_array_equal(column, np.concatenate(parts), err_msg=name)


def test_the_step_that_only_resets_is_not_recorded():
    env = vector(gym.vector.AutoresetMode.NEXT_STEP)
    found = rollout(zeros, env, steps=7, seed=0)
    # Of 7 turns, the first copy spends 1 on a reset, and the second 2.
    assert len(found.rewards) == 6 + 5
    assert (found.rewards > 0).all()
    np.testing.assert_array_equal(found.following[:, 0], found.observations[:, 0] + 1)


def test_a_recorded_reset_would_be_seen():
    """The same check fails where the vector's own answers are taken as they are."""
    env = vector(gym.vector.AutoresetMode.NEXT_STEP)
    env.reset(seed=0)
    rewards = [env.step(np.zeros(2, int))[1] for _ in range(7)]
    assert (np.array(rewards) == 0).any()


def test_episodes_are_shared_out_beforehand():
    """Short episodes are not preferred: the first four to end would all be short."""
    found = rollout(zeros, vector("Disabled", (2, 50)), episodes=4, seed=0)
    np.testing.assert_array_equal(found.totals, [3, 3, 1275, 1275])


def test_copies_of_an_id_are_seeded_one_by_one():
    both = rollout(zeros, "CartPole-v1", episodes=2, copies=2, seed=3)
    first = rollout(zeros, "CartPole-v1", seed=3)
    second = rollout(zeros, "CartPole-v1", seed=4)
    rewards = np.concatenate([first.observations, second.observations])
    np.testing.assert_array_equal(both.observations, rewards)


def test_a_reset_that_was_refused_starts_no_episode():
    env = Count(3)
    rollout(zeros, env, episodes=3, seed=7)
    assert env.seeds[0] == 7
    assert env.seeds[1:] == [None] * 3  # its own random numbers go on


# Observations and actions -------------------------------------------------------------


def test_numbered_observations_are_rows_with_a_one():
    found = rollout(None, "FrozenLake-v1", steps=9, seed=0)
    assert found.observations.shape == (9, 16)
    np.testing.assert_array_equal(found.observations.sum(axis=1), 1)


def test_an_action_space_that_starts_elsewhere():
    env = Count(4)
    env.action_space = gym.spaces.Discrete(3, start=5)
    found = rollout(lambda o: [2], env, steps=2, seed=0)
    assert env.taken == [7, 7]
    np.testing.assert_array_equal(found.actions, [2, 2])


def test_pictures_become_rows():
    env = Count(4)
    env.observation_space = gym.spaces.Box(0, 255, (3, 2), np.uint8)
    env.seen = lambda: np.full((3, 2), 7, np.uint8)
    assert rollout(None, env, steps=2, seed=0).observations.shape == (2, 6)


def test_at_random_within_the_bounds():
    found = rollout(None, Push(50), steps=200, seed=0)
    low, high = found.actions.min(axis=0), found.actions.max(axis=0)
    assert (low >= -1).all()
    assert (low < -0.9).all()
    assert (high <= [1, 2]).all()
    assert (high > [0.9, 1.8]).all()


# Measuring ----------------------------------------------------------------------------


def test_evaluate_takes_seeds_that_nothing_else_does():
    env = Count(2)
    np.testing.assert_array_equal(evaluate(zeros, env, episodes=3, seed=5), [3, 3, 3])
    assert env.seeds[0] == EVALUATION + 5
    assert SEEDS <= VALIDATION
    assert VALIDATION + SEEDS <= EVALUATION


def test_the_same_episodes_whether_side_by_side_or_not():
    together = evaluate(zeros, "CartPole-v1", episodes=6)
    alone = [evaluate(zeros, "CartPole-v1", episodes=1, seed=i)[0] for i in range(6)]
    np.testing.assert_array_equal(together, alone)


def test_the_short_corridor():
    """Sutton & Barto: with p = 2 - sqrt(2) to the right, an episode brings -11.657."""
    rng = np.random.default_rng(0)
    p = 2 - 2**0.5
    totals = evaluate(lambda o: (rng.random(len(o)) < p).astype(int), Corridor(), 1500)
    # An episode's spread is about 10.
    assert abs(totals.mean() + 11.657) < 4 * totals.std() / 1500**0.5
    # Exactly: V0 = -1 + p V1 + (1 - p) V0, V1 = -1 + p V0 + (1 - p) V2,
    # V2 = -1 + (1 - p) V1.
    A = [[p, -p, 0], [-p, 1, p - 1], [0, p - 1, 1]]
    assert abs(np.linalg.solve(A, -np.ones(3))[0] + 11.657) < 5e-4


# The environments of our own ----------------------------------------------------------

KINDS = (CartPole, Pendulum, MountainCarContinuous)


def actions_of(kind, states, rng):
    n = len(states)
    if kind is CartPole:
        return rng.integers(0, 2, n)
    if kind is Pendulum:
        return rng.uniform(-2, 2, (n, 1)).astype(np.float32)
    # With the speed, so that some arrive; beyond the bounds, which are charged. The
    # first copy does nothing, and never arrives.
    pushes = np.sign(states[:, 1:]) * rng.uniform(0, 1.2, (n, 1))
    return (pushes * (np.arange(n)[:, None] > 0)).astype(np.float32)


def compare(kind, many, steps, rng):
    """The largest difference from Gymnasium's own, each step from the same states."""
    ones = [gym.make(kind.id) for _ in range(many.num_envs)]
    many.reset(seed=0)
    for i, one in enumerate(ones):
        one.reset(seed=i)
    worst, ends = 0.0, np.zeros(2, int)
    for _ in range(steps):
        for one, state in zip(ones, many.states, strict=True):
            one.unwrapped.state = state.copy()
        actions = actions_of(kind, many.states, rng)
        seen, rewards, over, left, _ = many.step(actions)
        for i, one in enumerate(ones):
            theirs = one.step(actions[i])
            worst = max(worst, np.abs(theirs[0] - seen[i]).max())
            worst = max(worst, abs(theirs[1] - rewards[i]))
            assert theirs[2:4] == (over[i], left[i])
            if over[i] or left[i]:
                one.reset()
        ends += (over.sum(), left.sum())
        many.reset(options={"reset_mask": over | left})
    return worst, ends


@pytest.mark.parametrize(("kind", "steps"), zip(KINDS, (200, 220, 1010), strict=True))
def test_they_move_as_gymnasiums_do(kind, steps):
    worst, (over, left) = compare(kind, kind(3), steps, np.random.default_rng(1))
    assert worst <= 2e-6  # Gymnasium computes some of it in float32
    assert (over > 0) == (kind is not Pendulum)
    assert (left > 0) == (kind is not CartPole)


def test_a_wrong_move_is_found():
    class Heavy(CartPole):
        @staticmethod
        def move(states, actions):
            after, rewards, over = CartPole.move(states, actions)
            return after + 1e-5, rewards, over

    assert compare(CartPole, Heavy(3), 5, np.random.default_rng(0))[0] > 2e-6


@pytest.mark.parametrize("kind", KINDS)
def test_where_they_start(kind):
    """As Gymnasium's do."""
    env, one = kind(500), gym.make(kind.id).unwrapped
    seen, _ = env.reset(seed=0)
    assert seen.dtype == np.float32
    theirs = []
    for seed in range(300):
        one.reset(seed=seed)
        theirs.append(one.state)
    np.testing.assert_allclose(
        [env.states.min(axis=0), env.states.max(axis=0)],
        [np.min(theirs, axis=0), np.max(theirs, axis=0)],
        rtol=0.1,
    )
    again, _ = env.reset(seed=0)
    np.testing.assert_array_equal(seen, again)


# What is no environment, and what goes wrong ------------------------------------------


@pytest.mark.parametrize("trouble", ["raises", "nan", "reward"])
@pytest.mark.parametrize("act", [rollout, evaluate])
def test_trouble_in_an_episode_closes_the_environment(trouble, act):
    env = Count(4, trouble=trouble)
    error, says = {
        "raises": (
            RuntimeError,
            "Count raised KeyError at step 2 after a reset \\('out of p",
        ),
        "nan": (ValueError, "Count gave observations that are not finite, at step 2"),
        "reward": (ValueError, "Count gave rewards that are not finite, at step 2"),
    }[trouble]
    with pytest.raises(error, match=says):
        act(zeros, env)
    assert env.closed == 1


def test_what_is_given_stays_open_and_what_is_made_does_not(monkeypatch):
    env = Count(3)
    rollout(zeros, env)
    assert env.closed == 0
    monkeypatch.setattr(gym, "make", lambda *_, **__: env)
    rollout(zeros, "Count-v0")
    assert env.closed == 1


@pytest.mark.parametrize(
    ("policy", "env", "says"),
    [
        (lambda o: [3], Count, r"actions for Count must lie in \[0, 3\), got 3 to 3"),
        (lambda o: [-1], Count, r"must lie in \[0, 3\), got -1 to -1"),
        (lambda o: [0.5], Count, r"must be whole numbers of shape \(1,\)"),
        (lambda o: [0, 1], Count, r"of shape \(1,\), got .*\(2,\)"),
        (lambda o: [[0, np.nan]], Push, "Push must lie within its bounds"),
        (
            lambda o: [[0, 2.1]],
            Push,
            "within its bounds, .*: clip them with numpy.clip",
        ),
        (lambda o: [[0, -1.1]], Push, "within its bounds"),
        (lambda o: [0, 0], Push, r"must be real numbers of shape \(1, 2\)"),
    ],
)
def test_an_action_that_the_environment_does_not_take(policy, env, says):
    env = env()
    with pytest.raises(ValueError, match=says):
        rollout(policy, env)
    assert env.closed == 1
    assert not env.taken


@pytest.mark.parametrize(
    ("name", "space", "says"),
    [
        ("observation_space", gym.spaces.Dict({}), "observations of Count are a Dict"),
        ("observation_space", gym.spaces.Text(4), "wrappers.FlattenObservation"),
        ("action_space", gym.spaces.MultiBinary(3), "actions of Count are a MultiBin"),
        ("action_space", gym.spaces.Box(0, 9, (2,), int), "a Box of floats"),
    ],
)
def test_a_space_that_is_not_supported(name, space, says):
    env = Count()
    setattr(env, name, space)
    with pytest.raises(ValueError, match=says):
        rollout(zeros, env)
    assert env.closed == 1


@pytest.mark.parametrize("id_", ["NoSuch-v0", "CartPole-v99", "", "a/b/c"])
def test_an_id_that_does_not_exist(id_):
    with pytest.raises(
        ValueError, match=f"env must be the id of an environment .*{id_!r}"
    ):
        rollout(zeros, id_)


@pytest.mark.parametrize("env", [None, 3, Count, [Count()], "a\0b"])
def test_what_is_no_environment(env):
    with pytest.raises((TypeError, ValueError), match="env must be the id of a"):
        rollout(zeros, env)


@pytest.mark.parametrize("policy", ["left", 3, CartPole])
def test_what_is_no_policy(policy):
    with pytest.raises(TypeError, match="policy must be an agent, a function"):
        rollout(policy, Count())


def test_steps_and_episodes():
    with pytest.raises(ValueError, match="rollout takes steps or episodes"):
        rollout(zeros, Count(), steps=3, episodes=1)
    with pytest.raises(ValueError, match="copies=2 can be made of an id only"):
        rollout(zeros, Count(), copies=2)


def test_without_gymnasium_there_is_one_error_with_the_mend(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    for call in (
        lambda: rollout(zeros, "CartPole-v1"),
        lambda: evaluate(zeros, "CartPole-v1"),
        lambda: q_learning("FrozenLake-v1", 3),
        lambda: CartPole(2),
    ):
        with pytest.raises(ImportError, match="pip install gymnasium"):
            call()


def test_a_walk_can_be_used_again_after_a_reset():
    with Walk(Count(2)) as walk:
        walk.reset(0)
        walk.step(np.array([0]))
        walk.reset(0)
        assert walk.step(np.array([0])).after[0, 0] == 1
        walk.step(np.array([0]))
        assert walk.finished == [3.0]
