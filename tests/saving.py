"""Kills and crowds: what becomes of a checkpoint while it is being written.

The tests run some of each in processes of their own. The full numbers, in a minute:

    python -m tests.saving kills scratch 100
    python -m tests.saving kills mx 100
    python -m tests.saving crowd d2lib 400

What is found is printed as JSON; ``WRITERS`` are right and wrong ways of saving.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import select
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from d2lib.checkpoint import load, save


def in_place(path: Path, arrays: dict, meta: Any) -> None:
    """Writes into the file that is there."""
    with open(path, "wb") as file:
        np.savez(file, **arrays, __meta__=np.asarray(json.dumps(meta)))


def by_number(path: Path, arrays: dict, meta: Any) -> None:
    """Takes a temporary file named by the process, as `save` once did."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    in_place(beside, arrays, meta)
    os.replace(beside, path)


WRITERS: dict[str, Callable] = {
    "d2lib": save,
    "in place": in_place,
    "by number": by_number,
}


def writer_of(name: str, path: Path) -> tuple[Callable[[int], None], Callable]:
    """How to save and load the number i: by a model of a twin, or by a way of saving.

    What is loaded is the number, or an error if the file holds several.
    """
    if name in WRITERS:

        def write(i: int) -> None:
            WRITERS[name](path, {"a": np.full(20_000, i, np.float32)}, None)

        def read() -> int:
            return the_one(load(path)[0]["a"])

        return write, read
    dl = importlib.import_module(f"d2lib.{name}")
    model = dl.Dense(140, 140, "tanh", seed=0)
    shapes = {n: values.shape for n, values in model.state().items()}

    def write_model(i: int) -> None:
        model.load_state({n: np.full(s, i, np.float32) for n, s in shapes.items()})
        model.save(path)

    def read_model() -> int:
        state = dl.load_model(path).state()
        return the_one(np.concatenate([values.ravel() for values in state.values()]))

    return write_model, read_model


def the_one(numbers: np.ndarray) -> int:
    if not (numbers == numbers[0]).all():
        raise ValueError("half of one and half of another")
    return int(numbers[0])


def temporary(path: Path) -> set[str]:
    return {name for name in os.listdir(path.parent) if name != path.name}


def kills(name: str, times: int, path: Path) -> dict[str, int]:
    """Kills a process that saves again and again, at random moments.

    Returns:
        ``lost``: times that what had been saved was not there any more; ``corrupt``:
        times that it could not be read; ``stale``: temporary files that outlived the
        next saving; ``midway``: kills in the middle of one; ``saved``: how often a
        saving came to its end.
    """
    write, read = writer_of(name, path)
    rng = random.Random(0)
    write(0)
    start = time.perf_counter()
    write(0)
    pause = time.perf_counter() - start
    found = dict.fromkeys(("kills", "saved", "midway", "lost", "corrupt", "stale"), 0)
    last, old = 0, temporary(path)
    for _ in range(times):
        told, tell = os.pipe()
        child = os.fork()
        if not child:
            try:
                for i in count(last + 1):
                    write(i)
                    os.write(tell, b".")
            finally:  # only an error leads here, and the parent finds nothing saved
                os._exit(1)
        os.close(tell)
        os.read(told, 1)  # the first is saved, and the next is on its way
        select.select([], [], [], rng.uniform(0, 2 * pause))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the process ended by itself"
        saved = 1 + len(os.read(told, 100_000))
        os.close(told)
        found["kills"] += 1
        found["saved"] += saved
        found["midway"] += bool(temporary(path) - old)
        found["stale"] += len(temporary(path) & old)
        old = temporary(path)
        last += saved
        try:
            there = read()
        except Exception:
            found["corrupt"] += 1
        else:
            found["lost"] += not last <= there <= last + 1
            last = max(last, there)
    write(last)
    found["stale"] += len(temporary(path))
    return found


def crowd(name: str, times: int, path: Path) -> dict[str, int]:
    """Two threads in each of two processes save to one path, and this one reads it.

    Returns:
        ``saves`` and ``reads``; ``failed`` savings; ``bad`` reads; ``stale`` files.
    """
    write, read = writer_of(name, path)
    write(0)
    told, tell = os.pipe()

    def work(number: int) -> None:
        for i in range(times):
            try:
                write(1000 * number + i)
            except Exception:
                os.write(tell, b"x")
            else:
                os.write(tell, b".")

    children = []
    for process in range(2):
        child = os.fork()
        if not child:
            threads = [
                threading.Thread(target=work, args=(2 * process + k,)) for k in range(2)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            os._exit(0)
        children.append(child)
    os.close(tell)
    found = dict.fromkeys(("saves", "reads", "failed", "bad", "stale"), 0)
    while children:
        try:
            read()
        except Exception:
            found["bad"] += 1
        found["reads"] += 1
        children = [c for c in children if os.waitpid(c, os.WNOHANG) == (0, 0)]
    with os.fdopen(told, "rb") as file:
        marks = file.read()
    found["saves"], found["failed"] = len(marks), marks.count(b"x")
    found["stale"] = len(temporary(path))
    return found


if __name__ == "__main__":
    what, who, number = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        run = {"kills": kills, "crowd": crowd}[what]
        print(json.dumps(run(who, int(number), Path(folder) / "w.npz")))
