"""One training in several processes, by MXNet's parameter servers.

Each worker computes the gradient of its own examples. The servers add up what the
workers push, and all pull the sum; then every worker takes the same step by itself, so
that the weights are the same everywhere. The servers know nothing of optimisers.

With ``dist_async`` nobody waits: a worker takes a step by itself, pushes how far each
weight moved, and pulls the weights that the steps of all have led to.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from d2lib.mx import _beats
from d2lib.mx._compat import mx
from d2lib.mx._process import computing
from d2lib.mx.tensor import Learnable, classic, renew

__all__ = ["Servers", "check_environment", "check_scheduler"]

NEEDED = (
    *("DMLC_ROLE", "DMLC_PS_ROOT_URI", "DMLC_PS_ROOT_PORT"),
    *("DMLC_NUM_WORKER", "DMLC_NUM_SERVER"),
)
PATIENCE = 60.0  # seconds: the scheduler imports MXNet first, as the workers do
JOINING = 300.0  # seconds that all have to find each other

_store: Any = None  # MXNet has one connection per process
_used = 0  # keys of this store


class Servers:
    """A worker's side of a training in several processes.

    Args:
        kind: "dist_sync" or "dist_async".
        model: of `d2lib.mx`.

    Attributes:
        rank: which worker this is, from 0.
        workers: how many there are.
        asked: the signal by which a worker was asked to stop, or None.

    Raises:
        RuntimeError: the process is none that a launcher has started as a worker, or it
            has trained with the other kind.
        ConnectionError: nobody listens at the scheduler's address.
    """

    def __init__(self, kind: str, model: Any) -> None:
        check_environment(kind, os.environ)
        with _beats.waiting():
            self._kv = _connected(kind)
        _beats.joined()
        self.sync = kind == "dist_sync"
        self.workers = self._kv.num_workers
        self.rank = int(os.environ.get("DMLC_RANK", self._kv.rank))
        self.asked: str | None = None
        self._model = model
        self._learnables = [Learnable(p) for p in model.parameters()]
        self._share = 1.0
        self._reached = 0  # tells which parameters the last backward has reached

    # Before the first step -----------------------------------------------------------

    def begin(self, facts: Mapping[str, float]) -> None:
        """Looks whether all workers do the same, and takes over worker 0's weights.

        Args:
            facts: numbers by name, which must be the same on all workers.

        Raises:
            ValueError: they are not.
        """
        computing()
        facts = {**facts, "number of weights": self._model.num_parameters()}
        self._ready(len(facts))
        rows = self._gather(list(facts.values()))
        for i, name in enumerate(facts):
            for rank, row in enumerate(rows):
                if row[i] != rows[0][i]:
                    raise ValueError(
                        f"all workers must have the same {name}, got {rows[0][i]:g} on "
                        f"worker 0 and {row[i]:g} on worker {rank}: give all the same "
                        "program, data and checkpoint"
                    )
        arrays = [p.classic for p in self._learnables]
        self._weights = self._keys([mx.nd.zeros_like(a) for a in arrays])
        self._gradients = self._keys(arrays) if self.sync else []
        buffers = [classic(b) for b in _buffers(self._model)]
        self._statistics = self._keys([mx.nd.zeros_like(b) for b in buffers])
        mine = 0.0 if self.rank else 1.0 if self.sync else -1.0
        for keys, into in ((self._weights, arrays), (self._statistics, buffers)):
            if keys:
                with _beats.waiting():
                    self._kv.push(keys, [a * mine for a in into])
                    self._wait()
                    self._kv.pull(keys, out=into)
                    mx.nd.waitall()
        self._changed()
        self._ready(5)  # what `meet` exchanges

    # Each step -----------------------------------------------------------------------

    def meet(
        self, loss: float, examples: int, asked: str | None, ended: bool = False
    ) -> tuple[float, int]:
        """Tells the others about a batch, before its gradient is used.

        Args:
            loss: of this worker's batch.
            examples: how many there are in it.
            asked: the name of a signal that came here, or None.
            ended: whether there is no batch any more in this epoch.

        Returns:
            The mean loss over the batches of all workers, and their examples.

        Raises:
            ValueError: some have a batch and others have none; or a model that chose
                by its batch which parameters to use.
        """
        number = signal.Signals[asked].value if asked else 0
        if not self.sync:
            self.asked = asked
            return loss, examples
        rows = self._gather([loss * examples, examples, number, ended, self._reached])
        for rank, row in enumerate(rows):
            if row[4] != rows[0][4]:
                raise ValueError(
                    "the same parameters must have a gradient on all workers, and in "
                    f"the last step worker {rank} had others than worker 0: let the "
                    "model use all of its parameters for every batch"
                )
        asking = int(max(row[2] for row in rows))
        self.asked = signal.Signals(asking).name if asking else None
        done = [str(rank) for rank, row in enumerate(rows) if row[3]]
        if 0 < len(done) < self.workers:
            raise ValueError(
                "all workers need as many batches of data in an epoch, and worker "
                f"{', '.join(done)} of {self.workers} has no more while others have: "
                "let the number of batches be a multiple of the number of workers"
            )
        total = sum(row[1] for row in rows)
        self._share = examples / total if total else 0.0
        return sum(row[0] for row in rows) / max(total, 1), int(total)

    def add_gradients(self) -> None:
        """Makes every gradient that of the mean loss over the batches of all."""
        if not self.sync:
            self._before = [p.classic.copy() for p in self._learnables]
            return
        for p in self._learnables:
            p.refresh()
        reached = [i for i, p in enumerate(self._learnables, start=1) if p.ready]
        self._reached = sum(i**3 for i in reached)
        learn = [
            (key, p.classic_gradient)
            for key, p in zip(self._gradients, self._learnables, strict=True)
            if p.classic_gradient is not None
        ]
        keys, gradients = [key for key, _ in learn], [g for _, g in learn]
        for g in gradients:
            g *= self._share
        if keys:
            self._kv.push(keys, gradients)
            self._kv.pull(keys, out=gradients)

    def stepped(self) -> None:
        """After a step of the optimiser: adds it to those of the others, if alone."""
        if self.sync:
            return
        weights = [p.classic for p in self._learnables]
        pairs = zip(self._before, weights, strict=True)
        self._kv.push(self._weights, [old - new for old, new in pairs])
        self._kv.pull(self._weights, out=weights)
        self._changed()

    # Between epochs ------------------------------------------------------------------

    def average_buffers(self) -> None:
        """Gives all workers the mean of their running statistics."""
        arrays = [classic(b) for b in _buffers(self._model)]
        if self.sync and arrays:
            self._kv.push(self._statistics, [a / self.workers for a in arrays])
            self._kv.pull(self._statistics, out=arrays)

    def any(self, flag: bool) -> bool:
        """Whether this holds on any worker."""
        return any(row[0] for row in self._gather([flag])) if self.sync else flag

    def leave(self) -> None:
        """Waits for the others, since who goes first may take a server along."""
        mx.nd.waitall()
        with _beats.waiting():
            self._kv._barrier()
            if not self.sync:
                self._kv.pull(self._weights, out=[p.classic for p in self._learnables])
                self._changed()
                mx.nd.waitall()
                self._kv._barrier()

    # How -----------------------------------------------------------------------------

    def _keys(self, arrays: list[Any]) -> list[str]:
        """Makes places on the servers for arrays like these."""
        global _used
        keys = [str(_used + i) for i in range(len(arrays))]
        _used += len(arrays)
        if keys:
            with _beats.waiting():
                self._kv.init(keys, arrays)
        return keys

    def _ready(self, columns: int) -> None:
        """Makes a place for a row of numbers from each worker."""
        self._columns = columns
        self._table = self._keys(
            [mx.nd.zeros((self.workers, columns), dtype="float64")]
        )

    def _gather(self, numbers: Sequence[float]) -> list[list[float]]:
        """Returns what each worker has given, by rank."""
        table = numpy.zeros((self.workers, self._columns), "float64")
        table[self.rank, : len(numbers)] = numbers
        if not self.sync:
            table = -table
        rows = mx.nd.array(table, dtype="float64")
        mx.nd.waitall()  # for what this worker computes itself
        with _beats.waiting():
            self._kv.push(self._table, [rows])
            self._wait()
            self._kv.pull(self._table, out=[rows])
            total: list[list[float]] = rows.asnumpy().tolist()
            return total

    def _wait(self) -> None:
        """Waits until all have pushed, which a pull does by itself in step."""
        if not self.sync:
            mx.nd.waitall()
            self._kv._barrier()

    def _changed(self) -> None:
        """Says that the parameters have new values."""
        if learn := [p for p in self._learnables if p.classic_gradient is not None]:
            renew(learn)


def _buffers(model: Any) -> list[Any]:
    """A model's running statistics."""
    from d2lib.mx.module import _is_buffer, _values

    return [_values(part) for _, part in model._named_arrays() if _is_buffer(part)]


def check_environment(kind: str, environ: Mapping[str, str]) -> None:
    """Raises RuntimeError unless a launcher has started this process as a worker.

    Example:
        >>> environ = {name: "1" for name in NEEDED} | {"DMLC_ROLE": "worker"}
        >>> check_environment("dist_sync", environ)
    """
    missing = [name for name in NEEDED if not environ.get(name)]
    if missing or environ["DMLC_ROLE"] != "worker":
        why = (
            f"{', '.join(missing)} must be set"
            if missing
            else f"DMLC_ROLE is {environ['DMLC_ROLE']!r}"
        )
        raise RuntimeError(
            f"kvstore={kind!r} needs the environment of a launcher's worker, and {why}:"
            " start the program with python -m d2lib.mx.launch -n 2 program.py"
        )


def check_scheduler(host: str, port: str) -> None:
    """Raises ConnectionError if nobody listens there before patience ends.

    MXNet itself would wait for ever.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=PATIENCE):
                return
        except OSError as error:
            if time.monotonic() >= end:
                raise ConnectionError(
                    f"the scheduler at {host}:{port} can't be reached ({error}): it "
                    "must be running before the workers, at an address that this "
                    "machine can reach (DMLC_PS_ROOT_URI, DMLC_PS_ROOT_PORT)"
                ) from error
        time.sleep(0.1)


def _connected(kind: str) -> Any:
    """This process's connection to the servers."""
    global _store
    if _store is None:
        check_scheduler(os.environ["DMLC_PS_ROOT_URI"], os.environ["DMLC_PS_ROOT_PORT"])
        from mxnet.base import _LIB

        late = threading.Timer(JOINING, _give_up)
        late.daemon = True
        late.start()
        _store = mx.kv.create(kind)  # returns when all have come
        late.cancel()
        # Who fails must end, not wait for the others, who wait for him.
        _LIB.MXKVStoreSetBarrierBeforeExit(_store.handle, 0)
        if kind == "dist_async":
            if _store.rank == 0:  # the servers subtract what is pushed
                _store.set_optimizer(mx.optimizer.SGD(learning_rate=1.0))
            _store._barrier()
    if _store.type != kind:
        raise RuntimeError(
            f"kvstore must be {_store.type!r} again, as in this program's first "
            f"training, got {kind!r}: servers do the one or the other"
        )
    return _store


def _give_up() -> None:
    """Ends a worker that MXNet would let wait for ever."""
    print(
        f"kvstore: {os.environ['DMLC_NUM_WORKER']} workers and "
        f"{os.environ['DMLC_NUM_SERVER']} servers have not found each other in "
        f"{JOINING:g} s: each must be running, and reach the others at their addresses",
        file=sys.stderr,
        flush=True,
    )
    os._exit(1)
