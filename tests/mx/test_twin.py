"""What is the MXNet twin's own: layouts, compilation, modes, accumulation."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("d2lib.mx", exc_type=ImportError)

from d2lib import mx, scratch
from d2lib.mx._compat import gluon
from d2lib.mx._compat import mx as mxnet
from tests.allocation import bytes_asked_for

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5)).astype(np.float32)
Y = RNG.integers(0, 3, 6)


def one_step(model, optimizer, x=X, y=Y):
    optimizer.zero_grad()
    with mx.record():
        loss = mx.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return float(loss)


# Gluon under the NumPy twin's names ------------------------------------------------


def test_layers_are_gluons():
    assert isinstance(mx.Dense(2, 3), gluon.nn.Dense)
    assert isinstance(mx.Dropout(), gluon.nn.Dropout)
    assert isinstance(mx.MLP([2, 3]), gluon.nn.HybridSequential)
    assert mx.Tensor is mxnet.np.ndarray


def test_a_gluon_trainer_can_train_a_model():
    model = mx.MLP([5, 4, 3], seed=0)
    ours = mx.MLP([5, 4, 3], seed=0)
    trainer = gluon.Trainer(model.collect_params(), "sgd", {"learning_rate": 0.1})
    with mx.record():
        loss = mx.cross_entropy(model(X), Y)
    loss.backward()
    trainer.step(1)
    one_step(ours, mx.SGD(ours.parameters(), lr=0.1))
    for name, values in ours.state().items():
        np.testing.assert_allclose(model.state()[name], values, rtol=1e-6)


def test_weights_have_the_shared_layout():
    layer = mx.Dense(5, 3, seed=0)
    assert layer.weight.shape == (3, 5)
    W, b = RNG.normal(size=(5, 3)), RNG.normal(size=3)
    layer.load_state({"W": W, "b": b})
    np.testing.assert_allclose(mx.to_numpy(layer(X)), X @ W + b, rtol=1e-5, atol=1e-6)
    with mx.record():
        loss = (layer(X) * mx.tensor(X[:, :3])).sum()
    loss.backward()
    np.testing.assert_allclose(
        layer.gradients()["W"], X.T @ X[:, :3], rtol=1e-5, atol=1e-6
    )


def test_state_round_trip_is_exact(tmp_path):
    model = mx.MLP([5, 4, 3], dropout=0.5, seed=0)
    model.save(tmp_path / "model.npz")
    for other in (mx.MLP([5, 4, 3], dropout=0.5), scratch.MLP([5, 4, 3], dropout=0.5)):
        other.load(tmp_path / "model.npz")
        for name, values in model.state().items():
            np.testing.assert_array_equal(other.state()[name], values)


def test_a_state_is_a_copy():
    model = mx.Dense(2, 2, seed=0)
    state = model.state()
    state["W"][:] = 7
    assert not (model.state()["W"] == 7).any()


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("layers.0.b"),
        lambda state: state.update(extra=np.zeros(1)),
        lambda state: state.update({"layers.1.W": np.zeros((3, 4), np.float32)}),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change):
    model = mx.MLP([5, 4, 3], seed=0)
    before = model.state()
    wrong = {name: values + 1 for name, values in before.items()}
    change(wrong)
    with pytest.raises(ValueError, match="does not fit"):
        model.load_state(wrong)
    for name, values in model.state().items():
        np.testing.assert_array_equal(values, before[name])


# Compilation -----------------------------------------------------------------------


@pytest.mark.parametrize("activation", [None, "relu", "tanh", "sigmoid", "softmax"])
def test_compiled_and_not_give_the_same(activation):
    model = mx.MLP([5, 4, 3], "tanh", activation, seed=0)
    results = []
    for active in (True, False):
        model.hybridize(active)
        model.zero_grad()
        with mx.record():
            loss = mx.mse(model(X), X[:, :3])
        loss.backward()
        results.append((float(loss), model.gradients()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-6)
    for name, values in results[0][1].items():
        np.testing.assert_allclose(results[1][1][name], values, rtol=1e-5, atol=1e-7)


def test_an_output_survives_the_next_call():
    model = mx.MLP([5, 4, 3], seed=0)
    first = model(X)
    values = mx.to_numpy(first).copy()
    model(2 * X)
    np.testing.assert_array_equal(mx.to_numpy(first), values)


def test_two_recorded_passes_before_one_backward():
    model = mx.MLP([5, 4, 3], "tanh", seed=0)
    with mx.record():
        both = mx.mse(model(X), X[:, :3]) + mx.mse(model(2 * X[:4]), X[:4, :3])
    both.backward()
    together = model.gradients()
    model.zero_grad()
    for x in (X, 2 * X[:4]):
        with mx.record():
            loss = mx.mse(model(x), X[: len(x), :3])
        loss.backward()
    for name, values in model.gradients().items():
        np.testing.assert_allclose(together[name], values, rtol=1e-5, atol=1e-6)


def test_batches_of_any_size():
    model = mx.MLP([5, 4, 3], seed=0)
    whole = mx.to_numpy(model(X))
    for n in (6, 1, 4, 0, 6):
        np.testing.assert_allclose(mx.to_numpy(model(X[:n])), whole[:n], rtol=1e-6)
    assert mx.to_numpy(model(X[0])).shape == (3,)


class Gate(mx.Module):
    """A module in plain Python: control flow, parts in containers, a bare tensor."""

    def __init__(self):
        self.first = mx.Dense(5, 4, "relu", seed=0)
        self.rest = [mx.Dense(4, 4, seed=1), {"last": mx.Dropout(0.5)}]
        self.scale = mx.tensor(2.0, requires_grad=True)

    def forward(self, x):
        h = self.first(x)
        if len(x) > 3:
            h = self.rest[0](h)
        return h * self.scale


def test_a_module_in_plain_python_trains_inside_a_compiled_one():
    model = mx.Sequential(Gate(), mx.Dense(4, 3, seed=2)).hybridize()
    names = list(model.state())
    assert names[:2] == ["layers.0.first.W", "layers.0.first.b"]
    assert {"layers.0.rest.0.W", "layers.0.scale"} < set(names)
    optimizer = mx.Adam(model.parameters(), lr=0.05)
    losses = [one_step(model, optimizer) for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]


# Gradients -------------------------------------------------------------------------


def test_gradients_accumulate_until_they_are_zeroed():
    model = mx.MLP([5, 3], seed=0)
    sums = []
    for _ in range(2):
        with mx.record():
            loss = mx.cross_entropy(model(X), Y)
        loss.backward()
        sums.append(model.gradients()["layers.0.W"])
    np.testing.assert_allclose(sums[1], 2 * sums[0], rtol=1e-6)
    model.zero_grad()
    assert not model.gradients()["layers.0.W"].any()


def test_a_step_needs_a_gradient_since_zero_grad():
    model = mx.MLP([5, 3], seed=0)
    optimizer = mx.SGD(model.parameters())
    with pytest.raises(ValueError, match=r"loss\.backward\(\) first"):
        optimizer.step()
    one_step(model, optimizer)
    optimizer.step()  # the same gradient again
    model.zero_grad()
    with pytest.raises(ValueError, match=r"loss\.backward\(\) first"):
        optimizer.step()


def test_a_parameter_without_gradient_stays():
    used, unused = mx.Dense(5, 3, seed=0), mx.Dense(5, 3, seed=1)
    optimizer = mx.Momentum(used.parameters() + unused.parameters(), lr=0.1)
    one_step(mx.Sequential(unused), optimizer)  # gives it a velocity
    before = unused.state()["W"]
    one_step(used, optimizer)
    np.testing.assert_array_equal(unused.state()["W"], before)


def test_the_derivative_of_the_logistic_loss_at_zero():
    """Gluon's own loss gives 0 and -1 there."""
    z = mx.tensor([0.0, 0.0], requires_grad=True)
    with mx.record():
        loss = mx.binary_cross_entropy_with_logits(
            z, np.array([0.0, 1.0]), reduction="sum"
        )
    loss.backward()
    np.testing.assert_array_equal(mx.to_numpy(z.grad), [0.5, -0.5])


def test_clipping_leaves_gradients_that_are_not_finite():
    w = mx.tensor([1.0, 2.0], requires_grad=True)
    with mx.record():
        loss = (w * mx.tensor([np.inf, 1.0])).sum()
    loss.backward()
    assert mx.clip_gradients([w], 1.0) == np.inf
    np.testing.assert_array_equal(mx.to_numpy(w.grad), [np.inf, 1.0])


# Optimisers ------------------------------------------------------------------------

OPTIMIZERS = ["SGD", "Momentum", "Adagrad", "RMSProp", "Adadelta", "Adam"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimiser_resumes_bit_for_bit(name):
    model = mx.MLP([5, 4, 3], seed=0)
    optimizer = getattr(mx, name)(model.parameters(), lr=0.05)
    for _ in range(3):
        one_step(model, optimizer)
    other = mx.MLP([5, 4, 3], seed=1)
    resumed = getattr(mx, name)(other.parameters())
    other.load_state(model.state())
    resumed.load_state(optimizer.state())
    assert resumed.lr == 0.05
    for _ in range(3):
        one_step(model, optimizer)
        one_step(other, resumed)
    for key, values in optimizer.state().items():
        np.testing.assert_array_equal(resumed.state()[key], values)
    for key, values in model.state().items():
        np.testing.assert_array_equal(other.state()[key], values)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_large_and_bare_parameters_follow_the_numpy_twin(name):
    """A matrix, a vector and a single number."""
    g = [RNG.normal(size=s).astype(np.float32) for s in ((120, 100), (7,), ())]
    values = []
    for twin in (scratch, mx):
        parameters = [
            twin.tensor(np.ones(a.shape, "f4"), requires_grad=True) for a in g
        ]
        optimizer = getattr(twin, name)(parameters)
        for step in range(3):
            optimizer.zero_grad()
            with twin.record():
                pairs = zip(parameters, g, strict=True)
                parts = [(p * p * twin.tensor(a * (step + 1))).sum() for p, a in pairs]
                loss = parts[0] + parts[1] + parts[2]
            loss.backward()
            optimizer.step()
        values.append([twin.to_numpy(p) for p in parameters])
    for ours, theirs in zip(*values, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=2e-5, atol=1e-6)


def test_an_optimiser_follows_a_parameter_that_gets_another_gradient():
    bare = mx.tensor([1.0, 1.0], requires_grad=True)
    layer = mx.Dense(2, 1, seed=0)
    optimizer = mx.SGD([bare, *layer.parameters()], lr=0.5)

    def step():
        optimizer.zero_grad()
        with mx.record():
            loss = (bare * mx.tensor([1.0, 2.0])).sum() + layer([[3.0, 4.0]]).sum()
        loss.backward()
        before = mx.to_numpy(bare), layer.state()["W"]
        optimizer.step()
        moved = mx.to_numpy(bare) - before[0], layer.state()["W"] - before[1]
        np.testing.assert_allclose(moved[0], [-0.5, -1.0], rtol=1e-6)
        np.testing.assert_allclose(moved[1], [[-1.5], [-2.0]], rtol=1e-5)

    step()
    bare.attach_grad("add")
    layer.weight.grad_req = "write"
    step()
    step()


def test_a_frozen_parameter_stays():
    layer = mx.Dense(5, 3, seed=0)
    layer.bias.grad_req = "null"
    before = layer.state()
    one_step(layer, mx.SGD(layer.parameters(), lr=0.1))
    after = layer.state()
    np.testing.assert_array_equal(after["b"], before["b"])
    assert (after["W"] != before["W"]).all()


def test_a_prediction_between_two_steps_moves_no_weight():
    """To predict, MXNet may store the weights in another order than NumPy reads."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 100)).astype(np.float32), rng.integers(0, 128, 32)
    models = []
    for dl in (scratch, mx):
        model = dl.MLP([100, 128, 128], seed=0)
        optimizer = dl.Adam(model.parameters(), lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            with dl.record():
                loss = dl.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            dl.to_numpy(model(x))
        models.append(model.state())
    for name, expected in models[0].items():
        np.testing.assert_allclose(models[1][name], expected, 1e-3, 1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_of_a_large_model_allocates_nothing_to_speak_of(name):
    w = mx.tensor(np.ones((1000, 1000)), requires_grad=True)
    with mx.record():
        loss = w.sum()
    loss.backward()
    optimizer = getattr(mx, name)([w])
    assert (
        bytes_asked_for(optimizer.step) < 16_000
    )  # one array of these would be 4,000,000


def test_a_step_waits_for_what_is_still_to_read_a_parameter():
    """Where MXNet queues operations, as it does beside a GPU."""
    code = """
import numpy as np
from d2lib import mx
w = mx.tensor(np.ones((400, 1000)), requires_grad=True)
optimizer = mx.Adam([w], lr=0.1)
with mx.record():
    loss = w.sum()
loss.backward()
slow = mx.tensor(np.eye(1000))
for _ in range(5):
    slow = slow.dot(slow)
before = w * slow[0, 0]  # is queued, and reads w when the products are there
optimizer.step()
after = w * slow[0, 0]
np.testing.assert_array_equal(mx.to_numpy(before), 1)
np.testing.assert_allclose(mx.to_numpy(after), 0.9, rtol=1e-6)
"""
    environ = os.environ | {"MXNET_ENGINE_TYPE": "ThreadedEnginePerDevice"}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_a_learning_rate_can_be_set_between_steps():
    w = mx.tensor([1.0], requires_grad=True)
    optimizer = mx.SGD([w], lr=0.1)
    optimizer.lr = 0.5
    with mx.record():
        loss = w.sum()
    loss.backward()
    optimizer.step()
    assert w.item() == 0.5
    with pytest.raises(ValueError, match="lr must be"):
        optimizer.lr = -1.0


# Dropout ---------------------------------------------------------------------------


def dropped(dropout, x):
    with mx.record():
        return mx.to_numpy(dropout(x))


def test_dropout_drops_in_training_alone():
    x = np.ones((50, 40), np.float32)
    dropout = mx.Dropout(0.25, seed=0)
    np.testing.assert_array_equal(mx.to_numpy(dropout(x)), x)
    y = dropped(dropout, x)
    assert {round(float(v), 4) for v in np.unique(y)} == {0.0, 1.3333}
    assert 0.2 < (y == 0).mean() < 0.3  # 2,000 draws: five standard deviations
    dropout.eval()
    np.testing.assert_array_equal(dropped(dropout, x), x)
    dropout.train()
    assert (dropped(dropout, x) == 0).any()


def test_a_layer_inside_a_compiled_model_can_change_its_mode():
    model = mx.Sequential(mx.Dropout(0.5, seed=0), mx.Dropout(0.0))
    x = np.ones((20, 20), np.float32)
    assert (dropped(model, x) == 0).any()
    model.layers[0].eval()
    assert not (dropped(model, x) == 0).any()
    model.train()
    assert (dropped(model, x) == 0).any()


def test_seeds_restart_dropout():
    model = mx.MLP([5, 200, 3], dropout=0.5, seed=0)
    draws = []
    for seed in (1, 1, 2):
        model.seed(seed)
        draws.append(dropped(model, X))
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


def test_dropout_never_disturbs_a_shared_generator():
    weights = []
    for twin in (scratch, mx):
        generator = np.random.default_rng(3)
        twin.MLP([4, 4, 2], dropout=0.5, seed=generator)
        weights.append(twin.Dense(4, 4, seed=generator).state()["W"])
    np.testing.assert_array_equal(*weights)


# Tensors ---------------------------------------------------------------------------


def test_a_tensor_is_a_copy_of_any_layout():
    for array in (X, X.T, X[::2, ::-1], X[0, 0], X[:0]):
        made = mx.tensor(array)
        np.testing.assert_array_equal(mx.to_numpy(made), array)
    source = X.copy()
    made = mx.tensor(source)
    source[:] = 0
    np.testing.assert_array_equal(mx.to_numpy(made), X)


def test_float64_is_kept_if_asked_for():
    assert mx.tensor(X.astype("f8"), dtype="float64").dtype == np.float64
    assert mx.tensor(X.astype("f8")).dtype == np.float32


@pytest.mark.parametrize("data", [np.arange(3), np.array([None]), [[1.0], [1.0, 2.0]]])
def test_what_is_no_float_array_is_refused_as_in_the_numpy_twin(data):
    errors = []
    for twin in (scratch, mx):
        with pytest.raises((TypeError, ValueError)) as error:
            twin.tensor(data)
        errors.append((error.type, str(error.value)))
    assert errors[0] == errors[1]


def test_a_layer_names_the_inputs_it_needs_wherever_it_stands():
    model = mx.Sequential(mx.Dense(5, 4), mx.Dense(3, 2))
    with pytest.raises(
        ValueError, match=r"expects x of shape \(batch, 3\), got \(6, 4\)"
    ):
        model(X)
    with pytest.raises(ValueError, match=r"x\.reshape\(len\(x\), -1\)"):
        mx.Dense(784, 2)(np.zeros((2, 28, 28), np.float32))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.mean(),
        lambda x: x.clip(-1.0, 1.0),
        lambda x: x.astype("float64"),
        lambda x: x.copy(),
        lambda x: x.cumsum(),
        lambda x: mx.maximum(x, mx.tensor([1.0], "float64")),
    ],
    ids=["mean", "clip", "astype", "copy", "cumsum", "the wider dtype"],
)
def test_gradients_of_what_is_given_add_up(f):
    """MXNet's own replace, or divide, what was there before."""
    x = mx.tensor([0.5, 2.0, -3.0], requires_grad=True)
    found = []
    for _ in range(3):
        with mx.record():
            y = f(x)
            loss = (y * mx.tensor(np.arange(1.0, y.size + 1).reshape(y.shape))).sum()
        loss.backward()
        found.append(mx.to_numpy(x.grad).copy())
    assert found[0].any()
    for times, gradient in enumerate(found, start=1):
        np.testing.assert_allclose(gradient, times * found[0], rtol=1e-6)


def test_a_cast_reaches_blocks_in_lists():
    model = mx.LanguageModel(5, 4, "transformer", heads=2, seed=0)
    model.cast("float64")
    assert {np.dtype(p.dtype) for p in model.parameters()} == {np.dtype("float64")}
    assert model([[1, 2]]).dtype == np.float64
