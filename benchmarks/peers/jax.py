"""JAX on the processor, as its tutorials use it: a whole step is compiled at once."""

import os

# XLA makes as many threads as this variable says, and one for each core without it.
os.environ["NPROC"] = os.environ["OMP_NUM_THREADS"]
os.environ["JAX_PLATFORMS"] = "cpu"

from functools import partial

import jax
import jax.numpy as jnp
from jax.example_libraries import optimizers

from benchmarks.peers._import import timed_import
from benchmarks.works import HEADS, LR

VERSION = jax.__version__
THREADS = int(os.environ["NPROC"])


def softmax_cross_entropy(z, y):
    own = jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1)
    return -own.mean()


def squared_error(y_hat, y):
    return jnp.mean((y_hat - y) ** 2)


def train(data, loss_function):
    weights = {k: jnp.array(v) for k, v in data.items() if k[0] in "Wb"}
    layers = len(weights) // 2
    x, y = jnp.array(data["x"]), jnp.array(data["y"])

    def objective(weights, x, y):
        h = x
        for k in range(layers):
            h = h @ weights[f"W{k}"] + weights[f"b{k}"]
            if k < layers - 1:
                h = jax.nn.relu(h)
        return loss_function(h, y)

    @partial(jax.jit, donate_argnums=0)  # the old weights' memory holds the new ones
    def update(weights, x, y):
        loss, gradients = jax.value_and_grad(objective)(weights, x, y)
        return jax.tree.map(lambda w, g: w - LR * g, weights, gradients), loss

    def step():
        nonlocal weights
        weights, _ = jax.block_until_ready(update(weights, x, y))

    return step, lambda: weights


def mlp(data):
    return train(data, softmax_cross_entropy)


def small_mlp(data):
    return train(data, squared_error)


def adam(data):
    initial, update, parameters = optimizers.adam(0.001)
    update = jax.jit(update, donate_argnums=2)
    state, g, steps = initial(jnp.array(data["w"])), jnp.array(data["g"]), 0

    def step():
        nonlocal state, steps
        state = jax.block_until_ready(update(steps, g, state))
        steps += 1

    return step, lambda: {"w": parameters(state)}


def cross_entropy(data):
    gradient = jax.jit(jax.value_and_grad(softmax_cross_entropy))
    z, y = jnp.array(data["z"]), jnp.array(data["y"])
    loss = dz = None

    def step():
        nonlocal loss, dz
        loss, dz = jax.block_until_ready(gradient(z, y))

    return step, lambda: {"loss": loss, "dz": dz}


def layer(outputs, arrays, g):
    """Forward, and backward from the gradient g of the outputs."""
    arrays, g = {k: jnp.array(v) for k, v in arrays.items()}, jnp.array(g)
    y = gradients = None

    @jax.jit
    def both(arrays, g):
        y, backward = jax.vjp(outputs, arrays)
        return y, *backward(g)

    def step():
        nonlocal y, gradients
        y, gradients = jax.block_until_ready(both(arrays, g))

    return step, lambda: (y, gradients)


def outputs_of_lstm(arrays):
    x, W_xh, W_hh, b = (arrays[name] for name in ("x", "W_xh", "W_hh", "b"))

    def cell(state, z):
        h, c = state
        i, f, g, o = jnp.split(z + h @ W_hh, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    start = jnp.zeros((2, len(x), len(W_hh)))
    _, outputs = jax.lax.scan(cell, tuple(start), jnp.swapaxes(x @ W_xh + b, 0, 1))
    return jnp.swapaxes(outputs, 0, 1)


def lstm(data):
    arrays = {name: data[name] for name in ("x", "W_xh", "W_hh", "b")}
    step, found = layer(outputs_of_lstm, arrays, data["g"])

    def result():
        y, gradients = found()
        return {"y": y, **{"dx" if k == "x" else k: g for k, g in gradients.items()}}

    return step, result


def outputs_of_attention(arrays):
    x = arrays["x"]
    batch, length, _ = x.shape
    q, k, v = (
        (x @ arrays[f"W_{n}"] + arrays[f"b_{n}"]).reshape(batch, length, HEADS, -1)
        for n in "qkv"
    )
    y = jax.nn.dot_product_attention(q, k, v).reshape(x.shape)
    return y @ arrays["W_o"] + arrays["b_o"]


def attention(data):
    arrays = {name: array for name, array in data.items() if name != "g"}
    step, found = layer(outputs_of_attention, arrays, data["g"])

    def result():
        y, gradients = found()
        # That of b_k is zero, but for rounding.
        named = {f"d{name}": g for name, g in gradients.items() if name != "b_k"}
        return {"y": y, **named}

    return step, result


def import_(data):
    return timed_import("jax")
