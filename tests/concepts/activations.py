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
    elementwise("sigmoid"),
    elementwise("tanh"),
    elementwise("relu"),
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
        {"integers": integers("softmax")},
    ),
]
