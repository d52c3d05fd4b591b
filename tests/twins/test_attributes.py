"""What a module's attributes and arguments mean: the same in both twins."""

from __future__ import annotations

import copy
import importlib

import numpy as np
import pytest

from d2lib.training import fit
from tests.twins.both import needs_mxnet


@pytest.fixture
def mx():
    return importlib.import_module("d2lib.mx")


@pytest.fixture
def scratch():
    return importlib.import_module("d2lib.scratch")


def numbers(dl, x):
    return dl.to_numpy(x).tolist()


# Arguments by name -------------------------------------------------------------------


def test_arguments_by_name_reach_forward(dl):
    class Scaled(dl.Module):
        def forward(self, x, shift=0.0, *, scale=1.0, **more):
            return (dl.tensor(x) + shift) * scale + more.get("last", 0.0)

    scaled = Scaled()
    assert numbers(dl, scaled([[1.0]])) == [[1.0]]
    assert numbers(dl, scaled([[1.0]], scale=10.0)) == [[10.0]]
    assert numbers(dl, scaled(x=[[1.0]], shift=1.0)) == [[2.0]]
    assert numbers(dl, scaled([[1.0]], 1.0, scale=3.0, last=0.5)) == [[6.5]]
    with pytest.raises(TypeError):
        scaled(scale=10.0)


def test_arguments_by_name_are_trained_through(dl):
    class Scaled(dl.Module):
        def __init__(self):
            self.body = dl.Dense(2, 1, seed=0)

        def forward(self, x, *, scale=1.0):
            return self.body(x) * scale

    model = Scaled()
    gradients = []
    for named in ({}, {"scale": 10.0}):
        model.zero_grad()
        with dl.record():
            loss = model([[1.0, 2.0]], **named).sum()
        loss.backward()
        gradients.append(model.gradients()["body.W"])
    np.testing.assert_allclose(gradients[1], 10 * gradients[0], rtol=1e-6)


# What is frozen ----------------------------------------------------------------------


def scaled_network(dl):
    class Scaled(dl.Module):
        def __init__(self):
            self.body = dl.MLP([2, 3, 2], "tanh", seed=0)
            self.scale = dl.tensor([1.0, 2.0], requires_grad=True)

        def forward(self, x):
            return self.body(x) * self.scale

    return Scaled()


X = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
LABELS = np.arange(8) % 2


def train(dl, model):
    optimizer = dl.Adam(model.parameters(), lr=0.05)
    data = X, LABELS
    fit(model, data, loss=dl.cross_entropy, optimizer=optimizer, epochs=2)


def changed(before, after):
    return {name for name in before if (before[name] != after[name]).any()}


@pytest.mark.parametrize(
    "frozen", [{"scale"}, {"body.layers.0.W", "body.layers.0.b"}, {"body.layers.1.W"}]
)
def test_requires_grad_freezes_one_parameter(dl, frozen):
    model = scaled_network(dl)
    train(dl, model)  # which compiles it
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad is True
        parameter.requires_grad = name not in frozen
        assert parameter.requires_grad is (name not in frozen)
    assert {
        name for name, p in model.named_parameters() if not p.requires_grad
    } == frozen
    before = model.state()
    train(dl, model)
    assert changed(before, model.state()) == before.keys() - frozen
    for parameter in model.parameters():
        parameter.requires_grad = True
    before = model.state()
    train(dl, model)
    assert changed(before, model.state()) == before.keys()


def test_freeze_and_requires_grad_are_one_thing(dl):
    model = scaled_network(dl).freeze()
    assert not any(p.requires_grad for p in model.parameters())
    for parameter in model.body.parameters():
        parameter.requires_grad = True
    before = model.state()
    train(dl, model)
    assert changed(before, model.state()) == before.keys() - {"scale"}
    assert all(p.requires_grad for p in model.unfreeze().parameters())


def test_a_frozen_tensor_remains_so(dl):
    """Whatever becomes of it: new values, a change in place, a copy."""
    model = scaled_network(dl)
    model.scale.requires_grad = False
    model.load_state(model.state() | {"scale": [2.0, 4.0]})
    if dl.__name__ == "d2lib.mx":  # the NumPy twin's tensors can't be written into
        model.scale[:] = [2.0, 4.0]
    twin = copy.deepcopy(model)
    for one in (model, twin):
        assert not one.scale.requires_grad
        before = one.state()
        np.testing.assert_array_equal(before["scale"], [2.0, 4.0])
        train(dl, one)
        assert changed(before, one.state()) == before.keys() - {"scale"}


def test_requires_grad_of_tensors(dl):
    w = dl.tensor([1.0, 2.0])
    assert w.requires_grad is False
    w.requires_grad = True
    with dl.record():
        y = (w * w).sum()
    assert y.requires_grad is True
    assert (w * w).requires_grad is False
    y.backward()
    w.requires_grad = True  # as it is: the gradient remains
    np.testing.assert_array_equal(dl.to_numpy(w.grad), [2.0, 4.0])


@needs_mxnet
def test_requires_grad_is_a_flag(mx):
    for parameter in scaled_network(mx).parameters():
        with pytest.raises(TypeError, match="requires_grad must be"):
            parameter.requires_grad = "no"


# Values ------------------------------------------------------------------------------


def test_a_parameter_as_numpy_has_one_layout(dl):
    """Gluon stores the weights of a dense layer the other way round."""
    for model in (
        dl.MLP([2, 3, 1], seed=0),
        dl.Perceptron(3, seed=0),
        dl.LSTM(2, 3, seed=0),
        dl.MultiHeadAttention(4, 2, seed=0),
        dl.Conv2D(2, 3, 2, seed=0),
    ):
        state = model.state()
        for name, parameter in model.named_parameters():
            np.testing.assert_array_equal(dl.to_numpy(parameter), state[name])


def test_tensors_are_keys_by_identity(dl):
    a, b = dl.tensor([1.0, 2.0]), dl.tensor([1.0, 2.0])
    names = {a: "a", b: "b"}
    assert (names[a], names[b], len({a, b, a})) == ("a", "b", 2)


# What is assigned --------------------------------------------------------------------


def test_parameters_can_be_computed_with(dl):
    x = dl.tensor(X)
    layer = dl.Dense(2, 3, seed=0)
    layer.load_state({"W": layer.state()["W"], "b": [1.0, 2.0, 3.0]})
    assert layer.W.shape == (2, 3)
    np.testing.assert_allclose(
        dl.to_numpy(x @ layer.W + layer.b), dl.to_numpy(layer(x)), rtol=1e-5
    )
    neuron = dl.Perceptron(2, seed=0)
    assert (neuron.W.shape, neuron.b.shape) == ((2,), ())
    assert dl.Conv2D(2, 3, 2).W.shape == (3, 2, 2, 2)
    assert dl.Dense(2, 3, bias=False).b is None
    with pytest.raises(AttributeError, match="'Dense' object has no attribute 'V'"):
        _ = layer.V


@pytest.mark.parametrize("name", ["W", "b"])
def test_a_penalty_on_a_parameter_is_trained(dl, name):
    layer = dl.Dense(2, 3, seed=0)
    with dl.record():
        penalty = (getattr(layer, name) * 3.0).sum()
    penalty.backward()
    gradients = layer.gradients()
    other = "b" if name == "W" else "W"
    assert (gradients[name] == 3.0).all()
    assert not gradients[other].any()


def test_a_weight_that_is_assigned_is_computed_with(scratch):
    layer = scratch.Dense(2, 1, seed=0)
    layer.W = scratch.tensor(np.ones((2, 1)), requires_grad=True)
    assert numbers(scratch, layer([[1.0, 2.0]])) == [[3.0]]
    assert layer.state()["W"].tolist() == [[1.0], [1.0]]


ASSIGNED = {
    "Dense.W": lambda mx: mx.Dense(2, 1, seed=0),
    "Dense.b": lambda mx: mx.Dense(2, 1, bias=False, seed=0),
    "Dense.weight": lambda mx: mx.Dense(2, 1, seed=0),
    "Perceptron.b": lambda mx: mx.Perceptron(2, seed=0),
    "Conv2D.W": lambda mx: mx.Conv2D(1, 1, 2, seed=0),
    "Embedding.W": lambda mx: mx.Embedding(2, 1, seed=0),
    "LayerNorm.gamma": lambda mx: mx.LayerNorm(2),
    "BatchNorm.running_mean": lambda mx: mx.BatchNorm(2),
    "LSTM.W_xh": lambda mx: mx.LSTM(2, 1, seed=0),
    "GRU.b_hh": lambda mx: mx.GRU(2, 1, seed=0),
    "MultiHeadAttention.W_q": lambda mx: mx.MultiHeadAttention(2, 1, seed=0),
}


@needs_mxnet
@pytest.mark.parametrize("what", ASSIGNED)
def test_mxnet_does_not_go_on_with_an_old_parameter(mx, what):
    """It computed with the old one, and showed and saved the new one."""
    layer, name = ASSIGNED[what](mx), what.split(".")[1]
    message = rf"^{what} can't be replaced or written into.*load_state"
    before = layer.state()
    for value in (None, np.ones((2, 1)), mx.tensor([1.0], requires_grad=True)):
        with pytest.raises(TypeError, match=message):
            setattr(layer, name, value)
    assert not changed(before, layer.state())


@needs_mxnet
def test_what_mxnet_would_not_notice_is_refused(mx):
    layer, lstm = mx.Dense(2, 1, seed=0), mx.LSTM(2, 1, seed=0)
    for lstm_ in (lstm, copy.deepcopy(lstm)):
        with pytest.raises(TypeError, match=r"^LSTM\.W_xh can't be replaced"):
            lstm_.W_xh[0] = mx.tensor(np.ones((2, 4)), requires_grad=True)
    for name in ("W", "b"):
        with pytest.raises(
            TypeError, match=rf"^Dense\.{name} can't be .* written into"
        ):
            getattr(layer, name)[0] = 1.0
    with pytest.raises(TypeError, match=r"^Dense\.b can't be replaced or written into"):
        layer.b -= 1.0
    own = layer.W.copy()
    own[0] = 1.0  # a copy is one's own


def test_a_module_may_have_a_name(dl):
    class Named(dl.Module):
        def __init__(self):
            self.name = "encoder"
            self.body = dl.Dense(2, 3, seed=0)

        def forward(self, x):
            return self.body(x)

    class Part(dl.Module):
        def __init__(self):
            self.name = dl.Dense(2, 3, seed=0)

    model = Named()
    assert model.name == copy.deepcopy(model).name == "encoder"
    assert list(model.state()) == ["body.W", "body.b"]
    assert model(X).shape == (8, 3)
    assert list(Part().state()) == ["name.W", "name.b"]


@needs_mxnet
@pytest.mark.parametrize("name", ["params", "prefix"])
def test_gluons_names_are_taken(mx, name):
    model = scaled_network(mx)
    with pytest.raises(AttributeError, match=f"'{name}', .*such as 'my_{name}'"):
        setattr(model, name, {"a": 1})


@needs_mxnet
def test_a_module_of_the_other_twin_is_refused(mx, scratch):
    """Its parameters were not found, and not trained."""
    for dl, other in ((scratch, mx), (mx, scratch)):
        for part in (other.Dense(2, 3), [other.Dense(2, 3)]):
            model = scaled_network(dl)
            model.more = part
            message = (
                f"{dl.__name__} takes modules of .*got Dense of {other.__name__} as"
            )
            for use in (model.parameters, model.state, model.train, model.freeze):
                with pytest.raises(TypeError, match=message):
                    use()
