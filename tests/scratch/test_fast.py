"""The fast forms compute what the plain ones of the pages do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.scratch import LSTM, cross_entropy, record, tensor
from d2lib.scratch._fast import exp_rows, lstm, scale_rows

some = settings(deadline=None, max_examples=25)
sizes = st.integers(1, 5)


def sigma(z):
    return 1 / (1 + np.exp(-z))


def plain_lstm(x, h, c, W_xh, W_hh, b):
    """All steps of one layer, a line for each equation; (outputs, c, what went by)."""
    outputs, steps = [], []
    for t in range(x.shape[1]):
        z = x[:, t] @ W_xh + h @ W_hh + b
        i, f, g, o = np.split(z, 4, axis=1)
        i, f, g, o = sigma(i), sigma(f), np.tanh(g), sigma(o)
        before, h_before = c, h
        c = f * c + i * g
        h = o * np.tanh(c)
        outputs.append(h)
        steps.append((h_before, before, c, i, f, g, o))
    return np.stack(outputs, axis=1), c, steps


def plain_gradients(x, steps, W_xh, W_hh, dhs, dc):
    """The same steps in reverse: of x, h_0, c_0, W_xh, W_hh, b."""
    dx, dW_xh, dW_hh = np.empty_like(x), np.zeros_like(W_xh), np.zeros_like(W_hh)
    db, dh = np.zeros(len(W_hh) * 4), 0
    for t in reversed(range(len(steps))):
        h_before, before, c, i, f, g, o = steps[t]
        dh = dh + dhs[:, t]
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        parts = (
            dc * g * i * (1 - i),
            dc * before * f * (1 - f),
            dc * i * (1 - g**2),
            dh * np.tanh(c) * o * (1 - o),
        )
        dz = np.concatenate(parts, axis=1)
        dx[:, t] = dz @ W_xh.T
        dW_xh += x[:, t].T @ dz
        dW_hh += h_before.T @ dz
        db += dz.sum(axis=0)
        dh, dc = dz @ W_hh.T, dc * f
    return dx, dh, dc, dW_xh, dW_hh, db


@some
@given(sizes, sizes, sizes, sizes, st.integers(0, 99))
def test_lstm(batch, length, inputs, units, seed):
    rng = np.random.default_rng(seed)
    shapes = [
        (batch, length, inputs),
        (batch, units),
        (batch, units),
        (inputs, 4 * units),
        (units, 4 * units),
        (4 * units,),
    ]
    arrays = [rng.normal(size=shape) for shape in shapes]
    tensors = [tensor(a, np.float64, requires_grad=True) for a in arrays]
    with record():
        hc = lstm(*tensors)
    outputs, c, steps = plain_lstm(*arrays)
    np.testing.assert_allclose(hc.data[:, :-1], outputs, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(hc.data[:, -1], c, rtol=1e-10, atol=1e-13)

    upstream = rng.normal(size=hc.shape)
    hc.backward(upstream)
    expected = plain_gradients(
        arrays[0], steps, *arrays[3:5], upstream[:, :-1], upstream[:, -1]
    )
    for t, gradient in zip(tensors, expected, strict=True):
        np.testing.assert_allclose(t.grad, gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1e-8, 1e-6, 1e-3, 0.1, 1.0])
def test_a_small_candidate_keeps_its_digits(size):
    """A candidate of 1e-8 is 1e-8, not 0."""
    layer = LSTM(3, 4, seed=0)
    x = size * np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    state = layer.state()
    exact, _, _ = plain_lstm(
        *(a.astype(np.float64) for a in (x, np.zeros((2, 4)), np.zeros((2, 4)))),
        *(state[name].astype(np.float64) for name in ("W_xh.0", "W_hh.0", "b.0")),
    )
    np.testing.assert_allclose(layer(x)[0].data, exact, rtol=1e-4, atol=1e-6 * size)


def test_gates_far_out():
    """Where e^-a overflows the gate is 0, without a warning."""
    layer = LSTM(1, 1)
    layer.load_state({"W_xh.0": [[1.0] * 4], "W_hh.0": [[0.0] * 4], "b.0": [0.0] * 4})
    for x in (-1e4, 1e4):
        outputs, _ = layer(np.full((1, 1, 1), x, np.float32))
        assert outputs.item() == pytest.approx(np.tanh(1) if x > 0 else 0)


@some
@given(sizes, sizes, st.sampled_from([1.0, 30.0, 1e4]), st.integers(0, 99))
def test_exp_rows(n, classes, scale, seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes)) * scale
    p, total, shift = exp_rows(z)
    shifted = z - z.max(axis=1, keepdims=True)
    softmax = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p / total[:, None], softmax, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(np.log(total) + shift, np.logaddexp.reduce(z, axis=1))

    factors = rng.normal(size=n)
    out = np.empty_like(p)
    scale_rows(p, factors, out=out)
    np.testing.assert_allclose(out, p * factors[:, None], rtol=1e-12)


@pytest.mark.parametrize("largest", [1.0, 20.0, 30.0, 90.0, 1e4])
def test_a_loss_near_zero_keeps_its_digits_and_a_large_one_is_finite(largest):
    """Of the likely class, and of one whose exponential vanishes in float32."""
    z = np.array([[largest, 0.0, largest - 200.0]] * 2, np.float32)
    losses = cross_entropy(z, [0, 2], reduction="none").data
    exact = z[0].astype(float) - largest
    exact = np.log1p(np.exp(exact[1:]).sum()) - exact[[0, 2]]
    np.testing.assert_allclose(losses, exact, rtol=1e-5, atol=1e-7)


def test_cross_entropy_in_float32():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(64, 10)).astype(np.float32), rng.integers(0, 10, 64)
    x = tensor(z, requires_grad=True)
    with record():
        J = cross_entropy(x, y)
    J.backward()
    p = np.exp(z.astype(float)) / np.exp(z.astype(float)).sum(axis=1, keepdims=True)
    rows = np.arange(64)
    assert float(J) == pytest.approx(-np.log(p[rows, y]).mean(), rel=1e-6)
    p[rows, y] -= 1
    np.testing.assert_allclose(x.grad, p / 64, rtol=1e-4, atol=1e-8)
