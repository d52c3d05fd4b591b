"""What both twins must agree on: one or more cases for every public name.

A case is a function of the two packages. `parity` says which names it covers, and the
contract (test_contract) fails for a public name that no case covers.
"""

from __future__ import annotations

import itertools

import numpy as np

from d2lib.data import spirals
from d2lib.training import accuracy

CASES: dict[str, tuple] = {}

VALUES, GRADIENTS = 1e-5, 1e-4  # float32, relative to the largest magnitude


def parity(*names):
    """Registers a function (scratch, mx) -> None as a case of these public names."""

    def register(case):
        assert case.__name__ not in CASES, f"two cases are called {case.__name__}"
        CASES[case.__name__] = (names, case)
        return case

    return register


def covered(cases=CASES):
    """The public names for which there is a case."""
    return set(itertools.chain.from_iterable(names for names, _ in cases.values()))


def close(a, b, tolerance, what="", least=1e-30):
    """Asserts that two arrays agree, relative to their largest magnitude (or least)."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, f"{what}: shapes {a.shape} and {b.shape}"
    assert a.dtype == b.dtype, f"{what}: dtypes {a.dtype} and {b.dtype}"
    if a.size:
        scale = max(np.abs(a).max(), np.abs(b).max(), least)
        error = np.abs(a.astype(float) - b).max() / scale
        assert error <= tolerance, f"{what}: relative error {error:.2g}"


def identical(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def alike(scratch, mx, build):
    """Builds a module in both twins and gives both the same random parameters."""
    a, b = build(scratch), build(mx)
    state = {name: normal(5, *p.shape) * 0.5 for name, p in a.state().items()}
    a.load_state(state)
    b.load_state(a.state())
    identical(a.state(), b.state())
    return a, b


def same_values_and_gradients(
    scratch,
    mx,
    f,
    *inputs,
    modules=(None, None),
    values=VALUES,
    gradients=GRADIENTS,
    least=1e-30,
    least_gradient=1e-30,
):
    """Compares f(dl, module, *inputs), and all gradients under random upstream ones."""
    outputs, all_gradients = [], []
    for dl, module in zip((scratch, mx), modules, strict=True):
        tensors = [dl.tensor(x, requires_grad=True) for x in inputs]
        with dl.record():
            y = f(dl, module, *tensors)
        out = dl.to_numpy(y)
        u = np.random.default_rng(11).normal(size=out.shape).astype(np.float32)
        y.backward(dl.tensor(u))
        found = {f"input {i}": dl.to_numpy(t.grad) for i, t in enumerate(tensors)}
        if module is not None:
            found |= module.gradients()
        outputs.append(out)
        all_gradients.append(found)
    close(*outputs, values, "values", least)
    ours, theirs = all_gradients
    assert ours.keys() == theirs.keys()
    for name in ours:
        what = f"gradient of {name}"
        close(ours[name], theirs[name], gradients, what, least_gradient)


def same_module(scratch, mx, build, *inputs):
    modules = alike(scratch, mx, build)
    same_values_and_gradients(
        scratch, mx, lambda dl, module, *x: module(*x), *inputs, modules=modules
    )


# Tensors ----------------------------------------------------------------------------

# What a page may do with a tensor of either twin. (mx's is MXNet's own ndarray.)
TENSOR_MEMBERS = (
    *("shape", "ndim", "size", "dtype", "grad", "T"),
    *("sum", "mean", "max", "min", "reshape", "transpose"),
    *("item", "asnumpy", "detach", "backward"),
    *("__add__", "__sub__", "__mul__", "__truediv__", "__pow__", "__neg__"),
    *("__radd__", "__rsub__", "__rmul__", "__rtruediv__"),
    *("__abs__", "__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"),
    *("__matmul__", "__getitem__", "__len__", "__float__", "__repr__"),
)


@parity("Tensor", "tensor", "to_numpy")
def tensor_operations(scratch, mx):
    for f in (
        lambda dl, m, x, y: x + y,
        lambda dl, m, x, y: x - y,
        lambda dl, m, x, y: x * y,
        lambda dl, m, x, y: x / y,
        lambda dl, m, x, y: -x + 2.0 * y - 1.0 + 3.0 / y,
        lambda dl, m, x, y: x**2 + y**3,
        lambda dl, m, x, y: x @ y.T,
        lambda dl, m, x, y: x.sum() * y.mean(axis=0) + x.max(axis=1, keepdims=True),
        lambda dl, m, x, y: x.reshape(2, 6) @ y.transpose().reshape(6, 2),
        lambda dl, m, x, y: x[0] * y[1:, 2:].sum(),
        lambda dl, m, x, y: x * x + x * y,
    ):
        y = np.sign(normal(1, 3, 4)) * (1 + np.abs(normal(2, 3, 4)))
        same_values_and_gradients(scratch, mx, f, normal(0, 3, 4), y)


@parity("Tensor")
def tensor_broadcasting(scratch, mx):
    for shape in ((4,), (3, 1), (1, 1), (1,)):
        same_values_and_gradients(
            scratch,
            mx,
            lambda dl, m, x, y: x * y + y,
            normal(0, 3, 4),
            normal(1, *shape),
        )


@parity("Tensor", "device")
def tensor_members(scratch, mx):
    for dl in (scratch, mx):
        x = dl.tensor([[1.0, 2.0, 3.0]])
        missing = [name for name in TENSOR_MEMBERS if not hasattr(x, name)]
        assert not missing, f"{dl.__name__}'s tensors have no {missing}"
        assert isinstance(x, dl.Tensor)
        assert (x.shape, x.ndim, x.size, len(x)) == ((1, 3), 2, 3, 1)
        assert x.dtype == np.float32
        assert dl.tensor([1.0], dtype="float64").dtype == np.float64
        assert isinstance(x.asnumpy(), np.ndarray)
        assert x.sum().item() == float(x.sum()) == 6.0
        assert isinstance(dl.to_numpy(x), np.ndarray)
        np.testing.assert_array_equal(dl.to_numpy([1, 2]), [1, 2])
        assert str(dl.device()).startswith(("cpu(", "gpu("))


@parity("record", "no_grad")
def recording(scratch, mx):
    for dl in (scratch, mx):
        x = dl.tensor([3.0], requires_grad=True)
        for expected in (6.0, 12.0):  # gradients accumulate
            with dl.record():
                loss = (x * x).sum()
            loss.backward()
            assert dl.to_numpy(x.grad) == [expected]
        with dl.record():
            with dl.no_grad():
                factor = x * 2.0
            loss = (factor * x).sum()
        loss.backward()
        assert dl.to_numpy(x.grad) == [12.0 + 6.0]  # factor is a constant


# Functions --------------------------------------------------------------------------


@parity("sigmoid", "tanh", "relu", "exp")
def elementwise(scratch, mx):
    for name in ("sigmoid", "tanh", "relu", "exp"):
        for shape in ((7,), (3, 4), (2, 3, 2)):
            same_values_and_gradients(
                scratch,
                mx,
                lambda dl, m, x, n=name: getattr(dl, n)(x),
                normal(0, *shape),
            )


@parity("log")
def logarithm(scratch, mx):
    same_values_and_gradients(
        scratch, mx, lambda dl, m, x: dl.log(x), np.abs(normal(0, 3, 4)) + 0.1
    )


@parity("abs", "sqrt", "clip", "where", "maximum", "minimum", "concatenate", "stack")
def functions(scratch, mx):
    """Their edges and errors are in test_functions."""
    for f in (
        lambda dl, m, x, y: dl.abs(x) + dl.sqrt(y * y + 1.0),
        lambda dl, m, x, y: dl.clip(x, -0.5, 0.5) * y,
        lambda dl, m, x, y: dl.where(x > y, x * 2.0, y * y),
        lambda dl, m, x, y: dl.maximum(x, y) - dl.minimum(x, 0.1) * y,
        lambda dl, m, x, y: dl.concatenate([x, y * x], axis=1),
        lambda dl, m, x, y: dl.stack([x, y * x], axis=1),
        lambda dl, m, x, y: x.min(axis=0) + y.min(),
    ):
        same_values_and_gradients(scratch, mx, f, normal(0, 3, 4), normal(1, 3, 4))


@parity("sigmoid", "tanh", "relu", "softmax")
def far_out(scratch, mx):
    x = np.float32([-1000, -20, 0, 20, 1000])
    for name in ("sigmoid", "tanh", "relu", "softmax"):
        a, b = (dl.to_numpy(getattr(dl, name)(x)) for dl in (scratch, mx))
        close(a, b, 1e-6, name)


@parity("softmax")
def softmax_on_each_axis(scratch, mx):
    for axis in (-1, 0, 1):
        same_values_and_gradients(
            scratch, mx, lambda dl, m, x, a=axis: dl.softmax(x, a), normal(0, 2, 3, 4)
        )


@parity("mse")
def mean_squared_error(scratch, mx):
    for reduction, shape in itertools.product(
        ("mean", "sum", "none"), ((5,), (5, 1), (2, 3, 2))
    ):
        y = normal(1, *shape)
        same_values_and_gradients(
            scratch,
            mx,
            lambda dl, m, x, y=y, r=reduction: dl.mse(x, y, r),
            normal(0, *shape),
        )


@parity("binary_cross_entropy", "binary_cross_entropy_with_logits")
def binary_cross_entropies(scratch, mx):
    for reduction, name, shape in itertools.product(
        ("mean", "sum", "none"),
        ("binary_cross_entropy", "binary_cross_entropy_with_logits"),
        ((5,), (5, 1), (2, 3, 2)),
    ):
        x = normal(0, *shape) * 3
        if name == "binary_cross_entropy":
            x = 0.05 + 0.9 / (1 + np.exp(-x))
        for y in (np.float32(normal(1, *shape) > 0), np.full(shape, 0.3, np.float32)):
            same_values_and_gradients(
                scratch,
                mx,
                lambda dl, m, x, y=y, r=reduction, n=name: getattr(dl, n)(x, y, r),
                x,
            )


@parity("binary_cross_entropy_with_logits")
def binary_cross_entropy_at_its_corners(scratch, mx):
    """Zero, where |z| has a kink, and far out, where e^z overflows."""
    z = np.float32([0, 0, 1000, -1000, 1000, -1000, -10, 10])
    y = np.float32([0, 1, 0, 1, 1, 0, 0, 0])
    same_values_and_gradients(
        scratch,
        mx,
        lambda dl, m, z: dl.binary_cross_entropy_with_logits(z, y, "none"),
        z,
        gradients=1e-5,
    )


@parity("binary_cross_entropy_with_logits", "mse")
def whole_numbers_are_fine_as_targets(scratch, mx):
    """0 and 1 mean the same as 0.0 and 1.0 where they are the truth."""
    x = np.random.default_rng(0).normal(size=6).astype(np.float32)
    y = np.int64([0, 1, 1, 0, 1, 0])
    for dl in (scratch, mx):
        for loss in (dl.binary_cross_entropy_with_logits, dl.mse):
            assert float(loss(x, y)) == float(loss(x, y.astype(np.float32)))


@parity("cross_entropy")
def cross_entropies(scratch, mx):
    for reduction, shape in itertools.product(
        ("mean", "sum", "none"), ((6, 3), (2, 4, 5))
    ):
        y = np.random.default_rng(1).integers(0, shape[-1], shape[:-1])
        # MXNet's log_softmax is off by 1.4e-6 where the loss is exactly zero.
        for scale in (1, 300):
            same_values_and_gradients(
                scratch,
                mx,
                lambda dl, m, x, y=y, r=reduction: dl.cross_entropy(x, y, r),
                normal(0, *shape) * scale,
                least=1.0,
            )


# Layers -----------------------------------------------------------------------------


@parity("Perceptron")
def perceptrons(scratch, mx):
    for activation in (None, "sigmoid", "tanh", "relu"):
        for shape in ((3,), (5, 3)):
            same_module(
                scratch,
                mx,
                lambda dl, a=activation: dl.Perceptron(3, a),
                normal(0, *shape),
            )


@parity("Dense")
def dense_layers(scratch, mx):
    for activation, bias, shape in itertools.product(
        (None, "sigmoid", "tanh", "relu", "softmax"),
        (True, False),
        ((3,), (5, 3), (2, 4, 3)),
    ):
        same_module(
            scratch,
            mx,
            lambda dl, a=activation, b=bias: dl.Dense(3, 4, a, bias=b),
            normal(0, *shape),
        )


@parity("Sequential", "MLP")
def networks(scratch, mx):
    x = normal(0, 6, 3)
    for build in (
        lambda dl: dl.Sequential(dl.Dense(3, 4, "tanh"), dl.Dense(4, 2)),
        lambda dl: dl.Sequential(dl.Sequential(dl.Dense(3, 3)), dl.Dense(3, 1)),
        lambda dl: dl.MLP([3, 5, 4, 2]),
        lambda dl: dl.MLP([3, 2], output_activation="softmax"),
        lambda dl: dl.MLP([3, 5, 2], "sigmoid", "sigmoid", dropout=0.5).eval(),
    ):
        same_module(scratch, mx, build, x)


@parity("Sequential", "MLP")
def containers(scratch, mx):
    for dl in (scratch, mx):
        network = dl.MLP([3, 5, 5, 2], dropout=0.25)
        names = [type(layer).__name__ for layer in network]
        assert names == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
        assert len(network) == 5
        assert network[1] is network.layers[1]
        assert network.num_parameters() == 3 * 5 + 5 + 5 * 5 + 5 + 5 * 2 + 2


@parity("Dense", "Perceptron", "MLP", "initialize")
def one_seed_one_start(scratch, mx):
    for scheme in ("zeros", "normal", "xavier", "he", "identity", "orthogonal"):
        a, b = (dl.initialize((4, 3), scheme, 7) for dl in (scratch, mx))
        np.testing.assert_array_equal(a, b)
        assert isinstance(b, np.ndarray)
        identical(
            scratch.Dense(4, 3, None, scheme, seed=7).state(),
            mx.Dense(4, 3, None, scheme, seed=7).state(),
        )
    for build in (
        lambda dl: dl.Dense(4, 3, "relu", seed=1),
        lambda dl: dl.Dense(4, 3, "tanh", seed=1),
        lambda dl: dl.Perceptron(4, seed=1),
        lambda dl: dl.MLP([4, 6, 6, 3], seed=1),
        lambda dl: dl.MLP([4, 6, 6, 3], "tanh", dropout=0.5, seed=1),
        lambda dl: dl.MLP([4, 4, 4], initializer="orthogonal", seed=1),
    ):
        identical(build(scratch).state(), build(mx).state())


@parity("MLP")
def one_generator_for_several_networks(scratch, mx):
    """What a network takes from a shared generator is the same in both twins."""
    states = []
    for dl in (scratch, mx):
        rng = np.random.default_rng(0)
        first = dl.MLP([3, 4, 2], dropout=0.5, seed=rng)
        second = dl.MLP([3, 4, 2], seed=rng)
        states.append((first.state(), second.state(), rng.random()))
    identical(states[0][0], states[1][0])
    identical(states[0][1], states[1][1])
    assert states[0][2] == states[1][2]


@parity("Dropout")
def dropout(scratch, mx):
    """Each twin draws by itself: the law is the same, not the mask."""
    x = np.full((200, 100), 3.0, np.float32)
    for dl in (scratch, mx):
        layer = dl.Dropout(0.25, seed=0)
        np.testing.assert_array_equal(dl.to_numpy(layer(dl.tensor(x))), x)
        tensor = dl.tensor(x, requires_grad=True)
        with dl.record():
            y = layer(tensor)
        u = normal(0, 200, 100)
        y.backward(dl.tensor(u))
        y = dl.to_numpy(y)
        np.testing.assert_allclose(np.unique(y), [0, 4])
        assert abs((y == 0).mean() - 0.25) < 0.02
        close(dl.to_numpy(tensor.grad), u * y / x, 1e-6, "gradient")
        for mode, drops in ((layer.eval, False), (layer.train, True)):
            assert mode() is layer
            with dl.record():
                y = dl.to_numpy(layer(dl.tensor(x)))
            assert (y == 0).any() == drops
        masks = []
        for seed in ([1, 2], [1, 2], [1, 3]):
            layer.seed(seed)
            with dl.record():
                masks.append(dl.to_numpy(layer(dl.tensor(x))))
        np.testing.assert_array_equal(masks[0], masks[1])
        assert not np.array_equal(masks[0], masks[2])


@parity("Module")
def modules(scratch, mx):
    def build(dl):
        class Gated(dl.Module):
            def __init__(self):
                self.scale = dl.tensor([2.0], requires_grad=True)
                self.table = {
                    "a": dl.Dense(3, 2, seed=0),
                    "b": [dl.Dense(3, 2, seed=1)],
                }

            def forward(self, x):
                gate = dl.sigmoid(self.table["b"][0](x))
                return self.table["a"](x) * gate * self.scale

        return Gated()

    a, b = build(scratch), build(mx)
    assert list(a.state()) == list(b.state())
    identical(a.state(), b.state())
    assert a.num_parameters() == b.num_parameters() == 17
    same_module(scratch, mx, build, normal(0, 4, 3))


@parity("Module", "SGD", "tensor")
def parameters_without_axes(scratch, mx):
    """A number of shape () is a parameter like any other."""

    def build(dl):
        class Scale(dl.Module):
            def __init__(self):
                self.factor = dl.tensor(2.0, requires_grad=True)

            def forward(self, x):
                return x * self.factor

        return Scale()

    same_module(scratch, mx, build, normal(0, 4, 3))
    ends = []
    for dl in (scratch, mx):
        model = build(dl)
        sgd = dl.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            sgd.zero_grad()
            model.zero_grad()
            with dl.record():
                loss = dl.mse(model(dl.tensor([1.0, 2.0])), np.float32([3, 4]))
            loss.backward()
            dl.clip_gradients(model.parameters(), 1.0)
            sgd.step()
        ends.append(model.state()["factor"])
    close(*ends, 1e-6, "factor")


@parity("Module")
def gradients_and_zero_grad(scratch, mx):
    for dl in (scratch, mx):
        model = dl.MLP([3, 4, 2], seed=0)
        assert not any(g.any() for g in model.gradients().values())
        for factor in (1, 2):
            with dl.record():
                loss = dl.mse(model(dl.tensor(normal(0, 5, 3))), normal(1, 5, 2))
            loss.backward()
            if factor == 1:
                once = model.gradients()
        for name, g in model.gradients().items():
            close(g, 2 * once[name], 1e-5, name)
        model.zero_grad()
        assert not any(g.any() for g in model.gradients().values())


@parity("Module")
def files_of_the_one_load_into_the_other(scratch, mx, folder):
    x = normal(0, 5, 3)
    for a, b in ((scratch, mx), (mx, scratch)):
        path = folder / f"{a.__name__}.npz"
        source = a.MLP([3, 4, 2], dropout=0.5, seed=0)
        source.save(path)
        target = b.MLP([3, 4, 2], dropout=0.5, seed=9)
        target.load(path)
        identical(source.state(), target.state())
        close(a.predict(source, x), b.predict(target, x), 1e-6, "predictions")


# Optimisers -------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": ({"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.1}, {}),
    "Momentum": (
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1},
        {},
    ),
    "Adagrad": ({"lr": 0.1}, {"lr": 0.1, "eps": 0.5}, {}),
    "RMSProp": ({"lr": 0.01}, {"lr": 0.01, "rho": 0.5, "eps": 0.5}, {}),
    "Adadelta": ({}, {"lr": 0.5, "rho": 0.5, "eps": 0.5}, {}),
    # A large eps shows where it stands: outside the root, after the correction.
    "Adam": (
        {"lr": 0.01},
        {"lr": 0.1, "eps": 0.5},
        {"lr": 0.1, "beta1": 0.5, "beta2": 0.7, "eps": 0.1, "weight_decay": 0.1},
        {},
    ),
}


def steps(dl, model, optimizer, first, last):
    for step in range(first, last):
        optimizer.zero_grad()
        with dl.record():
            loss = dl.mse(
                model(dl.tensor(normal(step, 20, 3))), normal(step + 9, 20, 2)
            )
        loss.backward()
        optimizer.step()


@parity(*OPTIMIZERS)
def five_steps(scratch, mx):
    for name, all_options in OPTIMIZERS.items():
        for options in all_options:
            a, b = alike(scratch, mx, lambda dl: dl.MLP([3, 4, 2], "tanh"))
            optimizers = []
            for dl, model in ((scratch, a), (mx, b)):
                optimizers.append(getattr(dl, name)(model.parameters(), **options))
                steps(dl, model, optimizers[-1], 0, 5)
            for key, values in a.state().items():
                close(values, b.state()[key], 2e-6, f"{name} {options} {key}")
            ours, theirs = (optimizer.state() for optimizer in optimizers)
            assert ours.keys() == theirs.keys()
            for key in ours:
                # MXNet rounds 1 - beta2 to float32: 0.001 is off by 1.3e-5 there.
                a, b = ours[key].astype(float), theirs[key].astype(float)
                close(a, b, 2e-5, f"{name} {options} {key}")


@parity(*OPTIMIZERS)
def the_state_of_the_one_continues_in_the_other(scratch, mx):
    for name in OPTIMIZERS:
        for one, other in ((scratch, mx), (mx, scratch)):
            a, b = alike(one, other, lambda dl: dl.MLP([3, 4, 2], "tanh"))
            first = getattr(one, name)(a.parameters(), lr=0.1)
            second = getattr(other, name)(b.parameters(), lr=0.7)
            steps(one, a, first, 0, 3)
            b.load_state(a.state())
            second.load_state(first.state())
            assert second.lr == 0.1
            steps(one, a, first, 3, 6)
            steps(other, b, second, 3, 6)
            for key, values in a.state().items():
                close(values, b.state()[key], 5e-6, f"{name} {key}")


@parity(*OPTIMIZERS)
def bare_tensors_and_a_learning_rate_that_changes(scratch, mx):
    for name in OPTIMIZERS:
        ends = []
        for dl in (scratch, mx):
            w = dl.tensor([1.0, -2.0], requires_grad=True)
            b = dl.tensor([0.5], requires_grad=True)
            optimizer = getattr(dl, name)([w, b], lr=0.1)
            for lr in (0.1, 0.1, 0.02):
                optimizer.lr = lr
                assert optimizer.lr == lr
                optimizer.zero_grad()
                with dl.record():
                    loss = (((w * w).sum() - b) ** 2).sum()
                loss.backward()
                optimizer.step()
            ends.append((dl.to_numpy(w), dl.to_numpy(b)))
        close(ends[0][0], ends[1][0], 1e-5, name)
        close(ends[0][1], ends[1][1], 1e-5, name)


@parity("clip_gradients")
def clipping(scratch, mx):
    for max_norm in (0.01, 1000.0):
        a, b = alike(scratch, mx, lambda dl: dl.MLP([3, 4, 2]))
        norms = []
        for dl, model in ((scratch, a), (mx, b)):
            with dl.record():
                loss = dl.mse(model(dl.tensor(normal(0, 20, 3))), normal(1, 20, 2))
            loss.backward()
            norms.append(dl.clip_gradients(model.parameters(), max_norm))
            assert isinstance(norms[-1], float)
        close(norms[0], norms[1], 1e-5, "norm")
        for name, g in a.gradients().items():
            close(g, b.gradients()[name], GRADIENTS, name)


# Training ---------------------------------------------------------------------------


@parity(
    *("fit", "History", "predict", "accuracy", "minibatches"),
    *("Callback", "EarlyStopping", "NonFiniteLossError"),
)
def the_same_training(scratch, mx):
    """Same data, seed and start, no dropout: the histories agree epoch by epoch."""
    for name in (
        "accuracy",
        "minibatches",
        "fit",
        "History",
        "Callback",
        "EarlyStopping",
        "NonFiniteLossError",
        "predict",
    ):
        assert getattr(scratch, name) is getattr(mx, name)
    data, held_out = spirals(120, classes=2, seed=0), spirals(60, classes=2, seed=1)
    histories, predictions, best = [], [], []
    for dl in (scratch, mx):
        model = dl.MLP([2, 16, 2], "tanh", seed=0)
        stopping = dl.EarlyStopping(patience=3)
        histories.append(
            dl.fit(
                model,
                data,
                loss=dl.cross_entropy,
                optimizer=dl.Adam(model.parameters(), lr=0.02),
                epochs=8,
                batch_size=30,
                validation=held_out,
                metrics={"accuracy": accuracy},
                callbacks=[stopping],
                clip_norm=1.0,
                seed=4,
            )
        )
        predictions.append(dl.predict(model, held_out[0]))
        best.append(stopping.best_epoch)
    a, b = histories
    np.testing.assert_allclose(a.loss, b.loss, rtol=1e-4)
    np.testing.assert_allclose(a.val_loss, b.val_loss, rtol=1e-4)
    np.testing.assert_allclose(a["accuracy"], b["accuracy"], atol=1.5 / 60)
    assert best[0] == best[1]
    close(*predictions, 1e-3, "predictions")


@parity("fit")
def a_training_of_the_one_is_read_by_the_other(scratch, mx, folder):
    data = spirals(60, classes=2, seed=0)
    for a, b in ((scratch, mx), (mx, scratch)):
        path = folder / f"{a.__name__}.training.npz"
        model = a.MLP([2, 8, 2], dropout=0.5, seed=0)
        adam = a.Adam(model.parameters())
        a.fit(model, data, loss=a.cross_entropy, optimizer=adam, checkpoint=path)
        other = b.MLP([2, 8, 2], dropout=0.5, seed=1)
        other.load(path)
        identical(model.state(), other.state())
        close(a.predict(model, data[0]), b.predict(other, data[0]), 1e-6, "predictions")


@parity("Buffer")
def buffers(scratch, mx):
    for dl in (scratch, mx):
        buffer = dl.Buffer([1.0, 2.0])
        buffer.value = buffer.value * 2.0 + 1.0
        assert dl.to_numpy(buffer.value).tolist() == [3.0, 5.0]
        assert buffer.shape == (2,)


@parity("cosine", "exponential", "step_decay", "warmup")
def learning_rates_that_change(scratch, mx):
    """The functions are the same; the steps taken with them agree."""
    for schedule in (
        scratch.cosine(0.1, steps=8, warmup=2),
        scratch.exponential(0.1, factor=0.8),
        scratch.step_decay(0.1, every=2),
        scratch.warmup(0.1, steps=3),
    ):
        found = []
        for dl in (scratch, mx):
            w = dl.tensor(normal(0, 3), requires_grad=True)
            optimizer = dl.Momentum([w], lr=schedule)
            for _ in range(6):
                optimizer.zero_grad()
                with dl.record():
                    loss = (w * w).sum()
                loss.backward()
                optimizer.step()
            found.append(dl.to_numpy(w))
        close(*found, GRADIENTS, repr(schedule))  # six steps of rounding


@parity("summary")
def one_table(scratch, mx):
    texts = []
    for dl in (scratch, mx):
        model = dl.MLP([4, 3, 2], dropout=0.5, seed=0)
        texts.append((str(model), dl.summary(model, (5, 4))))
    assert texts[0] == texts[1]
