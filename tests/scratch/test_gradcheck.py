"""The checker checked: planted mistakes of 0.05 % must not pass."""

import numpy as np
import pytest

from d2lib import scratch
from d2lib.gradcheck import check_gradients
from d2lib.scratch.layers import linear
from d2lib.scratch.tensor import as_tensor, node


def spoiled(f, element, factor=1.0005, operand=0):
    """Returns f with one element of one of its derivatives made wrong."""

    def wrong(*inputs):
        out = f(*inputs)
        inner = out._backward
        if inner is None:
            return out

        def backward(g):
            parts = [None if p is None else np.array(p) for p in inner(g)]
            parts[operand][element] *= factor
            return tuple(parts)

        out._backward = backward
        return out

    return wrong


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape)


class TestPlantedErrors:
    def test_in_one_element_of_an_elementwise_operation(self):
        x = normal(3, 4)
        check_gradients(scratch.tanh, x)
        with pytest.raises(AssertionError, match=r"input 0, element \(2, 1\)"):
            check_gradients(spoiled(scratch.tanh, (2, 1)), x)

    @pytest.mark.parametrize("operand", [0, 1, 2])
    def test_in_a_fused_layer(self, operand):
        inputs = normal(4, 3), normal(3, 2), normal(2)
        element = (1,) if operand == 2 else (1, 1)
        check_gradients(linear, *inputs)
        wrong = spoiled(linear, element, operand=operand)
        with pytest.raises(AssertionError, match=f"input {operand}, element") as e:
            check_gradients(wrong, *inputs)
        assert str(element) in str(e.value)

    @pytest.mark.parametrize("n", [5, 500])
    def test_in_a_fused_loss_however_small_its_derivatives(self, n):
        """The mean over many examples divides every derivative by their number."""
        z = normal(n, 3)
        y = np.arange(n) % 3

        def loss(z):
            return scratch.cross_entropy(z, y)

        check_gradients(loss, z)
        with pytest.raises(AssertionError, match=r"element \(4, 2\)"):
            check_gradients(spoiled(loss, (4, 2)), z)

    def test_a_wrong_sign_and_a_missing_term(self):
        def missing(x):
            x = as_tensor(x)
            return node("square", x.data**2, (x,), lambda g: (g * x.data,))

        with pytest.raises(AssertionError, match="backward gives"):
            check_gradients(missing, normal(2))
        with pytest.raises(AssertionError, match="backward gives"):
            check_gradients(spoiled(scratch.exp, (0,), -1.0), normal(2))

    def test_a_gradient_that_only_sums_up_right(self):
        """Ones upstream would hide this; random weights do not."""

        def turned(x):
            return node("+", x.data * 1.0, (x,), lambda g: (g[::-1],))

        with pytest.raises(AssertionError):
            check_gradients(turned, normal(2))

    def test_nan(self):
        with pytest.raises(AssertionError, match=r"element \(1,\): backward gives nan"):
            check_gradients(spoiled(scratch.tanh, (1,), np.nan), normal(3))

    def test_a_gradient_that_never_arrives(self):
        with pytest.raises(AssertionError, match="backward gives 0"):
            check_gradients(lambda x: x * 1.0 + x.detach(), normal(3))

    def test_one_missing_altogether(self):
        with pytest.raises(AssertionError, match="input 1"):
            check_gradients(lambda x, y: x * y.detach(), normal(3), normal(3))

    def test_a_function_that_leaves_float64(self):
        with pytest.raises(AssertionError, match="float64 into float32"):
            check_gradients(
                lambda x: node("cast", x.data.astype(np.float32), (x,), lambda g: (g,)),
                normal(2),
            )


class TestItself:
    def test_the_inputs_are_left_as_they_were(self):
        x = normal(2, 2)
        before = x.copy()
        check_gradients(lambda x: x**3, x)
        np.testing.assert_array_equal(x, before)

    def test_a_constant_has_a_zero_gradient(self):
        check_gradients(lambda x, y: x + y * 0.0, normal(2), normal(2))

    def test_no_elements(self):
        check_gradients(lambda x: x * 2.0, np.zeros((0, 3)))

    def test_the_message_tells_both_numbers(self):
        with pytest.raises(AssertionError) as caught:
            check_gradients(spoiled(lambda x: x * 2.0, (), 1.5), np.array(1.0))
        u = np.random.default_rng(0).normal()
        assert f"backward gives {3 * u:.10g}" in str(caught.value)
        assert "finite differences give" in str(caught.value)
