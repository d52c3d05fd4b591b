"""Learning-rate schedules: their values, and optimisers of both twins that use them."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from d2lib.checkpoint import CheckpointError
from d2lib.data import spirals
from d2lib.schedules import cosine, exponential, linear, step_decay, warmup
from d2lib.training import fit

SCHEDULES = {
    "warmup": warmup(0.1, steps=3),
    "step_decay": step_decay(0.1, every=4, factor=0.5, warmup=2),
    "exponential": exponential(0.1, factor=0.9),
    "cosine": cosine(0.1, steps=20, warmup=4, end=0.01),
    "linear": linear(0.1, steps=20, warmup=4, end=0.01),
}
schedules = pytest.mark.parametrize("name", SCHEDULES)


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        (warmup(0.3, 3), [0.1, 0.2, 0.3, 0.3]),
        (step_decay(1.0, 2, 0.1), [1, 1, 0.1, 0.1, 0.01]),
        (step_decay(1.0, 1, 0.5, warmup=2), [0.5, 1, 1, 0.5, 0.25]),
        (exponential(2.0, 0.5), [2, 1, 0.5, 0.25]),
        (exponential(2.0, 0.5, warmup=1), [2, 2, 1]),
        # Loshchilov & Hutter, eq. 5, at thirds of the way: cos 60° = 1/2.
        (cosine(1.0, 3), [1, 0.75, 0.25, 0, 0]),
        (cosine(1.0, 4, warmup=2, end=0.2), [0.5, 1, 1, 0.6, 0.2, 0.2]),
        (linear(1.0, 4), [1, 0.75, 0.5, 0.25, 0, 0]),
        (linear(1.0, 4, warmup=2, end=0.2), [0.5, 1, 1, 0.6, 0.2, 0.2]),
    ],
    ids=repr,
)
def test_golden_values(schedule, wanted):
    found = [schedule(step) for step in range(len(wanted))]
    np.testing.assert_allclose(found, wanted, atol=1e-15)


@schedules
def test_a_schedule_says_how_it_was_made_and_can_be_pickled(name):
    schedule = SCHEDULES[name]
    other = pickle.loads(pickle.dumps(schedule))
    assert other == schedule
    assert repr(other) == repr(schedule)
    again = {"warmup": warmup, "step_decay": step_decay, "exponential": exponential}
    assert (
        eval(repr(schedule), {"cosine": cosine, "linear": linear, **again}) == schedule
    )
    assert [other(t) for t in range(30)] == [schedule(t) for t in range(30)]


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: cosine(0.0, 10), ValueError, "lr must be a finite number > 0"),
        (lambda: cosine(0.1, 10, warmup=10), ValueError, "got 10 of 10 steps"),
        (lambda: cosine(0.1, 0), ValueError, "steps must be a whole number >= 1"),
        (lambda: cosine(0.1, 10, end=-1), ValueError, "end must be"),
        (lambda: cosine(0.1, 10.5), TypeError, "steps must be a whole number"),
        (lambda: warmup("fast", 3), TypeError, "lr must be a number"),
        (lambda: step_decay(0.1, 0), ValueError, "every must be"),
        (lambda: exponential(0.1, 0.0), ValueError, "factor must be"),
        (lambda: exponential(0.1, 0.5, warmup=-1), ValueError, "warmup must be"),
    ],
)
def test_what_is_refused(build, error, words):
    with pytest.raises(error, match=words):
        build()


def step(dl, optimizer, w):
    optimizer.zero_grad()
    with dl.record():
        loss = (w * 1.0).sum()
    loss.backward()
    optimizer.step()


@schedules
def test_each_step_takes_the_rate_of_its_number(dl, name):
    w = dl.tensor([0.0], requires_grad=True)
    schedule = SCHEDULES[name]
    optimizer = dl.SGD([w], lr=schedule)
    assert optimizer.schedule is schedule
    gone = 0.0
    for t in range(12):
        assert optimizer.lr == schedule(t)
        step(dl, optimizer, w)
        gone += schedule(t)
        np.testing.assert_allclose(dl.to_numpy(w), [-gone], rtol=1e-5)


def test_a_function_of_ones_own_and_a_number_by_hand(dl):
    w = dl.tensor([0.0], requires_grad=True)
    optimizer = dl.SGD([w], lr=lambda t: 1 / (1 + t))
    for t in range(3):
        assert optimizer.lr == 1 / (1 + t)
        step(dl, optimizer, w)
    optimizer.lr = 0.25
    step(dl, optimizer, w)
    assert (optimizer.lr, optimizer.schedule) == (0.25, None)
    optimizer.lr = cosine(1.0, steps=8)  # at the step where the optimiser is
    assert optimizer.lr == pytest.approx(0.5)


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_a_schedule_that_gives_no_learning_rate(dl, wrong):
    w = dl.tensor([0.0], requires_grad=True)
    optimizer = dl.SGD([w], lr=lambda t: wrong if t == 2 else 0.1)
    step(dl, optimizer, w)
    with pytest.raises(ValueError, match="the schedule's learning rate at step 2"):
        step(dl, optimizer, w)
    for lr, error in (("fast", TypeError), (0.0, ValueError), (None, TypeError)):
        with pytest.raises(error, match="lr must be"):
            dl.Adam([w], lr=lr)


def test_a_state_goes_on_with_the_schedule(dl):
    w = dl.tensor([0.0], requires_grad=True)
    optimizer = dl.Adam([w], lr=SCHEDULES["cosine"])
    for _ in range(7):
        step(dl, optimizer, w)
    state = optimizer.state()
    other = dl.Adam([w], lr=SCHEDULES["cosine"])
    other.load_state(state)
    assert other.lr == optimizer.lr == SCHEDULES["cosine"](7)
    fixed = dl.Adam([w], lr=0.5)
    with pytest.raises(ValueError, match="make it with the same schedule as its lr"):
        fixed.load_state(state)
    assert (fixed.lr, fixed.steps) == (0.5, 0)
    optimizer.lr = 0.03  # by hand: a number stays
    other.load_state(optimizer.state())
    assert (other.lr, other.schedule) == (0.03, None)


def training(dl, path, schedule, epochs=4, resume=False):
    model = dl.MLP([2, 8, 2], dropout=0.5, seed=0)
    optimizer = dl.Adam(model.parameters(), lr=schedule)
    fit(
        model,
        spirals(60, classes=2, seed=0),
        loss=dl.cross_entropy,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=12,
        checkpoint=path,
        resume=resume,
    )
    return {**model.state(), "lr": np.array(optimizer.lr)}


@schedules
def test_a_training_is_resumed_bit_for_bit(dl, name, tmp_path):
    schedule, path = SCHEDULES[name], tmp_path / "half.npz"
    whole = training(dl, tmp_path / "whole.npz", schedule)
    training(dl, path, schedule, epochs=2)
    halves = training(dl, path, schedule, resume=True)
    assert whole.keys() == halves.keys()
    for array in whole:
        np.testing.assert_array_equal(whole[array], halves[array], err_msg=array)
    for other in (0.1, cosine(0.1, steps=21), lambda t: 0.1):
        with pytest.raises(CheckpointError, match="was written with schedule"):
            training(dl, path, other, resume=True)
