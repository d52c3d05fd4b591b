"""Every operation's derivative against finite differences; what the engine promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from d2lib import scratch
from d2lib.gradcheck import check_gradients
from d2lib.scratch import Tensor, record, tensor

some = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(st.integers(1, 3), max_size=3).map(tuple)
pairs = mutually_broadcastable_shapes(
    num_shapes=2, max_dims=3, min_side=1, max_side=3
).map(lambda both: both.input_shapes)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def away_from_zero(seed, *shape):
    x = normal(seed, *shape)
    return np.sign(x) * (0.5 + np.abs(x))


class TestGradientChecks:
    @some
    @given(pairs, seeds, st.sampled_from("+-*/"))
    def test_arithmetic_with_broadcasting(self, shapes, seed, op):
        f = {
            "+": lambda x, y: x + y,
            "-": lambda x, y: x - y,
            "*": lambda x, y: x * y,
            "/": lambda x, y: x / y,
        }[op]
        x, y = normal(seed, *shapes[0]), away_from_zero(seed + 1, *shapes[1])
        check_gradients(f, x, y, seed=seed)

    @some
    @given(shapes, seeds, st.sampled_from([2, 3, -1, 0.5, 1.7, 1]))
    def test_power(self, shape, seed, exponent):
        check_gradients(lambda x: x**exponent, np.abs(away_from_zero(seed, *shape)))

    @some
    @given(shapes, seeds)
    def test_elementwise(self, shape, seed):
        x = away_from_zero(seed, *shape)
        for f in (scratch.sigmoid, scratch.tanh, scratch.relu, scratch.exp):
            check_gradients(f, x, seed=seed)
        check_gradients(scratch.log, np.abs(x), seed=seed)
        check_gradients(lambda x: -x, x, seed=seed)
        check_gradients(lambda x: 2.0 / x - (1.0 - x) * 3.0, x, seed=seed)

    @some
    @given(shapes, seeds, st.booleans(), st.data())
    def test_reductions(self, shape, seed, keepdims, data):
        axes = st.integers(-len(shape), len(shape) - 1) if shape else st.none()
        axis = data.draw(st.one_of(st.none(), axes))
        # Spread far enough apart for max to be smooth.
        x = np.random.default_rng(seed).permutation(int(np.prod(shape))) * 0.1
        x = x.reshape(shape)
        for name in ("sum", "mean", "max"):
            check_gradients(lambda x, n=name: getattr(x, n)(axis, keepdims), x)

    @pytest.mark.parametrize("axis", [(0, 2), (-1, 0), (0, 1, 2), ()])
    @pytest.mark.parametrize("name", ["sum", "mean", "max"])
    def test_reductions_over_several_axes(self, name, axis):
        x = np.random.default_rng(0).permutation(24).reshape(2, 3, 4) * 0.1
        for keepdims in (False, True):
            check_gradients(lambda x, k=keepdims: getattr(x, name)(axis, k), x)

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((3,), (3, 2)),
            ((2, 3), (3, 4)),
            ((5, 2, 3), (3, 4)),
            ((5, 2, 3), (5, 3, 4)),
            ((2, 3), (5, 3, 4)),
            ((5, 1, 2, 3), (4, 3, 2)),
            ((5, 2, 3), (3,)),
            ((3,), (5, 3, 4)),
            ((1, 2, 3), (5, 3, 1)),
        ],
    )
    def test_matmul(self, left, right):
        x, y = normal(0, *left), normal(1, *right)
        check_gradients(lambda x, y: x @ y, x, y)
        np.testing.assert_allclose(
            (Tensor(x, np.float64) @ Tensor(y, np.float64)).data, x @ y
        )

    @some
    @given(shapes, seeds, st.data())
    def test_transpose(self, shape, seed, data):
        order = data.draw(st.permutations(range(len(shape))))
        axes = [data.draw(st.sampled_from([i, i - len(shape)])) for i in order]
        x = normal(seed, *shape)
        check_gradients(lambda x: x.transpose(*axes), x)
        check_gradients(lambda x: x.transpose(tuple(axes)), x)
        check_gradients(lambda x: x.T, x)

    def test_reshape(self):
        x = normal(0, 2, 6)
        for shape in [(12,), (3, 4), (-1, 2), (1, 12)]:
            check_gradients(lambda x, s=shape: x.reshape(*s), x)
            check_gradients(lambda x, s=shape: x.reshape(s), x)

    @pytest.mark.parametrize(
        "index",
        [
            0,
            -1,
            slice(1, None),
            slice(None, None, -2),
            (slice(None), 1),
            (..., 0),
            None,
            np.array([0, 2, 0, 0]),
            (np.array([0, 0, 1]), np.array([1, 1, 2])),
            np.array([True, False, True]),
        ],
        ids=str,
    )
    def test_getitem_also_with_repeated_indices(self, index):
        check_gradients(lambda x: x[index], normal(0, 3, 4))

    def test_getitem_adds_up_an_element_taken_three_times(self):
        x = tensor([1.0, 2.0, 3.0], requires_grad=True)
        x[np.array([0, 2, 0, 0])].backward([1.0, 10.0, 100.0, 1000.0])
        np.testing.assert_array_equal(x.grad, [1101, 0, 10])

    @some
    @given(seeds, st.integers(0, 2), st.integers(1, 4))
    def test_softmax_on_every_axis(self, seed, axis, n):
        x = normal(seed, 2, n, 3)
        check_gradients(lambda x: scratch.softmax(x, axis), x, seed=seed)
        check_gradients(lambda x: scratch.softmax(x, axis - 3), x, seed=seed)

    def test_a_composition_of_all_of_them(self):
        def f(x, W, b):
            h = scratch.tanh(x @ W + b)
            h = h * scratch.sigmoid(h.T @ h).sum() / (1.0 + h**2)
            return scratch.softmax(h - h.max(axis=1, keepdims=True)) * scratch.exp(h)

        check_gradients(f, normal(0, 4, 3), normal(1, 3, 5), normal(2, 5))


class TestTies:
    """Equal largest values share the gradient (a subgradient that keeps symmetry)."""

    def test_golden(self):
        x = tensor([[1.0, 5.0, 5.0], [7.0, 7.0, 7.0]], requires_grad=True)
        x.max(axis=1).backward([6.0, 9.0])
        np.testing.assert_array_equal(x.grad, [[0, 3, 3], [3, 3, 3]])

    def test_over_everything(self):
        x = tensor([2.0, 0.0, 2.0, 2.0, 2.0], requires_grad=True)
        x.max().backward()
        np.testing.assert_array_equal(x.grad, [0.25, 0, 0.25, 0.25, 0.25])


class TestEngine:
    def test_a_tensor_used_twice_gets_both_gradients(self):
        x = tensor([3.0], requires_grad=True)
        (x * x + x).backward()
        np.testing.assert_array_equal(x.grad, [7])

    def test_a_diamond(self):
        """Both arms meet again: each node is visited once, after all its uses."""
        check_gradients(lambda x: (x * 2) * scratch.exp(x * 2) + x, normal(0, 3))

    def test_an_early_result_used_late(self):
        def f(x):
            early = x * x
            late = early
            for _ in range(10):
                late = scratch.tanh(late + x)
            return early * late + early

        check_gradients(f, normal(0, 3))

    def test_the_two_weight_example_of_the_lecture(self):
        """x -w1-> z1 -w2-> y_hat -> J: dJ/dw1 = dJ/dy_hat . dy_hat/dz1 . dz1/dw1.

        MIT 6.S191, lecture 1, "computing gradients: backpropagation"; the numbers are
        ours: x = 2, w1 = 0.5, w2 = -1.5, y = 1, linear units, J = (y - y_hat)^2.
        By hand: z1 = 1, y_hat = -1.5, dJ/dy_hat = -5, dJ/dw2 = -5, dJ/dw1 = -5*-1.5*2.
        """
        w1, w2 = tensor(0.5, requires_grad=True), tensor(-1.5, requires_grad=True)
        with record():
            J = scratch.mse(w2 * (w1 * 2.0), 1.0)
        J.backward()
        assert (w1.grad, w2.grad) == (15.0, -5.0)

    def test_shared_weights_get_the_sum_over_their_uses(self):
        W, b = normal(0, 3, 3), normal(1, 3)
        check_gradients(lambda x, W, b: scratch.tanh(x @ W + b) @ W + b, W, W, b)
        layer = scratch.Dense(3, 3, seed=0)
        twice = scratch.Sequential(layer, layer)
        u = normal(2, 4, 3).astype(np.float32)
        x = normal(3, 4, 3).astype(np.float32)
        twice(x).backward(u)
        both = layer.W.grad.copy()
        layer.zero_grad()
        h = Tensor(layer(x).data, requires_grad=True)
        layer(h).backward(u)
        layer(x).backward(h.grad)
        np.testing.assert_allclose(both, layer.W.grad, rtol=1e-5)

    def test_two_backward_calls_accumulate(self):
        layer = scratch.Dense(3, 2, seed=0)
        x = normal(0, 5, 3).astype(np.float32)
        u = normal(1, 5, 2).astype(np.float32)
        layer(x).backward(u)
        once = layer.gradients()
        loss = layer(x)
        loss.backward(u)
        loss.backward(u)  # the same tape again
        for name, g in layer.gradients().items():
            np.testing.assert_allclose(g, 3 * once[name], rtol=1e-5)

    def test_zero_grad_starts_afresh(self):
        x = tensor([1.0], requires_grad=True)
        (x * 2).backward()
        x.zero_grad()
        assert x.grad is None
        (x * 5).backward()
        np.testing.assert_array_equal(x.grad, [5])

    def test_a_chain_of_5000_operations(self):
        x = y = tensor(1.0, requires_grad=True)
        for _ in range(5000):
            y = y + 0.001
        y.backward()
        assert x.grad == 1.0
        del y  # nor does freeing the chain recurse too deep

    def test_work_grows_with_the_nodes_not_with_the_paths(self):
        """Sixty doublings have 2**60 paths and sixty nodes."""
        x = y = Tensor(1.0, np.float64, requires_grad=True)
        for _ in range(60):
            y = y + y
        y.backward()
        assert x.grad == 2.0**60

    def test_leaves_without_requires_grad_get_none(self):
        x, c = tensor([1.0], requires_grad=True), tensor([2.0])
        (x * c).backward()
        assert c.grad is None

    def test_backward_on_several_values_needs_a_gradient(self):
        x = tensor([[1.0, 2.0]], requires_grad=True)
        with pytest.raises(ValueError, match=r"scalar loss, got shape \(1, 2\)"):
            (x * 2).backward()
        assert x.grad is None

    def test_backward_with_a_gradient_of_another_shape(self):
        x = tensor([1.0, 2.0], requires_grad=True)
        with pytest.raises(ValueError, match=r"shape \(2,\), got \(3,\)"):
            (x * 2).backward([1.0, 2.0, 3.0])
        assert x.grad is None

    def test_backward_without_anything_recorded(self):
        with pytest.raises(ValueError, match="requires_grad=True"):
            (tensor([1.0]) * 2).backward()

    def test_mixed_precision_gives_each_its_own_dtype(self):
        x = Tensor([1.5], np.float32, requires_grad=True)
        y = Tensor([2.5], np.float64, requires_grad=True)
        ((x + 0.0) * (y + 0.0)).sum().backward()
        assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float64)
        assert (x.grad[0], y.grad[0]) == (2.5, 1.5)
