"""Rows of `recurrent.py`."""

import numpy as np

from tests.concepts.row import Build, Row, Wrong, normal

F = np.float32
X = np.ones((4, 3), F)
NAN = float("nan")


def outputs(module, x):
    return module(x)[0]


def from_a_state(module, x, *state):
    """The outputs and the final state, from a given one.

    A tensor is computed with first: MXNet adds no gradient to a state in float64.
    """
    state = tuple(s if isinstance(s, np.ndarray) else s * 1.0 for s in state)
    return module(x, state if len(state) > 1 else state[0])


def samples(name, exempt=None, **options):
    """The outputs of one layer; all that two layers make of a given state."""

    def make(layers):
        return lambda dl, seed: getattr(dl, name)(3, 2, layers, seed=seed, **options)

    what = ", ".join(["", *map(str, options.values())])
    states = [normal(1 + i, 2, 2, 2) for i in range(2 if name == "LSTM" else 1)]
    return {
        f"one layer{what}": Build(
            make(1), normal(0, 2, 4, 3), call=outputs, exempt=exempt
        ),
        f"two layers from a state{what}": Build(
            *(make(2), normal(0, 2, 4, 3), *states),
            call=from_a_state,
            batch=None,
            exempt=exempt,
        ),
    }


def one_by_one(name):
    return {
        "one number": Build(
            lambda dl, seed: getattr(dl, name)(1, 1, seed=seed),
            normal(0, 1, 1, 1),
            call=outputs,
        )
    }


def wrong(name):
    """What none of them takes."""
    return {
        **{
            what: Wrong(
                lambda dl, x=x: getattr(dl, name)(3, 5)(x),
                ValueError,
                rf"{name} expects x of shape \(batch, length, 3\).*got {shape}{mend}",
            )
            for what, x, shape, mend in (
                ("one sequence", X, r"\(4, 3\)", r".*x\[None\]"),
                ("another width", np.ones((2, 4, 5), F), r"\(2, 4, 5\)", ""),
                ("no steps", np.ones((2, 0, 3), F), r"\(2, 0, 3\)", ""),
            )
        },
        **{
            f"no {size}": Wrong(
                lambda dl, s=size: getattr(dl, name)(**{"inputs": 3, "units": 5, s: 0}),
                ValueError,
                f"{size} must be a whole number >= 1, got 0",
            )
            for size in ("inputs", "units", "layers")
        },
    }


SINGLE = "MXNet's ReLU inside a recurrent layer rounds to float32, and makes a NaN 0"

ROWS = [
    Row(
        "RNN",
        {
            **samples("RNN"),
            **samples(
                "RNN",
                {
                    "float64": SINGLE,
                    "gradient in mx": SINGLE,
                    "nan in mx": SINGLE,
                    "nonfinite": SINGLE,
                },
                activation="relu",
                initializer="identity",
            ),
            **one_by_one("RNN"),
        },
        {
            **wrong("RNN"),
            "numbers without an axis": Wrong(
                lambda dl: dl.RNN(1, 5)(X),
                ValueError,
                r"got \(4, 3\): one number per step needs an axis of its own, "
                r"x\[:, :, None\]",
            ),
            "a state without layers": Wrong(
                lambda dl: dl.RNN(3, 5)(np.ones((2, 4, 3), F), np.ones((2, 5), F)),
                ValueError,
                r"a state of shape \(1, 2, 5\) \(layers, batch, units\), got \(2, 5\)",
            ),
            "activation": Wrong(
                lambda dl: dl.RNN(3, 5, activation="sigmoid"),
                ValueError,
                "activation must be one of 'tanh', 'relu', got 'sigmoid'",
            ),
            "initializer": Wrong(
                lambda dl: dl.RNN(3, 5, initializer="eye"),
                ValueError,
                "scheme must be one of .*, got 'eye'",
            ),
        },
    ),
    Row(
        "LSTM",
        {**samples("LSTM"), **samples("LSTM", forget_bias=0.5), **one_by_one("LSTM")},
        {
            **wrong("LSTM"),
            "half of a state": Wrong(
                lambda dl: dl.LSTM(3, 5)(np.ones((2, 4, 3), F), np.ones((1, 2, 5), F)),
                TypeError,
                r"a state \(h, c\), each of shape \(1, 2, 5\), got ndarray: "
                "pass the pair",
            ),
            "a state of another batch": Wrong(
                lambda dl: dl.LSTM(3, 5)(
                    np.ones((2, 4, 3), F),
                    (np.ones((1, 2, 5), F), np.ones((1, 3, 5), F)),
                ),
                ValueError,
                r"each of shape \(1, 2, 5\) \(layers, batch, units\), got \(1, 3, 5\)",
            ),
            "forget_bias": Wrong(
                lambda dl: dl.LSTM(3, 5, forget_bias=NAN),
                ValueError,
                "forget_bias must be a finite number, got nan",
            ),
        },
    ),
    Row("GRU", {**samples("GRU"), **one_by_one("GRU")}, wrong("GRU")),
]
