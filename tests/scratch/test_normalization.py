"""Batch normalisation: by its definition, its gradient, and what it remembers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib import scratch
from d2lib.gradcheck import check_gradients
from d2lib.scratch import (
    SGD,
    BatchNorm,
    Conv2D,
    Flatten,
    Sequential,
    mse,
    no_grad,
    record,
    relu,
    tensor,
)
from d2lib.scratch.normalization import batch_norm

some = settings(deadline=None, max_examples=40)
SHAPES = ((5, 3), (4, 3, 2), (2, 3, 4, 5))


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def normalised(x, gamma, beta, eps):
    """The definition, channel by channel."""
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        numbers = x[:, c].ravel()
        mean = sum(numbers) / len(numbers)
        var = sum((number - mean) ** 2 for number in numbers) / len(numbers)
        y[:, c] = gamma[c] * (x[:, c] - mean) / np.sqrt(var + eps) + beta[c]
    return y


@some
@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=4),
    st.sampled_from([1e-5, 0.5]),
    st.integers(0, 2**32 - 1),
)
def test_definition(shape, eps, seed):
    x = normal(seed, *shape) * 2 + 1
    gamma, beta = normal(seed + 1, 2, shape[1])
    y, mean, var = batch_norm(*(tensor(a, np.float64) for a in (x, gamma, beta)), eps)
    expected = normalised(x, gamma, beta, eps)
    np.testing.assert_allclose(y.data, expected, rtol=1e-9, atol=1e-9)
    rest = (0, *range(2, x.ndim))
    np.testing.assert_allclose(mean, x.mean(axis=rest), atol=1e-12)
    np.testing.assert_allclose(var, x.var(axis=rest), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("known", [None, (np.ones(3), np.full(3, 2.0))])
def test_gradient(shape, known):
    places = normal(0, *shape) * 2 + 1, normal(1, 3), normal(2, 3)
    check_gradients(
        lambda x, a, b: batch_norm(x, a, b, 1e-5, statistics=known)[0], *places
    )


def test_a_gradient_that_forgets_what_x_did_to_the_mean_is_found():
    gamma, beta = (tensor(normal(i, 3), np.float64) for i in (1, 2))

    def planted(x):
        held = x.data.mean(axis=0), x.data.var(axis=0)
        return batch_norm(x, gamma, beta, 1e-5, statistics=held)[0]

    with pytest.raises(AssertionError, match="backward gives"):
        check_gradients(planted, normal(0, 5, 3))


def test_the_gradient_is_free_of_what_does_not_change_the_result():
    """Adding to a channel, or scaling it, changes nothing: no gradient there."""
    x = tensor(normal(0, 4, 3, 5) * 2 + 1, np.float64, requires_grad=True)
    gamma, beta = (tensor(normal(i, 3), np.float64) for i in (1, 2))
    y, _, _ = batch_norm(x, gamma, beta, 0)
    y.backward(normal(3, 4, 3, 5))
    np.testing.assert_allclose(x.grad.sum(axis=(0, 2)), 0, atol=1e-12)
    np.testing.assert_allclose((x.grad * x.data).sum(axis=(0, 2)), 0, atol=1e-10)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_the_activation_comes_last(activation):
    x = tensor(np.asarray(normal(0, 6, 3, 2), np.float32), requires_grad=True)
    with_it, without = BatchNorm(3, activation), BatchNorm(3)
    for norm in (with_it, without):
        norm.load_state(without.state() | {"gamma": [1, -2, 0.5], "beta": [0.1, 0, 1]})
    results = []
    for f in (with_it, lambda x: getattr(scratch, activation)(without(x))):
        x.grad = None
        y = f(x)
        y.backward(np.asarray(normal(1, 6, 3, 2), np.float32))
        results.append((y.data, x.grad))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    for a, b in zip(
        with_it.gradients().values(), without.gradients().values(), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_far_from_zero_the_variance_is_still_right():
    x = np.asarray(normal(0, 256, 1) + 1000, np.float32)
    norm = BatchNorm(1, momentum=0.0)
    y = norm(x)
    assert abs(y.data.std() - 1) < 1e-3
    assert abs(norm.running_var.value.item() - x.astype(float).var()) < 1e-3


def test_a_constant_channel_is_not_divided_by_zero():
    y = BatchNorm(2)(np.float32([[3, 1], [3, 2], [3, 3]]))
    np.testing.assert_array_equal(y.data[:, 0], 0)


def test_one_example_without_neighbours_is_the_shift():
    norm = BatchNorm(2)
    norm.load_state(norm.state() | {"beta": [3.0, -1.0]})
    np.testing.assert_array_equal(norm([[5.0, 7.0]]).data, [[3, -1]])


def test_no_array_becomes_float64():
    x = tensor(normal(0, 128, 1, 28, 28), requires_grad=True)
    y = BatchNorm(1, "relu")(x)
    y.backward(np.ones(x.shape, np.float32))
    assert y.dtype == x.grad.dtype == np.float32


class TestRunning:
    def test_it_is_a_mean_that_forgets(self):
        norm = BatchNorm(3, momentum=0.8)
        mean, var = np.zeros(3), np.ones(3)
        for step in range(4):
            x = normal(step, 6, 3, 2) * (step + 1) + step
            norm(np.asarray(x, np.float32))
            mean = 0.8 * mean + 0.2 * x.mean(axis=(0, 2))
            var = 0.8 * var + 0.2 * x.var(axis=(0, 2))
        np.testing.assert_allclose(norm.running_mean.value.data, mean, rtol=1e-5)
        np.testing.assert_allclose(norm.running_var.value.data, var, rtol=1e-5)

    def test_elsewhere_it_is_used_and_left_alone(self):
        norm = BatchNorm(1)
        norm.load_state(
            {"gamma": [2], "beta": [1], "running_mean": [3], "running_var": [4]}
        )
        before = norm.state()
        with no_grad():
            outside = norm([[7.0]])
        inside = norm.eval()([[7.0]])
        for y in (outside, inside):
            assert y.item() == pytest.approx(2 * (7 - 3) / 2 + 1, rel=1e-5)
        for name, values in norm.state().items():
            np.testing.assert_array_equal(values, before[name])

    def test_it_is_saved_and_loaded(self, tmp_path):
        model = Sequential(Conv2D(1, 2, 3, seed=0), BatchNorm(2, "relu"), Flatten())
        for step in range(3):
            model(np.asarray(normal(step, 4, 1, 5, 5) + 2, np.float32))
        model.save(tmp_path / "model.npz")
        other = Sequential(Conv2D(1, 2, 3, seed=1), BatchNorm(2, "relu"), Flatten())
        other.load(tmp_path / "model.npz")
        x = np.asarray(normal(9, 4, 1, 5, 5), np.float32)
        np.testing.assert_array_equal(other.eval()(x).data, model.eval()(x).data)

    def test_it_is_no_parameter(self):
        norm = BatchNorm(3)
        assert norm.num_parameters() == 6
        assert list(norm.gradients()) == ["gamma", "beta"]
        before = norm.state()
        with record():
            mse(norm.freeze()(normal(0, 4, 3) + 5), np.zeros((4, 3))).item()
        after = norm.state()
        np.testing.assert_array_equal(after["gamma"], before["gamma"])
        assert (after["running_mean"] != before["running_mean"]).all()


@pytest.mark.parametrize("frozen", ["gamma", "beta"])
def test_what_is_frozen_stays_and_the_rest_learns(frozen):
    norm = BatchNorm(3, "relu")
    getattr(norm, frozen).requires_grad = False
    optimizer = SGD([norm.gamma, norm.beta], lr=0.1)
    before = norm.state()
    norm(np.asarray(normal(0, 5, 3), np.float32)).sum().backward()
    optimizer.step()
    after = norm.state()
    for name in ("gamma", "beta"):
        assert (after[name] == before[name]).all() == (name == frozen)


def test_layout_of_memory_is_kept():
    x = normal(0, 2, 4, 4, 3).transpose(0, 3, 1, 2)  # channels last
    y = relu(BatchNorm(3)(tensor(x)))
    assert y.data.transpose(0, 2, 3, 1).flags.c_contiguous
