"""Rows of `language.py`."""

import numpy as np

from tests.concepts.row import Build, Call, Row, Wrong, whole

NAN = float("nan")
CELLS = ("rnn", "lstm", "gru", "transformer")


def model(dl, cell, seed, **options):
    return dl.LanguageModel(5, 4, cell, heads=2, max_length=12, seed=seed, **options)


def written(dl, cell, prompt):
    """Texts of a model: of the likeliest tokens, drawn from three, and up to a 2."""
    m = model(dl, cell, 1, layers=2)
    return [
        text
        for options in ({"temperature": 0}, {"top_k": 3}, {"stop": 2})
        for text in dl.generate(m, prompt, 6, seed=5, **options)
    ]


def wrong_generate(prompt, error, pattern, **options):
    return Wrong(
        lambda dl: dl.generate(
            dl.LanguageModel(7, 4), prompt, **{"length": 3, **options}
        ),
        error,
        pattern,
    )


ROWS = [
    Row(
        "LanguageModel",
        {
            **{
                f"{cell}, {layers} layers": Build(
                    lambda dl, seed, c=cell, n=layers: model(
                        dl, c, seed, layers=n, dropout=0.5
                    ).eval(),
                    constants=(whole(0, 5, 2, 3),),
                )
                for cell, layers in (
                    *(("rnn", 1), ("lstm", 2), ("gru", 2), ("transformer", 1)),
                )
            },
            "advance": Build(
                lambda dl, seed: model(dl, "gru", seed),
                constants=(whole(0, 5, 2, 3),),
                call=lambda m, x: m.advance(x[:, 1:], m.advance(x[:, :1])[1])[0],
            ),
        },
        {
            "cell": Wrong(
                lambda dl: dl.LanguageModel(7, cell="cnn"),
                ValueError,
                "cell must be one of 'rnn', 'lstm', 'gru', 'transformer', got 'cnn'",
            ),
            "one sequence": Wrong(
                lambda dl: dl.LanguageModel(7)(np.arange(4)),
                ValueError,
                r"tokens of shape \(batch, length\).*got \(4,\): a single sequence is",
            ),
            "no tokens": Wrong(
                lambda dl: dl.LanguageModel(7)(np.zeros((2, 0), int)),
                ValueError,
                r"1 <= length, got \(2, 0\)",
            ),
            "too long": Wrong(
                lambda dl: dl.LanguageModel(7, cell="transformer", max_length=4)(
                    np.zeros((2, 5), int)
                ),
                ValueError,
                r"length <= max_length = 4, got \(2, 5\): cut it into pieces, or build",
            ),
            "outside the vocabulary": Wrong(
                lambda dl: dl.LanguageModel(7)([[7]]),
                ValueError,
                r"indices in \[0, 7\), got 7",
            ),
            "floats": Wrong(
                lambda dl: dl.LanguageModel(7)(np.ones((4, 3), np.float32)),
                TypeError,
                "whole numbers in.*float32",
            ),
        },
    ),
    Row(
        "generate",
        {
            cell: Call(
                lambda dl, prompt, c=cell: written(dl, c, prompt),
                constants=(whole(0, 5, 2, 3),),
                batch=None,
            )
            for cell in CELLS
        },
        {
            "no prompt": wrong_generate(
                [], ValueError, r"at least one token, got shape \(0,\)"
            ),
            "empty rows": wrong_generate(
                [[], []], ValueError, r"one token, got shape \(2, 0\)"
            ),
            "three axes": wrong_generate([[[1]]], ValueError, r"got shape \(1, 1, 1\)"),
            "unknown": wrong_generate([7], ValueError, r"indices in \[0, 7\), got 7"),
            "text": wrong_generate(["a"], TypeError, "whole numbers.*Vocabulary"),
            "temperature": wrong_generate(
                [1],
                ValueError,
                "temperature must be a finite number >= 0, got -0.1",
                temperature=-0.1,
            ),
            "NaN": wrong_generate(
                [1], ValueError, "temperature must be", temperature=NAN
            ),
            "top_k": wrong_generate(
                [1], ValueError, "top_k must be a whole number", top_k=0
            ),
            "length": wrong_generate(
                [1], ValueError, "length must be a whole number", length=0
            ),
            "stop": wrong_generate(
                [1], ValueError, r"stop expects indices in \[0, 7\)", stop=7
            ),
        },
        exempt={"gradient": "it writes tokens, and they have no derivative"},
    ),
]
