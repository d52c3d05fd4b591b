"""Attention and the Transformer's block: what both twins must agree on."""

import numpy as np

from tests.twins.cases import (
    alike,
    close,
    identical,
    normal,
    parity,
    same_values_and_gradients,
)


def mask(seed, *shape):
    """Where to look, at random; everyone may look at the first key."""
    visible = np.random.default_rng(seed).random(shape) < 0.6
    visible[..., 0] = True
    return visible


def same_module(scratch, mx, build, *inputs, call=None):
    """As for the other layers, but that b_k's gradient is zero: compared with 1."""
    same_values_and_gradients(
        scratch,
        mx,
        lambda dl, m, *x: call(m, *x) if call else m(*x),
        *inputs,
        modules=alike(scratch, mx, build),
        least_gradient=1.0,
    )


@parity("positional_encoding")
def positions(scratch, mx):
    for length, units in ((1, 1), (5, 4), (300, 7)):
        a, b = (dl.positional_encoding(length, units) for dl in (scratch, mx))
        np.testing.assert_array_equal(a, b)
        assert isinstance(b, np.ndarray)


@parity("attention", "attention_weights")
def attentions(scratch, mx):
    nowhere = mask(0, 3, 5, 7)
    nowhere[1, 2] = False
    for batch, len_q, len_k, options in (
        ((), 5, 7, {}),
        ((3,), 5, 7, {"scale": 0.5}),
        ((3,), 5, 7, {"mask": mask(1, 5, 7)}),
        ((3,), 5, 7, {"mask": mask(2, 3, 1, 7), "causal": True}),
        ((3,), 5, 7, {"mask": nowhere}),
        ((3,), 7, 5, {"causal": True}),
        ((2, 3), 4, 4, {"mask": mask(3, 2, 1, 4, 4)}),
        ((2, 3), 1, 1, {}),
    ):
        q, k = normal(0, *batch, len_q, 6), normal(1, *batch, len_k, 6)
        same_values_and_gradients(
            scratch,
            mx,
            lambda dl, m, q, k, v, o=options: dl.attention(q, k, v, **o),
            q,
            k,
            normal(2, *batch, len_k, 2),
        )
        same_values_and_gradients(
            scratch,
            mx,
            lambda dl, m, q, k, o=options: dl.attention_weights(q, k, **o),
            q,
            k,
            least_gradient=1e-3,  # one key: the weights are all 1, the gradients all 0
        )


@parity("attention", "attention_weights", "MultiHeadAttention")
def scores_far_apart(scratch, mx):
    """The largest score takes all, hidden ones nothing: no overflow, no NaN."""
    q, k = 1000 * normal(0, 3, 4), 1000 * normal(1, 5, 4)
    k[0] = 1e6 * q[0]
    hidden = np.ones((3, 5), bool)
    hidden[:, 0] = False
    for visible in (None, hidden):
        a, b = (
            dl.to_numpy(dl.attention_weights(q, k, visible)) for dl in (scratch, mx)
        )
        assert np.isfinite(a).all()
        close(a, b, 1e-6)


@parity("attention", "attention_weights", "MultiHeadAttention", "TransformerBlock")
def no_queries(scratch, mx):
    """A batch of nothing has an answer of nothing."""
    for dl in (scratch, mx):
        q, k = np.ones((0, 2, 4), np.float32), np.ones((0, 3, 4), np.float32)
        assert dl.attention(q, k, k).shape == (0, 2, 4)
        assert dl.attention_weights(q, k).shape == (0, 2, 3)
        assert dl.attention(q[:, :0], k, k).shape == (0, 0, 4)
        layer = dl.MultiHeadAttention(4, 2)
        assert layer(q).shape == layer(q, k).shape == (0, 2, 4)
        assert layer.weights(q, k).shape == (0, 2, 2, 3)
        assert dl.TransformerBlock(4, 2)(q).shape == (0, 2, 4)


@parity("MultiHeadAttention")
def several_heads(scratch, mx):
    x, context = normal(0, 3, 5, 8), normal(1, 3, 7, 8)
    for heads, causal in ((1, False), (2, True), (8, False)):

        def build(dl, heads=heads, causal=causal):
            return dl.MultiHeadAttention(8, heads, causal)

        same_module(scratch, mx, build, x)
        same_module(scratch, mx, build, x, context)
        for visible in (mask(0, 5, 5), mask(1, 3, 1, 5), mask(2, 3, 5, 5)):
            for call in (
                lambda m, x, v=visible: m(x, mask=v),
                lambda m, x, v=visible: m.weights(x, mask=v),
                # There and back: graphs that were compiled for something else.
                lambda m, x, v=visible: m(x) + m(x, mask=v) + m(x, x) + m(x),
            ):
                same_module(scratch, mx, build, x, call=call)


@parity("MultiHeadAttention")
def gradients_of_several_calls_add_up(scratch, mx):
    x = normal(0, 2, 3, 4)
    for dl in (scratch, mx):
        layer = dl.MultiHeadAttention(4, 2, seed=0)
        for times in (1, 2):
            with dl.record():
                loss = (layer(dl.tensor(x)) ** 2).sum()
            loss.backward()
            if times == 1:
                once = layer.gradients()
        for name, g in layer.gradients().items():
            close(g, 2 * once[name], 1e-5, name)


@parity("LayerNorm")
def layer_norms(scratch, mx):
    for shape in ((6,), (4, 6), (2, 3, 6)):
        for eps in (1e-5, 0.5):
            same_module(
                scratch, mx, lambda dl, e=eps: dl.LayerNorm(6, e), normal(0, *shape)
            )
    for dl in (scratch, mx):
        flat = dl.to_numpy(dl.LayerNorm(3)(np.full((2, 3), 7, np.float32)))
        np.testing.assert_array_equal(flat, np.zeros((2, 3)))


@parity("TransformerBlock")
def blocks(scratch, mx):
    x, visible = normal(0, 3, 5, 8), mask(0, 3, 1, 5)
    for build in (
        lambda dl: dl.TransformerBlock(8, 2),
        lambda dl: dl.TransformerBlock(8, 4, hidden=3, causal=True),
        lambda dl: dl.TransformerBlock(8, 1, dropout=0.5).eval(),
    ):
        same_module(scratch, mx, build, x)
        same_module(scratch, mx, build, x, call=lambda m, x: m(x, mask=visible))


@parity("TransformerBlock")
def a_block_drops_in_training_alone(scratch, mx):
    x = normal(0, 2, 3, 4)
    for dl in (scratch, mx):
        block = dl.TransformerBlock(4, 2, dropout=0.5, seed=0)
        calm = dl.to_numpy(block(x))
        np.testing.assert_array_equal(dl.to_numpy(block(x)), calm)
        with dl.record():
            assert not np.allclose(dl.to_numpy(block(x)), calm)


@parity("MultiHeadAttention", "TransformerBlock", "LayerNorm")
def attention_starts_alike(scratch, mx):
    for build in (
        lambda dl: dl.MultiHeadAttention(8, 2, seed=3),
        lambda dl: dl.LayerNorm(8),
        lambda dl: dl.TransformerBlock(8, 2, seed=3),
        lambda dl: dl.TransformerBlock(8, 2, hidden=5, dropout=0.5, seed=3),
    ):
        a, b = build(scratch), build(mx)
        assert list(a.state()) == list(b.state())
        identical(a.state(), b.state())
        assert a.num_parameters() == b.num_parameters()
    rests = []
    for dl in (scratch, mx):  # what is taken from a shared generator is the same
        rng = np.random.default_rng(0)
        dl.TransformerBlock(4, 2, dropout=0.5, seed=rng)
        rests.append(rng.random())
    assert rests[0] == rests[1]


@parity("TransformerBlock")
def blocks_in_a_row(scratch, mx):
    """A Sequential holds them too, though they are not compiled as a whole."""

    def build(dl):
        return dl.Sequential(
            dl.TransformerBlock(4, 2), dl.TransformerBlock(4, 2), dl.Dense(4, 3)
        )

    same_module(scratch, mx, build, normal(0, 2, 3, 4))
