"""Policies in compiled graphs; `d2lib.scratch.policy_gradient` explains them."""

from __future__ import annotations

import math
from typing import Any

from d2lib.mx._compat import np
from d2lib.mx._graphs import Graph, graph
from d2lib.mx.module import Module
from d2lib.mx.tensor import Tensor, as_tensor, to_device
from d2lib.reinforcement.returns import discounted_returns, generalized_advantages
from d2lib.shared.policies import GaussianLearner, PolicyLearner

__all__ = [
    "GaussianPolicy",
    "PolicyGradient",
    "discounted_returns",
    "generalized_advantages",
]


class Surprise(Graph):
    """The cross-entropy of actions, weighted: network, softmax, choice and mean."""

    def hybrid_forward(self, F: Any, x: Any, actions: Any, weights: Any) -> Any:
        """The mean over all steps."""
        log_p = F.npx.log_softmax(self.scores(x), axis=-1)
        return -F.np.mean(F.npx.pick(log_p, actions, axis=-1) * weights)


class PolicyGradient(PolicyLearner, Module):
    r"""Learns how probable each action should be, from whole episodes.

    .. math:: \mathcal L = -\frac1n \sum_t \log P(a_t \mid s_t)\, w_t, \qquad
              w_t = R_t - b

    The network, ``npx.log_softmax``, ``npx.pick`` and the mean are one compiled graph.

    Args:
        inputs: how many numbers an observation has.
        actions: how many actions there are.
        hidden: the widths of the hidden layers.
        activation: of the hidden layers: "relu", "tanh" or "sigmoid".
        gamma: :math:`\gamma` in (0, 1].
        lr: of Adam: a number, or a schedule of the updates.
        credit: which rewards count for an action: "to go" or "total".
        baseline: what is taken away: the "mean" of all returns; that of all that lie as
            many steps behind their episode's start ("time"); or nothing, None.
        normalize: whether the weights are divided by their spread.
        scale: what observations are multiplied with: a number, or one for each.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument of a wrong type.

    Example:
        >>> agent = PolicyGradient(inputs=4, actions=2, seed=0)
        >>> agent.probabilities([[0.0, 0.0, 0.0, 0.0]])
        array([[0.5, 0.5]], dtype=float32)

    Source: Williams, 1992.
    """

    _as_tensor = staticmethod(as_tensor)

    def _loss(self, x: Any, actions: Any, weights: Any) -> Tensor:
        compute = graph(self, Surprise, ("scores",), False)
        return compute(
            as_tensor(x), to_device(actions.astype("float32")), to_device(weights)
        )


class Density(Graph):
    """log P(a | s) of a normal distribution around a network's output."""

    def hybrid_forward(self, F: Any, x: Any, actions: Any, log_sigma: Any) -> Any:
        """One number for each step."""
        return log_density(
            F, self.mean(x), actions, log_sigma, self.settings["actions"]
        )


class Plain(Graph):
    """What a policy loses, and the error of the values: both networks in one graph."""

    def hybrid_forward(
        self, F: Any, x: Any, actions: Any, A: Any, targets: Any, log_sigma: Any
    ) -> Any:
        """The mean over a minibatch."""
        n = self.settings["actions"]
        log_p = log_density(F, self.mean(x), actions, log_sigma, n)
        return squared(F, self.value(x), targets) - F.np.mean(log_p * A)


class Clipped(Graph):
    """The same with the ratio of two densities, which counts within bounds only."""

    def hybrid_forward(
        self,
        F: Any,
        x: Any,
        actions: Any,
        A: Any,
        targets: Any,
        log_sigma: Any,
        old: Any,
    ) -> Any:
        """The mean over a minibatch."""
        n, epsilon = self.settings["actions"], self.settings["clip"]
        log_p = log_density(F, self.mean(x), actions, log_sigma, n)
        ratio = F.np.exp(log_p - old)
        within = F.np.clip(ratio, 1 - epsilon, 1 + epsilon)
        gain = F.np.minimum(ratio * A, within * A)
        return squared(F, self.value(x), targets) - F.np.mean(gain)


class GaussianPolicy(GaussianLearner, Module):
    r"""Learns real-valued actions: a normal distribution around what a network says.

    .. math:: \mathcal L = -\frac1n \sum_t \min\big(\rho_t A_t,\;
              \text{clip}(\rho_t, 1-\epsilon, 1+\epsilon)\, A_t\big)
              + \frac1n\sum_t \big(V(s_t) - \hat R_t\big)^2, \qquad
              \rho_t = \frac{P(a_t \mid s_t)}{P_\text{old}(a_t \mid s_t)}

    Both networks, the density and the loss are one compiled graph.

    Args:
        inputs: how many numbers an observation has.
        actions: how many numbers an action has.
        hidden: the widths of the hidden layers, of both networks.
        activation: of the hidden layers: "relu", "tanh" or "sigmoid".
        sigma: :math:`\sigma` to start with.
        gamma: :math:`\gamma` in (0, 1].
        lam: :math:`\lambda` of the advantages, in [0, 1].
        clip: :math:`\epsilon` > 0; None is the policy gradient as it is.
        epochs: how often a rollout is gone through.
        batch_size: how many steps an update of the weights learns from.
        lr: of Adam: a number, or a schedule of the updates.
        scale: what observations are multiplied with: a number, or one for each.
        reward_scale: what rewards are multiplied with.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument of a wrong type.

    Example:
        >>> agent = GaussianPolicy(inputs=3, actions=1, sigma=0.5, seed=0)
        >>> agent.sigma
        array([0.5], dtype=float32)

    Source: Schulman et al., 2017 (the clip); Williams, 1992.
    """

    _as_tensor = staticmethod(as_tensor)

    def _moved(self, x: Any, noise: Any) -> Tensor:
        return self.mean(x) + np.exp(self.log_sigma) * to_device(noise)

    def _log_density(self, x: Any, actions: Any) -> Tensor:
        compute = graph(self, Density, ("mean",), False, actions=self.actions)
        return compute(*map(as_tensor, (x, actions)), self.log_sigma)

    def _loss(self, x: Any, actions: Any, old: Any, A: Any, targets: Any) -> Tensor:
        networks, settings = ("mean", "value"), {"actions": self.actions}
        columns = [*map(as_tensor, (x, actions, A, targets)), self.log_sigma]
        if self.clip is None:
            return graph(self, Plain, networks, False, **settings)(*columns)
        compute = graph(self, Clipped, networks, False, clip=self.clip, **settings)
        return compute(*columns, as_tensor(old))


def log_density(F: Any, mean: Any, actions: Any, log_sigma: Any, n: int) -> Any:
    """The logarithm of a normal density of n independent numbers."""
    off = (actions - mean) * F.np.exp(-log_sigma)
    constant = n * 0.5 * math.log(2 * math.pi)
    squares = F.np.sum(F.np.square(off), axis=1)
    return -(squares * 0.5 + F.np.sum(log_sigma) + constant)


def squared(F: Any, values: Any, targets: Any) -> Any:
    """The mean squared error of a column of values."""
    return F.np.mean(F.np.square(F.np.squeeze(values, axis=1) - targets))
