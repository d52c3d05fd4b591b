"""The checks that both twins share: what passes, what the message says."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib import _checks as checks

some = settings(deadline=None, max_examples=50)


class TestAsFloatArray:
    def test_float32_unless_asked(self):
        assert checks.as_float_array([1, 2]).dtype == np.float32
        assert checks.as_float_array(np.ones(2)).dtype == np.float32
        assert checks.as_float_array(1, np.float64).dtype == np.float64

    def test_no_copy_where_none_is_needed(self):
        x = np.ones(3, np.float32)
        assert checks.as_float_array(x) is x

    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            (np.arange(3), r"dtype int64 and shape \(3,\): .*x\.astype"),
            (np.array([None]), r"dtype object and shape \(1,\): .*nothing but numbers"),
            ("a", "got 'a': .*must be numbered"),
            ([None], r"got \[None\]: .*nothing but numbers"),
        ],
    )
    def test_names_what_came_in_and_a_mend_that_fits(self, bad, words):
        with pytest.raises(TypeError, match=f"x must hold.*{words}"):
            checks.as_float_array(bad, name="x")

    def test_a_long_ragged_list_is_shortened_in_the_message(self):
        with pytest.raises(ValueError, match=r"\.\.\.: give every row") as caught:
            checks.as_float_array([[0] * 100, [0]])
        assert len(str(caught.value)) < 200


class TestImages:
    @pytest.mark.parametrize(
        ("shape", "mend"),
        [
            ((32, 28, 28, 1), r"x\.transpose\(0, 3, 1, 2\)"),
            ((32, 28, 28), r"x\[:, None\]"),
            ((28, 28), r"x\[None, None\]"),
            ((32, 784), r"x\.reshape\(-1, 1, 28, 28\)"),
            ((64, 48), r"x\[None, None\]"),
        ],
    )
    def test_the_mend_makes_images_of_what_came_in(self, shape, mend):
        with pytest.raises(ValueError, match=f"Conv2D expects x of shape.*{mend}$"):
            checks.check_images(shape, 1, "Conv2D")
        x = np.zeros(shape)
        better = eval(mend.replace("\\", ""), {"x": x})
        checks.check_images(better.shape, 1, "Conv2D")


class TestNumbers:
    @pytest.mark.parametrize(
        ("check", "good", "bad", "rule"),
        [
            (checks.check_positive, [1, 0.5, np.float32(2)], [0, -1], "> 0"),
            (checks.check_non_negative, [0, 1.5, np.int64(3)], [-1e-9], ">= 0"),
            (checks.check_probability, [0, 0.5, 0.999], [-0.1, 1, 1.5], r"in \[0, 1\)"),
        ],
    )
    def test_ranges(self, check, good, bad, rule):
        for value in good:
            result = check(value, "lr")
            assert result == value
            assert type(result) is float
        for value in [*bad, float("nan"), float("inf"), -float("inf")]:
            with pytest.raises(ValueError, match=f"lr must.*{rule}, got") as caught:
                check(value, "lr")
            assert repr(value) in str(caught.value)
        for value in ("1", None, [1], True, np.True_, 1j, np.ones(1)):
            with pytest.raises(TypeError, match="lr must be a number, got"):
                check(value, "lr")

    @pytest.mark.parametrize(
        ("check", "least"), [(checks.check_positive_int, 1), (checks.check_seed, 0)]
    )
    def test_whole_numbers(self, check, least):
        def call(value):
            return check(value, "seed") if least else check(value)

        for value in (least, 7, np.int64(3), np.uint8(4)):
            assert call(value) == value
            assert type(call(value)) is int
        with pytest.raises(
            ValueError, match=f"seed must .* >= {least}, got {least - 1}"
        ):
            call(least - 1)
        for value in (1.0, "1", None, True, np.False_):
            with pytest.raises(TypeError, match=f"seed must .* >= {least}, got"):
                call(value)

    def test_choice(self):
        checks.check_choice("a", ["a", None], "scheme")
        checks.check_choice(None, ["a", None], "scheme")
        for bad in ("b", 0, False, ["a"]):
            with pytest.raises(
                ValueError, match=r"scheme must be one of 'a', None, got"
            ):
                checks.check_choice(bad, ["a", None], "scheme")


class TestShapes:
    def test_same_shape(self):
        checks.check_same_shape((2, 3), (2, 3), "mse")
        with pytest.raises(ValueError, match=r"y_hat \(4, 1\) and y \(4,\): reshape y"):
            checks.check_same_shape((4, 1), (4,), "mse")
        with pytest.raises(ValueError, match=r"mse needs.*y \(5,\)$"):
            checks.check_same_shape((4,), (5,), "mse")

    def test_batch(self):
        checks.check_batch((1, 2), "mse")
        checks.check_batch((), "mse")
        with pytest.raises(ValueError, match=r"empty batch of shape \(0, 3\)"):
            checks.check_batch((0, 3), "mse")

    @pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int32])
    def test_labels(self, dtype):
        y = np.array([0, 2], dtype)
        np.testing.assert_array_equal(checks.check_labels(y, (2, 3)), y)
        assert checks.check_labels([1, 0], (2, 3)).tolist() == [1, 0]

    @pytest.mark.parametrize(
        ("y", "shape", "error", "message"),
        [
            ([0, 3], (2, 3), ValueError, r"\[0, 3\).*got 3 \(1 of 2"),
            ([-1, 5], (2, 3), ValueError, r"got -1 \(2 of 2"),
            ([0.0, 1.0], (2, 3), TypeError, r"dtype float64.*astype\('int64'\)"),
            ([True, False], (2, 3), TypeError, "dtype bool"),
            ([[0, 1, 0]], (1, 3), ValueError, r"one-hot.*argmax"),
            ([0, 1, 2], (2, 3), ValueError, r"y_hat \(2, 3\) and y \(3,\)"),
            (0, (), ValueError, r"y_hat \(\)"),
        ],
    )
    def test_labels_that_do_not_fit(self, y, shape, error, message):
        with pytest.raises(error, match=message):
            checks.check_labels(np.array(y), shape)


class TestValues:
    def test_unit_interval(self):
        checks.check_unit_interval(np.array([0.0, 1.0]), "y")
        checks.check_unit_interval(np.array([]), "y")
        with pytest.raises(ValueError, match=r"y must lie in.* from -0\.5 to 2$"):
            checks.check_unit_interval(np.array([-0.5, 2.0]), "y")
        with pytest.raises(
            ValueError, match="these are logits, for binary_cross_entropy_with_logits"
        ):
            checks.check_unit_interval(np.array([2.0]), "y_hat")
        with pytest.raises(ValueError, match="nan"):
            checks.check_unit_interval(np.array([0.5, np.nan]), "y")

    @some
    @given(
        st.integers(1, 40),
        st.lists(st.sampled_from([np.nan, np.inf, -np.inf]), max_size=4),
        st.integers(0, 2**32 - 1),
        st.sampled_from([np.float32, np.float64]),
    )
    def test_finite_names_the_first_and_counts(self, n, bad, seed, dtype):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(n + len(bad), 1)).astype(dtype)
        places = np.sort(rng.permutation(len(values))[: len(bad)])
        values[places, 0] = bad
        if not bad:
            checks.check_finite(values, "x")
            return
        with pytest.raises(ValueError, match="x must be finite") as caught:
            checks.check_finite(values, "x")
        text = str(caught.value)
        assert f"got {len(bad)} NaN or infinite values of {values.size}" in text
        assert f"index ({places[0]}, 0)" in text

    def test_finite_but_huge_passes_without_a_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            checks.check_finite(np.full(10, 1.7e308), "x")
            checks.check_finite(np.full(10, 3e38, np.float32), "x")
            checks.check_finite(np.arange(3), "x")

    def test_state(self):
        expected = {"W": (2, 3), "b": (3,)}
        good = {"W": np.ones((2, 3)), "b": np.zeros(3, int)}
        checks.check_state(good, expected, "Dense")
        for spoil, error, message in (
            ({"W": np.ones((3, 2))}, ValueError, r"W must have shape \(2, 3\)"),
            ({"x": np.ones(1)}, ValueError, r"missing nothing, unexpected \['x'\]"),
            (
                {"b": np.array(["a"] * 3)},
                TypeError,
                "b must hold numbers, got dtype <U1",
            ),
            ({"b": np.array([None] * 3)}, TypeError, "got dtype object"),
        ):
            with pytest.raises(error, match=message):
                checks.check_state({**good, **spoil}, expected, "Dense")
        with pytest.raises(ValueError, match=r"missing \['b'\].*same arguments"):
            checks.check_state({"W": good["W"]}, expected, "Dense")
