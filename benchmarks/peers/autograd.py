"""HIPS autograd: NumPy's functions, wrapped so that they can be differentiated.

It has no optimiser with a step of its own, so Adam is left out.
"""

import os
from importlib.metadata import version

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.special import logsumexp

from benchmarks.peers._import import timed_import
from benchmarks.works import LR

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


def import_(data):
    return timed_import("autograd.numpy")
