"""Groups of parameters: each with its own rate and decay, the rest as ever."""

from __future__ import annotations

import copy
import pickle

import pytest

from d2lib.checkpoint import CheckpointError
from d2lib.data import spirals
from d2lib.schedules import cosine, exponential
from d2lib.training import Callback, ReduceLROnPlateau, fit
from tests.twins.checks import identical

OPTIMIZERS = ["SGD", "Momentum", "Adagrad", "RMSProp", "Adadelta", "Adam", "AdamW"]
X, Y = spirals(90, classes=2, seed=0)


def network(dl):
    """Two layers, the second of which has arrays small and large."""
    return dl.Sequential(
        dl.Dense(2, 12, "relu", seed=0),
        dl.Dense(12, 3000, seed=1),
        dl.Dense(3000, 2, seed=2),
    )


def halves(model, first=None, second=None):
    own = [
        {"params": model.layers[0].parameters(), **(first or {})},
        {"params": [p for m in model.layers[1:] for p in m.parameters()]},
    ]
    own[1] |= second or {}
    return own


def steps(dl, model, *optimizers, n=4):
    """Some steps of all optimisers together."""
    for _ in range(n):
        model.zero_grad()
        with dl.record():
            loss = dl.cross_entropy(model(X), Y)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    return model.state()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_groups_are_optimisers_side_by_side(dl, name):
    """Each group ends where an optimiser of its own would have taken it."""
    make = getattr(dl, name)
    decays = name in ("SGD", "Momentum", "Adam", "AdamW")
    decay = {"weight_decay": 0.1} if decays else {}
    one, two = network(dl), network(dl)
    first, second = halves(two)
    expected = steps(
        dl,
        two,
        make(first["params"], lr=0.01, **decay),
        make(second["params"], lr=exponential(0.05, 0.5)),
    )
    mine = halves(one, {"lr": 0.01, **decay})
    identical(steps(dl, one, make(mine, lr=exponential(0.05, 0.5))), expected)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_groups_without_settings_are_one_optimiser(dl, name):
    one, two = network(dl), network(dl)
    made = getattr(dl, name)
    expected = steps(dl, two, made(two.parameters(), lr=0.01))
    identical(steps(dl, one, made(halves(one), lr=0.01)), expected)


def test_a_group_may_have_a_schedule(dl):
    model = network(dl)
    adam = dl.Adam(halves(model, {"lr": cosine(0.1, steps=4)}), lr=0.5)
    steps(dl, model, adam, n=2)
    assert adam.lr == 0.5
    assert adam.groups[0].lr == pytest.approx(0.05)
    assert [g.paced for g in adam.groups] == [True, False]
    adam.groups[0].lr = 0.25
    steps(dl, model, adam, n=1)
    assert adam.groups[0].lr == 0.25


def test_rate_and_decay_are_put_back(dl):
    """Also where an update fails."""
    model = network(dl)
    adam = dl.AdamW(halves(model, {"lr": 0.1, "weight_decay": 0.5}), lr=0.01)
    steps(dl, model, adam)
    assert (adam.lr, adam.decay) == (0.01, 0.01)

    def broken(*_):
        raise RuntimeError("in the middle")

    adam._update = broken
    with pytest.raises(RuntimeError, match="in the middle"):
        steps(dl, model, adam)
    assert (adam.lr, adam.decay) == (0.01, 0.01)


def test_state_copy_and_pickle(dl):
    def made():
        model = network(dl)
        return model, dl.Adam(
            halves(model, {"lr": exponential(0.1, 0.9)}, {"lr": 0.02}), lr=0.01
        )

    model, adam = made()
    steps(dl, model, adam)
    adam.groups[1].lr = 0.03
    other, again = made()
    other.load_state(model.state())
    again.load_state(adam.state())
    pairs = [(other, again), copy.deepcopy((model, adam))]
    pairs.append(pickle.loads(pickle.dumps((model, adam))))
    expected = steps(dl, model, adam)
    for a, b in pairs:
        identical(steps(dl, a, b), expected)
        identical(b.state(), adam.state())
        assert b.groups[1].lr == 0.03

    plain = dl.Adam(other.parameters())
    with pytest.raises(ValueError, match=r"unexpected .*group0\.lr"):
        plain.load_state(adam.state())
    unscheduled = dl.Adam(halves(other, {"lr": 0.1}, {"lr": 0.02}))
    before = unscheduled.state()
    with pytest.raises(ValueError, match="with a schedule, and this one has none"):
        unscheduled.load_state(adam.state())
    identical(unscheduled.state(), before)


class Stop(Callback):
    def on_batch(self, run):
        if run.steps == 5:
            raise RuntimeError("killed")


def train(dl, path, callbacks=(), rate=0.01, decay=0.1):
    model = network(dl)
    own = halves(model, {"lr": cosine(rate, steps=12)}, {"weight_decay": decay})
    adam = dl.Adam(own, lr=0.02)
    fit(
        model,
        (X, Y),
        loss=dl.cross_entropy,
        optimizer=adam,
        epochs=4,
        batch_size=32,
        callbacks=callbacks,
        checkpoint=path,
        checkpoint_steps=2,
        resume=True,
    )
    return model.state() | adam.state()


def test_resumes_bit_for_bit_and_with_the_same_groups(dl, tmp_path):
    expected = train(dl, tmp_path / "straight.npz", [Callback()])
    path = tmp_path / "run.npz"
    stop = Stop()
    with pytest.raises(RuntimeError, match="killed"):
        train(dl, path, [stop])
    for other in ({"rate": 0.5}, {"decay": 0.2}):
        with pytest.raises(CheckpointError, match="was written with groups"):
            train(dl, path, [stop], **other)
    stop.on_batch = lambda run: None
    identical(train(dl, path, [stop]), expected)


def test_reduce_on_plateau_lowers_all_rates(dl):
    model = network(dl)
    adam = dl.Adam(halves(model, {"lr": 1e-9}), lr=1e-8)
    lower = ReduceLROnPlateau("loss", factor=0.5, patience=1)
    options = {"loss": dl.cross_entropy, "optimizer": adam, "callbacks": [lower]}
    fit(model, (X, Y), epochs=2, batch_size=90, **options)
    assert (adam.lr, adam.groups[0].lr) == (0.5e-8, 0.5e-9)
    adam.groups[0].lr = cosine(0.1, 10)
    with pytest.raises(ValueError, match="follows a schedule"):
        fit(model, (X, Y), **options)


def given(dl):
    return [dl.tensor([float(i)], requires_grad=True) for i in range(3)]


@pytest.mark.parametrize(
    ("groups", "error", "words"),
    [
        (
            lambda a, b, c: [{"params": [a, b]}, {"params": [c, a]}],
            ValueError,
            r"must be in one group, .* shape \(1,\) in groups 0 and 1",
        ),
        (lambda a, b, c: [{"params": [a, a]}], ValueError, "must be given once"),
        (lambda a, b, c: [{"params": []}], ValueError, "at least one parameter"),
        (lambda a, b, c: [{"lr": 0.1}], ValueError, "params, lr, weight_decay, got lr"),
        (
            lambda a, b, c: [{"params": [a], "momentum": 0.1}],
            ValueError,
            r"a group of SGD has params, lr, weight_decay, got params, momentum: pass",
        ),
        (lambda a, b, c: [{"params": [a]}, b], TypeError, "or groups of them, not"),
        (lambda a, b, c: [a, {"params": [b]}], TypeError, "or groups of them, not"),
        (lambda a, b, c: [{"params": [a], "lr": 0}], ValueError, "lr must be"),
        (lambda a, b, c: [{"params": [a], "lr": "0.1"}], TypeError, "lr must be"),
        (lambda a, b, c: [{"params": [a], "lr": cosine}], TypeError, "what a call"),
        (
            lambda a, b, c: [{"params": [a], "weight_decay": -1}],
            ValueError,
            "the weight_decay of group 0 must be",
        ),
    ],
)
def test_mistakes(dl, groups, error, words):
    with pytest.raises(error, match=words):
        dl.SGD(groups(*given(dl)))


def test_one_group_may_come_alone_and_decay_is_for_those_that_have_it(dl):
    a, *_ = given(dl)
    assert dl.SGD({"params": [a], "lr": 0.5}).groups[0].lr == 0.5
    with pytest.raises(ValueError, match="a group of Adagrad has params, lr, got"):
        dl.Adagrad([{"params": [a], "weight_decay": 0.1}])
