"""Rows of `normalization.py`."""

import numpy as np

from tests.concepts.row import Build, Row, Wrong, normal

F = np.float32


def recorded(dl, x):
    """The output while training."""
    with dl.record():
        return dl.BatchNorm(3)(x)


ROWS = [
    Row(
        "BatchNorm",
        {
            **{
                f"training, {g} {shape}": Build(
                    lambda dl, seed, n=shape[1], g=g: dl.BatchNorm(n, g),
                    normal(0, *shape) * 2 + 1,
                    batch=None,
                    exempt={
                        "repeat": "each batch moves the running statistics",
                        "freeze in scratch": "what is measured goes on being measured",
                    },
                )
                for g, shape in ((None, (4, 3, 2, 3)), ("relu", (5, 3)))
            },
            **{
                f"at rest, {g} {shape}": Build(
                    lambda dl, seed, n=shape[1], g=g: dl.BatchNorm(n, g).eval(),
                    normal(0, *shape) * 2 + 1,
                )
                for g, shape in (
                    (None, (4, 3, 2, 3)),
                    ("relu", (4, 3, 2, 3)),
                    ("tanh", (5, 3)),
                    ("sigmoid", (1, 2)),
                    (None, (2, 3, 4)),
                )
            },
            "momentum, eps": Build(
                lambda dl, seed: dl.BatchNorm(2, momentum=0.5, eps=0.1).eval(),
                normal(0, 3, 2),
            ),
        },
        {
            "other channels": Wrong(
                lambda dl: dl.BatchNorm(3)(np.ones((2, 4), F)),
                ValueError,
                r"BatchNorm expects x of shape \(batch, 3\) or \(batch, 3, ...\), got "
                r"\(2, 4\)",
            ),
            "channels last": Wrong(
                lambda dl: dl.BatchNorm(3)(np.ones((2, 6, 6, 3), F)),
                ValueError,
                r"BatchNorm expects .*: the channels come second",
            ),
            "one example": Wrong(
                lambda dl: dl.BatchNorm(3)(np.ones(3, F)),
                ValueError,
                r"BatchNorm expects .*got \(3,\)",
            ),
            "pixels": Wrong(
                lambda dl: dl.BatchNorm(3)(np.ones((2, 3, 4, 4), np.uint8)),
                TypeError,
                r"floating-point numbers.*uint8.*x.astype\('float32'\) / 255",
            ),
            "nothing to measure": Wrong(
                lambda dl: recorded(dl, np.ones((0, 3), F)),
                ValueError,
                "BatchNorm needs at least one example while training, got x without",
            ),
            "images without a pixel": Wrong(
                lambda dl: recorded(dl, np.ones((2, 3, 0, 4), F)),
                ValueError,
                "BatchNorm needs at least one example while training, got x without",
            ),
            "no channels": Wrong(
                lambda dl: dl.BatchNorm(0),
                ValueError,
                "channels must be a whole number >= 1, got 0",
            ),
            "activation": Wrong(
                lambda dl: dl.BatchNorm(3, "swish"),
                ValueError,
                "activation must be one of None, 'sigmoid', 'tanh', 'relu', got",
            ),
            "momentum": Wrong(
                lambda dl: dl.BatchNorm(3, momentum=1),
                ValueError,
                r"momentum must lie in \[0, 1\), got 1",
            ),
            "no eps": Wrong(
                lambda dl: dl.BatchNorm(3, eps=0),
                ValueError,
                "eps must be a finite number > 0, got 0",
            ),
        },
        known={
            "by hand: 1 and 3 are one deviation from 2": (
                lambda dl: recorded(dl, [[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]]),
                [[-1, -1, 0], [1, 1, 0]],
            ),
        },
        exempt={
            "modes in scratch": "what was measured while training is used elsewhere; "
            "MXNet remembers it on the way back only"
        },
        scratch_only={
            "g": "how scratch applies its activation, of no use to a caller",
            "rectify": "how scratch applies its activation, of no use to a caller",
        },
    ),
]
