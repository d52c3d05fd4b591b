"""Rows of `regularization.py`."""

from tests.concepts.row import Build, Row, Wrong, normal


def the_same_units(module, x):
    """Drops the same at every call."""
    module.seed(3)
    return module(x)


ROWS = [
    Row(
        "Dropout",
        {
            "at rest": Build(
                lambda dl, seed: dl.Dropout(0.5, seed).eval(), normal(0, 3, 4)
            ),
            "p = 0": Build(lambda dl, seed: dl.Dropout(0.0, seed), normal(0, 3, 4)),
            "training": Build(
                lambda dl, seed: dl.Dropout(0.5, seed),
                normal(0, 3, 4),
                call=the_same_units,
                exempt={
                    "parity": "each twin draws by itself: the law is the same alone",
                    "float64": "each twin draws by itself: the law is the same alone",
                },
            ),
        },
        {
            "p of 1": Wrong(
                lambda dl: dl.Dropout(1.0),
                ValueError,
                r"p must lie in \[0, 1\), got 1\.0",
            ),
        },
        scratch_only={"generator": "MXNet has one source of random numbers for all"},
    ),
]
