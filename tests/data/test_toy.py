"""The toy sets: shapes, seeds, and that each is as hard as it is said to be."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lib import data

CLASSES = [data.moons, data.rings, data.spirals, data.xor]
ALL = [*CLASSES, data.noisy_sine, data.will_i_pass]


def linear_accuracy(x, y):
    """How many of two classes the best least-squares line gets right."""
    design = np.column_stack([x, np.ones(len(x))]).astype(float)
    w, *_ = np.linalg.lstsq(design, 2.0 * y - 1, rcond=None)
    return np.mean((design @ w > 0) == (y == 1))


@pytest.mark.parametrize("make", ALL)
@given(n=st.integers(1, 60), seed=st.integers(0, 2**32))
def test_shapes_dtypes_and_seed(make, n, seed):
    x, y = make(n, seed=seed)
    assert x.dtype == np.float32
    assert x.shape == (n, 1 if make is data.noisy_sine else 2)
    assert np.isfinite(x).all()
    if make is data.noisy_sine:
        assert (y.dtype, y.shape) == (np.float32, (n, 1))
    elif make is data.will_i_pass:
        assert (y.dtype, y.shape) == (np.float32, (n,))
    else:
        assert (y.dtype, y.shape) == (np.int64, (n,))
    again = make(n, seed=seed)
    np.testing.assert_array_equal(again[0], x)
    np.testing.assert_array_equal(again[1], y)


@pytest.mark.parametrize("make", ALL)
def test_other_seeds_give_other_data_and_a_generator_goes_on(make):
    assert not np.array_equal(make(50, seed=1)[0], make(50, seed=2)[0])
    rng = np.random.default_rng(0)
    first, second = make(50, seed=rng)[0], make(50, seed=rng)[0]
    np.testing.assert_array_equal(first, make(50, seed=0)[0])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("make", ALL)
def test_nothing_touches_the_global_generator(make):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make(20)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (2.5, TypeError)])
def test_bad_n(make, n, error):
    with pytest.raises(error, match="n must be a whole number"):
        make(n)


@pytest.mark.parametrize("make", [f for f in ALL if f is not data.will_i_pass])
@pytest.mark.parametrize("noise", [-1, float("nan"), float("inf")])
def test_bad_noise(make, noise):
    with pytest.raises(ValueError, match="noise"):
        make(10, noise=noise)


@pytest.mark.parametrize("make", CLASSES)
def test_classes_are_balanced_in_every_slice(make):
    y = make(90)[1]
    for start in range(0, 90, 6):
        counts = np.bincount(y[start : start + 6])
        assert counts.min() == counts.max()


def test_spirals_have_as_many_classes_as_asked():
    assert np.unique(data.spirals(50, classes=5)[1]).tolist() == [0, 1, 2, 3, 4]
    assert np.hypot(*data.spirals(1000)[0].T).max() <= 1


@pytest.mark.parametrize("make", [data.rings, data.xor])
def test_no_line_parts_rings_or_xor(make):
    assert linear_accuracy(*make(2000)) < 0.6


def test_a_line_parts_moons_only_in_part():
    assert 0.8 < linear_accuracy(*data.moons(2000)) < 0.95


def test_rings_and_moons_lie_where_the_docstring_says():
    x, y = data.rings(200, noise=0)
    np.testing.assert_allclose(np.hypot(*x.T), (1 + y) / 2, atol=1e-6)
    x, y = data.moons(200, noise=0)
    center = np.stack([y, y / 2], axis=1)
    np.testing.assert_allclose(np.hypot(*(x - center).T), 1, atol=1e-6)


def test_xor_signs_and_its_noise_after_the_labels():
    x, y = data.xor(1000)
    np.testing.assert_array_equal(y, x[:, 0] * x[:, 1] < 0)
    assert np.abs(x).max() <= 1 + 1e-5
    x, y = data.xor(1000, noise=0.2)
    assert 0.7 < np.mean(y == (x[:, 0] * x[:, 1] < 0)) < 0.95


def test_noisy_sine_has_the_noise_that_was_asked_for():
    x, y = data.noisy_sine(5000, noise=0.3)
    assert np.std(y - np.sin(2 * np.pi * x)) == pytest.approx(0.3, rel=0.05)
    assert x.min() >= 0
    assert x.max() < 1


def test_the_rows_of_the_lecture():
    # MIT 6.S191, lecture 1: "Will I pass this class?"
    assert data.WILL_I_PASS_X.tolist() == [[4, 5], [2, 1], [5, 8]]
    assert data.WILL_I_PASS_Y.tolist() == [1, 0, 1]
    np.testing.assert_allclose(data.WILL_I_PASS_BEFORE, [0.1, 0.8, 0.6], rtol=1e-6)
    x, y = data.will_i_pass(seed=7)
    np.testing.assert_array_equal(x[:3], data.WILL_I_PASS_X)
    np.testing.assert_array_equal(y[:3], data.WILL_I_PASS_Y)
    assert data.will_i_pass(2)[0].tolist() == [[4, 5], [2, 1]]
    with pytest.raises(ValueError, match="read-only"):
        data.WILL_I_PASS_X[0, 0] = 1


def test_will_i_pass_can_be_learnt_by_one_perceptron_but_not_perfectly():
    x, y = data.will_i_pass(5000)
    assert 0.91 < np.mean((x.sum(axis=1) > 8) == y) < 0.95
    assert 0.3 < y.mean() < 0.75
    assert (x >= 0).all()
    assert (x <= 10).all()
    # Logistic regression by Newton's method, on the default 200 students.
    x, y = data.will_i_pass()
    design = np.column_stack([np.ones(len(x)), x]).astype(float)
    w = np.zeros(3)
    for _ in range(12):
        p = 1 / (1 + np.exp(-design @ w))
        hessian = design.T @ (design * (p * (1 - p))[:, None])
        w -= np.linalg.solve(hessian, design.T @ (p - y))
    assert np.mean((design @ w > 0) == y) >= 0.9
    rows = np.column_stack([np.ones(3), data.WILL_I_PASS_X]) @ w
    assert (rows > 0).tolist() == [True, False, True]


@pytest.mark.parametrize("make", ALL)
def test_defaults_are_seeded(make):
    assert inspect.signature(make).parameters["seed"].default == 0
