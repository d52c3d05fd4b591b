"""A memory of steps, from which an agent learns again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from d2lib._checks import (
    LARGEST,
    TOO_LARGE,
    as_float32,
    as_generator,
    as_state,
    check_finite_number,
    check_flag,
    check_numbers,
    check_positive_int,
    check_state,
    short,
)
from d2lib._types import Array
from d2lib.checkpoint import generator_state, set_generator_state

__all__ = ["Batch", "ReplayBuffer"]


class Batch(NamedTuple):
    """Steps that were drawn from a `ReplayBuffer`.

    Attributes:
        observations: s, shape (batch, inputs), float32.
        actions: a, shape (batch,), int64.
        rewards: r, shape (batch,), float32.
        following: s', what was observed after the step, shape (batch, inputs).
        terminated: whether the step ended the episode, shape (batch,), float32: 0 or 1.
    """

    observations: Array
    actions: Array
    rewards: Array
    following: Array
    terminated: Array


class ReplayBuffer:
    """Keeps the last steps, and draws some of them at random.

    Steps that follow each other are alike, and a network that learns from them in their
    order forgets the others. Drawn at random from a long memory, they are as different
    as the examples of a data set; and each is used more than once.

    Its arrays are made once, for all the steps that it can hold. When it is full, a new
    step takes the place of the oldest.

    Args:
        capacity: how many steps it holds.
        inputs: how many numbers an observation has.
        seed: an int or a ``numpy.random.Generator``.

    Raises:
        ValueError: sizes < 1, or more than fit into memory.
        TypeError: an argument of a wrong type.

    Example:
        >>> memory = ReplayBuffer(capacity=100, inputs=2, seed=0)
        >>> for step in range(3):
        ...     memory.add([step, 0.0], 1, -1.0, [step + 1, 0.0], step == 2)
        >>> len(memory)
        3
        >>> memory.sample(2).observations.shape
        (2, 2)

    Source: Lin, 1992; Mnih et al., 2015.
    """

    def __init__(self, capacity: int, inputs: int, seed: Any = None) -> None:
        self.capacity = check_positive_int(capacity, "capacity")
        self.inputs = check_positive_int(inputs, "inputs")
        check_numbers(capacity=self.capacity, inputs=self.inputs)
        self.generator = as_generator(seed)
        self._steps = Batch(
            np.zeros((self.capacity, self.inputs), np.float32),
            np.zeros(self.capacity, np.int64),
            np.zeros(self.capacity, np.float32),
            np.zeros((self.capacity, self.inputs), np.float32),
            np.zeros(self.capacity, np.float32),
        )
        self._added = 0

    def __len__(self) -> int:
        return min(self._added, self.capacity)

    def add(
        self,
        observation: Any,
        action: int,
        reward: float,
        following: Any,
        terminated: bool,
    ) -> None:
        """Remembers a step.

        Args:
            observation: s, ``inputs`` numbers.
            action: a, a whole number.
            reward: r, a number.
            following: s', what was observed after the step.
            terminated: whether that was the end of the world. A truncation is none: the
                state after it has a value.

        Raises:
            ValueError: numbers that are not finite, or too large for float32 (an
                action: for int64), or not as many as ``inputs``; what was remembered
                stays as it was.
            TypeError: what holds no numbers.
        """
        before = self._observed(observation, "observation")
        after = self._observed(following, "following")
        reward = check_finite_number(reward, "reward")
        if abs(reward) > LARGEST:
            raise ValueError(
                f"reward must be a number of float32, got {reward:g}, which "
                f"is {TOO_LARGE}: scale it"
            )
        flag = check_flag(terminated, "terminated")
        if isinstance(action, bool) or not isinstance(action, int | np.integer):
            raise TypeError(f"action must be a whole number, got {short(action)}")
        if not -(2**63) <= action < 2**63:
            raise ValueError(
                f"action must lie in [-2**63, 2**63), got {short(action)}: number the "
                "actions from 0"
            )
        self._put(before, action, reward, after, flag)

    def _put(
        self, before: Any, action: Any, reward: float, after: Any, flag: bool
    ) -> None:
        """Remembers a step that was checked."""
        i = self._added % self.capacity
        steps = self._steps
        steps.observations[i] = before
        steps.actions[i] = action
        steps.rewards[i] = reward
        steps.following[i] = after
        steps.terminated[i] = flag
        self._added += 1

    def _observed(self, values: Any, name: str) -> Array:
        array = as_float32(values, name)
        if array.shape != (self.inputs,):
            raise ValueError(
                f"{name} must have shape ({self.inputs},), got {array.shape}: make one "
                "row of it, numpy.ravel(observation)"
            )
        return array

    def sample(self, batch_size: int) -> Batch:
        """Draws steps, each as likely as any other, whether drawn before or not.

        Args:
            batch_size: how many.

        Returns:
            A `Batch`, copied out of the memory.

        Raises:
            ValueError: more steps than it holds.
            TypeError: a batch_size that is no whole number.
        """
        n, batch_size = len(self), check_positive_int(batch_size, "batch_size")
        if batch_size > n:
            raise ValueError(
                f"the buffer holds {n} steps, got batch_size={batch_size}: add more "
                "before you draw, or draw fewer"
            )
        rows = self.generator.integers(0, n, batch_size)
        return Batch(*[column[rows] for column in self._steps])

    def state(self) -> dict[str, Array]:
        """Returns a copy of all that it holds, and of how it will draw."""
        arrays = {name: column.copy() for name, column in self._steps._asdict().items()}
        arrays["added"] = np.asarray(self._added)
        arrays["generator"] = generator_state(self.generator)
        return arrays

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what ``state`` returned.

        Raises:
            TypeError: no mapping, or values that are not numbers.
            ValueError: names, shapes or numbers that do not fit; nothing is changed.
        """
        given = as_state(state)
        shapes = {name: values.shape for name, values in self.state().items()}
        shapes["generator"] = given.get("generator", np.zeros(0)).shape
        check_state(given, shapes, type(self).__name__)
        added = check_positive_int(int(given["added"]) + 1, "the state's added") - 1
        columns = {name: given[name] for name in Batch._fields}
        for name, values in columns.items():
            columns[name] = values = as_float32(values, f"the state's {name}")
            if name == "actions":
                columns[name] = given[name].astype(np.int64)
                if (columns[name] != given[name]).any():
                    raise ValueError(
                        "the state's actions must be whole numbers, got "
                        f"{short(given[name])}: is it of a ReplayBuffer?"
                    )
        set_generator_state(self.generator, given["generator"])
        for name, column in self._steps._asdict().items():
            column[...] = columns[name]
        self._added = added
