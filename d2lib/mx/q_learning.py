"""A deep Q network in two compiled graphs; `d2lib.scratch.q_learning` explains it."""

from __future__ import annotations

from itertools import chain
from typing import Any

from d2lib.mx._compat import mx
from d2lib.mx._graphs import Graph, graph
from d2lib.mx.module import Module
from d2lib.mx.tensor import Learnable, Tensor, as_tensor, renew, to_device
from d2lib.reinforcement.replay import ReplayBuffer
from d2lib.reinforcement.tabular import q_learning, value_iteration
from d2lib.shared.deep_q import QLearner

__all__ = ["DQN", "ReplayBuffer", "q_learning", "value_iteration"]


class Targets(Graph):
    """r + gamma max Q(s', a'): both networks, the choice and its value."""

    def hybrid_forward(
        self, F: Any, rewards: Any, following: Any, discounts: Any
    ) -> Any:
        """With a discount of 0 behind a termination."""
        values = self.target(following)
        judge = self.q(following) if self.settings["double"] else values
        best = F.npx.pick(values, F.np.argmax(judge, axis=1), axis=1)
        return rewards + discounts * best


class Loss(Graph):
    """The distance of Q(s, a) from the targets: network, choice and loss."""

    def hybrid_forward(self, F: Any, x: Any, actions: Any, y: Any) -> Any:
        """The mean over a batch."""
        off = F.npx.pick(self.q(x), actions, axis=1) - y
        if self.settings["kind"] == "squared":
            return F.np.mean(F.np.square(off))
        return F.np.mean(F.npx.smooth_l1(off, scalar=1.0))


class Follower:
    r"""Moves parameters a part of the way towards others, by ``multi_sgd_update``.

    That computes w - lr (wd w + s g). With lr = :math:`\tau`, wd = 1, s = -1, and the
    other weights in the place of g, it is :math:`w + \tau (g - w)`.
    """

    def __init__(self, slow: list[Any], fast: list[Any]) -> None:
        self.parameters = slow, fast
        self._learnables: list[list[Learnable]] = []

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles all but the views of the parameters' arrays."""
        return {**vars(self), "_learnables": []}

    def move(self, tau: float) -> None:
        """W <- w + tau (goal - w)."""
        if not self._learnables:
            self._learnables = [[Learnable(p) for p in ps] for ps in self.parameters]
        slow, fast = self._learnables
        for learnable in (*slow, *fast):
            learnable.refresh()
        arrays = [[learnable.classic for learnable in side] for side in (slow, fast)]
        n = len(slow)
        mx.nd.multi_sgd_update(
            *chain.from_iterable(zip(*arrays, strict=True)),
            out=arrays[0],
            lrs=[tau] * n,
            wds=[1.0] * n,
            rescale_grad=-1.0,
            num_weights=n,
        )
        renew([p for p in slow if p.classic_gradient is not None])


class DQN(QLearner, Module):
    r"""Learns Q, the value of every action in a state, by a network.

    .. math:: \mathcal L = \mathbb E\,\big\lVert
              \big(r + \gamma \max_{a'} Q(s', a')\big) - Q(s, a) \big\rVert^2

    What an update computes is one compiled graph: the network, ``npx.pick`` and the
    loss. The targets are another, and the target network follows by one operator.

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
        reward_scale: what rewards are multiplied with.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument of a wrong type.

    Example:
        >>> agent = DQN(inputs=4, actions=2, seed=0)
        >>> agent([[0.0, 0.0, 0.1, 0.0]]).shape
        (1, 2)

    Source: Mnih et al., 2015.
    """

    _as_tensor = staticmethod(as_tensor)
    _Follower = Follower

    def _targets(self, rewards: Any, following: Any, discounts: Any) -> Tensor:
        networks = ("q", "target") if self.double else ("target",)
        compute = graph(self, Targets, networks, True, double=self.double)
        return compute(*map(to_device, (rewards, following, discounts))).detach()

    def _loss(self, x: Any, actions: Any, y: Tensor) -> Tensor:
        compute = graph(self, Loss, ("q",), True, kind=self.kind)
        return compute(as_tensor(x), to_device(actions.astype("float32")), y)
