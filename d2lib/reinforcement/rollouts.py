"""Running a policy: what happened, step by step, and how good it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from d2lib._checks import (
    as_generator,
    check_flag,
    check_positive_int,
    check_seed,
    short,
)
from d2lib._types import Array
from d2lib.reinforcement.environments import EVALUATION, SEEDS, Walk

__all__ = ["Rollout", "evaluate", "rollout"]

MOST_STEPS = 10**7
LONGEST = 100_000  # steps of an episode, if nothing else is said
TOGETHER = 25  # episodes of `evaluate` that go on side by side


class Rollout(NamedTuple):
    """Steps of one or more episodes, one behind the other, each copy's in their order.

    Attributes:
        observations: s, shape (steps, inputs), float32.
        actions: a, shape (steps,), int64, or (steps, actions), float32.
        rewards: r, shape (steps,), float64.
        following: s', what was observed after the step, shape (steps, inputs). At an
            episode's end that is its last observation, not the next one's first.
        terminated: whether the step ended the world, shape (steps,).
        truncated: whether the episode was left after it, by a time limit.
        cut: whether only the recording ended there.
    """

    observations: Array
    actions: Array
    rewards: Array
    following: Array
    terminated: Array
    truncated: Array
    cut: Array

    @property
    def left(self) -> Array:
        """Whether something followed that was not recorded."""
        return (self.truncated | self.cut) & ~self.terminated

    @property
    def ends(self) -> Array:
        """Whether the next row is of another episode, or there is none."""
        return self.terminated | self.truncated | self.cut

    @property
    def starts(self) -> Array:
        """The rows with which episodes (or what was recorded of them) begin."""
        return np.flatnonzero(np.append(True, self.ends[:-1]))

    @property
    def totals(self) -> Array:
        """The total reward of each episode that came to its end."""
        sums = np.add.reduceat(self.rewards, self.starts)
        return sums[~self.cut[self.ends]]

    @property
    def times(self) -> Array:
        """How many steps each row lies behind the first one of its episode."""
        starts = self.starts
        lengths = np.diff(np.append(starts, len(self.rewards)))
        times: Array = np.arange(len(self.rewards)) - np.repeat(starts, lengths)
        return times


def rollout(
    policy: Any,
    env: Any,
    steps: int | None = None,
    episodes: int | None = None,
    copies: int = 1,
    seed: Any = None,
    max_steps: int = LONGEST,
) -> Rollout:
    """Lets a policy act in an environment, and records what happens.

    Args:
        policy: an agent, which explores as it does when it learns; a function that
            takes observations, shape (copies, inputs), and returns as many actions; or
            None, which acts at random.
        env: the id of a Gymnasium environment, an environment, or a vector of them.
            What was made from an id is closed at the end; after an error, any is.
            (After Ctrl-C, what you made is still yours to close.)
        steps: how many steps to record in each copy; or
        episodes: how many episodes in all, shared out among the copies beforehand, so
            that short ones are not preferred. One if neither is given.
        copies: how many environments to make of an id.
        seed: an int or a ``numpy.random.Generator``. An int is the environment's seed,
            too; the same one gives the same episodes.
        max_steps: how long an episode may be, if episodes are counted. What never ends
            would be waited for without a word.

    Returns:
        A `Rollout`. A step by which a vector environment only resets is not in it.

    Raises:
        ValueError: an unknown id, a space that no agent here can use, actions that the
            environment does not take, observations or rewards that are not finite or
            not what its spaces say, an episode without an end.
        TypeError: what is no environment or no policy.
        RuntimeError: the environment raised an error.
        ImportError: Gymnasium is missing.

    Example:
        >>> def left_and_right(observations):
        ...     return (observations[:, 2] > 0).astype(int)  # where the pole leans
        >>> episode = rollout(left_and_right, "CartPole-v1", seed=0)
        >>> episode.observations.shape == (len(episode.rewards), 4)
        True
        >>> episode.terminated[-1], episode.totals
        (True, array([41.]))
    """
    if steps is not None and episodes is not None:
        raise ValueError(
            f"rollout takes steps or episodes, got steps={short(steps)} and "
            f"episodes={short(episodes)}: leave one out"
        )
    if steps is not None:
        steps = check_positive_int(steps, "steps", MOST_STEPS)
    else:
        episodes = check_positive_int(1 if episodes is None else episodes, "episodes")
    max_steps = check_positive_int(max_steps, "max_steps", MOST_STEPS)
    generator = as_generator(seed)
    act = acting(policy, generator, True)
    with Walk(env, copies) as walk:
        first = seed if isinstance(seed, int | np.integer) else drawn_seed(generator)
        walk.reset(int(first) % SEEDS)
        return record(walk, act, steps, episodes, max_steps=max_steps)


def evaluate(
    policy: Any,
    env: Any,
    episodes: int = 100,
    seed: int = 0,
    explore: bool = False,
    last: bool = False,
    max_steps: int = LONGEST,
) -> Array:
    """Measures a policy on episodes that no agent of this package learns from.

    Args:
        policy: an agent, which acts as well as it can; or a function
            of observations, shape (copies, inputs); or None, which acts at random.
        env: the id of a Gymnasium environment, an environment, or a vector of them.
        episodes: how many.
        seed: of the episodes, a whole number: their seeds begin at 2^30, where neither
            training nor validation takes any.
        explore: whether an agent acts as it does when it learns: a policy draws its
            actions then, and does not take the most probable ones.
        last: whether an agent that chose its best weights uses its last ones.
        max_steps: how long an episode may be.

    Returns:
        The total reward of each episode, shape (episodes,).

    Raises:
        ValueError: an unknown id, a space that no agent here can use, actions that the
            environment does not take, observations or rewards that are not finite or
            not what its spaces say, an episode without an end.
        TypeError: what is no environment or no policy.
        RuntimeError: the environment raised an error.
        ImportError: Gymnasium is missing.

    Example:
        >>> totals = evaluate(None, "CartPole-v1", episodes=20)
        >>> totals.shape, bool(totals.mean() < 40)
        ((20,), True)
    """
    episodes = check_positive_int(episodes, "episodes", MOST_STEPS)
    seed = check_seed(seed) % SEEDS
    check_flag(explore, "explore")
    check_flag(last, "last")
    max_steps = check_positive_int(max_steps, "max_steps", MOST_STEPS)
    generator = np.random.default_rng(seed)
    act = acting(policy, generator, explore, last)
    copies = min(episodes, TOGETHER) if isinstance(env, str) else 1
    with Walk(env, copies) as walk:
        walk.reset(EVALUATION + seed)
        return record(walk, act, None, episodes, max_steps=max_steps).totals


def acting(
    policy: Any, generator: np.random.Generator, explore: bool, last: bool = False
) -> Callable[[Walk], Any]:
    """Returns what chooses actions for a `Walk`."""
    if policy is None:
        return lambda walk: walk.random(generator)
    if hasattr(policy, "explore") and hasattr(policy, "act"):

        def of_agent(walk: Walk) -> Any:
            policy._check_fit(walk)
            seen = walk.observations.copy()
            chosen = policy.explore(seen) if explore else policy.act(seen, last)
            return walk.allowed(chosen)

        return of_agent
    if isinstance(policy, type) or not callable(policy):
        raise TypeError(
            "policy must be an agent, a function from observations to actions, or "
            f"None, got {short(policy)}"
        )
    return lambda walk: policy(walk.observations.copy())  # it may write into them


def drawn_seed(generator: np.random.Generator) -> int:
    """A seed for episodes to learn from."""
    return int(generator.integers(0, SEEDS))


def record(
    walk: Walk,
    act: Callable[[Walk], Any],
    steps: int | None,
    episodes: int | None,
    raw: Callable[[], Any] | None = None,
    max_steps: int = LONGEST,
) -> Rollout:
    """Goes on from where the walk is, and records each copy's steps.

    Args:
        walk: where to act.
        act: chooses the actions.
        steps: how many steps in each copy, or
        episodes: how many episodes in all.
        raw: returns the actions to record if they are not those that were taken.
        max_steps: how long an episode may be, if episodes are counted.
    """
    n = walk.copies
    quota = np.full(n, np.iinfo(np.int64).max)
    if episodes is not None:
        quota = np.array([(episodes + n - 1 - i) // n for i in range(n)])
    kept: list[Array] = []
    columns: list[tuple[Any, ...]] = []
    lengths = np.zeros(n, int)  # of the episodes that are going on
    while steps is None or len(kept) < steps:
        wanted = quota > 0
        if not wanted.any():
            break
        before, actions = walk.observations, act(walk)
        step = walk.step(actions, wanted)
        done = np.array(actions if raw is None else raw())  # it may use its array again
        kept.append(wanted & step.real)
        columns.append(
            (before, done, step.rewards, step.after, step.terminated, step.truncated)
        )
        ended = step.terminated | step.truncated
        quota = quota - (ended & wanted)
        lengths = np.where(ended, 0, lengths + kept[-1])
        if steps is None and lengths.max() >= max_steps:
            raise ValueError(
                f"an episode of {walk.name} did not end within max_steps={max_steps}: "
                "give it a limit, gymnasium.wrappers.TimeLimit(env, "
                "max_episode_steps=1000), or let max_steps be larger"
            )
    chosen = np.array(kept).T  # (copies, steps)
    flat = [
        np.swapaxes(np.array(column), 0, 1)[chosen]
        for column in zip(*columns, strict=True)
    ]
    ends = np.cumsum(chosen.sum(axis=1))
    cut = np.zeros(len(flat[2]), bool)
    cut[ends[chosen.any(axis=1)] - 1] = True
    cut &= ~(flat[4] | flat[5])
    kind = np.int64 if walk.discrete else np.float32
    seen, done, rewards, after, over, left = flat
    return Rollout(seen, done.astype(kind), rewards, after, over, left, cut)
