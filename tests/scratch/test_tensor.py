"""Tensor as an array: construction, dtypes, operators, errors, memory."""

import gc
import weakref

import numpy as np
import pytest

from d2lib import scratch
from d2lib.scratch import Tensor, no_grad, record, tensor, to_numpy
from d2lib.scratch.tensor import unbroadcast


class TestConstruction:
    @pytest.mark.parametrize(
        "data", [3, 3.0, [1, 2], [[1.0], [2.0]], (1, 2.5), np.ones(3), np.float64(2.0)]
    )
    def test_numbers_lists_and_float_arrays_become_float32(self, data):
        made = tensor(data)
        assert made.dtype == np.float32
        np.testing.assert_array_equal(made.data, np.asarray(data, np.float32))

    def test_dtype_is_kept_when_asked_for(self):
        assert tensor([1.0], dtype=np.float64).dtype == np.float64
        assert tensor([1.0], dtype="float64").dtype == np.float64

    @pytest.mark.parametrize(
        "data",
        [
            np.arange(3),
            np.ones(3, bool),
            np.ones(3, np.uint8),
            np.array([None]),
            np.array(["a"]),
            "a",
            None,
            [1, None],
            {"a": 1},
            np.ones(2, complex),
        ],
    )
    def test_what_is_no_float_is_refused(self, data):
        with pytest.raises(TypeError, match=r"must hold floating-point numbers, got"):
            tensor(data)

    def test_a_ragged_list_is_refused(self):
        with pytest.raises(ValueError, match=r"rectangular.*\[\[1, 2\], \[3\]\]"):
            tensor([[1, 2], [3]])

    @pytest.mark.parametrize("dtype", [np.int64, bool, complex, object])
    def test_a_dtype_without_derivatives_is_refused(self, dtype):
        with pytest.raises(TypeError, match="floating dtype"):
            tensor([1.0], dtype=dtype)

    def test_a_parameter_owns_its_values(self):
        array = np.ones(3, np.float32)
        parameter = tensor(array, requires_grad=True)
        parameter.data[0] = 5
        assert array[0] == 1

    def test_attributes(self):
        made = tensor(np.zeros((2, 3)))
        assert (made.shape, made.ndim, made.size, len(made)) == ((2, 3), 2, 6, 2)
        assert made.grad is None
        assert made.requires_grad is False
        assert repr(tensor([1.0, 2.0])) == "tensor([1., 2.], dtype=float32)"
        assert float(tensor([2.5])) == tensor(2.5).item() == 2.5

    def test_asnumpy_is_a_copy_and_to_numpy_takes_anything(self):
        x = tensor([1.0, 2.0])
        x.asnumpy()[0] = 9
        assert x.data[0] == 1
        np.testing.assert_array_equal(to_numpy(x), [1, 2])
        np.testing.assert_array_equal(to_numpy([1, 2]), [1, 2])

    def test_detach_cuts_the_history(self):
        x = tensor([2.0], requires_grad=True)
        assert (x * x).detach().requires_grad is False

    def test_rows_can_be_iterated(self):
        rows = list(tensor([[1.0, 2.0], [3.0, 4.0]]))
        np.testing.assert_array_equal(rows[1].data, [3, 4])


class TestOperators:
    def test_reflected_operators_keep_their_order(self):
        x = tensor([2.0, 4.0])
        np.testing.assert_array_equal((1 + x).data, [3, 5])
        np.testing.assert_array_equal((1 - x).data, [-1, -3])
        np.testing.assert_array_equal((3 * x).data, [6, 12])
        np.testing.assert_array_equal((8 / x).data, [4, 2])
        row = np.array([[1.0, 2.0]], np.float32)
        np.testing.assert_array_equal((row @ x).data, [10])

    def test_numpy_leaves_the_operation_to_the_tensor(self):
        array = np.array([1.0, 2.0], np.float32)
        x = tensor([3.0, 4.0], requires_grad=True)
        for result in (array + x, array - x, array * x, array / x):
            assert isinstance(result, Tensor)
            assert result.requires_grad

    @pytest.mark.parametrize("exponent", [[1.0], np.ones(2), "2", tensor(2.0), 2j])
    def test_only_a_number_is_an_exponent(self, exponent):
        with pytest.raises(TypeError, match="needs a number n, got"):
            tensor([1.0, 2.0]) ** exponent

    @pytest.mark.parametrize(
        "shapes", [((2, 3), (2, 3)), ((3,), (2,)), ((), (2,)), ((2,), ())]
    )
    def test_matmul_names_both_shapes(self, shapes):
        x, y = (tensor(np.ones(shape)) for shape in shapes)
        with pytest.raises(ValueError, match="needs the last axis of x") as caught:
            x @ y
        assert f"{shapes[0]} @ {shapes[1]}" in str(caught.value)

    def test_a_tensor_is_no_index(self):
        with pytest.raises(TypeError, match="integer NumPy array"):
            tensor([1.0, 2.0])[tensor(0.0)]

    def test_the_mean_of_nothing(self):
        with pytest.raises(ValueError, match="empty batch"):
            tensor(np.zeros((0, 3))).mean()


OPERATIONS = {
    "+": lambda x: x + 1.5,
    "r+": lambda x: 1 + x,
    "-": lambda x: x - 2,
    "r-": lambda x: 1 - x,
    "*": lambda x: x * 0.5,
    "/": lambda x: x / 3,
    "r/": lambda x: 3 / x,
    "**": lambda x: x**2,
    "**1.5": lambda x: x**1.5,
    "neg": lambda x: -x,
    "sum": lambda x: x.sum(),
    "mean": lambda x: x.mean(),
    "max": lambda x: x.max(),
    "reshape": lambda x: x.reshape(-1),
    "transpose": lambda x: x.T,
    "exp": scratch.exp,
    "log": scratch.log,
    "sigmoid": scratch.sigmoid,
    "tanh": scratch.tanh,
    "relu": scratch.relu,
    "mse": lambda x: scratch.mse(x, np.zeros(x.shape)),
    "mse none": lambda x: scratch.mse(x, np.zeros(x.shape), reduction="none"),
    "bce p": lambda x: scratch.binary_cross_entropy(x, np.ones(x.shape)),
    "bce z": lambda x: scratch.binary_cross_entropy_with_logits(x, np.ones(x.shape)),
}


def dtypes_of_all_gradients(result):
    """Runs backward and returns the dtype of every gradient that flowed."""
    seen = []
    for made in result._history():
        inner = made._backward

        def spy(g, inner=inner):
            seen.append(g.dtype)
            return inner(g)

        made._backward = spy
    result.backward()
    return seen


class TestDtype:
    """NumPy before 2 turns a 0-d float32 and a Python number into float64."""

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(), (1,), (2, 2)])
    @pytest.mark.parametrize("name", OPERATIONS)
    def test_every_operation_keeps_it(self, name, shape, dtype):
        x = Tensor(np.full(shape, 0.7), dtype, requires_grad=True)
        y = OPERATIONS[name](x + 0.0)
        assert isinstance(y.data, np.ndarray)
        assert y.dtype == dtype
        flowed = dtypes_of_all_gradients((y * 2.0).sum())
        assert set(flowed) == {np.dtype(dtype)}
        assert x.grad.dtype == dtype
        assert x.grad.shape == shape

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_softmax_cross_entropy_and_matmul(self, dtype):
        x = Tensor([[0.1, 0.2]], dtype, requires_grad=True)
        W = Tensor([[0.1, 0.2], [0.3, 0.4]], dtype, requires_grad=True)
        assert scratch.softmax(x).dtype == dtype
        loss = scratch.cross_entropy(x @ W, [1])
        loss.backward()
        assert loss.dtype == x.grad.dtype == W.grad.dtype == dtype
        assert (x[0] @ W[0]).dtype == dtype

    def test_a_layer_in_float32_stays_there_with_float64_data(self):
        layer = scratch.Dense(2, 3, "tanh", seed=0)
        assert layer(np.ones((4, 2), np.float64)).dtype == np.float32


class TestUnbroadcast:
    @pytest.mark.parametrize(
        ("shape", "wide"),
        [
            ((), (2, 3)),
            ((1,), (2, 3)),
            ((3,), (2, 3)),
            ((2, 1), (2, 3)),
            ((1, 1), (2, 3)),
            ((2, 3), (2, 3)),
            ((4, 1, 3), (4, 2, 3)),
            ((1, 3), (0, 3)),
        ],
    )
    def test_sums_over_the_uses(self, shape, wide):
        g = np.arange(np.prod(wide), dtype=float).reshape(wide)
        summed = unbroadcast(g, shape)
        assert summed.shape == shape
        # <unbroadcast(g), v> = <g, broadcast(v)>: the definition of the adjoint.
        v = np.random.default_rng(0).normal(size=shape)
        np.testing.assert_allclose((summed * v).sum(), (g * v).sum())


class TestModes:
    def test_no_grad_records_nothing(self):
        x = tensor([1.0], requires_grad=True)
        with no_grad():
            y = x * 2
        assert not y.requires_grad
        assert y._parents == ()
        with pytest.raises(ValueError, match="none was recorded"):
            y.backward()

    def test_modes_nest_and_survive_exceptions(self):
        x = tensor([1.0], requires_grad=True)
        with no_grad():
            with record():
                assert (x * 2).requires_grad
            assert not (x * 2).requires_grad
        with pytest.raises(KeyError), no_grad():
            raise KeyError
        assert (x * 2).requires_grad

    def test_what_needs_no_gradient_is_not_recorded(self):
        with record():
            assert not (tensor([1.0]) * 2).requires_grad

    def test_device(self):
        assert str(scratch.device()) == "cpu(0)"


class TestMemory:
    def test_intermediate_results_die_without_the_garbage_collector(self):
        x = tensor(np.ones((3, 2)), requires_grad=True)
        layer = scratch.MLP([2, 4, 3], seed=0)
        gc.collect()
        gc.disable()
        try:
            hidden = scratch.tanh(x * 2.0 + x).max(axis=1, keepdims=True) / 3.0
            loss = scratch.cross_entropy(layer(x * hidden), [0, 1, 2])
            watch = weakref.ref(hidden), weakref.ref(loss)
            loss.backward()
            del hidden, loss
            assert [w() for w in watch] == [None, None]
            assert gc.collect() == 0
        finally:
            gc.enable()

    def test_a_gradient_that_the_user_keeps_is_not_overwritten(self):
        layer = scratch.Dense(3, 2, seed=0)
        rng = np.random.default_rng(0)

        def step():
            layer.zero_grad()
            x = rng.normal(size=(4, 3)).astype(np.float32)
            layer(x).backward(rng.normal(size=(4, 2)).astype(np.float32))

        step()
        whole, view = layer.W.grad, layer.b.grad[:1]
        copies = whole.copy(), view.copy()
        for _ in range(3):
            step()
        np.testing.assert_array_equal(whole, copies[0])
        np.testing.assert_array_equal(view, copies[1])
        assert not np.array_equal(layer.W.grad, whole)

    def test_the_gradient_array_is_used_again_when_nobody_holds_it(self):
        layer = scratch.Dense(3, 2, seed=0)
        addresses = set()
        for _ in range(5):
            layer.zero_grad()
            layer(np.ones((4, 3), np.float32)).backward(np.ones((4, 2), np.float32))
            addresses.add(layer.W.grad.__array_interface__["data"][0])
        assert len(addresses) == 1

    def test_the_upstream_gradient_is_not_taken_over(self):
        x = tensor([1.0, 2.0], requires_grad=True)
        g = np.array([3.0, 4.0], np.float32)
        x.backward(g)
        (x + 0.0).backward(g)
        np.testing.assert_array_equal(g, [3, 4])
        np.testing.assert_array_equal(x.grad, [6, 8])
