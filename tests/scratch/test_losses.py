"""Losses: golden values with their source, stability, reductions, derivatives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.gradcheck import check_gradients
from d2lib.scratch import (
    Tensor,
    _fast,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    mse,
    sigmoid,
    softmax,
    tensor,
)

some = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(st.integers(1, 4), max_size=3).map(tuple)
REDUCTIONS = ("mean", "sum", "none")

# "Will I pass this class?", MIT 6.S191, lecture 1: predicted against actual.
PREDICTED, ACTUAL = [0.1, 0.8, 0.6], [1.0, 0.0, 1.0]


class TestGolden:
    def test_lecture_rows_by_binary_cross_entropy(self):
        """-(ln 0.1 + ln 0.2 + ln 0.6) / 3 = 1.474283 (by hand)."""
        loss = binary_cross_entropy(PREDICTED, ACTUAL)
        assert float(loss) == pytest.approx(1.4742830, rel=1e-6)
        each = binary_cross_entropy(PREDICTED, ACTUAL, reduction="none")
        np.testing.assert_allclose(
            each.data, [2.302585, 1.609438, 0.5108256], rtol=1e-6
        )

    def test_lecture_rows_by_mean_squared_error(self):
        """(0.9² + 0.8² + 0.4²) / 3 = 1.61 / 3 (by hand)."""
        assert float(mse(PREDICTED, ACTUAL)) == pytest.approx(1.61 / 3, rel=1e-6)

    def test_logits_and_probabilities_are_the_same_loss(self):
        p = np.array(PREDICTED)
        logits = np.log(p / (1 - p))
        for reduction in REDUCTIONS:
            np.testing.assert_allclose(
                binary_cross_entropy_with_logits(logits, ACTUAL, reduction).data,
                binary_cross_entropy(p, ACTUAL, reduction).data,
                rtol=1e-5,
            )

    def test_no_idea_costs_the_logarithm_of_the_number_of_classes(self):
        """Shannon, 1948: the entropy of a uniform choice out of 10 is ln 10."""
        assert float(cross_entropy(np.zeros((5, 10)), np.arange(5))) == pytest.approx(
            np.log(10), rel=1e-6
        )

    def test_cross_entropy_by_hand(self):
        """Probabilities 1/4, 3/4: labels 0 and 1 cost ln 4 and ln 4/3."""
        z = np.log([[1.0, 3.0], [1.0, 3.0]])
        each = cross_entropy(z, [0, 1], reduction="none").data
        np.testing.assert_allclose(each, np.log([4, 4 / 3]), rtol=1e-6)

    def test_two_classes_are_binary_cross_entropy_of_the_difference(self):
        z = np.random.default_rng(0).normal(size=(6, 2))
        y = np.array([0, 1, 1, 0, 1, 0])
        both = cross_entropy(z, y, "none").data
        one = binary_cross_entropy_with_logits(z[:, 1] - z[:, 0], y.astype(float)).data
        assert both.mean() == pytest.approx(float(one), rel=1e-6)

    def test_gradients_by_hand(self):
        x = tensor([1.0, 4.0], requires_grad=True)
        mse(x, [2.0, 2.0]).backward()
        np.testing.assert_array_equal(x.grad, [-1, 2])
        z = tensor([0.0, np.log(3)], requires_grad=True)
        binary_cross_entropy_with_logits(z, [1.0, 0.0]).backward()
        np.testing.assert_allclose(z.grad, [-0.25, 0.375], rtol=1e-6)
        z = tensor(np.log([[1.0, 3.0]]), requires_grad=True)
        cross_entropy(z, [0]).backward()
        np.testing.assert_allclose(z.grad, [[-0.75, 0.75]], rtol=1e-6)


class TestStable:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_binary_cross_entropy_at_1000(self, dtype):
        z = Tensor([1000.0, -1000.0, 1000.0, -1000.0], dtype, requires_grad=True)
        loss = binary_cross_entropy_with_logits(z, [0.0, 1.0, 1.0, 0.0], "none")
        np.testing.assert_array_equal(loss.data, [1000, 1000, 0, 0])
        loss.backward([1.0, 2.0, 3.0, 4.0])
        np.testing.assert_array_equal(z.grad, [1, -2, 0, 0])

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_cross_entropy_at_1000(self, dtype):
        z = Tensor([[1000.0, -1000.0]] * 2, dtype, requires_grad=True)
        loss = cross_entropy(z, [0, 1], reduction="none")
        np.testing.assert_array_equal(loss.data, [0, 2000])
        loss.backward([3.0, 5.0])
        np.testing.assert_array_equal(z.grad, [[0, 0], [5, -5]])

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("shift", [20.0, -20.0, 80.0, -80.0, 1000.0, -1000.0])
    def test_cross_entropy_does_not_see_what_all_scores_have_in_common(
        self, dtype, shift
    ):
        z = np.float32([[3, 1, -2], [0, 0.5, 4]])  # exact, also after the shift
        y, g = [0, 1], [2.0, -3.0]
        here, there = Tensor(z, dtype, True), Tensor(z + shift, dtype, True)
        expected = cross_entropy(here, y, reduction="none")
        loss = cross_entropy(there, y, reduction="none")
        expected.backward(g)
        loss.backward(g)
        rtol = 8 * np.finfo(dtype).eps
        np.testing.assert_allclose(loss.data, expected.data, rtol)
        np.testing.assert_allclose(there.grad, here.grad, rtol)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_cross_entropy_of_rows_of_every_size(self, dtype):
        """Many enough for several threads, of which some must shift and some not."""
        rng = np.random.default_rng(0)
        size = 10.0 ** rng.integers(-2, 4, size=(400, 1))
        size[:200] = 1.0
        z, y = rng.normal(size=(400, 1000)) * size, rng.integers(0, 1000, 400)
        z = Tensor(z, dtype, requires_grad=True)
        loss = cross_entropy(z, y, reduction="none")
        loss.backward(np.ones(400))
        shifted = np.float64(z.data) - np.float64(z.data).max(axis=1, keepdims=True)
        p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        rows = np.arange(400)
        expected = np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, y]
        p[rows, y] -= 1
        atol = 8 * np.finfo(dtype).eps
        np.testing.assert_allclose(loss.data, expected, 1e-6, atol)
        np.testing.assert_allclose(z.grad, p, 1e-5, atol)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_cross_entropy_is_never_negative(self, dtype):
        own = np.linspace(0, 60, 1001)
        z = np.stack([own, np.zeros(1001)], axis=1)
        loss = cross_entropy(Tensor(z, dtype), np.zeros(1001, int), "none").data
        assert loss.min() >= 0
        np.testing.assert_allclose(loss, np.log1p(np.exp(-own)), 0, np.finfo(dtype).eps)

    def test_mse_at_1000(self):
        x = tensor([1000.0], requires_grad=True)
        loss = mse(x, [-1000.0])
        loss.backward()
        assert (float(loss), x.grad[0]) == (4e6, 4000)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_probabilities_of_exactly_0_and_1_stay_finite(self, dtype):
        p = Tensor([0.0, 1.0, 0.0, 1.0], dtype, requires_grad=True)
        loss = binary_cross_entropy(p, [0.0, 1.0, 1.0, 0.0], "none")
        np.testing.assert_allclose(
            loss.data, [0, 0, -np.log(1e-12), -np.log(1e-12)], rtol=1e-6, atol=1e-11
        )
        loss.sum().backward()
        assert np.isfinite(p.grad).all()
        assert p.grad[2] < -1e11
        assert p.grad[3] > 1e11

    def test_a_tiny_loss_keeps_its_digits(self):
        """log(1 + e^-20) by log1p; in float32 1 + e^-20 would be 1."""
        loss = binary_cross_entropy_with_logits([20.0], [1.0])
        assert float(loss) == pytest.approx(np.exp(-20.0), rel=1e-5)


class TestGradientChecks:
    @some
    @given(shapes, seeds, st.sampled_from(REDUCTIONS))
    def test_mse(self, shape, seed, reduction):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=shape)
        check_gradients(lambda x: mse(x, y, reduction), rng.normal(size=shape))

    @some
    @given(shapes, seeds, st.sampled_from(REDUCTIONS), st.booleans())
    def test_binary_cross_entropy(self, shape, seed, reduction, from_logits):
        rng = np.random.default_rng(seed)
        y = rng.random(shape)
        z = rng.normal(size=shape) * 3 if from_logits else rng.uniform(0.1, 0.9, shape)
        names = {True: binary_cross_entropy_with_logits, False: binary_cross_entropy}
        check_gradients(lambda z: names[from_logits](z, y, reduction), z)

    @some
    @given(shapes, st.integers(1, 5), seeds, st.sampled_from(REDUCTIONS))
    def test_cross_entropy(self, shape, classes, seed, reduction):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, classes, shape)
        z = rng.normal(size=(*shape, classes)) * 3
        check_gradients(lambda z: cross_entropy(z, y, reduction), z)

    def test_cross_entropy_of_logits_that_are_not_contiguous(self):
        """Its gradient is written into an array of another order than the logits'."""
        rng = np.random.default_rng(0)
        z, y = rng.normal(size=(3, 5, 4)), rng.integers(0, 5, size=(4, 3))
        check_gradients(lambda z: cross_entropy(z.transpose(2, 0, 1), y), z)

    def test_through_what_comes_before_and_after(self):
        y = np.random.default_rng(0).random((3, 2))
        x = np.random.default_rng(1).normal(size=(3, 2))

        def f(x):
            p = sigmoid(x)
            return binary_cross_entropy(p, y, "none") * p + mse(x, y) * 3.0

        check_gradients(f, x)


class TestAgainstThePlainFormula:
    @some
    @given(shapes, st.integers(1, 5), seeds)
    def test_cross_entropy_is_minus_the_log_of_softmax(self, shape, classes, seed):
        rng = np.random.default_rng(seed)
        z, y = rng.normal(size=(*shape, classes)), rng.integers(0, classes, shape)
        p = softmax(Tensor(z, np.float64)).data
        own = np.take_along_axis(p, np.asarray(y)[..., None], -1)[..., 0]
        each = cross_entropy(Tensor(z, np.float64), y, "none").data
        np.testing.assert_allclose(each, -np.log(own), rtol=1e-10, atol=1e-12)

    @some
    @given(shapes, seeds)
    def test_binary_cross_entropy(self, shape, seed):
        rng = np.random.default_rng(seed)
        z, y = rng.normal(size=shape), rng.random(shape)
        p = 1 / (1 + np.exp(-z))
        plain = -(y * np.log(p) + (1 - y) * np.log(1 - p))
        each = binary_cross_entropy_with_logits(Tensor(z, np.float64), y, "none").data
        np.testing.assert_allclose(each, plain, rtol=1e-10)


class TestBlocks:
    def test_many_rows_are_the_same_as_few(self, monkeypatch):
        """Blocks of rows; those with large scores are shifted, the others are not."""
        rng = np.random.default_rng(0)
        z, y = rng.normal(size=(50, 4)).astype(np.float32), rng.integers(0, 4, 50)
        z[20:23] *= 300
        upstream = rng.normal(size=50).astype(np.float32)

        def run():
            x = Tensor(z, requires_grad=True)
            each = cross_entropy(x, y, "none")
            each.backward(upstream)
            return each.data, x.grad

        whole = run()
        for block in (1, 8, 12):
            monkeypatch.setattr(_fast, "_BLOCK", block)
            for got, expected in zip(run(), whole, strict=True):
                np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


class TestReductions:
    CASES = (
        (mse, np.float32([[1, 2], [3, 4]]), np.float32([[0, 0], [0, 1]])),
        (
            binary_cross_entropy_with_logits,
            np.float32([[1, -2]]),
            np.float32([[1, 0.5]]),
        ),
        (binary_cross_entropy, np.float32([[0.1, 0.7]]), np.float32([[1, 0.5]])),
        (cross_entropy, np.float32([[1, 2, 3]] * 4), np.array([0, 1, 2, 2])),
    )

    @pytest.mark.parametrize(("loss", "y_hat", "y"), CASES)
    def test_mean_and_sum_are_those_of_none(self, loss, y_hat, y):
        each = loss(y_hat, y, reduction="none")
        assert each.shape == y.shape
        assert loss(y_hat, y).shape == ()
        assert float(loss(y_hat, y)) == pytest.approx(each.data.mean(), rel=1e-6)
        total = loss(y_hat, y, reduction="sum")
        assert float(total) == pytest.approx(each.data.sum(), rel=1e-6)

    def test_backward_twice_is_twice_the_gradient(self):
        for loss, y_hat, y in self.CASES:
            x = Tensor(y_hat, requires_grad=True)
            value = loss(x, y)
            value.backward()
            once = x.grad.copy()
            value.backward()
            np.testing.assert_allclose(x.grad, 2 * once)
