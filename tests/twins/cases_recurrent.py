"""What both twins must agree on: the names of `recurrent.py`."""

from __future__ import annotations

import itertools

import numpy as np

from tests.twins.cases import (
    GRADIENTS,
    close,
    identical,
    normal,
    parity,
    same_values_and_gradients,
)

LAYERS = {
    "RNN": ({}, {"activation": "relu"}),
    "LSTM": ({}, {"forget_bias": 0.5}),
    "GRU": ({},),
}


def states_of(state):
    return state if isinstance(state, tuple) else (state,)


def pair(scratch, mx, name, *arguments, **options):
    """The same layer in both twins; weights from the one seed, biases made random."""
    a, b = (getattr(dl, name)(*arguments, **options) for dl in (scratch, mx))
    identical(a.state(), b.state())
    state = a.state()
    for key, values in state.items():
        if key.startswith("b"):
            state[key] = normal(8, *values.shape) * 0.5
    a.load_state(state)
    b.load_state(a.state())
    return a, b


@parity(*LAYERS)
def recurrent_layers(scratch, mx):
    """Outputs, final states and all gradients, from zeros and from a given state."""
    for name, layers in itertools.product(LAYERS, (1, 2)):
        for options in LAYERS[name]:
            modules = pair(scratch, mx, name, 3, 5, layers, seed=0, **options)
            x, h, c = (
                normal(0, 4, 6, 3),
                normal(1, layers, 4, 5),
                normal(2, layers, 4, 5),
            )

            def outputs(dl, module, x):
                return module(x)[0]

            def all_of_it(dl, module, x, *state):
                y, final = module(x, state if len(state) > 1 else state[0])
                sums = [(s * s).sum(axis=0).sum(axis=0) for s in states_of(final)]
                return (y * y).sum(axis=0).sum(axis=0) + sum(sums[1:], sums[0])

            same_values_and_gradients(scratch, mx, outputs, x, modules=modules)
            for module in modules:
                module.zero_grad()
            state = (h, c) if name == "LSTM" else (h,)
            same_values_and_gradients(
                scratch, mx, all_of_it, x, *state, modules=modules
            )


@parity(*LAYERS)
def a_sequence_in_two_parts(scratch, mx):
    """The state of the one twin continues in the other."""
    x = normal(0, 4, 6, 3)
    for name in LAYERS:
        a, b = pair(scratch, mx, name, 3, 5, 2, seed=0)
        whole = scratch.to_numpy(a(x)[0])
        for one, first, other, second in ((scratch, a, mx, b), (mx, b, scratch, a)):
            y, state = first(x[:, :4])
            state = tuple(one.to_numpy(part) for part in states_of(state))
            z, _ = second(x[:, 4:], state if len(state) > 1 else state[0])
            parts = [one.to_numpy(y), other.to_numpy(z)]
            close(np.concatenate(parts, axis=1), whole, GRADIENTS, name)


@parity(*LAYERS)
def gradients_of_recurrent_layers_accumulate(scratch, mx):
    for name in LAYERS:
        for dl in (scratch, mx):
            layer = getattr(dl, name)(3, 5, seed=0)
            for factor in (1, 2):
                with dl.record():
                    y, _ = layer(dl.tensor(normal(0, 4, 6, 3)))
                    loss = (y * y).sum()
                loss.backward()
                if factor == 1:
                    once = layer.gradients()
            for key, g in layer.gradients().items():
                close(g, 2 * once[key], 1e-5, key)


@parity(*LAYERS)
def one_seed_one_memory(scratch, mx):
    for name in LAYERS:
        a, b = (getattr(dl, name)(3, 5, 2, seed=7).state() for dl in (scratch, mx))
        identical(a, b)
    a, b = (
        dl.RNN(3, 5, initializer="identity", seed=7).state() for dl in (scratch, mx)
    )
    identical(a, b)
    np.testing.assert_array_equal(a["W_hh.0"], np.eye(5, dtype=np.float32))


@parity(*LAYERS)
def no_sequences(scratch, mx):
    """An empty batch is a batch."""
    for name, dl in itertools.product(LAYERS, (scratch, mx)):
        y, state = getattr(dl, name)(3, 5)(dl.tensor(np.zeros((0, 6, 3), np.float32)))
        assert y.shape == (0, 6, 5)
        assert all(part.shape == (1, 0, 5) for part in states_of(state))
