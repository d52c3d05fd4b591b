"""The works by d2lib; the twins differ in the module that is handed in as ``dl``."""

from __future__ import annotations

from functools import partial
from itertools import cycle

from benchmarks.peers._import import timed_import
from benchmarks.works import (
    FILTERS,
    GAMMA,
    HEADS,
    LR,
    LR_ADAM,
    ROI_SIZE,
    TAU,
)
from d2lib.reinforcement import Batch


class Works:
    """The works of one twin."""

    def __init__(self, dl):
        self.dl = dl

    def train(self, data, loss_function):
        """One step of SGD of a network with ReLUs."""
        dl = self.dl
        layers = sum(name.startswith("W") for name in data)
        sizes = [data["x"].shape[1], *(data[f"b{k}"].size for k in range(layers))]
        model = dl.MLP(sizes, activation="relu")
        model.load_state(
            {f"layers.{k}.{p}": data[f"{p}{k}"] for k in range(layers) for p in "Wb"}
        )
        model.hybridize()
        optimizer = dl.SGD(model.parameters(), lr=LR)
        x, y = dl.tensor(data["x"]), data["y"]
        y = y if y.dtype.kind == "i" else dl.tensor(y)

        def step():
            with dl.record():
                loss = loss_function(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        def result():
            state = model.state()
            return {
                f"{p}{k}": state[f"layers.{k}.{p}"] for k in range(layers) for p in "Wb"
            }

        return step, result

    def mlp(self, data):
        return self.train(data, self.dl.cross_entropy)

    def small_mlp(self, data):
        return self.train(data, self.dl.mse)

    def adam(self, data):
        dl = self.dl
        w = dl.tensor(data["w"], requires_grad=True)
        with dl.record():
            loss = (w * dl.tensor(data["g"])).sum()
        loss.backward()  # leaves g in w.grad
        optimizer = dl.Adam([w])
        return optimizer.step, lambda: {"w": dl.to_numpy(w)}

    def cross_entropy(self, data):
        dl = self.dl
        z = dl.tensor(data["z"], requires_grad=True)
        optimizer = dl.SGD([z])  # only to forget the gradient, as a training loop does
        loss = None

        def step():
            nonlocal loss
            optimizer.zero_grad()
            with dl.record():
                loss = dl.cross_entropy(z, data["y"])
            loss.backward()

        return step, lambda: {"loss": dl.to_numpy(loss), "dz": dl.to_numpy(z.grad)}

    def layer(self, model, data):
        """Forward, and backward from the gradient g of its outputs."""
        dl = self.dl
        x, g = dl.tensor(data["x"], requires_grad=True), dl.tensor(data["g"])
        optimizer = dl.SGD([x, *model.parameters()])  # only to forget the gradients
        y = None

        def step():
            nonlocal y
            optimizer.zero_grad()
            with dl.record():
                y = model(x)
                y = y[0] if isinstance(y, tuple) else y  # without the final state
            y.backward(g)

        def result():
            found = {"y": dl.to_numpy(y), "dx": dl.to_numpy(x.grad)}
            return found | model.gradients()

        return step, result

    def lstm(self, data):
        model = self.dl.LSTM(data["x"].shape[2], data["g"].shape[2])
        model.load_state({f"{name}.0": data[name] for name in ("W_xh", "W_hh", "b")})
        step, result = self.layer(model, data)
        return step, lambda: {k.removesuffix(".0"): v for k, v in result().items()}

    def attention(self, data):
        model = self.dl.MultiHeadAttention(data["x"].shape[2], HEADS)
        model.load_state({name: data[name] for name in model.state()})
        step, result = self.layer(model, data)

        def named():
            found = result()
            del found["b_k"]  # is zero, but for rounding
            return {f"d{k}" if k[0] in "Wb" else k: v for k, v in found.items()}

        return step, named

    def laid(self, maps):
        """Maps as they lie in memory between two layers of this twin."""
        return maps

    def maps(self, function, data, arguments=(), needs_dx=True):
        """Forward and backward of a function of x, and of weights by name."""
        dl = self.dl
        x = dl.tensor(self.laid(data["x"]), requires_grad=needs_dx)
        g = dl.tensor(self.laid(data["g"]))
        weights = {n: dl.tensor(data[n], requires_grad=True) for n in arguments}
        optimizer = dl.SGD([*([x] if needs_dx else []), *weights.values()])
        y = None

        def step():
            nonlocal y
            optimizer.zero_grad()
            with dl.record():
                y = function(x, **weights)
            y.backward(g)

        def result():
            found = {"y": dl.to_numpy(y)}
            if needs_dx:
                found["dx"] = dl.to_numpy(x.grad)
            return found | {f"d{n}": dl.to_numpy(w.grad) for n, w in weights.items()}

        return step, result

    def convolution(self, name, data):
        """One of `FILTERS`."""
        at = FILTERS[name]
        kind = self.dl.conv_transpose2d if at.transposed else self.dl.conv2d
        function = partial(kind, stride=at.stride, padding=at.padding)
        return self.maps(function, data, "Wb", not at.first)

    def conv_a(self, data):
        return self.convolution("conv_a", data)

    def conv_b(self, data):
        return self.convolution("conv_b", data)

    def conv_c(self, data):
        return self.convolution("conv_c", data)

    def conv_transpose(self, data):
        return self.convolution("conv_transpose", data)

    def max_pool(self, data):
        return self.maps(self.dl.MaxPool2D(2), data)

    def lenet(self, data):
        dl = self.dl
        model = dl.LeNet()
        layers = [int(name[1:]) for name in data if name.startswith("W")]
        model.load_state(
            {f"layers.{k}.{p}": data[f"{p}{k}"] for k in layers for p in "Wb"}
        )
        model.hybridize()
        optimizer = dl.SGD(model.parameters(), lr=LR)
        x, y = dl.tensor(data["x"]), data["y"]

        def step():
            with dl.record():
                loss = dl.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        def result():
            state = model.state()
            return {f"{p}{k}": state[f"layers.{k}.{p}"] for k in layers for p in "Wb"}

        return step, result

    def nms(self, data):
        kept = None

        def step():
            nonlocal kept
            kept = self.dl.nms(data["boxes"], data["scores"], 0.5)

        return step, lambda: {"kept": kept}

    def roi_align(self, data):
        rois, of = data["boxes"], data["of"]
        return self.maps(
            lambda x: self.dl.roi_align(x, rois, of, ROI_SIZE, 1 / 4), data
        )

    def dqn(self, data):
        """One turn of the loop without the environment: act, draw, update, follow."""
        units = data["b0"].size
        agent = self.dl.DQN(
            4, 2, hidden=(units, units), lr=LR_ADAM, gamma=GAMMA, tau=TAU, seed=0
        )
        for net, prefix in ((agent.q, ""), (agent.target, "slow_")):
            net.load_state(
                {
                    f"layers.{k}.{p}": data[f"{prefix}{p}{k}"]
                    for k in range(3)
                    for p in "Wb"
                }
            )
        memory = Batch(*(data[name] for name in Batch._fields))
        batches = cycle(data["rows"])

        def step():
            rows = next(batches)
            agent.act(memory.observations[rows[0]], last=True)
            agent.update(Batch(*[column[rows] for column in memory]))

        def result():
            arrays = {}
            for net, prefix in ((agent.q, ""), (agent.target, "slow_")):
                for name, values in net.state().items():
                    _, k, p = name.split(".")
                    arrays[f"{prefix}{p}{k}"] = values
            return arrays

        return step, result

    dqn_64 = dqn_128 = dqn

    def import_(self, data):
        return timed_import(self.dl.__name__)
