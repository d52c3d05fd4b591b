"""MXNet computes in the process that it began to compute in, and in no fork of it.

A fork does not copy its threads, and who waits for them in the child waits for ever.
"""

from __future__ import annotations

import os

__all__ = ["check_process", "computing"]

_computes: int | None = None  # the process that has begun to compute


def computing() -> None:
    """Notes that this process computes; a fork of one that did may not.

    Raises:
        RuntimeError: this is such a fork.
    """
    global _computes
    if _computes is None:
        _computes = os.getpid()
    check_process()


def check_process() -> None:
    """Raises RuntimeError in a fork of a process that has computed with MXNet."""
    if _computes is not None and _computes != os.getpid():
        raise RuntimeError(
            "d2lib.mx can't compute in a fork of a process that has computed with "
            "MXNet: it would wait for ever for threads that a fork does not copy. "
            'Start the child with multiprocessing.get_context("spawn") or '
            '"forkserver", or fork before the first computation'
        )
