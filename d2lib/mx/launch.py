"""Starts a program in several processes that train one model together.

``python -m d2lib.mx.launch -n 2 program.py`` starts on this machine a scheduler, a
server and two workers that run the program, whose ``fit(..., kvstore="dist_sync")``
connects them. ``-H hosts.txt`` starts the workers on other machines, by ssh.

MXNet itself would wait for ever for a process that is gone. So the launcher watches
them all: when one fails, gives no sign of life any more, or ends while others wait for
it, the launcher ends the others, and says which it was. Of one that computes while all
others wait it says so, and with ``--patience`` ends the job.
"""

from __future__ import annotations

import argparse
import os
import queue
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from d2lib._checks import check_non_negative, check_positive_int
from d2lib.mx._beats import Beats
from d2lib.mx._runtime import available_cores

__all__ = ["hosts_in", "launch", "main"]

GRACE = 5.0  # seconds that a process has to end by itself
SILENCE = 20.0  # seconds without a sign of life, or of waiting for who has ended
NOTICE = 60.0  # seconds of waiting for who computes, before the launcher says who it is
SSH = (
    *("ssh", "-o", "BatchMode=yes"),
    *("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"),
)
PASSED_ON = ("PYTHONPATH", "MXNET_OMP_MAX_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class Member:
    """A process of the job."""

    name: str
    process: subprocess.Popen[bytes]
    threads: list[threading.Thread] = field(default_factory=list)
    beats: Beats = field(default_factory=Beats)

    def send(self, number: int) -> None:
        """Passes on a signal, to other machines, too."""
        with suppress(OSError):  # it may have ended
            self.process.stdin.write(bytes([number]))  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]

    def close(self) -> None:
        """Lets it end, on another machine, too: nobody holds its input any more."""
        with suppress(OSError):
            self.process.stdin.close()  # type: ignore[union-attr]

    def end(self) -> None:
        """Waits until it has ended, or ends it."""
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(GRACE)

    def fate(self) -> str:
        """How it ended, in words."""
        code = self.process.returncode
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit status {code}"


def launch(
    program: Sequence[str | Path],
    workers: int = 2,
    servers: int = 1,
    hosts: Sequence[str] = (),
    address: str | None = None,
    port: int = 0,
    python: str | None = None,
    silence: float = SILENCE,
    patience: float = 0.0,
) -> int:
    """Runs a program in several workers, and returns when the last one has ended.

    Every worker is given the environment by which MXNet's processes find each other
    (``DMLC_ROLE`` and its kin), and ``DMLC_RANK``, its number. What they print appears
    behind their names. SIGINT and SIGTERM are passed on to them, so that `fit` stops
    after a step, with a checkpoint. An error that a worker's program catches is not
    seen: let it end the program, or the others wait. A worker that computes while all
    others have waited for it for a minute is named in the standard error.

    Args:
        program: a file with a program in Python, and its arguments.
        workers: how many train; each gets every n-th example.
        servers: how many add up their gradients.
        hosts: where the workers run, in turn, as ssh calls them; the folder, the
            program and the Python must be the same there. None: on this machine.
        address: of this machine, as the others see it; None finds it.
        port: where the scheduler listens; 0 takes a free one.
        python: the interpreter that runs the program; None: the one that runs this.
        silence: after how many seconds without a sign of life a process counts as
            frozen, as one that was stopped or whose machine is gone; or so long have
            others waited for a worker that has ended. 0: never.
        patience: after how many seconds in which all others have waited for a worker
            that computes, or reads a file that never comes, the job is ended. 0: never,
            for it may be about to finish.

    Returns:
        0 if all workers ended with 0, else 1, and a sentence in the standard error.

    Raises:
        ValueError: no program, no worker, no server.
        OSError: the port is in use.

    Example:
        >>> launch(["no.py"], workers=2)
        Traceback (most recent call last):
        ...
        ValueError: program must be a file with a program in Python, got 'no.py'
    """
    workers = check_positive_int(workers, "workers")
    servers = check_positive_int(servers, "servers")
    silence = check_non_negative(silence, "silence")
    patience = check_non_negative(patience, "patience")
    if not program or not Path(program[0]).is_file():
        raise ValueError(
            "program must be a file with a program in Python, got "
            f"{str(program[0]) if program else 'none'!r}"
        )
    address = address or _address(hosts)
    port = _free_port(address, port)
    common = {
        "DMLC_PS_ROOT_URI": address,
        "DMLC_PS_ROOT_PORT": str(port),
        "DMLC_NUM_WORKER": str(workers),
        "DMLC_NUM_SERVER": str(servers),
        "D2LIB_LAUNCHED": "1",
    }
    here = {"DMLC_NODE_HOST": address}
    one = {"OMP_NUM_THREADS": "1"}
    serve = [sys.executable, "-c", "import d2lib.mx"]  # never returns
    ended: queue.Queue[Member | int] = queue.Queue()
    job: list[Member] = []
    handlers = _passed_on(ended)
    try:
        for role, n in (("scheduler", 1), ("server", servers)):
            for i in range(n):
                name = role if n == 1 else f"{role} {i}"
                environ = os.environ | common | here | one | {"DMLC_ROLE": role}
                job.append(_started(name, serve, environ, ended))
        for rank in range(workers):
            mine = common | {"DMLC_ROLE": "worker", "DMLC_RANK": str(rank)}
            mine |= {"PYTHONUNBUFFERED": "1"}
            command = [python or sys.executable, *map(str, program)]
            name, environ = f"worker {rank}", dict(os.environ)
            if hosts:
                host = hosts[rank % len(hosts)]
                name += f" on {host}"
                mine |= here if _is_local(address) else {}
                command = [*SSH, host, _remote(command, mine)]
            else:
                share = max(1, available_cores() // workers)
                threads = {"OMP_NUM_THREADS": str(share)}
                environ = threads | environ | mine | here
            job.append(_started(name, command, environ, ended))
        return _watch(job, ended, workers, silence, patience)
    finally:
        for member in job:
            member.close()
        for member in job:
            member.end()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _watch(
    job: list[Member],
    ended: queue.Queue[Any],
    left: int,
    silence: float,
    patience: float,
) -> int:
    """Waits for the workers, or for the first that fails."""
    asked, looked, told = 0, time.monotonic(), False
    finished: list[Member] = []
    while True:
        try:
            event = ended.get(timeout=1.0)
        except queue.Empty:
            event, now = None, time.monotonic()
            if now - looked > silence / 2:  # this process itself was stopped
                for member in job:
                    member.beats.last = member.beats.last and now
            looked = now
            problem = _frozen(job, finished, now, silence) if silence else None
            if problem is None and patience:
                problem = _awaited(job, finished, patience)
            if problem is not None:
                return _given_up(problem)
            notice = _awaited(job, finished, NOTICE)
            if notice and not told:
                print(f"launch: {notice}", file=sys.stderr, flush=True)
            told = notice is not None
            continue
        looked = time.monotonic()
        if isinstance(event, int):
            asked += 1
            if asked > 1:
                print("launch: asked twice, the job is ended", file=sys.stderr)
                return 1
            for member in job:
                if member.name.startswith("worker"):
                    member.send(event)
        elif event.name.startswith("worker") and event.process.returncode == 0:
            finished.append(event)
            left -= 1
            if not left:
                return 0
        else:
            for thread in event.threads:
                thread.join(GRACE)  # its last words come first
            return _given_up(
                f"{event.name} (process {event.process.pid}) {event.fate()}, and the "
                "others can't go on without it"
            )


def _frozen(
    job: list[Member], finished: list[Member], now: float, silence: float
) -> str | None:
    """Says which process gives no sign of life, or is waited for in vain; or None."""
    if not any(member.beats.joined for member in job):
        return None  # while MXNet is imported, all may be silent
    for member in job:
        last = member.beats.last
        if member in finished or last is None:
            continue
        if now - last > silence:
            return (
                f"{member.name} (process {member.process.pid}) has given no sign of "
                f"life for {silence:g} s, as a process that was stopped or whose "
                "machine is gone, and the others can't go on without it"
            )
        if finished and member.beats.waited > silence:
            names = " and ".join(one.name for one in finished)
            return (
                f"{names} ended, and {member.name} has waited for {silence:g} s: all "
                "workers must make the same calls of fit"
            )
    return None


def _awaited(job: list[Member], finished: list[Member], limit: float) -> str | None:
    """Says which workers compute while all others have waited so long; or None."""
    workers = [m for m in job if m.name.startswith("worker") and m not in finished]
    busy = [m for m in workers if m.beats.joined and not m.beats.waited]
    waiting = [m for m in workers if m.beats.waited > limit]
    if not busy or not waiting or len(busy) + len(waiting) < len(workers):
        return None
    names = " and ".join(f"{m.name} (process {m.process.pid})" for m in busy)
    return f"all others have waited for {limit:g} s for {names}, which is still busy"


def _given_up(problem: str) -> int:
    """Says why the job is ended, and how it goes on."""
    print(
        f"launch: {problem}: the job is ended. Start it again with fit(..., "
        "checkpoint=path, resume=True) to go on from the last checkpoint",
        file=sys.stderr,
        flush=True,
    )
    return 1


def _started(
    name: str, command: list[str], environ: dict[str, str], ended: queue.Queue[Any]
) -> Member:
    """Starts a process; its end comes into the queue, its output behind its name."""
    process = subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C comes here, and is passed on
    )
    member = Member(name, process)
    for pipe, to in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
        thread = threading.Thread(target=_forward, args=(member, pipe, to), daemon=True)
        thread.start()
        member.threads.append(thread)

    def wait() -> None:
        process.wait()
        ended.put(member)

    threading.Thread(target=wait, daemon=True).start()
    return member


def _forward(member: Member, pipe: IO[bytes], to: Any) -> None:
    """Prints line by line what a process says, but for its signs of life."""

    def tell(line: bytes) -> None:
        to.write(f"[{member.name}] {line.decode(errors='replace').rstrip()}\n")
        to.flush()

    beats = member.beats if to is sys.stderr else Beats()
    with pipe:
        for line in pipe:
            whole = beats.taken_out(line)
            if whole is not None:
                tell(whole)
    if beats.rest():
        tell(beats.rest())


def _passed_on(ended: queue.Queue[Any]) -> dict[int, Any]:
    """Puts signals into the queue instead of ending this process by them."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {
        number: signal.signal(number, lambda n, _: ended.put(n))
        for number in (signal.SIGINT, signal.SIGTERM)
    }


def _remote(command: list[str], environ: dict[str, str]) -> str:
    """A line for the shell of another machine."""
    environ = {n: os.environ[n] for n in PASSED_ON if n in os.environ} | environ
    settings = [f"{name}={value}" for name, value in environ.items()]
    return f"cd {shlex.quote(os.getcwd())} && exec " + shlex.join(
        ["env", *settings, *command]
    )


def _address(hosts: Sequence[str]) -> str:
    """The address by which the hosts reach this machine."""
    if not hosts:
        return "127.0.0.1"
    name = hosts[0].rpartition("@")[2]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((name, 9))  # sends nothing
        return str(way.getsockname()[0])


def _is_local(address: str) -> bool:
    return address.startswith("127.")


def _free_port(address: str, port: int) -> int:
    """Returns the port, or a free one for 0.

    Raises:
        OSError: it can't be listened at.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError as error:
            raise OSError(
                error.errno,
                f"the scheduler can't listen at {address}:{port} ({error.strerror}): "
                "leave the port out, and a free one is taken",
            ) from error
        return int(listener.getsockname()[1])


def hosts_in(path: str | Path) -> list[str]:
    r"""Reads a file with the name of a machine in each line.

    Args:
        path: of the file; what follows a # is not read, nor are empty lines.

    Returns:
        Names as ssh takes them.

    Raises:
        OSError: it can't be read.
        ValueError: there is no name in it.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "hosts.txt"
        >>> _ = file.write_text("alpha  # the new one\nme@beta\n")
        >>> hosts_in(file)
        ['alpha', 'me@beta']
    """
    lines = [
        line.partition("#")[0].strip()
        for line in Path(path).read_text(encoding="utf-8").splitlines()
    ]
    if not any(lines):
        raise ValueError(f"{path} names no host: write one in each line")
    return [line for line in lines if line]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: ``python -m d2lib.mx.launch -n 2 program.py``.

    Args:
        arguments: of the command; None takes those of this process.

    Returns:
        The exit status.

    Example:
        >>> main(["-n", "2", "no-such-program.py"])
        2
    """
    parser = argparse.ArgumentParser(
        prog="python -m d2lib.mx.launch",
        description="Trains one model in several processes, by "
        'fit(..., kvstore="dist_sync").',
    )
    add = parser.add_argument
    add("-n", "--workers", type=int, default=2, help="how many processes train")
    add("-s", "--servers", type=int, default=1, help="how many add gradients up")
    add("-H", "--hosts", help="a file with a host in each line, reached by ssh")
    add("--address", help="of this machine, as the hosts see it")
    add("--port", type=int, default=0, help="of the scheduler; a free one by default")
    add(
        "--silence",
        type=float,
        default=SILENCE,
        help="after how many seconds without a sign of life a process counts as frozen",
    )
    add(
        "--patience",
        type=float,
        default=0.0,
        help="how many seconds all others wait for a worker that computes; 0: for ever",
    )
    add("--python", default=sys.executable, help="the interpreter of the workers")
    add("program", help="a program in Python")
    add("arguments", nargs=argparse.REMAINDER, help="the program's own")
    given = parser.parse_args(arguments)
    try:
        return launch(
            [given.program, *given.arguments],
            workers=given.workers,
            servers=given.servers,
            hosts=hosts_in(given.hosts) if given.hosts else (),
            address=given.address,
            port=given.port,
            python=given.python,
            silence=given.silence,
            patience=given.patience,
        )
    except (OSError, ValueError) as error:
        print(f"launch: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
