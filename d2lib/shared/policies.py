"""Policies that learn by their gradient: all but what is computed with tensors."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from d2lib._checks import (
    check_choice,
    check_columns,
    check_discount,
    check_fits,
    check_flag,
    check_positive,
    check_positive_int,
    check_share,
)
from d2lib._types import Array
from d2lib.data import minibatches
from d2lib.reinforcement.environments import Walk
from d2lib.reinforcement.returns import discounted_returns, generalized_advantages
from d2lib.reinforcement.rollouts import (
    LONGEST,
    MOST_STEPS,
    Rollout,
    drawn_seed,
    record,
)
from d2lib.schedules import Rate, linear
from d2lib.shared.agents import Agent, Left, Progress
from d2lib.training.signals import Interrupts

__all__ = ["GaussianLearner", "PolicyLearner"]

LR = linear(1e-2, steps=100, end=5e-4)
MOST = 10**6


class PolicyLearner(Agent):
    """What ``PolicyGradient`` is in both twins."""

    #: what is computed with tensors: the twins say how
    _loss: Callable[..., Any]
    _log_probabilities: Callable[..., Any]

    def __init__(
        self,
        inputs: int,
        actions: int,
        hidden: Any = (64,),
        activation: str = "tanh",
        gamma: float = 0.99,
        lr: Rate = LR,
        credit: str = "to go",
        baseline: str | None = "mean",
        normalize: bool = True,
        scale: Any = 1.0,
        seed: Any = None,
    ) -> None:
        self._begin(inputs, actions, hidden, activation, scale)
        self.gamma = check_discount(gamma)
        check_choice(credit, ("to go", "total"), "credit")
        self.credit = credit
        check_choice(baseline, (None, "mean", "time"), "baseline")
        self.baseline = baseline
        self.normalize = check_flag(normalize, "normalize")
        (self.scores,) = self._networks(seed, [actions])
        self._optimized(self.scores.parameters(), lr)

    def forward(self, observations: Any) -> Any:
        """A score (logit) of every action: (n, inputs) to a tensor (n, actions)."""
        return self._looks(observations, self.scores)

    def probabilities(self, observations: Any) -> Array:
        """P(a | s) of every action.

        Args:
            observations: shape (n, inputs).

        Returns:
            Shape (n, actions); each row sums to 1.

        Raises:
            ValueError: another shape, or numbers that are not finite.
            TypeError: what holds no numbers.
        """
        dl: Any = importlib.import_module(self.twin)
        p: Array = dl.to_numpy(dl.softmax(self.scores(self._seen(observations))))
        return p

    def act(self, observations: Any, last: bool = False) -> Any:
        """The most probable action.

        Args:
            observations: shape (inputs,) or (n, inputs).
            last: of no use here: there are no other weights than the last ones.

        Returns:
            An int, or shape (n,).

        Raises:
            ValueError: another shape, or numbers that are not finite.
            TypeError: what holds no numbers.
        """
        dl: Any = importlib.import_module(self.twin)
        check_flag(last, "last")
        best = dl.to_numpy(self.scores(self._seen(observations))).argmax(axis=1)
        return best if np.ndim(observations) == 2 else int(best[0])

    def explore(self, observations: Any) -> Array:
        """Actions drawn from the policy, each with its probability.

        To every score a number is added, drawn from the Gumbel distribution: then each
        action has the largest sum with just its probability.

        Args:
            observations: shape (n, inputs).

        Returns:
            Shape (n,).

        Raises:
            ValueError: another shape, or numbers that are not finite.
            TypeError: what holds no numbers.
        """
        dl: Any = importlib.import_module(self.twin)
        x = self._seen(observations)
        noise = self.generator.gumbel(size=(len(x), self.actions)).astype(np.float32)
        drawn: Array = dl.to_numpy(self.scores(x) + dl.tensor(noise)).argmax(axis=1)
        return drawn

    def weights(self, batch: Rollout) -> Array:
        r"""How much each step's action counts: its return, less the baseline.

        Args:
            batch: whole episodes, as `rollout` records them.

        Returns:
            Shape (steps,): :math:`R_t`, or the whole episode's :math:`R_0`; less their
            mean, or the mean of all that lie as far behind their episode's start; and
            divided by their spread, so that the learning rate fits any rewards.

        Raises:
            ValueError: columns of another shape or dtype, or not finite in float32.
            TypeError: what is no rollout.
        """
        check_steps(self, batch)
        R = discounted_returns(
            batch.rewards, self.gamma, batch.terminated, batch.truncated | batch.cut
        )
        if self.credit == "total":
            starts = batch.starts
            R = np.repeat(R[starts], np.diff(np.append(starts, len(R))))
        if self.baseline == "mean":
            R = R - R.mean()
        elif self.baseline == "time":
            t = batch.times
            R = R - (np.bincount(t, R) / np.bincount(t))[t]
        if self.normalize:
            R = R / (R.std() + 1e-8)
        return R.astype(np.float32)

    def loss(self, batch: Rollout) -> Any:
        """The loss whose gradient is the policy's.

        Args:
            batch: whole episodes, as `rollout` records them.

        Returns:
            A tensor, one number.

        Raises:
            ValueError: columns of another shape or dtype, or not finite in float32.
            TypeError: what is no rollout.
        """
        weights = self.weights(batch)
        return self._loss(batch.observations * self.scale, batch.actions, weights)

    def update(self, batch: Rollout) -> float:
        """One step of gradient descent.

        Args:
            batch: whole episodes, as `rollout` records them.

        Returns:
            The loss before it.

        Raises:
            ValueError: columns of another shape or dtype, or not finite in float32.
            TypeError: what is no rollout.
            NonFiniteLossError: the loss is NaN or infinite; nothing was changed.
        """
        weights = self.weights(batch)
        x = batch.observations * self.scale
        return self._descend(lambda: self._loss(x, batch.actions, weights), batch)

    def learn(
        self,
        env: Any,
        iterations: int,
        episodes: int = 16,
        copies: int = 16,
        max_steps: int = LONGEST,
    ) -> Progress:
        """Acts for some episodes, learns from them, and forgets them.

        Ctrl-C and SIGTERM end it: ``progress.interrupted`` names the signal, and a
        sentence on stderr says how to go on. Episodes from which nothing was learnt yet
        are dropped, as if they had not begun: in an environment that does the same for
        the same seed, the next call goes on bit for bit. A second Ctrl-C interrupts at
        once.

        Args:
            env: the id of a Gymnasium environment, an environment, or a vector of them.
                What was made from an id is closed at the end; after an error, any is.
            iterations: how often; call it again for more.
            episodes: how many each time.
            copies: how many environments to make of an id.
            max_steps: how long an episode may be.

        Returns:
            The agent's `Progress`, since it was made.

        Raises:
            ValueError: an unknown id, an environment that does not fit the agent, or
                one that gives what is not finite or not what its spaces say; an episode
                without an end.
            TypeError: an argument of a wrong type.
            RuntimeError: the environment raised an error.
            NonFiniteLossError: the loss became NaN or infinite.
            ImportError: Gymnasium is missing.
        """
        iterations = check_positive_int(iterations, "iterations", MOST)
        episodes = check_positive_int(episodes, "episodes", MOST)
        copies = check_positive_int(copies, "copies")
        max_steps = check_positive_int(max_steps, "max_steps", MOST_STEPS)
        self.progress.interrupted, done = None, 0
        with (
            Interrupts() as interrupts,
            Walk(env, min(copies, episodes) if isinstance(env, str) else 1) as walk,
        ):
            self._check_fit(walk)

            def act(walk: Walk) -> Any:
                if interrupts.came():
                    raise Left
                return self.explore(walk.observations)

            while done < iterations and not interrupts.came():
                before = self.generator.bit_generator.state
                try:
                    walk.reset(drawn_seed(self.generator))
                    batch = record(walk, act, None, episodes, max_steps=max_steps)
                except Left:
                    self.generator.bit_generator.state = before
                    break
                loss = self.update(batch)
                noted(self, batch, batch.totals.tolist(), loss=loss)
                done += 1
        return self._end(interrupts, done, iterations, "iterations")

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {
            "credit": self.credit,
            "baseline": self.baseline,
            "normalize": self.normalize,
        }


class GaussianLearner(Agent):
    """What ``GaussianPolicy`` is in both twins."""

    discrete = False
    #: what is computed with tensors: the twins say how
    _loss: Callable[..., Any]
    _log_density: Callable[..., Any]
    _moved: Callable[..., Any]

    def __init__(
        self,
        inputs: int,
        actions: int = 1,
        hidden: Any = (64, 64),
        activation: str = "tanh",
        sigma: float = 1.0,
        gamma: float = 0.99,
        lam: float = 0.95,
        clip: float | None = 0.2,
        epochs: int = 10,
        batch_size: int = 320,
        lr: Rate = 1e-3,
        scale: Any = 1.0,
        reward_scale: float = 1.0,
        seed: Any = None,
    ) -> None:
        dl: Any = importlib.import_module(self.twin)
        self._begin(inputs, actions, hidden, activation, scale)
        self.gamma = check_discount(gamma)
        self.lam = check_share(lam, "lam")
        self.clip = None if clip is None else check_positive(clip, "clip")
        self.epochs = check_positive_int(epochs, "epochs", MOST)
        self.batch_size = check_positive_int(batch_size, "batch_size")
        self.reward_scale = check_positive(reward_scale, "reward_scale")
        self._sigma = sigma = check_positive(sigma, "sigma")
        self.mean, self.value = self._networks(seed, [actions, 1])
        self.log_sigma = dl.tensor(
            np.full(actions, math.log(sigma), np.float32), requires_grad=True
        )
        self._optimized(self.parameters(), lr)

    parameters: Callable[[], list[Any]]

    def forward(self, observations: Any) -> Any:
        """The mean of the actions: (n, inputs) to a tensor (n, actions)."""
        return self._looks(observations, self.mean)

    @property
    def sigma(self) -> Array:
        """The spread of the actions, shape (actions,)."""
        dl: Any = importlib.import_module(self.twin)
        sigma: Array = dl.to_numpy(dl.exp(self.log_sigma))
        return sigma

    def values(self, observations: Any) -> Array:
        """V(s), what is expected of a state, in scaled rewards.

        Args:
            observations: shape (n, inputs).

        Returns:
            Shape (n,).

        Raises:
            ValueError: another shape, or numbers that are not finite.
            TypeError: what holds no numbers.
        """
        dl: Any = importlib.import_module(self.twin)
        expected: Array = dl.to_numpy(self.value(self._seen(observations)))[:, 0]
        return expected

    def act(self, observations: Any, last: bool = False) -> Array:
        """The mean of the policy, its most probable action.

        Args:
            observations: shape (inputs,) or (n, inputs).
            last: of no use here: there are no other weights than the last ones.

        Returns:
            Shape (actions,) or (n, actions); an environment may allow less.

        Raises:
            ValueError: another shape, or numbers that are not finite.
            TypeError: what holds no numbers.
        """
        dl: Any = importlib.import_module(self.twin)
        check_flag(last, "last")
        means: Array = dl.to_numpy(self.mean(self._seen(observations)))
        return means if np.ndim(observations) == 2 else means[0]

    def explore(self, observations: Any) -> Array:
        """Actions drawn from the policy.

        Args:
            observations: shape (n, inputs).

        Returns:
            Shape (n, actions); an environment may allow less.

        Raises:
            ValueError: another shape, or numbers that are not finite.
            TypeError: what holds no numbers.
        """
        dl: Any = importlib.import_module(self.twin)
        x = self._seen(observations)
        noise = self.generator.normal(size=(len(x), self.actions)).astype(np.float32)
        drawn: Array = dl.to_numpy(self._moved(x, noise))
        return drawn

    def advantages(self, batch: Rollout) -> tuple[Array, Array]:
        """How much better each step went than expected, and what to expect.

        Args:
            batch: steps, as `rollout` records them.

        Returns:
            Two arrays of shape (steps,): the generalised advantages, divided by their
            spread after their mean is taken away; and targets for the values.

        Raises:
            ValueError: columns of another shape or dtype, or not finite in float32.
            TypeError: what is no rollout.
        """
        check_steps(self, batch)
        values = self.values(batch.observations)
        A = generalized_advantages(
            batch.rewards * self.reward_scale,
            values,
            self.values(batch.following),
            self.gamma,
            self.lam,
            batch.terminated,
            batch.truncated | batch.cut,
        )
        targets = A + values
        A = (A - A.mean()) / (A.std() + 1e-8)
        return A.astype(np.float32), targets.astype(np.float32)

    def loss(self, batch: Rollout) -> Any:
        """The loss of the policy and of the values, before any update.

        Args:
            batch: steps, as `rollout` records them.

        Returns:
            A tensor, one number.

        Raises:
            ValueError: columns of another shape or dtype, or not finite in float32.
            TypeError: what is no rollout.
        """
        dl: Any = importlib.import_module(self.twin)
        A, targets = self.advantages(batch)
        x = batch.observations * self.scale
        with dl.no_grad():
            old = dl.to_numpy(self._log_density(x, batch.actions))
        return self._loss(x, batch.actions, old, A, targets)

    def update(self, batch: Rollout) -> float:
        """Learns from a rollout: ``epochs`` times, in minibatches.

        Args:
            batch: steps, as `rollout` records them.

        Returns:
            The mean loss.

        Raises:
            ValueError: columns of another shape or dtype, or not finite in float32.
            TypeError: what is no rollout.
            NonFiniteLossError: the loss is NaN or infinite.
        """
        dl: Any = importlib.import_module(self.twin)
        A, targets = self.advantages(batch)
        x, a = batch.observations * self.scale, batch.actions
        old = dl.to_numpy(self._log_density(x, a))
        total, n = 0.0, 0
        for _ in range(self.epochs):
            rows = np.arange(len(x))
            for part, _ in minibatches(
                rows, rows, self.batch_size, seed=self.generator
            ):
                mine = [column[part] for column in (x, a, old, A, targets)]
                total += self._descend(partial(self._loss, *mine), batch)
                n += 1
        return total / n

    def learn(
        self, env: Any, iterations: int, steps: int = 200, copies: int = 16
    ) -> Progress:
        """Acts for some steps, learns from them, and forgets them.

        Episodes go on from one iteration to the next.

        Ctrl-C and SIGTERM end it: ``progress.interrupted`` names the signal, and a
        sentence on stderr says how to go on. Steps from which nothing was learnt yet
        are dropped, and the next call starts new episodes. A second Ctrl-C interrupts
        at once.

        Args:
            env: the id of a Gymnasium environment, an environment, or a vector of them.
                What was made from an id is closed at the end; after an error, any is.
            iterations: how often; call it again for more. Each call starts with new
                episodes.
            steps: how many in each copy each time.
            copies: how many environments to make of an id.

        Returns:
            The agent's `Progress`, since it was made.

        Raises:
            ValueError: an unknown id, an environment that does not fit the agent, or
                one that gives what is not finite or not what its spaces say.
            TypeError: an argument of a wrong type.
            RuntimeError: the environment raised an error.
            NonFiniteLossError: the loss became NaN or infinite.
            ImportError: Gymnasium is missing.
        """
        iterations = check_positive_int(iterations, "iterations", MOST)
        steps = check_positive_int(steps, "steps", MOST)
        copies = check_positive_int(copies, "copies")
        drawn: list[Array] = []

        self.progress.interrupted, done = None, 0
        with (
            Interrupts() as interrupts,
            Walk(env, copies if isinstance(env, str) else 1) as walk,
        ):
            self._check_fit(walk)

            def act(walk: Walk) -> Any:
                if interrupts.came():
                    raise Left
                drawn[:] = [self.explore(walk.observations)]
                return walk.allowed(drawn[0])

            walk.reset(drawn_seed(self.generator))
            while done < iterations and not interrupts.came():
                before = self.generator.bit_generator.state
                try:
                    batch = record(walk, act, steps, None, lambda: drawn[0])
                except Left:
                    self.generator.bit_generator.state = before
                    break
                loss = self.update(batch)
                sigma = float(self.sigma.mean())
                noted(self, batch, walk.finished, loss=loss, sigma=sigma)
                walk.finished = []
                done += 1
        return self._end(interrupts, done, iterations, "iterations")

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {
            "sigma": self._sigma,
            "lam": self.lam,
            "clip": self.clip,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "reward_scale": self.reward_scale,
        }


def check_steps(agent: Any, batch: Any) -> None:
    """Raises unless a rollout is one of an environment that fits the agent."""
    seen, flag = ("f", (agent.inputs,)), ("b", ())
    actions = ("i", ()) if agent.discrete else ("f", (agent.actions,))
    check_columns(
        batch,
        {
            "observations": seen,
            "actions": actions,
            "rewards": ("f", ()),
            "following": seen,
            **dict.fromkeys(("terminated", "truncated", "cut"), flag),
        },
    )
    if agent.discrete and not 0 <= batch.actions.min() <= batch.actions.max() < (
        agent.actions
    ):
        raise ValueError(
            f"batch needs actions in [0, {agent.actions}), got {batch.actions.min()} "
            f"to {batch.actions.max()}"
        )
    for name in ("observations", "rewards", "following"):
        check_fits(getattr(batch, name), f"the batch's {name}")
    if not agent.discrete:
        check_fits(batch.actions, "the batch's actions")


def noted(agent: Agent, batch: Rollout, totals: Any, **numbers: float) -> None:
    """Writes down what an iteration brought."""
    agent.steps += len(batch.rewards)
    agent.progress.steps += [agent.steps] * len(totals)
    agent.progress.returns += totals
    agent.progress.note(agent.steps, **numbers)
