"""One training in several processes: the weights of one, and no waiting for the dead.

All on loopback. Each test waits for a launcher, which ends all that it has started.
"""

import json
import os
import queue
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("d2lib.mx", exc_type=ImportError)

from d2lib import mx, scratch
from d2lib.checkpoint import load
from d2lib.data import spirals
from d2lib.mx import _beats, _servers, launch
from d2lib.training import Run, fit
from d2lib.training.data import as_feed

PATIENCE = 240  # seconds, for a machine with other work
DATA = spirals(133, classes=2, seed=0)  # an epoch of 32: four batches, and one of 5
#: What the workers run. Each leaves its weights, and what it saw, in the folder.
PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
import numpy as np
from d2lib import mx as dl
from d2lib.data import spirals

folder, batch_size = Path(sys.argv[1]), int(sys.argv[2])
RANK = os.environ["DMLC_RANK"]
DATA = spirals(133, classes=2, seed=0)

class Either(dl.Module):
    # of two layers, by the worker
    def __init__(self):
        super().__init__()
        self.layers = [dl.Dense(2, 2, seed=i) for i in range(2)]
    def forward(self, x):
        return self.layers[int(RANK)](x)

def train(name, kvstore="dist_sync", data=DATA, norm=False, seed=0, model=None,
          **options):
    middle = [dl.BatchNorm(12)] if norm else []
    model = model or dl.Sequential(
        dl.Dense(2, 12, "relu", seed=seed), *middle, dl.Dense(12, 2, seed=1)
    )
    optimizer = getattr(dl, name)(model.parameters(), lr=0.01)
    options = {"epochs": 4, "batch_size": batch_size, **options}
    history = dl.fit(model, data, loss=dl.cross_entropy, optimizer=optimizer,
                     kvstore=kvstore, **options)
    return model, history

def leave(what, model, **told):
    np.savez(folder / f"{what}-{RANK}.npz", **model.state())
    (folder / f"{what}-{RANK}.json").write_text(json.dumps(told))

class AtStep(dl.Callback):
    def __init__(self, step, rank, act):
        self.step, self.rank, self.act = step, rank, act
    def on_batch(self, run):
        if (run.steps, run.rank) == (self.step, self.rank):
            self.act()

def errors(*tries, **options):
    found = []
    for data in tries:
        try:
            train("SGD", data=data, **options)
        except ValueError as error:
            found.append(str(error))
    return found
"""


def job(folder, code, *options, workers=2, batch_size=16, environ=()):
    """Runs a program by the launcher; returns what it printed."""
    program = folder / "program.py"
    program.write_text(PROGRAM + code)
    return subprocess.run(
        [
            *(sys.executable, "-m", "d2lib.mx.launch", "-n", str(workers), *options),
            *(str(program), str(folder), str(batch_size)),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | dict(environ),
    )


def told(folder, what, workers):
    files = [folder / f"{what}-{rank}.json" for rank in range(workers)]
    return [json.loads(file.read_text()) for file in files]


def alone(name, batch_size=32, **options):
    """What one worker does, without servers."""
    model = mx.Sequential(mx.Dense(2, 12, "relu", seed=0), mx.Dense(12, 2, seed=1))
    optimizer = getattr(mx, name)(model.parameters(), lr=0.01)
    options = {"epochs": 4, "batch_size": batch_size, **options}
    history = fit(
        model, DATA, loss=mx.cross_entropy, optimizer=optimizer, progress=False,
        **options,
    )  # fmt: skip
    return model.state(), history.loss


def check_weights(folder, what, workers, expected):
    for rank in range(workers):
        with np.load(folder / f"{what}-{rank}.npz") as found:
            assert set(found) == set(expected)
            for name, values in expected.items():
                np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-6)


# The same weights -------------------------------------------------------------------

TWO = """
for name in ("SGD", "Adam"):  # worker 0's first weights count
    model, history = train(name, seed=int(RANK), clip_norm=0.3)
    leave(name, model, loss=history.loss)

x, y = DATA
batches = [(x[i::9], y[i::9]) for i in range(9)]
leave("errors", model, errors=errors(
    batches, lambda: iter(batches), (x[:1], y[:1]), (x[: 90 + int(RANK)],
    y[: 90 + int(RANK)]), lambda: iter(batches[: 6 + 2 * int(RANK)])))
train("SGD", data=batches[:6], epochs=1)
model, history = train("Adam", norm=True, checkpoint=folder / "whole.npz",
                       checkpoint_steps=3)
leave("whole", model, loss=history.loss)
own = folder / f"file-{RANK}.npz"  # as on two machines: worker 1's is never written
train("SGD", epochs=1, checkpoint=own)
leave("own", model, errors=errors(DATA, checkpoint=own, resume=True)
      + errors(DATA, model=Either()))
"""

KILLED = """
def die():
    (folder / "died").write_text(str(time.time()))
    os.kill(os.getpid(), signal.SIGKILL)

# The second worker is killed once; the next time there is a checkpoint.
path = folder / "training.npz"
model, history = train("Adam", norm=True, checkpoint=path, checkpoint_steps=3,
                       resume=True,
                       callbacks=[AtStep(8, 1, die if not path.exists() else str)])
leave("killed", model, loss=history.loss)
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A job of two workers, of which one is killed in the end."""
    folder = tmp_path_factory.mktemp("two")
    result = job(folder, TWO + KILLED, "-s", "2")
    return SimpleNamespace(folder=folder, result=result, ended=time.time())


def test_two_workers_with_half_the_batch_end_where_one_does(two):
    for name in ("SGD", "Adam"):
        weights, loss = alone(name, clip_norm=0.3)
        check_weights(two.folder, name, 2, weights)
        for each in told(two.folder, name, 2):
            np.testing.assert_allclose(each["loss"], loss, atol=1e-6)


def test_workers_without_as_many_batches_are_told(two):
    first, second = (each["errors"] for each in told(two.folder, "errors", 2))
    assert first == second
    known, unknown, few, other, own = first
    assert "data must have as many batches for each worker, got 9 for 2" in known
    assert "worker 1 of 2 has no more while others have" in unknown
    assert "data needs an example for each worker, got 1 for 2 workers" in few
    assert "the same number of examples, got 90 on worker 0 and 91 on" in other
    assert "worker 0 of 2 has no more while others have" in own
    for each in told(two.folder, "own", 2):
        assert "steps taken before, got 5 on worker 0 and 0 on" in each["errors"][0]
        assert "in the last step worker 1 had others than" in each["errors"][1]
    assert not (two.folder / "file-1.npz").exists()


FOUR = """
model, history = train("Adam")
leave("adam", model, loss=history.loss)

# A signal to the launcher ends all of them after one step, with one checkpoint.
ask = AtStep(7, 2, lambda: os.kill(os.getppid(), signal.SIGTERM))
model, history = train("SGD", norm=True, epochs=10**6, callbacks=[ask],
                       checkpoint=folder / "four.npz")
leave("asked", model, by=history.interrupted, epochs=len(history.loss))
"""


def test_four_workers_end_where_one_does_and_stop_together(tmp_path):
    result = job(tmp_path, FOUR, "-s", "2", workers=4, batch_size=8)
    assert result.returncode == 0, result.stderr
    weights, _ = alone("Adam")
    check_weights(tmp_path, "adam", 4, weights)
    each = told(tmp_path, "asked", 4)
    assert each == [{"by": "SIGTERM", "epochs": each[0]["epochs"]}] * 4
    assert result.stderr.count("fit stopped by SIGTERM") == 1
    arrays, meta = load(tmp_path / "four.npz")
    assert meta["steps"] > 7
    assert meta["workers"] == 4
    kept = {n[6:]: a for n, a in arrays.items() if n.startswith("model/")}
    assert len(kept) > 4  # running statistics, too
    check_weights(tmp_path, "asked", 4, kept)


ASYNC = """
model, history = train("Adam", kvstore="dist_async", epochs=8)
leave("free", model, loss=history.loss)
try:
    train("SGD")
except RuntimeError as error:
    leave("free", model, loss=history.loss, error=str(error))
"""


def test_nobody_waits_in_async_and_all_end_with_the_same_weights(tmp_path):
    result = job(tmp_path, ASYNC)
    assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "free-0.npz") as weights:
        check_weights(tmp_path, "free", 2, dict(weights))
    for each in told(tmp_path, "free", 2):
        assert each["loss"][-1] < 0.7 * each["loss"][0]
        assert "kvstore must be 'dist_async' again" in each["error"]


# What fails -------------------------------------------------------------------------

SSH = """#!/bin/sh
# Runs here what it was to run there.
while [ "$1" = -o ]; do shift 2; done
echo "$1" >>"$SSH_LOG"
shift
exec sh -c "$*"
"""


def test_a_killed_worker_ends_the_job_which_goes_on_from_its_checkpoint(two):
    result, folder = two.result, two.folder
    assert two.ended - float((folder / "died").read_text()) < 30
    assert result.returncode == 1
    assert "launch: worker 1 (process" in result.stderr
    assert ") was ended by SIGKILL, and the others can't go on" in result.stderr
    assert "resume=True" in result.stderr
    assert load(folder / "training.npz")[1]["steps"] == 6

    # It goes on, and this time the workers are reached by ssh.
    ssh = folder / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    hosts = folder / "hosts.txt"
    hosts.write_text("127.0.0.1\nme@localhost  # the same\n")
    path = f"{ssh.parent}{os.pathsep}{os.environ['PATH']}"
    environ = {"PATH": path, "SSH_LOG": str(folder / "log")}
    again = job(folder, KILLED, "-H", str(hosts), environ=environ)
    assert again.returncode == 0, again.stderr
    reached = (folder / "log").read_text().split()
    assert sorted(reached) == ["127.0.0.1", "me@localhost"]
    # Where it would have come to, with the running statistics of both workers.
    with np.load(folder / "whole-0.npz") as whole:
        assert len(whole.files) > 4
        check_weights(folder, "killed", 2, dict(whole))
    loss = told(folder, "whole", 2)[0]["loss"]
    for each in told(folder, "killed", 2):
        np.testing.assert_allclose(each["loss"], loss, atol=1e-6)


FROZEN = """
def freeze():
    (folder / "frozen").write_text(str(time.time()))
    os.kill(os.getpid(), signal.SIGSTOP)

train("SGD", epochs=10**6, callbacks=[AtStep(5, 1, freeze)])
"""


def test_a_frozen_worker_ends_the_job(tmp_path):
    result = job(tmp_path, FROZEN, "--silence", "8")
    took = time.time() - float((tmp_path / "frozen").read_text())
    assert result.returncode == 1
    assert "launch: worker 1 (process" in result.stderr
    assert "given no sign of life for 8 s" in result.stderr
    assert "resume=True" in result.stderr
    assert took - 8 < 10  # seconds, and so unasked:
    assert launch.SILENCE + 10 <= 30


EARLY = """
train("SGD", epochs=1)
print("no end ", end="", file=sys.stderr, flush=True)
time.sleep(2.5)  # signs of life come between
print("of a line", file=sys.stderr, flush=True)
if RANK == "0":
    train("SGD", epochs=1)
"""


def test_a_worker_that_ends_early_ends_the_job(tmp_path):
    result = job(tmp_path, EARLY, "--silence", "5")
    assert result.returncode == 1
    expected = "launch: worker 1 ended, and worker 0 has waited for 5 s: all workers"
    assert expected in result.stderr
    assert result.stderr.count("no end of a line\n") == 2
    assert "alive" not in result.stderr


ABSENT = """
train("SGD", epochs=10**6, callbacks=[AtStep(5, 1, signal.pause)])
"""


def test_a_worker_that_waits_for_what_never_comes_ends_the_job_if_asked_to(tmp_path):
    result = job(tmp_path, ABSENT, "--patience", "4")
    assert result.returncode == 1
    said = "launch: all others have waited for 4 s for worker 1 (process"
    assert said in result.stderr
    assert "resume=True" in result.stderr


def test_signs_of_life_are_taken_out_of_what_is_said():
    beats = _beats.Beats()
    lines = (b"a\n", b"b\0alive -1\n", b"\0alive 0\n", b"c\n", b"d\0alive 7\n")
    assert [beats.taken_out(line) for line in lines] == [
        b"a\n",
        None,
        None,
        b"bc\n",
        None,
    ]
    assert (beats.joined, beats.waited, beats.rest()) == (True, 7, b"d")
    assert beats.last is not None


def members(*states):
    """Members of a job: name, seconds since the last sign, seconds of waiting."""
    made = []
    for name, silent, waited in states:
        beats = _beats.Beats()
        beats.last = None if silent is None else 100.0 - silent
        beats.joined, beats.waited = name.startswith("worker"), waited
        process = SimpleNamespace(pid=7)
        made.append(SimpleNamespace(name=name, beats=beats, process=process))
    return made


def test_who_is_frozen_and_who_is_waited_for():
    job = members(("server", 1, 0), ("worker 0", 1, 99), ("worker 1", 9, 0))
    frozen = launch._frozen
    assert frozen(job, [], 100.0, 10) is None  # others may be slow
    assert "worker 1 (process 7) has given no sign" in frozen(job, [], 102.0, 10)
    assert "worker 1 ended, and worker 0 has" in frozen(job, job[2:], 102.0, 10)
    assert "worker 0 ended" not in (frozen(job, job[1:2], 100.0, 10) or "")
    assert "server (process 7) has" in frozen(job[:2] + job[2:], job[1:], 150.0, 10)
    assert frozen(members(("server", 99, 0)), [], 100.0, 10) is None  # still importing
    silent = members(("worker 0", None, 0), ("worker 1", 1, 0))
    assert frozen(silent, [], 100.0, 10) is None


def test_who_computes_while_all_others_wait():
    awaited = launch._awaited
    job = members(("server", 1, 0), ("worker 0", 1, 61), ("worker 1", 1, 0))
    assert awaited(job, [], 60) == (
        "all others have waited for 60 s for worker 1 (process 7), which is still busy"
    )
    assert awaited(job, [], 61) is None
    assert awaited(job[:2], [], 60) is None  # nobody computes
    assert awaited(job, job[2:], 60) is None  # it has ended, which is another mistake
    slow = members(("worker 2", 1, 5))  # it has begun to wait only now
    assert awaited(job + slow, [], 60) is None
    job[2].beats.joined = False
    assert awaited(job, [], 60) is None


class Ticks:
    """A queue in which for so many seconds nothing is."""

    def __init__(self, ticks, *events):
        self.events = [queue.Empty()] * ticks + list(events)

    def get(self, timeout):
        event = self.events.pop(0)
        if isinstance(event, Exception):
            raise event
        return event


def test_who_is_waited_for_is_said_once(capsys):
    job = members(("worker 0", None, 61), ("worker 1", None, 0))
    for member in job:
        member.process.returncode = 0
    assert launch._watch(job, Ticks(3, *job), 2, 1e9, 0) == 0
    said = capsys.readouterr().err
    assert said.count("launch: all others have waited for 60 s for worker 1") == 1
    assert launch._watch(job, Ticks(1), 2, 0, 60) == 1
    assert "which is still busy: the job is ended" in capsys.readouterr().err


def net(dl):
    model = dl.Dense(2, 2, seed=0)
    return model, {
        "loss": dl.cross_entropy,
        "optimizer": dl.SGD(model.parameters()),
        "kvstore": "dist_sync",
    }


def test_a_program_that_no_launcher_started_is_told_how(monkeypatch):
    for name in _servers.NEEDED:
        monkeypatch.delenv(name, raising=False)
    model, options = net(mx)
    with pytest.raises(RuntimeError, match=r"python -m d2lib\.mx\.launch -n 2"):
        fit(model, DATA, **options)
    for name in _servers.NEEDED:
        monkeypatch.setenv(name, "server")
    with pytest.raises(RuntimeError, match="DMLC_ROLE is 'server'"):
        fit(model, DATA, **options)


def test_kvstore_is_for_models_of_mxnet_and_one_of_two():
    model, options = net(scratch)
    with pytest.raises(ValueError, match=r"needs a model of d2lib\.mx, got one of"):
        fit(model, DATA, **options)
    with pytest.raises(ValueError, match="kvstore must be one of None, 'dist_sync'"):
        fit(model, DATA, **options | {"kvstore": "local"})


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_scheduler_that_can_not_be_reached_is_an_error(monkeypatch):
    monkeypatch.setattr(_servers, "PATIENCE", 0.2)
    port = free_port()
    environ = ("worker", "127.0.0.1", str(port), "1", "1")
    for name, value in zip(_servers.NEEDED, environ, strict=True):
        monkeypatch.setenv(name, value)
    model, options = net(mx)
    expected = rf"the scheduler at 127\.0\.0\.1:{port} can't be reached"
    with pytest.raises(ConnectionError, match=expected):
        fit(model, DATA, **options)


def test_workers_that_never_find_each_other_end(monkeypatch, capsys):
    monkeypatch.setenv("DMLC_NUM_WORKER", "3")
    monkeypatch.setenv("DMLC_NUM_SERVER", "1")
    left = []
    monkeypatch.setattr(_servers.os, "_exit", left.append)
    _servers._give_up()
    assert left == [1]
    said = capsys.readouterr().err
    assert "3 workers and 1 servers have not found each other in 300 s" in said


def test_a_port_in_use_is_an_error(capsys):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert launch.main(["--port", str(port), __file__]) == 2
    said = capsys.readouterr().err
    assert f"the scheduler can't listen at 127.0.0.1:{port} (Address already" in said
    assert "leave the port out" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-n", "0", __file__], "workers must be a whole number >= 1"),
        (["-s", "0", __file__], "servers must be a whole number >= 1"),
        (["--silence", "-1", __file__], "silence must be"),
        (["--patience", "-1", __file__], "patience must be"),
        (["no.py"], "program must be a file with a program in Python, got 'no.py'"),
        (["-H", os.devnull, __file__], "names no host"),
        (["-H", "no.txt", __file__], "No such file"),
    ],
)
def test_mistakes_in_the_command_are_told(arguments, said, capsys):
    assert launch.main(arguments) == 2
    assert said in capsys.readouterr().err


def test_what_another_machine_is_told_survives_its_shell():
    line = launch._remote(["python", "a b.py", "$x"], {"DMLC_ROLE": "worker"})
    assert line.startswith(f"cd {os.getcwd()} && exec env ")
    assert line.endswith("DMLC_ROLE=worker python 'a b.py' '$x'")


# Who learns from what ---------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [4, 31, 32, 33, 37])
def test_shards_are_the_batches_of_one_worker_in_parts(workers, n):
    x, y = np.arange(n * 2.0).reshape(n, 2), np.arange(n)
    parts = []
    for rank in range(workers):
        feed = as_feed((x, y), "data", 4)
        feed.shard(rank, workers)
        parts.append([b[1] for b in feed.batches(np.random.default_rng(5))])
        assert feed.steps == len(parts[-1])
    together = as_feed((x, y), "data", 4 * workers)
    whole = [b[1] for b in together.batches(np.random.default_rng(5))]
    whole = [b for b in whole if len(b) >= workers]
    assert len(whole) == feed.steps
    for batch, *shards in zip(whole, *parts, strict=True):
        for rank, shard in enumerate(shards):
            assert shard.tolist() == batch[rank::workers].tolist()


def test_no_worker_but_the_first_writes(tmp_path):
    model, options = net(mx)
    run = Run(model, options["optimizer"], mx.History(loss=[0.5]), epoch=1, rank=1)
    for callback in (
        mx.CSVLogger(tmp_path / "table.csv"),
        mx.ModelCheckpoint(tmp_path / "net-{epoch}.npz", monitor="loss"),
    ):
        callback.on_start(run)
        callback.on_epoch(run)
    assert list(tmp_path.iterdir()) == []
