"""A mistake changes nothing that was there before; damaged files are refused.

Which mistake gets which error stands in the rows of `tests/concepts`.
"""

import numpy as np
import pytest

from d2lib.checkpoint import CheckpointError

F = np.float32
X = np.ones((4, 3), F)


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


class TestNothingChanges:
    def test_gradients_and_weights_after_a_refused_call(self, dl):
        model = dl.MLP([3, 4, 2], seed=0)
        optimizer = dl.Adam(model.parameters())
        with dl.record():
            loss = dl.mse(model(dl.tensor(X)), np.ones((4, 2), F))
        loss.backward()
        optimizer.step()
        before = model.state(), model.gradients(), optimizer.state()
        for bad in (
            lambda: model(np.ones((2, 5), F)),
            lambda: dl.mse(model(X), np.ones((4, 3), F)),
            lambda: dl.cross_entropy(model(X), [0, 1, 2, 0]),
            lambda: dl.clip_gradients(model.parameters(), -1),
            lambda: model.load_state({"W": X}),
            lambda: optimizer.load_state({}),
            lambda: setattr(optimizer, "lr", 0),
        ):
            with pytest.raises(ValueError):
                bad()
        same(model.state(), before[0])
        same(model.gradients(), before[1])
        same(optimizer.state(), before[2])

    @pytest.mark.parametrize(
        ("spoil", "error", "message"),
        [
            (lambda s: s.pop("layers.1.b"), ValueError, r"missing \['layers.1.b'\]"),
            (lambda s: s.update(W=X), ValueError, r"unexpected \['W'\]"),
            (
                lambda s: s.update({"layers.1.b": np.ones(3)}),
                ValueError,
                r"layers.1.b must have shape \(2,\), got \(3,\)",
            ),
            (
                lambda s: s.update({"layers.1.b": np.array(["a", "b"])}),
                TypeError,
                "must hold numbers, got dtype <U1",
            ),
        ],
    )
    def test_a_state_that_does_not_fit(self, dl, spoil, error, message):
        model = dl.MLP([3, 4, 2], seed=0)
        before = model.state()
        state = dl.MLP([3, 4, 2], seed=1).state()
        spoil(state)
        with pytest.raises(error, match=message):
            model.load_state(state)
        same(model.state(), before)

    @pytest.mark.parametrize("kind", ["SGD", "Momentum", "RMSProp", "Adadelta", "Adam"])
    def test_an_optimisers_state_that_does_not_fit(self, dl, kind):
        model = dl.Dense(3, 2, seed=0)
        optimizer = getattr(dl, kind)(model.parameters(), lr=0.1)
        with dl.record():
            loss = model(dl.tensor(X)).sum()
        loss.backward()
        optimizer.step()
        before = optimizer.state()
        for bad in (
            {},
            {**before, "9.x": np.ones(2)},
            {**before, "lr": np.asarray(-1.0), "steps": np.asarray(9)},
        ):
            with pytest.raises(ValueError):
                optimizer.load_state(bad)
            same(optimizer.state(), before)


class TestCheckpoints:
    def test_truncated_at_many_places(self, dl, tmp_path):
        path = tmp_path / "w.npz"
        dl.MLP([3, 4, 2], seed=1).save(path)
        content = path.read_bytes()
        model = dl.MLP([3, 4, 2], seed=0)
        before = model.state()
        for n in range(0, len(content), 37):
            path.write_bytes(content[:n])
            with pytest.raises(CheckpointError, match="truncated"):
                model.load(path)
            assert path.read_bytes() == content[:n]
        same(model.state(), before)
        assert list(tmp_path.iterdir()) == [path]

    def test_of_another_model(self, dl, tmp_path):
        path = tmp_path / "w.npz"
        dl.MLP([3, 4, 2], seed=1).save(path)
        content = path.read_bytes()
        for model in (
            dl.MLP([3, 5, 2], seed=0),
            dl.MLP([3, 4, 4, 2], seed=0),
            dl.Dense(3, 2, seed=0),
        ):
            before = model.state()
            with pytest.raises(CheckpointError, match="a checkpoint of another model"):
                model.load(path)
            same(model.state(), before)
        assert path.read_bytes() == content

    def test_a_file_that_is_not_there(self, dl, tmp_path):
        model = dl.Dense(3, 2, seed=0)
        with pytest.raises(FileNotFoundError):
            model.load(tmp_path / "none.npz")

    def test_a_folder_that_cannot_be_written(self, dl, tmp_path):
        model = dl.Dense(3, 2, seed=0)
        (tmp_path / "file").write_bytes(b"x")
        for path in (tmp_path / "missing" / "w.npz", tmp_path / "file" / "w.npz"):
            with pytest.raises(OSError, match="can't write the checkpoint"):
                model.save(path)
        assert [p.name for p in tmp_path.iterdir()] == ["file"]
        assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ("abc", "got 'abc': numbers that were read as text"),
        (["1", "2"], r"got \['1', '2'\]: .* numpy\.array\({}, 'float32'\)"),
        (np.array(["1"]), r"dtype <U1 .*: numbers .* numpy\.array\({}, 'float32'\)"),
        (None, "got None: give a number, or a list or an array of nothing but numbers"),
        ({}, r"got \{{\}}: give a number, or a list or an array"),
        ([1.0, None], r"got \[1.0, None\]: give a number"),
        (np.array([1j]), r"dtype complex128 .*: take {}\.real"),
    ],
)
def test_the_mend_fits_what_came_in(dl, x, words):
    for call, name in (
        (lambda: dl.tensor(x), "data"),
        (lambda: dl.relu(x), "x"),
        (lambda: dl.mse([1.0], x), "y"),
    ):
        rule = f"{name} must hold floating-point numbers, "
        with pytest.raises(TypeError, match=rule + ".*" + words.format(name)):
            call()


def test_whole_numbers_and_pixels_are_told_how_to_convert(dl):
    pixels = np.zeros((1, 2), np.uint8)
    for call, mend in (
        (lambda: dl.tensor(np.arange(3)), r"data\.astype\('float32'\)$"),
        (lambda: dl.mse(np.arange(3), X), r"y_hat\.astype\('float32'\)$"),
        (lambda: dl.Dense(2, 1)(pixels), r"x\.astype\('float32'\) / 255$"),
    ):
        with pytest.raises(TypeError, match=mend):
            call()


def test_a_frozen_model_is_told_to_unfreeze(dl):
    model = dl.Dense(3, 1, seed=0).freeze()
    with dl.record():
        loss = model(X).sum()
    with pytest.raises(ValueError, match=r"a frozen model learns after unfreeze\(\)"):
        loss.backward()
