"""What an environment answers that it can't mean: refused, told, and nothing kept."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from d2lib import scratch
from d2lib.reinforcement import (
    ReplayBuffer,
    Transitions,
    discounted_returns,
    evaluate,
    generalized_advantages,
    q_learning,
    rollout,
    transitions,
    value_iteration,
)
from tests.reinforcement.worlds import Count, Push
from tests.twins.checks import identical

SCALARS = gym.spaces.Box(-9, 9, (), np.float32)
FOUR = gym.spaces.Discrete(4)


def zeros(observations):
    return np.zeros(len(observations), int)


class Odd(Count):
    """Answers something else at its third step, or at its second reset.

    Args:
        answer: a function of the five of a step, or of the two of a reset.
        where: "step" or "reset".
        space: of the observations, which are whole numbers in a Discrete.
    """

    def __init__(self, answer=None, where="step", space=None, **options):
        super().__init__(4, **options)
        self.answer, self.where = answer, where
        self.observation_space = space or Count.observation_space

    def seen(self):
        if isinstance(self.observation_space, gym.spaces.Discrete):
            return self.k % 4
        return np.resize(super().seen(), self.observation_space.shape)

    def step(self, action):
        five = super().step(action)
        odd = self.answer and self.where == "step" and self.k == 3
        return self.answer(*five) if odd else five

    def reset(self, *, seed=None, options=None):
        two = super().reset(seed=seed)
        odd = self.answer and self.where == "reset" and len(self.seeds) == 2
        return self.answer(*two) if odd else two


def seeing(observation):
    return lambda seen, *rest: (observation, *rest)


def paying(reward):
    return lambda seen, _, *rest: (seen, reward, *rest)


def ending(value):
    return lambda seen, reward, over, left, info: (seen, reward, value, left, info)


SHAPE = r"an observation of dtype float64 and shape \({}\) .*numbers of shape \(2,\)"
BAD = {
    "one number": (seeing(np.zeros(1)), SHAPE.format("1,")),
    "three numbers": (seeing(np.zeros(3)), SHAPE.format("3,")),
    "a column": (seeing(np.zeros((2, 1))), SHAPE.format("2, 1")),
    "a number": (seeing(0.5), SHAPE.format("")),
    "words": (seeing(np.array(["1", "2"])), "an observation of dtype <U1"),
    "complex": (seeing(np.ones(2) * 1j), "an observation of dtype complex128"),
    "a dict": (seeing({"a": 1}), "an observation {'a': 1}"),
    "ragged": (seeing([[1], [1, 2]]), r"an observation \[\[1\], \[1, 2\]\]"),
    "nothing": (seeing(None), "an observation None"),
    "too large": (seeing(np.full(2, 1e300)), r"with 1e\+300 .*too large for float32"),
    "reward 1e39": (paying(1e39), r"rewards with 1e\+39 .*too large for float32"),
    "reward of list": (paying([1.0]), r"the reward \[1.0\] .*is one number, a float"),
    "reward of array": (paying(np.ones(1)), r"the reward an array .* shape \(1,\)"),
    "complex reward": (paying(1j), "the reward 1j"),
    "reward of text": (paying("1"), "the reward '1'"),
    "no reward": (paying(None), "the reward None"),
    "10**400": (paying(10**400), "gave rewards that are not finite"),
    "NaN ends": (ending(np.nan), "terminated=nan .*: terminated is True or False"),
    "text ends": (ending("yes"), "terminated='yes'"),
    "None ends": (ending(None), "terminated=None"),
    "2 ends": (ending(2), "terminated=2"),
    "an array ends": (ending(np.array([True])), "terminated=an array"),
    "four": (lambda *five: five[:4], "4 things, .* step.. returns five: observation,"),
    "six": (lambda *five: (*five, 1), "6 things"),
    "none": (lambda *five: None, "returned None at step 3 .* returns five"),
}


def walks(env):
    """Each way through an environment, all of which fail in the same words."""
    dqn = scratch.DQN(2, 3, hidden=(4,), warmup=4, batch_size=4, seed=0)
    policy = scratch.PolicyGradient(2, 3, seed=0)
    return {
        "rollout": lambda: rollout(zeros, env),
        "evaluate": lambda: evaluate(zeros, env),
        "DQN": lambda: dqn.learn(env, 9, validation=0),
        "PolicyGradient": lambda: policy.learn(env, 2),
    }


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("walk", walks(None))
def test_what_no_step_returns(kind, walk):
    answer, says = BAD[kind]
    env = Odd(answer)
    with pytest.raises(ValueError, match=says) as found:
        walks(env)[walk]()
    assert "Odd" in str(found.value)
    assert "at step 3 after a reset" in str(found.value)
    assert env.closed == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda seen, info: seen, r"in reset\(\): Gymnasium's reset.. returns two"),
        (lambda seen, info: (seen, None), "returns two: observation, info, a dict"),
        (lambda seen, info: tuple(seen), "returns two"),
        (lambda seen, info: None, r"returned None in reset\(\)"),
        (lambda seen, info: (seen[:1], info), r"shape \(1,\) in reset\(\)"),
        (lambda seen, info: (seen * np.nan, info), r"not finite, in reset\(\)"),
    ],
)
def test_what_no_reset_returns(answer, says):
    env = Odd(answer, "reset")
    with pytest.raises(ValueError, match=says):
        rollout(zeros, env, steps=9, seed=0)
    assert env.closed == 1


def test_an_error_in_a_reset_is_told_as_such():
    def fail(*_):
        raise KeyError("lost")

    with pytest.raises(RuntimeError, match=r"raised KeyError in reset\(\) \('lost'\)"):
        rollout(zeros, Odd(fail, "reset"), steps=9, seed=0)


def test_a_wrapper_that_meets_the_old_interface():
    env = gym.wrappers.TimeLimit(Odd(lambda *five: five[:4]), 9)
    with pytest.raises(RuntimeError, match=r"unpack .*step.. returns five: obs"):
        rollout(zeros, env)


@pytest.mark.parametrize(
    "five",
    [
        lambda seen, reward, over, left, info: [seen.tolist(), 3, 0, np.False_, info],
        lambda seen, reward, over, left, info: (
            seen.astype(np.float64),
            np.array(3),
            np.bool_(over),
            np.array(left),
            None,
        ),
        lambda seen, reward, over, left, info: (seen, np.float32(3), 0.0, False, {}),
    ],
)
def test_what_means_the_same_is_taken(five):
    found, wanted = (rollout(zeros, env, seed=0) for env in (Odd(five), Odd()))
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


@pytest.mark.parametrize("seen", [-1, 4, 1.5, 1.0, None, "1", np.array([1])])
@pytest.mark.parametrize("act", [rollout, None])
def test_a_number_that_is_none_of_a_discretes(seen, act):
    env = Odd(seeing(seen), space=FOUR)
    with pytest.raises(ValueError, match=r"whole number in \[0, 4\), as its observat"):
        rollout(zeros, env) if act else q_learning(env, 9, seed=0)
    assert env.closed == 1


@pytest.mark.parametrize("seen", [3, np.int64(3), np.array(3), np.uint8(3)])
def test_a_number_of_a_discretes(seen):
    found = rollout(zeros, Odd(seeing(seen), space=FOUR), seed=0)
    np.testing.assert_array_equal(found.following.argmax(axis=1), [1, 2, 3, 0])


def test_one_number_without_an_axis():
    found = rollout(zeros, Odd(space=SCALARS), seed=0)
    np.testing.assert_array_equal(found.observations, [[0], [1], [2], [3]])


class Vector(gym.vector.SyncVectorEnv):
    """Two copies; what they answer at step 2 is changed."""

    def __init__(self, change, mode="NextStep"):
        self.change, self.k = change, 0
        super().__init__([lambda: Count(3)] * 2, autoreset_mode=mode)

    def step(self, actions):
        self.k += 1
        five = list(super().step(actions))
        if self.k == 2:
            place, value = self.change
            five[place] = value
        return tuple(five)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ((0, np.zeros((2, 3))), r"observations of dtype float64 and shape \(2, 3\)"),
        ((0, np.zeros((3, 2))), r"numbers of shape \(2, 2\), 2 of the observation spa"),
        ((0, np.array([["a", "b"]] * 2)), "observations of dtype <U1"),
        ((0, np.full((2, 2), 1e39)), "too large for float32"),
        ((1, [1.0]), r"rewards \[1.0\] .*: rewards are a number for each of 2 copies"),
        ((1, np.array([1.0, 1e39])), r"rewards with 1e\+39 .*too large for float32"),
        ((1, ["1", "2"]), "rewards .*are a number for each"),
        ((2, [np.nan, 0]), "terminated .*are True or False for each of 2 copies"),
        ((3, None), "truncated None"),
    ],
)
def test_what_no_vector_returns(change, says):
    with pytest.raises(ValueError, match=says):
        rollout(zeros, Vector(change), steps=5, seed=0)


def test_a_vector_that_does_not_tell_how_it_ended():
    env = Vector((2, [True, False]), gym.vector.AutoresetMode.SAME_STEP)
    with pytest.raises(ValueError, match=r"returned no info\['final_obs'\] at step 2"):
        rollout(zeros, env, steps=5, seed=0)


def test_what_a_policy_writes_is_its_own():
    """Neither into its observations, nor into the array that it returned before."""
    wanted = rollout(zeros, Count(4), steps=4, seed=0)
    mine = np.zeros(1, int)

    def careless(observations):
        observations *= 0
        mine[0] += 1
        return mine

    found = rollout(careless, Count(4), steps=2, seed=0)
    np.testing.assert_array_equal(found.observations, wanted.observations[:2])
    np.testing.assert_array_equal(found.following, wanted.following[:2])
    np.testing.assert_array_equal(found.actions, [1, 2])


def test_what_a_vector_writes_into_its_actions():
    class Careless(Vector):
        def step(self, actions):
            five = super().step(actions)
            actions += 1
            return five

    found = rollout(zeros, Careless((1, [2.0, 2.0])), steps=3, seed=0)
    assert not found.actions.any()


def test_an_episode_without_an_end():
    says = "an episode of Count did not end within max_steps=50: .*TimeLimit"
    dqn = scratch.DQN(2, 3, hidden=(4,), seed=0)
    policy = scratch.PolicyGradient(2, 3, seed=0)
    for walk in (
        lambda env: rollout(zeros, env, episodes=1, max_steps=50),
        lambda env: evaluate(zeros, env, max_steps=50),
        lambda env: policy.learn(env, 1, max_steps=50),
        lambda env: dqn.learn(env, 9, validation=1, every=5, max_steps=50),
    ):
        env = Count(10**9)
        with pytest.raises(ValueError, match=says):
            walk(env)
        assert env.closed == 1
    # Steps that are counted need no end, and many short episodes are no long one.
    assert len(rollout(zeros, Count(10**9), steps=70, max_steps=50).rewards) == 70
    assert len(evaluate(zeros, Count(50), 3, max_steps=50)) == 3
    with pytest.raises(ValueError, match="max_steps must be a whole number >= 1"):
        evaluate(zeros, Count(), max_steps=0)


def test_the_first_error_is_the_one_to_tell():
    class Stuck(Count):
        def close(self):
            super().close()
            raise OSError("the door is stuck")

    with pytest.raises(RuntimeError, match="raised KeyError at step 2"):
        rollout(zeros, Stuck(trouble="raises"))
    stuck = Stuck()
    stuck.action_space = gym.spaces.MultiBinary(2)
    with pytest.raises(ValueError, match="actions of Stuck are a MultiBinary"):
        rollout(zeros, stuck)
    with pytest.MonkeyPatch.context() as patch:
        made = [Stuck(), Stuck()]
        patch.setattr(gym, "make", lambda *_, **__: made[-1])
        with pytest.raises(RuntimeError, match=r"OSError in close\(\) .the door is st"):
            rollout(zeros, "Stuck-v0")
    assert made[-1].closed == 1


@pytest.mark.parametrize(
    ("name", "space", "says"),
    [
        ("observation_space", gym.spaces.Box(0, 1, (0,)), "are a Box of no numbers"),
        ("action_space", gym.spaces.Box(0, 1, (2, 0)), "are a Box of no numbers"),
        ("observation_space", gym.spaces.Discrete(10**12), "1 GB"),
    ],
)
def test_a_space_of_nothing_or_of_too_much(name, space, says):
    env = Count()
    setattr(env, name, space)
    with pytest.raises(ValueError, match=says):
        rollout(zeros, env, steps=2)
    assert env.closed == 1


# Memories, batches and returns --------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (([9, 9], 2**63, 9.0, [9, 9], True), r"action must lie in \[-2\*\*63, 2\*\*63"),
        (([9, 9], -(2**63) - 1, 9.0, [9, 9], True), "action must lie in"),
        (([9, 9], 0, 1e39, [9, 9], True), r"reward must be .* 1e\+39, .*too large for"),
        (
            ([9, 1e300], 0, 9.0, [9, 9], True),
            "observation must .*too large for",
        ),
        (([9, 9], 0, 9.0, [9, -1e39], True), "following must .*too large for float32"),
    ],
)
def test_a_full_memory_keeps_what_it_has(step, says):
    memory = ReplayBuffer(2, 2, seed=0)
    for i in range(2):
        memory.add([i, i], i, i, [i, i], False)
    before = memory.state()
    with pytest.raises(ValueError, match=says):
        memory.add(*step)
    identical(memory.state(), before)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("rewards", np.inf, "the state's rewards must be finite"),
        ("rewards", 1e39, "the state's rewards .*too large for float32"),
        ("following", np.nan, "the state's following must be finite"),
        ("actions", 0.5, "the state's actions must be whole numbers"),
    ],
)
def test_a_state_that_is_poisoned(name, value, says):
    memory = ReplayBuffer(2, 2, seed=0)
    memory.add([1, 1], 1, 1, [1, 1], False)
    before = memory.state()
    bad = {**before, name: np.full(before[name].shape, value)}
    with pytest.raises(ValueError, match=says):
        memory.load_state(bad)
    identical(memory.state(), before)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"observations": np.nan}, "the batch's observations must be finite"),
        ({"rewards": 1e300}, "the batch's rewards .* 1e.300, .*too large for float32"),
        ({"following": np.inf}, "the batch's following must be finite"),
    ],
)
@pytest.mark.parametrize("kind", ["PolicyGradient", "GaussianPolicy"])
def test_a_rollout_that_is_not_finite_is_not_learnt_from(change, says, kind):
    world, actions = (Count, 3) if kind == "PolicyGradient" else (Push, 2)
    agent = getattr(scratch, kind)(2, actions, seed=0)
    good = rollout(None, world(), seed=0)
    bad = {n: np.full_like(getattr(good, n), v, np.float64) for n, v in change.items()}
    before = agent.state()
    with pytest.raises(ValueError, match=says):
        agent.update(good._replace(**bad))
    identical(agent.state(), before)


def test_observations_that_float32_can_not_hold():
    agent = scratch.DQN(2, 3, hidden=(4,))
    with pytest.raises(ValueError, match=r"got 1e\+300, which is too large for f"):
        agent.act([1e300, 0.0])
    with pytest.raises(ValueError, match=r"scale, 1e\+39, is too large for float32"):
        scratch.DQN(2, 3, scale=1e39)


def test_returns_do_not_overflow_without_a_word():
    with pytest.raises(ValueError, match=r"sums of at most 1.8e308, .*: scale them"):
        discounted_returns([1e308] * 3, 1.0)
    with pytest.raises(ValueError, match="rewards and values must have sums of"):
        generalized_advantages([1e308, 1e308], [-1e308, 0], [0, 0], 1.0)


# Tables -------------------------------------------------------------------------------


class Table(gym.Env):
    """Two states and an action; the numbers begin at ``start``."""

    action_space = gym.spaces.Discrete(1)

    def __init__(self, P, start=0):
        self.P = P
        self.observation_space = gym.spaces.Discrete(2, start=start)

    def reset(self, *, seed=None, options=None):
        return 0, {}

    def step(self, action):
        return 0, 0.0, True, False, {}


def test_a_table_whose_states_begin_elsewhere():
    env = Table({5: {0: [(1.0, 6, 0.0, False)]}, 6: {0: [(1.0, 6, 1.0, True)]}}, 5)
    np.testing.assert_array_equal(value_iteration(env, 0.5), [[0.5], [1.0]])
    as_lists = Table([[[(1.0, 1, 0.0, False)]], [[(1.0, 1, 1.0, True)]]])
    np.testing.assert_array_equal(value_iteration(as_lists, 0.5), [[0.5], [1.0]])


FORM = r"\(probability, next state, reward, terminated\), with states in \[0, 2\), got "


@pytest.mark.parametrize(
    ("outcomes", "says"),
    [
        ([(1.0, -1, 0.0, False)], FORM + r"\(1.0, -1,"),
        ([(1.0, 2, 0.0, False)], FORM + r"\(1.0, 2,"),
        ([(1.0, 0.5, 0.0, False)], FORM),
        ([(1.0, 0, 0.0)], FORM + r"\(1.0, 0, 0.0\)"),
        ([(1.0, 0, np.nan, False)], FORM),
        ([(1.0, 0, "1", False)], FORM),
        ([(3.0, 1, 1.0, True)], FORM + r"\(3.0"),
        ([(-1.0, 0, 0.0, False), (2.0, 0, 0.0, False)], FORM + r"\(-1.0"),
        ([(0.5, 1, 1.0, True), (0.6, 1, 1.0, True)], "that sum to 1 .*, got 1.1 for"),
        ([(0.5, 1, 1.0, True)], "that sum to 1 for each state and action, got 0.5"),
        (3, FORM + "3"),
    ],
)
def test_a_table_of_what_can_not_be(outcomes, says):
    good = [(1.0, 1, 0.0, True)]
    with pytest.raises(ValueError, match=says):
        transitions(Table({0: {0: outcomes}, 1: {0: good}}))


@pytest.mark.parametrize("P", ["x", 3, {9: {}}, {0: {1: []}}, {"a": {}}, {0: 5}])
def test_what_is_no_table(P):
    with pytest.raises(ValueError, match=r"P of Table must be a dict with (sta|act)"):
        transitions(Table(P))


def test_values_larger_than_float64():
    model = Transitions(np.full((1, 1), 1e308), np.ones((1, 1, 1)))
    with pytest.raises(ValueError, match="larger than float64 can hold"):
        value_iteration(model, 0.99)
