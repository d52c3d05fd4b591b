"""Module: finding, naming, saving and loading parameters."""

import numpy as np
import pytest

from d2lib.checkpoint import CheckpointError
from d2lib.scratch import MLP, Buffer, Dense, Module, Sequential, no_grad, tensor


class Family(Module):
    def __init__(self):
        self.scale = tensor(2.0, requires_grad=True)
        self.constant = tensor([1.0])
        self.name = "no parameter"
        self.table = {"left": Dense(2, 2, seed=0), "right": [Dense(2, 1, seed=1)]}
        self.pair = (Dense(2, 3, seed=2), tensor([3.0], requires_grad=True))

    def forward(self, x):
        return self.table["right"][0](self.table["left"](x) * self.scale)


NAMES = [
    "scale",
    "table.left.W",
    "table.left.b",
    "table.right.0.W",
    "table.right.0.b",
    "pair.0.W",
    "pair.0.b",
    "pair.1",
]


class TestFinding:
    def test_in_attributes_lists_tuples_and_dicts_by_path(self):
        assert list(Family().state()) == NAMES
        assert [n for n, _ in Family().named_parameters()] == NAMES

    def test_a_shared_parameter_is_found_once(self):
        layer = Dense(2, 2, seed=0)
        tied = Sequential(layer, layer)
        assert len(tied.parameters()) == 2
        assert tied.num_parameters() == 6
        assert list(tied.state()) == ["layers.0.W", "layers.0.b"]
        assert len(list(tied.modules())) == 2

    def test_every_module_once(self):
        kinds = [type(m).__name__ for m in Family().modules()]
        assert kinds == ["Family", "Dense", "Dense", "Dense"]

    def test_results_of_operations_are_no_parameters(self):
        module = Family()
        module.last = module.scale * 2.0
        assert "last" not in module.state()

    def test_one_assigned_later_is_found(self):
        module = Family()
        module.extra = tensor([1.0, 2.0], requires_grad=True)
        assert list(module.state())[-1] == "extra"

    def test_num_parameters(self):
        assert Family().num_parameters() == 1 + 6 + 3 + 9 + 1


class TestState:
    def test_is_a_copy_and_loads_back(self):
        a, b = MLP([3, 4, 2], seed=0), MLP([3, 4, 2], seed=1)
        state = a.state()
        state["layers.0.W"][0, 0] += 1
        assert a[0].W.data[0, 0] != state["layers.0.W"][0, 0]
        arrays = [p.data for p in b.parameters()]
        b.load_state(a.state())
        for name, values in a.state().items():
            np.testing.assert_array_equal(b.state()[name], values)
        assert all(p.data is q for p, q in zip(b.parameters(), arrays, strict=True))

    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (lambda s: s.pop("layers.1.b"), r"missing \['layers.1.b'\]"),
            (lambda s: s.update(W=np.ones(1)), r"unexpected \['W'\]"),
            (
                lambda s: s.update({"layers.1.b": np.ones(3)}),
                r"layers.1.b must have shape \(2,\), got \(3,\)",
            ),
            (
                lambda s: s.update({"layers.1.W": np.ones((2, 4))}),
                r"layers.1.W must have shape \(4, 2\), got \(2, 4\)",
            ),
        ],
    )
    def test_one_that_does_not_fit_changes_nothing(self, spoil, message):
        model = MLP([3, 4, 2], seed=0)
        before = model.state()
        state = MLP([3, 4, 2], seed=1).state()
        spoil(state)
        with pytest.raises(ValueError, match=message):
            model.load_state(state)
        for name, values in model.state().items():
            np.testing.assert_array_equal(values, before[name])

    def test_values_that_are_no_numbers(self):
        model = Dense(2, 1, seed=0)
        before = model.state()
        with pytest.raises(TypeError, match="must hold numbers"):
            model.load_state({"W": np.full((2, 1), 5.0), "b": np.array(["x"])})
        np.testing.assert_array_equal(model.W.data, before["W"])

    def test_gradients_have_the_names_of_the_state(self):
        model = Family()
        model(np.ones((1, 2))).sum().backward()
        gradients = model.gradients()
        assert list(gradients) == NAMES
        assert {n: g.shape for n, g in gradients.items()} == {
            n: a.shape for n, a in model.state().items()
        }
        assert np.abs(gradients["table.left.W"]).max() > 0
        np.testing.assert_array_equal(gradients["pair.1"], [0])  # not used: zeros
        gradients["scale"][...] = 99
        assert model.scale.grad != 99
        model.zero_grad()
        assert not any(g.any() for g in model.gradients().values())


class TestFiles:
    def test_save_and_load(self, tmp_path):
        a, b = MLP([3, 4, 2], seed=0), MLP([3, 4, 2], seed=1)
        a.save(tmp_path / "w.npz")
        b.load(str(tmp_path / "w.npz"))
        x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
        np.testing.assert_array_equal(a(x).data, b(x).data)

    def test_another_models_file_changes_nothing(self, tmp_path):
        Dense(3, 2, seed=0).save(tmp_path / "w.npz")
        model = Dense(2, 3, seed=0)
        before = model.state()
        with pytest.raises(CheckpointError, match=r"another model.*W must have shape"):
            model.load(tmp_path / "w.npz")
        np.testing.assert_array_equal(model.W.data, before["W"])


class TestModes:
    def test_train_and_eval_reach_every_module(self):
        model = MLP([3, 4, 2], dropout=0.5)
        assert model.eval() is model
        assert not any(m.training for m in model.modules())
        assert model.train() is model
        assert all(m.training for m in model.modules())

    def test_hybridize_changes_nothing(self):
        model = Dense(3, 2, seed=0)
        before = model.state()
        assert model.hybridize() is model
        np.testing.assert_array_equal(model.state()["W"], before["W"])

    def test_forward_must_be_defined(self):
        with pytest.raises(NotImplementedError, match=r"Module must define forward"):
            Module()(1.0)

    def test_several_inputs(self):
        class Add(Module):
            def forward(self, x, y):
                return x + y

        with no_grad():
            assert float(Add()(tensor(1.0), tensor(2.0))) == 3


def test_a_buffer_keeps_its_precision():
    buffer = Buffer([0.0], np.float64)
    buffer.value = [1e-12]
    assert buffer.value.dtype == np.float64
    assert buffer.value.data == 1e-12
