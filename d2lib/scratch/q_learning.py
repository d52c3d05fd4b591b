r"""A deep Q network: the values of actions, by a network, from its own predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from d2lib.reinforcement.replay import ReplayBuffer
from d2lib.reinforcement.tabular import q_learning, value_iteration
from d2lib.scratch.detection import smooth_l1
from d2lib.scratch.losses import mse
from d2lib.scratch.module import Module
from d2lib.scratch.optimizers import side_by_side
from d2lib.scratch.tensor import Tensor, as_tensor
from d2lib.shared.deep_q import QLearner

__all__ = ["DQN", "ReplayBuffer", "q_learning", "value_iteration"]


class Follower:
    """Moves parameters a part of the way towards others, in place.

    Those that move lie side by side in one array, so that three calls move them all.
    """

    def __init__(self, slow: list[Tensor], fast: list[Tensor]) -> None:
        self.slow, self.fast = slow, fast
        self.arrays = np.empty((2, sum(w.size for w in slow)), np.float32)
        self.w, self.way = self.arrays
        self._put_together()

    def _put_together(self) -> None:
        """Gives each parameter a part of the array to live in."""
        self.goals = []  # parts of the way, one for each
        for w, (home, goal) in zip(
            self.slow, side_by_side(self.arrays, self.slow), strict=True
        ):
            home[...] = w.data
            w.data = home
            self.goals.append(goal)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles the parameters; a copy puts its own side by side."""
        return Follower, (self.slow, self.fast)

    def move(self, tau: float) -> None:
        """W <- w + tau (goal - w)."""
        if any([w.data.base is not self.arrays for w in self.slow]):
            self._put_together()  # somebody assigned other data
        for goal, w in zip(self.goals, self.fast, strict=True):
            goal[...] = w.data
        self.way -= self.w
        self.way *= tau
        self.w += self.way
        for w in self.slow:
            w.mark_changed()


class DQN(QLearner, Module):
    r"""Learns Q, the value of every action in a state, by a network.

    .. math:: \mathcal L = \mathbb E\,\big\lVert
              \big(r + \gamma \max_{a'} Q(s', a')\big) - Q(s, a) \big\rVert^2

    What stands on the left is no truth but a prediction, and it moves with every step
    of the network. So it is taken from another network, the *target*, which follows Q
    slowly, and steps are drawn from a `ReplayBuffer`. With ``double`` the network Q
    says which action is best, and the target what that is worth, so that an action that
    is valued too highly by chance is not chosen for it.

    Args:
        inputs: how many numbers an observation has.
        actions: how many actions there are.
        hidden: the widths of the hidden layers.
        activation: of the hidden layers: "relu", "tanh" or "sigmoid".
        gamma: :math:`\gamma` in (0, 1].
        lr: of Adam: a number, or a schedule of the updates.
        epsilon: the share of actions at random: a number in [0, 1], or a schedule of
            the steps.
        loss: "squared", or "huber", which is no steeper than 1.
        target: "soft" follows Q by a share of the way at every update; "hard" is a copy
            from time to time; None is Q itself.
        tau: that share, in [0, 1].
        copy_every: how many updates a copy lasts.
        double: whether Q chooses the action that the target values.
        batch_size: how many steps an update learns from.
        capacity: how many steps are remembered.
        warmup: how many steps are taken before the first update.
        scale: what observations are multiplied with: a number, or one for each.
        reward_scale: what rewards are multiplied with. A network finds values near 1
            more easily than values near 100.
        seed: an int or a ``numpy.random.Generator``, from which everything is drawn:
            weights, actions, and the seeds of the episodes.

    Attributes:
        q: the network that learns.
        target: the one that it is compared with.
        chosen: the weights that were best in the validation episodes; it acts.
        replay: the `ReplayBuffer`.
        progress: what happened so far.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument of a wrong type.

    Example:
        >>> agent = DQN(inputs=4, actions=2, seed=0)
        >>> agent([[0.0, 0.0, 0.1, 0.0]]).shape
        (1, 2)
        >>> progress = agent.learn("CartPole-v1", steps=1_500, validation=0)
        >>> len(agent.replay)
        1500

    Source: Mnih et al., 2015; double: van Hasselt, Guez & Silver, 2016; the soft
    target: Lillicrap et al., 2016.
    """

    _as_tensor = staticmethod(as_tensor)
    _Follower = Follower

    def _targets(self, rewards: Any, following: Any, discounts: Any) -> Tensor:
        """R + gamma max Q(s', a'), with a discount of 0 behind a termination."""
        values = self.target(following).data  # (batch, actions)
        judge = self.q(following).data if self.double else values
        best = values[np.arange(len(values)), judge.argmax(axis=1)]
        return Tensor(rewards + discounts * best)

    def _loss(self, x: Any, actions: Any, y: Tensor) -> Tensor:
        """The distance of Q(s, a) from the targets."""
        q = self.q(x)[np.arange(len(x)), actions]
        return mse(q, y) if self.kind == "squared" else smooth_l1(q, y)
