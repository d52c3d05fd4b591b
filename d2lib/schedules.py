"""Learning-rate schedules: the learning rate as a function of the steps taken so far.

An optimiser of either twin takes one as its ``lr``. Any function of a step, counted
from 0, will do; those here can be copied and pickled, say in their names what they do,
and begin with a warm-up if asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from d2lib._checks import (
    check_count,
    check_non_negative,
    check_positive,
    check_positive_int,
)

__all__ = [
    "Rate",
    "Schedule",
    "cosine",
    "exponential",
    "linear",
    "step_decay",
    "warmup",
]

#: The functions that make schedules.
NAMES = ("cosine", "exponential", "linear", "step_decay", "warmup")

#: What an optimiser takes as its learning rate: a number, or a function of a step.
Rate: TypeAlias = float | Callable[[int], float]


@dataclass(frozen=True, repr=False)
class Schedule:
    """What the functions of this module return: call it with a step, counted from 0.

    Attributes:
        rule: computes the learning rate from the steps since the warm-up, the schedule
            itself, and the settings.
        lr: the learning rate to start with, or to warm up to.
        settings: the rule's other arguments, by name.
        warmup: how many steps the warm-up takes.
    """

    rule: Callable[..., float]
    lr: float
    settings: Mapping[str, float]
    warmup: int = 0

    def __call__(self, step: int) -> float:
        """Returns the learning rate of a step.

        Raises:
            ValueError, TypeError: a step that is no whole number >= 0.
        """
        step = check_count(step, "step")
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        return self.rule(step - self.warmup, self, **self.settings)

    @property
    def name(self) -> str:
        """That of the function which made it."""
        return self.rule.__name__.lstrip("_")

    @property
    def arguments(self) -> dict[str, float]:
        """Those of that function, by name."""
        given = {"lr": self.lr, **self.settings}
        return given if self.rule is _warmup else {**given, "warmup": self.warmup}

    def __repr__(self) -> str:
        lr, *others = self.arguments.items()
        words = [f"{name}={value!r}" for name, value in others]
        return f"{self.name}({lr[1]!r}, {', '.join(words)})"


def warmup(lr: float, steps: int) -> Schedule:
    r"""Rises to the learning rate in equal steps, and stays there.

    .. math:: \eta_t = \eta\, \min\Big(1, \frac{t+1}{w}\Big)

    At its random start a network's gradients are large and change from step to step;
    small steps get it to a place where full ones are safe. The other schedules take a
    ``warmup`` too.

    Args:
        lr: :math:`\eta` > 0.
        steps: w, the steps until then, at least 1.

    Returns:
        A function of the step t = 0, 1, ..., for the ``lr`` of an optimiser.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument that is no number.

    Example:
        >>> lr = warmup(0.4, steps=4)
        >>> [round(lr(step), 3) for step in range(6)]
        [0.1, 0.2, 0.3, 0.4, 0.4, 0.4]

    Source: Goyal et al., 2017.
    """
    steps = check_positive_int(steps, "steps")
    return _schedule(_warmup, lr, steps, steps=steps)


def step_decay(lr: float, every: int, factor: float = 0.1, warmup: int = 0) -> Schedule:
    r"""Multiplies the learning rate by a factor every so many steps.

    .. math:: \eta_t = \eta\, \gamma^{\lfloor (t - w) / k \rfloor}

    Large steps find the valley, small ones its ground.

    Args:
        lr: :math:`\eta` > 0.
        every: k, after how many steps, at least 1.
        factor: :math:`\gamma` > 0.
        warmup: w, the steps of a `warmup` before.

    Returns:
        A function of the step t = 0, 1, ..., for the ``lr`` of an optimiser.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument that is no number.

    Example:
        >>> lr = step_decay(1.0, every=2, factor=0.5)
        >>> [lr(step) for step in range(6)]
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]

    Source: Szegedy et al., 2015; He et al., 2016.
    """
    every, factor = check_positive_int(every, "every"), check_positive(factor, "factor")
    return _schedule(_step_decay, lr, warmup, every=every, factor=factor)


def exponential(lr: float, factor: float, warmup: int = 0) -> Schedule:
    r"""Multiplies the learning rate by a factor after every step.

    .. math:: \eta_t = \eta\, \gamma^{t - w}

    Args:
        lr: :math:`\eta` > 0.
        factor: :math:`\gamma` > 0; to halve the rate in n steps, :math:`0.5^{1/n}`.
        warmup: w, the steps of a `warmup` before.

    Returns:
        A function of the step t = 0, 1, ..., for the ``lr`` of an optimiser.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument that is no number.

    Example:
        >>> lr = exponential(1.0, factor=0.5)
        >>> [lr(step) for step in range(4)]
        [1.0, 0.5, 0.25, 0.125]

    Source: Senior, Heigold, Ranzato & Yang, 2013.
    """
    return _schedule(_exponential, lr, warmup, factor=check_positive(factor, "factor"))


def cosine(lr: float, steps: int, warmup: int = 0, end: float = 0.0) -> Schedule:
    r"""Falls slowly, then fast, then slowly again, as half a wave of a cosine does.

    .. math:: \eta_t = \eta_\text{end} + \frac{\eta - \eta_\text{end}}{2}
              \Big(1 + \cos\frac{\pi\,(t - w)}{T - w}\Big)

    From step T on it is :math:`\eta_\text{end}`. It needs no more than the length of
    the training, and is what large models are mostly trained with.

    Args:
        lr: :math:`\eta` > 0.
        steps: T, all steps of the training: epochs times batches.
        warmup: w < T, the steps of a `warmup` before.
        end: :math:`\eta_\text{end}` >= 0.

    Returns:
        A function of the step t = 0, 1, ..., for the ``lr`` of an optimiser.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument that is no number.

    Example:
        >>> lr = cosine(1.0, steps=6, warmup=2)
        >>> [round(lr(step), 3) for step in range(7)]
        [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]

    Source: Loshchilov & Hutter, 2017; the warm-up: Goyal et al., 2017.
    """
    steps, warmup = check_positive_int(steps, "steps"), check_count(warmup, "warmup")
    if warmup >= steps:
        raise ValueError(
            f"warmup must be shorter than the training, got {warmup} of {steps} steps"
        )
    end = check_non_negative(end, "end")
    return _schedule(_cosine, lr, warmup, steps=steps, end=end)


def linear(lr: float, steps: int, warmup: int = 0, end: float = 0.0) -> Schedule:
    r"""Falls by the same amount in every step.

    .. math:: \eta_t = \eta_\text{end} + (\eta - \eta_\text{end})
              \Big(1 - \frac{t - w}{T - w}\Big)

    From step T on it is :math:`\eta_\text{end}`. Agents use it for the share of actions
    that they take at random, too.

    Args:
        lr: :math:`\eta` > 0.
        steps: T, all steps until the end is reached.
        warmup: w < T, the steps of a `warmup` before.
        end: :math:`\eta_\text{end}` >= 0.

    Returns:
        A function of the step t = 0, 1, ..., for the ``lr`` of an optimiser.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an argument that is no number.

    Example:
        >>> lr = linear(1.0, steps=4, end=0.2)
        >>> [round(lr(step), 3) for step in range(6)]
        [1.0, 0.8, 0.6, 0.4, 0.2, 0.2]

    Source: Mnih et al., 2015 (for exploring).
    """
    steps, warmup = check_positive_int(steps, "steps"), check_count(warmup, "warmup")
    if warmup >= steps:
        raise ValueError(
            f"warmup must be shorter than the training, got {warmup} of {steps} steps"
        )
    end = check_non_negative(end, "end")
    return _schedule(_linear, lr, warmup, steps=steps, end=end)


def learning_rate(lr: Any, step: int) -> float:
    """Returns a learning rate, or that of a schedule at a step.

    Raises:
        ValueError: a number that is not > 0, or a schedule's that is not >= 0.
        TypeError: neither a number nor a function of the step.
    """
    if not callable(lr):
        return check_positive(lr, "lr")
    return check_non_negative(lr(step), f"the schedule's learning rate at step {step}")


def loaded_rate(state: Mapping[str, Any], schedule: Any) -> Any:
    """The ``lr`` with which an optimiser goes on from a state: a number or a schedule.

    Raises:
        ValueError: no learning rate, or there was a schedule and now there is none.
    """
    if not state["scheduled"]:
        return check_positive(float(state["lr"]), "lr")
    if schedule is None:
        raise ValueError(
            "the state is of an optimiser with a schedule, and this one has none: make "
            "it with the same schedule as its lr"
        )
    return schedule


def described(schedule: Any) -> str | None:
    """What a schedule is called, so that a resumed training can compare it."""
    if schedule is None or isinstance(schedule, Schedule):
        return None if schedule is None else repr(schedule)
    return getattr(schedule, "__qualname__", type(schedule).__qualname__)


def _schedule(
    rule: Callable[..., float], lr: float, warmup: int, **settings: float
) -> Schedule:
    warmup = check_count(warmup, "warmup")
    return Schedule(rule, check_positive(lr, "lr"), settings, warmup)


def _warmup(t: int, of: Schedule, steps: int) -> float:
    return of.lr


def _step_decay(t: int, of: Schedule, every: int, factor: float) -> float:
    return of.lr * _power(factor, t // every)


def _exponential(t: int, of: Schedule, factor: float) -> float:
    return of.lr * _power(factor, t)


def _power(factor: float, n: int) -> float:
    try:
        return factor**n
    except OverflowError:  # which an optimiser refuses, by its name
        return math.inf


def _cosine(t: int, of: Schedule, steps: int, end: float) -> float:
    way = min(t / (steps - of.warmup), 1.0)
    return end + (of.lr - end) / 2 * (1 + math.cos(math.pi * way))


def _linear(t: int, of: Schedule, steps: int, end: float) -> float:
    return of.lr + (end - of.lr) * min(t / (steps - of.warmup), 1.0)
