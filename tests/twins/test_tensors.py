"""Tensors and recording: what both twins offer, beyond values and gradients."""

import importlib
import operator

import numpy as np
import pytest

from tests.twins.both import needs_mxnet

# What a page may do with a tensor of either twin. (mx's is MXNet's own ndarray.)
TENSOR_MEMBERS = (
    *("shape", "ndim", "size", "dtype", "grad", "T"),
    *("sum", "mean", "max", "min", "reshape", "transpose"),
    *("item", "asnumpy", "detach", "backward"),
    *("__add__", "__sub__", "__mul__", "__truediv__", "__pow__", "__neg__"),
    *("__radd__", "__rsub__", "__rmul__", "__rtruediv__"),
    *("__abs__", "__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"),
    *("__matmul__", "__getitem__", "__len__", "__float__", "__int__"),
    *("__repr__", "__format__"),
)


def test_members(dl):
    x = dl.tensor([[1.0, 2.0, 3.0]])
    missing = [name for name in TENSOR_MEMBERS if not hasattr(x, name)]
    assert not missing, f"{dl.__name__}'s tensors have no {missing}"
    assert isinstance(x, dl.Tensor)
    assert (x.shape, x.ndim, x.size, len(x)) == ((1, 3), 2, 3, 1)
    assert x.dtype == np.float32
    assert dl.tensor([1.0], dtype="float64").dtype == np.float64
    assert isinstance(x.asnumpy(), np.ndarray)
    assert x.sum().item() == float(x.sum()) == 6.0
    assert isinstance(dl.to_numpy(x), np.ndarray)
    np.testing.assert_array_equal(dl.to_numpy([1, 2]), [1, 2])
    assert str(dl.device()).startswith(("cpu(", "gpu("))


def test_record_and_no_grad(dl):
    x = dl.tensor([3.0], requires_grad=True)
    for expected in (6.0, 12.0):  # gradients accumulate
        with dl.record():
            loss = (x * x).sum()
        loss.backward()
        assert dl.to_numpy(x.grad) == [expected]
    with dl.record():
        with dl.no_grad():
            factor = x * 2.0
        loss = (factor * x).sum()
    loss.backward()
    assert dl.to_numpy(x.grad) == [12.0 + 6.0]  # factor is a constant


def test_whole_numbers_are_fine_as_targets(dl):
    """0 and 1 mean the same as 0.0 and 1.0 where they are the truth."""
    x = np.random.default_rng(0).normal(size=6).astype(np.float32)
    y = np.int64([0, 1, 1, 0, 1, 0])
    for loss in (dl.binary_cross_entropy_with_logits, dl.mse):
        assert float(loss(x, y)) == float(loss(x, y.astype(np.float32)))


@pytest.mark.parametrize("value", [2.5, [2.5], [[2.5]]])
def test_one_number_is_formatted_as_that(dl, value):
    x = dl.tensor(value)
    assert f"{x:.2f}|{x:8.1e}" == "2.50| 2.5e+00"
    assert int(x) == 2
    assert f"{x}" == str(x)


def test_several_numbers_have_no_format(dl):
    x = dl.tensor([1.0, 2.0])
    assert f"{x}" == str(x)
    with pytest.raises(TypeError, match=r"'\.2f' needs a tensor of one .*\(2,\)"):
        f"{x:.2f}"
    with pytest.raises((TypeError, ValueError)):
        int(x)


ARITHMETIC = (operator.add, operator.sub, operator.mul, operator.truediv)
COMPARISONS = (
    *(operator.lt, operator.le, operator.gt, operator.ge),
    *(operator.eq, operator.ne),
)
X = np.float32([[1.0, -2.0], [3.0, 0.5]])
Y = np.float32([[2.0, -2.0], [-1.0, 4.0]])


@pytest.mark.parametrize("other", [Y, Y[0], Y.astype("float64"), Y.tolist(), [2.0, 4]])
def test_tensors_compute_with_arrays_and_lists(dl, other):
    """They become constants of the tensor's dtype, on either side."""
    y = np.asarray(other, np.float32)
    for f in (*ARITHMETIC, operator.matmul, *COMPARISONS):
        for left in (True, False):
            x = dl.tensor(X, requires_grad=True)
            a, b = dl.tensor(X, requires_grad=True), dl.tensor(y)
            upstream = np.random.default_rng(0).normal(size=f(X, y).shape)
            if f in COMPARISONS:
                z, expected = (f(x, other), f(X, y)) if left else (f(other, x), f(y, X))
                np.testing.assert_array_equal(dl.to_numpy(z), expected)
                continue
            if not left and f is operator.matmul and y.ndim == 1:
                upstream = np.random.default_rng(0).normal(size=2)
            with dl.record():
                z, c = (f(x, other), f(a, b)) if left else (f(other, x), f(b, a))
            for result in (z, c):
                result.backward(np.float32(upstream))
            expected = f(X, y) if left else f(y, X)
            assert isinstance(z, dl.Tensor)
            assert z.dtype == np.float32
            np.testing.assert_allclose(dl.to_numpy(z), expected, rtol=1e-6)
            np.testing.assert_array_equal(dl.to_numpy(x.grad), dl.to_numpy(a.grad))


def test_a_change_in_place_by_an_array(dl):
    for f in (operator.iadd, operator.isub, operator.imul, operator.itruediv):
        for other in (Y, Y.tolist(), Y.astype("float64")):
            x = dl.tensor(X)
            x = f(x, other)
            np.testing.assert_allclose(dl.to_numpy(x), f(X.copy(), Y), rtol=1e-6)


def test_the_wider_of_two_dtypes_is_computed_in(dl):
    for f in (*ARITHMETIC, operator.matmul):
        for a, b in (("float32", "float64"), ("float64", "float32")):
            x, y = (
                dl.tensor(values, dtype=dtype, requires_grad=True)
                for values, dtype in ((X, a), (Y, b))
            )
            with dl.record():
                z = f(x, y)
            z.backward(np.ones(z.shape))
            assert z.dtype == np.float64
            assert (x.grad.dtype, y.grad.dtype) == (a, b)
            np.testing.assert_allclose(dl.to_numpy(z), f(X, Y), rtol=1e-6)
    x, y = dl.tensor(X), dl.tensor(Y, dtype="float64")
    for f in COMPARISONS:
        np.testing.assert_array_equal(dl.to_numpy(f(x, y)), f(X, Y))


@pytest.mark.parametrize(
    "other", ["a", None, {}, np.arange(2), np.array(["a", "b"]), 1j, [None, 1.0]]
)
def test_what_tensors_do_not_compute_with(dl, other):
    x = dl.tensor([1.0, 2.0])
    for f in (*ARITHMETIC, operator.matmul, *COMPARISONS):
        for a, b in ((x, other), (other, x)):
            with pytest.raises(TypeError, match="must hold floating-point numbers"):
                f(a, b)


@needs_mxnet
def test_twins_do_not_mix():
    a, b = (
        importlib.import_module(f"d2lib.{twin}").tensor([1.0, 2.0])
        for twin in ("scratch", "mx")
    )
    for f in (*ARITHMETIC, operator.matmul, *COMPARISONS):
        for x, y in ((a, b), (b, a)):
            with pytest.raises(TypeError, match="a tensor of the other twin"):
                f(x, y)


def test_shapes_that_do_not_go_together(dl):
    x, long = dl.tensor([1.0, 2.0]), [1.0, 2.0, 3.0]
    for other in (long, np.asarray(long), dl.tensor(long)):
        for f in (*ARITHMETIC, *COMPARISONS):
            with pytest.raises(ValueError, match=r"broadcast.*\(2,\).*\(3,\)"):
                f(x, other)
        with pytest.raises(ValueError, match=r"\(2,\) @ \(3,\)"):
            x @ other
        with pytest.raises(ValueError, match=r"\(3,\) @ \(2,\)"):
            other @ x
    for f in (lambda: x @ 2.0, lambda: 2.0 @ x):
        with pytest.raises(ValueError, match=r"x @ y needs the last axis"):
            f()


def test_a_loss_of_ones_own_is_fitted(dl):
    model = dl.Dense(2, 1, seed=0)
    history = dl.fit(
        model,
        (X, Y[:, :1]),
        loss=lambda a, b: ((a - b) ** 2).mean(),
        optimizer=dl.SGD(model.parameters(), lr=0.1),
        epochs=3,
    )
    assert history.loss[-1] < history.loss[0]
