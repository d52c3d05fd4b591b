"""Chooses how MXNet computes on this machine, before it is imported.

MXNet reads its settings from the environment once, while it is imported. What the user
set there is never overridden. What is chosen here is visible to MXNet alone: the
environment is as before when the import is over, so that neither NumPy nor a child
process is affected. The number of threads is lowered once more after the import, if
other programs kept cores busy meanwhile.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from d2lib.mx import _beats

__all__ = ["CHOICES", "Choice", "applied", "choose", "follow_launcher", "report"]


@dataclass(frozen=True)
class Choice:
    """A setting that MXNet was imported with: its value, and why."""

    value: str
    why: str


CHOICES: dict[str, Choice] = {}  # by variable, once MXNet has been imported


#: How often a thread looks for more work before it sleeps: some tens of microseconds.
#: Most gaps between two operations of a training step are shorter. A thread that slept
#: through them would have to be woken a dozen times a step, and one that never slept
#: would take the core away from a program that needs it.
SPINS = 4000


def choose(
    environ: Mapping[str, str], cores: int, flags: frozenset[str], gpu: bool = False
) -> dict[str, Choice]:
    """Returns the settings for a machine; a variable that is set already is kept.

    Args:
        environ: the environment.
        cores: how many cores this process may use.
        flags: the instruction sets of an x86-64 processor, empty elsewhere.
        gpu: whether the machine has a GPU that MXNet may come to use.
    """
    wanted: dict[str, Choice] = {}
    # A queue of operations lets Python run ahead of a GPU, or of other machines. On a
    # processor there is one kind of worker, and the thread that hands the operations
    # out takes a core away from those that compute them.
    if not gpu and "DMLC_ROLE" not in environ:
        why = "one operation after the other, no GPU or other machine to run ahead of"
        wanted["MXNET_ENGINE_TYPE"] = Choice("NaiveEngine", why)
    if "MXNET_OMP_MAX_THREADS" not in environ:
        why = f"all {cores} cores this process may use; MXNet takes half of them"
        wanted["OMP_NUM_THREADS"] = Choice(str(cores), why)
    if "GOMP_SPINCOUNT" not in environ:
        why = "threads that wait leave their core to others"
        wanted["OMP_WAIT_POLICY"] = Choice("PASSIVE", why)
        if "OMP_WAIT_POLICY" not in environ:
            why = "but look for work a moment longer, since waking them takes longer"
            wanted["GOMP_SPINCOUNT"] = Choice(str(SPINS), why)
    # MXNet's OpenBLAS takes a processor younger than itself for the oldest it knows.
    # Haswell's kernels are the best it has for any processor with AVX2.
    if {"avx2", "fma"} <= flags:
        wanted["OPENBLAS_CORETYPE"] = Choice("Haswell", "the processor has AVX2")
    return {
        name: Choice(environ[name], "set in the environment") if name in environ else c
        for name, c in wanted.items()
    }


def why_unreadable(environ: Mapping[str, str]) -> str | None:
    """Says which setting would end the process, since MXNet can't read it, or None."""
    for name in ("OMP_NUM_THREADS", "MXNET_OMP_MAX_THREADS"):
        value = environ.get(name)
        if value and not re.fullmatch(r"\s*[+-]?\d{1,9}\s*", value, re.ASCII):
            return (
                f"the environment variable {name} must be a whole number for MXNet, "
                f"got {value!r}: set it to how many threads may compute, or unset it"
            )
    return None


@contextmanager
def applied() -> Iterator[None]:
    """Puts the chosen settings into the environment for the import of MXNet."""
    if "mxnet" in sys.modules:  # imported by somebody else: too late to choose
        yield
        return
    found = choose(os.environ, available_cores(), cpu_flags(), gpu_present())
    CHOICES.update(found)
    mine = {n: c.value for n, c in CHOICES.items() if n not in os.environ}
    os.environ.update(mine)
    start, others = time.perf_counter(), used_by_others()
    try:
        yield
    finally:
        for name in mine:
            os.environ.pop(name, None)
    if "OMP_NUM_THREADS" in mine:
        busy = (used_by_others() - others) / (time.perf_counter() - start)
        leave_to_others(busy)


def follow_launcher() -> None:
    """Lets `d2lib.mx.launch` send signals, and ends this process when it is gone.

    The launcher gets signs of life from now on.

    The launcher holds the other end of the standard input, through ssh, too. A byte is
    the number of a signal, and the end is the end: MXNet would wait for ever for those
    that are gone. It must be called before MXNet's import, from which a server never
    returns.
    """
    if os.environ.pop("D2LIB_LAUNCHED", None) is None:
        return
    held = os.dup(0)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)  # for the program, and processes that it starts
    os.close(nowhere)

    def follow() -> None:
        while number := os.read(held, 1):
            os.kill(os.getpid(), number[0])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    _beats.begin()


def leave_to_others(busy: float) -> None:
    """Computes with fewer threads where other programs kept cores busy meanwhile.

    Threads that compute together end together. One that has to share its core with
    another program holds the others up at every operation, dozens of times a step.

    Args:
        busy: how many of the processors that this process may use were not free.
    """
    wanted = CHOICES["OMP_NUM_THREADS"]
    free = max(1, round(processors() - busy))
    if free < int(wanted.value):
        from mxnet.base import _LIB

        _LIB.MXSetNumOMPThreads(free)
        why = f"{wanted.why}; but others kept {busy:.1f} busy during the import"
        CHOICES["OMP_NUM_THREADS"] = Choice(str(free), why)


def processors() -> int:
    """How many hardware threads this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


def used_by_others() -> float:
    """Seconds that others have used these processors so far; constant where unknown."""
    if not hasattr(os, "sched_getaffinity"):
        return 0.0
    ticks = 0
    mine = {f"cpu{n}" for n in os.sched_getaffinity(0)}
    for line in _read(Path("/proc/stat")).splitlines():
        name, *columns = line.split()
        if name in mine:
            user, nice, system, _, _, *rest = map(int, columns[:8])
            ticks += (
                user + nice + system + sum(rest)
            )  # not idle, not waiting for a disk
    return ticks / os.sysconf("SC_CLK_TCK") - time.process_time() if ticks else 0.0


def available_cores() -> int:
    """How many physical cores this process may use, at least 1.

    Less than the machine has where an affinity mask or a container's quota says so. Two
    hardware threads of one core count once: they share its arithmetic units.
    """
    if not hasattr(os, "sched_getaffinity"):
        return max(1, (os.cpu_count() or 1) // 2)  # macOS on Intel: two threads a core
    cpus = os.sched_getaffinity(0)
    cores = set()
    for cpu in cpus:
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        cores.add(_read(path) or str(cpu))
    quota, _, period = _read(Path("/sys/fs/cgroup/cpu.max")).partition(" ")
    limit = int(quota) // int(period) if quota.isdigit() and period.isdigit() else 0
    return max(1, min(len(cores), limit or len(cores)))


def cpu_flags() -> frozenset[str]:
    """The instruction sets of an x86-64 processor, as Linux names them."""
    if platform.machine() != "x86_64":
        return frozenset()
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return frozenset()


def gpu_present() -> bool:
    """Whether the system has the device files of NVIDIA's driver, or of WSL's."""
    return any(Path(name).exists() for name in ("/dev/nvidiactl", "/dev/dxg"))


def report() -> str:
    """Says in a few lines what MXNet was imported with."""
    if not CHOICES:
        return "MXNet was imported by another package first: its own settings"
    return "\n".join(f"{name}={c.value} ({c.why})" for name, c in CHOICES.items())


@contextmanager
def silenced_stderr() -> Iterator[None]:
    """Drops what C++ code writes to the standard error stream: MXNet's greetings."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
