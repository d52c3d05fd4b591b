"""A deep Q network: everything but what is computed with tensors."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from d2lib._checks import (
    check_choice,
    check_columns,
    check_count,
    check_discount,
    check_finite_number,
    check_flag,
    check_numbers,
    check_positive,
    check_positive_int,
    check_rate,
    check_share,
    check_share_schedule,
)
from d2lib._types import Array
from d2lib.reinforcement.environments import VALIDATION, Walk
from d2lib.reinforcement.replay import Batch, ReplayBuffer
from d2lib.reinforcement.rollouts import LONGEST, TOGETHER, drawn_seed, record
from d2lib.schedules import Rate, linear
from d2lib.shared.agents import Agent, Progress, told
from d2lib.training.signals import Interrupts

__all__ = ["QLearner"]

LR = linear(1e-3, steps=40_000, end=2e-5)
EPSILON = linear(1.0, steps=5_000, end=0.05)
MOST_STEPS = 10**8


class QLearner(Agent):
    """What ``DQN`` is in both twins."""

    #: what is computed with tensors: the twins say how
    _targets: Callable[..., Any]
    _loss: Callable[..., Any]
    _Follower: type

    def __init__(
        self,
        inputs: int,
        actions: int,
        hidden: Any = (64, 64),
        activation: str = "relu",
        gamma: float = 0.99,
        lr: Rate = LR,
        epsilon: Rate = EPSILON,
        loss: str = "squared",
        target: str | None = "soft",
        tau: float = 0.02,
        copy_every: int = 500,
        double: bool = True,
        batch_size: int = 64,
        capacity: int = 50_000,
        warmup: int = 1_000,
        scale: Any = 1.0,
        reward_scale: float = 1.0,
        seed: Any = None,
    ) -> None:
        dl: Any = importlib.import_module(self.twin)
        check_numbers(
            capacity=check_positive_int(capacity, "capacity"),
            inputs=check_positive_int(inputs, "inputs"),
        )
        self._begin(inputs, actions, hidden, activation, scale)
        self.gamma = check_discount(gamma)
        self.epsilon = check_share_schedule(epsilon, "epsilon")
        check_choice(loss, ("squared", "huber"), "loss")
        self.kind = loss
        check_choice(target, ("soft", "hard", None), "target")
        self.target_kind = target
        self.tau = check_share(tau, "tau")
        self.copy_every = check_positive_int(copy_every, "copy_every")
        self.double = check_flag(double, "double")
        self.batch_size = check_positive_int(batch_size, "batch_size")
        self.warmup = check_count(warmup, "warmup")
        if capacity < max(self.batch_size, self.warmup):
            raise ValueError(
                f"capacity must be at least batch_size and warmup, got capacity="
                f"{capacity}, batch_size={batch_size} and warmup={warmup}: an agent "
                "that remembers less never learns"
            )
        self.reward_scale = check_positive(reward_scale, "reward_scale")
        (self.q,) = self._networks(seed, [actions])
        self.target, self.chosen = (
            dl.MLP([self.inputs, *self.hidden, actions], activation) for _ in range(2)
        )
        self._keep()
        self.target.load_state(self.q.state())
        self._optimized(self.q.parameters(), lr)
        self._follower = self._Follower(self.target.parameters(), self.q.parameters())
        seed = self.generator.integers(2**63)
        self.replay = ReplayBuffer(capacity, self.inputs, seed)
        self._good = 0

    def forward(self, observations: Any) -> Any:
        """Q(s, a) of every action: (n, inputs) to a tensor (n, actions)."""
        return self._looks(observations, self.q)

    # Acting -------------------------------------------------------------------------

    def act(self, observations: Any, last: bool = False) -> Any:
        """The action of the largest Q, without exploring.

        Args:
            observations: shape (inputs,) or (n, inputs).
            last: whether to ask the last weights, in place of the chosen ones.

        Returns:
            An int, or shape (n,).

        Raises:
            ValueError: another shape, or numbers that are not finite.
            TypeError: what holds no numbers.
        """
        check_flag(last, "last")
        best = self._best(self._seen(observations), self.q if last else self.chosen)
        return best if np.ndim(observations) == 2 else int(best[0])

    def explore(self, observations: Any) -> Array:
        """Actions as they are taken to learn: some at random.

        Args:
            observations: shape (n, inputs).

        Returns:
            Shape (n,).

        Raises:
            ValueError: another shape, or numbers that are not finite.
            TypeError: what holds no numbers.
        """
        return self._explored(self._seen(observations))

    def _explored(self, x: Array) -> Array:
        """The best actions so far, but for some that are drawn."""
        epsilon, n = self.epsilon, len(x)
        if callable(epsilon):
            epsilon = check_rate(epsilon, self.steps, "epsilon")
        drawn = self.generator.random(n) < epsilon
        if drawn.all():
            return self.generator.integers(0, self.actions, n)
        best = self._best(x, self.q)
        if drawn.any():
            return np.where(drawn, self.generator.integers(0, self.actions, n), best)
        return best

    def _best(self, x: Array, network: Any) -> Array:
        dl: Any = importlib.import_module(self.twin)
        best: Array = dl.to_numpy(network(x)).argmax(axis=1)
        return best

    # Learning -----------------------------------------------------------------------

    def targets(self, batch: Batch) -> Any:
        """What Q of the actions in a batch should be.

        Args:
            batch: steps, as `ReplayBuffer.sample` draws them.

        Returns:
            A tensor, shape (batch,), through which no gradient passes.

        Raises:
            ValueError: columns of another shape or dtype.
            TypeError: what is no batch.
        """
        self._check_batch(batch)
        return self._aims(batch)

    def _check_batch(self, batch: Any) -> None:
        seen, one = ("f", (self.inputs,)), ("f", ())
        check_columns(
            batch,
            {
                "observations": seen,
                "actions": ("i", ()),
                "rewards": one,
                "following": seen,
                "terminated": one,
            },
        )
        if batch.actions.min() < 0 or batch.actions.max() >= self.actions:
            raise ValueError(
                f"batch needs actions in [0, {self.actions}), got "
                f"{batch.actions.min()} to {batch.actions.max()}"
            )

    def _aims(self, batch: Batch) -> Any:
        """The targets of a batch that was checked."""
        return self._targets(
            batch.rewards * np.float32(self.reward_scale),
            batch.following * self.scale,
            (1 - batch.terminated) * np.float32(self.gamma),
        )

    def loss(self, batch: Batch) -> Any:
        """How far Q of the actions in a batch is from the `targets`.

        Args:
            batch: steps, as `ReplayBuffer.sample` draws them.

        Returns:
            A tensor, one number.

        Raises:
            ValueError: columns of another shape or dtype.
            TypeError: what is no batch.
        """
        y = self.targets(batch)
        return self._loss(batch.observations * self.scale, batch.actions, y)

    def update(self, batch: Batch) -> float:
        """One step of gradient descent, and one of the target network after Q.

        Args:
            batch: steps, as `ReplayBuffer.sample` draws them.

        Returns:
            The loss before it.

        Raises:
            ValueError: columns of another shape or dtype.
            TypeError: what is no batch.
            NonFiniteLossError: the loss is NaN or infinite; nothing was changed.
        """
        self._check_batch(batch)
        return self._update(batch)

    def _update(self, batch: Batch) -> float:
        """An update by a batch that was checked."""
        y = self._aims(batch)
        x = batch.observations * self.scale
        value = self._descend(lambda: self._loss(x, batch.actions, y), batch)
        if self.target_kind == "soft":
            self._follower.move(self.tau)
        elif self.target_kind is None or not self.optimizer.steps % self.copy_every:
            self._follower.move(1.0)
        return value

    def learn(
        self,
        env: Any,
        steps: int,
        validation: int = 20,
        every: int = 2_000,
        stop: float | None = None,
        patience: int = 2,
        bootstrap: bool = True,
        max_steps: int = LONGEST,
    ) -> Progress:
        """Acts, remembers, and learns from what is remembered, one update a step.

        Ctrl-C and SIGTERM end it after the step that is being taken, and after the
        validation that belongs to it: ``progress.interrupted`` names the signal, and a
        sentence on stderr says how to go on. The next call starts a new episode. A
        second Ctrl-C interrupts at once.

        Args:
            env: the id of a Gymnasium environment, or one. What was made from an id is
                closed at the end; after an error, any is.
            steps: how many to take; call it again for more.
            validation: of how many episodes, which nothing is learnt from, the mean
                total reward decides which weights are the best ones; 0: none, and the
                last weights are taken.
            every: how often to look, in steps. The training episode starts anew then.
            stop: a mean total reward of the validation that is good enough; None: go on
                to the end.
            patience: how often it must be reached in a row.
            bootstrap: whether a truncation is no termination. (False is the mistake.)
            max_steps: how long an episode of the validation may be.

        Returns:
            The agent's `Progress`, since it was made.

        Raises:
            ValueError: an unknown id, an environment that does not fit the agent, or
                one that gives what is not finite or not what its spaces say; a
                validation without an end; a stop without validation.
            TypeError: an argument of a wrong type.
            RuntimeError: the environment raised an error.
            NonFiniteLossError: the loss became NaN or infinite.
            ImportError: Gymnasium is missing.
        """
        until = self.steps + check_positive_int(steps, "steps", MOST_STEPS)
        validation = check_count(validation, "validation")
        every = check_positive_int(every, "every")
        patience = check_positive_int(patience, "patience")
        check_flag(bootstrap, "bootstrap")
        max_steps = check_positive_int(max_steps, "max_steps", MOST_STEPS)
        if stop is not None:
            stop = check_finite_number(stop, "stop")
            if not validation:
                raise ValueError(
                    f"stop={stop:g} is a mean of validation episodes, and validation=0 "
                    "takes none: let validation be 20, or leave stop out"
                )
        self.progress.interrupted = None
        with Interrupts() as interrupts, ExitStack() as stack:
            walk = others = stack.enter_context(Walk(env))
            self._check_fit(walk)
            if walk.copies != 1:
                raise ValueError(
                    f"a DQN learns from one copy of env, got {walk.copies}: pass an id"
                )
            if isinstance(env, str) and validation:  # they go on side by side
                others = stack.enter_context(Walk(env, min(validation, TOGETHER)))
            walk.reset(drawn_seed(self.generator))
            while (
                self.steps < until
                and (stop is None or self._good < patience)
                and not interrupts.came()
            ):
                loss = self._act_and_learn(walk, bootstrap)
                if not self.steps % every:
                    self._measure(others, validation, loss, stop, max_steps)
                    if interrupts.came():
                        break  # the next call draws the seed
                    walk.reset(drawn_seed(self.generator))
            if not (validation and self.progress.validation):  # nothing to choose by
                self._keep()
        return self._end(interrupts, self.steps - until + steps, steps, "steps")

    def _act_and_learn(self, walk: Walk, bootstrap: bool) -> float:
        """Takes a step, remembers it, and makes an update; returns its loss."""
        while True:
            before = walk.observations
            action = self._explored(before * self.scale)
            after, rewards, over, left, real = walk.step(action, None, True)
            if real[0]:  # and not a reset
                break
        self.steps += 1
        end = over[0] or (left[0] and not bootstrap)
        self.replay._put(before[0], action[0], rewards[0], after[0], end)
        if over[0] or left[0]:
            self.progress.steps.append(self.steps)
            self.progress.returns.append(walk.finished[-1])
        if len(self.replay) < max(self.warmup, self.batch_size):
            return math.nan
        return self._update(self.replay.sample(self.batch_size))

    def _measure(
        self,
        walk: Walk,
        validation: int,
        loss: float,
        stop: float | None,
        max_steps: int,
    ) -> None:
        """Looks how good the last weights are, and keeps the best."""
        dl: Any = importlib.import_module(self.twin)
        numbers = {"loss": loss}
        n = min(len(self.replay), 1_000)
        some = self.replay._steps.observations[:n] * self.scale
        numbers["q"] = float(dl.to_numpy(self.q(some)).max(axis=1).mean())
        self.progress.note(self.steps, **numbers)
        if not validation:
            return
        walk.reset(VALIDATION)  # the same episodes each time
        found = record(
            walk,
            lambda w: self.act(w.observations, last=True),
            None,
            validation,
            max_steps=max_steps,
        )
        mean = float(found.totals.mean())
        if mean > max(self.progress.validation, default=-math.inf):
            self._keep()
        self.progress.validation.append(mean)
        self._good = self._good + 1 if stop is not None and mean >= stop else 0

    def _keep(self) -> None:
        """Chooses the weights that Q has now."""
        self.chosen.load_state(self.q.state())

    # Files --------------------------------------------------------------------------

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {
            "epsilon": told(self.epsilon),
            "loss": self.kind,
            "target": self.target_kind,
            "tau": self.tau,
            "copy_every": self.copy_every,
            "double": self.double,
            "batch_size": self.batch_size,
            "capacity": self.replay.capacity,
            "warmup": self.warmup,
            "reward_scale": self.reward_scale,
        }

    def _kept(self) -> dict[str, Any]:
        return super()._kept() | {"good": self._good}

    def _take(self, kept: dict[str, Any]) -> None:
        super()._take(kept)
        self._good = int(kept["good"])

    def _parts(self) -> dict[str, Any]:
        return super()._parts() | {"replay": self.replay}
