"""What all agents share: they see, act, learn from a walk, and are saved as a whole."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from d2lib import checkpoint
from d2lib._checks import (
    TOO_LARGE,
    as_array,
    as_float32,
    as_generator,
    check_choice,
    check_finite,
    check_hidden,
    check_positive_int,
    short,
)
from d2lib._types import Array
from d2lib.reinforcement.environments import Walk
from d2lib.schedules import described
from d2lib.shared.recipes import written
from d2lib.training import NonFiniteLossError
from d2lib.training.signals import Interrupts

__all__ = ["Agent", "Progress"]

ACTIVATIONS = ("relu", "tanh", "sigmoid")
MOST_INPUTS = 2**16
MOST_ACTIONS = 2**10


@dataclass
class Progress:
    """What happened while an agent learnt.

    Attributes:
        steps: the agent's steps at the end of each training episode.
        returns: the total reward of each of them.
        measured: the agent's steps at each of the further measurements.
        validation: the mean total reward of the validation episodes then, if there are
            any.
        numbers: by name, what else was measured then, such as the loss.
        interrupted: the signal that ended the last ``learn``, such as "SIGINT", or
            None.
    """

    steps: list[int] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    measured: list[int] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    numbers: dict[str, list[float]] = field(default_factory=dict)
    interrupted: str | None = None

    @property
    def last(self) -> float:
        """What the last weights reached in the validation episodes."""
        return self.validation[-1] if self.validation else float("nan")

    @property
    def chosen(self) -> float:
        """What the chosen weights reached in them."""
        return max(self.validation, default=float("nan"))

    def note(self, steps: int, **numbers: float) -> None:
        """Adds a measurement."""
        self.measured.append(steps)
        for name, value in numbers.items():
            self.numbers.setdefault(name, []).append(float(value))


class Left(Exception):
    """A signal came while steps were collected, which are dropped."""


class Agent:
    """What `DQN`, `PolicyGradient` and `GaussianPolicy` are in both twins.

    A twin's own class adds its ``Module``, and what is computed with tensors.
    """

    twin: str
    discrete = True
    gamma: float
    _as_tensor: Any
    optimizer: Any
    state: Callable[[], dict[str, Array]]
    load_state: Callable[[Any], None]

    def _begin(
        self, inputs: int, actions: int, hidden: Any, activation: Any, scale: Any
    ) -> None:
        """Takes over what every agent is made of."""
        self.inputs = check_positive_int(inputs, "inputs", MOST_INPUTS)
        self.actions = check_positive_int(actions, "actions", MOST_ACTIONS)
        self.hidden = check_hidden(hidden)
        check_choice(activation, ACTIVATIONS, "activation")
        self.activation = activation
        self.scale = as_scale(scale, self.inputs)
        self.steps = 0
        self.progress = Progress()

    def _optimized(self, parameters: list[Any], lr: Any) -> None:
        """Adds the optimiser."""
        dl: Any = importlib.import_module(self.twin)
        self.optimizer = dl.Adam(parameters, lr)
        self._rate = told(lr)  # as it was given: the optimiser's own changes

    def _networks(self, seed: Any, outputs: list[int]) -> list[Any]:
        """Networks from an observation to so many numbers, drawn one by one."""
        dl: Any = importlib.import_module(self.twin)
        self.generator = as_generator(seed)
        sizes = [self.inputs, *self.hidden]
        return [
            dl.MLP([*sizes, n], self.activation, seed=self.generator) for n in outputs
        ]

    def _looks(self, observations: Any, network: Any) -> Any:
        """What a network says to observations, a tensor or an array of floats."""
        dl: Any = importlib.import_module(self.twin)
        x = self._as_tensor(observations, name="observations")
        if not x.ndim or x.shape[-1] != self.inputs:
            raise ValueError(
                f"observations must have shape ({self.inputs},) or (n, {self.inputs}), "
                f"got {tuple(x.shape)}"
            )
        return network(x * dl.tensor(self.scale, x.dtype))

    # Seeing and acting --------------------------------------------------------------

    def _seen(self, observations: Any) -> Array:
        """Observations as the networks take them: rows of float32, scaled."""
        x = observations
        if not (isinstance(x, np.ndarray) and x.dtype == np.float32):
            x = as_float32(x, "observations")
        if x.ndim not in (1, 2) or x.shape[-1] != self.inputs or not x.size:
            raise ValueError(
                f"observations must have shape ({self.inputs},) or (n, {self.inputs}), "
                f"got {x.shape}"
            )
        check_finite(x, "observations")
        rows: Array = x.reshape(-1, self.inputs) * self.scale
        return rows

    def _check_fit(self, walk: Walk) -> None:
        """Raises ValueError unless the agent fits an environment."""
        what = "whole" if self.discrete else "real"
        if (walk.inputs, walk.actions, walk.discrete) != (
            self.inputs,
            self.actions,
            self.discrete,
        ):
            theirs = "whole" if walk.discrete else "real"
            raise ValueError(
                f"this {type(self).__name__} takes {self.inputs} inputs and gives "
                f"actions of {self.actions} ({what} numbers), and {walk.name} needs "
                f"{walk.inputs} and {walk.actions} ({theirs} numbers): build the agent "
                "with these"
            )

    # Learning -----------------------------------------------------------------------

    def _descend(self, loss: Callable[[], Any], batch: Any = None) -> float:
        """One step of the optimiser down the loss of a batch; its value is returned.

        Raises:
            NonFiniteLossError: the loss is NaN or infinite; nothing was changed.
        """
        dl: Any = importlib.import_module(self.twin)
        self.optimizer.zero_grad()
        with dl.record():
            J = loss()
        value = float(J)
        if not math.isfinite(value):
            for name in ("observations", "rewards", "following"):
                if not np.isfinite(getattr(batch, name, 0.0)).all():
                    raise NonFiniteLossError(
                        f"the loss became {value} after {self.steps} steps, because "
                        f"the batch's {name} are not finite: drop such steps"
                    )
            raise NonFiniteLossError(
                f"the loss became {value} after {self.steps} steps: lower the learning "
                f"rate (now {self.optimizer.lr:g}), or scale the rewards"
            )
        J.backward()
        self.optimizer.step()
        return value

    def _end(
        self, interrupts: Interrupts, done: int, wanted: int, what: str
    ) -> Progress:
        """Returns the progress; of a signal that came it says what it leaves."""
        came = self.progress.interrupted = interrupts.came()
        if came is not None:
            rest = wanted - done
            then = f"agent.learn(env, {rest}) goes on" if rest else "that was the last"
            print(
                f"learn stopped by {came} after {done} of {wanted} {what}; {then}, and "
                "agent.save(path) keeps the agent for another time",
                file=sys.stderr,
            )
        return self.progress

    # Files --------------------------------------------------------------------------

    def _settings(self) -> dict[str, Any]:
        """What an agent must have in common with one whose checkpoint it loads."""
        return {
            "agent": type(self).__name__,
            "inputs": self.inputs,
            "actions": self.actions,
            "hidden": list(self.hidden),
            "activation": self.activation,
            "lr": self._rate,
            "scale": told(self.scale),
            "gamma": self.gamma,
        }

    def _kept(self) -> dict[str, Any]:
        """Numbers that change as it learns, for the checkpoint; see `_take`."""
        return {"steps": self.steps, "progress": asdict(self.progress)}

    def _take(self, kept: dict[str, Any]) -> None:
        """Takes over what `_kept` returned."""
        self.steps = int(kept["steps"])
        self.progress = Progress(**kept["progress"])

    def _parts(self) -> dict[str, Any]:
        """What has a state of its own, beside the weights."""
        return {"optimizer": self.optimizer}

    def save(self, path: str | Path) -> None:
        """Writes all that learning goes on from, whole or not at all.

        That is the weights, the optimiser, what is remembered, how far the agent has
        got, and its random numbers, from which the seeds of further episodes are drawn.

        Raises:
            TypeError, ValueError: a path that is none.
            OSError: the folder is missing or can't be written.
        """
        arrays = {f"model/{name}": a for name, a in self.state().items()}
        for name, part in self._parts().items():
            arrays |= {f"{name}/{key}": a for key, a in part.state().items()}
        arrays["generator"] = checkpoint.generator_state(self.generator)
        told = {"settings": self._settings(), **self._kept(), **written(self)}
        checkpoint.save(path, arrays, told)

    def load(self, path: str | Path) -> None:
        """Reads what an agent of either twin saved, and goes on as it would have.

        The agent must have been built with the same arguments, but for the seed. In the
        same twin, what it learns then is the same bit for bit.

        Raises:
            TypeError, ValueError: a path that is none.
            FileNotFoundError: no such file.
            CheckpointError: not a checkpoint, a damaged one, or another agent's; this
                one stays as it was.
        """
        arrays, meta = checkpoint.load(path)
        theirs = meta.get("settings") if isinstance(meta, dict) else None
        if not isinstance(theirs, dict):
            raise checkpoint.CheckpointError(
                f"{path} holds no agent: save one with agent.save(path)"
            )
        # Once only a schedule was told, and None was a number.
        if theirs.get("schedule") or isinstance(self._rate, str):
            theirs.setdefault("lr", theirs.get("schedule"))
        for name, value in self._settings().items():
            # What older files don't tell can't be compared.
            if (name in theirs or name == "agent") and theirs.get(name) != value:
                raise checkpoint.CheckpointError(
                    f"{path} is a checkpoint of another agent, with {name} "
                    f"{theirs.get(name)!r}, and this one has {value!r}: build it with "
                    "the same arguments"
                )
        before = self.state(), {n: p.state() for n, p in self._parts().items()}
        kept, random = self._kept(), checkpoint.generator_state(self.generator)
        try:
            self.load_state(checkpoint.part(arrays, "model/"))
            for name, part in self._parts().items():
                part.load_state(checkpoint.part(arrays, f"{name}/"))
            checkpoint.set_generator_state(self.generator, arrays["generator"])
            self._take(meta)
        except (TypeError, ValueError, KeyError) as error:
            self.load_state(before[0])
            for name, part in self._parts().items():
                part.load_state(before[1][name])
            checkpoint.set_generator_state(self.generator, random)
            self._take(kept)
            raise checkpoint.CheckpointError(
                f"{path} is a checkpoint of another agent: {error}"
            ) from error


def as_scale(scale: Any, inputs: int) -> Array:
    """What observations are multiplied with: a number, or one for each input."""
    array = as_array(scale, "scale")
    if array.dtype.kind not in "iuf" or array.shape not in ((), (inputs,)):
        raise TypeError(
            f"scale must be a number, or one for each of {inputs} inputs, got "
            f"{short(scale)}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"scale must be finite, got {short(scale)}")
    with np.errstate(over="ignore"):
        cast = array.astype(np.float32)
    if not np.isfinite(cast).all():
        raise ValueError(f"scale, {short(scale)}, is {TOO_LARGE}: make it smaller")
    return cast


def told(value: Any) -> Any:
    """An argument as a checkpoint can tell it, and another agent can compare it."""
    if callable(value):
        return described(value)
    if isinstance(value, np.ndarray):
        numbers = [float(str(x)) for x in np.ravel(value)]  # 0.1, as it was given
        return numbers[0] if len(set(numbers)) == 1 else numbers
    return float(value)
