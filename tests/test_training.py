"""fit and what belongs to it, with both twins wherever one is trained."""

import math
import re
import sys

import numpy as np
import pytest

from d2lib import scratch
from d2lib.checkpoint import CheckpointError, load, save
from d2lib.data import minibatches, spirals
from d2lib.training import (
    Callback,
    EarlyStopping,
    History,
    NonFiniteLossError,
    Run,
    accuracy,
    fit,
    predict,
)

DATA = spirals(90, classes=2, seed=0)
HELD_OUT = spirals(40, classes=2, seed=1)


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def network(dl, seed=0, dropout=0.0):
    return dl.MLP([2, 12, 2], dropout=dropout, seed=seed)


def train(dl, model, epochs=3, optimizer=None, **options):
    optimizer = optimizer or dl.SGD(model.parameters(), lr=0.1)
    options = {"loss": dl.cross_entropy, "batch_size": 32, **options}
    return fit(model, DATA, optimizer=optimizer, epochs=epochs, **options)


class TestFit:
    def test_is_the_loop_of_the_lecture_to_the_bit(self, dl):
        fitted, by_hand = network(dl), network(dl)
        history = train(dl, fitted, epochs=2, seed=5)
        optimizer = dl.SGD(by_hand.parameters(), lr=0.1)
        losses = []
        for epoch in range(2):
            total = 0.0
            for x, y in minibatches(*DATA, 32, seed=np.random.default_rng([5, epoch])):
                optimizer.zero_grad()
                with dl.record():
                    loss = dl.cross_entropy(by_hand(dl.tensor(x)), y)
                loss.backward()
                optimizer.step()
                total += float(loss) * len(x)
            losses.append(total / len(DATA[0]))
        same(fitted.state(), by_hand.state())
        assert history.loss == losses

    def test_history(self, dl):
        history = train(
            dl,
            network(dl),
            validation=HELD_OUT,
            metrics={"accuracy": accuracy, "n": lambda y_hat, y: len(y)},
        )
        assert history.epochs == [1, 2, 3]
        assert len(history.loss) == len(history.val_loss) == 3
        assert history["n"] == [40.0] * 3
        assert all(0 <= a <= 1 for a in history["accuracy"])
        assert history.loss[-1] < history.loss[0]

    def test_the_last_values_are_those_of_the_trained_model(self, dl):
        model = network(dl, dropout=0.5)
        history = train(dl, model, validation=HELD_OUT, metrics={"accuracy": accuracy})
        y_hat = predict(model, HELD_OUT[0])
        assert history["accuracy"][-1] == accuracy(y_hat, HELD_OUT[1])
        expected = float(dl.cross_entropy(dl.tensor(y_hat), HELD_OUT[1]))
        assert history.val_loss[-1] == pytest.approx(expected, rel=1e-6)

    def test_metrics_without_validation_are_those_of_the_training_data(self, dl):
        history = train(dl, network(dl), metrics={"n": lambda y_hat, y: len(y)})
        assert history["n"] == [90.0] * 3
        assert history.val_loss == []

    def test_one_seed_one_result_and_another_another(self, dl):
        runs = []
        for seed in (0, 0, 1):
            model = network(dl, dropout=0.5)
            train(dl, model, seed=seed)
            runs.append(model.state())
        same(runs[0], runs[1])
        assert not np.array_equal(runs[0]["layers.0.W"], runs[2]["layers.0.W"])

    def test_each_epoch_drops_other_units(self, dl, monkeypatch):
        """The seed of an epoch is (seed, epoch), so that a resumed one finds it."""
        model = network(dl, dropout=0.5)
        seeds, seed_model = [], model.seed
        monkeypatch.setattr(
            type(model), "seed", lambda _, s: (seeds.append(s), seed_model(s))
        )
        train(dl, model, seed=7)
        assert seeds == [[7, 0], [7, 1], [7, 2]]

    def test_learns_two_spirals(self, dl):
        model = dl.MLP([2, 32, 32, 2], seed=0)
        adam = dl.Adam(model.parameters(), lr=0.02)
        train(dl, model, epochs=60, optimizer=adam)
        assert accuracy(predict(model, DATA[0]), DATA[1]) > 0.95

    def test_clip_norm_bounds_every_step(self, dl):
        model = network(dl)
        before = model.state()
        sgd = dl.SGD(model.parameters(), lr=1.0)
        train(dl, model, epochs=1, optimizer=sgd, batch_size=90, clip_norm=1e-3)
        moved = sum(np.square(model.state()[n] - before[n]).sum() for n in before)
        assert math.sqrt(moved) == pytest.approx(1e-3, rel=1e-3)

    def test_an_optimiser_of_ones_own(self, dl):
        class Mine(dl.SGD):
            pass

        model = network(dl)
        train(dl, model, optimizer=Mine(model.parameters()), epochs=1)

    def test_float64_data_and_numpy_integers(self, dl, tmp_path):
        model = network(dl)
        fit(
            model,
            (DATA[0].astype(np.float64), DATA[1].astype(np.uint8)),
            loss=dl.cross_entropy,
            optimizer=dl.SGD(model.parameters()),
            epochs=np.int64(1),
            batch_size=np.int64(32),
            seed=np.int64(3),
            checkpoint=tmp_path / "w.npz",
        )
        assert load(tmp_path / "w.npz")[1]["seed"] == 3

    def test_the_data_is_left_as_it_was(self, dl):
        before = [a.copy() for a in DATA]
        train(dl, network(dl))
        for a, b in zip(DATA, before, strict=True):
            np.testing.assert_array_equal(a, b)


class Spy(Callback):
    def __init__(self):
        self.calls, self.weights = [], []

    def on_start(self, run):
        self.calls.append("start")

    def on_epoch(self, run):
        self.calls.append(run.epoch)
        self.weights.append(run.model.state())

    def on_end(self, run):
        self.calls.append("end")


class TestCallbacks:
    def test_order(self, dl):
        spy = Spy()
        train(dl, network(dl), callbacks=[spy])
        assert spy.calls == ["start", 1, 2, 3, "end"]

    def test_stop(self):
        class Stop(Callback):
            def on_epoch(self, run):
                run.stop = run.epoch == 2

        assert train(scratch, network(scratch), 9, callbacks=[Stop()]).epochs == [1, 2]

    def test_any_iterable(self):
        spy = Spy()
        train(scratch, network(scratch), callbacks=iter([spy]))
        assert spy.calls[-1] == "end"


def watch(values, **options):
    """Shows planted validation losses to an EarlyStopping, as fit would."""
    model = scratch.Dense(1, 1, seed=0)
    run = Run(model, None, History())
    stopping = EarlyStopping(**options)
    run.measured = ("loss", "val_loss")
    stopping.on_start(run)
    for value in values:
        run.epoch += 1
        run.history.val_loss.append(value)
        model.b.data[...] = run.epoch
        stopping.on_epoch(run)
        if run.stop:
            break
    stopping.on_end(run)
    return stopping, run


class TestEarlyStopping:
    # Falls, stumbles, falls to its lowest in epoch 4, then only rises (made up).
    LOSSES = (1.0, 0.8, 0.9, 0.7, 0.75, 0.72, 0.71, 0.1)

    def test_golden_sequence(self):
        stopping, run = watch(self.LOSSES, patience=3)
        assert (stopping.best, stopping.best_epoch) == (0.7, 4)
        assert stopping.stopped_epoch == run.epoch == 7
        assert run.model.b.data == 4  # the weights of the best epoch

    @pytest.mark.parametrize(
        ("options", "best_epoch", "stopped"),
        [
            ({"patience": 1}, 2, 3),
            ({"patience": 2}, 4, 6),
            ({"patience": 4}, 8, None),
            ({"patience": 2, "min_delta": 0.15}, 2, 4),
            ({"patience": 3, "min_delta": 0.15}, 2, 5),
        ],
    )
    def test_patience_and_min_delta(self, options, best_epoch, stopped):
        stopping, run = watch(self.LOSSES, **options)
        assert (stopping.best_epoch, stopping.stopped_epoch) == (best_epoch, stopped)
        assert run.model.b.data == best_epoch

    def test_without_restoring(self):
        _, run = watch(self.LOSSES, patience=3, restore_best=False)
        assert run.model.b.data == 7

    def test_an_equal_value_is_no_improvement_nor_is_nan(self):
        assert watch([1.0, 1.0, 1.0], patience=2)[0].stopped_epoch == 3
        assert watch([1.0, math.nan, math.nan], patience=2)[0].stopped_epoch == 3

    def test_before_anything(self):
        stopping = EarlyStopping()
        assert (stopping.best, stopping.best_epoch) == (math.inf, 0)
        assert stopping.stopped_epoch is None

    def test_in_fit_the_best_weights_come_back(self, dl):
        model, spy = network(dl), Spy()
        stopping = EarlyStopping(patience=2)
        # So large a step that the validation loss rises soon
        sgd = dl.SGD(model.parameters(), lr=3.0)
        history = train(
            dl, model, 40, sgd, validation=HELD_OUT, callbacks=[spy, stopping]
        )
        assert stopping.stopped_epoch == len(history.loss) < 40
        assert stopping.best_epoch == 1 + int(np.argmin(history.val_loss))
        assert stopping.best_epoch == stopping.stopped_epoch - 2
        same(model.state(), spy.weights[stopping.best_epoch - 1])

    def test_used_a_second_time_it_starts_afresh(self):
        stopping = EarlyStopping(patience=1)
        for _ in range(2):
            train(
                scratch, network(scratch), 2, validation=HELD_OUT, callbacks=[stopping]
            )
            assert stopping.best_epoch == 2

    def test_another_monitor(self):
        stopping = EarlyStopping(patience=1, monitor="loss")
        train(scratch, network(scratch), callbacks=[stopping])
        assert stopping.best_epoch == 3
        stopping = EarlyStopping(patience=1, monitor="same", mode="min")
        history = train(
            scratch,
            network(scratch),
            metrics={"same": lambda y_hat, y: 1.0},
            callbacks=[stopping],
        )
        assert len(history.loss) == stopping.stopped_epoch == 2

    def test_nothing_to_monitor(self):
        with pytest.raises(ValueError, match=r"pass validation=\(x, y\)"):
            train(scratch, network(scratch), callbacks=[EarlyStopping()])
        with pytest.raises(ValueError, match="monitors 'accuracy', and this training"):
            train(
                scratch,
                network(scratch),
                callbacks=[EarlyStopping(monitor="accuracy")],
            )

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"patience": 0}, ValueError),
            ({"patience": 1.5}, TypeError),
            ({"min_delta": -1}, ValueError),
        ],
    )
    def test_settings(self, options, error):
        with pytest.raises(error, match="must be"):
            EarlyStopping(**options)


def equipment(dl, optimizer="Adam", lr=0.01):
    model = network(dl, dropout=0.5)
    return model, getattr(dl, optimizer)(model.parameters(), lr=lr)


def options(dl, path, **changes):
    return {
        "loss": dl.cross_entropy,
        "batch_size": 32,
        "validation": HELD_OUT,
        "metrics": {"accuracy": accuracy},
        "callbacks": [EarlyStopping(patience=4)],
        "seed": 3,
        "checkpoint": path,
        **changes,
    }


class TestResume:
    def test_bit_for_bit(self, dl, tmp_path):
        """Six epochs in one go, or three, a new process's worth of objects, three."""
        model, adam = equipment(dl)
        straight = options(dl, tmp_path / "straight.npz")
        history = fit(model, DATA, optimizer=adam, epochs=6, **straight)

        path = tmp_path / "halves.npz"
        for epochs in (3, 6):
            half, half_adam = equipment(dl)
            halves = options(dl, path, resume=True)
            half_history = fit(half, DATA, optimizer=half_adam, epochs=epochs, **halves)
            assert len(half_history.loss) == epochs
        same(half.state(), model.state())
        same(half_adam.state(), adam.state())
        assert half_history == history
        same(halves["callbacks"][0].state(), straight["callbacks"][0].state())
        a, b = load(path), load(tmp_path / "straight.npz")
        same(a[0], b[0])
        assert a[1] == b[1]

    def test_after_each_single_epoch(self, tmp_path):
        model, adam = equipment(scratch)
        fit(model, DATA, optimizer=adam, epochs=4, **options(scratch, None))
        for epochs in (1, 2, 3, 4):
            half, half_adam = equipment(scratch)
            opts = options(scratch, tmp_path / "w.npz", resume=True)
            fit(half, DATA, optimizer=half_adam, epochs=epochs, **opts)
        same(half.state(), model.state())

    def test_one_that_was_stopped_early_stays_stopped(self, tmp_path):
        def run(epochs):
            model, sgd = equipment(scratch, "SGD", lr=3.0)
            opts = options(scratch, tmp_path / "w.npz", resume=True)
            opts["callbacks"] = [EarlyStopping(patience=2)]
            return model, fit(model, DATA, optimizer=sgd, epochs=epochs, **opts)

        model, history = run(60)
        assert len(history.loss) < 60
        with pytest.warns(UserWarning, match="nothing to do.*was stopped after epoch"):
            again, same_history = run(60)
        assert same_history == history
        same(again.state(), model.state())

    def test_already_finished(self, dl, tmp_path):
        model, adam = equipment(dl)
        opts = options(dl, tmp_path / "w.npz", resume=True)
        history = fit(model, DATA, optimizer=adam, epochs=2, **opts)
        again, adam = equipment(dl)
        with pytest.warns(
            UserWarning, match="has finished after epoch 2; ask for more"
        ):
            same_history = fit(again, DATA, optimizer=adam, epochs=2, **opts)
        assert same_history == history
        same(again.state(), model.state())

    def test_without_resume_it_starts_anew(self, tmp_path):
        opts = options(scratch, tmp_path / "w.npz")
        model, adam = equipment(scratch)
        history = fit(model, DATA, optimizer=adam, epochs=2, **opts)
        again, adam = equipment(scratch)
        with pytest.warns(UserWarning, match="will be written over: pass resume=True"):
            same_history = fit(again, DATA, optimizer=adam, epochs=2, **opts)
        assert same_history == history

    def test_the_checkpoint_loads_into_a_model(self, dl, tmp_path):
        model, adam = equipment(dl)
        opts = options(dl, tmp_path / "w.npz", callbacks=[])
        fit(model, DATA, optimizer=adam, epochs=2, **opts)
        other = network(dl, seed=9, dropout=0.5)
        other.load(tmp_path / "w.npz")
        same(other.state(), model.state())

    def test_resume_without_a_checkpoint(self):
        model, adam = equipment(scratch)
        with pytest.raises(ValueError, match="resume=True needs checkpoint="):
            fit(model, DATA, optimizer=adam, loss=scratch.mse, resume=True)


class TestRefusedResume:
    """Nothing changes: model, optimiser, callbacks, file, folder."""

    @pytest.fixture
    def path(self, dl, tmp_path):
        model, adam = equipment(dl)
        path = tmp_path / "w.npz"
        fit(model, DATA, optimizer=adam, epochs=2, **options(dl, path))
        return path

    def refused(self, path, message, model, optimizer, **opts):
        content = path.read_bytes()
        (callback,) = opts["callbacks"][:1] or [EarlyStopping()]
        callback.best_epoch = 77
        before = model.state(), optimizer.state()
        with pytest.raises(CheckpointError, match=message) as caught:
            fit(model, DATA, optimizer=optimizer, epochs=4, resume=True, **opts)
        assert str(path) in str(caught.value)
        same(model.state(), before[0])
        same(optimizer.state(), before[1])
        assert callback.best_epoch == 77
        assert path.read_bytes() == content
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"seed": 4}, "written with seed 3, and this training has 4"),
            ({"callbacks": []}, r"callbacks \['EarlyStopping'\].*has \[\]"),
            ({"callbacks": [EarlyStopping(), Spy()]}, "callbacks"),
            ({"metrics": None}, r"metrics \['accuracy'\].*has \[\]"),
            ({"validation": None}, "validation True"),
            ({"batch_size": 31}, "batch_size 32, and this training has 31"),
            ({"clip_norm": 9.0}, "and this training has 9.0"),
            ({"class_weight": {1: 2.0}}, "class_weight None"),
        ],
    )
    def test_other_settings(self, dl, path, change, message):
        model, adam = equipment(dl)
        self.refused(path, message, model, adam, **options(dl, path, **change))

    @pytest.mark.parametrize("name", ["SGD", "RMSProp", "Adagrad"])
    def test_another_optimiser(self, dl, path, name):
        model, other = equipment(dl, name)
        message = f"optimizer 'Adam', and this training has '{name}'"
        self.refused(path, message, model, other, **options(dl, path))

    def test_another_learning_rate(self, dl, path):
        model, adam = equipment(dl, lr=0.5)
        message = "with lr 0.01, and this training has 0.5"
        self.refused(path, message, model, adam, **options(dl, path))

    @pytest.mark.parametrize("other", ["values", "length"])
    def test_other_data(self, dl, path, other):
        model, adam = equipment(dl)
        x, y = (DATA[0], 1 - DATA[1]) if other == "values" else (X[:80], Y[:80])
        with pytest.raises(
            CheckpointError, match=r"data arrays \(90, 2\) with checksum"
        ):
            fit(
                model,
                (x, y),
                optimizer=adam,
                epochs=4,
                resume=True,
                **options(dl, path),
            )

    def test_another_model(self, dl, path):
        model = dl.MLP([2, 13, 2], dropout=0.5, seed=1)
        adam = dl.Adam(model.parameters(), lr=0.01)
        message = r"layers.0.W must have shape \(2, 13\), got \(2, 12\)"
        self.refused(path, message, model, adam, **options(dl, path))

    def test_another_activation(self, dl, path):
        model = dl.MLP([2, 12, 2], "tanh", dropout=0.5, seed=0)
        adam = dl.Adam(model.parameters(), lr=0.01)
        message = "activation='relu', and here it is .*activation='tanh'"
        self.refused(path, message, model, adam, **options(dl, path))

    def test_an_optimiser_of_fewer_parameters(self, dl, path):
        model = network(dl, seed=1, dropout=0.5)
        adam = dl.Adam(model.parameters()[:2], lr=0.01)
        self.refused(path, "unexpected", model, adam, **options(dl, path))

    def test_only_weights(self, dl, path):
        model, adam = equipment(dl)
        model.save(path)
        message = r"a model's weights.*model\.load"
        self.refused(path, message, model, adam, **options(dl, path))

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
    def test_truncated(self, dl, path, share):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        model, adam = equipment(dl)
        self.refused(path, "truncated", model, adam, **options(dl, path))

    def test_of_the_other_twin(self, dl, path):
        content = path.read_bytes()
        written = "d2lib.scratch" if dl is not scratch else "d2lib.mx"
        model, adam = equipment(dl)
        arrays, meta = load(path)
        save(path, arrays, {**meta, "twin": written})
        assert path.read_bytes() != content
        self.refused(
            path, f"written with twin '{written}'", model, adam, **options(dl, path)
        )


class TestNonFiniteLoss:
    def test_names_the_step_and_leaves_the_weights_of_the_one_before(
        self, dl, tmp_path
    ):
        model, path = network(dl), tmp_path / "w.npz"
        before, calls = [], 0

        def loss(y_hat, y):
            nonlocal calls
            calls += 1
            before[:] = [model.state()]
            # 3 steps per epoch: the fifth is the second of epoch 2
            return dl.cross_entropy(y_hat, y) * (math.nan if calls == 5 else 1.0)

        with pytest.raises(NonFiniteLossError, match="became nan at step 2 of epoch 2"):
            train(dl, model, loss=loss, checkpoint=path)
        same(model.state(), before[0])
        assert load(path)[1]["epoch"] == 1

    def test_an_explosion_is_told_with_its_learning_rate(self, dl):
        model = dl.Dense(2, 1, seed=0)
        sgd = dl.SGD(model.parameters(), lr=1e15)
        with (
            np.errstate(all="ignore"),
            pytest.raises(NonFiniteLossError, match=r"now 1e\+15.*clip_norm=1\.0"),
        ):
            fit(
                model,
                (DATA[0], DATA[0][:, :1]),
                loss=dl.mse,
                optimizer=sgd,
                epochs=50,
            )


X, Y = DATA


class TestBadCalls:
    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"data": (X[:, :0], Y)}, ValueError, "empty batch"),
            ({"data": (X[:0], Y[:0])}, ValueError, r"data needs at least one example"),
            ({"data": (X, Y[:-1])}, ValueError, r"x \(90, 2\) and y \(89,\)"),
            ({"data": (X.astype(int), Y)}, TypeError, "floating-point.*int64"),
            ({"data": (X.astype(object), Y)}, TypeError, "numbers, got dtype object"),
            ({"data": X}, TypeError, r"pair \(x, y\), got ndarray"),
            ({"data": [X, Y, Y]}, TypeError, r"pair \(x, y\)"),
            ({"validation": (X, Y[:3])}, ValueError, "validation needs as many"),
            ({"validation": (X * np.nan, Y)}, ValueError, "validation's x must be fin"),
            ({"epochs": 0}, ValueError, "epochs must be a whole number >= 1, got 0"),
            ({"epochs": 1.5}, TypeError, "epochs must be"),
            ({"batch_size": 0}, ValueError, "batch_size must be"),
            ({"clip_norm": 0}, ValueError, "clip_norm must be a finite number > 0"),
            ({"seed": -1}, ValueError, "seed must be a whole number >= 0, got -1"),
            ({"seed": None}, TypeError, "seed must be"),
            ({"checkpoint": "/no/such/folder/w"}, OSError, "can't write the checkp"),
            ({"model": lambda x: x}, TypeError, "Module of d2lib.scratch or d2lib.mx"),
            ({"data": (X, Y + 2)}, ValueError, r"labels must lie in \[0, 2\)"),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
    )
    def test_leave_the_model_as_it_was(self, dl, change, error, message):
        model = network(dl)
        optimizer = dl.SGD(model.parameters())
        before = model.state(), optimizer.state()
        call = {"model": model, "data": DATA, "loss": dl.cross_entropy, **change}
        with pytest.raises(error, match=message):
            fit(call.pop("model"), call.pop("data"), optimizer=optimizer, **call)
        same(model.state(), before[0])
        same(optimizer.state(), before[1])

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_data_that_is_not_finite_names_the_place(self, dl, bad):
        x = X.copy()
        x[7, 1] = bad
        model = network(dl)
        with pytest.raises(ValueError, match=r"data's x must be finite.*\(7, 1\)"):
            fit(
                model,
                (x, Y),
                loss=dl.cross_entropy,
                optimizer=dl.SGD(model.parameters()),
            )

    def test_an_optimiser_that_is_none(self, dl):
        with pytest.raises(TypeError, match="an optimiser made for the model"):
            fit(network(dl), DATA, loss=dl.cross_entropy, optimizer=object())

    def test_a_missing_folder_is_told_before_the_first_step(self, dl, tmp_path):
        model = network(dl)
        before = model.state()
        with pytest.raises(FileNotFoundError, match="can't write the checkpoint"):
            train(dl, model, checkpoint=tmp_path / "missing" / "w.npz")
        same(model.state(), before)
        assert list(tmp_path.iterdir()) == []


class TestProgress:
    @pytest.fixture(autouse=True)
    def tqdm(self):
        return pytest.importorskip("tqdm")

    def bar_shown(self, capsys, **options):
        train(scratch, network(scratch), **options)
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err != ""

    def test_quiet_where_nobody_watches(self, capsys, monkeypatch):
        monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
        assert not self.bar_shown(capsys)

    def test_shown_on_demand_and_hidden_on_demand(self, capsys):
        assert self.bar_shown(capsys, progress=True)
        assert not self.bar_shown(capsys, progress=False)

    def test_a_built_page_can_silence_it(self, capsys, monkeypatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setenv("D2LIB_PROGRESS", "0")
        assert not self.bar_shown(capsys)
        monkeypatch.setenv("D2LIB_PROGRESS", "1")
        assert self.bar_shown(capsys)

    def test_works_without_tqdm(self, capsys, monkeypatch):
        monkeypatch.setitem(sys.modules, "tqdm", None)
        train(scratch, network(scratch), validation=HELD_OUT, progress=True)
        first, *others = capsys.readouterr().err.splitlines()
        assert re.fullmatch(r"epoch 1/3  loss [\d.]+  val_loss [\d.]+  [\d.]+ s", first)
        assert len(others) == 2


class TestPredict:
    def test_batches_make_no_difference(self, dl):
        model = network(dl)
        whole = predict(model, X)
        assert isinstance(whole, np.ndarray)
        assert (whole.shape, whole.dtype) == ((90, 2), np.float32)
        np.testing.assert_allclose(predict(model, X, batch_size=7), whole, rtol=1e-5)

    def test_nothing_drops_and_nothing_is_recorded(self, dl):
        model = network(dl, dropout=0.5)
        with dl.record():
            first = predict(model, X)
            np.testing.assert_array_equal(first, predict(model, X))
        model.eval()
        np.testing.assert_allclose(dl.to_numpy(model(dl.tensor(X))), first, rtol=1e-5)

    def test_errors(self, dl):
        with pytest.raises(ValueError, match="predict needs at least one example"):
            predict(network(dl), X[:0])
        with pytest.raises(ValueError, match="batch_size"):
            predict(network(dl), X, batch_size=0)
        with pytest.raises(TypeError, match="floating-point"):
            predict(network(dl), np.ones((2, 2), int))
        with pytest.raises(TypeError, match="Module of d2lib"):
            predict(np.tanh, X)


class TestAccuracy:
    @pytest.mark.parametrize(
        ("y_hat", "y", "share"),
        [
            ([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0], 2 / 3),
            ([2.0, -1.0, 0.5, -3.0], [1, 0, 0, 0], 3 / 4),
            ([[2.0], [-1.0]], [[1.0], [1.0]], 1 / 2),
            ([[[1, 2], [2, 1]]], [[1, 1]], 1 / 2),
        ],
    )
    def test_golden(self, y_hat, y, share):
        result = accuracy(np.array(y_hat), np.array(y))
        assert result == share
        assert type(result) is float

    @pytest.mark.parametrize(
        ("y_hat", "y", "message"),
        [
            (np.ones((3, 2)), np.ones(2), r"got y_hat \(3, 2\) and y \(2,\)"),
            (np.ones(3), np.ones((3, 1)), r"got y_hat \(3,\) and y \(3, 1\)"),
            (np.ones((3, 1)), np.ones(3), "single column"),
            (np.ones((0, 2)), np.ones(0), "empty batch"),
        ],
    )
    def test_errors(self, y_hat, y, message):
        with pytest.raises(ValueError, match=message):
            accuracy(y_hat, y)


class TestHistory:
    def test_names(self):
        history = History([2.0, 1.0], [3.0, 2.0], {"accuracy": [0.5, 0.6]})
        assert history["loss"] == [2, 1]
        assert history["val_loss"] == [3, 2]
        assert history["accuracy"] == [0.5, 0.6]
        with pytest.raises(KeyError, match="loss, val_loss, accuracy, not 'acc'"):
            history["acc"]

    def test_to_dict_is_a_copy_that_makes_an_equal_one(self):
        history = History([2.0], [3.0], {"a": [1.0]})
        plain = history.to_dict()
        assert History(**plain) == history
        plain["metrics"]["a"].append(1)
        assert history["a"] == [1.0]

    def test_plot(self):
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        _, ax = plt.subplots()
        try:
            assert History([2.0, 1.0], [3.0, 2.0]).plot(ax) is ax
            assert [line.get_label() for line in ax.lines] == ["training", "validation"]
            assert ax.lines[0].get_xdata().tolist() == [1, 2]
            assert ax.get_xlabel() == "epoch"
            assert ax.get_ylabel() == "loss"
            own = History([1.0]).plot()
            assert len(own.lines) == 1
        finally:
            plt.close("all")
