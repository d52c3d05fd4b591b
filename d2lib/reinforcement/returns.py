r"""What a step was worth: the rewards that followed it, discounted.

Episodes lie behind each other along the first axis, and two kinds of end are told
apart. At a **termination** the world is over, and nothing follows. At a **truncation**
somebody only stopped looking, at a time limit for example: what would have followed is
worth something, and an estimate of it takes its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib._checks import (
    as_flags,
    as_rewards,
    as_values,
    check_discount,
    check_share,
    check_sums,
)
from d2lib._types import Array

__all__ = ["discounted_returns", "generalized_advantages"]


def discounted_returns(
    rewards: Any,
    gamma: float = 0.99,
    terminated: Any = None,
    truncated: Any = None,
    next_values: Any = None,
) -> Array:
    r"""Sums up the rewards from each step on, the later ones counting less.

    .. math:: R_t = r_t + \gamma R_{t+1} = \sum_{i \ge t} \gamma^{i-t} r_i

    Behind a termination there is nothing; behind a truncation, and behind the last
    step, stands the value of the state where it was left:

    .. math:: R_t = r_t \quad\text{(terminated)}, \qquad
              R_t = r_t + \gamma V(s_{t+1}) \quad\text{(truncated)}

    Args:
        rewards: r, along time: shape (steps,) or (steps, copies).
        gamma: :math:`\gamma` in (0, 1], how much a reward a step later counts.
        terminated: whether the step ended its episode, of the same shape; None: never.
        truncated: whether the episode was left after the step; None: never.
        next_values: :math:`V(s_{t+1})`, the value of the state after each step, used
            where an episode was left; None takes 0.

    Returns:
        R, of the shape of the rewards, float64.

    Raises:
        ValueError: a gamma outside (0, 1], no steps, shapes that differ, or numbers
            that are not finite, or whose sums are not.
        TypeError: what holds no numbers.

    Example:
        >>> discounted_returns([0, 0, 1], gamma=0.5)
        array([0.25, 0.5 , 1.  ])
        >>> discounted_returns([1, 1, 1], gamma=0.5, terminated=[0, 1, 0])
        array([1.5, 1. , 1. ])

    Source: Samuelson, 1937 (discounting); Sutton & Barto, 2018, equation 3.8.
    """
    rewards = as_rewards(rewards)
    gamma = check_discount(gamma)
    over, left = _ends(terminated, truncated, rewards.shape)
    following = as_values(next_values, rewards.shape, "next_values")
    with np.errstate(over="ignore", invalid="ignore"):
        known = rewards + gamma * np.where(left & ~over, following, 0)
        sums = _summed(known, np.where(over | left, 0, gamma))
    return check_sums(sums, "rewards")


def generalized_advantages(
    rewards: Any,
    values: Any,
    next_values: Any,
    gamma: float = 0.99,
    lam: float = 0.95,
    terminated: Any = None,
    truncated: Any = None,
) -> Array:
    r"""How much better each step went than expected.

    The surprise of one step compares what was expected before it, :math:`V(s_t)`, with
    what came and what is expected then. The advantage adds up the surprises to the
    episode's end, the later ones counting less:

    .. math:: \delta_t = r_t + \gamma V(s_{t+1}) - V(s_t), \qquad
              A_t = \delta_t + \gamma\lambda\, A_{t+1}

    With :math:`\lambda = 1` it is the discounted return less :math:`V(s_t)`: right, but
    noisy. With 0 it is the one surprise: calm, but as wrong as V.
    After a termination :math:`V(s_{t+1})` is 0; after a truncation it counts. After
    both, no surprise of the next episode does.

    Args:
        rewards: r, along time: shape (steps,) or (steps, copies).
        values: :math:`V(s_t)`, of the same shape.
        next_values: :math:`V(s_{t+1})` of the state that the step led to. (At the end
            of an episode that is not the state from which the next one starts.)
        gamma: :math:`\gamma` in (0, 1].
        lam: :math:`\lambda` in [0, 1].
        terminated: whether the step ended its episode; None: never.
        truncated: whether the episode was left after the step; None: never.

    Returns:
        A, of the shape of the rewards, float64.

    Raises:
        ValueError: a gamma or lam out of its range, no steps, shapes that differ, or
            numbers that are not finite, or whose sums are not.
        TypeError: what holds no numbers.

    Example:
        >>> generalized_advantages([1, 1], [0.5, 0.5], [0.5, 0.5], gamma=1, lam=1)
        array([2., 1.])

    Source: Schulman et al., 2016.
    """
    rewards = as_rewards(rewards)
    gamma, lam = check_discount(gamma), check_share(lam, "lam")
    over, left = _ends(terminated, truncated, rewards.shape)
    values = as_values(values, rewards.shape, "values")
    following = as_values(next_values, rewards.shape, "next_values")
    with np.errstate(over="ignore", invalid="ignore"):
        surprise = rewards + gamma * np.where(over, 0, following) - values
        sums = _summed(surprise, np.where(over | left, 0, gamma * lam))
    return check_sums(sums, "rewards and values")


def _ends(terminated: Any, truncated: Any, shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """Where episodes ended, and where they were left: after the last step, too."""
    over = as_flags(terminated, shape, "terminated")
    left = as_flags(truncated, shape, "truncated")
    left[-1] = True
    return over, left


def _summed(x: Array, keep: Array) -> Array:
    """The sums y[t] = x[t] + keep[t] y[t + 1], from the last step to the first."""
    rows, factors = (x, keep) if x.ndim > 1 else (x.tolist(), keep.tolist())
    total, sums = 0.0 * rows[-1], []
    for row, factor in zip(reversed(rows), reversed(factors), strict=True):
        total = row + factor * total
        sums.append(total)
    return np.array(sums[::-1])
