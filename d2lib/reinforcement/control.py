"""Three environments of Gymnasium's for many copies at once, by NumPy.

An agent that learns from 16 copies waits for 16 environments at each step. Here all of
them move in one go. Each ``move`` is a pure function of states and actions; the numbers
are Gymnasium's own, and the tests compare the two step by step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from d2lib._checks import check_positive_int
from d2lib._types import Array
from d2lib.reinforcement.environments import MOST_COPIES, gymnasium

__all__ = ["CartPole", "MountainCarContinuous", "Pendulum"]


class Copies:
    """What they share: Gymnasium's interface of a vector of environments.

    They do not reset themselves (Gymnasium calls that ``AutoresetMode.DISABLED``): a
    copy whose episode ended is reset by ``reset(options={"reset_mask": ended})``.
    """

    id: str
    limit: int  # steps, after which an episode is left
    numbers: int  # of a state

    def __init__(self, copies: int = 16) -> None:
        gym = gymnasium()
        self.num_envs = check_positive_int(copies, "copies", MOST_COPIES)
        one = gym.make(self.id)
        self.single_observation_space = one.observation_space
        self.single_action_space = one.action_space
        batched = gym.vector.utils.batch_space
        self.observation_space = batched(one.observation_space, self.num_envs)
        self.action_space = batched(one.action_space, self.num_envs)
        self.spec = one.spec
        self.metadata = {"autoreset_mode": gym.vector.AutoresetMode.DISABLED}
        one.close()
        self._random = np.random.default_rng()
        self.states = np.zeros((self.num_envs, self.numbers))
        self._steps = np.zeros(self.num_envs, int)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, ...]:
        """Starts an episode in each copy, or where ``options["reset_mask"]`` says.

        Returns:
            What is observed in all, and nothing to tell, {}.
        """
        if seed is not None:
            self._random = np.random.default_rng(seed)
        where = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
        self.states = self.states.copy()
        self.states[where] = self.start(self._random, int(np.sum(where)))
        self._steps[where] = 0
        return self.observe(self.states), {}

    def step(self, actions: Any) -> tuple[Any, ...]:
        """Moves each copy.

        Returns:
            What is observed, rewards, terminated, truncated, {}.
        """
        self.states, rewards, over = self.move(self.states, np.asarray(actions))
        self._steps += 1
        left = self._steps >= self.limit
        return self.observe(self.states), rewards, over, left, {}

    def close(self) -> None:
        """There is nothing to close."""

    @staticmethod
    def start(generator: np.random.Generator, n: int) -> Array:
        """Returns states to start from, shape (n, numbers)."""
        raise NotImplementedError

    @staticmethod
    def observe(states: Array) -> Array:
        """Returns what is observed in states."""
        raise NotImplementedError

    @staticmethod
    def move(states: Array, actions: Array) -> tuple[Array, Array, Array]:
        """Returns the next states, the rewards, and whether it is over."""
        raise NotImplementedError


class CartPole(Copies):
    """Copies of CartPole-v1: keep the pole up by pushing the cart left or right.

    A state is (x, its speed, angle, its speed), in metres, radians and seconds. Each
    step is worth 1; the pole falls at 12 degrees, and the track ends at 2.4 m.

    Args:
        copies: how many.

    Raises:
        ValueError, TypeError: copies that are no whole number >= 1.
        ImportError: Gymnasium is missing.

    Example:
        >>> env = CartPole(copies=3)
        >>> observations, _ = env.reset(seed=0)
        >>> env.step([0, 1, 1])[1]
        array([1., 1., 1.])

    Source: Barto, Sutton & Anderson, 1983.
    """

    id, limit, numbers = "CartPole-v1", 500, 4

    @staticmethod
    def start(generator: np.random.Generator, n: int) -> Array:
        """Nearly upright, nearly in the middle, nearly at rest."""
        return generator.uniform(-0.05, 0.05, (n, 4))

    @staticmethod
    def observe(states: Array) -> Array:
        """All of the state."""
        return states.astype(np.float32)

    @staticmethod
    def move(states: Array, actions: Array) -> tuple[Array, Array, Array]:
        """Pushes with 10 N for 0.02 s: masses 1 and 0.1 kg, a pole of 1 m."""
        x, v, angle, w = states.T
        sin, cos = np.sin(angle), np.cos(angle)
        push = (20.0 * actions - 10.0 + 0.05 * w * w * sin) / 1.1
        turn = (9.8 * sin - cos * push) / (0.5 * (4.0 / 3.0 - 0.1 * cos * cos / 1.1))
        speed = push - 0.05 * turn * cos / 1.1
        after = np.empty_like(states)
        after[:, 0] = x + 0.02 * v
        after[:, 1] = v + 0.02 * speed
        after[:, 2] = angle + 0.02 * w
        after[:, 3] = w + 0.02 * turn
        fallen = np.abs(after[:, 2]) > 12 * 2 * math.pi / 360
        return after, np.ones(len(x)), fallen | (np.abs(after[:, 0]) > 2.4)


class Pendulum(Copies):
    """Copies of Pendulum-v1: swing a pendulum up, and hold it there.

    A state is (angle, its speed); observed are the angle's cosine and sine, and the
    speed. The action is a torque in [-2, 2], too weak to lift it at once. Each step
    costs the square of the angle, and a little for speed and torque. No episode
    terminates: each is left after 200 steps.

    Args:
        copies: how many.

    Raises:
        ValueError, TypeError: copies that are no whole number >= 1.
        ImportError: Gymnasium is missing.

    Example:
        >>> env = Pendulum(copies=2)
        >>> env.reset(seed=0)[0].shape
        (2, 3)
    """

    id, limit, numbers = "Pendulum-v1", 200, 2

    @staticmethod
    def start(generator: np.random.Generator, n: int) -> Array:
        """Anywhere, at a speed of up to 1."""
        return generator.uniform(-1, 1, (n, 2)) * [math.pi, 1.0]

    @staticmethod
    def observe(states: Array) -> Array:
        """The angle as a point on the circle."""
        angle, w = states.T
        seen: Array = np.stack([np.cos(angle), np.sin(angle), w], axis=1)
        return seen.astype(np.float32)

    @staticmethod
    def move(states: Array, actions: Array) -> tuple[Array, Array, Array]:
        """Turns for 0.05 s: a pole of 1 kg and 1 m, gravity 10."""
        angle, w = states.T
        torque = np.clip(actions[:, 0], -2.0, 2.0)
        off = (angle + math.pi) % (2 * math.pi) - math.pi
        cost = off**2 + 0.1 * w**2 + 0.001 * torque**2
        w = np.clip(w + (15.0 * np.sin(angle) + 3.0 * torque) * 0.05, -8.0, 8.0)
        after = np.stack([angle + w * 0.05, w], axis=1)
        return after, -cost, np.zeros(len(w), bool)


class MountainCarContinuous(Copies):
    """Copies of MountainCarContinuous-v0: rock a weak car out of a valley.

    A state is (position, speed), the action a force in [-1, 1]. The goal is worth 100,
    and each step costs a tenth of the force's square: who never gets there does best to
    do nothing.

    Args:
        copies: how many.

    Raises:
        ValueError, TypeError: copies that are no whole number >= 1.
        ImportError: Gymnasium is missing.

    Example:
        >>> env = MountainCarContinuous(copies=2)
        >>> env.reset(seed=0)[0].shape
        (2, 2)

    Source: Moore, 1990.
    """

    id, limit, numbers = "MountainCarContinuous-v0", 999, 2

    @staticmethod
    def start(generator: np.random.Generator, n: int) -> Array:
        """At rest, near the bottom."""
        return np.stack([generator.uniform(-0.6, -0.4, n), np.zeros(n)], axis=1)

    @staticmethod
    def observe(states: Array) -> Array:
        """All of the state."""
        return states.astype(np.float32)

    @staticmethod
    def move(states: Array, actions: Array) -> tuple[Array, Array, Array]:
        """One step along the track, between -1.2 and 0.6."""
        x, v = states.T
        asked = actions[:, 0].astype(np.float64)
        v = v + np.clip(asked, -1, 1) * 0.0015 - 0.0025 * np.cos(3 * x)
        v = np.clip(v, -0.07, 0.07)
        x = np.clip(x + v, -1.2, 0.6)
        v = np.where((x == -1.2) & (v < 0), 0.0, v)
        there = (x >= 0.45) & (v >= 0)
        after = np.stack([x, v], axis=1).astype(np.float32).astype(np.float64)
        return after, 100.0 * there - 0.1 * asked**2, there
