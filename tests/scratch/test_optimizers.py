"""Optimisers: golden steps, the equations in plain float64, memory, resumption."""

import copy
import inspect
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.scratch import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Dense,
    Momentum,
    RMSProp,
    Tensor,
    clip_gradients,
    mse,
    optimizers,
    tensor,
)
from tests.allocation import bytes_asked_for

some = settings(deadline=None, max_examples=25)
OPTIMIZERS = [SGD, Momentum, Adagrad, RMSProp, Adadelta, Adam]


def parameter(values, dtype=np.float32):
    return Tensor(np.asarray(values), dtype, requires_grad=True)


def with_gradient(values, gradient):
    w = parameter(values)
    w.grad = np.asarray(gradient, np.float32)
    return w


# The equations, one number at a time, in float64: nothing in common with the library.


def plain_sgd(w, gradients, lr, weight_decay):
    for g in gradients:
        w = w - lr * (g + weight_decay * w)
    return w


def plain_momentum(w, gradients, lr, momentum, weight_decay):
    v = 0.0
    for g in gradients:
        v = momentum * v - lr * (g + weight_decay * w)
        w = w + v
    return w


def plain_adagrad(w, gradients, lr, eps):
    h = 0.0
    for g in gradients:
        h = h + g * g
        w = w - lr * g / np.sqrt(h + eps)
    return w


def plain_rmsprop(w, gradients, lr, rho, eps):
    n = 0.0
    for g in gradients:
        n = rho * n + (1 - rho) * g * g
        w = w - lr * g / np.sqrt(n + eps)
    return w


def plain_adadelta(w, gradients, lr, rho, eps):
    """Zeiler, 2012, algorithm 1; lr = 1 there."""
    n = d = 0.0
    for g in gradients:
        n = rho * n + (1 - rho) * g * g
        delta = np.sqrt(d + eps) / np.sqrt(n + eps) * g
        d = rho * d + (1 - rho) * delta * delta
        w = w - lr * delta
    return w


def plain_adam(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """Kingma & Ba, 2014, algorithm 1."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        g = g + weight_decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        w = w - lr * m_hat / (np.sqrt(v_hat) + eps)
    return w


rates = st.floats(1e-4, 2.0)
shares = st.floats(0.0, 0.99)
decays = st.sampled_from([0.0, 0.01, 0.5])
epsilons = st.sampled_from([1e-8, 1e-3, 1.0])
SETTINGS = {
    SGD: (plain_sgd, {"lr": rates, "weight_decay": decays}),
    Momentum: (
        plain_momentum,
        {"lr": rates, "momentum": shares, "weight_decay": decays},
    ),
    Adagrad: (plain_adagrad, {"lr": rates, "eps": epsilons}),
    RMSProp: (plain_rmsprop, {"lr": rates, "rho": shares, "eps": epsilons}),
    Adadelta: (plain_adadelta, {"lr": rates, "rho": shares, "eps": epsilons}),
    Adam: (
        plain_adam,
        {
            "lr": rates,
            "beta1": shares,
            "beta2": shares,
            "eps": epsilons,
            "weight_decay": decays,
        },
    ),
}


class TestEquations:
    @pytest.mark.parametrize("kind", OPTIMIZERS)
    @some
    @given(st.data())
    def test_each_step_is_that_of_the_equations(self, kind, data):
        plain, strategies = SETTINGS[kind]
        chosen = {name: data.draw(s, name) for name, s in strategies.items()}
        shape = data.draw(st.sampled_from([(), (1,), (5,), (2, 3)]))
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        start = rng.normal(size=shape)
        gradients = rng.normal(size=(6, *shape)) * rng.choice([0.01, 1.0, 30.0])
        w = parameter(start, np.float64)
        optimizer = kind([w], **chosen)
        for g in gradients:
            w.grad = g
            optimizer.step()
        expected = plain(start, gradients, **chosen)
        np.testing.assert_allclose(w.data, expected, rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_defaults_in_float32(self, kind):
        plain, names = SETTINGS[kind]
        signature = inspect.signature(kind.__init__).parameters
        defaults = {name: signature[name].default for name in names}
        rng = np.random.default_rng(0)
        start, gradients = rng.normal(size=7), rng.normal(size=(20, 7))
        w = parameter(start)
        optimizer = kind([w])
        for g in gradients:
            w.grad = g.astype(np.float32)
            optimizer.step()
        expected = plain(start, gradients, **defaults)
        np.testing.assert_allclose(w.data, expected, rtol=1e-5, atol=1e-6)

    def test_a_planted_epsilon_in_the_wrong_place_is_seen(self):
        """Adam with eps inside the root is another method, and eps = 1 shows it."""

        def inside(w, gradients, lr, eps):
            m = v = 0.0
            for t, g in enumerate(gradients, start=1):
                m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
                w -= lr * m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t) + eps)
            return w

        w = with_gradient([1.0], [1.0])
        Adam([w], lr=0.1, eps=1.0).step()
        assert w.data[0] == pytest.approx(1 - 0.1 / 2)
        assert inside(1.0, [1.0], 0.1, 1.0) == pytest.approx(1 - 0.1 / np.sqrt(2))


class TestGoldenFirstSteps:
    """From w = 1 with g = 4; the numbers are by hand."""

    @pytest.mark.parametrize(
        ("kind", "options", "expected"),
        [
            (SGD, {"lr": 0.1}, 1 - 0.4),
            (SGD, {"lr": 0.1, "weight_decay": 0.5}, 1 - 0.1 * 4.5),
            (Momentum, {"lr": 0.1}, 1 - 0.4),
            (Adagrad, {"lr": 0.1}, 1 - 0.1),
            (Adagrad, {"lr": 0.1, "eps": 9.0}, 1 - 0.1 * 4 / 5),
            (RMSProp, {"lr": 0.1, "rho": 0.75}, 1 - 0.1 * 4 / 2),
            (RMSProp, {"lr": 0.1, "rho": 0.75, "eps": 5.0}, 1 - 0.1 * 4 / 3),
            # sqrt(0.25 / (0.75 * 16 + 0.25)) * 4 = 4 / 7
            (Adadelta, {"rho": 0.25, "eps": 0.25}, 1 - 4 / 7),
            (Adam, {"lr": 0.1}, 1 - 0.1),
            (Adam, {"lr": 0.1, "eps": 4.0}, 1 - 0.1 * 4 / 8),
        ],
    )
    def test_one(self, kind, options, expected):
        w = with_gradient([1.0], [4.0])
        kind([w], **options).step()
        assert w.data[0] == pytest.approx(expected, rel=1e-5)

    def test_momentum_keeps_nine_tenths_of_its_speed(self):
        w = with_gradient([0.0], [1.0])
        optimizer = Momentum([w], lr=0.1)
        path = []
        for _ in range(3):
            optimizer.step()
            path.append(round(float(w.data[0]), 4))
        assert path == [-0.1, -0.29, -0.561]


class TestInPlace:
    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_the_array_stays_the_same_object(self, kind):
        w = with_gradient([1.0, 2.0], [1.0, -1.0])
        array, gradient = w.data, w.grad.copy()
        kind([w]).step()
        assert w.data is array
        assert not np.array_equal(array, [1, 2])
        np.testing.assert_array_equal(w.grad, gradient)

    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_a_step_allocates_nothing_to_speak_of(self, kind):
        w = with_gradient(np.ones((1000, 1000)), np.ones((1000, 1000)))
        decay = {"weight_decay": 0.1} if kind in (SGD, Momentum, Adam) else {}
        optimizer = kind([w], **decay)
        assert (
            bytes_asked_for(optimizer.step) < 8_000
        )  # one array of these would be 4,000,000

    @pytest.mark.parametrize("kind", OPTIMIZERS)
    @pytest.mark.parametrize("shape", [(50,), (7, 9), (8,), (3, 4, 5)])
    def test_blocks_give_the_same_bits(self, kind, shape, monkeypatch):
        rng = np.random.default_rng(0)
        start = rng.normal(size=shape)
        gradients = rng.normal(size=(4, *shape)).astype(np.float32)

        def run():
            w = parameter(start)
            optimizer = kind([w], lr=0.1)
            for g in gradients:
                w.grad = g
                optimizer.step()
            return w.data, optimizer.state()

        whole, state = run()
        monkeypatch.setattr(optimizers, "_BLOCK", 8)
        blocks, block_state = run()
        np.testing.assert_array_equal(blocks, whole)
        for name, values in state.items():
            np.testing.assert_array_equal(block_state[name], values)

    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_the_real_block_size(self, kind):
        """Beyond that many numbers a parameter is updated piece by piece."""
        n = 2 * optimizers._BLOCK + 123
        rng = np.random.default_rng(0)
        start, g = rng.normal(size=n), rng.normal(size=n).astype(np.float32)
        large = with_gradient(start, g)
        cut = optimizers._BLOCK // 3
        pieces = [
            with_gradient(start[:cut], g[:cut]),
            with_gradient(start[cut:n], g[cut:]),
        ]
        kind([large]).step()
        kind([pieces[0]]).step()
        kind([pieces[1]]).step()
        np.testing.assert_array_equal(
            large.data, np.concatenate([p.data for p in pieces])
        )

    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_small_parameters_together_move_as_each_would_alone(
        self, kind, monkeypatch
    ):
        shapes = [(3, 4), (4,), (), (5, 1), (0, 2)]
        rng = np.random.default_rng(0)
        starts = [rng.normal(size=shape) for shape in shapes]
        steps = [
            [rng.normal(size=shape).astype(np.float32) for shape in shapes]
            for _ in range(9)
        ]

        def run():
            parameters = [parameter(start) for start in starts]
            optimizer = kind(parameters, lr=0.1)
            together = []
            for t, gradients in enumerate(steps):
                if t == 4:  # what is kept must still be what is updated
                    optimizer = copy.deepcopy(optimizer)
                    parameters = optimizer.parameters
                if t == 6:
                    state = optimizer.state()
                    optimizer = kind(parameters, lr=0.1)
                    optimizer.load_state(state | {"counts": np.full(5, 6)})
                for w, g in zip(parameters, gradients, strict=True):
                    w.grad = g
                if t == 2:
                    parameters[1].grad = None  # from now on it is one step behind
                ready = [i for i, w in enumerate(parameters) if w.grad is not None]
                together.append(optimizer._small[0].fit(ready, optimizer._counts))
                optimizer.step()
            return [w.data for w in parameters], optimizer.state(), together

        values, state, together = run()
        assert together == [True] * 2 + [False] * 4 + [True] * 3
        monkeypatch.setattr(optimizers, "_SMALL", -1)
        alone, state_alone, together = run()
        assert not any(together)
        same = np.testing.assert_array_equal
        close = partial(np.testing.assert_allclose, rtol=1e-6)
        for one, other in zip(values, alone, strict=True):
            # Before NumPy 2, one number is computed with in float64.
            (same if one.ndim else close)(one, other)
        for name, array in state.items():
            (same if array.ndim else close)(array, state_alone[name])

    def test_a_large_array_that_is_not_contiguous_is_refused(self):
        n = optimizers._BLOCK // 100
        w = with_gradient(np.ones((n, 200)), np.ones((n, 200)))
        optimizer = SGD([w])
        w.data = np.ones((n, 400), np.float32)[:, ::2]
        with pytest.raises(ValueError, match="contiguous"):
            optimizer.step()


class TestParameters:
    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_those_without_a_gradient_are_left_alone(self, kind):
        a, b = with_gradient([1.0], [1.0]), parameter([1.0])
        kind([a, b]).step()
        assert a.data[0] != 1
        assert b.data[0] == 1

    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_a_step_without_gradients_is_an_error_and_counts_for_nothing(self, kind):
        optimizer = kind([parameter([1.0])])
        with pytest.raises(ValueError, match=r"loss\.backward\(\) first"):
            optimizer.step()
        assert optimizer.state()["steps"] == 0

    def test_several_of_different_shapes_and_zero_grad(self):
        layer = Dense(3, 2, seed=0)
        optimizer = SGD(layer.parameters(), lr=1.0)
        mse(layer(np.ones((4, 3))), np.zeros((4, 2))).backward()
        before, g = layer.state(), layer.gradients()
        optimizer.step()
        for name, values in layer.state().items():
            np.testing.assert_allclose(values, before[name] - g[name], rtol=1e-6)
        optimizer.zero_grad()
        assert all(p.grad is None for p in layer.parameters())

    def test_float64_parameters_beside_float32(self):
        a, b = parameter([1.0], np.float64), parameter([1.0])
        a.grad, b.grad = np.array([1e-12]), np.float32([1.0])
        SGD([a, b], lr=1.0).step()
        assert a.data[0] == 1 - 1e-12
        assert (a.data.dtype, b.data.dtype) == (np.float64, np.float32)

    def test_what_is_no_parameter(self):
        with pytest.raises(TypeError, match=r"pass model\.parameters\(\)"):
            SGD([tensor([1.0])])
        with pytest.raises(TypeError, match="got ndarray"):
            SGD([np.ones(2)])
        with pytest.raises(ValueError, match="at least one parameter"):
            SGD([])

    @pytest.mark.parametrize("kind", OPTIMIZERS)
    @pytest.mark.parametrize("lr", [0, -0.1, float("nan"), float("inf")])
    def test_learning_rates_that_are_none(self, kind, lr):
        with pytest.raises(ValueError, match="lr must be a finite number > 0, got"):
            kind([parameter([1.0])], lr=lr)
        optimizer = kind([parameter([1.0])], lr=0.5)
        with pytest.raises(ValueError, match="lr must be"):
            optimizer.lr = lr
        assert optimizer.lr == 0.5

    @pytest.mark.parametrize(
        ("kind", "name", "value"),
        [
            (SGD, "weight_decay", -1),
            (Momentum, "momentum", 1.0),
            (Momentum, "weight_decay", -1),
            (Adagrad, "eps", 0),
            (RMSProp, "rho", 1.0),
            (RMSProp, "eps", -1e-8),
            (Adadelta, "rho", -0.1),
            (Adadelta, "eps", 0.0),
            (Adam, "beta1", 1.0),
            (Adam, "beta2", 2),
            (Adam, "eps", 0),
            (Adam, "weight_decay", float("nan")),
        ],
    )
    def test_settings_out_of_range(self, kind, name, value):
        with pytest.raises(ValueError, match=f"{name} must .*, got {value!r}"):
            kind([parameter([1.0])], **{name: value})
        with pytest.raises(TypeError, match=f"{name} must be a number"):
            kind([parameter([1.0])], **{name: "0.1"})


class TestState:
    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_resuming_is_bit_for_bit(self, kind):
        rng = np.random.default_rng(0)
        gradients = rng.normal(size=(6, 5)).astype(np.float32)

        def steps(w, optimizer, some):
            for g in some:
                w.grad = g
                optimizer.step()

        straight = parameter(np.ones(5))
        optimizer = kind([straight], lr=0.1)
        steps(straight, optimizer, gradients[:3])
        half, state = straight.data.copy(), optimizer.state()
        steps(straight, optimizer, gradients[3:])

        resumed = parameter(half)
        other = kind([resumed], lr=99.0)
        other.load_state(state)
        steps(resumed, other, gradients[3:])
        np.testing.assert_array_equal(resumed.data, straight.data)
        for name, values in optimizer.state().items():
            np.testing.assert_array_equal(other.state()[name], values)

    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_the_state_is_a_copy(self, kind):
        w = with_gradient([1.0], [2.0])
        optimizer = kind([w], lr=0.1)
        state = optimizer.state()
        optimizer.step()
        assert state["steps"] == 0
        assert all((v == 0).all() for n, v in state.items() if n != "lr")

    @pytest.mark.parametrize("kind", OPTIMIZERS)
    def test_one_that_does_not_fit_changes_nothing(self, kind):
        w = with_gradient([1.0, 2.0], [2.0, 3.0])
        optimizer = kind([w], lr=0.1)
        optimizer.step()
        before = optimizer.state()
        for bad in (
            {},
            {**before, "9.what": np.zeros(2)},
            {**before, "lr": np.zeros(3)},
            {**before, "lr": np.asarray(-1.0), "steps": np.asarray(7)},
        ):
            with pytest.raises(ValueError):
                optimizer.load_state(bad)
            after = optimizer.state()
            assert before.keys() == after.keys()
            for name, values in before.items():
                np.testing.assert_array_equal(after[name], values)


class TestLearning:
    @pytest.mark.parametrize(
        ("kind", "lr"),
        [
            (SGD, 0.1),
            (Momentum, 0.05),
            (Adagrad, 0.5),
            (RMSProp, 0.02),
            (Adadelta, 1.0),
            (Adam, 0.1),
        ],
    )
    def test_each_finds_the_least_squares_solution(self, kind, lr):
        """y = x (2, -3) + 1 without noise: there is one minimum, and it is known."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=(64, 2)).astype(np.float32)
        y = x @ np.float32([[2], [-3]]) + 1
        layer = Dense(2, 1, seed=0)
        optimizer = kind(layer.parameters(), lr=lr)
        for _ in range(400):
            optimizer.zero_grad()
            mse(layer(x), y).backward()
            optimizer.step()
        np.testing.assert_allclose(layer.W.data, [[2], [-3]], atol=0.05)
        np.testing.assert_allclose(layer.b.data, [1], atol=0.05)


class TestClipGradients:
    @some
    @given(st.integers(0, 2**32 - 1), st.floats(0.01, 20))
    def test_shortens_and_keeps_the_direction(self, seed, max_norm):
        rng = np.random.default_rng(seed)
        parts = [rng.normal(size=(2, 3)), rng.normal(size=4), rng.normal(size=())]
        parameters = [with_gradient(g, g) for g in parts]
        norm = np.sqrt(sum(np.square(g).sum() for g in parts))
        assert clip_gradients(parameters, max_norm) == pytest.approx(norm, rel=1e-5)
        factor = min(1, max_norm / norm)
        for p, g in zip(parameters, parts, strict=True):
            np.testing.assert_allclose(p.grad, g * factor, rtol=1e-5, atol=1e-7)

    def test_a_short_one_is_left_as_it_is_to_the_bit(self):
        w = with_gradient([0.0, 0.0], [0.3, 0.4])
        before = w.grad.copy()
        clip_gradients([w], 0.51)
        np.testing.assert_array_equal(w.grad, before)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_one_that_is_not_finite_is_left_for_the_caller_to_see(self, bad):
        w = with_gradient([0.0, 0.0], [3.0, bad])
        assert not np.isfinite(clip_gradients([w], 1.0))
        assert w.grad[0] == 3

    def test_an_exploded_one_that_is_still_finite_is_clipped(self):
        """Its square, 1e60, is beyond float32; the norm is not beyond a float."""
        w = with_gradient([0.0, 0.0], [3e30, 4e30])
        assert clip_gradients([w], 1.0) == pytest.approx(5e30, rel=1e-5)
        np.testing.assert_allclose(w.grad, [0.6, 0.8], rtol=1e-5)

    def test_without_any_gradient(self):
        assert clip_gradients([parameter([1.0])], 1.0) == 0.0

    @pytest.mark.parametrize("max_norm", [0, -1, float("nan")])
    def test_a_norm_that_is_none(self, max_norm):
        w = with_gradient([0.0], [3.0])
        with pytest.raises(ValueError, match="max_norm must be a finite number > 0"):
            clip_gradients([w], max_norm)
        assert w.grad[0] == 3
