"""DeZero 0.0.13, the library of the book *Deep Learning from Scratch 3*, on NumPy.

Its matrix product takes two axes only, so attention over several heads is left out.
"""

import os
from importlib.metadata import version

import numpy as np

# Without this line it does not import on NumPy >= 1.24.
np.int = int  # noqa: NPY001
import dezero  # noqa: E402
import dezero.functions as F  # noqa: E402

from benchmarks.peers._import import timed_import  # noqa: E402
from benchmarks.works import LR  # noqa: E402

VERSION = version("dezero")
THREADS = int(os.environ["OPENBLAS_NUM_THREADS"])


def train(data, loss_function):
    count = sum(name.startswith("W") for name in data)
    sizes = [data[f"b{k}"].size for k in range(count)]
    model = dezero.models.MLP(sizes, activation=F.relu)
    for k, linear in enumerate(model.layers):
        linear.W.data = data[f"W{k}"].copy()
        linear.b.data = data[f"b{k}"].copy()
    optimizer = dezero.optimizers.SGD(LR).setup(model)
    x, y = data["x"], data["y"]

    def step():
        loss = loss_function(model(x), y)
        model.cleargrads()
        loss.backward()
        optimizer.update()

    def result():
        return {
            f"{p}{k}": getattr(linear, p).data
            for k, linear in enumerate(model.layers)
            for p in "Wb"
        }

    return step, result


def mlp(data):
    return train(data, F.softmax_cross_entropy)


def small_mlp(data):
    return train(data, F.mean_squared_error)


def adam(data):
    target = dezero.Layer()
    target.w = dezero.Parameter(data["w"].copy())
    target.w.grad = dezero.Variable(data["g"])
    optimizer = dezero.optimizers.Adam().setup(target)
    return optimizer.update, lambda: {"w": target.w.data}


def cross_entropy(data):
    z, loss = dezero.Variable(data["z"]), None

    def step():
        nonlocal loss
        z.cleargrad()
        loss = F.softmax_cross_entropy(z, data["y"])
        loss.backward()

    return step, lambda: {"loss": loss.data, "dz": z.grad.data}


def lstm(data):
    """By its layer, which does one step at a call and has a product for each gate."""
    inputs, units = data["x"].shape[2], data["g"].shape[2]
    model = dezero.layers.LSTM(units, inputs)
    blocks = {gate: slice(k * units, (k + 1) * units) for k, gate in enumerate("ifuo")}
    for gate, block in blocks.items():
        of_x, of_h = getattr(model, f"x2{gate}"), getattr(model, f"h2{gate}")
        of_x.W.data = data["W_xh"][:, block].copy()
        of_x.b.data = data["b"][block].copy()
        of_h.W.data = data["W_hh"][:, block].copy()
    xs, outputs = [], []

    def step():
        model.reset_state()
        model.cleargrads()
        xs[:] = [dezero.Variable(x) for x in data["x"].swapaxes(0, 1)]
        outputs[:] = [model(x) for x in xs]
        # Its backward starts from a single number.
        loss = sum(
            F.sum(h * g) for h, g in zip(outputs, data["g"].swapaxes(0, 1), strict=True)
        )
        loss.backward()

    def result():
        def joined(kind, name):
            parts = [getattr(getattr(model, f"{kind}2{gate}"), name) for gate in blocks]
            return np.concatenate([part.grad.data for part in parts], axis=-1)

        return {
            "y": np.stack([h.data for h in outputs], axis=1),
            "dx": np.stack([x.grad.data for x in xs], axis=1),
            "W_xh": joined("x", "W"),
            "W_hh": joined("h", "W"),
            "b": joined("x", "b"),
        }

    return step, result


def import_(data):
    return timed_import("dezero", "import numpy; numpy.int = int")
