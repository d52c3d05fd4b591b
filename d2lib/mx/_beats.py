"""Signs of life, by which the launcher tells who is frozen from who works.

Each process of a job writes one a second to its standard error, in a form that no
program prints and that the launcher takes out. A process that was stopped, or a machine
that is gone, writes none. A worker says with it for how long it has waited for others.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["BEAT", "Beats", "begin", "joined", "waiting"]

BEAT = re.compile(rb"\0alive (-?\d+)\n$")  # seconds, or -1 before the job is complete
EVERY = 1.0  # seconds

_joined = False
_since: float | None = None  # when this process began to wait for others


def begin() -> None:
    """Writes signs of life from now on."""
    to = os.dup(2)  # whatever becomes of the standard error

    def beat() -> None:
        while True:
            try:
                os.write(to, b"\0alive %d\n" % _waited())
            except OSError:  # nobody reads them any more
                return
            time.sleep(EVERY)

    threading.Thread(target=beat, daemon=True).start()


def joined() -> None:
    """Says that all processes of the job have found each other."""
    global _joined
    _joined = True


@contextmanager
def waiting() -> Iterator[None]:
    """Inside, this process waits for others."""
    global _since
    _since = time.monotonic()
    try:
        yield
    finally:
        _since = None


def _waited() -> int:
    if not _joined:
        return -1
    since = _since
    return 0 if since is None else int(time.monotonic() - since)


class Beats:
    """What the launcher knows of a process by its signs of life.

    Attributes:
        last: when the last one came, or None.
        joined: whether it has found the others.
        waited: for how many seconds it has waited for them.
    """

    def __init__(self) -> None:
        self.last: float | None = None
        self.joined = False
        self.waited = 0
        self._held = b""

    def taken_out(self, line: bytes) -> bytes | None:
        """Returns a line of output without signs of life; None: it is not whole yet."""
        line = self._held + line
        self._held = b""
        found = BEAT.search(line)
        if found is None:
            return line
        seconds = int(found[1])
        self.last = time.monotonic()
        self.joined = seconds >= 0
        self.waited = max(seconds, 0)
        self._held = line[: found.start()]
        return None

    def rest(self) -> bytes:
        """What was printed last without the end of a line."""
        return self._held
