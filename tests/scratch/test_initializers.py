"""Initialisers: each scheme's own law, and the seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.scratch import initialize
from d2lib.shared.weights import SCHEMES, fans

some = settings(deadline=None, max_examples=25)
sizes = st.integers(1, 12)
DRAWN = [  # by seed 0: normal, xavier, he and orthogonal
    [
        0.001257302239537239,
        -0.0013210485922172666,
        0.006404226645827293,
        0.0010490011190995574,
    ],
    [0.3354862630367279, -0.5639050602912903, -1.1243805885314941, -1.184260606765747],
    [0.1257302165031433, -0.13210485875606537, 0.6404226422309875, 0.10490011423826218],
    [0.1926463395357132, -0.9812682271003723, 0.9812682271003723, 0.1926463395357132],
]


class TestSchemes:
    def test_zeros_and_identity(self):
        np.testing.assert_array_equal(initialize((2, 3), "zeros"), np.zeros((2, 3)))
        np.testing.assert_array_equal(initialize((2, 3), "identity"), np.eye(2, 3))

    def test_xavier_fills_its_interval_evenly(self):
        """Glorot & Bengio, 2010, eq. 16: U(-a, a), a = sqrt(6 / (in + out))."""
        a = np.sqrt(6 / (300 + 200))
        values = initialize((300, 200), "xavier", seed=0)
        assert np.abs(values).max() <= a * (1 + 1e-6)
        assert values.var() == pytest.approx(a * a / 3, rel=0.02)
        assert values.mean() == pytest.approx(0, abs=0.01 * a)

    def test_he_has_twice_the_variance_per_input(self):
        """He et al., 2015, eq. 10: variance 2 / in, whatever the number of units."""
        for units in (10, 400):
            values = initialize((400, units), "he", seed=0)
            assert values.std() == pytest.approx(np.sqrt(2 / 400), rel=0.03)

    def test_normal(self):
        assert initialize((300, 300), "normal", seed=0).std() == pytest.approx(
            0.01, rel=0.02
        )

    @some
    @given(sizes, sizes, st.integers(0, 2**32 - 1))
    def test_orthogonal_keeps_lengths(self, n, m, seed):
        Q = initialize((n, m), "orthogonal", seed, np.float64)
        gram = Q.T @ Q if n >= m else Q @ Q.T
        np.testing.assert_allclose(gram, np.eye(min(n, m)), atol=1e-12)

    def test_orthogonal_is_not_always_the_same_half_of_the_rotations(self):
        """Without the signs, QR would give Q's diagonal a preferred sign."""
        signs = [
            np.sign(initialize((1, 1), "orthogonal", seed)).item() for seed in range(40)
        ]
        assert 8 < signs.count(1.0) < 32

    def test_signals_keep_their_size_through_twenty_layers(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(200, 128)).astype(np.float32)
        relu_x = x
        for _ in range(20):
            relu_x = np.maximum(relu_x @ initialize((128, 128), "he", rng), 0)
        assert 0.1 < np.square(relu_x).mean() / np.square(x).mean() < 10


class TestKernels:
    """Of a convolution: (out, in, height, width), or (out, in, length)."""

    SHAPES = ((8, 3, 5, 5), (16, 4, 3), (6, 2, 3, 1, 2), (4, 4, 1, 1))

    @pytest.mark.parametrize("shape", SHAPES)
    def test_fans_are_what_their_definition_counts(self, shape):
        """The products that an output sums; the outputs that an input goes to."""
        out, inputs, *size = shape
        axes = len(size)
        image = np.zeros((inputs, *[3 * n for n in size]), bool)
        places = np.lib.stride_tricks.sliding_window_view(
            image, size, axis=tuple(range(1, axes + 1))
        )
        window = places[(slice(None), *[0] * axes)]  # what one output sees
        fan_in = window.size
        image[(0, *[n + n // 2 for n in size])] = True  # one input, inside
        fan_out = int(places[0].sum()) * out
        assert fans(shape) == (fan_in, fan_out)

    def test_golden_fans(self):
        """LeCun et al., 1998: C1 has 25 inputs; He et al., 2015: n = k² c."""
        assert fans((6, 1, 5, 5)) == (25, 150)
        assert fans((64, 3, 7, 7)) == (147, 3136)
        assert fans((16, 4, 3)) == (12, 48)
        assert fans((784, 256)) == (784, 256)
        assert (fans((5,)), fans(())) == ((5, 1), (1, 1))

    @pytest.mark.parametrize("shape", [(64, 32, 5, 5), (256, 128, 3)])
    def test_variances(self, shape):
        fan_in, fan_out = fans(shape)
        he = initialize(shape, "he", seed=0)
        assert he.var() == pytest.approx(2 / fan_in, rel=0.03)
        xavier = initialize(shape, "xavier", seed=0)
        assert xavier.var() == pytest.approx(2 / (fan_in + fan_out), rel=0.03)
        assert initialize(shape, "normal", seed=0).std() == pytest.approx(
            0.01, rel=0.03
        )

    @pytest.mark.parametrize("shape", SHAPES)
    def test_orthogonal_kernels(self, shape):
        K = initialize(shape, "orthogonal", 0, np.float64).reshape(shape[0], -1)
        gram = K @ K.T if len(K) <= K.shape[1] else K.T @ K
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)

    def test_signals_keep_their_size_through_convolutions(self):
        x = np.random.default_rng(0).normal(size=(64, 200))  # 64 channels
        energy = np.square(x).mean()
        for layer in range(10):
            K = initialize((64, 64, 9), "he", layer, np.float64)
            windows = np.lib.stride_tricks.sliding_window_view(x, 9, axis=1)
            x = np.maximum(np.einsum("oik,iwk->ow", K, windows), 0)
        assert 0.1 < np.square(x).mean() / energy < 10

    def test_no_identity(self):
        with pytest.raises(ValueError, match=r"needs a shape \(inputs, units\)"):
            initialize((3, 3, 3), "identity")


class TestContract:
    @some
    @given(st.sampled_from(SCHEMES), sizes, sizes, st.sampled_from(["f4", "f8"]))
    def test_shape_and_dtype(self, scheme, n, m, dtype):
        values = initialize((n, m), scheme, 0, dtype)
        assert (values.shape, values.dtype) == ((n, m), np.dtype(dtype))
        assert np.isfinite(values).all()

    def test_one_seed_one_matrix_and_a_generator_goes_on(self):
        for scheme in ("normal", "xavier", "he", "orthogonal"):
            first = initialize((3, 4), scheme, seed=7)
            np.testing.assert_array_equal(first, initialize((3, 4), scheme, seed=7))
            assert not np.array_equal(first, initialize((3, 4), scheme, seed=8))
            rng = np.random.default_rng(7)
            np.testing.assert_array_equal(first, initialize((3, 4), scheme, rng))
            assert not np.array_equal(first, initialize((3, 4), scheme, rng))

    def test_the_draws_of_dense_layers_stay(self):
        """Pages depend on them."""
        drawn = [
            initialize((2, 2), scheme, seed=0).ravel().tolist()
            for scheme in ("normal", "xavier", "he", "orthogonal")
        ]
        np.testing.assert_array_equal(np.float32(drawn[:3]), np.float32(DRAWN[:3]))
        np.testing.assert_allclose(drawn[3], DRAWN[3], rtol=1e-6)  # LAPACK's digits

    def test_the_global_state_is_not_touched(self):
        before = np.random.get_state()[1].copy()  # noqa: NPY002 (that is the question)
        initialize((3, 4), "he")
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002

    def test_one_axis_counts_as_one_unit(self):
        assert np.abs(initialize((5,), "xavier", 0)).max() <= 1.0

    @pytest.mark.parametrize("shape", [(0, 3), (3, 0), (-1, 2)])
    def test_an_empty_shape(self, shape):
        with pytest.raises(ValueError, match=r"each axis of shape.* number >= 1"):
            initialize(shape)

    @pytest.mark.parametrize("scheme", ["identity", "orthogonal"])
    def test_a_matrix_scheme_for_a_vector(self, scheme):
        with pytest.raises(ValueError, match=r"needs a shape \(inputs, units\)"):
            initialize((3,), scheme)
