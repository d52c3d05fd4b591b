"""Activations: golden values, stability, symmetries. Derivatives: tests/concepts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.scratch import relu, sigmoid, softmax, tanh, tensor
from d2lib.scratch.activations import activation_named

some = settings(deadline=None, max_examples=30)
numbers = st.lists(st.floats(-2000, 2000, width=32), min_size=1, max_size=8)


class TestGolden:
    def test_the_perceptron_of_the_lecture(self):
        """MIT 6.S191, lecture 1: g(1 + 3 * -1 - 2 * 2) = g(-6) = 0.002 (rounded)."""
        assert float(sigmoid(-6.0)) == pytest.approx(1 / (1 + np.e**6), rel=1e-4)
        assert round(float(sigmoid(-6.0)), 3) == 0.002

    def test_values_by_hand(self):
        np.testing.assert_allclose(sigmoid([0.0, np.log(3)]).data, [0.5, 0.75])
        np.testing.assert_allclose(tanh([0.0, np.log(3)]).data, [0, 0.8], rtol=1e-6)
        np.testing.assert_array_equal(relu([-2.0, 0.0, 3.0]).data, [0, 0, 3])
        two = softmax([[np.log(1), np.log(3)], [7.0, 7.0]]).data
        np.testing.assert_allclose(two, [[0.25, 0.75], [0.5, 0.5]], rtol=1e-6)

    @pytest.mark.parametrize(
        ("g", "slopes"),
        [(sigmoid, [0.25, 0.1875]), (tanh, [1.0, 0.36]), (relu, [0.0, 1.0])],
    )
    def test_slopes_by_hand_at_0_and_log_3(self, g, slopes):
        """g(1-g), 1-g² and the step; ReLU's derivative at 0 is taken as 0."""
        x = tensor([0.0, np.log(3)], requires_grad=True)
        g(x).backward([1.0, 1.0])
        np.testing.assert_allclose(x.grad, slopes, rtol=1e-6)


class TestStable:
    @pytest.mark.parametrize("big", [1000.0, 1e30, float(np.finfo(np.float32).max)])
    def test_far_out_values_and_gradients_are_exact(self, big):
        for g, ends in ((sigmoid, [0, 1]), (tanh, [-1, 1]), (softmax, [0, 1])):
            # softmax subtracts the larger score, which must not overflow either
            x = tensor([-min(big, 1e38), min(big, 1e38)], requires_grad=True)
            y = g(x)
            np.testing.assert_array_equal(y.data, ends)
            y.backward([1.0, 2.0])
            np.testing.assert_array_equal(x.grad, [0, 0])

    def test_sigmoid_keeps_the_far_left_in_float64(self):
        assert float(sigmoid(tensor(-30.0, np.float64))) == pytest.approx(
            np.exp(-30.0), rel=1e-2, abs=1e-16
        )


class TestProperties:
    @some
    @given(numbers)
    def test_symmetry_range_and_sum(self, z):
        z = np.array(z, np.float32)
        s, t, p = sigmoid(z).data, tanh(z).data, softmax(z).data
        np.testing.assert_allclose(s + sigmoid(-z).data, 1, rtol=1e-6)
        np.testing.assert_allclose(t, -tanh(-z).data)
        assert ((s >= 0) & (s <= 1)).all()
        assert ((p >= 0) & (p <= 1)).all()
        assert p.sum() == pytest.approx(1, rel=1e-5)
        np.testing.assert_array_equal(relu(z).data, np.where(z > 0, z, 0))

    @some
    @given(numbers, st.sampled_from([-8.0, 0.5, 64.0]))
    def test_softmax_does_not_see_a_common_shift(self, z, shift):
        z = np.round(np.array(z, np.float64))
        np.testing.assert_allclose(
            softmax(tensor(z + shift, np.float64)).data,
            softmax(tensor(z, np.float64)).data,
            rtol=1e-12,
        )

    def test_softmax_gradient_of_a_common_shift_is_zero(self):
        x = tensor(np.random.default_rng(0).normal(size=(3, 4)), requires_grad=True)
        softmax(x).backward(np.random.default_rng(1).normal(size=(3, 4)))
        np.testing.assert_allclose(x.grad.sum(axis=1), 0, atol=1e-7)


class TestByName:
    @pytest.mark.parametrize("name", ["ReLU", "elu", "", 3, True])
    def test_an_unknown_one_is_answered_with_the_list(self, name):
        with pytest.raises(ValueError, match="None, 'sigmoid', 'tanh', 'relu'") as e:
            activation_named(name)
        assert repr(name) in str(e.value)
