"""micrograd: one Python object for every number. It does the small network only."""

from importlib.metadata import version

import numpy as np
from micrograd.nn import MLP

from benchmarks.peers._import import timed_import
from benchmarks.works import LR

VERSION = version("micrograd")
THREADS = 1  # it is plain Python


def small_mlp(data):
    sizes = [data[f"b{k}"].size for k in range(3)]
    model = MLP(data["x"].shape[1], sizes)
    for k, layer in enumerate(model.layers):
        for i, neuron in enumerate(layer.neurons):
            neuron.b.data = float(data[f"b{k}"][i])
            for j, w in enumerate(neuron.w):
                w.data = float(data[f"W{k}"][j, i])
    x, y = data["x"].tolist(), data["y"].ravel().tolist()
    parameters = model.parameters()

    def step():
        errors = [(model(row) - target) ** 2 for row, target in zip(x, y, strict=True)]
        loss = sum(errors) * (1 / len(errors))
        model.zero_grad()
        loss.backward()
        for p in parameters:
            p.data -= LR * p.grad

    def result():
        arrays = {}
        for k, layer in enumerate(model.layers):
            arrays[f"W{k}"] = np.array([[w.data for w in n.w] for n in layer.neurons]).T
            arrays[f"b{k}"] = np.array([n.b.data for n in layer.neurons])
        return arrays

    return step, result


def import_(data):
    return timed_import("micrograd.nn")
