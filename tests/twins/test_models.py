"""Models: what both twins must agree on that no row in `tests/concepts` can say."""

import itertools

import numpy as np
import pytest

from d2lib import scratch
from tests.concepts.row import normal
from tests.twins.both import needs_mxnet
from tests.twins.checks import GRADIENTS, close, identical

RECURRENT = ("RNN", "LSTM", "GRU")


@pytest.fixture
def mx():
    from d2lib import mx

    return mx


def test_containers(dl):
    network = dl.MLP([3, 5, 5, 2], dropout=0.25)
    names = [type(layer).__name__ for layer in network]
    assert names == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert len(network) == 5
    assert network[1] is network.layers[1]
    assert network.num_parameters() == 3 * 5 + 5 + 5 * 5 + 5 + 5 * 2 + 2


@needs_mxnet
def test_what_several_networks_take_from_one_generator(mx):
    states = []
    for dl in (scratch, mx):
        rng = np.random.default_rng(0)
        first = dl.MLP([3, 4, 2], dropout=0.5, seed=rng)
        second = dl.MLP([3, 4, 2], seed=rng)
        states.append((first.state(), second.state(), rng.random()))
    identical(states[0][0], states[1][0])
    identical(states[0][1], states[1][1])
    assert states[0][2] == states[1][2]


def test_the_law_of_dropout(dl):
    """Each twin draws by itself: the law is the same, not the mask."""
    x = np.full((200, 100), 3.0, np.float32)
    layer = dl.Dropout(0.25, seed=0)
    np.testing.assert_array_equal(dl.to_numpy(layer(dl.tensor(x))), x)
    tensor = dl.tensor(x, requires_grad=True)
    with dl.record():
        y = layer(tensor)
    u = normal(0, 200, 100)
    y.backward(dl.tensor(u))
    y = dl.to_numpy(y)
    np.testing.assert_allclose(np.unique(y), [0, 4])
    assert abs((y == 0).mean() - 0.25) < 0.02
    close(dl.to_numpy(tensor.grad), u * y / x, 1e-6, "gradient")
    for mode, drops in ((layer.eval, False), (layer.train, True)):
        assert mode() is layer
        with dl.record():
            y = dl.to_numpy(layer(dl.tensor(x)))
        assert (y == 0).any() == drops
    masks = []
    for seed in ([1, 2], [1, 2], [1, 3]):
        layer.seed(seed)
        with dl.record():
            masks.append(dl.to_numpy(layer(dl.tensor(x))))
    np.testing.assert_array_equal(masks[0], masks[1])
    assert not np.array_equal(masks[0], masks[2])


def test_a_block_drops_in_training_alone(dl):
    x = normal(0, 2, 3, 4)
    block = dl.TransformerBlock(4, 2, dropout=0.5, seed=0)
    calm = dl.to_numpy(block(x))
    np.testing.assert_array_equal(dl.to_numpy(block(x)), calm)
    with dl.record():
        assert not np.allclose(dl.to_numpy(block(x)), calm)


@needs_mxnet
@pytest.mark.parametrize("name", RECURRENT)
def test_a_sequence_in_two_parts(name, mx):
    """The state of the one twin continues in the other."""
    x = normal(0, 4, 6, 3)
    a, b = (getattr(dl, name)(3, 5, 2, seed=0) for dl in (scratch, mx))
    whole = scratch.to_numpy(a(x)[0])
    for one, first, other, second in ((scratch, a, mx, b), (mx, b, scratch, a)):
        y, state = first(x[:, :4])
        parts = state if isinstance(state, tuple) else (state,)
        parts = tuple(one.to_numpy(part) for part in parts)
        z, _ = second(x[:, 4:], parts if len(parts) > 1 else parts[0])
        found = [one.to_numpy(y), other.to_numpy(z)]
        close(np.concatenate(found, axis=1), whole, GRADIENTS, name)


@pytest.mark.parametrize("name", RECURRENT)
def test_the_state_of_no_sequences(dl, name):
    """An empty batch is a batch."""
    y, state = getattr(dl, name)(3, 5)(dl.tensor(np.zeros((0, 6, 3), np.float32)))
    assert y.shape == (0, 6, 5)
    parts = state if isinstance(state, tuple) else (state,)
    assert all(part.shape == (1, 0, 5) for part in parts)


def test_no_queries(dl):
    """A batch of nothing has an answer of nothing."""
    q, k = np.ones((0, 2, 4), np.float32), np.ones((0, 3, 4), np.float32)
    assert dl.attention(q, k, k).shape == (0, 2, 4)
    assert dl.attention_weights(q, k).shape == (0, 2, 3)
    assert dl.attention(q[:, :0], k, k).shape == (0, 0, 4)
    layer = dl.MultiHeadAttention(4, 2)
    assert layer(q).shape == layer(q, k).shape == (0, 2, 4)
    assert layer.weights(q, k).shape == (0, 2, 2, 3)
    assert dl.TransformerBlock(4, 2)(q).shape == (0, 2, 4)


@needs_mxnet
def test_scores_far_apart(mx):
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


def test_a_constant_vector_is_normalised_to_zero(dl):
    flat = dl.to_numpy(dl.LayerNorm(3)(np.full((2, 3), 7, np.float32)))
    np.testing.assert_array_equal(flat, np.zeros((2, 3)))


def test_one_hot_is_one_at_the_token(dl):
    for indices in (2, [0, 2, 1], np.array([[0, 1], [2, 2]])):
        a = dl.to_numpy(dl.one_hot(indices, 3))
        np.testing.assert_array_equal(a.argmax(-1), indices)
        assert a.shape == (*np.shape(indices), 3)


def test_gradients_add_up_within_one_loss(dl):
    """Rows that are looked up in two places."""
    embedding = dl.Embedding(7, 4, seed=0)
    u = normal(3, 4, 4)
    with dl.record():
        loss = (embedding([1, 2, 1, 5]) * dl.tensor(u)).sum()
        loss = loss + (embedding([1, 1, 6, 5]) * 2.0).sum()
    loss.backward()
    expected = np.zeros((7, 4), np.float32)
    for row, g in itertools.chain(
        zip([1, 2, 1, 5], u, strict=True), ((i, 2.0) for i in [1, 1, 6, 5])
    ):
        expected[row] += g
    close(embedding.gradients()["W"], expected, 1e-5)
