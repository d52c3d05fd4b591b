"""numpy-ml 0.1.2: layers in NumPy with derivatives by hand, written for reading."""

import collections
import collections.abc
import os
import warnings
from importlib.metadata import version

import numpy as np

from benchmarks.peers._import import timed_import
from benchmarks.works import LR

# Without this line it does not import on Python >= 3.10.
collections.Hashable = collections.abc.Hashable
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from numpy_ml.neural_nets.layers import FullyConnected, Softmax
    from numpy_ml.neural_nets.losses import CrossEntropy
    from numpy_ml.neural_nets.optimizers import SGD, Adam

VERSION = version("numpy-ml")
THREADS = int(os.environ["OPENBLAS_NUM_THREADS"])


def one_hot(y, classes):
    return np.eye(classes, dtype=np.float32)[y]


def train(data, derivative):
    count = sum(name.startswith("W") for name in data)
    layers = []
    for k in range(count):
        W, b = data[f"W{k}"].copy(), data[f"b{k}"].reshape(1, -1).copy()
        activation = "ReLU" if k < count - 1 else None
        layer = FullyConnected(len(b.T), act_fn=activation, optimizer=SGD(LR))
        layer.n_in = len(W)
        layer._init_params()
        layer.parameters = {"W": W, "b": b}
        layer.gradients = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
        layers.append(layer)

    def step():
        h = data["x"]
        for layer in layers:
            h = layer.forward(h)
        d = derivative(h)
        for layer in reversed(layers):
            d = layer.backward(d)
        for layer in layers:
            layer.update()

    def result():
        arrays = {}
        for k, layer in enumerate(layers):
            arrays[f"W{k}"] = layer.parameters["W"]
            arrays[f"b{k}"] = layer.parameters["b"].reshape(-1)
        return arrays

    return step, result


def mlp(data):
    y, softmax, loss = one_hot(data["y"], len(data["b2"])), Softmax(), CrossEntropy()

    def derivative(z):
        p = softmax.forward(z, retain_derived=False)
        loss(y, p)
        return loss.grad(y, p) / np.float32(len(y))

    return train(data, derivative)


def small_mlp(data):
    y = data["y"]

    def derivative(y_hat):  # its own SquaredError is half of the sum
        error = y_hat - y
        np.mean(error**2)
        return error * np.float32(2 / y.size)

    return train(data, derivative)


def adam(data):
    w, g, optimizer = data["w"].copy(), data["g"], Adam(lr=0.001, eps=1e-8)

    def step():
        nonlocal w
        w = optimizer.update(w, g, "w")

    return step, lambda: {"w": w}


def cross_entropy(data):
    z, y = data["z"], one_hot(data["y"], data["z"].shape[1])
    softmax, loss_function = Softmax(), CrossEntropy()
    loss = dz = None

    def step():
        nonlocal loss, dz
        p = softmax.forward(z, retain_derived=False)
        loss = loss_function(y, p) / len(y)
        dz = loss_function.grad(y, p) / np.float32(len(y))

    return step, lambda: {"loss": loss, "dz": dz}


def import_(data):
    before = "import collections.abc as c; import collections; "
    return timed_import("numpy_ml", before + "collections.Hashable = c.Hashable")
