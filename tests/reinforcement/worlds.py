"""Small environments for the tests."""

from __future__ import annotations

import gymnasium as gym
import numpy as np


class Count(gym.Env):
    """Counts its steps: the reward is the number of the step, the episode ends at n.

    Args:
        n: how many steps.
        truncates: whether it is left then, and does not end.
        trouble: what happens at step 2: "raises", "nan" or "reward".
    """

    observation_space = gym.spaces.Box(-100, 100, (2,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, n=4, truncates=False, trouble=None):
        self.n, self.truncates, self.trouble = n, truncates, trouble
        self.closed = 0
        self.taken = []
        self.seeds = []
        self.k = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.k = 0
        return self.seen(), {}

    def seen(self):
        return np.array([self.k, -self.k], np.float32)

    def step(self, action):
        self.k += 1
        self.taken.append(action)
        seen, reward = self.seen(), float(self.k)
        if self.k == 2 and self.trouble == "raises":
            raise KeyError("out of paint")
        if self.k == 2 and self.trouble == "nan":
            seen[0] = np.nan
        if self.k == 2 and self.trouble == "reward":
            reward = np.inf
        end = self.k == self.n
        return seen, reward, end and not self.truncates, end and self.truncates, {}

    def close(self):
        self.closed += 1


class Push(Count):
    """The same with two real numbers as an action."""

    action_space = gym.spaces.Box(-1, np.float32([1, 2]), (2,), np.float32)


class Corridor(gym.Env):
    """The short corridor with switched actions: Sutton & Barto, 2018, example 13.1.

    Three places in a row and the goal behind them, all of which look alike. Right goes
    right, but in the second place it goes left. Each step costs 1.
    """

    observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = 0
        return np.ones(1, np.float32), {}

    def step(self, action):
        right = (action == 1) != (self.place == 1)
        self.place = max(self.place + (1 if right else -1), 0)
        return np.ones(1, np.float32), -1.0, self.place == 3, False, {}
