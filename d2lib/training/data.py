"""The examples of a training: arrays in memory, or batches from anywhere."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from typing import Any

import numpy as np

from d2lib._checks import (
    as_array,
    check_batch,
    check_finite,
    how_to_convert,
    kind,
    short,
)
from d2lib._types import Array
from d2lib.data import minibatches

__all__ = ["Arrays", "Feed", "Stream", "as_feed", "inputs", "numbers", "several"]

Inputs = tuple[Array, ...]
Batch = tuple[Inputs, Array]


class Feed:
    """What a training draws its batches from.

    Attributes:
        steps: how many batches a pass has, or None where that is not known.
        fingerprint: what tells other data from these; None where nothing does.
        rank: which of several workers learns from the batches, from 0.
        workers: how many these are.
    """

    steps: int | None = None
    fingerprint: Any = None
    rank = 0
    workers = 1

    def shard(self, rank: int, workers: int) -> None:
        """Leaves to this worker its part of every pass to learn from."""
        self.rank, self.workers = rank, workers

    def batches(self, generator: np.random.Generator) -> Iterator[Batch]:
        """Goes through the data once, to learn from them."""
        raise NotImplementedError

    def parts(self, size: int) -> Iterator[Batch]:
        """Goes through the data once, in their order, to measure."""
        raise NotImplementedError


class Arrays(Feed):
    """A pair (x, y) in memory; x may be a tuple of arrays, one for each input."""

    def __init__(self, x: Inputs, y: Array, batch_size: int) -> None:
        self.x, self.y, self.batch_size = x, y, batch_size
        self.steps = -(-len(y) // batch_size)

    def shard(self, rank: int, workers: int) -> None:
        """Leaves to this worker every n-th example of the shuffled order."""
        super().shard(rank, workers)
        if len(self.y) < workers:
            raise ValueError(
                f"data needs an example for each worker, got {len(self.y)} for "
                f"{workers} workers: start fewer"
            )
        whole, rest = divmod(len(self.y), workers * self.batch_size)
        self.steps = whole + (rest >= workers)

    @property
    def fingerprint(self) -> Any:
        """Shapes, and a checksum of about a thousand examples."""
        some = slice(None, None, max(1, len(self.y) // 1_000))
        arrays = [*self.x, self.y]
        sums = [zlib.crc32(np.ascontiguousarray(a[some]).tobytes()) for a in arrays]
        return [
            [list(a.shape), a.dtype.str, s] for a, s in zip(arrays, sums, strict=True)
        ]

    def batches(self, generator: np.random.Generator) -> Iterator[Batch]:
        """Draws the examples in a random order."""
        if len(self.x) == 1 and self.workers == 1:
            (x,) = self.x
            for xb, yb in minibatches(x, self.y, self.batch_size, seed=generator):
                yield (xb,), yb
            return
        order = np.arange(len(self.y))
        together = self.batch_size * self.workers
        for rows, yb in minibatches(order, self.y, together, seed=generator):
            if len(rows) >= self.workers:
                mine = slice(self.rank, None, self.workers)
                yield tuple([x[rows[mine]] for x in self.x]), yb[mine]

    def parts(self, size: int) -> Iterator[Batch]:
        """Slices of the arrays."""
        for start in range(0, len(self.y), size):
            part = slice(start, start + size)
            yield tuple([x[part] for x in self.x]), self.y[part]


class Stream(Feed):
    """Batches (x, y) that somebody else makes, such as of data larger than memory."""

    def __init__(
        self, source: Callable[[], Iterable[Any]], name: str, steps: int | None = None
    ) -> None:
        self.source, self.name, self.steps = source, name, steps

    def shard(self, rank: int, workers: int) -> None:
        """Leaves to this worker every n-th batch."""
        super().shard(rank, workers)
        if self.steps is not None and self.steps % workers:
            raise ValueError(
                f"{self.name} must have as many batches for each worker, got "
                f"{self.steps} for {workers} workers: let their number be a multiple"
            )
        self.steps = None if self.steps is None else self.steps // workers

    def batches(self, generator: np.random.Generator) -> Iterator[Batch]:
        """The batches as they come."""
        return islice(self.parts(0), self.rank, None, self.workers)

    def parts(self, size: int) -> Iterator[Batch]:
        """The batches as they come."""
        found = self.source()
        if not isinstance(found, Iterable):
            raise TypeError(
                f"{self.name} must be a function that returns an iterable of batches "
                f"(x, y), and it returned {short(found)}"
            )
        n = 0
        for n, batch in enumerate(found, start=1):
            yield examples(batch, f"batch {n} of {self.name}")
        if not n:
            raise ValueError(
                f"{self.name} gave no batch: what can be gone through only once, such "
                "as a generator, is empty the second time; pass the function that "
                "makes it"
            )


def as_feed(data: Any, name: str, batch_size: int) -> Feed:
    """Returns a pair of arrays, or batches, as something to draw batches from."""
    if _is_pair(data):
        return Arrays(*examples(data, name), batch_size)
    if isinstance(data, Iterator):
        raise TypeError(
            f"{name} must be something that can be gone through once an epoch, got "
            f"{kind(data)}, which is empty after one: pass the function that makes it, "
            f"{name}=batches instead of {name}=batches()"
        )
    odd = isinstance(data, (str, bytes, Mapping, type)) or hasattr(data, "shape")
    if callable(data) and not odd:
        try:
            inspect.signature(data).bind()
        except TypeError as error:
            raise TypeError(
                f"{name} must be a function without arguments, got {short(data)}: "
                f"{error}"
            ) from error
        except ValueError:  # written in C, it does not say
            pass
        return Stream(data, name)
    if odd or not isinstance(data, Iterable):
        raise TypeError(
            f"{name} must be a pair (x, y), got {kind(data)}: take the columns of a "
            "table; or batches of such pairs, an iterable or a function that makes one"
        )
    steps = len(data) if isinstance(data, Sized) else None
    if steps == 0:
        raise ValueError(f"{name} needs at least one batch, got none")
    return Stream(lambda: data, name, steps)


def _is_pair(data: Any) -> bool:
    return (
        isinstance(data, Sequence)
        and not isinstance(data, (str, bytes))
        and len(data) == 2
    )


def examples(data: Any, name: str) -> Batch:
    """Returns a pair (x, y) as arrays that can be trained with."""
    if not _is_pair(data):
        raise TypeError(f"{name} must be a pair (x, y), got {kind(data)}")
    y = as_array(data[1], f"{name}'s y")
    x = several(data[0], f"{name}'s x")
    if y.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}'s y must hold numbers, got dtype {y.dtype}: number the classes "
            "with names, y = numpy.unique(y, return_inverse=True)"
        )
    if y.ndim < 1 or any(part.ndim < 1 or len(part) != len(y) for part in x):
        shapes = " and ".join(str(part.shape) for part in x)
        raise ValueError(
            f"{name} needs as many targets as examples, got x {shapes} and y {y.shape}"
        )
    for part in x:
        check_batch(part.shape, name, "x")
        check_finite(part, f"{name}'s x")
    check_finite(y, f"{name}'s y")
    return x, y


def several(x: Any, name: str) -> Inputs:
    """Returns one input, or a tuple of several, as a tuple of arrays."""
    if isinstance(x, tuple) and x and all(hasattr(part, "shape") for part in x):
        return tuple([numbers(part, f"{name}[{i}]") for i, part in enumerate(x)])
    return (numbers(x, name),)


def numbers(x: Any, name: str) -> Array:
    """Returns examples, also those of a tensor of either twin, as an array."""
    array = as_array(x, name)
    if array.dtype.kind not in "fiu" or array.ndim < 1:
        raise TypeError(
            f"{name} must hold numbers, got dtype {array.dtype} and shape "
            f"{array.shape}: put the examples along its first axis, and "
            f"{how_to_convert(array, name)}"
        )
    return array


def inputs(twin: Any, x: Inputs) -> list[Any]:
    """Floats become a tensor; tokens go to the model as they are."""
    return [part if part.dtype.kind in "iu" else twin.tensor(part) for part in x]
