"""Models of either twin as scikit-learn's estimators, for its pipelines and searches.

They do what scikit-learn asks of a classifier and of a regressor, so they stand in
``Pipeline``, ``cross_val_score`` and ``GridSearchCV``. It needs scikit-learn, which the
extra ``sklearn`` brings.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from d2lib._checks import (
    check_choice,
    check_flag,
    check_positive,
    check_positive_int,
    check_seed,
    short,
    twin_of,
)
from d2lib._types import Array
from d2lib.training import EarlyStopping, fit, predict

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.model_selection import train_test_split
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "d2lib.sklearn needs scikit-learn of 1.6 or later: pip install scikit-learn "
        f"({error})"
    ) from error

__all__ = ["Classifier", "Regressor"]


class _Estimator(BaseEstimator):
    """What both have in common: a network that is made and trained by ``fit``."""

    def __init__(
        self,
        hidden: Sequence[int] | Callable[..., Any] = (64,),
        *,
        twin: str = "scratch",
        epochs: int = 50,
        lr: float = 0.01,
        batch_size: int = 32,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.twin = twin
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.seed = seed

    def _model(self, inputs: int, outputs: int) -> Any:
        """Makes the network, from its hidden widths or by the user's function."""
        check_choice(self.twin, ("scratch", "mx"), "twin")
        seed = check_seed(self.seed)
        hidden: Any = self.hidden
        if callable(hidden):
            return hidden(inputs, outputs, seed)
        if isinstance(hidden, str) or not isinstance(hidden, Sequence | np.ndarray):
            raise TypeError(
                "hidden must be the widths of the hidden layers, or a function of "
                f"(inputs, outputs, seed) that makes a model, got {short(hidden)}: "
                "pass a tuple, such as (64,)"
            )
        twin = importlib.import_module(f"d2lib.{self.twin}")
        return twin.MLP([inputs, *hidden, outputs], seed=seed)

    def _train(self, X: Any, y: Any, outputs: int, loss: str, **options: Any) -> None:
        """Makes the network and trains it with Adam."""
        lr = check_positive(self.lr, "lr")
        model = self._model(X.shape[1], outputs)
        twin: Any = importlib.import_module(twin_of(model))
        if check_flag(self.early_stopping, "early_stopping"):
            patience = check_positive_int(self.n_iter_no_change, "n_iter_no_change")
            X, X_val, y, y_val = self._held_out(X, y)
            options |= {
                "validation": (X_val, y_val),
                "callbacks": [EarlyStopping(patience)],
            }
        self.history_ = fit(
            model,
            (X, y),
            loss=getattr(twin, loss),
            optimizer=twin.Adam(model.parameters(), lr=lr),
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self.seed,
            progress=False,
            **options,
        )
        self.model_ = model

    def _held_out(self, X: Any, y: Any) -> list[Any]:
        """Splits off the examples to stop by; each class keeps its share of them."""
        fraction = check_positive(self.validation_fraction, "validation_fraction")
        n = int(np.ceil(fraction * len(y)))
        if not fraction < 1 or n >= len(y):
            raise ValueError(
                "validation_fraction must be below 1 and leave examples to learn from, "
                f"got {fraction:g} of n_samples={len(y)}"
            )
        labels = y if isinstance(self, ClassifierMixin) else None
        if labels is not None:
            classes, counts = np.unique(labels, return_counts=True)
            if counts.min() < 2 or min(n, len(y) - n) < len(classes):
                labels = None  # too few for each to have one on both sides
        parts: list[Any] = train_test_split(
            X, y, test_size=n, stratify=labels, random_state=check_seed(self.seed)
        )
        return parts

    def _outputs(self, X: Any) -> Array:
        """What the network makes of rows, in float64."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        return predict(self.model_, X).astype(np.float64)


class Classifier(ClassifierMixin, _Estimator):
    r"""A network that scikit-learn takes for one of its classifiers.

    .. math:: P(y = k \mid x) = \operatorname{softmax}\big(f(x; W)\big)_k

    Trained by Adam with the cross-entropy of the logits f. Labels may be anything that
    can be sorted, words too. Put a ``StandardScaler`` before it.

    Args:
        hidden: the widths of an `MLP`'s hidden layers; or a function
            ``(inputs, outputs, seed)`` that returns a model of either twin, which maps
            float32 rows (batch, inputs) to logits (batch, outputs).
        twin: "scratch" or "mx", whose MLP it is.
        epochs: passes over the data, at most.
        lr: the learning rate of Adam.
        batch_size: examples per step.
        class_weight: what the loss of an example is multiplied with, by its label; or
            "balanced", see `fit`.
        early_stopping: whether to hold examples out, and to stop when their loss has
            not fallen for some epochs; the best weights are kept.
        validation_fraction: how many of the examples that are, in (0, 1).
        n_iter_no_change: for how many epochs it may not fall.
        seed: of the first weights, of the order of the examples, and of the split.

    Attributes:
        classes_: the labels, sorted.
        model_: the trained model of the twin.
        history_: the `History` of its training.

    Raises:
        ValueError: (of ``fit``) rows or labels that scikit-learn refuses, an unknown
            twin, a number out of range, weights of labels that are not there.
        TypeError: (of ``fit``) a parameter of a wrong type.

    Example:
        >>> from sklearn.model_selection import cross_val_score
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from d2lib.data import moons
        >>> x, y = moons(200, noise=0.1, seed=0)
        >>> estimator = make_pipeline(StandardScaler(), Classifier((16,), epochs=40))
        >>> bool(cross_val_score(estimator, x, y, cv=3).mean() > 0.9)
        True
    """

    def __init__(
        self,
        hidden: Sequence[int] | Callable[..., Any] = (64,),
        *,
        twin: str = "scratch",
        epochs: int = 50,
        lr: float = 0.01,
        batch_size: int = 32,
        class_weight: Mapping[Any, float] | str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__(
            hidden,
            twin=twin,
            epochs=epochs,
            lr=lr,
            batch_size=batch_size,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            seed=seed,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any) -> Classifier:
        """Learns from rows (n, inputs) and their labels (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        weights = self.class_weight
        if isinstance(weights, Mapping):  # by the labels that the user knows
            known = {k: i for i, k in enumerate(self.classes_.tolist())}
            odd = [k for k in weights if k not in known]
            if odd and any(k not in weights for k in known):
                raise ValueError(
                    "class_weight must name labels that y has, got "
                    f"{short(odd[0])} for labels {short(list(known))}: correct it, or "
                    "name them all"
                )
            weights = {known[k]: w for k, w in weights.items() if k in known} or None
        self._train(
            X, labels, len(self.classes_), "cross_entropy", class_weight=weights
        )
        return self

    def predict_proba(self, X: Any) -> Array:
        """Returns the probability of each class, (n, classes), float64."""
        z = self._outputs(X)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p: Array = e / e.sum(axis=1, keepdims=True)
        return p

    def predict(self, X: Any) -> Array:
        """Returns the most probable label of each row, (n,)."""
        answers = self._outputs(X).argmax(axis=1)
        labels: Array = self.classes_[answers]
        return labels


class Regressor(RegressorMixin, _Estimator):
    r"""A network that scikit-learn takes for one of its regressors.

    .. math:: \hat y = \mu_y + \sigma_y\, f(x; W)

    Trained by Adam with the mean squared error. The targets' mean and spread are taken
    out before and put back after, so that their unit does not matter. Put a
    ``StandardScaler`` before it for the rows.

    Args:
        hidden: the widths of an `MLP`'s hidden layers; or a function
            ``(inputs, outputs, seed)`` that returns a model of either twin, which maps
            float32 rows (batch, inputs) to (batch, outputs); outputs is 1.
        twin: "scratch" or "mx", whose MLP it is.
        epochs: passes over the data, at most.
        lr: the learning rate of Adam.
        batch_size: examples per step.
        early_stopping: whether to hold examples out, and to stop when their loss has
            not fallen for some epochs; the best weights are kept.
        validation_fraction: how many of the examples that are, in (0, 1).
        n_iter_no_change: for how many epochs it may not fall.
        seed: of the first weights, of the order of the examples, and of the split.

    Attributes:
        model_: the trained model of the twin.
        history_: the `History` of its training, of standardised targets.

    Raises:
        ValueError: (of ``fit``) rows or targets that scikit-learn refuses, an unknown
            twin, a number out of range.
        TypeError: (of ``fit``) a parameter of a wrong type.

    Example:
        >>> x = np.linspace(-1, 1, 100).reshape(-1, 1)
        >>> bool(Regressor((16,)).fit(x, 1e6 * x[:, 0] ** 2).score(x, 1e6 * x**2) > 0.9)
        True
    """

    def fit(self, X: Any, y: Any) -> Regressor:
        """Learns from rows (n, inputs) and their targets (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float32, y_numeric=True)
        y = np.asarray(y, np.float64)
        self._middle, self._spread = float(y.mean()), float(y.std()) or 1.0
        targets = ((y - self._middle) / self._spread).astype(np.float32)
        self._train(X, targets.reshape(-1, 1), 1, "mse")
        return self

    def predict(self, X: Any) -> Array:
        """Returns the prediction for each row, (n,), float64."""
        standardised = self._outputs(X)[:, 0]
        return self._middle + self._spread * standardised
