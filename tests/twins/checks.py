"""What every concept must pass; derived from its row (`tests/concepts`).

A check takes a row, one of its samples, and twins: both, or one after the other. It
raises an AssertionError. `CHECKS` says which samples it is for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from d2lib.gradcheck import check_gradients
from tests.concepts.row import Build, Call, Row, Train, normal

VALUES, GRADIENTS = 1e-5, 1e-4  # float32, relative to the largest magnitude
VALUES_64, GRADIENTS_64 = 1e-10, 1e-8


# Comparing --------------------------------------------------------------------------


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
    """Asserts that two states have the same names, in order, and the same numbers."""
    assert list(a) == list(b), f"names {list(a)} and {list(b)}"
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name, strict=True)


def alike(a, b, what):
    """Asserts that two arrays are both finite or both not, and agree where they are."""
    assert a.shape == b.shape, f"{what}: shapes {a.shape} and {b.shape}"
    assert np.isfinite(a).all() == np.isfinite(b).all(), f"{what}: {a} and {b}"
    finite = np.isfinite(a) & np.isfinite(b)
    close(a[finite], b[finite], VALUES, what, least=1e-3)


# Using a sample ---------------------------------------------------------------------


def short(dl):
    return dl.__name__.rpartition(".")[2]


def flat(outputs):
    """Lists the tensors in a result."""
    if isinstance(outputs, (tuple, list)):
        return [tensor for part in outputs for tensor in flat(part)]
    return [outputs]


def once(f):
    """Does the same for all samples that are built alike only once.

    MXNet takes its time to compile a module.
    """
    done = {}

    @wraps(f)
    def remembered(sample, dl, *more):
        key = sample.built_by(), dl, *more
        if key not in done:
            done[key] = f(sample, dl, *more)
        return done[key]

    return remembered


@once
def first_state(sample, dl):
    """The first weights, moved a little, so that no bias is zero; None without any."""
    module = sample.build(dl)
    if module is None:
        return None
    return {
        name: np.asarray(values + 0.3 * normal(5, *values.shape), np.float32)
        for name, values in module.state().items()
    }


def prepared(sample, dl, dtype=np.float32, state=None):
    """Builds the sample's module in a precision, with a state or the `first_state`."""
    module = sample.build(dl)
    if module is None:
        return None
    if dtype != np.float32:
        if hasattr(module, "cast"):  # Gluon's
            module.cast(np.dtype(dtype).name)
        else:
            for parameter in module.parameters():
                parameter.data = parameter.data.astype(dtype)
    module.load_state(first_state(sample, dl) if state is None else state)
    return module


prepared_once = once(prepared)
HOLDS: dict[Any, Any] = {}  # the state of each


def reused(sample, dl, dtype=np.float32, state=None):
    """The same as `prepared`, but with a module that has been used before."""
    module = prepared_once(sample, dl, dtype)
    if module is not None:
        state = first_state(sample, dl) if state is None else state
        # What is measured while training moves without a step: running statistics.
        measured = len(state) > len(list(module.named_parameters()))
        if measured or HOLDS.get(module) is not state:
            module.load_state(state)
            HOLDS[module] = state
        module.zero_grad()
    return module


def in_precision(arrays, dtype):
    return [
        a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a
        for a in arrays
    ]


@dataclass
class Found:
    """What a sample gives: values, gradients by name, and what made them."""

    values: list
    gradients: dict
    tensors: list
    module: Any


def differentiate(row, sample, dl, dtype=np.float32, state=None, found=None):
    """Runs a sample, and backward under random upstream gradients.

    With what was ``found`` before it is run again, and the gradients add up.
    """
    if found is None:
        module = reused(sample, dl, dtype, state)
        arrays = in_precision(sample.inputs, dtype)
        tensors = [dl.tensor(x, dtype, requires_grad=True) for x in arrays]
    else:
        module, tensors = found.module, found.tensors
    constants = in_precision(sample.constants, dtype)
    differentiable = "gradient" not in exemptions(row, sample)
    with dl.record() if differentiable else nullcontext():
        outputs = flat(sample.run(dl, module, *tensors, *constants))
        shapes = [np.shape(y) for y in outputs]
        upstream = [normal(11 + i, *shape) for i, shape in enumerate(shapes)]
        upstream = [dl.tensor(u, dtype) for u in upstream]
        if len(outputs) > 1 and differentiable:
            parts = [(y * u).sum() for y, u in zip(outputs, upstream, strict=True)]
            loss = sum(parts[1:], parts[0])
    if differentiable:
        if len(outputs) > 1:
            loss.backward()
        else:
            outputs[0].backward(upstream[0])
    gradients = {}
    if differentiable:
        for i, x in enumerate(tensors):
            assert x.grad is not None, f"{short(dl)}: input {i} has no gradient"
            gradients[f"input {i}"] = dl.to_numpy(x.grad).copy()
        if module is not None:
            gradients |= module.gradients()
    values = [dl.to_numpy(y) for y in outputs]
    return Found(values, gradients, tensors, module)


def outcome(sample, dl, arguments, state=None):
    """What a twin answers: arrays, or the type and the message of an error."""
    module = reused(sample, dl, state=state)
    try:
        with np.errstate(all="ignore"):
            outputs = flat(sample.run(dl, module, *arguments))
            return [dl.to_numpy(y) for y in outputs]
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}".replace(dl.__name__, "d2lib")


def spoiled(arguments, value):
    """Yields the arguments with one number of one float array replaced."""
    for i, x in enumerate(arguments):
        if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size:
            x = x.copy()
            x.flat[0] = value
            yield i, [*arguments[:i], x, *arguments[i + 1 :]]


# Calls and modules ------------------------------------------------------------------


def compare(row, sample, twins, dtype, values, gradients):
    state = first_state(sample, twins[0])
    ours, theirs = (differentiate(row, sample, dl, dtype, state) for dl in twins)
    assert len(ours.values) == len(theirs.values)
    for i, (a, b) in enumerate(zip(ours.values, theirs.values, strict=True)):
        assert a.dtype.kind != "f" or a.dtype == dtype, f"value {i} is of {a.dtype}"
        close(a, b, values, f"value {i}", sample.least)
    assert list(ours.gradients) == list(theirs.gradients)
    largest = [np.abs(g).max(initial=0) for g in ours.gradients.values()]
    least = max([sample.least_gradient, *[1e-3 * n for n in largest]])
    for name, g in ours.gradients.items():
        close(g, theirs.gradients[name], gradients, f"gradient of {name}", least)


def parity(row, sample, twins):
    """Same values, dtypes, shapes; same gradients of inputs and parameters."""
    compare(row, sample, twins, np.float32, VALUES, GRADIENTS)


def float64(row, sample, twins):
    """The same in float64, to nearly all its digits."""
    compare(row, sample, twins, np.float64, VALUES_64, GRADIENTS_64)


def gradient(row, sample, dl):
    """Backward is the derivative: along a random direction, in float64.

    In the NumPy twin, where it costs little, number by number too.
    """
    state = {
        n: v.astype(np.float64) for n, v in (first_state(sample, dl) or {}).items()
    }
    is_scratch = short(dl) == "scratch"  # of whose module the parameters are replaced
    module = (prepared if is_scratch else reused)(sample, dl, np.float64, state)
    if module is not None:  # a buffer is no place to differentiate at
        state = {name: state[name] for name in module.gradients()}
    places = [*in_precision(sample.inputs, np.float64), *state.values()]
    assert places, "there is nothing to differentiate"
    constants = in_precision(sample.constants, np.float64)

    def loss(*tensors):
        total = 0.0
        for i, y in enumerate(flat(sample.run(dl, module, *tensors, *constants))):
            total = (y * dl.tensor(normal(11 + i, *y.shape), np.float64)).sum() + total
        return total

    try:
        along_a_direction(dl, module, loss, places, list(state))
        if is_scratch and sum(p.size for p in places) <= 30:
            number_by_number(module, loss, places, list(state))
    except (ValueError, TypeError, AttributeError) as error:
        raise AssertionError(f"not differentiable: {error}") from error


def along_a_direction(dl, module, loss, places, names, eps=1e-6):
    """Compares one central difference with the gradient's part in its direction."""
    inputs = places[: len(places) - len(names)]
    rng = np.random.default_rng(12)
    directions = [rng.normal(size=p.shape) for p in places]

    def moved(step):
        points = [p + step * d for p, d in zip(places, directions, strict=True)]
        if module is not None:
            weights = dict(zip(names, points[len(inputs) :], strict=True))
            module.load_state(module.state() | weights)
        tensors = [dl.tensor(x, np.float64, requires_grad=True) for x in points]
        with dl.record():
            return loss(*tensors[: len(inputs)]), tensors[: len(inputs)]

    value, tensors = moved(0.0)
    value.backward()
    gradients = [dl.to_numpy(x.grad) for x in tensors]
    gradients += [] if module is None else module.gradients().values()
    parts = [(g * d).ravel() for g, d in zip(gradients, directions, strict=True)]
    parts = np.concatenate(parts)
    numeric = (float(moved(eps)[0]) - float(moved(-eps)[0])) / (2 * eps)
    least = 1e-3 * max(1.0, abs(float(value)))  # its rounding errors, divided by eps
    error = abs(parts.sum() - numeric) / max(np.abs(parts).sum(), least)
    assert error <= 1e-6, (
        f"backward gives {parts.sum():.10g} along a direction, differences "
        f"{numeric:.10g}"
    )


def number_by_number(module, loss, places, names):
    """Checks the NumPy twin's derivative with respect to each number."""

    def f(*tensors):
        first = len(tensors) - len(names)
        for name, tensor in zip(names, tensors[first:], strict=True):
            put(module, name, tensor)
        return loss(*tensors[:first])

    check_gradients(f, *places)


def put(owner, name, tensor):
    """Puts a tensor in the place of a parameter."""
    *path, last = name.split(".")
    for key in path:
        owner = (
            owner[key]
            if isinstance(owner, dict)
            else (owner[int(key)] if key.isdigit() else getattr(owner, key))
        )
    if isinstance(owner, (dict, list)):
        owner[int(last) if isinstance(owner, list) else last] = tensor
    else:
        setattr(owner, last, tensor)


def repeat(row, sample, dl):
    """The same call has the same answer, and leaves alone what it was given.

    Gradients add up until they are zeroed, and an earlier result stays as it was.
    """
    arrays = [*sample.inputs, *sample.constants]
    before = [np.array(a) for a in arrays]
    state = first_state(sample, dl)
    first = differentiate(row, sample, dl, state=state)
    kept = [v.copy() for v in first.values]
    again = differentiate(row, sample, dl, state=state, found=first)
    for value, old, other in zip(first.values, kept, again.values, strict=True):
        np.testing.assert_array_equal(value, old, "the next call changed a result")
        np.testing.assert_array_equal(value, other, "the next call gave another one")
    for name, g in again.gradients.items():
        what = f"gradient of {name} after two calls"
        twice = first.gradients[name] + first.gradients[name]
        close(g, twice, 1e-5, what, sample.least_gradient)
    for x, tensor in zip(sample.inputs, first.tensors, strict=True):
        np.testing.assert_array_equal(dl.to_numpy(tensor), x, "an input was changed")
    if first.module is not None:
        after = first.module.state()
        for name, values in state.items():
            np.testing.assert_array_equal(after[name], values, "a weight was changed")
    if sample.inputs:
        outcome(sample, dl, arrays, state)  # takes arrays as well as tensors
    for now, then in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(now, then, "an input was changed")
    if first.module is not None:
        first.module.zero_grad()
        left = first.module.gradients()
        assert not any(g.any() for g in left.values()), "zero_grad left a gradient"


def nan(row, sample, dl):
    """A NaN in an input or a parameter is seen in the result, or refused."""
    state = first_state(sample, dl)
    arguments = [*sample.inputs, *sample.constants]
    for i, given in spoiled(arguments, np.nan):
        answer = outcome(sample, dl, given, state)
        assert isinstance(answer, str) or not all(
            np.isfinite(a).all() for a in answer
        ), f"a NaN in argument {i} is not seen"
    names = list(state or ())
    for name in names[:: 1 + len(names) // 5]:  # some of many
        spoilt = {**state, name: np.full_like(state[name], np.nan)}
        answer = outcome(sample, dl, arguments, spoilt)
        assert isinstance(answer, str) or not all(
            np.isfinite(a).all() for a in answer
        ), f"a NaN in {name} is not seen"


def nonfinite(row, sample, twins):
    """NaN and ±infinity get the same answer, or the same error."""
    state = first_state(sample, twins[0])
    for value in (np.nan, np.inf, -np.inf):
        for i, given in spoiled([*sample.inputs, *sample.constants], value):
            same_outcome(
                *(outcome(sample, dl, given, state) for dl in twins),
                f"{value} in argument {i}",
            )


def same_outcome(a, b, what):
    if isinstance(a, str) or isinstance(b, str):
        assert isinstance(a, str), f"{what}: {b} in the second twin only"
        assert a == b, f"{what}: {a} and {b}"
        return
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert x.dtype == y.dtype, f"{what}: dtypes {x.dtype} and {y.dtype}"
        alike(x, y, what)


def empty(row, sample, twins):
    """No examples have an empty answer, or an error; in both twins the same."""
    nothing = [
        np.take(a, [], axis=sample.batch) for a in (*sample.inputs, *sample.constants)
    ]
    answers = [outcome(sample, dl, nothing) for dl in twins]
    same_outcome(*answers, "nothing")


def kinds(row, sample, dl):
    """What is no array of floats is refused where one is needed."""
    arguments = [*sample.inputs, *sample.constants]
    for i, x in enumerate(sample.inputs):
        for bad in (x.astype(int), np.full(x.shape, None), np.full(x.shape, "a")):
            answer = outcome(sample, dl, [*arguments[:i], bad, *arguments[i + 1 :]])
            assert isinstance(answer, str), f"input {i} may be of {bad.dtype}"
            assert answer.startswith("TypeError"), answer
            assert "floating-point" in answer, answer


# Modules ----------------------------------------------------------------------------


def start(row, sample, twins):
    """One seed, one start; and a shared generator is left in the same state."""
    states, left = [], []
    for dl in twins:
        generator = np.random.default_rng(7)
        states += [sample.build(dl, 7).state(), sample.build(dl, generator).state()]
        left.append(generator.random())
    for state in states[1:]:
        identical(states[0], state)
    assert left[0] == left[1], "the twins take different amounts from a generator"


def freeze(row, sample, dl):
    """What is frozen keeps its values and its place; unfrozen, it learns again."""
    module = reused(sample, dl)
    scale = dl.tensor([1.0], requires_grad=True)
    optimizer = dl.SGD([*module.parameters(), scale], lr=0.01)

    def step():
        optimizer.zero_grad()
        with dl.record():
            outputs = flat(sample.run(dl, module, *sample.inputs, *sample.constants))
            loss = (scale * 3.0).sum()
            for i, y in enumerate(outputs):
                loss = loss + (y * dl.tensor(normal(11 + i, *y.shape))).sum()
        loss.backward()
        optimizer.step()

    step()
    gradients = module.gradients()
    learn = [n for n, g in gradients.items() if np.abs(g).max() > 1e-4]  # not rounding
    before, number = module.state(), module.num_parameters()
    assert module.freeze() is module
    step()
    identical(before, module.state())
    assert module.num_parameters() == number, "frozen parameters don't count"
    assert float(scale) != 1.0, "what is not frozen was not trained"
    assert not any(g.any() for g in module.gradients().values()), "frozen: a gradient"
    assert module.unfreeze() is module
    step()
    after = module.state()
    for name in learn:
        assert (after[name] != before[name]).any(), f"{name} is frozen for ever"
    module.load_state(first_state(sample, dl))


def files(row, sample, twins, folder):
    """What the one twin saves, the other loads: the same numbers, the same answers."""
    for i, (one, other) in enumerate((twins, twins[::-1])):
        source = reused(sample, one)
        source.save(folder / f"{i}.npz")
        target = sample.build(other, 9)
        target.load(folder / f"{i}.npz")
        identical(source.state(), target.state())


def rebuilt(row, sample, twins, folder):
    """A file is enough to build a model: the same parts, the same answers to the bit.

    The other twin builds it, too, and from its file the first one what there was.
    """
    arguments = [*sample.inputs, *sample.constants]

    def answers(dl, module):
        return [dl.to_numpy(y) for y in flat(sample.run(dl, module, *arguments))]

    for i, (one, other) in enumerate((twins, twins[::-1])):
        paths = folder / f"{i}.npz", folder / f"{i} moved.npz"
        source = reused(sample, one).unfreeze()  # a file does not say what is frozen
        source.save(paths[0])
        moved = other.load_model(paths[0])
        moved.save(paths[1])
        wanted = answers(one, source)
        for path in paths:
            again = one.load_model(path)
            assert type(again) is type(source)
            assert str(again) == str(source)
            identical(source.state(), again.state())
            for a, b in zip(answers(one, again), wanted, strict=True):
                np.testing.assert_array_equal(a, b, "another answer")
        for a, b in zip(answers(other, moved), wanted, strict=True):
            close(a, b, VALUES, "in the other twin", max(sample.least, 1e-3))


def modes(row, sample, dl):
    """Outside `record`, and after eval(), nothing is drawn; a seed repeats what is."""
    module = reused(sample, dl)
    before = [(part, part.training) for part in module.modules()]

    def answer(recording):
        arguments = [*sample.inputs, *sample.constants]
        if recording:
            with dl.record():
                outputs = flat(sample.run(dl, module, *arguments))
        else:
            outputs = flat(sample.run(dl, module, *arguments))
        return [dl.to_numpy(y) for y in outputs]

    def same(a, b, what):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y, what)

    calm = answer(False)
    assert module.eval() is module
    same(answer(False), calm, "eval() changes what is outside record")
    recorded = answer(True)
    for x, y in zip(recorded, calm, strict=True):
        close(x, y, VALUES, "eval() inside record", sample.least)
    assert module.train() is module
    drawn = []
    for _ in range(2):
        module.seed(3)
        drawn.append(answer(True))
    same(*drawn, "a seed does not repeat what is drawn")
    same(answer(False), calm, "training changed what is outside record")
    for part, training in before:
        part.training = training


# Optimisers -------------------------------------------------------------------------


def optimizer_of(row, sample, dl, parameters, **changes):
    return getattr(dl, row.name)(parameters, **{**sample.options, **changes})


def networks(twins):
    """The same network in both twins."""
    models = [dl.MLP([3, 4, 2], "tanh", seed=0) for dl in twins]
    state = {n: normal(5, *v.shape) * 0.5 for n, v in models[0].state().items()}
    for model in models:
        model.load_state(state)
    return models


def some_steps(dl, model, optimizer, first, last):
    for step in range(first, last):
        optimizer.zero_grad()
        with dl.record():
            y_hat = model(dl.tensor(normal(step, 20, 3)))
            loss = dl.mse(y_hat, normal(step + 9, 20, 2))
        loss.backward()
        optimizer.step()


def steps(row, sample, twins):
    """Five steps: the same parameters, and the same state of the optimiser."""
    models, states = networks(twins), []
    for dl, model in zip(twins, models, strict=True):
        optimizer = optimizer_of(row, sample, dl, model.parameters())
        some_steps(dl, model, optimizer, 0, 5)
        states.append(optimizer.state())
    ours, theirs = (model.state() for model in models)
    for name, values in ours.items():
        close(values, theirs[name], 2e-6, name)
    ours, theirs = states
    assert list(ours) == list(theirs)
    for name in ours:
        # MXNet rounds 1 - beta2 to float32: 0.001 is off by 1.3e-5 there.
        close(ours[name].astype(float), theirs[name].astype(float), 2e-5, name)


def resume(row, sample, twins):
    """The state of the one continues in the other."""
    for one, other in (twins, twins[::-1]):
        a, b = networks((one, other))
        first = optimizer_of(row, sample, one, a.parameters(), lr=0.1)
        second = optimizer_of(row, sample, other, b.parameters(), lr=0.7)
        some_steps(one, a, first, 0, 3)
        b.load_state(a.state())
        second.load_state(first.state())
        assert second.lr == 0.1
        some_steps(one, a, first, 3, 6)
        some_steps(other, b, second, 3, 6)
        ours, theirs = a.state(), b.state()
        for name, values in ours.items():
            close(values, theirs[name], 5e-6, name)


def bare(row, sample, twins):
    """Tensors without a module, and a learning rate that changes between steps."""
    ends = []
    for dl in twins:
        w = dl.tensor([1.0, -2.0], requires_grad=True)
        b = dl.tensor([0.5], requires_grad=True)
        optimizer = optimizer_of(row, sample, dl, [w, b], lr=0.1)
        for lr in (0.1, 0.1, 0.02):
            optimizer.lr = lr
            assert optimizer.lr == lr
            optimizer.zero_grad()
            with dl.record():
                loss = (((w * w).sum() - b) ** 2).sum()
            loss.backward()
            optimizer.step()
        ends.append((dl.to_numpy(w), dl.to_numpy(b)))
    for a, b in zip(*ends, strict=True):
        close(a, b, 1e-5, "a tensor")


def frozen(row, sample, dl):
    """No optimiser moves what is frozen, whatever it remembers of it."""
    (model,) = networks([dl])
    optimizer = optimizer_of(row, sample, dl, model.parameters())
    some_steps(dl, model, optimizer, 0, 2)
    model.layers[0].freeze()
    before = model.state()
    some_steps(dl, model, optimizer, 2, 4)
    after = model.state()
    for name, values in before.items():
        assert (after[name] == values).all() == name.startswith("layers.0"), name


# Mistakes ---------------------------------------------------------------------------


def message(wrong, dl):
    """What a mistake is told, if the error is of the right type."""
    raised = None
    try:
        wrong.call(dl)
    except Exception as error:
        raised = error
    assert type(raised) is wrong.error, f"{short(dl)} raises {raised!r}"
    return str(raised)


def known(call, expected, dl):
    """A value of which we know from elsewhere what it is."""
    expected = np.asarray(expected, np.float32)
    close(dl.to_numpy(call(dl)), expected, VALUES, short(dl), least=1e-3)


def error(wrong, twins):
    """A mistake gets an error that says rule, received and mend: the same in both."""
    messages = []
    for dl in twins:
        text = message(wrong, dl)
        assert re.search(wrong.pattern, text), f"{text!r} lacks {wrong.pattern!r}"
        messages.append(text.replace(dl.__name__, "d2lib")[: wrong.alike])
    for text in messages[1:]:
        assert text == messages[0], f"{messages[0]!r} and {text!r}"


# All of them ------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """A check: for which samples, and whether for both twins at once or for each.

    One that is about what is built, and not about its inputs, is made ``once`` for all
    samples of a row that are built (or call) alike. ``once_in_mx`` is for what takes
    MXNet long, and where `parity` compares it with the NumPy twin for every sample.
    """

    run: Callable[..., None]
    kinds: tuple[type, ...]
    both: bool
    when: Callable[[Any], bool] = lambda sample: True
    once: bool = False
    once_in_mx: bool = False

    def is_for(self, sample):
        return isinstance(sample, self.kinds) and self.when(sample)

    def passes_over(self, row, sample, twins):
        """Whether another sample, which is built and called alike, is enough here."""
        if not self.once_in_mx or short(twins[0]) != "mx":
            return False
        found = [s for s in row.samples.values() if self.is_for(s)]
        return sample in found and sample is not next(
            s for s in found if s.used_by() == sample.used_by()
        )

    def samples(self, row):
        """The samples of a row that it is for, by name."""
        found = {what: s for what, s in row.samples.items() if self.is_for(s)}
        if not self.once:
            return found
        alike = {s.built_by(): (what, s) for what, s in found.items()}
        return dict(alike.values())


def has_numbers(sample):
    return isinstance(sample, Build) or bool(sample.inputs)


CHECKS = {
    check.run.__name__: check
    for check in (
        Check(parity, (Call, Build), True),
        Check(float64, (Call, Build), True, has_numbers, once=True),
        Check(gradient, (Call, Build), False, once_in_mx=True),
        Check(repeat, (Call, Build), False, once_in_mx=True),
        Check(nan, (Call, Build), False, has_numbers),
        Check(nonfinite, (Call, Build), True, lambda s: bool(s.inputs)),
        Check(empty, (Call, Build), True, lambda s: s.batch is not None),
        Check(kinds, (Call, Build), False, lambda s: bool(s.inputs)),
        Check(start, (Build,), True, once=True),
        Check(freeze, (Build,), False, once=True),
        Check(files, (Build,), True, once=True),
        Check(rebuilt, (Build,), True, once=True),
        Check(modes, (Build,), False, once=True),
        Check(steps, (Train,), True),
        Check(resume, (Train,), True, once=True),
        Check(bare, (Train,), True, once=True),
        Check(frozen, (Train,), False, once=True),
    )
}


def exemptions(row: Row, sample: Any) -> dict:
    """The checks that a sample need not pass, with the reasons."""
    return {**row.exempt, **sample.exempt}


def run(name, row, sample, twins, *more):
    """Runs a check on the twins; what is exempt must fail it.

    Raises:
        AssertionError: it fails, or it passes and is exempt from it.
    """
    check = CHECKS[name]
    for group in [twins] if check.both else [[dl] for dl in twins]:
        if check.passes_over(row, sample, group):
            continue
        given = group if check.both else group[0]
        reasons = exemptions(row, sample)
        reason = reasons.get(name)
        if not check.both:
            reason = reason or reasons.get(f"{name} in {short(group[0])}")
        if not reason:
            check.run(row, sample, given, *more)
            continue
        try:
            check.run(row, sample, given, *more)
        except Exception:
            continue
        raise AssertionError(
            f"{row.name} passes {name!r}, from which it is exempt ({reason}): take the "
            "exemption away"
        )
