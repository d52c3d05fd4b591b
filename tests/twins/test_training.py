"""Training: the same in both twins, and files that go from the one to the other."""

import numpy as np
import pytest

from d2lib import scratch
from d2lib.data import spirals
from tests.concepts.row import normal
from tests.twins.both import needs_mxnet
from tests.twins.checks import GRADIENTS, close, identical, networks

pytestmark = needs_mxnet


@pytest.fixture
def mx():
    from d2lib import mx

    return mx


@pytest.mark.parametrize(
    "name",
    [
        *("accuracy", "minibatches", "fit", "History", "EarlyStopping", "predict"),
        *("Callback", "NonFiniteLossError", "Vocabulary", "summary"),
        *("cosine", "exponential", "step_decay", "warmup"),
    ],
)
def test_both_have_the_same(name, mx):
    assert getattr(scratch, name) is getattr(mx, name)


def test_the_same_training(mx):
    """Same data, seed and start, no dropout: the histories agree epoch by epoch."""
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
                metrics={"accuracy": dl.accuracy},
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


def test_a_training_of_the_one_is_read_by_the_other(mx, tmp_path):
    data = spirals(60, classes=2, seed=0)
    for a, b in ((scratch, mx), (mx, scratch)):
        path = tmp_path / f"{a.__name__}.training.npz"
        model = a.MLP([2, 8, 2], dropout=0.5, seed=0)
        adam = a.Adam(model.parameters())
        a.fit(model, data, loss=a.cross_entropy, optimizer=adam, checkpoint=path)
        other = b.MLP([2, 8, 2], dropout=0.5, seed=1)
        other.load(path)
        identical(model.state(), other.state())
        close(a.predict(model, data[0]), b.predict(other, data[0]), 1e-6, "predictions")


def test_files_of_the_one_predict_the_same_in_the_other(mx, tmp_path):
    x = normal(0, 5, 3)
    for a, b in ((scratch, mx), (mx, scratch)):
        path = tmp_path / f"{a.__name__}.npz"
        source = a.MLP([3, 4, 2], dropout=0.5, seed=0)
        source.save(path)
        target = b.MLP([3, 4, 2], dropout=0.5, seed=9)
        target.load(path)
        close(a.predict(source, x), b.predict(target, x), 1e-6, "predictions")


@pytest.mark.parametrize("max_norm", [0.01, 1000.0])
def test_clip_gradients(max_norm, mx):
    twins = [scratch, mx]
    models, norms = networks(twins), []
    for dl, model in zip(twins, models, strict=True):
        with dl.record():
            loss = dl.mse(model(dl.tensor(normal(0, 20, 3))), normal(1, 20, 2))
        loss.backward()
        norms.append(dl.clip_gradients(model.parameters(), max_norm))
        assert isinstance(norms[-1], float)
    close(norms[0], norms[1], 1e-5, "norm")
    ours, theirs = (model.gradients() for model in models)
    for name, g in ours.items():
        close(g, theirs[name], GRADIENTS, name)


def test_a_parameter_without_axes_trains(mx):
    """A number of shape () is a parameter like any other."""
    ends = []
    for dl in (scratch, mx):
        model = dl.Module()
        model.factor = dl.tensor(2.0, requires_grad=True)
        sgd = dl.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            sgd.zero_grad()
            model.zero_grad()
            with dl.record():
                y_hat = dl.tensor([1.0, 2.0]) * model.factor
                loss = dl.mse(y_hat, np.float32([3, 4]))
            loss.backward()
            dl.clip_gradients(model.parameters(), 1.0)
            sgd.step()
        ends.append(model.state()["factor"])
    close(*ends, 1e-6, "factor")
