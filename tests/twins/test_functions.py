"""Functions of tensors: the same values, gradients, edges and errors in both twins."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("d2lib.mx", exc_type=ImportError)

from d2lib import mx, scratch

F = np.float32
NAN, INF = float("nan"), float("inf")
twins = pytest.mark.parametrize("dl", [scratch, mx], ids=["scratch", "mx"])
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def run(dl, f, *inputs, dtype=np.float32):
    """The value of f and the gradients of its inputs, under random upstream ones."""
    tensors = [
        dl.tensor(np.asarray(x, dtype), dtype=dtype, requires_grad=True) for x in inputs
    ]
    with dl.record():
        y = f(dl, *tensors)
    u = np.random.default_rng(7).normal(size=y.shape).astype(dtype)
    y.backward(dl.tensor(u, dtype=dtype))
    arrays = [y, *[t.grad for t in tensors]]
    return [np.array(dl.to_numpy(a)) for a in arrays]


def agree(f, *inputs, dtype=np.float32):
    with np.errstate(all="ignore"):
        ours, theirs = (run(dl, f, *inputs, dtype=dtype) for dl in (scratch, mx))
    for a, b in zip(ours, theirs, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


# A tie in each row, and what is not finite.
EDGES = [[-2.0, 0.0, 3.0, 3.0], [1.0, 1.0, 1.0, -1.0], [NAN, 0.0, INF, -INF]]

ONE = {
    "abs": lambda dl, x: dl.abs(x),
    "abs()": lambda dl, x: abs(x),
    "clip": lambda dl, x: dl.clip(x, -1.0, 1.0),
    "clip below": lambda dl, x: dl.clip(x, 0, None),
    "clip above": lambda dl, x: dl.clip(x, None, 0.5),
    "maximum": lambda dl, x: dl.maximum(x, 1.0),
    "minimum": lambda dl, x: dl.minimum(x, 1.0),
    "where": lambda dl, x: dl.where(x > 0, x, -2.0 * x),
    "where of NumPy's": lambda dl, x: dl.where(np.eye(3, 4) > 0, x, 5.0),
    "min": lambda dl, x: x[:2].min(axis=1),
    "min of all": lambda dl, x: x[:2].min(),
    "min kept": lambda dl, x: x.min(axis=0, keepdims=True),
    "max": lambda dl, x: x[:2].max(axis=-1),
    "max of all": lambda dl, x: x[:2].max(),
    "max over both": lambda dl, x: x[:2].max(axis=(0, 1), keepdims=True),
    "concatenate": lambda dl, x: dl.concatenate([x, x * 2.0], axis=1),
    "stack": lambda dl, x: dl.stack([x, x * 2.0], axis=1),
}


@dtypes
@pytest.mark.parametrize("name", ONE)
def test_the_twins_agree_at_the_edges_too(name, dtype):
    x = np.array(EDGES)
    if "where" in name or "concat" in name or "stack" in name:
        x[2] = [4.0, 5.0, 6.0, 7.0]  # 2 * inf and 0 * nan are no matter of theirs
    agree(ONE[name], x, dtype=dtype)


@dtypes
def test_roots(dtype):
    agree(lambda dl, x: dl.sqrt(x), [4.0, 2.0, 0.0, -1.0, INF, NAN], dtype=dtype)


PAIRS = [((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2,)), ((2, 3), (2, 3)), ((0, 3), (3,))]


@dtypes
@pytest.mark.parametrize(("left", "right"), PAIRS)
@pytest.mark.parametrize("name", ["maximum", "minimum", "where"])
def test_what_is_stretched(name, left, right, dtype):
    rng = np.random.default_rng(0)
    x, y = (rng.integers(-1, 2, size=s).astype(float) for s in (left, right))
    if name == "where":
        holds = rng.random(np.broadcast_shapes(left, right)) > 0.5
        agree(lambda dl, x, y: dl.where(holds, x, y), x, y, dtype=dtype)
        agree(lambda dl, x, y: dl.where(holds[..., :1], x, y), x, y, dtype=dtype)
    else:
        agree(lambda dl, x, y: getattr(dl, name)(x, y), x, y, dtype=dtype)


@dtypes
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_joining(axis, dtype):
    x, y = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    agree(lambda dl, x, y: dl.concatenate([x, y, x], axis), x, y, dtype=dtype)
    agree(lambda dl, x, y: dl.stack([x, y, x], axis), x, y, dtype=dtype)
    longer = np.ones((5, 3)) if axis == 0 else np.ones((2, 5))
    agree(lambda dl, x, y: dl.concatenate([y, x], axis), x, longer, dtype=dtype)


@twins
def test_equals_share_the_gradient(dl):
    def gradients(f, *inputs):
        tensors = [dl.tensor(x, requires_grad=True) for x in inputs]
        with dl.record():
            loss = f(*tensors).sum()
        loss.backward()
        return [dl.to_numpy(t.grad).tolist() for t in tensors]

    third = float(F(1) / F(3))
    assert gradients(lambda x: x.max(axis=1), [[1.0, 5.0, 5.0]]) == [[[0, 0.5, 0.5]]]
    assert gradients(lambda x: x.min(), [2.0, 2.0, 2.0, 9.0]) == [[third] * 3 + [0]]
    assert gradients(dl.maximum, [1.0, 2.0], [1.0, 0.0]) == [[0.5, 1], [0.5, 0]]
    assert gradients(dl.minimum, [1.0, 2.0], [1.0, 0.0]) == [[0.5, 0], [0.5, 1]]
    assert gradients(dl.abs, [-1.0, 0.0, 1.0]) == [[-1, 0, 1]]
    clipped = gradients(lambda x: dl.clip(x, -1, 1), [-2.0, -1.0, 1.0, 2.0])
    assert clipped == [[0, 1, 1, 0]]
    x = dl.tensor([[7.0, 7.0, 7.0]], requires_grad=True)
    with dl.record():
        assert dl.to_numpy(x.max(axis=1)).tolist() == [7.0]  # not one bit less


@twins
@pytest.mark.parametrize("name", ["maximum", "minimum", "concatenate", "stack"])
def test_the_wider_dtype_wins(dl, name):
    x = dl.tensor([1.0, 3.0], requires_grad=True)
    y = dl.tensor([2.0, 2.0], dtype="float64", requires_grad=True)
    f = getattr(dl, name)
    with dl.record():
        z = f([x, y]) if name in ("concatenate", "stack") else f(x, y)
        loss = z.sum()
    loss.backward()
    assert z.dtype == np.float64
    assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float64)


@twins
def test_the_truth_of_a_tensor(dl):
    assert bool(dl.tensor([1.0]))
    assert not bool(dl.tensor(0.0))
    with pytest.raises(ValueError, match="truth value of an"):
        bool(dl.tensor([1.0, 2.0]))


# Comparisons -----------------------------------------------------------------------


@twins
@dtypes
def test_comparisons_are_boolean(dl, dtype):
    x = dl.tensor(np.array([1.0, 2.0, NAN]), dtype=dtype)
    y = dl.tensor(np.array([2.0, 2.0, 2.0]), dtype=dtype)
    for other in (y, 2, 2.0):
        for found, expected in (
            (x < other, [True, False, False]),
            (x <= other, [True, True, False]),
            (x > other, [False, False, False]),
            (x >= other, [False, True, False]),
            (x == other, [False, True, False]),
            (x != other, [True, False, True]),
        ):
            array = dl.to_numpy(found)
            assert array.dtype == bool
            assert array.tolist() == expected
    assert dl.to_numpy(x < 2.0).tolist() == [True, False, False]
    assert dl.to_numpy(dl.tensor(np.ones((2, 1))) < dl.tensor([2.0, 0.0])).tolist() == [
        [True, False],
        [True, False],
    ]


@twins
def test_a_comparison_picks(dl):
    x = dl.tensor([-1.0, 2.0, 3.0])
    assert dl.to_numpy(x[x > 0]).tolist() == [2.0, 3.0]
    with dl.record():
        assert dl.to_numpy(x[x > 0]).tolist() == [2.0, 3.0]


def test_a_tensor_is_a_key_by_its_identity():
    x, y = scratch.tensor([1.0]), scratch.tensor([1.0])
    assert len({x, y, x}) == 2
    assert {x: "x", y: "y"}[y] == "y"


@twins
def test_tensors_in_lists_and_modules(dl):
    """Where parameters are looked for, equal values are not the same parameter."""

    class Twice(dl.Module):
        def __init__(self):
            self.a = dl.tensor([1.0, 2.0], requires_grad=True)
            self.b = [dl.tensor([1.0, 2.0], requires_grad=True), self.a]

    model = Twice()
    assert list(model.state()) == ["a", "b.0"]
    dl.SGD(model.parameters())
