"""The checks checked: planted breaches, so that what passes means something."""

import numpy as np
import pytest

from d2lib import scratch
from d2lib.scratch.recording import is_recording
from tests.concepts.row import Build, Call, Row, Train, Wrong, all_rows, normal
from tests.twins import checks, contract

X = normal(0, 3, 4)


class Twin:
    """A twin that is `scratch` but for the changes."""

    def __init__(self, **changes):
        vars(self).update(changes)
        self.__name__ = "d2lib.planted"

    def __getattr__(self, name):
        return getattr(scratch, name)


def fails(check, row, sample, message, folder=None, **changes):
    """The scratch twin passes the check; with the changes it fails and says why."""
    more = [folder] if folder else []
    checks.run(check, row, sample, [scratch, Twin()], *more)
    with pytest.raises(AssertionError, match=message):
        checks.run(check, row, sample, [scratch, Twin(**changes)], *more)


TANH = Row("tanh")
CALL = Call(lambda dl, x: dl.tanh(x), X)
DENSE = Row("Dense")
BUILD = Build(lambda dl, seed: dl.Dense(4, 2, "tanh", seed=seed), X)
ADAM = Row("Adam")


def spoiled(**members):
    """A Dense with other members."""
    return {"Dense": type("Dense", (scratch.Dense,), members)}


def crooked(x):
    """A right value with a wrong gradient."""
    x = scratch.tensor(x) if not isinstance(x, scratch.Tensor) else x
    return scratch.tanh(x) + (x - x.detach()).sum() * 0.01


class TestCalls:
    @pytest.mark.parametrize(
        ("check", "message", "tanh"),
        [
            (
                "parity",
                r"value 0: relative error 0\.001",
                lambda x: scratch.tanh(x) * 1.001,
            ),
            ("parity", "gradient of input 0: relative error", crooked),
            ("parity", "shapes", lambda x: scratch.tanh(x).T),
            (
                "parity",
                "dtypes float32 and float64",
                lambda x: scratch.tanh(x) * scratch.tensor([1.0], np.float64),
            ),
            (
                "float64",
                "relative error",
                lambda x: scratch.tanh(x) * scratch.tensor(1.00000003, np.float64),
            ),
            ("gradient", "backward gives .* along a direction", crooked),
            ("gradient", "not differentiable", lambda x: scratch.tanh(x).detach()),
            (
                "nan",
                "a NaN in argument 0 is not seen",
                lambda x: scratch.relu(np.nan_to_num(scratch.to_numpy(x))),
            ),
            (
                "nonfinite",
                "inf in argument 0",
                lambda x: scratch.tanh(x) + x * 0.0,
            ),
            ("empty", "shapes", lambda x: scratch.tanh(x)[:, :2]),
            (
                "kinds",
                "input 0 may be of int64",
                lambda x: scratch.tanh(np.float32(scratch.to_numpy(x))),
            ),
        ],
    )
    def test_of_a_function(self, check, message, tanh):
        with pytest.raises(AssertionError, match=message):
            checks.run(check, TANH, CALL, [scratch, Twin(tanh=tanh)])
        if check != "nonfinite":  # tanh(inf) is 1
            fails(check, TANH, CALL, message, tanh=tanh)

    def test_an_input_that_is_modified(self):
        def tanh(x):
            array = x.data if isinstance(x, scratch.Tensor) else x
            array *= 0.5
            return scratch.tanh(x)

        with pytest.raises(AssertionError, match=r"the next call|was changed"):
            checks.run("repeat", TANH, Call(lambda dl, x: tanh(x), X), [scratch])

        def zeroed(x):
            y = scratch.tanh(x) * 1.0
            if isinstance(x, np.ndarray):
                x[0] = 0
            return y

        with pytest.raises(AssertionError, match="an input was changed"):
            checks.run(
                "repeat", TANH, Call(lambda dl, x: zeroed(x), normal(0, 3)), [scratch]
            )

    def test_an_answer_that_is_overwritten_or_drawn(self):
        buffer = np.zeros((3, 4), np.float32)
        calls = []

        def tanh(x):
            calls.append(x)
            buffer[...] = len(calls)
            y = scratch.tanh(x)
            y.data = buffer
            return y

        fails("repeat", TANH, CALL, "the next call changed a result", tanh=tanh)
        draw = np.random.default_rng(0).normal
        fails(
            "repeat",
            TANH,
            CALL,
            "the next call gave another one",
            tanh=lambda x: scratch.tanh(x) + float(draw()),
        )

    def test_gradients_that_do_not_add_up(self):
        def tanh(x):
            if isinstance(x, scratch.Tensor):
                x.grad = None
            return scratch.tanh(x)

        fails("repeat", TANH, CALL, "input 0 after two calls", tanh=tanh)


class TestModules:
    def test_a_wrong_gradient_of_a_parameter(self):
        def forward(self, x):
            right = scratch.Dense.forward(self, x)
            return right + (self.W - self.W.detach()).sum() * 0.01

        changes = spoiled(forward=forward)
        fails("parity", DENSE, BUILD, "gradient of W", **changes)
        fails("gradient", DENSE, BUILD, "along a direction", **changes)

    def test_a_wrong_gradient_number_by_number(self):
        def loss(x):
            module.b = module.b + (module.b - module.b.detach()) * 0.01
            return (module(x) * scratch.tensor(normal(3, 3, 2), np.float64)).sum()

        module = checks.prepared(BUILD, scratch, np.float64)
        places = [p.astype(np.float64) for p in (X, *module.state().values())]
        with pytest.raises(AssertionError, match="input 2, element"):
            checks.number_by_number(module, loss, places, ["W", "b"])

    def test_a_nan_in_a_parameter(self):
        def forward(self, x):
            b = self.b
            self.b = None if np.isnan(b.data).any() else b
            y = scratch.Dense.forward(self, x)
            self.b = b
            return y

        fails("nan", DENSE, BUILD, "a NaN in b is not seen", **spoiled(forward=forward))

    @pytest.mark.parametrize(
        ("where", "message"),
        [
            ("seed", "Arrays are not equal"),
            ("generator", "different amounts from a generator"),
            ("order", "names"),
        ],
    )
    def test_another_start(self, where, message):
        def __init__(self, inputs, units, activation, seed):
            if where == "seed":
                seed = 5
            scratch.Dense.__init__(self, inputs, units, activation, seed=seed)
            if where == "generator" and isinstance(seed, np.random.Generator):
                seed.random()
            if where == "order":
                self.W, self.b = (vars(self).pop(name) for name in "Wb")
                self.b, self.W = vars(self).pop("b"), vars(self).pop("W")

        fails("start", DENSE, BUILD, message, **spoiled(__init__=__init__))

    def test_a_frozen_parameter_that_is_trained_or_lost(self):
        changes = spoiled(freeze=lambda self: self)
        fails("freeze", DENSE, BUILD, "W", **changes)

        frozen = []

        def forget(self):
            frozen.append(True)
            return scratch.Dense.freeze(self)

        def lost(self):
            found = scratch.Dense.state(self)
            return {"W": found["W"]} if frozen else found

        fails("freeze", DENSE, BUILD, "names", **spoiled(freeze=forget, state=lost))
        changes = spoiled(unfreeze=lambda self: self)
        fails("freeze", DENSE, BUILD, "W is frozen for ever", **changes)

    def test_a_file_that_comes_back_different(self, tmp_path):
        def save(self, path):
            state = self.state()
            state["W"] *= 1.01
            other = scratch.Dense(4, 2, "tanh")
            other.load_state(state)
            other.save(path)

        changes = spoiled(save=save)
        fails("files", DENSE, BUILD, "W", folder=tmp_path, **changes)

    def test_a_model_that_is_built_from_a_file_otherwise(self, tmp_path):
        def with_relu(path):
            model = scratch.Dense(4, 2, "relu")
            model.load_state(scratch.load_model(path).state())
            return model

        def moved(path):
            model = scratch.load_model(path)
            model.load_state({n: a * 1.01 for n, a in model.state().items()})
            return model

        for load_model, message in (
            (with_relu, "can't|another answer|other twin"),
            (moved, "W|other twin"),
        ):
            fails(
                "rebuilt",
                DENSE,
                BUILD,
                message,
                folder=tmp_path,
                load_model=load_model,
            )

    def test_a_layer_that_draws_though_it_rests(self):
        def forward(self, x):
            y = scratch.Dense.forward(self, x)
            return y * float(np.random.default_rng().normal())

        changes = spoiled(forward=forward)
        fails("modes", DENSE, BUILD, "outside record", **changes)

        def in_training(self, x):
            y = scratch.Dense.forward(self, x)
            if not is_recording():
                return y
            return y * float(np.random.default_rng().normal())

        changes = spoiled(forward=in_training)
        fails("modes", DENSE, BUILD, "inside record", **changes)

        def unseeded(self, x):
            y = scratch.Dense.forward(self, x)
            if not (is_recording() and self.training):
                return y
            return y * float(np.random.default_rng().normal())

        changes = spoiled(forward=unseeded)
        fails("modes", DENSE, BUILD, "a seed does not repeat", **changes)

    def test_zero_grad_that_leaves_some(self):
        changes = spoiled(zero_grad=lambda self: None)
        with pytest.raises(AssertionError, match=r"zero_grad left|after two calls"):
            checks.run("repeat", DENSE, BUILD, [Twin(**changes)])


class TestOptimisers:
    @pytest.mark.parametrize("check", ["steps", "resume", "bare"])
    def test_an_epsilon_inside_the_root(self, check):
        class Adam(scratch.Adam):
            def _update(self, w, g, a, b, m, v):
                v += 1e-3
                super()._update(w, g, a, b, m, v)
                v -= 1e-3

        fails(check, ADAM, Train(), "relative error", Adam=Adam)

    def test_one_that_moves_what_is_frozen(self):
        class Adam(scratch.Adam):
            def step(self):
                super().step()
                for parameter in self.parameters:
                    parameter.data += 0.01

        fails("frozen", ADAM, Train(), "layers", Adam=Adam)


def test_another_value_than_the_known_one():
    call = all_rows()["sigmoid"].known["by hand at 0 and log 3"][0]
    checks.known(call, [0.5, 0.75], scratch)
    with pytest.raises(AssertionError, match="planted: relative error"):
        checks.known(call, [0.5, 0.75], Twin(sigmoid=scratch.tanh))


class TestErrors:
    wrong = Wrong(lambda dl: dl.tanh(np.arange(3)), TypeError, "floating-point")

    def test_the_same_passes(self):
        checks.error(self.wrong, [scratch, Twin()])

    @pytest.mark.parametrize(
        ("tanh", "message"),
        [
            (lambda x: x, "raises None"),
            (lambda x: [][0], "raises IndexError"),
            (lambda x: float([]), "lacks 'floating-point'"),
            (lambda x: scratch.tensor(np.arange(2)), r"shape \(3,\).*shape \(2,\)"),
        ],
    )
    def test_another_one(self, tanh, message):
        with pytest.raises(AssertionError, match=message):
            checks.error(self.wrong, [scratch, Twin(tanh=tanh)])


class TestExemptions:
    def test_what_is_exempt_must_fail(self):
        row = Row("tanh", exempt={"parity": "a reason"})
        with pytest.raises(AssertionError, match=r"exempt \(a reason\): take"):
            checks.run("parity", row, CALL, [scratch, Twin()])
        twin = Twin(tanh=lambda x: scratch.tanh(x) * 2.0)
        checks.run("parity", row, CALL, [scratch, twin])

    def test_in_one_twin_it_is_exempt_there_alone(self):
        row = Row("tanh", exempt={"nan in planted": "a reason"})
        blind = Twin(tanh=lambda x: scratch.relu(np.nan_to_num(scratch.to_numpy(x))))
        checks.run("nan", row, CALL, [scratch, blind])
        with pytest.raises(AssertionError, match="take the exemption away"):
            checks.run("nan", row, CALL, [scratch, Twin()])

    def test_of_a_check_that_does_not_exist(self):
        row = Row("tanh", {"x": CALL}, exempt={"gradients": ""})
        found = contract.unknown_exemptions(row, checks.CHECKS)
        assert found == ["tanh: there is no check 'gradients'"]
        row = Row("tanh", {"x": CALL}, exempt={"nan in mx": "", "parity": ""})
        assert contract.unknown_exemptions(row, checks.CHECKS) == []


class TestComparison:
    def test_close(self):
        checks.close(np.float32([1, 1000]), np.float32([1.005, 1000]), 1e-5)
        with pytest.raises(AssertionError, match="y: relative error"):
            checks.close(np.float32([1, 1000]), np.float32([1, 1000.1]), 1e-5, "y")
        with pytest.raises(AssertionError, match="shapes"):
            checks.close(np.ones((3, 1)), np.ones(3), 1)
        with pytest.raises(AssertionError, match="dtypes"):
            checks.close(np.ones(3), np.ones(3, np.float32), 1)
        with pytest.raises(AssertionError, match="relative error nan"):
            checks.close(np.ones(2), np.array([1, np.nan]), 1)

    def test_scratch_agrees_with_itself(self):
        both = [name for name in ("parity", "start", "steps") if checks.CHECKS[name]]
        for row in all_rows().values():
            for sample in row.samples.values():
                for name in both:
                    exempt = checks.exemptions(row, sample)
                    if checks.CHECKS[name].is_for(sample) and name not in exempt:
                        checks.run(name, row, sample, [scratch, scratch])


class TestOnce:
    """What is checked of one sample only, of those that are built and called alike."""

    def test_in_mxnet_alike_is_enough_and_the_first_is_it(self):
        def sample(a, x=X):
            return Call(lambda dl, x, a=a: dl.tanh(x) * a, x)

        first, again, other = sample(1.0), sample(1.0, X[0]), sample(2.0)
        row = Row("tanh", {"first": first, "again": again, "other": other})
        called = []
        dl = Twin(tanh=lambda x: called.append(x) or crooked(x))
        dl.__name__ = "d2lib.mx"
        checks.run("gradient", row, again, [dl])
        assert not called
        for one in (first, other):
            with pytest.raises(AssertionError, match="along a direction"):
                checks.run("gradient", row, one, [dl])
        dl.__name__ = "d2lib.planted"  # and everywhere else each of them
        with pytest.raises(AssertionError, match="along a direction"):
            checks.run("gradient", row, again, [dl])

    def test_a_module_is_shared_by_what_is_built_alike(self):
        def sample(units):
            return Build(lambda dl, seed, n=units: dl.Dense(4, n, seed=seed), X)

        one = checks.reused(sample(2), scratch)
        assert checks.reused(sample(2), scratch) is one
        assert checks.reused(sample(3), scratch) is not one
