"""Values of every state and action in a table: computed from a model, or learnt.

A small world can be solved exactly, if one knows where each action leads
(`value_iteration`), and nearly so by trying (`q_learning`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from d2lib._checks import (
    MOST_NUMBERS,
    as_generator,
    check_discount,
    check_positive,
    check_positive_int,
    check_rate,
    short,
)
from d2lib._types import Array
from d2lib.reinforcement.environments import Walk
from d2lib.reinforcement.rollouts import MOST_STEPS, drawn_seed

__all__ = ["Learnt", "Transitions", "q_learning", "transitions", "value_iteration"]

MOST_SWEEPS = 100_000


class Transitions(NamedTuple):
    """Where each action leads, and what it brings.

    Attributes:
        rewards: what action a in state s brings on average, shape (states, actions).
        going_on: with which probability it leads to a state from which the episode goes
            on, shape (states, actions, states). What is missing to 1 ends it.
    """

    rewards: Array
    going_on: Array


class Learnt(NamedTuple):
    """What `q_learning` returns.

    Attributes:
        values: Q, shape (states, actions).
        visits: how often each action was tried in each state. What is 0 was never
            learnt: such are the states in which an episode ends.
    """

    values: Array
    visits: Array


def transitions(env: Any) -> Transitions:
    """Reads the model of a small environment from its table ``P``.

    Args:
        env: the id of a Gymnasium environment such as FrozenLake-v1, or one.

    Returns:
        The `Transitions`.

    Raises:
        ValueError: an environment without such a table, one whose entries are not
            (probability, next state, reward, terminated), or an unknown id.
        TypeError: what is no environment.
        ImportError: Gymnasium is missing.

    Example:
        >>> model = transitions("FrozenLake-v1")
        >>> model.going_on.shape
        (16, 4, 16)
    """
    with Walk(env) as walk:
        states, actions = _table_of(walk)
        table = getattr(walk._envs[0].unwrapped, "P", None)
        if table is None:
            raise ValueError(
                f"env must have a table P of its transitions, and {walk.name} has "
                "none: learn its values with q_learning"
            )
        return _read(table, walk, states, actions)


def _read(table: Any, walk: Walk, states: int, actions: int) -> Transitions:
    """Takes a table of Gymnasium's form apart."""
    if states * states * actions > MOST_NUMBERS:
        raise ValueError(
            f"the table P of {walk.name} leads from {states} states by {actions} "
            f"actions to {states}: that must be at most {MOST_NUMBERS} numbers, 1 GB"
        )
    rewards = np.zeros((states, actions))
    going_on = np.zeros((states, actions, states))
    for s, row in _entries(table, walk, states, walk._first_observation, "states"):
        for a, outcomes in _entries(row, walk, actions, walk._first, "actions"):
            total = 0.0
            for outcome in outcomes if _listed(outcomes) else [outcomes]:
                then = _outcome(outcome, walk._first_observation, states)
                if then is None:
                    raise ValueError(
                        f"the table P of {walk.name} needs for each state and action a "
                        "list of (probability, next state, reward, terminated), with "
                        f"states in [{walk._first_observation}, "
                        f"{walk._first_observation + states}), got {short(outcome)}"
                    )
                p, after, reward, over = then
                total += p
                rewards[s, a] += p * reward
                going_on[s, a, after] += p * (not over)
            if outcomes and abs(total - 1) > 1e-6:
                raise ValueError(
                    f"the table P of {walk.name} needs probabilities that sum to 1 for "
                    f"each state and action, got {total:g} for {short(outcomes)}"
                )
    return Transitions(rewards, going_on)


def _listed(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _entries(
    table: Any, walk: Walk, n: int, first: int, what: str
) -> list[tuple[Any, ...]]:
    """The entries of a dict or a list, with their numbers counted from 0."""
    if isinstance(table, Mapping):
        entries = list(table.items())
    elif _listed(table):
        entries = [(first + i, entry) for i, entry in enumerate(table)]
    else:
        entries = [(None, table)]
    for i, _ in entries:
        if not isinstance(i, int | np.integer) or not first <= i < first + n:
            raise ValueError(
                f"the table P of {walk.name} must be a dict with {what} in "
                f"[{first}, {first + n}), as its spaces say, got "
                f"{short(table if i is None else i)}"
            )
    return [(int(i) - first, entry) for i, entry in entries]


def _outcome(
    outcome: Any, first: int, states: int
) -> tuple[float, int, float, bool] | None:
    """What an action may lead to, its state counted from 0; None is no such thing."""
    if not (_listed(outcome) and len(outcome) == 4):
        return None
    p, after, reward, over = outcome
    if not (
        all(isinstance(x, Real) and math.isfinite(x) for x in (p, reward))
        and 0 <= p <= 1 + 1e-9
        and isinstance(after, int | np.integer)
        and first <= after < first + states
        and isinstance(over, int | np.integer | np.bool_)
    ):
        return None
    return float(p), int(after) - first, float(reward), bool(over)


def value_iteration(model: Any, gamma: float = 0.99, tolerance: float = 1e-10) -> Array:
    r"""Computes the value of each action in each state of a known world.

    Whoever acts as well as possible from now on gets, after action a in state s,

    .. math:: Q^*(s, a) = \sum_{s'} P(s' \mid s, a)
              \Big(r + \gamma \max_{a'} Q^*(s', a')\Big)

    Starting from zeros, the right side is put in the place of the left until nothing
    changes. Each sweep brings Q nearer, by the factor :math:`\gamma`.

    Args:
        model: `Transitions`, or an environment that has them.
        gamma: :math:`\gamma` in (0, 1]. With 1 there must be an end to every way.
        tolerance: stops when no value changes by more.

    Returns:
        Q, shape (states, actions). The best action of each is ``Q.argmax(axis=1)``.

    Raises:
        ValueError: shapes that do not go together, probabilities that are none, rewards
            that are not finite, or values that grow without an end.
        TypeError: what is no model and no environment.
        ImportError: Gymnasium is missing.

    Example:
        >>> # Two states: the first action stays, the second one leaves, for 1.
        >>> stay, leave = [[0, 1], [0, 1]], [[[1, 0], [0, 0]], [[0, 1], [0, 0]]]
        >>> value_iteration(Transitions(stay, leave), gamma=0.5)
        array([[0.5, 1. ],
               [0.5, 1. ]])

    Source: Bellman, 1957.
    """
    gamma = check_discount(gamma)
    tolerance = check_positive(tolerance, "tolerance")
    if not isinstance(model, Transitions):
        if isinstance(model, (tuple, list, dict)) or not (
            isinstance(model, str) or hasattr(model, "step")
        ):
            raise TypeError(
                "model must be Transitions(rewards, going_on), or an environment that "
                f"has a table P, got {short(model)}"
            )
        model = transitions(model)
    rewards, going_on = _checked(model)
    q: Array = np.zeros_like(rewards)
    change = 0.0
    for _ in range(MOST_SWEEPS):
        with np.errstate(over="ignore", invalid="ignore"):
            after = rewards + gamma * going_on @ q.max(axis=1)
            change = np.abs(after - q).max()
        q = after
        if change <= tolerance:
            return q
        if not math.isfinite(change):
            raise ValueError(
                "the values of the model become larger than float64 can hold: scale "
                "its rewards"
            )
    raise ValueError(
        f"the values of the model still change by {change:g} after {MOST_SWEEPS} "
        f"sweeps with gamma={gamma:g}: there is no end to some way, so take a smaller "
        "gamma"
    )


def q_learning(
    env: Any,
    steps: int,
    gamma: float = 0.99,
    alpha: float | Callable[[int], float] = 0.1,
    epsilon: float | Callable[[int], float] = 0.1,
    seed: Any = None,
) -> Learnt:
    r"""Learns the value of each action in each state by trying.

    .. math:: Q(s, a) \leftarrow Q(s, a) + \alpha
              \Big(r + \gamma \max_{a'} Q(s', a') - Q(s, a)\Big)

    With probability :math:`\epsilon` the action is any, and otherwise the best one so
    far. After a termination nothing follows, so that the maximum is 0; a truncation
    only ends the episode.

    Args:
        env: the id of a Gymnasium environment with numbered states and actions, or one.
        steps: how many to take. Ctrl-C ends it without a table.
        gamma: :math:`\gamma` in (0, 1].
        alpha: how far to go towards what was seen, in [0, 1]: a number, or a function
            of how often that action was tried there, counted from 1. In a world without
            chance 1 is right; with chance, it must fall.
        epsilon: the share of actions at random, in [0, 1]: a number, or a function of
            the step, counted from 0.
        seed: an int or a ``numpy.random.Generator``.

    Returns:
        `Learnt`: the values, and how often each was tried.

    Raises:
        ValueError: numbers out of their range, an unknown id, observations or actions
            that are not numbered, or rewards that are not finite.
        TypeError: what is no environment, or no numbers.
        RuntimeError: the environment raised an error.
        ImportError: Gymnasium is missing.

    Example:
        >>> lake = q_learning("FrozenLake8x8-v1", steps=300, seed=0)
        >>> lake.values.shape, int(lake.visits.sum())
        ((64, 4), 300)

    Source: Watkins, 1989.
    """
    steps = check_positive_int(steps, "steps", MOST_STEPS)
    gamma = check_discount(gamma)
    check_rate(alpha, 1, "alpha")
    check_rate(epsilon, 0, "epsilon")
    generator = as_generator(seed)
    with Walk(env) as walk:
        states, actions = _table_of(walk)
        q = np.zeros((states, actions))
        visits = np.zeros((states, actions), np.int64)
        s = int(walk.reset(drawn_seed(generator)).argmax())
        for step in range(steps):
            if generator.random() < rate_at(epsilon, step, "epsilon"):
                a = int(generator.integers(actions))
            else:
                # The first one of equals would never try the others.
                best = np.flatnonzero(q[s] == q[s].max())
                a = int(best[generator.integers(len(best)) if len(best) > 1 else 0])
            after, rewards, over, left, _ = walk.step(np.array([a]), None, True)
            then = int(after.argmax())
            target = rewards[0] + (0.0 if over[0] else gamma * q[then].max())
            visits[s, a] += 1
            rate = rate_at(alpha, int(visits[s, a]), "alpha")
            q[s, a] += rate * (target - q[s, a])
            ended = over[0] or left[0]
            s = int(walk.observations.argmax()) if ended else then
    return Learnt(q, visits)


def rate_at(rate: Any, n: int, name: str) -> float:
    """A number that was checked, or what a function says at n."""
    return check_rate(rate, n, name) if callable(rate) else rate


def _table_of(walk: Walk) -> tuple[int, int]:
    """How many states and actions there are; both must be numbered."""
    if not (walk.discrete and walk._one_hot) or walk._vector is not None:
        raise ValueError(
            f"env must have numbered observations and actions (both Discrete) and be a "
            f"single one, and {walk.name} is another: learn it with a network, by DQN"
        )
    if walk.inputs * walk.actions > MOST_NUMBERS:
        raise ValueError(
            f"{walk.name} has {walk.inputs} states and {walk.actions} actions: a table "
            f"of them must be at most {MOST_NUMBERS} numbers, 1 GB"
        )
    return walk.inputs, walk.actions


def _checked(model: Transitions) -> tuple[Array, Array]:
    try:
        rewards = np.asarray(model.rewards, np.float64)
        going_on = np.asarray(model.going_on, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"the model must be made of numbers, got {short(model)}"
        ) from error
    n = len(rewards) if rewards.ndim else 0
    if rewards.ndim != 2 or going_on.shape != (*rewards.shape, n) or not rewards.size:
        raise ValueError(
            "the model needs rewards (states, actions) and probabilities (states, "
            f"actions, states), got {rewards.shape} and {going_on.shape}"
        )
    if not np.isfinite(rewards).all():
        raise ValueError("the model's rewards must be finite")
    with np.errstate(invalid="ignore"):
        total = going_on.sum(axis=2)
    if not ((going_on >= 0).all() and (total <= 1 + 1e-9).all()):
        raise ValueError(
            "the model's probabilities must be at least 0 and sum to at most 1 for "
            f"each state and action, got sums up to {total.max():g}"
        )
    return rewards, going_on
