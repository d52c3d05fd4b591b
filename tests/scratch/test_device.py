"""The hot layers compute wherever their arrays are: nothing is pulled off the device.

That is a preparation, not support: what users pass in is still turned into NumPy's
arrays at the door, which this test opens, and no GPU has run it.
"""

from __future__ import annotations

import numpy as np
import pytest

from d2lib import scratch as dl
from d2lib._checks import arrays, labels
from d2lib.scratch.tensor import Tensor
from tests.scratch.device import DeviceArray, Left

OPTIMIZERS = ["SGD", "Momentum", "Adagrad", "RMSProp", "Adadelta", "Adam", "AdamW"]


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.fixture(autouse=True)
def _door(monkeypatch):
    """Lets arrays of the device through where others become NumPy's."""
    as_array = arrays.as_array

    def let_in(data, name):
        values = data.data if isinstance(data, Tensor) else data
        return values if isinstance(values, DeviceArray) else as_array(data, name)

    monkeypatch.setattr(arrays, "as_array", let_in)
    monkeypatch.setattr(labels, "as_array", let_in)


def moved(model):
    """The model with its parameters and buffers on the device."""
    for _, part in model._named_arrays():
        tensor = part.value if isinstance(part, dl.Buffer) else part
        tensor._data = DeviceArray(tensor._data)
    return model


class Upsample(dl.Module):
    """Twice as large, between two pixels."""

    def forward(self, x):
        return dl.upsample(x)


class RegionsOf(dl.Module):
    """A square of the image, as a detector cuts it out."""

    def forward(self, x):
        return dl.roi_align(x, [[0, 0, 4, 4]], [0], 2)


LAYERS = {
    "Dense": (lambda: dl.Dense(4, 3, seed=0), normal(5, 4)),
    "sigmoid": (lambda: dl.Dense(4, 3, "sigmoid", seed=0), normal(5, 4)),
    "tanh": (lambda: dl.Dense(4, 3, "tanh", seed=0), normal(5, 4)),
    "MLP": (lambda: dl.MLP([4, 8, 3], "relu", seed=0), normal(5, 4)),
    "Conv2D": (
        lambda: dl.Conv2D(4, 6, 3, stride=2, padding=1, groups=2, seed=0),
        normal(2, 4, 6, 7),
    ),
    "ConvTranspose2D": (
        lambda: dl.ConvTranspose2D(4, 2, 3, stride=2, dilation=2, seed=0),
        normal(2, 4, 3, 4),
    ),
    "LeNet": (lambda: dl.LeNet(seed=0), normal(2, 1, 28, 28)),
    "MaxPool2D": (lambda: dl.MaxPool2D(2), normal(2, 1, 6, 6)),
    "padded MaxPool2D": (lambda: dl.MaxPool2D(3, 2, padding=1), normal(2, 1, 6, 6)),
    "AvgPool2D": (lambda: dl.AvgPool2D(3, 2, padding=1), normal(2, 1, 6, 6)),
    "GlobalAvgPool2D": (dl.GlobalAvgPool2D, normal(2, 3, 4, 4)),
    "upsample": (Upsample, normal(2, 3, 4, 5)),
    "Dropout": (lambda: dl.Dropout(0.5, seed=0), normal(4, 4)),
    "Flatten": (dl.Flatten, normal(2, 1, 6, 6)),
    "BatchNorm": (lambda: dl.BatchNorm(2), normal(4, 2, 3, 3)),
    "LayerNorm": (lambda: dl.LayerNorm(4), normal(4, 4)),
    "RNN": (lambda: dl.RNN(3, 4, layers=2, seed=0), normal(2, 5, 3)),
    "LSTM": (lambda: dl.LSTM(3, 4, layers=2, seed=0), normal(2, 5, 3)),
    "GRU": (lambda: dl.GRU(3, 4, seed=0), normal(2, 5, 3)),
    "MultiHeadAttention": (
        lambda: dl.MultiHeadAttention(8, 2, seed=0),
        normal(2, 5, 8),
    ),
    "causal": (
        lambda: dl.MultiHeadAttention(8, 2, causal=True, seed=0),
        normal(2, 5, 8),
    ),
    "TransformerBlock": (lambda: dl.TransformerBlock(8, 2, seed=0), normal(2, 5, 8)),
    "Embedding": (lambda: dl.Embedding(5, 4, seed=0), np.array([[0, 3], [3, 1]])),
}
# These add in another order there, in the plain form of a convolution.
PLAIN = {"Conv2D", "ConvTranspose2D", "LeNet"}


def gradients(model, x):
    if not (isinstance(x, Tensor) or x.dtype.kind == "i"):
        x = Tensor(x)
    if isinstance(x, Tensor):
        x.requires_grad = True
    with dl.record():
        y = model(x)
        y = y[0] if isinstance(y, tuple) else y
        loss = (y * y).sum() + y.mean()
    loss.backward()
    found = {"loss": loss.data, **{n: p.grad for n, p in model.named_parameters()}}
    return found | {"x": x.grad} if isinstance(x, Tensor) else found


@pytest.mark.parametrize("name", LAYERS)
def test_forward_and_backward_stay_on_the_device(name):
    build, x = LAYERS[name]
    expected = gradients(build(), x)
    there = DeviceArray(x)
    found = gradients(moved(build()), there if x.dtype.kind == "i" else Tensor(there))
    for part, values in expected.items():
        assert isinstance(found[part], DeviceArray), part
        off = 1e-6 * np.abs(values).max() if name in PLAIN else 0
        np.testing.assert_allclose(found[part]._array, values, 0, off, err_msg=part)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimisers_stay_on_the_device(name):
    x = normal(5, 4)
    ends = []
    for on_device in (False, True):
        model = dl.MLP([4, 8, 3], seed=0)
        model = moved(model) if on_device else model
        optimizer = getattr(dl, name)(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            gradients(model, Tensor(DeviceArray(x)) if on_device else x)
            optimizer.step()
        ends.append([p.data for p in model.parameters()])
    for values, found in zip(*ends, strict=True):
        np.testing.assert_array_equal(found._array, values)


LOSSES = {
    "mse": (normal(4, 3), normal(4, 3) + 1),
    "cross_entropy": (normal(4, 3), np.array([0, 2, 1, 0])),
    "binary_cross_entropy_with_logits": (normal(4), np.float32([0, 1, 1, 0])),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_losses_stay_on_the_device(name, reduction):
    values, y = LOSSES[name]
    found = []
    for place in (np.asarray, DeviceArray):
        y_hat = dl.tensor(values, requires_grad=True)
        y_hat._data = place(y_hat._data)
        with dl.record():
            loss = getattr(dl, name)(y_hat, place(y), reduction)
            total = loss.sum()
        total.backward()
        found.append((loss.data, y_hat.grad))
    for plain, there in zip(*found, strict=True):
        np.testing.assert_array_equal(there._array, plain)


NOT_PREPARED = {
    "roi_align": (RegionsOf, normal(1, 2, 6, 6)),
}


@pytest.mark.parametrize("name", NOT_PREPARED)
def test_what_is_not_prepared(name):
    """The appendix names these; one that passes here belongs into `LAYERS`."""
    build, x = NOT_PREPARED[name]
    with pytest.raises((Left, ValueError)):
        gradients(moved(build()), Tensor(DeviceArray(x)))


def test_the_door_is_shut(monkeypatch):
    """A user's arrays of another library are refused, not half computed with."""
    monkeypatch.undo()
    with pytest.raises(ValueError, match="must be a rectangular array of numbers"):
        dl.tensor(DeviceArray(normal(2)))


@pytest.mark.parametrize(
    "pull",
    [
        np.asarray,
        np.ascontiguousarray,
        lambda a: a.tolist(),
        lambda a: a + np.ones(3),
        lambda a: np.where(a > 0, np.ones(3), a),
        lambda a: a.__array_interface__,
        np.array,
    ],
)
def test_pulling_is_found_out(pull):
    with pytest.raises((Left, AttributeError)):
        pull(DeviceArray(np.zeros(3)))
