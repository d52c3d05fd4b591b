"""scikit-learn's own checks of its estimators, and what it gives to `fit`."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from d2lib import scratch
from d2lib.data import moons
from d2lib.sklearn import Classifier, Regressor
from tests.twins.both import TWINS

X, Y = moons(200, noise=0.1, seed=0)


EXEMPT = {
    "check_class_weight_classifiers": "the loss of what is held out is not weighted, "
    "as that of Keras is not: it stops before heavy classes have won"
}


@parametrize_with_checks(
    [
        Classifier((16,), epochs=20),
        Regressor((16,), epochs=20),
        Classifier((16,), epochs=20, early_stopping=True),
    ],
    expected_failed_checks=lambda estimator: EXEMPT if estimator.early_stopping else {},
)
def test_what_scikit_learn_asks(estimator, check):
    """All that it checks: without early stopping, nothing is exempt."""
    check(estimator)


@pytest.fixture(params=TWINS)
def twin(request):
    return request.param


def test_in_a_pipeline_with_words_as_labels(twin):
    words = np.array(["no", "yes"])[Y]
    pipeline = make_pipeline(StandardScaler(), Classifier((16,), twin=twin, epochs=20))
    assert cross_val_score(pipeline, X, words, cv=3).min() > 0.8
    found = pipeline.fit(X, words)[-1]
    assert found.classes_.tolist() == ["no", "yes"]
    assert found.model_.twin == f"d2lib.{twin}"
    assert len(found.history_.loss) == 20
    assert found.predict_proba(X[:5]).shape == (5, 2)


def test_a_regressor_does_not_mind_the_unit(twin):
    x = np.linspace(-1, 1, 100).reshape(-1, 1)
    small = Regressor((16,), twin=twin, epochs=20).fit(x, x[:, 0] ** 2)
    large = clone(small).fit(x, 1e6 * x[:, 0] ** 2 + 5e6)
    expected = 1e6 * small.predict(x) + 5e6
    np.testing.assert_allclose(large.predict(x), expected, rtol=1e-3)


def test_a_function_makes_the_model(twin):
    dl = importlib.import_module(f"d2lib.{twin}")

    def build(inputs, outputs, seed):
        return dl.Sequential(
            dl.Dense(inputs, 8, "tanh", seed=seed), dl.Dense(8, outputs)
        )

    found = Classifier(build, epochs=2).fit(X, Y)
    assert [layer.units for layer in found.model_.layers] == [8, 2]
    assert found.model_.twin == f"d2lib.{twin}"


@pytest.mark.parametrize("kind", [Classifier, Regressor])
def test_early_stopping(twin, kind):
    """Of noise there is nothing to learn: the loss of what is held out soon rises."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 5)), rng.integers(0, 2, 100)
    options = {"twin": twin, "lr": 0.05, "epochs": 200, "n_iter_no_change": 3}
    found = kind((64,), early_stopping=True, validation_fraction=0.3, **options)
    history = found.fit(x, y).history_
    best = int(np.argmin(history.val_loss))
    assert len(history.loss) == len(history.val_loss) == best + 4 < 200
    again = clone(found).set_params(epochs=best + 1).fit(x, y)  # the best weights
    np.testing.assert_array_equal(found.predict(x), again.predict(x))
    assert not kind((4,), epochs=1).fit(x, y).history_.val_loss


def test_what_is_held_out_is_drawn_by_class():
    y = np.repeat([0, 1], [90, 10])
    x = np.arange(100.0).reshape(-1, 1)
    parts = Classifier(validation_fraction=0.2)._held_out(x, y)
    assert [len(part) for part in parts] == [80, 20, 80, 20]
    assert (parts[3] == 1).sum() == 2
    few = Classifier(early_stopping=True, epochs=1)  # one class has one example only
    assert few.fit(x[:11], [0] * 10 + [1]).predict(x[:11]).shape == (11,)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"early_stopping": 1}, TypeError, "early_stopping must be"),
        ({"validation_fraction": 0}, ValueError, "validation_fraction must be"),
        ({"validation_fraction": 1.0}, ValueError, "must be below 1 and leave"),
        ({"validation_fraction": 0.999}, ValueError, "got 0.999 of n_samples=200"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change must be"),
    ],
)
def test_mistakes_in_early_stopping(options, error, words):
    options = {"early_stopping": True, **options}
    for estimator in (Classifier(**options), Regressor(**options)):
        with pytest.raises(error, match=words):
            estimator.fit(X, Y)


def test_a_search_over_its_parameters():
    search = GridSearchCV(Classifier(epochs=3), {"hidden": [(4,), (16,)]}, cv=2)
    assert search.fit(X, Y).best_params_["hidden"] in [(4,), (16,)]


def test_class_weights_by_the_labels_of_the_user():
    words = np.array(["no", "yes"])[Y]
    always = Classifier((8,), epochs=5, class_weight={"yes": 1000, "no": 0.001})
    assert (always.fit(X, words).predict(X) == "yes").mean() > 0.9

    misspelt = Classifier(epochs=1, class_weight={"yse": 1000})
    with pytest.raises(ValueError, match=r"class_weight must name labels .*'yse'"):
        misspelt.fit(X, words)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"hidden": 64}, TypeError, "hidden must be .*pass a tuple"),
        ({"hidden": "64"}, TypeError, "hidden must be"),
        ({"hidden": lambda *_: None}, TypeError, "model"),
        ({"twin": "torch"}, ValueError, "twin must be one of 'scratch', 'mx'"),
        ({"lr": 0}, ValueError, "lr must be"),
        ({"epochs": 0}, ValueError, "epochs must be"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be"),
        ({"seed": -1}, ValueError, "seed must be"),
    ],
)
def test_mistakes(options, error, words):
    for estimator in (Classifier(**options), Regressor(**options)):
        with pytest.raises(error, match=words):
            estimator.fit(X, Y)


def test_where_scikit_learn_is_missing_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "d2lib.sklearn")
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        importlib.import_module("d2lib.sklearn")


# scikit-learn beside `fit`, without a wrapper ---------------------------------------


def test_its_metrics_splitters_and_scalers(twin):
    """Its metrics take (y_true, y_pred): a lambda turns them round."""
    dl = importlib.import_module(f"d2lib.{twin}")
    x, x_val, y, y_val = train_test_split(X, Y, stratify=Y, random_state=0)
    scaler = StandardScaler().fit(x)
    model = dl.MLP([2, 16, 2], seed=0)
    history = dl.fit(
        model,
        (scaler.transform(x), y),
        loss=dl.cross_entropy,
        optimizer=dl.Adam(model.parameters(), lr=0.01),
        epochs=3,
        validation=(scaler.transform(x_val), y_val),
        metrics={
            "balanced": lambda y_hat, y: balanced_accuracy_score(y, y_hat.argmax(1)),
            "auc": lambda y_hat, y: roc_auc_score(y, y_hat[:, 1] - y_hat[:, 0]),
        },
    )
    answers = scratch.predict(model, scaler.transform(x_val))
    expected = balanced_accuracy_score(y_val, answers.argmax(1))
    assert history["balanced"][-1] == pytest.approx(expected)
    assert 0.5 < history["auc"][-1] <= 1
