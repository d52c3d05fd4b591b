"""What is recorded, what a gradient is of, and where: in threads, and after a fork."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

pytest.importorskip("d2lib.mx", exc_type=ImportError)

from d2lib import mx, scratch

twins = pytest.mark.parametrize("dl", [scratch, mx], ids=["scratch", "mx"])
X = np.ones((4, 3), np.float32)
LABELS = np.array([0, 1, 1, 0])


def number(array):
    return array.item()


def model_and_loss(dl):
    model = dl.MLP([3, 4, 2], seed=0)
    with dl.record():
        loss = dl.cross_entropy(model(X), LABELS)
    return model, loss


# Nothing recorded ------------------------------------------------------------------


@twins
@pytest.mark.parametrize(
    "compute",
    [
        lambda dl, w: (w * w).sum(),  # without record()
        lambda dl, w: dl.mse(dl.Dense(3, 2, seed=0)(X), np.zeros((4, 2))),
        lambda dl, w: dl.tensor(3.0),
    ],
)
def test_backward_needs_a_recording(dl, compute):
    w = dl.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"none was recorded here: .*dl\.record\(\)"):
        compute(dl, w).backward()
    with dl.record():
        constant = (dl.tensor([1.0]) * 2.0).sum()
    with pytest.raises(ValueError, match="none was recorded here"):
        constant.backward()
    with dl.record(), dl.no_grad():
        cut = (w * w).sum()
    with pytest.raises(ValueError, match="none was recorded here"):
        cut.backward()
    with dl.record():
        loss = (w * w).sum()
    loss.backward()
    np.testing.assert_array_equal(dl.to_numpy(w.grad), [2.0, 4.0])


@twins
def test_a_loop_without_record_is_told_so_and_changes_nothing(dl):
    model = dl.MLP([3, 4, 2], dropout=0.5, seed=0)
    before = model.state()
    with pytest.raises(ValueError, match="none was recorded here"):
        dl.cross_entropy(model(X), LABELS).backward()
    assert not any(g.any() for g in model.gradients().values())
    for name, values in model.state().items():
        np.testing.assert_array_equal(values, before[name])


@twins
def test_a_gradient_of_another_shape(dl):
    w = dl.tensor([1.0, 2.0], requires_grad=True)
    with dl.record():
        y = w * w
    with pytest.raises(ValueError, match=r"shape \(2,\), got \(3,\)"):
        y.backward(dl.tensor([1.0, 2.0, 3.0]))
    y.backward([1.0, 10.0])
    np.testing.assert_array_equal(dl.to_numpy(w.grad), [2.0, 40.0])


# A step in between -----------------------------------------------------------------


def changes(dl, model, optimizer):
    return {
        "step": optimizer.step,
        "load_state": lambda: model.load_state(model.state()),
        "load_state of one": lambda: model.layers[0].load_state(
            model.layers[0].state()
        ),
    }


@twins
@pytest.mark.parametrize("change", ["step", "load_state", "load_state of one"])
@pytest.mark.parametrize("name", ["SGD", "Momentum", "Adagrad", "RMSProp", "Adam"])
def test_a_step_between_recording_and_backward_is_an_error(dl, name, change):
    model, first = model_and_loss(dl)
    optimizer = getattr(dl, name)(model.parameters())
    with dl.record():
        second = dl.cross_entropy(model(X), LABELS)
    first.backward()
    changes(dl, model, optimizer)[change]()
    gradients = model.gradients()
    for stale in (second, first):
        with pytest.raises(ValueError, match=r"was changed since.*record the forward"):
            stale.backward()
    for key, values in model.gradients().items():
        np.testing.assert_array_equal(values, gradients[key])
    optimizer.zero_grad()
    with dl.record():
        loss = dl.cross_entropy(model(X), LABELS)
    loss.backward()
    optimizer.step()


@twins
@pytest.mark.parametrize("how", ["w -= 1", "w += 1", "w *= 2", "w /= 2", "w = 3"])
def test_a_change_in_place_is_one_too(dl, how):
    w = dl.tensor([3.0], requires_grad=True)
    with dl.record():
        cube = (w * w * w).sum()
    if dl is scratch:
        exec(how.replace("w ", "w.data ").replace("= 3", "= np.float32([3])"))
    else:
        exec(how.replace("w = 3", "w[:] = 3"))
    with pytest.raises(ValueError, match="in place"):
        cube.backward()
    assert not dl.to_numpy(w.grad).any() if dl is mx else w.grad is None


@twins
def test_the_values_that_were_recorded_stay_those_of_the_recording(dl):
    """A parameter of another model may move: its gradient is not asked for."""
    (ours, loss), (others, _) = model_and_loss(dl), model_and_loss(dl)
    others.load_state({n: v + 1 for n, v in others.state().items()})
    loss.backward()
    assert any(g.any() for g in ours.gradients().values())


@twins
def test_one_network_may_learn_from_what_another_one_said_before_it_moved(dl):
    """As a generator does, after a step of the discriminator that judges it."""
    maker, judge = dl.Dense(3, 3, seed=0), dl.Dense(3, 1, seed=1)
    descent = dl.SGD(judge.parameters(), lr=0.1)
    with dl.record():
        made = maker(X)
        loss = judge(made.detach()).mean()
    loss.backward()
    descent.step()
    with dl.record():
        loss = judge(made).mean()
    loss.backward()
    expected = judge.state()["W"][:, 0]
    np.testing.assert_allclose(maker.gradients()["b"], expected, rtol=1e-5)


@twins
def test_a_state_that_was_not_cut_off_leads_back_to_old_weights(dl):
    rnn = dl.RNN(3, 4, seed=0)
    descent = dl.SGD(rnn.parameters(), lr=0.1)
    x, state = np.ones((2, 5, 3), np.float32), None
    for cut in (True, False):
        with dl.record():
            y, state = rnn(x, state)
            loss = (y * y).mean()
        loss.backward()
        descent.step()
        state = state.detach() if cut else state
    with dl.record():
        y, _ = rnn(x, state)
        loss = (y * y).mean()
    with pytest.raises(ValueError, match="was changed since"):
        loss.backward()


@twins
def test_two_losses_before_the_step_are_both_right(dl):
    """From one recording, with a part in common, or from two."""
    u = np.random.default_rng(0).normal(size=(2, 4, 2)).astype(np.float32)
    found = []
    for apart in (True, False):
        model = dl.MLP([3, 4, 2], "tanh", seed=0)
        if apart:
            with dl.record():
                first = (model(X) * dl.tensor(u[0])).sum()
            with dl.record():
                second = (model(X) * model(X) * dl.tensor(u[1])).sum()
        else:
            with dl.record():
                y = model(X)
                first = (y * dl.tensor(u[0])).sum()
                second = (y * y * dl.tensor(u[1])).sum()
        first.backward()
        second.backward()
        found.append(model.gradients())
        model.zero_grad()
        with dl.record():
            y = model(X)
            both = (y * dl.tensor(u[0]) + y * y * dl.tensor(u[1])).sum()
        both.backward()
        found.append(model.gradients())
    for gradients in found[1:]:
        for name, values in gradients.items():
            np.testing.assert_allclose(values, found[0][name], rtol=1e-4, atol=1e-6)


@twins
def test_backward_twice_adds(dl):
    w = dl.tensor([3.0], requires_grad=True)
    with dl.record():
        loss = (w * w).sum()
    loss.backward()
    loss.backward()
    assert number(w.grad) == 12.0


@twins
def test_a_second_step_with_the_same_gradient(dl):
    w = dl.tensor([1.0], requires_grad=True)
    descent = dl.SGD([w], lr=0.1)
    with dl.record():
        loss = (w * 2.0).sum()
    loss.backward()
    descent.step()
    descent.step()
    np.testing.assert_allclose(dl.to_numpy(w), [0.6], rtol=1e-6)


# What shares memory ----------------------------------------------------------------


@twins
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tensor_does_not_share_memory_with_what_it_was_made_from(dl, dtype):
    array = np.arange(6, dtype=dtype)
    view = array.reshape(2, 3)
    made = [
        dl.tensor(view, dtype=dtype),
        dl.tensor(array[::2], dtype=dtype),
        dl.tensor(array, dtype=dtype, requires_grad=True),
    ]
    before = [dl.to_numpy(t).copy() for t in made]
    array[:] = 100.0
    for tensor, values in zip(made, before, strict=True):
        np.testing.assert_array_equal(dl.to_numpy(tensor), values)


@twins
def test_a_source_that_changes_before_backward(dl):
    array = np.array([[2.0, 3.0]], np.float32)
    w = dl.tensor([1.0, 1.0], requires_grad=True)
    x = dl.tensor(array)
    with dl.record():
        loss = (w * x.reshape(2)).sum()
    array[:] = 100.0
    loss.backward()
    np.testing.assert_array_equal(dl.to_numpy(w.grad), [2.0, 3.0])


@twins
def test_asnumpy_is_ones_own(dl):
    w = dl.tensor([1.0, 2.0], requires_grad=True)
    w.asnumpy()[:] = 9.0
    np.testing.assert_array_equal(w.asnumpy(), [1.0, 2.0])


@twins
def test_detach_is_cut_off(dl):
    w = dl.tensor([3.0], requires_grad=True)
    with dl.record():
        loss = (w.detach() * w).sum()
    loss.backward()
    assert number(w.grad) == 3.0


@twins
def test_a_gradient_that_is_kept_is_not_the_next_one(dl):
    """What was read as NumPy array stays as it was, whatever backward adds later."""
    w = dl.tensor([3.0], requires_grad=True)
    seen = []
    for _ in range(2):
        with dl.record():
            loss = (w * w).sum()
        loss.backward()
        seen.append(np.array(dl.to_numpy(w.grad)))
    assert [float(s[0]) for s in seen] == [6.0, 12.0]


# Threads ---------------------------------------------------------------------------


def in_threads(work, count=2):
    found = []

    def run():
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def trained(dl):
    model = dl.MLP([3, 8, 2], seed=0)
    adam = dl.Adam(model.parameters())
    for _ in range(5):
        adam.zero_grad()
        with dl.record():
            loss = dl.cross_entropy(model(X), LABELS)
        loss.backward()
        adam.step()
    # A number without axes is what MXNet takes for "unknown" without set_np.
    return float(loss), dl.tensor(2.0).shape, dl.Perceptron(3, seed=0)(X[0]).shape


@twins
@pytest.mark.parametrize("count", [1, 3])
def test_a_thread_computes_what_the_main_one_does(dl, count):
    expected = trained(dl)
    assert in_threads(lambda: trained(dl), count) == [expected] * count


@twins
def test_recording_is_the_affair_of_each_thread(dl):
    w = dl.tensor([1.0], requires_grad=True)

    def elsewhere():
        with pytest.raises(ValueError, match="none was recorded"):
            (w * 2.0).sum().backward()
        return True

    with dl.record():
        assert in_threads(elsewhere, 1) == [True]
        with dl.no_grad():
            assert in_threads(elsewhere, 1) == [True]
        loss = (w * 2.0).sum()
    loss.backward()
    assert number(w.grad) == 2.0


# Fork ------------------------------------------------------------------------------

FORK = """
import os, sys
import numpy as np
from d2lib import mx as dl

def compute():
    model = dl.MLP([100, 200, 10], seed=0)
    optimizer = dl.SGD(model.parameters())
    with dl.record():
        loss = dl.cross_entropy(model(np.ones((256, 100), "f")), np.zeros(256, int))
    loss.backward()
    optimizer.step()
    return model, optimizer

if sys.argv[1] == "computed":
    model, optimizer = compute()
if os.fork() == 0:
    if sys.argv[1] == "fresh":
        compute()
        os._exit(0)
    for call in (
        lambda: model(np.ones((256, 100), "f")),
        lambda: optimizer.step(),
        lambda: dl.tensor([1.0]),
        lambda: dl.relu([1.0]),
        lambda: dl.record(),
        lambda: dl.predict(model, np.ones((256, 100), "f")),
    ):
        try:
            call()
        except RuntimeError as error:
            assert 'get_context("spawn")' in str(error)
        else:
            os._exit(1)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.parametrize("parent", ["computed", "fresh"])
def test_a_fork_computes_or_says_why_not(parent):
    subprocess.run([sys.executable, "-c", FORK, parent], check=True, timeout=120)
