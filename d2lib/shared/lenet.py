"""LeNet, which read handwriting on cheques, composed of the layers of either twin."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from d2lib._checks import (
    as_generator,
    check_flag,
    check_numbers,
    check_positive_int,
    check_stages,
)

__all__ = ["Reader"]


class Reader:
    """What ``LeNet`` is in both twins, a `Sequential` of the layers of either."""

    twin: str

    def __init__(
        self,
        classes: int = 10,
        channels: int = 1,
        filters: Sequence[int] = (6, 16),
        batch_norm: bool = False,
        seed: Any = None,
    ) -> None:
        dl = importlib.import_module(self.twin)
        self.classes = check_positive_int(classes, "classes")
        self.channels = check_positive_int(channels, "channels")
        check_numbers(classes=self.classes)
        check_numbers(channels=self.channels)
        self.filters = check_stages(filters)
        self.batch_norm = check_flag(batch_norm, "batch_norm")
        generator = as_generator(seed)
        first, second = self.filters
        super().__init__(  # type: ignore[call-arg]  # of the twin's Sequential
            *self._stage(dl, self.channels, first, 2, generator),
            *self._stage(dl, first, second, 0, generator),
            # Of an image of 28 x 28 there are 5 x 5 cells left, and this is a dense
            # layer. Over a larger one it slides, and the mean of its answers is taken.
            dl.Conv2D(second, 120, 5, activation="relu", seed=generator),
            dl.GlobalAvgPool2D(),
            dl.Dense(120, 84, "relu", seed=generator),
            dl.Dense(84, self.classes, seed=generator),
        )

    def _stage(
        self, dl: Any, channels: int, filters: int, padding: int, generator: Any
    ) -> list[Any]:
        """Filters of 5 x 5, and of each 2 x 2 of their answers the largest."""
        if not self.batch_norm:
            look = [
                dl.Conv2D(
                    channels,
                    filters,
                    5,
                    padding=padding,
                    activation="relu",
                    seed=generator,
                )
            ]
        else:  # which has a shift of its own
            look = [
                dl.Conv2D(
                    channels,
                    filters,
                    5,
                    padding=padding,
                    initializer="he",
                    bias=False,
                    seed=generator,
                ),
                dl.BatchNorm(filters, "relu"),
            ]
        return [*look, dl.MaxPool2D(2)]
