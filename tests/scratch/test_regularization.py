"""Dropout: when it drops, how much, and what it leaves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.scratch import MLP, Dropout, no_grad, record, tensor

some = settings(deadline=None, max_examples=20)


class TestWhenItDrops:
    def test_only_inside_record_and_in_training_mode(self):
        dropout = Dropout(0.5, seed=0)
        x = np.ones(200, np.float32)

        def dropped():
            return bool((dropout(x).data == 0).any())

        with no_grad():
            assert not dropped()
        with record():
            assert dropped()
            with no_grad():
                assert not dropped()
        dropout.eval()
        with record():
            assert not dropped()
        dropout.train()
        with record():
            assert dropped()

    def test_p_0_is_the_identity(self):
        x = tensor([1.0, 2.0])
        with record():
            assert Dropout(0.0)(x) is x


class TestWhatItLeaves:
    @some
    @given(st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 2**32 - 1))
    def test_zero_or_scaled_up(self, p, seed):
        with record():
            y = Dropout(p, seed)(np.full((50, 40), 3.0, np.float32)).data
        left = y[y != 0]
        np.testing.assert_allclose(left, 3 / (1 - p), rtol=1e-6)
        # 2000 draws: the share is within five standard deviations
        assert abs(len(left) / y.size - (1 - p)) < 5 * np.sqrt(p * (1 - p) / y.size)

    def test_the_expected_value_stays(self):
        with record():
            y = Dropout(0.5, seed=0)(np.ones((400, 400), np.float32)).data
        assert y.mean() == pytest.approx(1, abs=0.01)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(), (3, 2)])
    def test_dtype(self, dtype, shape):
        with record():
            assert Dropout(0.5)(tensor(np.ones(shape), dtype)).dtype == dtype


class TestSeeds:
    def test_a_seed_repeats_and_calls_differ(self):
        x = np.ones(100, np.float32)
        with record():
            a, b = Dropout(0.5, seed=1), Dropout(0.5, seed=1)
            first = a(x).data
            np.testing.assert_array_equal(first, b(x).data)
            assert not np.array_equal(first, a(x).data)
            a.seed(1)
            np.testing.assert_array_equal(first, a(x).data)

    def test_seeding_a_network_reaches_every_layer(self):
        network = MLP([5, 50, 50, 2], dropout=0.5, seed=0)
        x = np.ones((4, 5), np.float32)
        with record():
            network.seed([0, 3])
            first = network(x).data
            assert not np.array_equal(first, network(x).data)
            network.seed([0, 3])
            np.testing.assert_array_equal(first, network(x).data)

    def test_two_layers_drop_different_units(self):
        network = MLP([5, 50, 50, 2], dropout=0.5, seed=0)
        x = np.ones((1, 50), np.float32)
        with record():
            assert not np.array_equal(network[1](x).data, network[3](x).data)


class TestErrors:
    @pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, float("nan")])
    def test_p_out_of_range(self, p):
        with pytest.raises(ValueError, match=r"p must lie in \[0, 1\), got"):
            Dropout(p)

    @pytest.mark.parametrize("p", ["0.5", None, True])
    def test_p_is_no_number(self, p):
        with pytest.raises(TypeError, match="p must be a number"):
            Dropout(p)
