"""What holds for every module: its parts, its copies, its buffers, what is frozen."""

from __future__ import annotations

import copy
import importlib
import itertools
import multiprocessing
import pickle
import re
from types import MappingProxyType

import numpy as np
import pytest

from d2lib.training import fit, predict
from tests.twins.both import needs_mxnet

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(6, 4)).astype(np.float32)
SEQUENCES = rng.normal(size=(2, 5, 4)).astype(np.float32)
IMAGES = rng.normal(size=(2, 3, 6, 6)).astype(np.float32)
TOKENS = rng.integers(0, 5, size=(2, 5))

# How to build a module of each kind, and what it takes.
KINDS = {
    "Perceptron": (lambda dl: dl.Perceptron(4, seed=0), ROWS),
    "Dense": (lambda dl: dl.Dense(4, 3, "tanh", seed=0), ROWS),
    "MLP": (lambda dl: dl.MLP([4, 3, 2], "tanh", dropout=0.5, seed=0), ROWS),
    "LayerNorm": (lambda dl: dl.LayerNorm(4), ROWS),
    "Embedding": (lambda dl: dl.Embedding(5, 3, seed=0), TOKENS),
    "RNN": (lambda dl: dl.RNN(4, 3, layers=2, seed=0), SEQUENCES),
    "LSTM": (lambda dl: dl.LSTM(4, 3, layers=2, seed=0), SEQUENCES),
    "GRU": (lambda dl: dl.GRU(4, 3, layers=2, seed=0), SEQUENCES),
    "MultiHeadAttention": (lambda dl: dl.MultiHeadAttention(4, 2, seed=0), SEQUENCES),
    "TransformerBlock": (lambda dl: dl.TransformerBlock(4, 2, seed=0), SEQUENCES),
    "LanguageModel": (lambda dl: dl.LanguageModel(5, 4, "gru", seed=0), TOKENS),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def mx():
    return importlib.import_module("d2lib.mx")


@pytest.fixture
def scratch():
    return importlib.import_module("d2lib.scratch")


def given(dl, x):
    """Tokens as they are, everything else as a tensor."""
    return x if x.dtype.kind == "i" else dl.tensor(x)


def output(model, x):
    y = model(x)
    return y[0] if isinstance(y, tuple) else y


def backward(dl, model, x, seed=1):
    """Computes the gradients of a random sum of the outputs."""
    model.zero_grad()
    with dl.record():
        y = output(model, given(dl, x))
        u = np.random.default_rng(seed).normal(size=y.shape).astype(np.float32)
        loss = (y * dl.tensor(u)).sum()
    loss.backward()
    return model.gradients()


def freeze_one(dl, parameter, frozen=True):
    if dl.__name__ == "d2lib.scratch":
        parameter.requires_grad = not frozen
    elif hasattr(parameter, "grad_req"):
        parameter.grad_req = "null" if frozen else "add"
    else:
        parameter.attach_grad("null" if frozen else "add")


def same(a, b):
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


def close(a, b, tolerance=1e-5):
    assert list(a) == list(b)
    for name in a:
        assert a[name].shape == b[name].shape, name
        np.testing.assert_allclose(
            a[name], b[name], rtol=tolerance, atol=tolerance, err_msg=name
        )


def holding(dl, **parts):
    """A module with these attributes."""

    class Model(dl.Module):
        def __init__(self):
            for name, part in parts.items():
                setattr(self, name, part)

        def forward(self, x):
            return x

    return Model()


# Parts ------------------------------------------------------------------------------


def test_a_part_may_be_private(dl):
    """Gluon has private attributes of its own, which are no parts of a model."""
    model = holding(
        dl,
        _body=dl.Dense(2, 3, seed=0),
        _scale=dl.tensor([1.0], requires_grad=True),
        _more={"a": [dl.Dense(3, 1)]},
        _children_of_mine=dl.Buffer([0.0]),
    )
    assert list(model.state()) == [
        *("_body.W", "_body.b", "_scale", "_more.a.0.W", "_more.a.0.b"),
        "_children_of_mine",
    ]
    assert len(list(model.modules())) == 3
    assert model.num_parameters() == 9 + 1 + 4


def test_a_layer_may_be_extended(dl):
    class Scaled(dl.Dense):
        def __init__(self):
            super().__init__(2, 2, seed=0)
            self.scale = dl.tensor([2.0], requires_grad=True)

    class Row(dl.Sequential):
        def __init__(self):
            super().__init__(dl.Dense(2, 2, seed=0))
            self.beside = dl.Dense(2, 3, seed=1)

        def forward(self, x):
            return self.beside(super().forward(x))

    assert list(Scaled().state()) == ["W", "b", "scale"]
    row = Row()
    assert list(row.state()) == ["layers.0.W", "layers.0.b", "beside.W", "beside.b"]
    assert len(row) == len(row.layers) == len(list(row)) == 1
    assert row(ROWS[:, :2]).shape == (6, 3)


def test_a_part_may_be_replaced(dl):
    model = holding(dl, head=dl.Dense(2, 2), spare=dl.Dense(1, 1))
    model.head, model.spare = dl.LayerNorm(3), None
    assert list(model.state()) == ["head.gamma", "head.beta"]
    model.spare = dl.Dense(1, 2)
    assert model.num_parameters() == 6 + 4


def test_the_layers_of_a_row_are_fixed(dl):
    """Appending to a list that MXNet does not know would do nothing there."""
    row = dl.Sequential(dl.Dense(2, 2), dl.Dropout(0.5))
    assert isinstance(row.layers, tuple)
    assert row[0] is row.layers[0]
    assert list(row) == list(row.layers)


def test_a_module_used_twice_is_one(dl, tmp_path):
    def build(seed):
        shared = dl.Dense(2, 2, "tanh", seed=seed)
        return dl.Sequential(shared, shared, dl.Dense(2, 1, seed=seed))

    model, other = build(0), build(1)
    names = ["layers.0.W", "layers.0.b", "layers.2.W", "layers.2.b"]
    assert list(model.state()) == list(model.gradients()) == names
    assert model.num_parameters() == 6 + 3
    assert len(model.parameters()) == 4
    model.save(tmp_path / "model.npz")
    other.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(
        dl.to_numpy(other(ROWS[:, :2])), dl.to_numpy(model(ROWS[:, :2]))
    )
    # Its gradient is the sum of those of both places.
    apart = dl.Sequential(*[dl.Dense(2, 2, "tanh") for _ in "ab"], dl.Dense(2, 1))
    apart.load_state(
        {name: model.state()[name.replace("1.", "0.")] for name in apart.state()}
    )
    theirs, ours = (backward(dl, m, ROWS[:, :2]) for m in (apart, model))
    for p in "Wb":
        both = theirs[f"layers.0.{p}"] + theirs[f"layers.1.{p}"]
        np.testing.assert_allclose(ours[f"layers.0.{p}"], both, rtol=1e-5, atol=1e-6)
    dl.SGD(model.parameters(), lr=0.5).step()
    moved = other.state()["layers.0.W"] - 0.5 * ours["layers.0.W"]
    np.testing.assert_allclose(model.state()["layers.0.W"], moved, rtol=1e-5, atol=1e-6)


def test_keys_that_give_one_name(dl):
    parts = {0: dl.Buffer([0.0]), "0": dl.tensor([1.0], requires_grad=True)}
    with pytest.raises(ValueError, match=r"two parameters are called 'parts\.0'"):
        holding(dl, parts=parts).state()


# Copies -----------------------------------------------------------------------------

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}
copies = pytest.mark.parametrize("by", COPIES)


@kinds
@copies
def test_a_copied_model_is_one_of_its_own(dl, kind, by):
    build, x = KINDS[kind]
    model = build(dl)
    wanted = backward(dl, model, x)  # compiled by now, and with gradients
    before = model.state()
    other = COPIES[by](model)
    assert type(other) is type(model)
    assert list(before) == list(other.state())
    assert same(before, other.state())
    assert not any(g.any() for g in other.gradients().values())
    assert same(model.gradients(), wanted)

    if kind != "MLP":  # whose dropout draws anew
        close(backward(dl, other, x), wanted)
    backward(dl, other, x)
    dl.SGD(other.parameters(), lr=0.1).step()
    assert same(model.state(), before)
    assert not same(other.state(), before)


def test_a_model_and_its_copy_fit_into_one(dl):
    """MXNet names parameters for all of a program, and takes no name twice."""
    block = dl.Dense(4, 4, "tanh", seed=0)
    deep = dl.Sequential(block, *[copy.deepcopy(block) for _ in range(2)])
    assert deep.num_parameters() == 60
    wanted = block(block(block(dl.tensor(ROWS))))
    np.testing.assert_allclose(
        dl.to_numpy(deep(ROWS)), dl.to_numpy(wanted), rtol=1e-5, atol=1e-6
    )


@copies
def test_what_is_frozen_or_shared_is_so_in_a_copy(dl, by):
    shared = dl.Dense(4, 4, seed=0)
    model = dl.Sequential(shared, shared, dl.Dense(4, 2, seed=1))
    model.layers[0].freeze()
    other = COPIES[by](model)
    assert other.layers[0] is other.layers[1]
    before = other.state()
    assert not backward(dl, other, ROWS)["layers.0.W"].any()
    dl.SGD(other.parameters(), lr=0.1).step()
    assert same(
        {k: v for k, v in other.state().items() if k.startswith("layers.0")},
        {k: v for k, v in before.items() if k.startswith("layers.0")},
    )
    assert not same(other.state(), before)
    other.unfreeze()
    assert backward(dl, other, ROWS)["layers.0.W"].any()
    assert not backward(dl, model, ROWS)["layers.0.W"].any()


@copies
def test_a_copied_tensor(dl, by):
    w = dl.tensor([1.0, 2.0], requires_grad=True)
    with dl.record():
        computed = (w * w).sum()
    computed.backward()
    v, value, constant = (COPIES[by](t) for t in (w, computed, dl.tensor([3.0])))
    assert dl.to_numpy(v).tolist() == [1.0, 2.0]
    assert dl.to_numpy(w.grad).tolist() == [2.0, 4.0]
    assert v.grad is None or not dl.to_numpy(v.grad).any()
    with dl.record():
        loss = (v * 3.0).sum()
    loss.backward()
    dl.SGD([v], lr=1.0).step()
    assert dl.to_numpy(v).tolist() == [-2.0, -1.0]
    assert dl.to_numpy(w).tolist() == [1.0, 2.0]
    assert dl.to_numpy(w.grad).tolist() == [2.0, 4.0]
    # What was computed is its values, without a history.
    assert value.item() == 5.0
    for number in (value, constant):
        assert number.grad is None
        with pytest.raises(TypeError, match="requires_grad=True"):
            dl.SGD([number])


@copies
@pytest.mark.parametrize(
    "name", ["SGD", "Momentum", "Adagrad", "RMSProp", "Adadelta", "Adam"]
)
def test_a_copied_optimiser_goes_on_alike(dl, name, by):
    model = dl.MLP([4, 3, 2], "tanh", seed=0)
    optimizer = getattr(dl, name)(model.parameters(), lr=dl.exponential(0.1, 0.9))
    for k in range(3):
        backward(dl, model, ROWS, seed=k)
        optimizer.step()
    by = copy.deepcopy if by == "copy" else COPIES[by]  # of both together
    pair = by((model, optimizer))
    for m, o in ((model, optimizer), pair):
        for k in range(3, 6):
            backward(dl, m, ROWS, seed=k)
            o.step()
    assert same(model.state(), pair[0].state())
    assert same(optimizer.state(), pair[1].state())
    assert optimizer.state()["steps"] == 6


def test_a_copied_optimiser_has_parameters_of_its_own(dl):
    w = dl.tensor([1.0], requires_grad=True)
    optimizer = dl.Momentum([w])
    other = copy.copy(optimizer)
    assert other.parameters[0] is not w
    with dl.record():
        loss = (other.parameters[0] * 2.0).sum()
    loss.backward()
    other.step()
    assert dl.to_numpy(w).item() == 1.0
    assert dl.to_numpy(other.parameters[0]).item() < 1.0
    assert optimizer.state()["0.velocity"].item() == 0.0


def test_a_model_goes_to_another_process(dl):
    model = dl.MLP([4, 3, 2], "tanh", seed=0)
    here = predict(model, ROWS)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.apply_async(predict, (model, ROWS)).get(timeout=120)
    np.testing.assert_allclose(there, here, rtol=1e-6, atol=1e-7)


# Parameters of any number of axes, and buffers ---------------------------------------


def convolution(dl):
    """Kernels (out, in, size, size) that slide over images, in operations of a twin."""

    class Convolution(dl.Module):
        def __init__(self, inputs, outputs, size, seed=None):
            shape = (outputs, inputs, size, size)
            self.kernels = dl.tensor(
                dl.initialize(shape, "he", seed), requires_grad=True
            )
            self.b = dl.tensor(np.zeros(outputs, np.float32), requires_grad=True)

        def forward(self, x):
            outputs, inputs, size, _ = self.kernels.shape
            n = x.shape[-1] - size + 1
            y = self.b.reshape(outputs, 1)
            for i, j in itertools.product(range(size), repeat=2):
                places = x[:, :, i : i + n, j : j + n].reshape(len(x), inputs, n * n)
                y = self.kernels[:, :, i, j] @ places + y
            return y.reshape(len(x), outputs, n, n)

    return Convolution


def glued_convolution():
    """The same as a layer of Gluon's."""
    from d2lib.mx._compat import gluon
    from d2lib.mx.initializers import Initializer
    from d2lib.mx.layers import prepare
    from d2lib.mx.module import Layer

    class Convolution(Layer, gluon.nn.Conv2D):
        _names = MappingProxyType({"weight": "kernels", "bias": "b"})

        def __init__(self, inputs, outputs, size, seed=None):
            start = Initializer("he", seed)
            gluon.nn.Conv2D.__init__(
                self, outputs, size, in_channels=inputs, weight_initializer=start
            )
            self.size, self.outputs = size, outputs
            prepare(self)

        def output_shape(self, shape):
            height, width = (n - self.size + 1 for n in shape[-2:])
            return (*shape[:-3], self.outputs, height, width)

        def example_axes(self):
            return 3

    return Convolution


@needs_mxnet
@pytest.mark.parametrize("glued", [False, True], ids=["plain", "Gluon's"])
def test_kernels_of_four_axes_are_alike(scratch, mx, glued, tmp_path):
    ours = convolution(scratch)(3, 4, 3, seed=0)
    theirs = (glued_convolution() if glued else convolution(mx))(3, 4, 3, seed=0)
    assert ours.state()["kernels"].shape == (4, 3, 3, 3)
    assert same(ours.state(), theirs.state())  # the same draws
    close(backward(scratch, ours, IMAGES), backward(mx, theirs, IMAGES), 1e-4)
    np.testing.assert_allclose(
        mx.to_numpy(theirs(mx.tensor(IMAGES))),
        scratch.to_numpy(ours(scratch.tensor(IMAGES))),
        rtol=1e-4,
        atol=1e-5,
    )
    for dl, a, b in ((scratch, ours, theirs), (mx, theirs, ours)):
        dl.SGD(a.parameters(), lr=0.1).step()
        a.save(tmp_path / "model.npz")
        b.load(tmp_path / "model.npz")
        assert same(a.state(), b.state())
        optimizer = dl.Adam(a.parameters())
        assert optimizer.state()["0.mean"].shape == (4, 3, 3, 3)
        optimizer.load_state(optimizer.state())
    assert str(ours) == str(theirs)


def test_kernels_of_four_axes_can_be_frozen_and_copied(dl):
    classes = [convolution(dl)]
    if dl.__name__ == "d2lib.mx":
        classes.append(glued_convolution())
    for cls in classes:
        model = cls(3, 4, 3, seed=0)
        before = model.freeze().state()
        freeze_one(dl, model.parameters()[1], frozen=False)  # b
        gradients = backward(dl, model, IMAGES)
        assert not gradients["kernels"].any()
        assert gradients["b"].any()
        dl.SGD(model.parameters(), lr=0.1).step()
        assert same(
            {"kernels": model.state()["kernels"]}, {"kernels": before["kernels"]}
        )
        assert (model.state()["b"] != before["b"]).all()
        assert same(copy.deepcopy(model).state(), model.state())
        assert backward(dl, model.unfreeze(), IMAGES)["kernels"].all()


@needs_mxnet
def test_one_image_is_a_matter_of_the_layer(mx):
    layer = glued_convolution()(3, 4, 3, seed=0)
    row = mx.Sequential(layer, mx.Dropout(0.5))
    for module in (layer, row):
        one = mx.to_numpy(module(IMAGES[0]))
        np.testing.assert_allclose(one, mx.to_numpy(module(IMAGES))[0], rtol=1e-5)
        assert module(IMAGES[:0]).shape == (0, 4, 4, 4)


def is_training(dl):
    if dl.__name__ == "d2lib.mx":
        return importlib.import_module("d2lib.mx._compat").autograd.is_training()
    return importlib.import_module("d2lib.scratch.recording").is_recording()


def standardizing(dl, units=4):
    """Like a batch normalisation: in training by the batch, later by what it saw."""

    class Standardized(dl.Module):
        def __init__(self):
            self.scale = dl.tensor(np.ones(units, np.float32), requires_grad=True)
            self.mean = dl.Buffer(np.zeros(units, np.float32))
            self.variance = dl.Buffer(np.ones(units, np.float32))

        def forward(self, x):
            mean, variance = self.mean.value, self.variance.value
            if self.training and is_training(dl):
                mean = x.mean(axis=0)
                variance = ((x - mean) ** 2).mean(axis=0)
                self.mean.value = self.mean.value * 0.9 + mean * 0.1
                self.variance.value = self.variance.value * 0.9 + variance * 0.1
            return (x - mean) / (variance + 1e-5) ** 0.5 * self.scale

    return Standardized()


def test_buffers_are_kept_and_not_trained(dl, tmp_path):
    model = standardizing(dl)
    assert list(model.state()) == ["scale", "mean", "variance"]
    assert list(model.gradients()) == [name for name, _ in model.named_parameters()]
    assert list(model.gradients()) == ["scale"]
    assert model.num_parameters() == 4
    backward(dl, model, ROWS)
    seen = model.state()
    np.testing.assert_allclose(seen["mean"], 0.1 * ROWS.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(
        seen["variance"], 0.9 + 0.1 * ROWS.var(axis=0), rtol=1e-5
    )
    dl.SGD(model.parameters(), lr=0.1).step()
    dl.predict(model, ROWS)  # and not while predicting
    model.eval()
    backward(dl, model, ROWS)
    assert same({**model.state(), "scale": seen["scale"]}, seen)
    assert model.freeze().state().keys() == seen.keys()
    backward(dl, model.train().unfreeze(), ROWS)
    assert (model.state()["mean"] != seen["mean"]).all()

    model.save(tmp_path / "model.npz")
    other = standardizing(dl)
    other.load(tmp_path / "model.npz")
    assert same(other.state(), model.state())
    third = copy.deepcopy(other)
    third.mean.value = np.ones(4)
    assert same(other.state(), model.state())
    with pytest.raises(ValueError, match=r"mean must have shape \(4,\), got \(3,\)"):
        other.load_state({**model.state(), "mean": np.zeros(3)})
    assert same(other.state(), model.state())


@needs_mxnet
def test_buffers_are_alike_in_both_twins(scratch, mx, tmp_path):
    models = []
    for dl in (scratch, mx):
        model = standardizing(dl)
        for k in range(5):
            backward(dl, model, ROWS + k)
        models.append(model)
    ours, theirs = models
    close(ours.state(), theirs.state())
    ours.save(tmp_path / "model.npz")
    theirs.load(tmp_path / "model.npz")
    assert same(ours.state(), theirs.state())


@needs_mxnet
def test_what_gluon_does_not_differentiate_is_a_buffer(mx):
    from d2lib.mx._compat import gluon
    from d2lib.mx.layers import prepare
    from d2lib.mx.module import Layer

    class BatchNorm(Layer, gluon.nn.BatchNorm):
        def __init__(self, units):
            gluon.nn.BatchNorm.__init__(self, axis=-1, in_channels=units)
            prepare(self)

    model = BatchNorm(4)
    assert list(model.state()) == ["gamma", "beta", "running_mean", "running_var"]
    assert list(model.gradients()) == ["gamma", "beta"]
    assert model.num_parameters() == 8
    assert "8 numbers in buffers" in str(model)
    backward(mx, model, ROWS)
    np.testing.assert_allclose(
        model.state()["running_mean"], 0.1 * ROWS.mean(axis=0), rtol=1e-4
    )
    other = copy.deepcopy(model.freeze().unfreeze())
    assert same(other.state(), model.state())
    with pytest.raises(TypeError, match="requires_grad=True"):
        mx.SGD([model.running_mean])


def test_a_buffer_keeps_its_shape_and_no_history(dl):
    buffer = dl.Buffer([1.0, 2.0])
    w = dl.tensor([3.0, 4.0], requires_grad=True)
    with dl.record():
        buffer.value = w * 2.0
        loss = (buffer.value * w).sum()
    loss.backward()
    assert dl.to_numpy(w.grad).tolist() == [6.0, 8.0]
    assert buffer.shape == (2,)
    taken = np.float32([7, 8])
    buffer.value = taken
    taken[:] = 0
    assert dl.to_numpy(buffer.value).tolist() == [7, 8]
    with pytest.raises(ValueError, match=r"keeps its shape \(2,\), got \(3,\)"):
        buffer.value = [1.0, 2.0, 3.0]
    with pytest.raises(TypeError, match="must hold floating-point numbers"):
        buffer.value = np.array([1, 2])
    with pytest.raises(TypeError, match="requires_grad=True, got Buffer"):
        dl.SGD([buffer])


# What is frozen ---------------------------------------------------------------------


@kinds
def test_each_parameter_can_be_frozen_alone_or_left_alone(dl, kind):
    """MXNet's product gave the bias beside a frozen weight no gradient."""
    build, x = KINDS[kind]
    model = build(dl).eval()
    parameters = dict(model.named_parameters())
    wanted = backward(dl, model, x)
    sets = [{name} for name in parameters]
    sets += [parameters.keys() - {name} for name in parameters if len(parameters) > 1]
    for frozen in sets:
        for name, parameter in parameters.items():
            freeze_one(dl, parameter, name in frozen)
        if frozen == parameters.keys():  # then nothing is recorded
            continue
        found = backward(dl, model, x)
        for name in parameters:
            expected = np.zeros_like(wanted[name]) if name in frozen else wanted[name]
            np.testing.assert_allclose(
                found[name], expected, rtol=1e-4, atol=1e-5, err_msg=f"{name} {frozen}"
            )
        before = model.state()
        norm = dl.clip_gradients(model.parameters(), 1e9)
        squares = sum((g.astype(float) ** 2).sum() for g in found.values())
        assert norm == pytest.approx(squares**0.5, rel=1e-4)
        dl.Momentum(model.parameters(), lr=0.1).step()
        after = model.state()
        for name in frozen:
            np.testing.assert_array_equal(after[name], before[name])
        model.load_state(before)


@needs_mxnet
def test_a_bias_beside_a_frozen_weight_is_trained_by_fit(scratch, mx):
    losses = []
    for dl in (scratch, mx):
        model = dl.MLP([4, 8, 2], seed=0)
        for name, parameter in model.named_parameters():
            freeze_one(dl, parameter, name.endswith("W"))
        optimizer = dl.Adam(model.parameters(), lr=0.05)
        data = ROWS, np.arange(6) % 2
        history = fit(model, data, loss=dl.cross_entropy, optimizer=optimizer, epochs=5)
        losses.append(history.loss)
        assert model.state()["layers.0.b"].any()
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(*losses, rtol=1e-4)


# A model as a table ------------------------------------------------------------------


@needs_mxnet
@kinds
def test_a_model_is_shown_alike(scratch, mx, kind):
    build, x = KINDS[kind]
    texts = []
    for dl in (scratch, mx):
        model = build(dl)
        model(given(dl, x))  # compiled by now
        table = dl.summary(model, x)
        texts.append((repr(model), str(model), table, dl.summary(model)))
        assert dl.summary(model, given(dl, x)) == table
        model(given(dl, x))  # and works as before
        assert f"{model.num_parameters():,} parameters" in table
    assert texts[0] == texts[1]


def several(dl):
    class Two(dl.Module):
        def __init__(self):
            self.embedding = dl.Embedding(5, 4, seed=0)
            self.body = dl.Sequential(dl.Dense(4, 4, "relu"), dl.Dropout(0.5))
            self.again = [self.body, dl.LSTM(4, 3)]
            self.mean = dl.Buffer([0.0, 1.0])
            self.body.layers[0].freeze()

        def forward(self, x, tokens):
            y = self.body(x + self.embedding(tokens))
            return self.again[1](self.again[0](y))

    return Two()


def test_a_summary_tells_what_is_shared_frozen_and_kept(dl):
    table = dl.summary(several(dl), SEQUENCES, TOKENS)
    rows = [re.sub("  +", " | ", line.strip()) for line in table.splitlines()]
    assert rows == [
        "module | output | weights | parameters",
        "Two | (2, 5, 3), (1, 2, 3), (1, 2, 3) | mean (2,) buffer",
        "embedding | Embedding | (2, 5, 4) | W (5, 4) | 20",
        "body | Sequential | (2, 5, 4)",
        "body.layers.0 | Dense | (2, 5, 4) | W (4, 4) frozen, b (4,) frozen | 20",
        "body.layers.1 | Dropout | (2, 5, 4)",
        "again.0 | Sequential, as body | (2, 5, 4)",
        "again.0.layers.0 | Dense, as body.layers.0 | (2, 5, 4)",
        "again.0.layers.1 | Dropout, as body.layers.1 | (2, 5, 4)",
        "again.1 | LSTM | (2, 5, 3), (1, 2, 3), (1, 2, 3) | "
        "W_xh.0 (4, 12), W_hh.0 (3, 12), b.0 (12,) | 96",
        "136 parameters, 20 of them frozen, and 2 numbers in buffers",
    ]


def test_a_summary_takes_shapes(dl):
    model = dl.Dense(4, 3, seed=0)
    assert dl.summary(model, (6, 4)) == dl.summary(model, ROWS)
    assert "(6, 3)" in dl.summary(model, (6, 4))
    with pytest.raises(ValueError, match=r"Dense expects x of shape \(batch, 4\)"):
        dl.summary(model, (6, 5))
    assert model(ROWS).shape == (6, 3)  # nothing is left behind
    with pytest.raises(TypeError, match="model must be a Module"):
        dl.summary(3)
