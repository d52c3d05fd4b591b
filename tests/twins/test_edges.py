"""Edges at which twins part silently: each gives the same answer or the same error."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("d2lib.mx", exc_type=ImportError)

from d2lib import mx, scratch
from d2lib.training import Callback, EarlyStopping, accuracy, fit

twins = pytest.mark.parametrize("dl", [scratch, mx], ids=["scratch", "mx"])


def gradient(dl, f, x, dtype=np.float32):
    x = dl.tensor(np.asarray(x, dtype), dtype=dtype, requires_grad=True)
    with dl.record():
        loss = f(x).sum()
    loss.backward()
    return dl.to_numpy(x.grad)


@twins
def test_a_nan_goes_through_a_relu(dl):
    assert np.isnan(dl.to_numpy(dl.relu([np.nan, 1.0]))).tolist() == [True, False]
    layer = dl.Dense(1, 2, "relu", seed=0)
    layer.load_state({"W": [[np.nan, 1.0]], "b": [0.0, 0.0]})
    assert np.isnan(dl.to_numpy(layer([[1.0]]))).tolist() == [[True, False]]


@twins
def test_a_model_that_is_not_a_number_does_not_train_on(dl):
    model = dl.MLP([2, 4, 3], seed=0)
    state = model.state()
    state["layers.0.W"][0, 0] = np.nan
    model.load_state(state)
    data = np.ones((8, 2), np.float32), np.zeros(8, int)
    with pytest.raises(ArithmeticError, match="the loss became nan"):
        fit(model, data, loss=dl.cross_entropy, optimizer=dl.SGD(model.parameters()))


@twins
@pytest.mark.parametrize("power", [0, 0.0, 1, 2, 3])
def test_the_derivative_of_a_power_at_zero(dl, power):
    wanted = 1.0 if power == 1 else 0.0
    np.testing.assert_array_equal(gradient(dl, lambda x: x**power, [0.0]), [wanted])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((2, 1, 2, 3), (2, 5, 3, 2)),
        ((2, 5, 2, 3), (2, 1, 3, 2)),
        ((4, 1, 2, 3), (1, 5, 3, 2)),
        ((5, 2, 3), (4, 5, 3, 2)),
        ((4, 5, 2, 3), (5, 3, 2)),
        ((4, 5, 2, 3), (3, 2)),
        ((2, 3), (4, 3, 2)),
        ((4, 2, 3), (4, 3, 2)),
    ],
)
def test_matrices_in_stacks_that_are_stretched(x, y):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=x), rng.normal(size=y)
    g = rng.normal(size=(x @ y).shape)
    found = []
    for dl in (scratch, mx):
        a, b = (dl.tensor(v.astype(np.float32), requires_grad=True) for v in (x, y))
        with dl.record():
            loss = ((a @ b) * dl.tensor(g.astype(np.float32))).sum()
        loss.backward()
        found.append([dl.to_numpy(a.grad), dl.to_numpy(b.grad)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)


@twins
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_recurrent_layers_compute_in_the_precision_of_their_input(dl, kind):
    layer = getattr(dl, kind)(3, 4, seed=0)
    if dl is scratch:
        for parameter in layer.parameters():
            parameter.data = parameter.data.astype(np.float64)
    else:
        layer.cast("float64")
    x = dl.tensor(np.ones((2, 5, 3)), dtype=np.float64)
    outputs, state = layer(x)
    parts = state if isinstance(state, tuple) else (state,)
    assert all(a.dtype == np.float64 for a in (outputs, *parts))


@twins
def test_a_parameter_that_joins_late_takes_a_first_step_of_adam(dl):
    early, late = (dl.tensor([0.0], requires_grad=True) for _ in range(2))
    optimizer = dl.Adam([early, late], lr=0.1)

    def step(*parameters):
        optimizer.zero_grad()
        with dl.record():
            loss = sum((p * 3.0).sum() for p in parameters)
        loss.backward()
        optimizer.step()

    for _ in range(5):
        step(early)
    step(early, late)
    np.testing.assert_allclose(dl.to_numpy(late), [-0.1], rtol=1e-5)
    np.testing.assert_allclose(dl.to_numpy(early), [-0.6], rtol=1e-5)
    assert optimizer.state()["counts"].tolist() == [6, 1]


@twins
@pytest.mark.parametrize("take", ["SGD", "Adam", "clip"])
def test_what_can_not_be_trained_is_refused(dl, take):
    def use(parameters):
        if take == "clip":
            return dl.clip_gradients(parameters, 1.0)
        return getattr(dl, take)(parameters)

    w = dl.tensor([1.0], requires_grad=True)
    with dl.record():
        computed = w * 2.0
    for wrong, error, words in [
        (w, TypeError, "takes a list of tensors"),
        ([computed], TypeError, "not what is computed"),
        ([w, w], ValueError, "given once"),
        ([], ValueError, "at least one parameter"),
        ([1.0], TypeError, "requires_grad=True, got float"),
        (3, TypeError, "takes a list of tensors"),
    ]:
        with pytest.raises(error, match=words):
            use(wrong)


class Scaled:
    """Made for each twin: a layer, and a bare tensor beside it."""

    def __new__(cls, dl):
        class Model(dl.Module):
            def __init__(self):
                self.layer = dl.Dense(2, 3, seed=0)
                self.scale = dl.tensor([1.0], requires_grad=True)

            def forward(self, x):
                return self.layer(x) * self.scale

        return Model()


@twins
def test_what_is_frozen_stays_counts_and_can_be_trained_again(dl, tmp_path):
    model, head = Scaled(dl), dl.Dense(3, 2, seed=1)
    optimizer = dl.Momentum([*model.parameters(), *head.parameters()], lr=0.1)
    x, y = np.ones((4, 2), np.float32), np.zeros(4, int)

    def step():
        optimizer.zero_grad()
        with dl.record():
            loss = dl.cross_entropy(head(model(x)), y)
        loss.backward()
        optimizer.step()
        return model.state(), head.state()

    (before, head_before), number = step(), model.num_parameters()
    assert model.freeze() is model
    after, head_after = step()
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)
        assert not model.gradients()[name].any()
    assert (head_after["W"] != head_before["W"]).any()
    assert model.num_parameters() == number == 10
    assert len(model.parameters()) == 3

    model.save(tmp_path / "frozen.npz")
    other = Scaled(dl)
    other.load(tmp_path / "frozen.npz")
    np.testing.assert_array_equal(other.state()["scale"], after["scale"])

    assert model.unfreeze() is model
    moved, _ = step()
    assert all((moved[name] != after[name]).any() for name in moved)


@twins
def test_a_part_that_was_frozen_learns_again_inside_a_compiled_whole(dl):
    model = dl.MLP([2, 3, 2], "tanh", seed=0)
    x, u = np.ones((4, 2), np.float32), dl.tensor(np.ones((4, 2)))
    gradients = []
    for _ in range(3):
        model.zero_grad()
        with dl.record():
            loss = (model(x) * u).sum()
        loss.backward()
        gradients.append(model.gradients())
        model.layers[0].freeze()
        model.layers[0].unfreeze()
    for found in gradients[1:]:
        for name, g in gradients[0].items():
            np.testing.assert_allclose(found[name], g, rtol=1e-5)


@twins
def test_an_optimiser_can_be_made_while_a_part_is_frozen(dl):
    model = dl.MLP([2, 3, 2], seed=0)
    model.layers[0].freeze()
    history = fit(
        model,
        (np.ones((4, 2), np.float32), np.zeros(4, int)),
        loss=dl.cross_entropy,
        optimizer=dl.Adam(model.parameters(), lr=0.1),
        epochs=3,
        clip_norm=1.0,
    )
    assert history.loss[-1] < history.loss[0]
    first = dl.MLP([2, 3, 2], seed=0).state()["layers.0.W"]
    np.testing.assert_array_equal(model.state()["layers.0.W"], first)


@twins
def test_a_tensor_is_a_copy(dl):
    array = np.array([2.0], np.float32)
    x = dl.tensor(array)
    w = dl.tensor([1.0], requires_grad=True)
    with dl.record():
        loss = (w * x).sum()
    array[0] = 100.0
    loss.backward()
    assert dl.to_numpy(w.grad).tolist() == [2.0]


@twins
def test_one_hot_takes_memory_for_what_it_returns_only(dl):
    vectors = dl.to_numpy(dl.one_hot([49_999], 50_000))
    assert vectors.shape == (1, 50_000)  # a table of all would be 10 GB
    assert vectors[0, -1] == vectors.sum() == 1
    assert dl.one_hot(np.zeros((0, 2), int), 3).shape == (0, 2, 3)


@twins
def test_a_column_of_labels_is_told_to_become_a_row(dl):
    with pytest.raises(ValueError, match=r"with y\.reshape\(-1\)"):
        dl.cross_entropy(np.zeros((4, 3), np.float32), np.zeros((4, 1), int))
    with pytest.raises(ValueError, match=r"y\.argmax"):
        dl.cross_entropy(np.zeros((4, 3), np.float32), np.zeros((4, 3), int))


def holding(dl, **parts):
    """Return a module with these attributes."""
    module = dl.Module()
    for name, part in parts.items():
        setattr(module, name, part)
    return module


@twins
def test_a_parameter_may_have_any_name(dl, tmp_path):
    names = ("file", "args", "self", "allow_pickle")
    values = {
        name: dl.tensor([float(i)], requires_grad=True) for i, name in enumerate(names)
    }
    model = holding(dl, **values)
    model.save(tmp_path / "model.npz")
    other = holding(
        dl, **{name: dl.tensor([9.0], requires_grad=True) for name in names}
    )
    other.load(tmp_path / "model.npz")
    assert [other.state()[name].item() for name in names] == [0, 1, 2, 3]


@twins
def test_two_parameters_of_one_name_are_an_error(dl):
    w = [dl.tensor([1.0], requires_grad=True) for _ in range(2)]
    with pytest.raises(ValueError, match=r"two parameters are called 'parts\.0'"):
        holding(dl, parts={0: w[0], "0": w[1]}).state()
    assert list(holding(dl, parts={0: w[0], 1: w[0]}).state()) == ["parts.0"]  # shared


@twins
def test_a_module_that_contains_itself_is_an_error(dl):
    model = holding(dl, layer=dl.Dense(2, 2))
    model.whole = [model]
    with pytest.raises(ValueError, match=r"can't contain itself, and 'whole\.0'"):
        model.parameters()
    shared = dl.Dense(2, 2)
    assert len(holding(dl, one=shared, two=[shared]).parameters()) == 2


# Writing ---------------------------------------------------------------------------


class Fixed:
    """A language model that always expects the same."""

    tokens = 4

    def __init__(self, dl, logits):
        self.twin, self.logits = dl.__name__, np.array([logits], np.float32)

    def advance(self, x, state=None):
        return np.repeat(self.logits, len(x), axis=0), None


@twins
def test_top_k_means_k_among_equals_too(dl):
    model = Fixed(dl, [1.0, 1.0, 1.0, 0.0])
    written = dl.generate(model, [3], 200, top_k=2, seed=0)[1:]
    assert set(written.tolist()) == {0, 1}
    assert set(dl.generate(model, [3], 50, top_k=1, seed=0)[1:].tolist()) == {0}
    model = Fixed(dl, [0.0, -np.inf, 1.0, -np.inf])
    assert set(dl.generate(model, [3], 200, seed=0)[1:].tolist()) == {0, 2}


@twins
@pytest.mark.parametrize("temperature", [0, 1.0])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_model_that_expects_nothing_is_an_error(dl, wrong, temperature):
    model = Fixed(dl, [0.0, wrong, 1.0, 0.0])
    with pytest.raises(ValueError, match="needs finite logits"):
        dl.generate(model, [3], 5, temperature=temperature)
    with pytest.raises(ValueError, match="needs a token that can come"):
        dl.generate(Fixed(dl, [-np.inf] * 4), [3], 5, temperature=temperature)


@twins
def test_one_token_stops(dl):
    with pytest.raises(ValueError, match="stop must be one token"):
        dl.generate(Fixed(dl, [0.0] * 4), [3], 5, stop=[1, 2])


# Measures --------------------------------------------------------------------------


@twins
def test_accuracy_takes_tensors(dl):
    scores = dl.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert accuracy(scores, np.array([1, 0, 0])) == pytest.approx(2 / 3)


def test_the_threshold_fits_what_the_model_gives():
    y = np.array([1, 0, 1])
    assert accuracy(np.array([0.9, 0.2, 0.6]), y) == 1.0  # probabilities
    assert accuracy(np.array([2.0, -3.0, 0.1]), y) == 1.0  # logits
    assert accuracy(np.array([0.9, 0.2, 0.6]), y, threshold=0.7) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("y_hat", "y", "words"),
    [
        (np.zeros((2, 3)), np.eye(3, dtype=int)[:2], r"y\.argmax"),
        (np.array([[np.nan, 1.0]]), np.array([0]), "got NaN"),
        (np.array([np.nan]), np.array([0]), "got NaN"),
        ([[0.1, 0.4]], [-1], r"in \[0, 2\).* got -1 \(1 of 1"),
        ([[0.1, 0.4], [1, 0]], [1, 2], r"in \[0, 2\).* got 2 \(1 of 2"),
    ],
)
def test_accuracy_of_what_is_no_answer(y_hat, y, words):
    with pytest.raises(ValueError, match=words):
        accuracy(y_hat, y)


def stopped_by(monitor, values, **options):
    """Train for as many epochs as there are values of a metric, as if it had these."""
    model = scratch.Dense(1, 1, seed=0)
    told = iter(values)
    stopping = EarlyStopping(patience=2, monitor=monitor, **options)
    fit(
        model,
        (np.ones((2, 1), np.float32), np.ones((2, 1), np.float32)),
        loss=scratch.mse,
        optimizer=scratch.SGD(model.parameters()),
        epochs=len(values),
        metrics={monitor: lambda y_hat, y: next(told)},
        callbacks=[stopping],
    )
    return stopping


def test_early_stopping_knows_what_is_better():
    values = [0.5, 0.9, 0.7, 0.6, 0.99]
    stopping = stopped_by("accuracy", values)
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch) == (0.9, 2, 4)
    stopping = stopped_by("score", values, mode="min")
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch) == (0.5, 1, 3)
    with pytest.raises(ValueError, match="say mode="):
        EarlyStopping(monitor="score")
    with pytest.raises(ValueError, match="mode must be one of"):
        EarlyStopping(mode="highest")


def test_early_stopping_is_refused_before_the_first_step():
    model = scratch.Dense(1, 1, seed=0)
    before = model.state()
    steps = []

    class Counts(Callback):
        def on_epoch(self, run):
            steps.append(run.epoch)

    for monitor in ("val_loss", "val_accuracy"):
        with pytest.raises(ValueError, match="and this training measures loss"):
            fit(
                model,
                (np.ones((2, 1), np.float32), np.ones((2, 1), np.float32)),
                loss=scratch.mse,
                optimizer=scratch.SGD(model.parameters()),
                callbacks=[Counts(), EarlyStopping(monitor=monitor)],
            )
    assert steps == []
    np.testing.assert_array_equal(model.state()["W"], before["W"])


# What fit is given -----------------------------------------------------------------

OTHER = {scratch: mx, mx: scratch}


@twins
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (lambda dl, m: {"loss": "mse"}, TypeError, "pass the function itself"),
        (lambda dl, m: {"loss": OTHER[dl].mse}, TypeError, "of one twin"),
        (
            lambda dl, m: {"loss": lambda y_hat, y: (y_hat - dl.tensor(y)) ** 2},
            ValueError,
            r"one number, got shape \(4, 1\)",
        ),
        (lambda dl, m: {"optimizer": "adam"}, TypeError, r"pass dl\.Adam\(model"),
        (lambda dl, m: {"optimizer": dl.Adam}, TypeError, r"pass dl\.Adam\(model"),
        (
            lambda dl, m: {"optimizer": dl.SGD(dl.Dense(2, 1).parameters())},
            ValueError,
            "made for this model",
        ),
        (lambda dl, m: {"metrics": [dl.mse]}, TypeError, "functions by name"),
        (lambda dl, m: {"metrics": {"mse": "mse"}}, TypeError, "functions by name"),
        (
            lambda dl, m: {"callbacks": EarlyStopping(monitor="loss")},
            TypeError,
            r"pass \[callback\]",
        ),
        (lambda dl, m: {"callbacks": [print]}, TypeError, "a callback must be"),
        (
            lambda dl, m: {"data": (np.ones((2, 2), "f"), np.array(["a", "b"]))},
            TypeError,
            "number the classes",
        ),
        (lambda dl, m: {"data": {"x": 1, "y": 2}}, TypeError, r"a pair \(x, y\)"),
    ],
)
def test_what_fit_refuses(dl, options, error, words):
    model = dl.Dense(2, 1, seed=0)
    before = model.state()
    good = {
        "data": (np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)),
        "loss": dl.mse,
        "optimizer": dl.SGD(model.parameters()),
    }
    given = good | options(dl, model)
    data = given.pop("data")
    with pytest.raises(error, match=words):
        fit(model, data, **given)
    np.testing.assert_array_equal(model.state()["W"], before["W"])


@twins
def test_fit_takes_tensors_and_losses_of_ones_own(dl):
    model = dl.Dense(2, 1, seed=0)
    data = dl.tensor(np.ones((4, 2))), dl.tensor(np.ones((4, 1)))

    def loss(y_hat, y):
        return ((y_hat - dl.tensor(y)) ** 2).mean()

    history = fit(
        model, data, loss=loss, optimizer=dl.SGD(model.parameters(), lr=0.1), epochs=3
    )
    assert history.loss[-1] < history.loss[0]


def logits(dl):
    """A model that gives the logit -3 for ones."""
    model = dl.Dense(2, 1, seed=0)
    model.load_state({"W": np.full((2, 1), -1.0), "b": np.full(1, -1.0)})
    return model


@twins
@pytest.mark.parametrize(
    ("make", "loss", "y", "words"),
    [
        (
            lambda dl: dl.MLP([2, 4, 3], output_activation="softmax", seed=0),
            "cross_entropy",
            np.zeros(4, int),
            "returns probabilities, which sum to 1: leave out its softmax",
        ),
        (
            lambda dl: dl.Perceptron(2, seed=0),
            "binary_cross_entropy_with_logits",
            np.zeros(4, np.float32),
            "ends with a sigmoid: build it with activation=None",
        ),
        (
            lambda dl: dl.MLP([2, 4, 1], output_activation="sigmoid", seed=0),
            "binary_cross_entropy_with_logits",
            np.zeros((4, 1), np.float32),
            "ends with a sigmoid: build it with activation=None",
        ),
        (
            logits,
            "binary_cross_entropy",
            np.zeros((4, 1), np.float32),
            r"y_hat must lie in \[0, 1\], got values from -3 to -3: these are logits",
        ),
        (
            lambda dl: dl.Dense(2, 3, seed=0),
            "mse",
            np.zeros(4, int),
            r"use cross_entropy, or make rows of them with one_hot\(y, 3\)",
        ),
        (
            lambda dl: dl.Dense(2, 3, seed=0),
            "cross_entropy",
            np.zeros((4, 1), int),
            r"becomes a row of them with y\.reshape\(-1\)",
        ),
        (
            lambda dl: dl.Dense(2, 3, seed=0),
            "cross_entropy",
            np.eye(4, 3, dtype=np.float32),
            r"one-hot rows become that with y\.argmax\(-1\)",
        ),
    ],
)
def test_a_loss_that_expects_something_else(dl, make, loss, y, words):
    model = make(dl)
    before = model.state()
    with pytest.raises(ValueError, match=words):
        fit(
            model,
            (np.ones((4, 2), np.float32), y),
            loss=getattr(dl, loss),
            optimizer=dl.SGD(model.parameters()),
        )
    for name, values in model.state().items():
        np.testing.assert_array_equal(values, before[name])


@twins
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"validation": 0.2}, TypeError, r"validation must be a pair \(x, y\)"),
        (
            {"validation": (np.ones((2, 2, 2), "f"), np.ones((2, 1), "f"))},
            ValueError,
            r"like those of data, got x \(2, 2, 2\)",
        ),
        (
            {"data": (np.full((4, 2), 255, np.uint8), np.ones((4, 1), "f"))},
            TypeError,
            r"dtype uint8 .*x\.astype\('float32'\) / 255",
        ),
        ({"data": (i for i in range(2))}, TypeError, "pass the function that makes it"),
        ({"batch_size": True}, TypeError, "batch_size must be a whole number"),
        ({"epochs": 1.5}, TypeError, "epochs must be a whole number"),
        ({"epochs": True}, TypeError, "epochs must be a whole number"),
        ({"seed": "abc"}, TypeError, "seed must be a whole number >= 0"),
        ({"seed": None}, TypeError, "seed must be a whole number >= 0"),
        ({"resume": "yes"}, TypeError, "resume must be True or False"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be the name of a file"),
        ({"checkpoint": "."}, OSError, "the name is that of a folder"),
        ({"checkpoint": "no/w.npz"}, OSError, "choose a file in a folder that exists"),
        ({"loss": lambda y_hat, y: 1.0}, TypeError, "must return a tensor of d2lib"),
        (
            {"metrics": {"each": lambda y_hat, y: y}},
            TypeError,
            "'each' returned an array .*: take its mean",
        ),
        ({"callbacks": "abc"}, TypeError, "got callbacks with 'a'"),
    ],
)
def test_what_else_fit_refuses(dl, options, error, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = dl.Dense(2, 1, seed=0)
    given = {
        "data": (np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)),
        "loss": dl.mse,
        "optimizer": dl.SGD(model.parameters()),
    } | options
    with pytest.raises(error, match=words):
        fit(model, given.pop("data"), **given)


@twins
def test_what_fit_takes(dl):
    model = dl.Dense(2, 1, seed=0)
    history = fit(
        model,
        [[[1.0, 2.0]] * 3, [[1.0]] * 3],  # lists, fewer than a batch
        loss=dl.mse,
        optimizer=dl.SGD(model.parameters(), lr=0.01),
        epochs=np.int64(2),
        batch_size=10**6,
        seed=np.uint8(3),
        metrics={"mse": dl.mse},
    )
    assert len(history.loss) == len(history["mse"]) == 2


@twins
def test_predict_needs_one_tensor(dl):
    with pytest.raises(TypeError, match="returns one tensor, got tuple: wrap it"):
        dl.predict(dl.LSTM(2, 3, seed=0), np.ones((4, 5, 2), np.float32))


@twins
@pytest.mark.parametrize("kind", ["MLP", "Dense", "LSTM", "LanguageModel", "Dropout"])
@pytest.mark.parametrize("seed", ["abc", -1, 1.5, True, [1.5], np.ones(2)])
def test_a_seed_is_a_whole_number_a_generator_or_none(dl, kind, seed):
    sizes = {"MLP": ([2, 3],), "LanguageModel": (5, 4), "Dropout": (0.5,)}
    with pytest.raises((TypeError, ValueError), match="seed must be a whole number >="):
        getattr(dl, kind)(*sizes.get(kind, (2, 3)), seed=seed)
    for fine in (None, 0, np.int64(3), [0, 1], np.random.default_rng(0)):
        getattr(dl, kind)(*sizes.get(kind, (2, 3)), seed=fine)


@twins
def test_the_widths_of_a_network_are_one_list(dl):
    with pytest.raises(TypeError, match=r"pass all widths as one list, such as MLP"):
        dl.MLP(4, 8, 2)


@twins
def test_more_layers_than_can_be_computed(dl):
    for call in (
        lambda: dl.RNN(2, 2, layers=10**6),
        lambda: dl.LSTM(2, 2, layers=10**6),
        lambda: dl.GRU(2, 2, layers=10**6),
        lambda: dl.LanguageModel(5, 4, layers=10**6),
        lambda: dl.LanguageModel(5, 4, "transformer", layers=10**6),
    ):
        with pytest.raises(ValueError, match=r"layers must be .* <= 10000, got 10{6}"):
            call()


@twins
def test_what_would_take_gigabytes_is_refused(dl):
    for call in (
        lambda: dl.Dense(10**5, 10**5),
        lambda: dl.MLP([10**5, 10**5]),
        lambda: dl.Embedding(10**5, 10**5),
        lambda: dl.LSTM(10, 10**5),
        lambda: dl.MultiHeadAttention(10**5, 2),
        lambda: dl.TransformerBlock(10**4, 2, hidden=10**5),
        lambda: dl.one_hot(np.zeros(10**5, int), 10**5),
        lambda: dl.positional_encoding(10**5, 10**5),
        lambda: dl.initialize((10**5, 10**5)),
        lambda: dl.LanguageModel(10**5, 10**5),
    ):
        with pytest.raises(
            ValueError, match=r"must (be|have) at most 268435456 numbers"
        ):
            call()


@twins
@pytest.mark.parametrize("axis", [2, -3, 0.5, None, True, "rows"])
def test_an_axis_that_is_not_there(dl, axis):
    with pytest.raises((TypeError, ValueError), match="axis must"):
        dl.softmax(np.ones((2, 3), np.float32), axis=axis)


@twins
def test_a_state_is_a_mapping(dl):
    model = dl.Dense(2, 3, seed=0)
    for target in (model, dl.Adam(model.parameters())):
        for state in (None, "w.npz", [1, 2], 3):
            with pytest.raises(TypeError, match=r"state must be a mapping.*load\(path"):
                target.load_state(state)
