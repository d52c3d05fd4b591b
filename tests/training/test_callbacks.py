"""The callbacks that go with fit, in both twins."""

import csv
import math

import numpy as np
import pytest

from d2lib import scratch
from d2lib.data import spirals
from d2lib.training import (
    Callback,
    CSVLogger,
    History,
    ModelCheckpoint,
    ReduceLROnPlateau,
    Run,
    fit,
)

DATA = spirals(90, classes=2, seed=0)


def train(dl, epochs=3, lr=0.1, **options):
    model = dl.MLP([2, 12, 2], seed=0)
    sgd = dl.SGD(model.parameters(), lr=lr)
    options = {"loss": dl.cross_entropy, "batch_size": 32, **options}
    history = fit(model, DATA, optimizer=sgd, epochs=epochs, **options)
    return model, sgd, history


def test_when_each_hook_is_called(dl):
    calls = []

    class Spy(Callback):
        def on_start(self, run):
            calls.append("start")

        def on_batch(self, run):
            assert math.isfinite(run.batch_loss)
            calls.append((run.epoch, run.step, run.steps))

        def on_epoch(self, run):
            calls.append(f"epoch {run.epoch}")

        def on_end(self, run):
            calls.append("end")

    train(dl, epochs=2, callbacks=[Spy()])
    first = [(0, 1, 1), (0, 2, 2), (0, 3, 3), "epoch 1"]
    second = [(1, 1, 4), (1, 2, 5), (1, 3, 6), "epoch 2"]
    assert calls == ["start", *first, *second, "end"]


class Plateau(scratch.SGD):
    """An optimiser of nothing."""

    def __init__(self, lr):
        super().__init__([scratch.tensor([1.0], requires_grad=True)], lr)


def rates(callback, losses, lr=1.0):
    """The learning rate after each of the epochs with these validation losses."""
    run = Run(None, Plateau(lr), History(), measured=("loss", "val_loss"))
    callback.on_start(run)
    found = []
    for epoch, loss in enumerate(losses, start=1):
        run.epoch = epoch
        run.history.val_loss.append(loss)
        callback.on_epoch(run)
        found.append(run.optimizer.lr)
    return found


class TestReduceLROnPlateau:
    @pytest.mark.parametrize(
        ("options", "losses", "expected"),
        [
            ({}, [3, 2, 1], [1, 1, 1]),
            ({}, [3, 3, 3, 3, 3], [1, 1, 0.5, 0.5, 0.25]),
            ({}, [3, 3, 2, 2, 2], [1, 1, 1, 1, 0.5]),
            ({"cooldown": 2}, [3] * 7, [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]),
            ({"min_lr": 0.4}, [3] * 6, [1, 1, 0.5, 0.5, 0.4, 0.4]),
            ({"min_delta": 1.0}, [3, 2.5, 2.4], [1, 1, 0.5]),
            ({"mode": "max"}, [1, 2, 3, 3, 3], [1, 1, 1, 1, 0.5]),
            ({}, [3, math.nan, math.nan], [1, 1, 0.5]),
        ],
    )
    def test_rates(self, options, losses, expected):
        callback = ReduceLROnPlateau(factor=0.5, patience=2, **options)
        assert rates(callback, losses) == pytest.approx(expected)

    def test_counts_as_keras_does(self):
        """Its `on_epoch_end` counts an epoch first, and lowers at wait >= patience."""
        losses = [1.0, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8]
        callback = ReduceLROnPlateau(factor=0.1, patience=3, min_delta=1e-4)
        lower = pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01])
        assert rates(callback, losses) == lower

    def test_goes_on_where_it_was(self, dl, tmp_path):
        def run(epochs, name):
            plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=9.0)
            _, sgd, history = train(
                dl,
                epochs,
                callbacks=[plateau],
                checkpoint=tmp_path / name,
                resume=True,
            )
            return history, sgd.lr, plateau.state()["numbers"].tolist()

        run(2, "halves.npz")
        assert run(5, "halves.npz") == run(5, "straight.npz")

    def test_refuses(self, dl):
        with pytest.raises(ValueError, match="factor must be below 1, got 2"):
            ReduceLROnPlateau(factor=2)
        with pytest.raises(ValueError, match="ReduceLROnPlateau can't tell"):
            ReduceLROnPlateau("f1")
        with pytest.raises(ValueError, match="monitors 'val_loss', and this training"):
            train(dl, callbacks=[ReduceLROnPlateau()])
        rate, plateau = dl.cosine(0.1, steps=9), ReduceLROnPlateau("loss")
        with pytest.raises(ValueError, match="rate, got one that follows a schedule"):
            train(dl, lr=rate, callbacks=[plateau])


class Up(Callback):
    """Makes the loss of the history what a test wants it to be."""

    def __init__(self, losses):
        self.losses = losses

    def on_epoch(self, run):
        run.history.loss[-1] = self.losses[run.epoch - 1]


class TestModelCheckpoint:
    def test_a_file_for_each_epoch(self, dl, tmp_path):
        path = tmp_path / "net-{epoch:02d}-{loss:.2f}.npz"
        keeper = ModelCheckpoint(path, monitor="loss")
        up = Up([3.0, 1.0, 2.0])
        model, _, _ = train(dl, callbacks=[up, keeper])
        names = ["net-01-3.00.npz", "net-02-1.00.npz", "net-03-2.00.npz"]
        assert sorted(p.name for p in tmp_path.iterdir()) == names
        assert keeper.files == [str(tmp_path / name) for name in names]
        other = dl.MLP([2, 12, 2], seed=5)
        other.load(keeper.files[-1])
        for name, values in model.state().items():
            np.testing.assert_array_equal(other.state()[name], values)

    @pytest.mark.parametrize(
        ("options", "kept"),
        [
            ({"keep": 2}, ["3", "4"]),
            ({"save_best_only": True}, ["1", "2", "4"]),
            ({"save_best_only": True, "keep": 1}, ["4"]),
            ({"save_best_only": True, "mode": "max"}, ["1", "3"]),
        ],
    )
    def test_what_is_kept(self, options, kept, tmp_path):
        keeper = ModelCheckpoint(tmp_path / "{epoch}.npz", "loss", **options)
        train(scratch, epochs=4, callbacks=[Up([3.0, 2.0, 4.0, 1.0]), keeper])
        assert sorted(p.stem for p in tmp_path.iterdir()) == kept

    def test_a_resumed_training_knows_its_files(self, tmp_path):
        for epochs in (2, 4):
            up = Up([3.0, 1.0, 2.0, 2.5])
            best = ModelCheckpoint(tmp_path / "best.npz", "loss", save_best_only=True)
            last = ModelCheckpoint(tmp_path / "{epoch}.npz", "loss", keep=2)
            options = {"checkpoint": tmp_path / "run", "resume": True}
            train(scratch, epochs, callbacks=[up, best, last], **options)
        assert best.best == 1.0
        names = sorted(p.name for p in tmp_path.iterdir())
        assert names == ["3.npz", "4.npz", "best.npz", "run"]

    def test_refuses(self, tmp_path):
        for path in ("{foo}.npz", "{}.npz", "{epoch:.z}.npz"):
            with pytest.raises(ValueError, match="path may have in braces epoch, loss"):
                train(scratch, callbacks=[ModelCheckpoint(path, "loss")])
        keeper = ModelCheckpoint(tmp_path / "none" / "{epoch}.npz", "loss")
        with pytest.raises(OSError, match="can't write the checkpoint"):
            train(scratch, callbacks=[keeper])
        keeper = ModelCheckpoint(tmp_path / "a.npz", save_best_only=True)
        with pytest.raises(ValueError, match="ModelCheckpoint monitors 'val_loss'"):
            train(scratch, callbacks=[keeper])
        with pytest.raises(ValueError, match="keep must be"):
            ModelCheckpoint("a.npz", keep=0)
        assert not list(tmp_path.iterdir())


class TestCSVLogger:
    def rows(self, path):
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    def test_a_row_for_each_epoch(self, dl, tmp_path):
        path = tmp_path / "log.csv"
        _, _, history = train(
            dl,
            validation=DATA,
            metrics={"n": lambda y_hat, y: len(y)},
            callbacks=[CSVLogger(path)],
        )
        head, *rows = self.rows(path)
        assert head == ["epoch", "loss", "val_loss", "n", "lr", "seconds"]
        assert [row[0] for row in rows] == ["1", "2", "3"]
        assert [float(row[1]) for row in rows] == history.loss
        assert [float(row[2]) for row in rows] == history.val_loss
        assert {row[4] for row in rows} == {"0.1"}
        assert list(tmp_path.iterdir()) == [path]

    def test_goes_on_with_the_rows_that_it_had(self, tmp_path):
        path = tmp_path / "log.csv"
        for epochs in (2, 3):
            options = {"checkpoint": tmp_path / "run.npz", "resume": True}
            train(scratch, epochs, callbacks=[CSVLogger(path)], **options)
        assert [row[0] for row in self.rows(path)] == ["epoch", "1", "2", "3"]

    def test_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(OSError, match="none"):
            train(scratch, callbacks=[CSVLogger(tmp_path / "none" / "log.csv")])
