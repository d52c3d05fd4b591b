"""Layers: the lecture's numbers, shapes, and how many GEMMs they cost."""

import numpy as np
import pytest

from d2lib.gradcheck import check_gradients
from d2lib.scratch import (
    MLP,
    Dense,
    Dropout,
    Perceptron,
    Sequential,
    Tensor,
    no_grad,
    record,
    tensor,
)
from d2lib.scratch.layers import linear


class TestPerceptron:
    def test_the_worked_example_of_the_lecture(self):
        """MIT 6.S191, lecture 1: w0 = 1, W = (3, -2), x = (-1, 2): g(-6) = 0.002."""
        neuron = Perceptron(2)
        neuron.load_state({"W": [3.0, -2.0], "b": 1.0})
        assert float(neuron([-1.0, 2.0])) == pytest.approx(0.0024726, rel=1e-4)

    def test_the_line_on_which_it_cannot_decide(self):
        """1 + 3 x1 - 2 x2 = 0: below 0.5 where it is negative, above where positive."""
        neuron = Perceptron(2)
        neuron.load_state({"W": [3.0, -2.0], "b": 1.0})
        x = np.random.default_rng(0).uniform(-4, 4, (200, 2)).astype(np.float32)
        z = 1 + 3 * x[:, 0] - 2 * x[:, 1]
        y_hat = neuron(x).data
        np.testing.assert_array_equal(y_hat > 0.5, z > 0)
        assert float(neuron([1.0, 2.0])) == 0.5

    def test_shapes_and_parameters(self):
        neuron = Perceptron(3, seed=0)
        assert neuron(np.ones(3)).shape == ()
        assert neuron(np.ones((5, 3))).shape == (5,)
        assert {n: a.shape for n, a in neuron.state().items()} == {"W": (3,), "b": ()}
        assert neuron.num_parameters() == 4

    def test_is_one_column_of_a_dense_layer(self):
        neuron, layer = Perceptron(3, seed=0), Dense(3, 1, "sigmoid")
        layer.load_state({"W": neuron.W.data[:, None], "b": [neuron.b.data]})
        x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
        np.testing.assert_allclose(neuron(x).data, layer(x).data[:, 0], rtol=1e-6)


class TestDense:
    def test_by_hand(self):
        layer = Dense(2, 3)
        layer.load_state({"W": [[1, 2, 3], [4, 5, 6]], "b": [0.5, 0, -0.5]})
        np.testing.assert_array_equal(
            layer([[1.0, 1.0], [1.0, 0.0]]).data, [[5.5, 7, 8.5], [1.5, 2, 2.5]]
        )

    def test_is_the_sum_of_the_lecture(self):
        """z_i = w0_i + sum_j x_j w_ji, written out."""
        layer = Dense(3, 2, seed=0)
        layer.b.data[...] = [0.3, -0.7]
        x = [0.2, -1.0, 3.0]
        for i in range(2):
            z = layer.b.data[i] + sum(x[j] * layer.W.data[j, i] for j in range(3))
            assert layer(x).data[i] == pytest.approx(z, rel=1e-5)

    def test_the_bias_starts_at_zero_and_can_be_left_out(self):
        np.testing.assert_array_equal(Dense(3, 2, seed=0).b.data, [0, 0])
        layer = Dense(3, 2, bias=False)
        assert layer.b is None
        assert list(layer.state()) == ["W"]

    def test_he_before_relu_and_xavier_otherwise(self):
        np.testing.assert_array_equal(
            Dense(5, 4, "relu", seed=0).W.data, Dense(5, 4, None, "he", seed=0).W.data
        )
        np.testing.assert_array_equal(
            Dense(5, 4, "tanh", seed=0).W.data,
            Dense(5, 4, None, "xavier", seed=0).W.data,
        )

    def test_the_hint_to_flatten(self):
        layer = Dense(784, 10)
        with pytest.raises(
            ValueError, match=r"\(batch, 784\), got \(32, 28, 28\)"
        ) as e:
            layer(np.zeros((32, 28, 28), np.float32))
        assert "x.reshape(len(x), -1)" in str(e.value)

    def test_an_empty_batch_has_an_empty_result(self):
        assert Dense(3, 2)(np.zeros((0, 3), np.float32)).shape == (0, 2)


class Counting(np.ndarray):
    """An array that counts the matrix products it takes part in."""

    products: list = []  # noqa: RUF012 (shared on purpose)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        def plain(a):
            return a.view(np.ndarray) if isinstance(a, Counting) else a

        if ufunc is np.matmul:
            self.products.append(tuple(np.shape(a) for a in inputs))
        if out is not None:
            options["out"] = tuple(plain(a) for a in out)
        return getattr(ufunc, method)(*map(plain, inputs), **options)

    def __array_function__(self, function, types, args, kwargs):
        if function is np.dot:
            self.products.append(tuple(np.shape(a) for a in args))
        return super().__array_function__(function, types, args, kwargs)


@pytest.fixture
def products():
    Counting.products.clear()
    yield Counting.products
    Counting.products.clear()


class TestMatrixProducts:
    """One GEMM forward; one for the weights, one for the inputs, one thin for b."""

    @pytest.mark.parametrize("x_needs_it", [False, True])
    @pytest.mark.parametrize("batch", [(5,), (4, 5)])
    def test_dense(self, products, batch, x_needs_it):
        layer = Dense(3, 2, "tanh", seed=0)
        for parameter in layer.parameters():
            parameter.data = parameter.data.view(Counting)
        x = Tensor(np.ones((*batch, 3)), requires_grad=x_needs_it)
        n = int(np.prod(batch))
        y = layer(x)
        assert products == [((n, 3), (3, 2))]
        products.clear()
        y.backward(np.ones((*batch, 2), np.float32))
        expected = [((3, n), (n, 2)), ((n,), (n, 2))]
        if x_needs_it:
            expected.append(((n, 2), (2, 3)))
        assert sorted(products) == sorted(expected)

    def test_the_first_layer_of_a_network_computes_no_input_gradient(self, products):
        network = MLP([4, 3, 2], seed=0)
        for parameter in network.parameters():
            parameter.data = parameter.data.view(Counting)
        network(np.ones((6, 4))).sum().backward()
        assert len([p for p in products if len(p[0]) == 2]) == 2 + 2 + 1

    def test_planted_one_more_product_is_counted(self, products):
        layer = Dense(3, 3, seed=0)
        layer.W.data = layer.W.data.view(Counting)
        layer(layer(np.ones((2, 3))))
        assert len(products) == 2

    def test_linear_is_one_node(self):
        layer = Dense(3, 2, seed=0)
        y = layer(np.ones((5, 3)))
        assert y.op == "linear"
        assert y._parents[1:] == (layer.W, layer.b)


class TestSequentialAndMLP:
    def test_counts_and_names(self):
        network = MLP([784, 256, 128, 10], seed=0)
        # 784*256 + 256 + 256*128 + 128 + 128*10 + 10 (by hand)
        assert network.num_parameters() == 235_146
        assert list(network.state()) == [
            f"layers.{k}.{p}" for k in range(3) for p in ("W", "b")
        ]
        assert len(network) == 3
        assert network[0].activation == "relu"
        assert network[-1].activation is None

    def test_dropout_follows_each_hidden_layer(self):
        network = MLP([4, 3, 3, 2], dropout=0.25)
        kinds = [type(layer) for layer in network]
        assert kinds == [Dense, Dropout, Dense, Dropout, Dense]
        assert network[1].p == 0.25

    def test_layers_are_not_all_alike(self):
        network = MLP([3, 3, 3], "tanh", seed=0)
        assert not np.array_equal(network[0].W.data, network[1].W.data)

    def test_forward_is_layer_after_layer(self):
        a, b = Dense(3, 4, "relu", seed=0), Dense(4, 2, seed=1)
        x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
        np.testing.assert_array_equal(Sequential(a, b)(x).data, b(a(x)).data)

    def test_linear_activations_make_a_linear_network(self):
        """Lecture 1: without a non-linear g, depth buys nothing."""
        network = MLP([3, 8, 2], activation=None, seed=0)
        x, y = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
        np.testing.assert_allclose(
            network(x).data + network(y).data, network(x + y).data, rtol=1e-4, atol=1e-6
        )

    @pytest.mark.parametrize("g", [None, "relu", "tanh", "sigmoid", "softmax"])
    @pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_what_nobody_differentiates_is_the_same(self, g, shape, dtype):
        network = MLP([3, 8, 8, 2], activation="relu", output_activation=g, seed=0)
        network.layers[0].b.data[:] = 0.3
        x = tensor(np.random.default_rng(0).normal(size=shape), dtype)
        before = x.data.copy()
        with record():
            recorded = network(x)
        with no_grad():
            answered = network(x)
        assert recorded.requires_grad
        assert not answered.requires_grad
        assert answered.dtype == recorded.dtype
        np.testing.assert_array_equal(x.data, before)
        np.testing.assert_allclose(answered.data, recorded.data, rtol=1e-6)

    def test_it_refuses_what_does_not_fit_all_the_same(self):
        network = MLP([3, 8, 2], seed=0)
        network.layers = (Dense(3, 8, seed=0), Dense(7, 2, seed=0))
        with no_grad(), pytest.raises(ValueError, match="7"):
            network(np.ones((5, 3), np.float32))

    def test_a_layer_of_ones_own_is_asked(self):
        class Twice(Dense):
            def forward(self, x):
                return super().forward(x) * 2

        network = MLP([3, 2], seed=0)
        network.layers = (Twice(3, 2),)
        network.layers[0].load_state({"W": np.zeros((3, 2)), "b": [1, 2]})
        with no_grad():
            y = network(np.ones((5, 3), np.float32))
        np.testing.assert_array_equal(y.data, [[2, 4]] * 5)

    def test_a_layer_that_is_watched_is_asked(self):
        network = MLP([3, 2], seed=0)
        asked = []
        network[0].forward = lambda x: asked.append(x.shape) or x
        with no_grad():
            network(tensor(np.ones((5, 3))))
        assert asked == [(5, 3)]

    def test_what_is_no_module(self):
        with pytest.raises(TypeError, match="got function"):
            Sequential(Dense(2, 2), lambda x: x)
        with pytest.raises(ValueError, match="at least one layer"):
            Sequential()
        with pytest.raises(ValueError, match=r"at least, got \[3\]"):
            MLP([3])


class TestLinear:
    def test_without_bias_and_with_constants(self):
        x, W = tensor(np.ones((2, 3))), tensor(np.ones((3, 2)))
        y = linear(x, W)
        assert not y.requires_grad
        np.testing.assert_array_equal(y.data, np.full((2, 2), 3))

    def test_weights_that_were_computed(self):
        rng = np.random.default_rng(0)

        def f(x, W, b):
            return linear(x, W * W, b + 1.0)

        check_gradients(f, rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), np.ones(2))

    def test_the_same_matrix_as_input_and_weights(self):
        W = np.random.default_rng(0).normal(size=(3, 3))
        check_gradients(lambda W: linear(W, W), W)
