"""Tensors and recording: what both twins offer, beyond values and gradients."""

import importlib

import numpy as np
import pytest

from tests.twins.both import TWINS

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


@pytest.fixture(params=TWINS)
def dl(request):
    return importlib.import_module(f"d2lib.{request.param}")


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
