"""PyTorch on the processor, as its tutorials use it."""

import os
from functools import partial
from itertools import cycle

import numpy as np
import torch

from benchmarks.peers._import import timed_import
from benchmarks.works import FILTERS, GAMMA, HEADS, LR, LR_ADAM, TAU

VERSION = torch.__version__
THREADS = int(os.environ["OMP_NUM_THREADS"])
torch.set_num_threads(THREADS)


def train(data, loss_function):
    layers = sum(name.startswith("W") for name in data)
    modules = []
    for k in range(layers):
        W = torch.tensor(data[f"W{k}"])
        linear = torch.nn.Linear(*W.shape)
        linear.weight.data[:] = W.T
        linear.bias.data[:] = torch.tensor(data[f"b{k}"])
        modules += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    x, y = torch.tensor(data["x"]), torch.tensor(data["y"])

    def step():
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def result():
        arrays = {}
        for k, linear in enumerate(modules[::2]):
            arrays[f"W{k}"] = linear.weight.detach().numpy().T
            arrays[f"b{k}"] = linear.bias.detach().numpy()
        return arrays

    return step, result


def mlp(data):
    return train(data, torch.nn.functional.cross_entropy)


def small_mlp(data):
    return train(data, torch.nn.functional.mse_loss)


def adam(data, foreach=None):
    w = torch.tensor(data["w"], requires_grad=True)
    w.grad = torch.tensor(data["g"])
    optimizer = torch.optim.Adam([w], fused=False, foreach=foreach)

    def step():
        optimizer.step()

    return step, lambda: {"w": w.detach().numpy()}


def cross_entropy(data):
    z = torch.tensor(data["z"], requires_grad=True)
    y = torch.tensor(data["y"])
    loss = None

    def step():
        nonlocal loss
        z.grad = None
        loss = torch.nn.functional.cross_entropy(z, y)
        loss.backward()

    return step, lambda: {"loss": loss.detach().numpy(), "dz": z.grad.numpy()}


def lstm(data):
    model = torch.nn.LSTM(data["x"].shape[2], data["g"].shape[2], batch_first=True)
    with torch.no_grad():
        model.weight_ih_l0[:] = torch.tensor(data["W_xh"].T)
        model.weight_hh_l0[:] = torch.tensor(data["W_hh"].T)
        model.bias_ih_l0[:] = torch.tensor(data["b"])
        model.bias_hh_l0[:] = 0  # PyTorch adds two biases
    x, g = torch.tensor(data["x"], requires_grad=True), torch.tensor(data["g"])
    y = None

    def step():
        nonlocal y
        model.zero_grad()
        x.grad = None
        y, _ = model(x)
        y.backward(g)

    def result():
        return {
            "y": y.detach().numpy(),
            "dx": x.grad.numpy(),
            "W_xh": model.weight_ih_l0.grad.numpy().T,
            "W_hh": model.weight_hh_l0.grad.numpy().T,
            "b": model.bias_ih_l0.grad.numpy(),
        }

    return step, result


def attention(data):
    """By its fused attention, which is faster than its ``MultiheadAttention``."""
    x, g = torch.tensor(data["x"], requires_grad=True), torch.tensor(data["g"])
    batch, length, units = x.shape
    project = torch.nn.Linear(units, 3 * units)  # q, k and v in one product
    mix = torch.nn.Linear(units, units)
    with torch.no_grad():
        project.weight[:] = torch.tensor(np.hstack([data[f"W_{n}"] for n in "qkv"]).T)
        project.bias[:] = torch.tensor(np.hstack([data[f"b_{n}"] for n in "qkv"]))
        mix.weight[:] = torch.tensor(data["W_o"].T)
        mix.bias[:] = torch.tensor(data["b_o"])
    y = None

    def split(z):
        return z.view(batch, length, HEADS, -1).transpose(1, 2)

    def step():
        nonlocal y
        x.grad = None
        project.zero_grad()
        mix.zero_grad()
        q, k, v = (split(z) for z in project(x).chunk(3, dim=-1))
        z = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        y = mix(z.transpose(1, 2).reshape(batch, length, units))
        y.backward(g)

    def result():
        W_q, W_k, W_v = project.weight.grad.numpy().reshape(3, units, units)
        b_q, _, b_v = project.bias.grad.numpy().reshape(3, units)
        return {
            **{"y": y.detach().numpy(), "dx": x.grad.numpy()},
            **{"dW_q": W_q.T, "dW_k": W_k.T, "dW_v": W_v.T, "db_q": b_q, "db_v": b_v},
            **{"dW_o": mix.weight.grad.numpy().T, "db_o": mix.bias.grad.numpy()},
        }

    return step, result


def maps(function, data, arguments=(), needs_dx=True):
    """Forward and backward of a function of x, and of weights by name."""
    x = torch.tensor(data["x"], requires_grad=needs_dx)
    g = torch.tensor(data["g"])
    weights = {n: torch.tensor(data[n], requires_grad=True) for n in arguments}
    y = None

    def step():
        nonlocal y
        for tensor in [x, *weights.values()]:
            tensor.grad = None
        y = function(x, *weights.values())
        y.backward(g)

    def result():
        found = {"y": y.detach().numpy()} | ({"dx": x.grad.numpy()} if needs_dx else {})
        return found | {f"d{n}": w.grad.numpy() for n, w in weights.items()}

    return step, result


def convolution(name, data):
    at = FILTERS[name]
    f = torch.nn.functional
    kind = f.conv_transpose2d if at.transposed else f.conv2d
    function = partial(kind, stride=at.stride, padding=at.padding)
    return maps(function, data, "Wb", not at.first)


conv_a, conv_b = partial(convolution, "conv_a"), partial(convolution, "conv_b")
conv_c = partial(convolution, "conv_c")
conv_transpose = partial(convolution, "conv_transpose")


def max_pool(data):
    return maps(partial(torch.nn.functional.max_pool2d, kernel_size=2), data)


def lenet(data):
    nn = torch.nn
    convolutions = {
        0: nn.Conv2d(1, 6, 5, padding=2),
        2: nn.Conv2d(6, 16, 5),
        4: nn.Conv2d(16, 120, 5),
    }
    dense = {6: nn.Linear(120, 84), 7: nn.Linear(84, 10)}
    for k, layer in (convolutions | dense).items():
        W = torch.tensor(data[f"W{k}"])
        layer.weight.data[:] = W.T if k in dense else W
        layer.bias.data[:] = torch.tensor(data[f"b{k}"])
    first, second, third = convolutions.values()
    pool = nn.MaxPool2d(2)
    filters = [first, nn.ReLU(), pool, second, nn.ReLU(), pool, third, nn.ReLU()]
    model = nn.Sequential(*filters, nn.Flatten(), dense[6], nn.ReLU(), dense[7])
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    x, y = torch.tensor(data["x"]), torch.tensor(data["y"])

    def step():
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()

    def result():
        arrays = {}
        for k, layer in (convolutions | dense).items():
            W = layer.weight.detach().numpy()
            arrays[f"W{k}"] = W.T if k in dense else W
            arrays[f"b{k}"] = layer.bias.detach().numpy()
        return arrays

    return step, result


def dqn(data):
    """As the short, well-known implementations are written; Adam is the fused one."""
    networks = []
    for prefix in ("", "slow_"):
        modules = []
        for k in range(3):
            W = torch.tensor(data[f"{prefix}W{k}"])
            linear = torch.nn.Linear(*W.shape)
            linear.weight.data[:] = W.T
            linear.bias.data[:] = torch.tensor(data[f"{prefix}b{k}"])
            modules += [linear, torch.nn.ReLU()]
        networks.append(torch.nn.Sequential(*modules[:-1]))
    q, target = networks
    parameters = list(q.parameters())
    slow = list(target.parameters())
    optimizer = torch.optim.Adam(parameters, LR_ADAM, fused=True)
    columns = "observations", "actions", "rewards", "following", "terminated"
    memory = [data[name] for name in columns]
    batches = cycle(data["rows"])

    def step():
        rows = next(batches)
        with torch.no_grad():
            q(torch.from_numpy(memory[0][rows[0]])).argmax().item()
        s, a, r, following, over = (torch.from_numpy(column[rows]) for column in memory)
        with torch.no_grad():
            best = q(following).argmax(1, keepdim=True)
            value = target(following).gather(1, best).squeeze(1)
            y = r + GAMMA * (1 - over) * value
        loss = torch.nn.functional.mse_loss(q(s).gather(1, a[:, None]).squeeze(1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(slow, parameters, TAU)
        loss.item()  # looked at, as every agent here does: is it finite?

    def result():
        arrays = {}
        for network, prefix in zip(networks, ("", "slow_"), strict=True):
            for k, linear in enumerate(network[::2]):
                arrays[f"{prefix}W{k}"] = linear.weight.detach().numpy().T
                arrays[f"{prefix}b{k}"] = linear.bias.detach().numpy()
        return arrays

    return step, result


dqn_64 = dqn_128 = dqn


def import_(data):
    return timed_import("torch")


def gemm(data):
    a, b = torch.tensor(data["a"]), torch.tensor(data["b"])
    c = torch.empty_like(a)

    def step():
        torch.mm(a, b, out=c)

    return step, dict


def copy(data):
    source = torch.tensor(data["z"])
    target = torch.empty_like(source)

    def step():
        target.copy_(source)

    return step, dict
