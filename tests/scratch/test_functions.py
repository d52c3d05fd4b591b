"""The derivatives of functions against finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from d2lib import scratch
from d2lib.gradcheck import check_gradients

some = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(st.integers(1, 3), max_size=3).map(tuple)
pairs = mutually_broadcastable_shapes(
    num_shapes=2, max_dims=3, min_side=1, max_side=3
).map(lambda both: both.input_shapes)


def apart(seed, shape, first=0.0):
    """Numbers of which no two are equal, and none is near 0 or 1."""
    n = int(np.prod(shape))
    order = np.random.default_rng(seed).permutation(n).reshape(shape)
    return (order - n // 2) * 0.2 + 0.05 + first


@some
@given(shapes, seeds)
def test_elementwise(shape, seed):
    x = apart(seed, shape)
    check_gradients(scratch.abs, x, seed=seed)
    check_gradients(abs, x, seed=seed)
    check_gradients(scratch.sqrt, np.abs(x) + 0.1, seed=seed)
    check_gradients(lambda x: scratch.clip(x, -0.5, 0.5), x, seed=seed)
    check_gradients(lambda x: scratch.clip(x, None, 0.1), x, seed=seed)


@some
@given(pairs, seeds)
def test_of_two(shapes, seed):
    x, y = apart(seed, shapes[0]), apart(seed + 1, shapes[1], 0.07)
    for f in (scratch.maximum, scratch.minimum):
        check_gradients(f, x, y, seed=seed)
    holds = np.random.default_rng(seed).random(np.broadcast_shapes(*shapes)) > 0.5
    check_gradients(lambda x, y: scratch.where(holds, x, y), x, y, seed=seed)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_joining(axis):
    x, y = np.random.default_rng(0).normal(size=(2, 2, 3, 4))
    check_gradients(lambda x, y: scratch.concatenate([x, y, x], axis), x, y)
    check_gradients(lambda x, y: scratch.stack([x, y, x], axis), x, y)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_smallest_values(axis):
    x = apart(0, (2, 3, 4))
    for keepdims in (False, True):
        check_gradients(lambda x, k=keepdims: x.min(axis, k), x)


def test_a_planted_error_is_found():
    def wrong(x):
        return scratch.abs(x) + (x - x.detach()) * 0.01

    with pytest.raises(AssertionError, match="finite differences"):
        check_gradients(wrong, np.array([1.0, -2.0]))
