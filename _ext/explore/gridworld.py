"""A grid world: walls and rewards by click, Q-learning step by step."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from d2lib import plotting
from d2lib.reinforcement import q_learning, value_iteration
from explore._case import Case

MAP = "S..g.#.#.....H.G"  # the page's, row by row
SIDE = 4
MOVES = (0, -1), (1, 0), (0, 1), (-1, 0)  # left, down, right, up: (down, right)
PAYS = {"G": 1.0, "g": 0.3, "H": -1.0}


class Grid(gym.Env):
    """The page's world, which writes down what was done in it."""

    def __init__(self, tiles: str) -> None:
        self.tiles = tiles
        self.done: list[int] = []
        self.observation_space = gym.spaces.Discrete(len(tiles))
        self.action_space = gym.spaces.Discrete(4)
        self.P = {
            s: {a: [self.move(s, a)] for a in range(4)} for s in range(len(tiles))
        }

    def move(self, s: int, a: int) -> tuple[float, int, float, bool]:
        """Where an action leads: probability, tile, reward, and whether it ends."""
        if self.tiles[s] in PAYS:
            return 1.0, s, 0.0, True  # it was over before
        i, j = s // SIDE + MOVES[a][0], s % SIDE + MOVES[a][1]
        after = SIDE * i + j
        if not (0 <= i < SIDE and 0 <= j < SIDE) or self.tiles[after] == "#":
            after = s
        letter = self.tiles[after]
        return 1.0, after, PAYS.get(letter, 0.0), letter in PAYS

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[int, dict]:
        """Begins at S."""
        super().reset(seed=seed)
        self.s = self.tiles.index("S")
        return self.s, {}

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict]:
        """Goes on by one step."""
        self.done.append(int(action))
        [(_, self.s, reward, over)] = self.P[self.s][int(action)]
        return self.s, reward, over, False, {}


def golden() -> list[Case]:
    """Tables learnt from the actions of the library's learner, and exact ones."""
    cases = []
    for tiles in (MAP, "S..............G", "S#..#......g..H.", "SG.............."):
        for gamma in (0.6, 0.9):
            world = Grid(tiles)
            exact = value_iteration(world, gamma)
            cases.append(Case("exact", (tiles, gamma), exact, 1e-8))
            for alpha, epsilon in ((1.0, 1.0), (0.5, 0.3)):
                world = Grid(tiles)
                learnt = q_learning(world, 300, gamma, alpha, epsilon, seed=0)
                args = (tiles, world.done, gamma, alpha)
                cases.append(Case("learn", args, learnt.values))
    return cases


def picture() -> Figure:
    """The page's map after 200 steps by chance: values and best actions."""
    q = q_learning(Grid(MAP), 200, 0.9, 1, 1, seed=0).values
    fig, ax = plt.subplots(figsize=(4, 4))
    for s, letter in enumerate(MAP):
        i, j = divmod(s, SIDE)
        wall = {"fc": plotting.TEXT} if letter == "#" else {"fill": False}
        ax.add_patch(plt.Rectangle((j, i), 1, 1, ec=plotting.TEXT, **wall))
        if letter in "SGgH":
            ax.text(j + 0.08, i + 0.25, letter, weight="bold")
        if letter in "S." and q[s].any():
            ax.text(j + 0.5, i + 0.92, f"{q[s].max():.2f}", ha="center", size=10)
            for a in np.flatnonzero(np.isclose(q[s], q[s].max())):
                down, right = MOVES[a]
                style = {"arrowstyle": "-|>", "color": plotting.COLORS[1], "lw": 2}
                tip = (j + 0.5 + 0.3 * right, i + 0.45 + 0.3 * down)
                ax.annotate("", tip, (j + 0.5, i + 0.45), arrowprops=style)
    ax.set(xlim=(-0.05, 4.05), ylim=(4.05, -0.05), aspect="equal")
    ax.axis("off")
    return fig
