"""What fit takes as data: arrays, several inputs, batches from anywhere."""

import numpy as np
import pytest

from d2lib import scratch
from d2lib.data import minibatches, spirals
from d2lib.training import accuracy, fit, predict
from tests.twins.checks import identical

X, Y = spirals(90, classes=2, seed=0)


def train(dl, data, model=None, **options):
    model = model or dl.MLP([2, 12, 2], seed=0)
    sgd = dl.SGD(model.parameters(), lr=0.1)
    options = {"loss": dl.cross_entropy, "epochs": 2, "batch_size": 32, **options}
    return model, fit(model, data, optimizer=sgd, **options)


def batches_of(epochs):
    """The batches that fit draws from arrays, epoch after epoch."""
    drawn = iter(range(epochs))

    def batches():
        generator = np.random.default_rng([0, next(drawn)])
        yield from minibatches(X, Y, 32, seed=generator)

    return batches


def test_batches_train_as_the_arrays_that_they_come_from(dl):
    arrays, expected = train(dl, (X, Y))
    streamed, history = train(dl, batches_of(2))
    identical(arrays.state(), streamed.state())
    assert history == expected


def test_an_iterable_is_gone_through_once_an_epoch(dl):
    class Twice:
        passes = 0

        def __len__(self):
            return 2

        def __iter__(self):
            self.passes += 1
            yield X[:40], Y[:40]
            yield X[40:], Y[40:]

    data = Twice()
    _, history = train(dl, data, epochs=3)
    assert data.passes == 3
    assert len(history.loss) == 3


def test_what_does_not_fit_in_memory():
    """A pass of 2^40 examples can be begun: nothing is counted or kept."""

    def endless():
        for _ in range(2**35):
            yield X[:32], Y[:32]

    class Enough(scratch.Callback):
        def on_batch(self, run):
            if run.steps == 5:
                raise StopIteration("seen enough")

    with pytest.raises(StopIteration, match="seen enough"):
        train(scratch, endless, callbacks=[Enough()])


def test_validation_by_batches_is_that_of_the_whole(dl):
    options = {"metrics": {"accuracy": accuracy}}
    _, whole = train(dl, (X, Y), validation=(X, Y), **options)
    parts = [(X[:50], Y[:50]), (X[50:70], Y[50:70]), (X[70:], Y[70:])]
    _, history = train(dl, (X, Y), validation=parts, **options)
    assert history.val_loss == pytest.approx(whole.val_loss, rel=1e-5)
    assert history["accuracy"] == whole["accuracy"]


class TestSeveralInputs:
    def model(self, dl):
        class Two(dl.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = dl.Dense(1, 8, "tanh", seed=0), dl.Dense(1, 8, seed=1)
                self.out = dl.Dense(8, 2, seed=2)

            def forward(self, x, y):
                return self.out(self.a(x) * self.b(y))

        return Two()

    def test_each_is_an_argument_of_the_model(self, dl):
        model, inputs = self.model(dl), (X[:, :1], X[:, 1:])
        before = predict(model, inputs)
        expected = dl.to_numpy(model(*map(dl.tensor, inputs)))
        np.testing.assert_allclose(before, expected, rtol=1e-5)
        _, history = train(
            dl, (inputs, Y), model, validation=(inputs, Y), epochs=3, clip_norm=5.0
        )
        assert len(history.val_loss) == 3
        assert not np.array_equal(predict(model, inputs), before)

    def test_their_rows_stay_together(self):
        seen = []

        class Spy(scratch.Module):
            def __init__(self):
                self.w = scratch.tensor(1.0, requires_grad=True)

            def forward(self, x, y):
                seen.append((x.data, y.data))
                return x * self.w

        rows = np.arange(10, dtype=np.float32)[:, None]
        model = Spy()
        sgd = scratch.SGD(model.parameters())
        data = ((rows, rows * 2), rows)
        fit(model, data, loss=scratch.mse, optimizer=sgd, batch_size=4)
        for x, y in seen:
            np.testing.assert_array_equal(y, 2 * x)
        drawn = np.concatenate([x.ravel() for x, _ in seen])
        assert sorted(drawn) == list(range(10))

    def test_of_other_lengths(self, dl):
        inputs = (X[:, :1], X[:80, 1:])
        with pytest.raises(
            ValueError, match=r"x \(90, 1\) and \(80, 1\) and y \(90,\)"
        ):
            train(dl, (inputs, Y), self.model(dl))
        with pytest.raises(ValueError, match="inputs of one length, got"):
            predict(self.model(dl), inputs)


def one_batch():
    yield X, Y


def no_batch():
    yield from ()


def bad_batch():
    yield X, Y
    yield X, np.full(90, np.nan)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (one_batch(), TypeError, "data=batches instead of data=batches()"),
        (iter([(X, Y)] * 3), TypeError, "got list_iterator, which is empty after one"),
        (no_batch, ValueError, "data gave no batch"),
        ([], ValueError, "at least one batch, got none"),
        (bad_batch, ValueError, "batch 2 of data's y"),
        ([X, X, X], TypeError, r"batch 1 of data must be a pair \(x, y\), got ndarray"),
        (lambda: 3, TypeError, "returns an iterable of batches .*returned 3"),
        ({"x": X, "y": Y}, TypeError, r"must be a pair \(x, y\), got dict"),
        (b"xy", TypeError, r"must be a pair \(x, y\)"),
        (dict, TypeError, r"must be a pair \(x, y\), got"),
        (7, TypeError, r"must be a pair \(x, y\), got int"),
    ],
)
def test_what_is_no_data(dl, data, error, message):
    with pytest.raises(error, match=message.replace("()", r"\(\)")):
        train(dl, data)
