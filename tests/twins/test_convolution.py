"""What networks for images do alike in both twins, beyond a layer's row."""

import numpy as np
import pytest

pytest.importorskip("d2lib.mx", exc_type=ImportError)

from d2lib import mx, scratch
from tests.concepts.row import normal
from tests.twins.checks import close

TWINS = (scratch, mx)
F = np.float32


def images(seed, *shape):
    return normal(seed, *shape) * 2 + 1


def train(dl, model, optimizer, steps, shape=(8, 1, 28, 28), classes=10):
    """Some steps with random labels; returns the losses."""
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        with dl.record():
            labels = np.random.default_rng(step).integers(0, classes, shape[0])
            loss = dl.cross_entropy(model(images(step, *shape)), labels)
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return losses


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 2, 5)])
def test_the_running_statistics_are_the_same(shape):
    states, outputs = [], []
    for dl in TWINS:
        norm = dl.BatchNorm(3, momentum=0.7)
        for step in range(3):
            with dl.record():
                y = norm(images(step, *shape))
            y.backward(dl.tensor(np.ones(shape, F)))
        states.append(norm.state())
        outputs.append(dl.to_numpy(norm(images(9, *shape))))
    assert list(states[0]) == list(states[1])
    for name, values in states[0].items():
        close(values, states[1][name], 1e-5, name)
    close(*outputs, 1e-5)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_lenet_trains_alike_and_continues_in_the_other(batch_norm, tmp_path):
    losses, states = [], []
    for dl in TWINS:
        model = dl.LeNet(filters=(3, 4), batch_norm=batch_norm, seed=0)
        losses.append(train(dl, model, dl.SGD(model.parameters(), lr=0.01), 4))
        states.append(model.state())
        model.save(tmp_path / "model.npz")
        x = images(99, 3, 1, 28, 28)
        answer = dl.to_numpy(model.eval()(x))
        other = (mx if dl is scratch else scratch).LeNet(
            filters=(3, 4), batch_norm=batch_norm, seed=1
        )
        other.load(tmp_path / "model.npz")
        close(answer, np.asarray(scratch.to_numpy(other.eval()(x))), 1e-5, least=1e-3)
    np.testing.assert_allclose(*losses, rtol=1e-4)
    for name, values in states[0].items():
        close(values, states[1][name], 1e-3, name, least=1e-2)


@pytest.mark.parametrize("frozen", ["W", "b"])
@pytest.mark.parametrize("layer", ["Conv2D", "ConvTranspose2D"])
def test_a_part_that_is_frozen_stays_and_the_other_learns(layer, frozen):
    states = []
    for dl in TWINS:
        model = getattr(dl, layer)(2, 3, 2, seed=0)
        parts = dict(model.named_parameters())
        if dl is scratch:
            parts[frozen].requires_grad = False
        else:
            parts[frozen].grad_req = "null"
        optimizer = dl.SGD(list(parts.values()), lr=0.1)
        before = model.state()
        with dl.record():
            y = model(images(0, 2, 2, 4, 4)).sum()
        y.backward()
        optimizer.step()
        states.append(model.state())
        for name in ("W", "b"):
            assert (states[-1][name] == before[name]).all() == (name == frozen)
    for name, values in states[0].items():
        close(values, states[1][name], 1e-5, name)


@pytest.mark.parametrize("dl", TWINS, ids=["scratch", "mx"])
class TestNothing:
    def test_is_no_answer_to_a_network_that_measures(self, dl):
        model = dl.Sequential(dl.Conv2D(1, 2, 3, seed=0), dl.BatchNorm(2), dl.Flatten())
        nothing = np.ones((0, 1, 5, 5), F)
        with dl.record(), pytest.raises(ValueError, match="BatchNorm needs at least"):
            model(nothing)
        assert model(nothing).shape == (0, 18)  # outside of training
        with dl.record():
            assert model.eval()(nothing).shape == (0, 18)

    def test_comes_after_something_as_well(self, dl):
        norm = dl.BatchNorm(2)
        with dl.record():
            norm(np.ones((3, 2), F))
            with pytest.raises(ValueError, match="BatchNorm needs at least"):
                norm(np.ones((0, 2), F))


@pytest.mark.parametrize("dl", TWINS, ids=["scratch", "mx"])
def test_a_nan_in_one_window_is_seen_there_and_nowhere_else(dl):
    x = np.zeros((2, 1, 4, 4), F)
    x[0, 0, 0, 0] = np.nan
    y = dl.to_numpy(dl.MaxPool2D(2)(x))
    assert np.isnan(y).sum() == 1
    assert np.isnan(y[0, 0, 0, 0])


@pytest.mark.parametrize("dl", TWINS, ids=["scratch", "mx"])
@pytest.mark.parametrize("make", ["LeNet", "Conv2D", "MaxPool2D"])
def test_one_layer_takes_images_of_many_sizes(dl, make):
    arguments = {"LeNet": (2,), "Conv2D": (1, 2, 3), "MaxPool2D": (2,)}[make]
    layer = getattr(dl, make)(*arguments)
    for size in (28, 33, 28):
        layer(np.ones((2, 1, size, size + 1), F))
