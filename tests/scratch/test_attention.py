"""Attention and the Transformer's block: known values, derivatives, who sees whom."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.gradcheck import check_gradients
from d2lib.scratch import (
    LayerNorm,
    Module,
    MultiHeadAttention,
    TransformerBlock,
    attention,
    attention_weights,
    no_grad,
    positional_encoding,
    record,
    softmax,
    tensor,
)
from tests.scratch.test_layers import Counting

some = settings(deadline=None, max_examples=20)
few = settings(deadline=None, max_examples=8)  # with a difference for each parameter
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 4)
batches = st.sampled_from([(), (1,), (3,), (2, 2)])


def arrays(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def masks(seed, batch, len_q, len_k):
    """A mask of any shape that fits; some rows may look nowhere."""
    rng = np.random.default_rng(seed)
    shape = [n if rng.random() < 0.7 else 1 for n in (*batch, len_q, len_k)]
    return rng.random(shape[rng.integers(len(batch) + 1) :]) < 0.6


class Called(Module):
    """A layer that is called in another way."""

    def __init__(self, layer, call):
        self.layer = layer
        self.call = call

    def forward(self, x):
        return self.call(self.layer, x)


class TestPositionalEncoding:
    def test_the_formula_number_by_number(self):
        """Vaswani et al., 2017, section 3.5."""
        encoding = positional_encoding(50, 6)
        assert encoding.shape == (50, 6)
        assert encoding.dtype == np.float32
        for t in (0, 1, 49):
            for i in range(3):
                angle = t / 10000 ** (2 * i / 6)
                assert encoding[t, 2 * i] == pytest.approx(np.sin(angle), abs=1e-6)
                assert encoding[t, 2 * i + 1] == pytest.approx(np.cos(angle), abs=1e-6)

    def test_an_odd_width_is_an_even_one_without_its_last_cosine(self):
        even, odd = positional_encoding(5, 2), positional_encoding(5, 1)
        np.testing.assert_array_equal(odd, even[:, :1])
        assert positional_encoding(4, 7).shape == (4, 7)

    @some
    @given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
    def test_only_the_distance_shows_in_products(self, t, k, shift):
        encoding = positional_encoding(64, 8).astype(float)
        here = encoding[t] @ encoding[t + k]
        there = encoding[t + shift] @ encoding[t + shift + k]
        assert here == pytest.approx(there, abs=1e-5)

    def test_no_two_positions_are_alike(self):
        encoding = positional_encoding(256, 16)
        distances = np.linalg.norm(encoding[:, None] - encoding, axis=-1)
        assert distances[~np.eye(256, dtype=bool)].min() > 0.1


class TestAttention:
    def test_by_hand(self):
        """Scores (ln 3, 0) of the only query: weights 3/4 and 1/4."""
        q, k = [[1.0, 1.0]], [[np.log(3), 0.0], [0.0, 0.0]]
        v = [[4.0, 0.0], [0.0, 8.0]]
        np.testing.assert_allclose(
            attention_weights(q, k, scale=1).data, [[0.75, 0.25]], rtol=1e-6
        )
        np.testing.assert_allclose(attention(q, k, v, scale=1).data, [[3, 2]], 1e-6)

    @some
    @given(batches, sizes, sizes, sizes, sizes, seeds)
    def test_is_what_its_equation_says(self, batch, len_q, len_k, d, d_v, seed):
        shapes = (*batch, len_q, d), (*batch, len_k, d), (*batch, len_k, d_v)
        q, k, v = (tensor(a, "float64") for a in arrays(seed, *shapes))
        scores = q @ tensor(np.swapaxes(k.data, -1, -2), "float64") * d**-0.5
        p = softmax(scores)
        np.testing.assert_allclose(attention_weights(q, k).data, p.data, atol=1e-12)
        np.testing.assert_allclose(attention(q, k, v).data, (p @ v).data, atol=1e-12)

    @some
    @given(batches, sizes, sizes, sizes, sizes, st.booleans(), st.booleans(), seeds)
    def test_gradients(self, batch, len_q, len_k, d, d_v, masked, causal, seed):
        shapes = (*batch, len_q, d), (*batch, len_k, d), (*batch, len_k, d_v)
        q, k, v = arrays(seed, *shapes)
        mask = masks(seed, batch, len_q, len_k) if masked else None

        def answers(q, k, v):
            return attention(q, k, v, mask, causal, scale=0.7)

        check_gradients(answers, q, k, v)
        check_gradients(lambda q, k: attention_weights(q, k, mask, causal), q, k)

    def test_gradients_where_one_tensor_is_all_three(self):
        check_gradients(lambda x: attention(x, x, x, causal=True), *arrays(0, (4, 3)))

    def test_a_row_that_may_look_nowhere(self):
        mask = np.array([[True, True, False], [False, False, False]])
        q, k, v = (
            tensor(a, requires_grad=True) for a in arrays(0, (2, 4), (3, 4), (3, 5))
        )
        y = attention(q, k, v, mask)
        np.testing.assert_array_equal(y.data[1], np.zeros(5))
        y.backward(np.ones((2, 5), np.float32))
        np.testing.assert_array_equal(q.grad[1], np.zeros(4))
        np.testing.assert_array_equal(k.grad[2], np.zeros(4))
        np.testing.assert_array_equal(v.grad[2], np.zeros(5))
        assert np.isfinite(q.grad).all()
        assert q.grad[0].any()
        p = attention_weights(q, k, mask).data
        np.testing.assert_allclose(p.sum(axis=1), [1, 0], rtol=1e-6)

    def test_what_is_hidden_does_not_matter(self):
        q, k, v = arrays(0, (5, 4), (7, 4), (7, 2))
        mask = np.arange(7) < 3
        y = attention(q, k, v, mask[None])
        k[3:], v[3:] = 1e4, -1e4
        np.testing.assert_array_equal(attention(q, k, v, mask[None]).data, y.data)
        np.testing.assert_allclose(
            attention(q, k[:3], v[:3]).data, y.data, rtol=1e-5, atol=1e-6
        )

    def test_a_mask_for_padding(self):
        lengths = np.array([2, 5])
        padding = np.arange(5) < lengths[:, None]  # (batch, len_k)
        p = attention_weights(*arrays(0, (2, 3, 4), (2, 5, 4)), padding[:, None, :])
        np.testing.assert_array_equal(p.data > 0, np.tile(padding[:, None], (1, 3, 1)))

    def test_causal_is_a_triangular_mask(self):
        q, k, v = arrays(0, (2, 5, 4), (2, 5, 4), (2, 5, 3))
        triangle = np.tril(np.ones((5, 5), bool))
        np.testing.assert_array_equal(
            attention(q, k, v, causal=True).data, attention(q, k, v, triangle).data
        )
        first = np.arange(5) < 4
        np.testing.assert_array_equal(
            attention(q, k, v, first[None], causal=True).data,
            attention(q, k, v, triangle & first).data,
        )

    def test_large_scores_do_not_overflow(self):
        k = [[1e4], [0.0]]
        for score, expected in ((1e4, [1, 0]), (-1e4, [0, 1])):
            p = attention_weights([[score]], k, scale=1)
            np.testing.assert_array_equal(p.data, [expected])

    def test_the_scale_keeps_wide_scores_soft(self):
        """Without it the largest of 8 random scores of width 256 takes nearly all."""
        q, k = arrays(0, (100, 256), (8, 256))
        assert attention_weights(q, k).data.max(axis=1).mean() < 0.5
        assert attention_weights(q, k, scale=1).data.max(axis=1).mean() > 0.9

    def test_is_one_operation(self):
        q, k, v = (
            tensor(a, requires_grad=True) for a in arrays(0, (3, 4), (5, 4), (5, 2))
        )
        y = attention(q, k, v, causal=True)
        assert (y.op, y._parents) == ("attention", (q, k, v))
        p = attention_weights(q, k)
        assert (p.op, p._parents) == ("attention weights", (q, k))
        with no_grad():
            assert not attention(q, k, v).requires_grad

    def test_matrix_products(self):
        """Two forward and four backward, each for the whole batch at once."""
        q, k, v = (
            tensor(a, requires_grad=True)
            for a in arrays(0, (6, 3, 4), (6, 5, 4), (6, 5, 2))
        )
        for x in (q, k, v):
            x.data = x.data.view(Counting)
        Counting.products.clear()
        y = attention(q, k, v)
        scores, answers = ((6, 3, 4), (6, 4, 5)), ((6, 3, 5), (6, 5, 2))
        sums = ((6, 3, 5), (5,))  # of each row, as a product with ones
        assert Counting.products == [scores, sums, answers]
        Counting.products.clear()
        y.backward(np.ones((6, 3, 2), np.float32).view(Counting))
        assert sorted(Counting.products) == sorted(
            [
                ((6, 5, 3), (6, 3, 2)),  # of v
                ((6, 3, 2), (6, 2, 5)),  # of the weights
                ((6, 3, 5), (6, 5, 4)),  # of q
                ((6, 5, 3), (6, 3, 4)),  # of k
            ]
        )

    @pytest.mark.parametrize("block", [1, 15, 40])
    def test_however_it_is_cut_into_blocks(self, monkeypatch, block):
        values = arrays(0, (5, 2, 3, 4), (5, 2, 3, 4), (5, 2, 3, 4))
        mask = masks(1, (5, 1), 3, 3)
        results = []
        for size in (10**6, block):
            module = importlib.import_module("d2lib.scratch.attention")
            monkeypatch.setattr(module, "_BLOCK", size)
            q, k, v = (tensor(a, requires_grad=True) for a in values)
            y = attention(q, k, v, mask)
            y.backward(values[0])
            results.append((y.data, q.grad, k.grad, v.grad))
        for whole, parts in zip(*results, strict=True):
            np.testing.assert_array_equal(whole, parts)


def golden_inputs():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4)).round(2)
    W = {f"W_{n}": rng.normal(size=(4, 4)).round(2) for n in "qkvo"}
    return x, W | {f"b_{n}": rng.normal(size=4).round(2) for n in "qkvo"}


def sees(layer, t, size=6, units=8):
    """The positions on which position t of a layer's output depends."""
    x, change = arrays(0, (1, size, units), (units,))
    before = layer(x).data[0, t]
    found = []
    for other in range(size):
        changed = x.copy()
        changed[0, other] += change
        if not np.array_equal(layer(changed).data[0, t], before):
            found.append(other)
    return found


class TestMultiHeadAttention:
    def test_the_values_of_another_library(self):
        """torch.nn.MultiheadAttention of PyTorch 2.13.0 in float64, causal."""
        x, state = golden_inputs()
        layer = MultiHeadAttention(4, heads=2, causal=True)
        layer.load_state(state)
        inputs = tensor(x, requires_grad=True)
        y = layer(inputs)
        np.testing.assert_allclose(
            y.data[0],
            [
                [2.047872, 0.084474, 0.772073, -3.14765],
                [1.60426, -0.303782, 0.758147, -3.7638],
                [1.95742, -0.527, 0.725273, -4.299392],
            ],
            rtol=2e-5,
        )
        np.testing.assert_allclose(
            layer.weights(x).data[1, 1],
            [[1, 0, 0], [0.430937, 0.569063, 0], [0.203661, 0.099426, 0.696912]],
            rtol=2e-5,
        )
        y.backward(np.arange(24, dtype=np.float32).reshape(2, 3, 4))
        np.testing.assert_allclose(
            inputs.grad[0],
            [
                [91.815367, -62.759484, -41.445646, -60.151623],
                [-55.250393, -70.818242, 16.687619, -12.151101],
                [-14.299822, -1.485174, -4.870813, 19.081988],
            ],
            rtol=1e-4,
        )
        np.testing.assert_allclose(
            layer.W_k.grad,
            [
                [-1.505797, 2.374628, 46.652644, 34.085942],
                [18.303318, -21.489979, 26.202849, -48.683796],
                [8.245506, -12.483993, 5.928059, 39.101555],
                [7.347542, -10.174299, 14.207458, 29.123512],
            ],
            rtol=1e-4,
        )

    def test_each_head_is_an_attention_of_its_own(self):
        layer = MultiHeadAttention(6, heads=3, seed=0)
        (x,) = arrays(0, (2, 5, 6))
        x = tensor(x)
        answers = []
        for h in range(3):
            own = slice(2 * h, 2 * h + 2)
            q, k, v = (
                x @ getattr(layer, f"W_{n}")[:, own] + getattr(layer, f"b_{n}")[own]
                for n in "qkv"
            )
            answers.append(attention(q, k, v).data)
            np.testing.assert_allclose(
                layer.weights(x).data[:, h], attention_weights(q, k).data, rtol=1e-5
            )
        expected = np.concatenate(answers, axis=-1) @ layer.W_o.data
        np.testing.assert_allclose(layer(x).data, expected, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize("t", range(6))
    def test_causal_means_that_the_future_changes_nothing(self, t):
        layer = MultiHeadAttention(8, 2, causal=True, seed=0)
        assert sees(layer, t) == list(range(t + 1))

    def test_planted_a_layer_that_sees_the_future_is_found(self):
        assert sees(MultiHeadAttention(8, 2, seed=0), 2) == list(range(6))

    def test_causal_gradients_do_not_come_from_the_future(self):
        layer = MultiHeadAttention(8, 2, causal=True, seed=0)
        x = tensor(arrays(0, (1, 6, 8))[0], requires_grad=True)
        layer(x)[0, 2].sum().backward()
        assert x.grad[0, :3].any(axis=1).all()
        np.testing.assert_array_equal(x.grad[0, 3:], np.zeros((3, 8)))

    @few
    @given(seeds)
    def test_without_positions_the_order_does_not_matter(self, seed):
        layer = MultiHeadAttention(8, 2, seed=0)
        (x,) = arrays(seed, (2, 6, 8))
        order = np.random.default_rng(seed).permutation(6)
        np.testing.assert_allclose(
            layer(x[:, order]).data, layer(x).data[:, order], rtol=1e-4, atol=1e-5
        )

    def test_with_positions_it_does(self):
        layer = MultiHeadAttention(8, 2, seed=0)
        (x,) = arrays(0, (1, 6, 8))
        positions, order = positional_encoding(6, 8), [1, 0, 2, 3, 4, 5]
        y = layer(x + positions).data[:, order]
        assert np.abs(layer(x[:, order] + positions).data - y).max() > 0.01

    def test_the_biases_of_the_keys_change_nothing(self):
        """They add the same to every score of a query, and a softmax drops that."""
        layer = MultiHeadAttention(4, 2, seed=0)
        (x,) = arrays(0, (2, 3, 4))
        y = layer(x)
        y.backward(np.ones(y.shape, np.float32))
        np.testing.assert_allclose(layer.b_k.grad, np.zeros(4), atol=1e-5)
        layer.b_k.data[...] = 1
        np.testing.assert_allclose(layer(x).data, y.data, rtol=1e-4, atol=1e-6)

    def test_matrix_products_of_the_weights(self):
        """Four forward; two for each backward, and a thin one for the biases."""
        layer = MultiHeadAttention(4, 2, seed=0)
        for parameter in layer.parameters():
            parameter.data = parameter.data.view(Counting)
        x = tensor(np.ones((3, 5, 4)), requires_grad=True)
        Counting.products.clear()
        y = layer(x)
        assert Counting.products == [((15, 4), (4, 4))] * 4
        Counting.products.clear()
        y.backward(np.ones((3, 5, 4), np.float32))
        thick = [p for p in Counting.products if len(p[0]) == 2]
        assert sorted(thick) == [((4, 15), (15, 4))] * 4 + [((15, 4), (4, 4))] * 4

    def test_the_heads_are_never_copied_apart(self):
        """They stay interleaved as the projection left them: reshapes are views."""
        layer = MultiHeadAttention(4, 2, seed=0)
        merged = layer(np.ones((3, 5, 4)))._parents[0]
        assert merged.op == "reshape"
        assert np.shares_memory(merged.data, merged._parents[0]._parents[0].data)

    def test_names_and_shapes(self):
        layer = MultiHeadAttention(6, 3, seed=0)
        names = [f"{p}_{n}" for p in "Wb" for n in "qkvo"]
        assert list(layer.state()) == names
        assert layer.num_parameters() == 4 * (6 * 6 + 6)
        assert not np.array_equal(layer.W_q.data, layer.W_k.data)


class TestLayerNorm:
    def test_by_hand(self):
        """(1, 2, 6): mean 3, variance 14/3."""
        y = LayerNorm(3, eps=1e-12)([1.0, 2.0, 6.0])
        expected = np.array([-2, -1, 3]) / np.sqrt(14 / 3)
        np.testing.assert_allclose(y.data, expected, rtol=1e-6)

    def test_mean_and_variance(self):
        (x,) = arrays(0, (50, 16))
        y = LayerNorm(16)(100 * x + 7).data
        np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(y.var(axis=1), 1, rtol=1e-4)

    def test_a_constant_vector_becomes_beta(self):
        layer = LayerNorm(3)
        layer.load_state({"gamma": [1, 2, 3], "beta": [4, 5, 6]})
        np.testing.assert_array_equal(layer(np.full((2, 3), 9.0)).data, [[4, 5, 6]] * 2)

    def test_is_one_operation(self):
        layer = LayerNorm(3)
        y = layer(np.ones((2, 3)))
        assert y.op == "layer norm"
        assert y._parents[1:] == (layer.gamma, layer.beta)


class TestTransformerBlock:
    def test_is_its_equations(self):
        block = TransformerBlock(8, 2, causal=False, seed=0)
        (x,) = arrays(0, (2, 5, 8))
        z = tensor(x) + block.attention(block.norm1(x))
        y = z + block.feed_forward(block.norm2(z))
        np.testing.assert_allclose(block(x).data, y.data, rtol=1e-6)

    def test_without_its_parts_it_is_the_identity(self):
        block = TransformerBlock(8, 2, seed=0)
        state = {name: 0 * values for name, values in block.state().items()}
        block.load_state(state)
        x = arrays(0, (2, 5, 8))[0].astype(np.float32)
        np.testing.assert_array_equal(block(x).data, x)

    def test_is_causal_only_if_told_so(self):
        assert sees(TransformerBlock(8, 2, causal=True, seed=0), 2) == [0, 1, 2]
        assert sees(TransformerBlock(8, 2, seed=0), 2) == list(range(6))

    def test_a_mask_hides_positions(self):
        block = TransformerBlock(8, 2, causal=False, seed=0)
        mask = np.ones((6, 6), bool)
        mask[2, [0, 4]] = False
        assert sees(Called(block, lambda m, x: m(x, mask)), 2) == [1, 2, 3, 5]

    def test_the_hidden_width(self):
        for hidden, expected in ((None, 32), (5, 5)):
            block = TransformerBlock(8, 2, hidden)
            assert block.feed_forward[0].W.shape == (8, expected)
            assert block.feed_forward[0].activation == "relu"

    def test_names(self):
        names = list(TransformerBlock(4, 2, dropout=0.5).state())
        own = [f"{p}_{n}" for p in "Wb" for n in "qkvo"]
        assert names == [
            *("norm1.gamma", "norm1.beta"),
            *(f"attention.{name}" for name in own),
            *("norm2.gamma", "norm2.beta"),
            *(f"feed_forward.layers.{k}.{p}" for k in (0, 1) for p in "Wb"),
        ]

    def test_dropout_drops_from_what_is_added(self):
        block = TransformerBlock(8, 2, dropout=0.999999, seed=0)
        x = arrays(0, (2, 5, 8))[0].astype(np.float32)
        with record():
            np.testing.assert_array_equal(block(x).data, x)
        with no_grad():
            assert not np.array_equal(block(x).data, x)
