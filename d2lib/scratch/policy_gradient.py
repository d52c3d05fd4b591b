r"""Policies that learn by the gradient of what they get.

The gradient of an expected return is that of :math:`\log P(a \mid s)`, weighted by the
returns that were seen: no model of the world, and no derivative of it, is needed.
"""

from __future__ import annotations

import math
from typing import Any

from d2lib._types import Array
from d2lib.reinforcement.returns import discounted_returns, generalized_advantages
from d2lib.scratch.functions import clip, exp, minimum
from d2lib.scratch.losses import cross_entropy, mse
from d2lib.scratch.module import Module
from d2lib.scratch.tensor import Tensor, as_tensor
from d2lib.shared.policies import GaussianLearner, PolicyLearner

__all__ = [
    "GaussianPolicy",
    "PolicyGradient",
    "discounted_returns",
    "generalized_advantages",
]


class PolicyGradient(PolicyLearner, Module):
    r"""Learns how probable each action should be, from whole episodes.

    .. math:: \mathcal L = -\frac1n \sum_t \log P(a_t \mid s_t)\, w_t, \qquad
              w_t = R_t - b

    What an action brought, :math:`R_t`, makes it more probable or less: more, if it is
    above the baseline b. What came before an action is not its merit, and only noise.
    So :math:`R_t` is the return from t on ("to go"); the lecture's takes the whole
    episode's ("total").

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
        seed: an int or a ``numpy.random.Generator``, from which everything is drawn:
            weights, actions, and the seeds of the episodes.

    Attributes:
        scores: the network, whose softmax is P.
        progress: what happened so far.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument of a wrong type.

    Example:
        >>> agent = PolicyGradient(inputs=4, actions=2, seed=0)
        >>> agent.probabilities([[0.0, 0.0, 0.0, 0.0]])
        array([[0.5, 0.5]], dtype=float32)
        >>> progress = agent.learn("CartPole-v1", iterations=2, episodes=4)
        >>> len(progress.returns)
        8

    Source: Williams, 1992.
    """

    _as_tensor = staticmethod(as_tensor)

    def _loss(self, x: Any, actions: Any, weights: Array) -> Tensor:
        """The cross-entropy of the actions that were taken, weighted."""
        surprise = cross_entropy(self.scores(x), actions, reduction="none")
        return (surprise * weights).mean()


class GaussianPolicy(GaussianLearner, Module):
    r"""Learns real-valued actions: a normal distribution around what a network says.

    .. math:: \log P(a \mid s) = -\sum_j \Big(
              \frac{(a_j - \mu_j(s))^2}{2\sigma_j^2} + \log\sigma_j
              + \tfrac12 \log 2\pi \Big)

    A second network learns what to expect of a state, V(s), and what counts is how much
    better it went (`generalized_advantages`). One rollout is used for several passes,
    in which the policy moves away from the one that acted. By how much, the ratio of
    their densities says; beyond a share of ``clip`` it brings nothing more:

    .. math:: \mathcal L = -\frac1n \sum_t \min\big(\rho_t A_t,\;
              \text{clip}(\rho_t, 1-\epsilon, 1+\epsilon)\, A_t\big)
              + \frac1n\sum_t \big(V(s_t) - \hat R_t\big)^2, \qquad
              \rho_t = \frac{P(a_t \mid s_t)}{P_\text{old}(a_t \mid s_t)}

    Args:
        inputs: how many numbers an observation has.
        actions: how many numbers an action has.
        hidden: the widths of the hidden layers, of both networks.
        activation: of the hidden layers: "relu", "tanh" or "sigmoid".
        sigma: :math:`\sigma` to start with. It is learnt, and how much is explored
            depends on it.
        gamma: :math:`\gamma` in (0, 1].
        lam: :math:`\lambda` of the advantages, in [0, 1].
        clip: :math:`\epsilon` > 0; None is the policy gradient as it is,
            :math:`-\log P(a_t \mid s_t)\, A_t`.
        epochs: how often a rollout is gone through.
        batch_size: how many steps an update of the weights learns from.
        lr: of Adam: a number, or a schedule of the updates.
        scale: what observations are multiplied with: a number, or one for each.
        reward_scale: what rewards are multiplied with, for V is easier to learn near 1.
        seed: an int or a ``numpy.random.Generator``, from which everything is drawn:
            weights, actions, and the seeds of the episodes.

    Attributes:
        mean: the network of :math:`\mu`.
        value: the network of V.
        log_sigma: :math:`\log\sigma`, shape (actions,).
        progress: what happened so far.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument of a wrong type.

    Example:
        >>> agent = GaussianPolicy(inputs=3, actions=1, sigma=0.5, seed=0)
        >>> agent.sigma
        array([0.5], dtype=float32)
        >>> progress = agent.learn("Pendulum-v1", iterations=1, steps=200, copies=2)
        >>> len(progress.returns)
        2

    Source: Schulman et al., 2017 (the clip); Williams, 1992.
    """

    _as_tensor = staticmethod(as_tensor)

    def _moved(self, x: Any, noise: Any) -> Tensor:
        """The mean, moved by so many sigmas."""
        moved: Tensor = self.mean(x) + exp(self.log_sigma) * noise
        return moved

    def _log_density(self, x: Any, actions: Any) -> Tensor:
        """Log P(a | s) of each action."""
        off = (as_tensor(actions) - self.mean(x)) * exp(-self.log_sigma)
        constant = self.actions * 0.5 * math.log(2 * math.pi)
        total: Tensor = (off * off).sum(axis=1) * 0.5 + self.log_sigma.sum() + constant
        return -total

    def _loss(self, x: Any, actions: Any, old: Any, A: Array, targets: Any) -> Tensor:
        """What the clipped policy loses, and the error of the values."""
        log_p = self._log_density(x, actions)
        if self.clip is None:
            gain = log_p * A
        else:
            ratio = exp(log_p - old)
            gain = minimum(
                ratio * A, clip(ratio, 1 - self.clip, 1 + self.clip) * as_tensor(A)
            )
        return mse(self.value(x)[:, 0], targets) - gain.mean()
