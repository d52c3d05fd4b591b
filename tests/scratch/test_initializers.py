"""Initialisers: each scheme's own law, and the seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.scratch import initialize
from d2lib.shared.weights import SCHEMES

some = settings(deadline=None, max_examples=25)
sizes = st.integers(1, 12)


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

    def test_the_global_state_is_not_touched(self):
        before = np.random.get_state()[1].copy()  # noqa: NPY002 (that is the question)
        initialize((3, 4), "he")
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002

    def test_one_axis_counts_as_one_unit(self):
        assert np.abs(initialize((5,), "xavier", 0)).max() <= 1.0

    @pytest.mark.parametrize("shape", [(0, 3), (3, 0), (-1, 2)])
    def test_an_empty_shape(self, shape):
        with pytest.raises(ValueError, match="length >= 1"):
            initialize(shape)

    @pytest.mark.parametrize("scheme", ["identity", "orthogonal"])
    def test_a_matrix_scheme_for_a_vector(self, scheme):
        with pytest.raises(ValueError, match=r"needs a shape \(inputs, units\)"):
            initialize((3,), scheme)
