"""Classes that count more than others."""

import numpy as np
import pytest

from d2lib import scratch
from d2lib.training import fit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = np.repeat([0, 1, 2], [20, 15, 5])


def step(dl, class_weight, loss=None, data=(X, Y)):
    """One step of gradient descent on all the data; the weights after it."""
    model = dl.MLP([3, 4, 3], seed=0)
    sgd = dl.SGD(model.parameters(), lr=0.5)
    fit(
        model,
        data,
        loss=loss or dl.cross_entropy,
        optimizer=sgd,
        batch_size=len(X),
        class_weight=class_weight,
    )
    return model.state()


def close(a, b):
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weights", [{0: 1.0, 1: 2.0, 2: 7.0}, {2: 3}, {1: 0.0}])
def test_is_the_weighted_mean_of_the_examples_losses(dl, weights):
    def by_hand(y_hat, y):
        factors = np.array([weights.get(int(label), 1) for label in y], np.float32)
        losses = dl.cross_entropy(y_hat, y, reduction="none")
        return (losses * dl.tensor(factors)).mean()

    close(step(dl, weights), step(dl, None, by_hand))


def test_a_weight_is_as_good_as_copies(dl):
    """Two of each example of class 2; the mean is over more examples."""
    x, y = np.concatenate([X, X[Y == 2]]), np.concatenate([Y, Y[Y == 2]])

    def of_forty(y_hat, y):
        return dl.cross_entropy(y_hat, y, reduction="sum") * (1 / len(X))

    def all_at_once():
        yield x, y

    close(step(dl, {2: 2.0}), step(dl, None, of_forty, all_at_once))


def test_balanced_is_scikit_learns(dl):
    """Golden: sklearn.utils.class_weight.compute_class_weight("balanced", ...)."""
    balanced = {0: 40 / (3 * 20), 1: 40 / (3 * 15), 2: 40 / (3 * 5)}
    close(step(dl, "balanced"), step(dl, balanced))


def test_of_one_logit(dl):
    def train(weights, loss):
        model = dl.Dense(3, 1, seed=0)
        sgd = dl.SGD(model.parameters(), lr=0.5)
        y = (Y == 2).astype(np.float32)[:, None]
        fit(model, (X, y), loss=loss, optimizer=sgd, class_weight=weights)
        return model.state()

    def by_hand(y_hat, y):
        losses = dl.binary_cross_entropy_with_logits(y_hat, y, reduction="none")
        return (losses * dl.tensor(1 + 3 * y)).mean()

    close(
        train({1: 4.0}, dl.binary_cross_entropy_with_logits),
        train(None, by_hand),
    )


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ("even", TypeError, 'weights by label.*"balanced", got .even'),
        ({}, TypeError, "weights by label"),
        ([1.0, 2.0], TypeError, "weights by label"),
        ({"cat": 1.0}, TypeError, "got the label 'cat'"),
        ({-1: 1.0}, TypeError, "got the label -1"),
        ({True: 1.0}, TypeError, "got the label True"),
        ({0: -1.0}, ValueError, r"class_weight\[0\] must be"),
        ({0: float("nan")}, ValueError, r"class_weight\[0\] must be"),
        ({0: "much"}, TypeError, r"class_weight\[0\] must be"),
    ],
)
def test_refuses(dl, weights, error, message):
    with pytest.raises(error, match=message):
        step(dl, weights)


def test_what_can_not_be_weighed(dl):
    with pytest.raises(TypeError, match='a loss that takes reduction="none"'):
        step(dl, {0: 2.0}, lambda y_hat, y: dl.cross_entropy(y_hat, y))
    with pytest.raises(ValueError, match="one loss for each label"):
        step(dl, {0: 2.0}, lambda y_hat, y, reduction: dl.cross_entropy(y_hat, y))
    y = np.full((40, 3), 0.5, np.float32)
    with pytest.raises(ValueError, match="class_weight needs labels"):
        step(dl, {0: 2.0}, dl.mse, (X, y))
    with pytest.raises(ValueError, match="counts the labels, which takes arrays"):
        step(scratch, "balanced", scratch.cross_entropy, [(X, Y)])
