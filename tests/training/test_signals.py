"""A training that is stopped, by whatever, goes on where it was."""

import errno
import os
import signal
import threading

import numpy as np
import pytest

from d2lib import scratch
from d2lib.checkpoint import load
from d2lib.data import spirals
from d2lib.training import Callback, EarlyStopping, fit
from d2lib.training import files as training_files
from d2lib.training.signals import Interrupts
from tests.twins.checks import identical

X, Y = spirals(90, classes=2, seed=0)
STEPS = 3  # an epoch, of 32


class Kill(Callback):
    """Sends a signal to this process after a step."""

    def __init__(self, step=None, number=signal.SIGINT):
        self.step, self.number, self.told = step, number, []

    def on_batch(self, run):
        if run.steps == self.step:
            os.kill(os.getpid(), self.number)

    def on_interrupt(self, run):
        self.told.append(run.interrupted)

    def on_end(self, run):
        self.told.append("end")


def train(dl, path=None, callbacks=None, epochs=4, **options):
    model = dl.Sequential(
        dl.Dense(2, 12, "relu", seed=0), dl.Dropout(0.5), dl.Dense(12, 2, seed=1)
    )
    adam = dl.Adam(model.parameters(), lr=0.01)
    history = fit(
        model,
        (X, Y),
        loss=dl.cross_entropy,
        optimizer=adam,
        epochs=epochs,
        batch_size=32,
        callbacks=[Kill()] if callbacks is None else callbacks,
        checkpoint=path,
        progress=False,  # a bar where another test has loaded ipykernel
        **options,
    )
    return model, adam, history


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 3, 5, 9, 12])
def test_bit_for_bit_from_any_step(dl, step, number, tmp_path, capsys):
    straight, straight_adam, expected = train(dl, tmp_path / "straight.npz")
    path = tmp_path / "run.npz"
    kill = Kill(step, number)
    _, _, history = train(dl, path, [kill])
    name = signal.Signals(number).name
    assert history.interrupted == name
    assert kill.told == [name, "end"]
    assert len(history.loss) == (step - 1) // STEPS
    (said,) = capsys.readouterr().err.splitlines()
    assert f"fit stopped by {name} after step" in said
    assert "resume=True) goes on from there" in said

    model, adam, history = train(dl, path, resume=True)
    assert history == expected
    identical(model.state(), straight.state())
    identical(adam.state(), straight_adam.state())
    a, b = load(path), load(tmp_path / "straight.npz")
    identical(a[0], b[0])
    assert a[1] == b[1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.npz", "straight.npz"]


def test_running_statistics_survive(dl, tmp_path):
    """Passing over learnt batches draws again, and must not move the averages."""

    def run(path, kill):
        model = dl.Sequential(
            dl.Conv2D(1, 2, 3, seed=0),
            dl.BatchNorm(2),
            dl.Flatten(),
            dl.Dropout(0.5),
            dl.Dense(8, 2, seed=1),
        )
        images = np.random.default_rng(0).normal(size=(30, 1, 4, 4))
        adam = dl.Adam(model.parameters(), lr=0.01)
        fit(
            model,
            (images.astype(np.float32), np.arange(30) % 2),
            loss=dl.cross_entropy,
            optimizer=adam,
            epochs=2,
            batch_size=8,
            callbacks=[kill],
            checkpoint=path,
            resume=True,
        )
        return model.state()

    expected = run(tmp_path / "straight.npz", Kill())
    run(tmp_path / "run.npz", Kill(6))
    identical(run(tmp_path / "run.npz", Kill()), expected)


def test_batches_are_passed_over_too(dl, tmp_path):
    def run(path, kill):
        def batches():
            for start in range(0, 90, 32):
                yield X[start : start + 32], Y[start : start + 32]

        model = dl.MLP([2, 12, 2], dropout=0.5, seed=0)
        adam = dl.Adam(model.parameters(), lr=0.01)
        fit(
            model,
            batches,
            loss=dl.cross_entropy,
            optimizer=adam,
            epochs=3,
            callbacks=[kill],
            checkpoint=path,
            resume=True,
        )
        return model.state()

    expected = run(tmp_path / "straight.npz", Kill())
    run(tmp_path / "run.npz", Kill(5))
    identical(run(tmp_path / "run.npz", Kill()), expected)


def test_fewer_batches_than_before(tmp_path):
    def run(sizes):
        model = scratch.MLP([2, 4, 2], seed=0)
        sgd = scratch.SGD(model.parameters())
        fit(
            model,
            [(X[:n], Y[:n]) for n in sizes],
            loss=scratch.cross_entropy,
            optimizer=sgd,
            callbacks=[Kill(3 if len(sizes) > 2 else None)],
            checkpoint=tmp_path / "run.npz",
            resume=True,
        )

    run([9, 9, 9, 9])
    with pytest.raises(ValueError, match="got fewer than 3"):
        run([9])


def test_the_best_weights_are_restored(dl):
    stopping = EarlyStopping(patience=9, monitor="loss")
    model, _, history = train(dl, callbacks=[stopping, Kill(10)])
    assert history.interrupted == "SIGINT"
    assert stopping.best_epoch > 0
    identical(model.state(), stopping._weights)


def test_without_a_file_it_says_so(dl, capsys):
    train(dl, callbacks=[Kill(2)])
    assert "there is no checkpoint: pass checkpoint=path" in capsys.readouterr().err


def test_handlers_are_put_back(dl):
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    train(dl, callbacks=[Kill(2)])
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before
    with pytest.raises(RuntimeError, match="in the middle"):
        train(dl, callbacks=[Raise(2)])
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


class Raise(Kill):
    def on_batch(self, run):
        if run.steps == self.step:
            raise RuntimeError("in the middle")


def test_a_second_ctrl_c_interrupts():
    class Twice(Kill):
        def on_batch(self, run):
            super().on_batch(run)
            super().on_batch(run)

    with pytest.raises(KeyboardInterrupt):
        train(scratch, callbacks=[Twice(2)])


def test_a_handler_of_ones_own_is_left_alone():
    seen = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append("mine"))
    try:
        _, _, history = train(scratch, callbacks=[Kill(2, signal.SIGTERM)])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == ["mine"]
    assert history.interrupted is None
    assert len(history.loss) == 4


def test_another_thread_trains_without_handlers():
    found = []

    def work():
        with Interrupts() as interrupts:
            found.append(interrupts.came())
        found.append(len(train(scratch)[2].loss))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None, 4]


class Count(Callback):
    """How many steps the file on the disk holds after each step."""

    def __init__(self, path):
        self.path, self.steps = path, []

    def on_batch(self, run):
        there = self.path.exists()
        self.steps.append(load(self.path)[1]["steps"] if there else 0)


def test_checkpoints_by_steps_and_by_time(tmp_path):
    for options, expected in (
        ({}, [0, 0, 0, 3, 3, 3]),
        ({"checkpoint_steps": 2}, [0, 0, 2, 3, 4, 4]),
        ({"checkpoint_seconds": 1e-9}, [0, 1, 2, 3, 4, 5]),
        ({"checkpoint_seconds": 1e9}, [0, 0, 0, 3, 3, 3]),
    ):
        path = tmp_path / f"{len(options)}-{list(options.values())}.npz"
        count = Count(path)
        train(scratch, path, [count], epochs=2, **options)
        assert count.steps == expected, options


def test_bit_for_bit_from_a_checkpoint_within_an_epoch(dl, tmp_path):
    """As after SIGKILL: nothing is done at the end."""
    straight, _, expected = train(dl, tmp_path / "straight.npz", [Raise()])
    path = tmp_path / "run.npz"
    for step in (5, 9):
        with pytest.raises(RuntimeError):
            train(dl, path, [Raise(step)], checkpoint_steps=2, resume=True)
    model, _, history = train(dl, path, [Raise()], resume=True)
    assert history == expected
    identical(model.state(), straight.state())


def test_a_full_disk_is_a_warning(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    save, calls = training_files.checkpoints.save, []

    def full(where, *args):
        calls.append(where)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, f"can't write the checkpoint {where}")
        save(where, *args)

    monkeypatch.setattr(training_files.checkpoints, "save", full)
    with pytest.warns(
        RuntimeWarning, match=r"after step 6, training goes on.*run\.npz"
    ):
        _, _, history = train(scratch, path)
    assert len(history.loss) == 4
    assert load(path)[1]["epoch"] == 4


def test_what_needs_a_file():
    for options in ({"checkpoint_steps": 2}, {"checkpoint_seconds": 1.0}):
        with pytest.raises(ValueError, match="need checkpoint=, the file to write"):
            train(scratch, **options)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"checkpoint_steps": 0}, ValueError),
        ({"checkpoint_steps": 1.5}, TypeError),
        ({"checkpoint_seconds": 0}, ValueError),
        ({"checkpoint_seconds": "1"}, TypeError),
    ],
)
def test_refuses(options, error, tmp_path):
    (name,) = options
    with pytest.raises(error, match=name):
        train(scratch, tmp_path / "run.npz", **options)
    assert not list(tmp_path.iterdir())
