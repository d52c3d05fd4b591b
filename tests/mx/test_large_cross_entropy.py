"""The operator for the cross-entropy of many logits on a processor."""

import numpy as np
import pytest

pytest.importorskip("d2lib.mx", exc_type=ImportError)

from d2lib import mx, scratch
from d2lib.mx import _large_cross_entropy as operator

SHAPE = (600, 500)  # 300,000 logits


@pytest.fixture
def calls(monkeypatch):
    """How often the operator is used: the tests must not miss it."""
    seen = []
    forward = operator._CrossEntropy.forward

    def counted(self, **arguments):
        seen.append(arguments["is_train"])
        forward(self, **arguments)

    monkeypatch.setattr(operator._CrossEntropy, "forward", counted)
    return seen


def logits(seed=0, shape=SHAPE, scale=1.0):
    rng = np.random.default_rng(seed)
    z = (rng.normal(size=shape) * scale).astype(np.float32)
    return z, rng.integers(0, shape[-1], shape[:-1])


def value_and_gradient(dl, z, y, reduction="mean", upstream=1.0, times=1):
    z = dl.tensor(z, requires_grad=True)
    for _ in range(times):
        with dl.record():
            loss = dl.cross_entropy(z, y, reduction)
            total = (loss * dl.tensor(np.float32(upstream))).sum()
        total.backward()
    return dl.to_numpy(loss), dl.to_numpy(z.grad)


def agree(got, expected, atol=2e-6):
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=atol)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [SHAPE, (4, 150, 500), (2, 200_000)])
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_it_agrees_with_the_numpy_twin(shape, reduction, scale, calls):
    z, y = logits(0, shape, scale)
    upstream = 1.5
    if reduction == "none":
        upstream = np.random.default_rng(1).normal(size=shape[:-1])
    agree(*[value_and_gradient(dl, z, y, reduction, upstream) for dl in (mx, scratch)])
    assert len(calls) == 1


def test_labels_that_are_given_no_chance_at_all(calls):
    z, y = logits()
    z[0] = 0
    z[0, y[0]] = -1000  # e^-1000 is 0 in float32, and the loss 1000 + log 499
    z[1, :400] = -np.inf  # masked
    y[1] = 450
    z[2] = 0
    z[2, y[2]] = -np.inf  # masked, and the answer
    values, gradient = value_and_gradient(mx, z, y, "none")
    np.testing.assert_allclose(values[0], 1000 + np.log(499), rtol=1e-6)
    assert values[2] == np.inf
    np.testing.assert_allclose(gradient[0, y[0]], -1, rtol=1e-6)
    np.testing.assert_array_equal(gradient[1, :400], 0)
    plain = z[1, 400:] - z[1, 400:].max()
    expected = np.log(np.exp(plain).sum()) - plain[50]
    np.testing.assert_allclose(values[1], expected, rtol=1e-5)
    assert np.isfinite(gradient).all()
    assert calls


def test_not_a_number_is_not_hidden(calls):
    z, y = logits()
    z[5, 7] = np.nan
    values, _ = value_and_gradient(mx, z, y, "none")
    assert np.isnan(values[5])
    assert np.isfinite(np.delete(values, 5)).all()


def test_no_loss_is_negative(calls):
    z, y = logits(scale=0.0)
    z[np.arange(len(y)), y] = np.linspace(10, 100, len(y))  # sure, and right
    values, _ = value_and_gradient(mx, z, y, "none")
    assert (values >= 0).all()


def test_gradients_add_up(calls):
    z, y = logits()
    _, once = value_and_gradient(mx, z, y)
    _, twice = value_and_gradient(mx, z, y, times=2)
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-5, atol=1e-9)
    assert len(calls) == 3


def test_one_graph_can_be_gone_through_twice(calls):
    z, y = logits()
    x = mx.tensor(z, requires_grad=True)
    with mx.record():
        loss = mx.cross_entropy(x, y)
    loss.backward(retain_graph=True)
    once = mx.to_numpy(x.grad)
    loss.backward()
    np.testing.assert_allclose(mx.to_numpy(x.grad), 2 * once, rtol=1e-5, atol=1e-9)
    assert len(calls) == 1


def test_two_losses_of_logits_that_are_computed(calls):
    """Their gradients meet in an array that is nobody's leaf."""
    (z, y), (_, other) = logits(0), logits(1)
    gradients = []
    for dl in (mx, scratch):
        x = dl.tensor(z, requires_grad=True)
        with dl.record():
            scores = x * 2.0
            loss = dl.cross_entropy(scores, y) + dl.cross_entropy(scores, other)
        loss.backward()
        gradients.append([dl.to_numpy(loss), dl.to_numpy(x.grad)])
    agree(*gradients)
    assert len(calls) == 2


def test_it_costs_nothing_to_predict(calls):
    z, y = logits()
    expected = scratch.cross_entropy(z, y).item()
    assert mx.cross_entropy(z, y).item() == pytest.approx(expected, rel=1e-6)
    assert calls == [False]


def test_few_logits_and_other_dtypes_are_left_to_mxnet(calls):
    z, y = logits(shape=(500, 500))
    mx.cross_entropy(z, y)
    z, y = logits()
    mx.cross_entropy(mx.tensor(z, dtype="float64"), y)
    assert not calls


def test_an_unknown_reduction():
    z, y = logits()
    with pytest.raises(ValueError, match="'mean', 'sum', 'none', got 'avg'"):
        mx.cross_entropy(z, y, "avg")
