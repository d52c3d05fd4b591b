"""Lets the peers take turns at a work, and checks first that they compute the same."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clock import ENOUGH, Sample, summarise
from benchmarks.works import LIMITS, WORKS, Data

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(sys.executable)  # the environment of the book
BENCH = ROOT / ".venv-bench" / "bin" / "python"

#: Each peer's file in `peers/`, and the Python of its environment. The first that is
#: there computes what the others must agree with.
PEERS = {
    "torch": ("torch", BENCH),
    "torch, foreach=False": ("torch_loop", BENCH),
    "torch, foreach=True": ("torch_foreach", BENCH),
    "d2lib": ("d2lib", HERE),
    "scratch": ("scratch", HERE),
    "mx": ("mx", HERE),
    "mxnet": ("mxnet", HERE),
    "mxnet, tuned": ("mxnet_tuned", HERE),
    "jax": ("jax", BENCH),
    "autograd": ("autograd", BENCH),
    "dezero": ("dezero", BENCH),
    "numpy-ml": ("numpy_ml", BENCH),
    "micrograd": ("micrograd", BENCH),
}
AS_SHIPPED = {"mxnet"}  # chooses its threads itself

SECONDS = 0.3  # one sample: 30 ticks of the clock that counts other processes' time
PAUSE = 0.07  # seconds between two peers: BLAS threads spin on after their work
ANSWER_WITHIN = 120.0  # seconds
TOLERANCE = 2e-3  # of an array's norm; float32 keeps 7 digits, a change of weights 4


#: What is compared beside a busy neighbour: the MXNet twin with the threads that it
#: chooses, and with one.
BESIDE_A_NEIGHBOUR = {"chosen": None, "one": 1}


class PeerError(Exception):
    """A peer that cannot take part; the message says why."""


class Peer:
    """A worker process, and the questions that it answers."""

    def __init__(self, name: str, command: list[str], threads: int | None) -> None:
        self.name = name
        environment = {
            k: v
            for k, v in os.environ.items()
            # Compiled files are kept, or an import would be timed with its compilation.
            if k != "PYTHONDONTWRITEBYTECODE" and not k.endswith("_NUM_THREADS")
        }
        if threads is not None:
            for library in ("OMP", "OPENBLAS", "MKL"):
                environment[f"{library}_NUM_THREADS"] = str(threads)
        try:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                bufsize=1,
            )
        except OSError as error:
            raise PeerError(f"{command[0]}: {error.strerror}") from error
        try:
            hello = self._answer()
        except PeerError:
            self.close()
            raise
        self.version, self.threads = hello["version"], hello["threads"]

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request and returns the answer.

        Raises:
            PeerError: the worker failed, ended, or was silent for too long.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
        except OSError as error:
            raise PeerError("its process has ended") from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        stdout = self.process.stdout
        assert stdout is not None
        if not select.select([stdout], [], [], ANSWER_WITHIN)[0]:
            raise PeerError(f"no answer within {ANSWER_WITHIN:.0f} s")
        line = stdout.readline()
        if not line:
            raise PeerError("its process has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.communicate()


def start_peers(names: Iterable[str], threads: int | None) -> list[Peer]:
    """Starts a worker for each peer; one that cannot start is left out with a line.

    Without a number of threads each chooses its own.
    """
    started = []
    for name in names:
        file, python = PEERS[name]
        command = [str(python), "-m", "benchmarks.worker", file]
        try:
            peer = Peer(name, command, None if name in AS_SHIPPED else threads)
        except PeerError as error:
            print(f"{name} is left out: {error}")
        else:
            started.append(peer)
    return started


def prepare(peers: Iterable[Peer], work: str, data: Data) -> list[Peer]:
    """Returns the peers that do this work and compute what the first one does."""
    ready: list[Peer] = []
    reference: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        for peer in peers:
            file = f"{folder}/result.npz"
            try:
                if "absent" in peer.ask(work=work, save=file):
                    continue
                with np.load(file) as arrays:
                    result = dict(arrays)
                if not ready:
                    reference = result
                elif problem := difference(result, reference, data):
                    raise PeerError(f"it computes something else: {problem}")
            except PeerError as error:
                print(f"{work}: {peer.name} is left out: {error}")
            else:
                ready.append(peer)
    return ready


def difference(
    result: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray], data: Data
) -> str | None:
    """Says in what a result differs from the reference; None if in nothing.

    Weights are compared by how much they changed, so that the start, which all have in
    common, hides no wrong gradient.
    """
    if set(result) != set(reference):
        return f"the arrays {sorted(result)} instead of {sorted(reference)}"
    for name, expected in reference.items():
        got, start = result[name], data.get(name, 0.0)
        if got.shape != expected.shape:
            return f"{name} has the shape {got.shape} instead of {expected.shape}"
        change = np.float64(expected) - start
        error = np.linalg.norm(np.float64(got) - expected)
        if not error <= TOLERANCE * np.linalg.norm(change):
            return f"{name} is off by {error / np.linalg.norm(change):.2g} of its size"
    return None


def take_turns(
    peers: list[Peer], work: str, repeats: int, limit: float, neighbours: int = 0
) -> dict[Peer, list[Sample]]:
    """Samples the peers one after the other, round by round.

    It ends when every peer has enough clean samples, or after ``limit`` seconds. A core
    for each of the ``neighbours``, which were started on purpose, disturbs no sample.
    """
    samples: dict[Peer, list[Sample]] = {peer: [] for peer in peers}
    failed: set[Peer] = set()
    end = time.monotonic() + limit

    def lacking() -> list[Peer]:
        return [
            p
            for p in peers
            if p not in failed and sum(s.clean for s in samples[p]) < repeats
        ]

    while (turn := lacking()) and time.monotonic() < end:
        for peer in turn:
            time.sleep(PAUSE)
            try:
                sample = Sample(**peer.ask(seconds=SECONDS))
                others = max(0.0, sample.others - neighbours)
                samples[peer].append(Sample(sample.ms, others))
            except PeerError as error:
                print(f"{work}: {peer.name} is left out: {error}")
                failed.add(peer)
    return {p: s for p, s in samples.items() if s and p not in failed}


def measure_limits(
    peers: list[Peer], repeats: int, limit: float
) -> tuple[float, float]:
    """The machine's GFLOP/s in a matrix product and GB/s in a copy, at their best."""
    best = {}
    for name, work in LIMITS.items():
        samples = take_turns(prepare(peers, name, {}), name, repeats, limit)
        ms = min(summarise(s, repeats).median for s in samples.values())
        best[name] = (work.flops or work.moved) / ms / 1e6
    return best["gemm"], best["copy"]


def measure(
    peers: list[Peer], name: str, repeats: int, limit: float, machine: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Times one work with every peer that can do it, and returns a row for each."""
    work = WORKS[name]
    ready = prepare(peers, name, work.data())
    summaries = {
        peer: summarise(samples, min(ENOUGH, repeats))
        for peer, samples in take_turns(ready, name, repeats, limit).items()
    }
    torch = next((s.median for p, s in summaries.items() if p.name == "torch"), None)
    least = work.limit_ms(machine["peak"], machine["bandwidth"])
    return [
        {
            "work": name,
            "peer": peer.name,
            "median_ms": significant(summary.median),
            "spread": significant(summary.spread),
            "ratio_to_torch": torch and significant(summary.median / torch),
            "ratio_to_limit": least and significant(summary.median / least),
            "limit_ms": least and significant(least),
            "samples": summary.samples,
            "noisy": summary.noisy,
            "threads": peer.threads,
            "version": peer.version,
            "cpu": machine["cpu"],
            "date": machine["date"],
        }
        for peer, summary in summaries.items()
    ]


@contextmanager
def busy_neighbour() -> Iterator[int]:
    """Keeps one core spinning meanwhile, as another program may; yields its id."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def measure_beside_neighbour(
    works: Iterable[str], repeats: int, limit: float
) -> list[dict[str, Any]]:
    """Times d2lib.mx while a neighbour keeps one core busy; returns a row a work."""
    peers: list[Peer] = []
    rows = []
    try:
        with busy_neighbour():  # it is there before MXNet is, which looks around
            for threads in BESIDE_A_NEIGHBOUR.values():
                peers += start_peers(["mx"], threads)
            if len(peers) < len(BESIDE_A_NEIGHBOUR):
                return []
            for work in works:
                ready = prepare(peers, work, WORKS[work].data())
                samples = take_turns(ready, work, repeats, limit, neighbours=1)
                if len(samples) < len(peers):
                    continue
                chosen, one = (
                    summarise(samples[p], min(ENOUGH, repeats)) for p in peers
                )
                rows.append(
                    {
                        "work": work,
                        "threads": peers[0].threads,
                        "chosen_ms": significant(chosen.median),
                        "one_ms": significant(one.median),
                        "noisy": chosen.noisy or one.noisy,
                    }
                )
    finally:
        for peer in peers:
            peer.close()
    return rows


def significant(x: float) -> float:
    """Rounds to four digits: more would only pretend."""
    return float(f"{x:.4g}")
