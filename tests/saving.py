"""Kills, signals, crowds and long runs: what becomes of checkpoints and of memory.

The tests run some of each in processes of their own. The full numbers, 200 kills, 50
signals, a crowd and 2,000 steps over both twins, in some minutes, kept with date,
processor and versions in ``evidence/results.md``:

    make evidence WHAT=survival

One of them by itself, here 100 kills, is

    python -m tests.saving kills scratch 100

What is found is printed as JSON; ``WRITERS`` are right and wrong ways of saving, and
``TRAININGS`` right and wrong trainings.
"""

from __future__ import annotations

import gc
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
from typing import Any, ClassVar

import numpy as np

from d2lib.checkpoint import load, save
from d2lib.data import spirals
from d2lib.training import Callback, fit


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
    writers = [writer_of(name, path)[0] for _ in range(4)]  # each with its own model
    told, tell = os.pipe()

    def work(number: int) -> None:
        for i in range(times):
            try:
                writers[number](1000 * number + i)
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


class Told(Callback):
    """Tells each step to the process that watches."""

    def __init__(self, tell: int) -> None:
        self.tell = tell

    def on_batch(self, run: Any) -> None:
        os.write(self.tell, b".")


class Deaf(Told):
    """Lets SIGTERM end the process, as if `fit` did not see to it."""

    def on_batch(self, run: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        super().on_batch(run)


class Forgetful(Told):
    """Learns on from other weights than those of the checkpoint."""

    begun = False

    def on_batch(self, run: Any) -> None:
        super().on_batch(run)
        if not self.begun:
            run.model.load_state({n: w + 1e-3 for n, w in run.model.state().items()})
        self.begun = True


class Keeping(Told):
    """Keeps every weight that there ever was."""

    kept: ClassVar[list[Any]] = []

    def on_batch(self, run: Any) -> None:
        super().on_batch(run)
        self.kept.append(run.model.state())


#: The twin, and what watches its training.
TRAININGS: dict[str, tuple[str, type[Told]]] = {
    "scratch": ("scratch", Told),
    "mx": ("mx", Told),
    "deaf": ("scratch", Deaf),
    "forgetful": ("scratch", Forgetful),
    "keeping": ("scratch", Keeping),
}
EPOCHS = 30  # of five steps


def train(
    name: str, path: Path, tell: int, epochs: int = EPOCHS, **options: Any
) -> None:
    """Trains for some epochs, or for what is left of them."""
    twin, watch = TRAININGS[name]
    dl = importlib.import_module(f"d2lib.{twin}")
    x, y = spirals(160, classes=2, seed=0)
    layers = dl.Dense(2, 64, "relu", seed=0), dl.BatchNorm(64), dl.Dropout(0.3)
    model = dl.Sequential(*layers, dl.Dense(64, 2, seed=1))
    fit(
        model,
        (x, y),
        loss=dl.cross_entropy,
        optimizer=dl.Adam(model.parameters(), lr=0.01),
        epochs=epochs,
        batch_size=32,
        callbacks=[watch(tell)],
        checkpoint=path,
        resume=True,
        progress=False,
        **options,
    )


def terms(name: str, times: int, path: Path) -> dict[str, int]:
    """Asks a training to end, at random moments, and lets it go on.

    Returns:
        ``finished``: how many trainings came to their end meanwhile; ``lost``: times
        that the file held fewer steps than were made; ``corrupt``: that it could not be
        read; ``differ``: trainings that ended elsewhere than one that nobody asked;
        ``stale``: temporary files that were left.
    """
    # Once, before the forks, and not computed with.
    importlib.import_module(f"d2lib.{TRAININGS[name][0]}")
    rng = random.Random(0)
    straight = path.with_name("straight.npz")
    start = time.perf_counter()
    attempt(name, straight, lambda told: None)
    whole = time.perf_counter() - start
    expected = load(straight)[0]
    straight.unlink()
    found = dict.fromkeys(
        ("signals", "finished", "steps", "lost", "corrupt", "differ", "stale"), 0
    )
    before = 0

    def ask(child: int) -> None:
        if found["signals"] < times:  # the last training goes on to its end
            select.select([], [], [], rng.uniform(0, 0.3 * whole))
            os.kill(child, signal.SIGTERM)

    while found["signals"] < times or before:
        steps = attempt(name, path, ask)
        found["signals"] = min(found["signals"] + 1, times)
        found["steps"] += steps
        found["stale"] += len(temporary(path))
        before += steps
        try:
            arrays, meta = load(path)
        except Exception:
            found["corrupt"] += 1
            path.unlink(missing_ok=True)
            before = 0
            continue
        found["lost"] += meta["steps"] != before
        before = meta["steps"]
        if meta["epoch"] == EPOCHS:
            found["finished"] += 1
            found["differ"] += not all(
                np.array_equal(arrays[n], a) for n, a in expected.items()
            )
            path.unlink()
            before = 0
    return found


def attempt(name: str, path: Path, ask: Callable[[int], None]) -> int:
    """Trains in a process of its own, which is asked after its first step.

    Returns:
        The steps that it made.
    """
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # where `fit` says it
            train(name, path, tell)
        finally:
            os._exit(0)
    os.close(tell)
    made = len(os.read(told, 1))
    ask(child)
    while part := os.read(told, 100_000):
        made += len(part)
    os.waitpid(child, 0)
    os.close(told)
    return made


def steps(name: str, times: int, path: Path) -> dict[str, int]:
    """Trains for so many steps, with checkpoints, and looks at the memory.

    Returns:
        ``steps``; ``kilobytes`` of the process after the first quarter of them; and
        ``grown``: how many more there are at the end.
    """
    tell = os.open(os.devnull, os.O_WRONLY)
    sizes = []

    class Sizes(Callback):
        def on_batch(self, run: Any) -> None:
            if run.steps in (times // 4, times):
                gc.collect()
                sizes.append(resident())

    twin, watch = TRAININGS[name]
    dl = importlib.import_module(f"d2lib.{twin}")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(320, 1, 12, 12)).astype(np.float32)
    layers = dl.Conv2D(1, 8, 3, activation="relu", seed=0), dl.BatchNorm(8)
    model = dl.Sequential(
        *layers, dl.Flatten(), dl.Dropout(0.3), dl.Dense(800, 10, seed=1)
    )
    fit(
        model,
        (x, np.arange(320) % 10),
        loss=dl.cross_entropy,
        optimizer=dl.Adam(model.parameters()),
        epochs=times // 20,
        batch_size=16,
        validation=(x[:50], np.arange(50) % 10),
        callbacks=[watch(tell), Sizes()],
        clip_norm=1.0,
        checkpoint=path,
        checkpoint_steps=50,
        progress=False,
    )
    first, last = sizes
    return {"steps": times, "kilobytes": first, "grown": last - first}


def resident() -> int:
    """The kilobytes of memory that this process has now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


if __name__ == "__main__":
    what, who, number = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        run = {"kills": kills, "crowd": crowd, "terms": terms, "steps": steps}[what]
        print(json.dumps(run(who, int(number), Path(folder) / "w.npz")))
