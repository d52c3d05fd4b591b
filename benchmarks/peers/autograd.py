"""HIPS autograd: NumPy's functions, wrapped so that they can be differentiated.

It has no optimiser with a step of its own, so Adam is left out.
"""

import os
from importlib.metadata import version

import autograd.numpy as np
from autograd import make_vjp, value_and_grad
from autograd.scipy.special import logsumexp

from benchmarks.peers._import import timed_import
from benchmarks.works import HEADS, LR

VERSION = version("autograd")
THREADS = int(os.environ["OPENBLAS_NUM_THREADS"])


def softmax_cross_entropy(z, y):
    own = z[np.arange(len(y)), y]
    return np.mean(logsumexp(z, axis=1) - own)


def squared_error(y_hat, y):
    return np.mean((y_hat - y) ** 2)


def train(data, loss_function):
    weights = {k: v.copy() for k, v in data.items() if k[0] in "Wb"}
    layers = len(weights) // 2
    x, y = data["x"], data["y"]

    def objective(weights):
        h = x
        for k in range(layers):
            h = np.dot(h, weights[f"W{k}"]) + weights[f"b{k}"]
            if k < layers - 1:
                h = np.maximum(h, 0)
        return loss_function(h, y)

    gradient = value_and_grad(objective)

    def step():
        _, gradients = gradient(weights)
        for name, g in gradients.items():
            weights[name] -= LR * g

    return step, lambda: weights


def mlp(data):
    return train(data, softmax_cross_entropy)


def small_mlp(data):
    return train(data, squared_error)


def cross_entropy(data):
    gradient = value_and_grad(softmax_cross_entropy)
    loss = dz = None

    def step():
        nonlocal loss, dz
        loss, dz = gradient(data["z"], data["y"])

    return step, lambda: {"loss": loss, "dz": dz}


def sigmoid(z):
    return 0.5 * np.tanh(0.5 * z) + 0.5


def outputs_of_lstm(arrays):
    x, W_xh, W_hh, b = (arrays[name] for name in ("x", "W_xh", "W_hh", "b"))
    units = W_hh.shape[0]
    h = c = np.zeros((x.shape[0], units), np.float32)
    outputs = []
    for t in range(x.shape[1]):
        z = np.dot(x[:, t], W_xh) + np.dot(h, W_hh) + b
        i, f, o = (sigmoid(z[:, k * units : (k + 1) * units]) for k in (0, 1, 3))
        c = f * c + i * np.tanh(z[:, 2 * units : 3 * units])
        h = o * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def lstm(data):
    arrays = {name: data[name] for name in ("x", "W_xh", "W_hh", "b")}
    y = gradients = None

    def step():
        nonlocal y, gradients
        backward, y = make_vjp(outputs_of_lstm)(arrays)
        gradients = backward(data["g"])

    def result():
        return {"y": y, **{"dx" if k == "x" else k: g for k, g in gradients.items()}}

    return step, result


def outputs_of_attention(arrays):
    x = arrays["x"]
    batch, length, units = x.shape

    def split(name):
        z = np.dot(x, arrays[f"W_{name}"]) + arrays[f"b_{name}"]
        return np.transpose(np.reshape(z, (batch, length, HEADS, -1)), (0, 2, 1, 3))

    q, k, v = split("q"), split("k"), split("v")
    z = np.matmul(q, np.swapaxes(k, 2, 3)) * np.float32((HEADS / units) ** 0.5)
    p = np.exp(z - np.max(z, axis=3, keepdims=True))
    p = p / np.sum(p, axis=3, keepdims=True)
    y = np.reshape(np.transpose(np.matmul(p, v), (0, 2, 1, 3)), x.shape)
    return np.dot(y, arrays["W_o"]) + arrays["b_o"]


def attention(data):
    arrays = {name: array for name, array in data.items() if name != "g"}
    y = gradients = None

    def step():
        nonlocal y, gradients
        backward, y = make_vjp(outputs_of_attention)(arrays)
        gradients = backward(data["g"])

    def result():
        # That of b_k is zero, but for rounding.
        found = {f"d{name}": g for name, g in gradients.items() if name != "b_k"}
        return {"y": y, **found}

    return step, result


def import_(data):
    return timed_import("autograd.numpy")
