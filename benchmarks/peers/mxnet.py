"""MXNet as shipped, with Gluon as its tutorials use it: d2lib is not imported."""

import os
import warnings
from functools import partial

import numpy
import numpy as np

from benchmarks.peers._import import timed_import
from benchmarks.works import FILTERS, HEADS, LR, ROI_SIZE

numpy.bool = bool  # without this line MXNet 1.9.1 does not import on NumPy >= 1.24
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mxnet as mx

VERSION = mx.__version__
THREADS = max(1, (os.cpu_count() or 1) // 2)  # half of what there is, as shipped
finish = mx.nd.waitall


def train(data, loss_function):
    layers = sum(name.startswith("W") for name in data)
    model = mx.gluon.nn.HybridSequential()
    for k in range(layers):
        activation = "relu" if k < layers - 1 else None
        model.add(mx.gluon.nn.Dense(data[f"b{k}"].size, activation))
    model.initialize()
    model.hybridize()
    x, y = mx.nd.array(data["x"]), mx.nd.array(data["y"])
    model(x)  # makes the weights
    for k, dense in enumerate(model):
        dense.weight.set_data(mx.nd.array(data[f"W{k}"].T))
        dense.bias.set_data(mx.nd.array(data[f"b{k}"]))
    trainer = mx.gluon.Trainer(
        model.collect_params(), "sgd", {"learning_rate": LR}, kvstore=None
    )

    def step():
        with mx.autograd.record():
            loss = loss_function(model(x), y)
        loss.backward()
        trainer.step(len(x))  # divides the summed gradient by the batch

    def result():
        arrays = {}
        for k, dense in enumerate(model):
            arrays[f"W{k}"] = dense.weight.data().asnumpy().T
            arrays[f"b{k}"] = dense.bias.data().asnumpy()
        return arrays

    return step, result


def mlp(data):
    return train(data, mx.gluon.loss.SoftmaxCrossEntropyLoss())


def small_mlp(data):
    return train(data, mx.gluon.loss.L2Loss(weight=2))  # Gluon halves the square


def adam(data):
    w, g = mx.nd.array(data["w"]), mx.nd.array(data["g"])
    update = mx.optimizer.get_updater(mx.optimizer.Adam())

    def step():
        update(0, g, w)

    return step, lambda: {"w": w.asnumpy()}


def cross_entropy(data):
    z, y = mx.nd.array(data["z"]), mx.nd.array(data["y"])
    z.attach_grad()
    loss_function = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    loss_function.hybridize()
    loss = None

    def step():
        nonlocal loss
        with mx.autograd.record():
            loss = loss_function(z, y).mean()
        loss.backward()

    return step, lambda: {"loss": loss.asnumpy()[0], "dz": z.grad.asnumpy()}


def lstm(data):
    inputs, units = data["x"].shape[2], data["g"].shape[2]
    model = mx.gluon.rnn.LSTM(units, layout="NTC", input_size=inputs)
    model.initialize()
    model.hybridize()
    model.l0_i2h_weight.set_data(mx.nd.array(data["W_xh"].T))
    model.l0_h2h_weight.set_data(mx.nd.array(data["W_hh"].T))
    model.l0_i2h_bias.set_data(mx.nd.array(data["b"]))
    x, g = mx.nd.array(data["x"]), mx.nd.array(data["g"])
    x.attach_grad()
    y = None

    def step():
        nonlocal y
        with mx.autograd.record():
            y = model(x)
        y.backward(g)

    def result():
        return {
            "y": y.asnumpy(),
            "dx": x.grad.asnumpy(),
            "W_xh": model.l0_i2h_weight.grad().asnumpy().T,
            "W_hh": model.l0_h2h_weight.grad().asnumpy().T,
            "b": model.l0_i2h_bias.grad().asnumpy(),
        }

    return step, result


class Attention(mx.gluon.HybridBlock):
    """Several heads, of dense layers and ``batch_dot``."""

    def __init__(self, units):
        super().__init__()
        for name in "qkvo":
            dense = mx.gluon.nn.Dense(units, flatten=False, in_units=units)
            setattr(self, name, dense)

    def hybrid_forward(self, F, x):
        """Maps x of shape (batch, length, units) to the same shape."""

        def split(z):  # to (batch * heads, length, units / heads)
            z = F.transpose(F.reshape(z, (0, 0, HEADS, -1)), (0, 2, 1, 3))
            return F.reshape(z, (-3, 0, 0))

        q, k, v = split(self.q(x)), split(self.k(x)), split(self.v(x))
        p = F.softmax(F.batch_dot(F.contrib.div_sqrt_dim(q), k, transpose_b=True))
        z = F.reshape(F.batch_dot(p, v), (-4, -1, HEADS, 0, 0))
        return self.o(F.reshape(F.transpose(z, (0, 2, 1, 3)), (0, 0, -3)))


def attention(data):
    x, g = mx.nd.array(data["x"]), mx.nd.array(data["g"])
    x.attach_grad()
    model = Attention(x.shape[2])
    model.initialize()
    model.hybridize()
    for name in "qkvo":
        dense = getattr(model, name)
        dense.weight.set_data(mx.nd.array(data[f"W_{name}"].T))
        dense.bias.set_data(mx.nd.array(data[f"b_{name}"]))
    y = None

    def step():
        nonlocal y
        with mx.autograd.record():
            y = model(x)
        y.backward(g)

    def result():
        arrays = {"y": y.asnumpy(), "dx": x.grad.asnumpy()}
        for name in "qkvo":
            dense = getattr(model, name)
            arrays[f"dW_{name}"] = dense.weight.grad().asnumpy().T
            arrays[f"db_{name}"] = dense.bias.grad().asnumpy()
        del arrays["db_k"]  # is zero, but for rounding
        return arrays

    return step, result


def maps(function, data, arguments=(), needs_dx=True):
    """Forward and backward of a function of x, and of weights by name."""
    x, g = mx.nd.array(data["x"]), mx.nd.array(data["g"])
    weights = {n: mx.nd.array(data[n]) for n in arguments}
    for array in [x] * needs_dx + list(weights.values()):
        array.attach_grad()
    y = None

    def step():
        nonlocal y
        with mx.autograd.record():
            y = function(x, *weights.values())
        y.backward(g)

    def result():
        found = {"y": y.asnumpy()} | ({"dx": x.grad.asnumpy()} if needs_dx else {})
        return found | {f"d{n}": w.grad.asnumpy() for n, w in weights.items()}

    return step, result


def convolution(name, data):
    at = FILTERS[name]
    kind = mx.nd.Deconvolution if at.transposed else mx.nd.Convolution
    pairs = {"kernel": at.kernel, "stride": at.stride, "pad": at.padding}
    options = {k: (v, v) for k, v in pairs.items()} | {"num_filter": at.filters}
    return maps(partial(kind, no_bias=False, **options), data, "Wb", not at.first)


conv_a, conv_b = partial(convolution, "conv_a"), partial(convolution, "conv_b")
conv_c = partial(convolution, "conv_c")
conv_transpose = partial(convolution, "conv_transpose")


def max_pool(data):
    options = {"kernel": (2, 2), "stride": (2, 2), "pool_type": "max"}
    return maps(partial(mx.nd.Pooling, **options), data)


def lenet(data):
    nn = mx.gluon.nn
    layers = {
        0: nn.Conv2D(6, 5, padding=2, activation="relu"),
        2: nn.Conv2D(16, 5, activation="relu"),
        4: nn.Conv2D(120, 5, activation="relu"),
        6: nn.Dense(84, activation="relu"),
        7: nn.Dense(10),
    }
    model = nn.HybridSequential()
    for k, layer in layers.items():
        model.add(layer)
        if k < 4:
            model.add(nn.MaxPool2D(2))
    model.initialize()
    model.hybridize()
    x, y = mx.nd.array(data["x"]), mx.nd.array(data["y"])
    model(x)  # makes the weights
    for k, layer in layers.items():
        W = data[f"W{k}"]
        layer.weight.set_data(mx.nd.array(W if W.ndim == 4 else W.T))
        layer.bias.set_data(mx.nd.array(data[f"b{k}"]))
    trainer = mx.gluon.Trainer(
        model.collect_params(), "sgd", {"learning_rate": LR}, kvstore=None
    )
    loss_function = mx.gluon.loss.SoftmaxCrossEntropyLoss()

    def step():
        with mx.autograd.record():
            loss = loss_function(model(x), y)
        loss.backward()
        trainer.step(len(x))

    def result():
        arrays = {}
        for k, layer in layers.items():
            W = layer.weight.data().asnumpy()
            arrays[f"W{k}"] = W if W.ndim == 4 else W.T
            arrays[f"b{k}"] = layer.bias.data().asnumpy()
        return arrays

    return step, result


def nms(data):
    scores = data["scores"][:, None]
    order = np.arange(len(scores), dtype=np.float32)[
        :, None
    ]  # as the class: comes back
    table = mx.nd.array(np.hstack([order, scores, data["boxes"]]))
    kept = None

    def step():
        nonlocal kept
        kept = mx.nd.contrib.box_nms(table, overlap_thresh=0.5, valid_thresh=0)

    def result():
        found = kept.asnumpy()[:, 0]
        return {"kept": found[found >= 0].astype(np.int64)}

    return step, result


def roi_align(data):
    rois = mx.nd.array(np.hstack([data["of"][:, None], data["boxes"]]))

    def cut(x):
        size, scale = (ROI_SIZE, ROI_SIZE), 1 / 4
        return mx.nd.contrib.ROIAlign(x, rois, size, scale, 2, aligned=True)

    return maps(cut, data)


def import_(data):
    return timed_import("mxnet", before="import numpy; numpy.bool = bool")
