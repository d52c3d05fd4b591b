"""Embeddings: a look-up is a product with one-hot vectors, forward and backward."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.gradcheck import check_gradients
from d2lib.scratch import Embedding, one_hot, record
from d2lib.scratch.embeddings import look_up

some = settings(deadline=None, max_examples=20)
seeds = st.integers(0, 2**32 - 1)


@some
@given(st.integers(1, 6), st.integers(1, 3), st.sampled_from([(), (5,), (2, 4)]), seeds)
def test_gradients(tokens, units, shape, seed):
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, tokens, shape)
    W = rng.normal(size=(tokens, units))
    check_gradients(lambda W: look_up(W, indices), W)


@some
@given(st.integers(1, 6), st.sampled_from([(3,), (2, 4), (0, 2)]), seeds)
def test_a_look_up_is_a_product_with_one_hot_vectors(tokens, shape, seed):
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, tokens, shape)
    embedding = Embedding(tokens, 4, seed=0)
    u = rng.normal(size=(*shape, 4)).astype(np.float32)
    with record():
        y = embedding(indices)
    y.backward(u)
    vectors = one_hot(indices, tokens).data
    np.testing.assert_allclose(y.data, vectors @ embedding.W.data, rtol=1e-6)
    expected = vectors.reshape(-1, tokens).T @ u.reshape(-1, 4)
    np.testing.assert_allclose(embedding.W.grad, expected, rtol=1e-5, atol=1e-6)


def test_one_hot():
    assert one_hot(1, 3).data.tolist() == [0, 1, 0]
    rows = one_hot([[0, 2], [1, 1]], 3)
    assert rows.shape == (2, 2, 3)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows.data.sum(axis=-1), 1)
    np.testing.assert_array_equal(rows.data.argmax(axis=-1), [[0, 2], [1, 1]])


def test_only_what_was_looked_up_gets_a_gradient():
    embedding = Embedding(1000, 3, seed=0)
    (embedding([5, 7, 5]) ** 2).sum().backward()
    assert set(np.flatnonzero(embedding.W.grad.any(axis=1))) == {5, 7}
    (embedding([9]) ** 2).sum().backward()  # added to what is there
    assert set(np.flatnonzero(embedding.W.grad.any(axis=1))) == {5, 7, 9}
