"""Rows of `embeddings.py`."""

import numpy as np

from tests.concepts.row import Build, Call, Row, Wrong


def wrong_tokens(name, f):
    """What neither of them takes for a token."""
    return {
        what: Wrong(lambda dl, x=x: f(dl)(x), error, f"{name} expects {pattern}")
        for what, x, error, pattern in (
            (
                "too large",
                [1, 5, 7],
                ValueError,
                r"indices in \[0, 5\), got 5 \(2 of 3",
            ),
            ("negative", -1, ValueError, r"indices in \[0, 5\), got -1"),
            ("floats", [0.0], TypeError, "whole numbers.*float64.*Vocabulary"),
            ("words", ["cat"], TypeError, "whole numbers.*Vocabulary"),
        )
    }


# Tokens that are looked up once, often and never.
TOKENS = {
    "a sequence": np.array([1, 2, 1, 5]),
    "a batch": np.array([[0, 1], [1, 1], [6, 1]]),
    "a token": np.array(2),
}

ROWS = [
    Row(
        "one_hot",
        {
            name: Call(
                lambda dl, x: dl.one_hot(x, 7),
                constants=(x,),
                batch=0 if x.ndim else None,
            )
            for name, x in TOKENS.items()
        },
        wrong_tokens("one_hot", lambda dl: lambda indices: dl.one_hot(indices, 5)),
        exempt={"gradient": "a token has no derivative"},
        source=False,
    ),
    Row(
        "Embedding",
        {
            name: Build(
                lambda dl, seed: dl.Embedding(7, 4, seed=seed),
                constants=(x,),
                batch=0 if x.ndim else None,
            )
            for name, x in TOKENS.items()
        },
        {
            **wrong_tokens("Embedding", lambda dl: dl.Embedding(5, 2)),
            "no tokens": Wrong(
                lambda dl: dl.Embedding(0, 2),
                ValueError,
                "tokens must be a whole number >= 1, got 0",
            ),
        },
    ),
]
