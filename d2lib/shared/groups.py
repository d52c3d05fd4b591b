"""Groups of parameters that an optimiser moves at different rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from d2lib._checks import check_non_negative, check_parameters, check_schedule, short
from d2lib._types import Array
from d2lib.schedules import Rate, described, learning_rate, loaded_rate

__all__ = ["Group", "Grouped", "Paced"]


class Paced:
    """What has a learning rate: an optimiser, or one of its groups."""

    steps = 0
    schedule: Callable[[int], float] | None = None
    _lr: float

    @property
    def lr(self) -> float:
        """The learning rate of the next step; set it to a number or to a schedule."""
        return self._lr

    @lr.setter
    def lr(self, value: Rate) -> None:
        if callable(value):
            check_schedule(value)
        self._lr = learning_rate(value, self.steps)
        self.schedule = value if callable(value) else None

    def _renew_rate(self) -> None:
        """Takes the rate of the next step from the schedule, if there is one."""
        if self.schedule is not None:
            self._lr = learning_rate(self.schedule, self.steps)

    def _rate(self) -> dict[str, Array]:
        """The rate and whether there is a schedule, for a checkpoint."""
        scheduled = int(self.schedule is not None)
        return {"lr": np.asarray(self._lr), "scheduled": np.asarray(scheduled)}


class Group(Paced):
    """Parameters of an optimiser with a rate, or a decay, of their own.

    Attributes:
        parameters: which the group moves.
        members: their places among the optimiser's.
        weight_decay: their own, or None for the optimiser's.
        paced: whether they have a learning rate ``lr`` of their own.
    """

    def __init__(
        self,
        parameters: list[Any],
        first: int,
        lr: Rate | None = None,
        weight_decay: float | None = None,
    ) -> None:
        self.parameters = parameters
        self.members = range(first, first + len(parameters))
        self.weight_decay = weight_decay
        self.paced = lr is not None
        if lr is not None:
            self.lr = lr


class Grouped(Paced):
    """What the optimisers of both twins know of groups.

    Attributes:
        groups: empty for parameters that were given without.
    """

    parameters: list[Any]
    groups: list[Group]
    _decay = ""  # the attribute with the weight decay, where there is one

    def _take(self, given: Any, lr: Rate, is_leaf: Callable[[Any], bool]) -> None:
        """Takes over the parameters, or the groups, that an optimiser was given."""
        self.groups = []
        if isinstance(given, Mapping):
            given = [given]
        if not (isinstance(given, (list, tuple)) and _has_groups(given)):
            self.parameters = check_parameters(given, is_leaf)
            self.lr = lr
            return
        takes = ["params", "lr", *(["weight_decay"] if self._decay else [])]
        self.parameters = []
        for i, settings in enumerate(given):
            if not isinstance(settings, Mapping):
                raise TypeError(
                    "an optimiser takes parameters or groups of them, not both, got "
                    f'{short(settings)} beside groups: put it into one, {{"params": '
                    "[...]}"
                )
            odd = [name for name in settings if name not in takes]
            if odd or "params" not in settings:
                raise ValueError(
                    f"a group of {type(self).__name__} has {', '.join(takes)}, got "
                    f"{', '.join(map(str, settings)) or 'nothing'}: pass "
                    '{"params": model.parameters(), "lr": 0.1}'
                )
            own = check_parameters(settings["params"], is_leaf)
            decay = settings.get("weight_decay")
            if decay is not None:
                decay = check_non_negative(decay, f"the weight_decay of group {i}")
            group = Group(own, len(self.parameters), settings.get("lr"), decay)
            self.groups.append(group)
            self.parameters += own
        _check_apart(self.groups)
        self.lr = lr

    def _paces(self) -> list[Paced]:
        """Whatever has a learning rate here: this, and groups with their own."""
        return [self, *(group for group in self.groups if group.paced)]

    def _advance(self) -> None:
        """Counts a step, in the groups too."""
        self.steps += 1
        for group in self.groups:
            group.steps = self.steps

    def _renew_rates(self) -> None:
        """Takes the rates of the next step from the schedules."""
        for pace in self._paces():
            pace._renew_rate()

    @contextmanager
    def _as(self, group: Group) -> Iterator[None]:
        """Lets a group's rate and decay be the optimiser's while it is moved."""
        own = vars(self)
        before = {name: own[name] for name in ("_lr", self._decay) if name}
        if group.paced:
            self._lr = group.lr
        if group.weight_decay is not None:
            own[self._decay] = group.weight_decay
        try:
            yield
        finally:
            own.update(before)

    def _rates(self) -> dict[str, Array]:
        """The rates of all, for a checkpoint."""
        rates = {"steps": np.asarray(self.steps), **self._rate()}
        for i, group in enumerate(self.groups):
            if group.paced:
                rates |= {f"group{i}.{k}": v for k, v in group._rate().items()}
        return rates

    def _load_rates(self, given: Mapping[str, Array]) -> None:
        """Takes over what `_rates` returned; if it can't be, nothing is changed."""
        lr = loaded_rate(given, self.schedule)
        own = {
            i: loaded_rate(
                {k: given[f"group{i}.{k}"] for k in ("lr", "scheduled")}, group.schedule
            )
            for i, group in enumerate(self.groups)
            if group.paced
        }
        self.steps = int(given["steps"])
        self.lr = lr
        for i, group in enumerate(self.groups):
            group.steps = self.steps
            if group.paced:
                group.lr = own[i]

    def _described(self) -> list[dict[str, Any]]:
        """The groups in words and numbers, so that a resumed training can compare."""
        return [
            {
                "parameters": len(group.parameters),
                "lr": group.lr if group.paced else None,
                "schedule": described(group.schedule),
                "weight_decay": group.weight_decay,
            }
            for group in self.groups
        ]


def _has_groups(given: Any) -> bool:
    return any(isinstance(part, Mapping) for part in given)


def _check_apart(groups: list[Group]) -> None:
    """Raises ValueError if two groups share a parameter."""
    seen: dict[int, int] = {}
    for i, group in enumerate(groups):
        for parameter in group.parameters:
            first = seen.setdefault(id(parameter), i)
            if first != i:
                raise ValueError(
                    "each parameter must be in one group, or a step moves it twice, "
                    f"got one of shape {tuple(parameter.shape)} in groups {first} and "
                    f"{i}: leave it out of one of them"
                )
