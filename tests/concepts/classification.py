"""Rows of `classification.py`."""

import numpy as np

from tests.concepts.row import Build, Row, Wrong, normal

F = np.float32


def gently(model, x):
    """What a large step of training would not put out of reach of any gradient."""
    return model(x) * 0.01


ROWS = [
    Row(
        "LeNet",
        {
            "small": Build(
                lambda dl, seed: dl.LeNet(3, 1, (2, 3), seed=seed),
                normal(0, 2, 1, 28, 28),
                call=gently,
                least_gradient=0.01,
            ),
            "larger images, two channels": Build(
                lambda dl, seed: dl.LeNet(2, 2, (2, 3), seed=seed),
                normal(0, 1, 2, 33, 30),
                call=gently,
                least_gradient=0.01,
            ),
            "batch norm": Build(
                lambda dl, seed: dl.LeNet(3, 1, (2, 3), True, seed).eval(),
                normal(0, 2, 1, 28, 28),
                exempt={"modes in scratch": "as `BatchNorm` is"},
                call=gently,
                least_gradient=0.01,
            ),
        },
        {
            "smaller images": Wrong(
                lambda dl: dl.LeNet()(np.ones((2, 1, 27, 28), F)),
                ValueError,
                "conv2d moves a window of 5 x 5 over images that are only 4 x 5",
            ),
            "colour images": Wrong(
                lambda dl: dl.LeNet()(np.ones((2, 3, 28, 28), F)),
                ValueError,
                r"Conv2D expects x of shape \(batch, 1, height, width\)",
            ),
            "no axis for the channel": Wrong(
                lambda dl: dl.LeNet()(np.ones((2, 28, 28), F)),
                ValueError,
                r"Conv2D expects .*gray images need an axis .*x\[:, None\]",
            ),
            "flat images": Wrong(
                lambda dl: dl.LeNet()(np.ones((2, 784), F)),
                ValueError,
                r"Conv2D expects .*got \(2, 784\)",
            ),
            "one filter": Wrong(
                lambda dl: dl.LeNet(filters=(6,)),
                ValueError,
                r"filters must be two whole numbers.*got \(6,\)",
            ),
            "no class": Wrong(
                lambda dl: dl.LeNet(0),
                ValueError,
                "classes must be a whole number >= 1, got 0",
            ),
            "batch norm": Wrong(
                lambda dl: dl.LeNet(batch_norm=1),
                TypeError,
                "batch_norm must be True or False, got 1",
            ),
        },
    ),
]
