"""minibatches: every example once, pairs kept, errors before the first batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lib.data import minibatches


@given(
    n=st.integers(1, 50),
    batch_size=st.integers(1, 60),
    shuffle=st.booleans(),
    tail=st.sampled_from([(), (3,), (2, 2, 1)]),
)
def test_every_example_once_and_beside_its_target(n, batch_size, shuffle, tail):
    y = np.arange(n)
    x = np.broadcast_to(y.reshape(n, *[1] * len(tail)), (n, *tail)) * 2.0
    batches = list(minibatches(x, y, batch_size, shuffle=shuffle, seed=0))
    sizes = [len(batch_y) for _, batch_y in batches]
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    assert 1 <= sizes[-1] <= batch_size
    for batch_x, batch_y in batches:
        assert batch_x.shape == (len(batch_y), *tail)
        assert (batch_x.reshape(len(batch_y), -1) == 2 * batch_y[:, None]).all()
    seen = np.concatenate([batch_y for _, batch_y in batches])
    np.testing.assert_array_equal(np.sort(seen) if shuffle else seen, y)


def test_the_default_batch_has_about_a_hundred():
    sizes = [len(y) for _, y in minibatches(np.zeros((250, 2)), np.zeros(250))]
    assert sizes == [100, 100, 50]


def test_drop_last():
    y = np.arange(10)
    dropped = list(minibatches(y, y, 4, shuffle=False, drop_last=True))
    assert [batch.tolist() for batch, _ in dropped] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert len(list(minibatches(y, y, 5, drop_last=True))) == 2
    with pytest.raises(ValueError, match=r"drop all 10 .* batch_size=11"):
        minibatches(y, y, 11, drop_last=True)


def test_seeds():
    y = np.arange(100)

    def order(seed):
        return np.concatenate([b for _, b in minibatches(y, y, 7, seed=seed)]).tolist()

    assert order(3) == order(3)
    assert order(3) != order(4)
    assert order(None) != order(None)
    rng = np.random.default_rng(3)
    first, second = order(rng), order(rng)
    assert first == order(3)
    assert first != second
    # One permutation is drawn, whatever the size of the batches.
    expected = np.random.default_rng(3)
    expected.permutation(100)
    rng = np.random.default_rng(3)
    list(minibatches(y, y, 9, seed=rng))
    assert rng.random() == expected.random()


def test_unshuffled_batches_are_views_and_shuffled_ones_copies():
    x, y = np.zeros((10, 2)), np.zeros(10)
    for batch_x, batch_y in minibatches(x, y, 4, shuffle=False):
        assert np.shares_memory(batch_x, x)
        assert np.shares_memory(batch_y, y)
    for batch_x, _ in minibatches(x, y, 4):
        assert not np.shares_memory(batch_x, x)


def test_lists_are_welcome():
    (batch,) = minibatches([[1, 2], [3, 4]], [0, 1], shuffle=False)
    assert batch[0].tolist() == [[1, 2], [3, 4]]


# Each of these must be raised by the call itself: nothing is iterated here.
@pytest.mark.parametrize(
    ("x", "y", "options", "error", "message"),
    [
        (np.zeros((3, 2)), np.zeros(4), {}, ValueError, r"\(3, 2\).*\(4,\)"),
        (np.zeros((0, 2)), np.zeros(0), {}, ValueError, "at least one example"),
        (np.zeros(3), 1.0, {}, TypeError, "first axis"),
        (np.zeros(3), np.zeros(3), {"batch_size": 0}, ValueError, "batch_size"),
        (np.zeros(3), np.zeros(3), {"batch_size": -5}, ValueError, "batch_size"),
        (np.zeros(3), np.zeros(3), {"batch_size": 2.0}, TypeError, "batch_size"),
        (np.zeros(3), np.zeros(3), {"batch_size": True}, TypeError, "batch_size"),
        (np.zeros(3), np.zeros(3), {"seed": "no"}, TypeError, "no"),
    ],
)
def test_errors_come_at_the_call(x, y, options, error, message):
    with pytest.raises(error, match=message):
        minibatches(x, y, **options)
