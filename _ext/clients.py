"""Run clients of package registries, for what is brought where it can be had."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path


class NotToBeHadError(Exception):
    """Something can't be brought; the message says why."""


def run(
    command: list[str],
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    log: Path | None = None,
) -> None:
    """Run a program to its end, for ten minutes at most.

    Args:
        command: The program, and its arguments.
        folder: Where it runs.
        environment: What it finds in its environment beside what is there.
        log: The file that keeps all that it says.

    Raises:
        NotToBeHadError: It fails; the message is the first error that it names.
    """
    with log.open("a+") if log else tempfile.TemporaryFile("w+") as said:
        said.write(f"$ {' '.join(command)}\n")
        said.flush()
        start = said.tell()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # so that what it starts ends with it
        )
        try:
            code = process.wait(timeout=600)
        except subprocess.TimeoutExpired:
            name = Path(command[0]).name
            raise NotToBeHadError(f"{name} took longer than ten minutes") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        said.seek(start)
        lines = [line.strip() for line in said if line.strip()]
    if code:
        errors = [line for line in lines if "error" in line.lower()]
        reason = (errors or lines[-1:] or [f"it ends with {code}"])[0]
        raise NotToBeHadError(f"{reason} (all of it is in {log})" if log else reason)
