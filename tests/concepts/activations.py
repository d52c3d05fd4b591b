"""Rows of `activations.py`."""

import numpy as np

from tests.concepts.row import Call, Row, Wrong, normal

FAR_OUT = [-1000, -20, 0, 20, 1000]
KINK = {"gradient": "at 0 a ReLU has no derivative"}


def integers(name):
    return Wrong(
        lambda dl: getattr(dl, name)(np.arange(3)),
        TypeError,
        "floating-point numbers.*int64",
    )


def elementwise(name, far_out=FAR_OUT, **options):
    """A row of a function that treats every number by itself."""

    def f(dl, x):
        return getattr(dl, name)(x)

    return Row(
        name,
        {
            "a number": Call(f, 0.3, batch=None),
            "a vector": Call(f, normal(0, 7)),
            "a matrix": Call(f, normal(0, 3, 4)),
            "three axes": Call(f, normal(0, 2, 1, 3)),
            "far out": Call(f, far_out, exempt=KINK if name == "relu" else None),
        },
        {"integers": integers(name)},
        **options,
    )


ROWS = [
    elementwise(
        "sigmoid",
        known={
            "MIT 6.S191, lecture 1, 1 + 3 * -1 - 2 * 2": (
                lambda dl: dl.sigmoid(-6.0),
                0.00247262,
            ),
            "by hand at 0 and log 3": (
                lambda dl: dl.sigmoid([0.0, np.log(3)]),
                [0.5, 0.75],
            ),
        },
    ),
    elementwise(
        "tanh",
        known={
            "by hand at 0 and log 3": (lambda dl: dl.tanh([0.0, np.log(3)]), [0, 0.8])
        },
    ),
    elementwise(
        "relu", known={"by hand": (lambda dl: dl.relu([-2.0, 0.0, 3.0]), [0, 0, 3])}
    ),
    Row(
        "softmax",
        {
            "a vector": Call(lambda dl, x: dl.softmax(x), normal(0, 7), batch=None),
            "far out": Call(lambda dl, x: dl.softmax(x), FAR_OUT, batch=None),
            **{
                f"axis {axis}": Call(
                    lambda dl, x, a=axis: dl.softmax(x, a), normal(0, 2, 3, 4)
                )
                for axis in (-1, 0, 1)
            },
        },
        {
            "integers": integers("softmax"),
            "no such axis": Wrong(
                lambda dl: dl.softmax(normal(0, 2, 3), 2),
                ValueError,
                r"axis must lie in \[-2, 2\) for an array with 2 axes, got 2",
            ),
        },
    ),
]
