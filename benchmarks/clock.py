"""Timing on a machine that others use too.

A sample counts only if other processes took less than `ALLOWED` of a core while it was
taken: one busy neighbour doubles the time of a step on two threads.
"""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

ALLOWED = 1 / 8  # of a core, for everybody else
ENOUGH = 9  # clean samples make a median
WARM_UP = 0.05  # seconds


@dataclass(frozen=True)
class Sample:
    """One measurement: the mean time of a step, and what others took meanwhile."""

    ms: float
    others: float  # cores

    @property
    def clean(self) -> bool:
        """Whether others left the machine alone."""
        return self.others <= ALLOWED


def take_sample(
    step: Callable[[], float | None], finish: Callable[[], None], seconds: float
) -> Sample:
    """Runs ``step`` for about that long, after a warm-up, at least once.

    Args:
        step: does the work once; it may return the seconds that count, if these are
            not all that it took.
        finish: waits until all that was begun is done; it is called after every step,
            because a queue of steps would measure how fast they are queued.
        seconds: the length of the sample.
    """
    start = time.perf_counter()
    steps = 0
    while not steps or time.perf_counter() - start < WARM_UP:
        step()
        finish()
        steps += 1
    estimate = (time.perf_counter() - start) / steps
    steps = max(1, round(seconds / estimate))

    busy, own, start = busy_seconds(), own_seconds(), time.perf_counter()
    counted: Any = 0.0
    for _ in range(steps):
        spent = step()
        finish()
        counted = None if spent is None else counted + spent
    wall = time.perf_counter() - start
    others = (busy_seconds() - busy) - (own_seconds() - own)
    total = wall if counted is None else counted
    return Sample(total / steps * 1e3, max(0.0, others / wall))


def busy_seconds() -> float:
    """Processor time that was used or stolen since the start; 0 where unknown."""
    try:
        with open("/proc/stat") as file:
            user, nice, system, _, _, *rest = map(int, file.readline().split()[1:9])
    except OSError:
        return 0.0
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """Processor time of this process, all threads, and of its finished children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@dataclass(frozen=True)
class Summary:
    """What the samples of one peer come to, in milliseconds."""

    median: float
    spread: float  # between the quartiles
    samples: int
    noisy: bool


def summarise(samples: Sequence[Sample], enough: int = ENOUGH) -> Summary:
    """The median of the clean samples and the distance between their quartiles.

    With fewer than ``enough`` clean ones it takes as many of the least disturbed
    instead, and says that the result is noisy.
    """
    if not samples:
        raise ValueError("there is no sample to summarise")
    clean = [s for s in samples if s.clean]
    noisy = len(clean) < enough
    if noisy:
        clean = sorted(samples, key=lambda s: s.others)[:enough]
    times = [s.ms for s in clean]
    spread = 0.0
    if len(times) > 1:
        low, _, high = statistics.quantiles(times, n=4, method="inclusive")
        spread = high - low
    return Summary(statistics.median(times), spread, len(times), noisy)
