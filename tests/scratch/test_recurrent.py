"""Recurrent layers: by hand, against finite differences, in pieces, counted."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.gradcheck import check_gradients
from d2lib.scratch import GRU, LSTM, RNN, record, sigmoid, tanh, tensor
from d2lib.scratch.recurrent import gru, lstm, rnn, stack
from tests.scratch.test_layers import Counting

some = settings(deadline=None, max_examples=15)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 4)
LAYERS = (RNN, LSTM, GRU)
GATES = {RNN: 1, LSTM: 4, GRU: 3}


def arrays(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def first_part(state):
    return state[0] if isinstance(state, tuple) else state


def operations(node):
    """The names of all recorded operations behind a tensor."""
    return [result.op for result in node._history()]


class TestOneStep:
    """Against the equations, written with the engine's small operations."""

    def test_rnn(self):
        x, h, W_xh, W_hh, b = (
            tensor(a, np.float64) for a in arrays(0, (2, 3), (2, 4), (3, 4), (4, 4), 4)
        )
        y = rnn(x.reshape(2, 1, 3), h, W_xh, W_hh, b, "tanh")
        expected = tanh(x @ W_xh + h @ W_hh + b)
        np.testing.assert_allclose(y.data[:, 0], expected.data, rtol=1e-12)

    def test_lstm(self):
        x, h, c, W_xh, W_hh, b = (
            tensor(a, np.float64)
            for a in arrays(0, (2, 3), (2, 4), (2, 4), (3, 16), (4, 16), 16)
        )
        y = lstm(x.reshape(2, 1, 3), h, c, W_xh, W_hh, b)
        z = x @ W_xh + h @ W_hh + b
        i, f, o = (sigmoid(z[:, 4 * k : 4 * k + 4]) for k in (0, 1, 3))
        cell = f * c + i * tanh(z[:, 8:12])
        np.testing.assert_allclose(y.data[:, 1], cell.data, rtol=1e-12)
        np.testing.assert_allclose(y.data[:, 0], (o * tanh(cell)).data, rtol=1e-12)

    def test_gru(self):
        x, h, W_xh, W_hh, b, b_hh = (
            tensor(a, np.float64)
            for a in arrays(0, (2, 3), (2, 4), (3, 12), (4, 12), 12, 12)
        )
        y = gru(x.reshape(2, 1, 3), h, W_xh, W_hh, b, b_hh)
        p, q = x @ W_xh + b, h @ W_hh + b_hh
        r, z = (sigmoid((p + q)[:, 4 * k : 4 * k + 4]) for k in (0, 1))
        n = tanh(p[:, 8:] + r * q[:, 8:])
        expected = (1.0 - z) * n + z * h
        np.testing.assert_allclose(y.data[:, 0], expected.data, rtol=1e-12)


class TestGradients:
    @some
    @given(sizes, sizes, sizes, sizes, seeds, st.sampled_from(["tanh", "relu"]))
    def test_rnn(self, batch, length, inputs, units, seed, activation):
        shapes = (
            (batch, length, inputs),
            (batch, units),
            (inputs, units),
            (units, units),
            units,
        )
        given = arrays(seed, *shapes)
        if activation == "relu":  # keep away from the kink: everything is positive
            given = [np.abs(a) + 0.1 for a in given]
        check_gradients(lambda *a: rnn(*a, activation), *given)

    def test_relu_where_it_is_cut_off(self):
        """A unit below zero lets no gradient through, and is a memory of nothing."""
        x, W = np.full((1, 1, 1), -1.0), np.ones((1, 1))
        check_gradients(
            lambda *a: rnn(*a, "relu"), x, np.zeros((1, 1)), W, W, np.zeros(1)
        )

    @some
    @given(sizes, sizes, sizes, sizes, seeds)
    def test_lstm(self, batch, length, inputs, units, seed):
        state = (batch, units)
        shapes = ((inputs, 4 * units), (units, 4 * units), 4 * units)
        check_gradients(
            lstm, *arrays(seed, (batch, length, inputs), state, state, *shapes)
        )

    @some
    @given(sizes, sizes, sizes, sizes, seeds)
    def test_gru(self, batch, length, inputs, units, seed):
        shapes = ((inputs, 3 * units), (units, 3 * units), 3 * units, 3 * units)
        check_gradients(
            gru, *arrays(seed, (batch, length, inputs), (batch, units), *shapes)
        )

    def test_stack(self):
        check_gradients(lambda *a: stack(a), *arrays(0, (2, 3), (2, 3)))

    @pytest.mark.parametrize("layer", LAYERS)
    def test_backward_twice_adds_the_same_again(self, layer):
        model = layer(3, 4, 2, seed=0)
        y, _ = model(arrays(0, (2, 5, 3))[0].astype(np.float32))
        upstream = arrays(1, (2, 5, 4))[0].astype(np.float32)
        y.backward(upstream)
        once = model.gradients()
        y.backward(upstream)
        for name, g in model.gradients().items():
            np.testing.assert_allclose(g, 2 * once[name], rtol=1e-6)


@pytest.mark.parametrize("layer", LAYERS)
class TestLayers:
    def test_shapes(self, layer):
        model = layer(3, 5, layers=2, seed=0)
        y, state = model(np.zeros((4, 7, 3), np.float32))
        assert y.shape == (4, 7, 5)
        assert first_part(state).shape == (2, 4, 5)
        columns = 5 * GATES[layer]
        biases = 2 if layer is GRU else 1
        expected = (3 + 5) * columns + 2 * 5 * columns + 2 * biases * columns
        assert model.num_parameters() == expected

    def test_a_sequence_may_be_read_in_pieces(self, layer):
        model = layer(3, 5, layers=2, seed=0)
        x = arrays(0, (4, 7, 3))[0].astype(np.float32)
        whole, final = model(x)
        state, pieces = None, []
        for start, stop in ((0, 1), (1, 4), (4, 7)):
            y, state = model(x[:, start:stop], state)
            pieces.append(y.data)
        np.testing.assert_allclose(np.concatenate(pieces, 1), whole.data, rtol=1e-5)
        for a, b in zip(first_part(state).data, first_part(final).data, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5)

    def test_the_final_state_is_the_last_output(self, layer):
        y, state = layer(3, 5, layers=2, seed=0)(np.ones((4, 7, 3), np.float32))
        np.testing.assert_array_equal(first_part(state).data[-1], y.data[:, -1])

    def test_the_past_does_not_see_the_future(self, layer):
        model = layer(3, 5, layers=2, seed=0)
        x = arrays(0, (4, 7, 3))[0].astype(np.float32)
        before = model(x)[0].data
        x[:, 4:] = 100.0
        np.testing.assert_array_equal(model(x)[0].data[:, :4], before[:, :4])

    def test_examples_of_a_batch_do_not_see_each_other(self, layer):
        model = layer(3, 5, seed=0)
        x = arrays(0, (4, 7, 3))[0].astype(np.float32)
        together = model(x)[0].data
        alone = [model(x[i : i + 1])[0].data[0] for i in range(4)]
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-7)

    def test_one_operation_for_all_steps(self, layer):
        counts = []
        for length in (2, 50):
            y, _ = layer(3, 5, seed=0)(np.ones((4, length, 3), np.float32))
            names = operations(y)
            counts.append(len(names))
            assert names.count(layer.__name__.lower()) == 1
        assert counts[0] == counts[1] <= 2

    def test_memory_grows_linearly_with_length(self, layer):
        model = layer(4, 8, seed=0)
        used = []
        for length in (250, 500, 1000, 2000):
            x = np.ones((2, length, 4), np.float32)
            tracemalloc.start()
            with record():
                y, _ = model(x)
            used.append(tracemalloc.get_traced_memory()[0])
            tracemalloc.stop()
            del y
        steps = np.diff(used) / (250, 500, 1000)
        np.testing.assert_allclose(steps, steps[0], rtol=0.1)

    def test_two_thousand_steps_backwards(self, layer):
        model = layer(2, 3, seed=0)
        y, _ = model(np.ones((1, 2000, 2), np.float32))
        y[:, -1].sum().backward()
        assert all(np.isfinite(g).all() for g in model.gradients().values())


def test_matrix_products():
    """One for all inputs, one for each step; backward one more for each weight."""
    length, batch, inputs, units = 6, 5, 3, 4
    layer = RNN(inputs, units, seed=0)
    for W in (*layer.W_xh, *layer.W_hh):
        W.data = W.data.view(Counting)
    x = tensor(np.ones((batch, length, inputs)), requires_grad=True)
    Counting.products.clear()
    y, _ = layer(x)
    project = ((length * batch, inputs), (inputs, units))
    step = ((batch, units), (units, units))
    assert Counting.products == [project, *[step] * length]
    Counting.products.clear()
    y.backward(np.ones(y.shape, np.float32))
    rows = length * batch
    dx = ((rows, units), (units, inputs))
    dW_xh, dW_hh = (((n, rows), (rows, units)) for n in (inputs, units))
    assert Counting.products == [*[step] * length, dx, dW_xh, dW_hh]


class TestStart:
    def test_weights_of_a_gate_do_not_depend_on_how_many_gates_there_are(self):
        for layer in LAYERS:
            W_hh = layer(3, 4, seed=0).W_hh[0].data
            for k in range(GATES[layer]):
                block = W_hh[:, 4 * k : 4 * k + 4]
                np.testing.assert_allclose(block @ block.T, np.eye(4), atol=1e-6)

    def test_an_lstm_starts_by_remembering(self):
        b = LSTM(3, 4, forget_bias=2.0).b[0].data.reshape(4, 4)
        np.testing.assert_array_equal(b[:, 0], [0, 2, 0, 0])  # i, f, g, o

    def test_an_identity_with_relu_keeps_its_state(self):
        """Le, Jaitly & Hinton, 2015: without input the state stays, step after step."""
        model = RNN(1, 3, activation="relu", initializer="identity")
        h = np.float32([[[1.0, 2.0, 3.0]]])
        y, _ = model(np.zeros((1, 50, 1), np.float32), h)
        np.testing.assert_array_equal(y.data[0, -1], h[0, 0])

    def test_a_saturated_lstm_keeps_its_cell(self):
        """Forget gate 1, input gate 0: the cell is carried unchanged for 100 steps."""
        model = LSTM(1, 2, seed=0)
        b = np.repeat([-100.0, 100.0, 0.0, 0.0], 2)
        state = {name: np.zeros_like(a) for name, a in model.state().items()}
        model.load_state({**state, "b.0": b})
        c = np.float32([[[0.3, -1.5]]])
        _, (h, final) = model(np.ones((1, 100, 1), np.float32), (0 * c, c))
        np.testing.assert_allclose(final.data, c, rtol=1e-6)
        np.testing.assert_allclose(h.data, 0.5 * np.tanh(c), rtol=1e-6)


@pytest.mark.parametrize("size", [1e3, 1e30])
def test_gates_that_are_wide_open_or_shut(size):
    """e^1000 is infinite; the gates are then 0 or 1, and nothing warns."""
    layer = LSTM(1, 2, seed=0)
    state = layer.state()
    state["W_xh.0"] = np.sign(np.random.default_rng(0).normal(size=(1, 8)))
    layer.load_state(state)
    x = tensor(np.float32([[[size], [-size], [size]]]), requires_grad=True)
    outputs, (_, c) = layer(x)
    outputs.sum().backward()
    assert np.isfinite(outputs.data).all()
    assert np.isfinite(c.data).all()
    assert np.isfinite(x.grad).all()
