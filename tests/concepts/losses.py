"""Rows of `losses.py`."""

from itertools import product

import numpy as np

from tests.concepts.row import Call, Row, Wrong, normal, whole

F = np.float32
X = np.ones((4, 3), F)
NAN = float("nan")
SWALLOWED = "MXNet's log_softmax skips a NaN when it looks for the largest score"
REDUCTIONS = ("mean", "sum", "none")
SHAPES = ((5,), (5, 1), (2, 3, 2))


def unknown_reduction(name, y):
    return Wrong(
        lambda dl: getattr(dl, name)(X, y, reduction="avg"),
        ValueError,
        "reduction must be one of 'mean', 'sum', 'none', got 'avg'",
    )


def no_class(n, message):
    return Wrong(
        lambda dl: dl.cross_entropy(X, np.array([0, 1, n, 2])), ValueError, message
    )


def yes_or_no(shape):
    return (normal(1, *shape) > 0).astype(F)


def binary(name, scale, samples, wrong, known):
    """The row of a binary cross-entropy; ``scale`` makes logits what it takes."""

    def loss(dl, *arguments, **options):
        return getattr(dl, name)(*arguments, **options)

    y_hat, y, losses = known
    return Row(
        name,
        {
            **{
                f"{reduction} {shape}{what}": Call(
                    lambda dl, y_hat, y, r=reduction: loss(dl, y_hat, y, r),
                    scale(3 * normal(0, *shape)),
                    constants=(targets(shape),),
                )
                for (what, targets), reduction, shape in product(
                    (("", yes_or_no), (", soft", lambda shape: np.full(shape, F(0.3)))),
                    REDUCTIONS,
                    SHAPES,
                )
            },
            **samples,
        },
        {
            "reduction": Wrong(
                lambda dl: loss(dl, X, X, reduction="avg"),
                ValueError,
                "reduction must be one of 'mean', 'sum', 'none', got 'avg'",
            ),
            "objects": Wrong(
                lambda dl: loss(dl, X, np.full((4, 3), None)),
                TypeError,
                "y must hold floating-point numbers.*object",
            ),
            "shapes": Wrong(
                lambda dl: loss(dl, np.ones(3, F), np.ones(4, F)),
                ValueError,
                rf"{name} needs.*y_hat \(3,\) and y \(4,\)",
            ),
            "no examples": Wrong(
                lambda dl: loss(dl, np.ones(0, F), np.ones(0, F)),
                ValueError,
                "at least one example, got an empty batch",
            ),
            "a target below 0": Wrong(
                lambda dl: loss(dl, [0.5], [-1.0]),
                ValueError,
                r"y must lie in \[0, 1\].*from -1 to -1",
            ),
            **wrong,
        },
        {
            "by hand: -log of what the truth was given": (
                lambda dl: loss(dl, y_hat, y, "none"),
                losses,
            )
        },
    )


ROWS = [
    Row(
        "mse",
        {
            f"{reduction} {shape}": Call(
                lambda dl, x, y, r=reduction: dl.mse(x, y, r),
                normal(0, *shape),
                constants=(normal(1, *shape),),
            )
            for reduction, shape in product(REDUCTIONS, SHAPES)
        },
        {
            "reduction": unknown_reduction("mse", X),
            "objects": Wrong(
                lambda dl: dl.mse(X, np.full((4, 3), None)),
                TypeError,
                "y must hold floating-point numbers.*object",
            ),
            "predictions that are integers": Wrong(
                lambda dl: dl.mse(np.ones((4, 3), int), X),
                TypeError,
                "floating-point numbers.*int64",
            ),
            "(n, 1) and (n,)": Wrong(
                lambda dl: dl.mse(np.ones((4, 1), F), np.ones(4, F)),
                ValueError,
                r"mse needs.*y_hat \(4, 1\) and y \(4,\): reshape y",
            ),
            "no examples": Wrong(
                lambda dl: dl.mse(np.ones((0, 3), F), np.ones((0, 3), F)),
                ValueError,
                r"mse needs at least one example.*\(0, 3\)",
            ),
        },
    ),
    binary(
        "binary_cross_entropy",
        lambda z: 0.05 + 0.9 / (1 + np.exp(-z)),
        {},
        {
            "a probability above 1": Wrong(
                lambda dl: dl.binary_cross_entropy([1.5], [1.0]),
                ValueError,
                r"y_hat must lie in \[0, 1\].*from 1\.5 to 1\.5.*these are logits, "
                "for binary_cross_entropy_with_logits",
            ),
            "a probability of NaN": Wrong(
                lambda dl: dl.binary_cross_entropy([NAN], [1.0]),
                ValueError,
                r"y_hat must lie in \[0, 1\].*nan",
            ),
        },
        ([0.5, 0.75], [1.0, 0.0], [np.log(2), np.log(4)]),
    ),
    binary(
        "binary_cross_entropy_with_logits",
        lambda z: z,
        {
            # Zero, where |z| has a kink, and far out, where e^z overflows.
            "corners": Call(
                lambda dl, z, y: dl.binary_cross_entropy_with_logits(z, y, "none"),
                [0, 0, 1000, -1000, 1000, -1000, -10, 10],
                constants=(F([0, 1, 0, 1, 1, 0, 0, 0]),),
            )
        },
        {},
        ([0.0, np.log(3)], [1.0, 0.0], [np.log(2), np.log(4)]),
    ),
    Row(
        "cross_entropy",
        {
            f"{reduction} {shape} x {scale}": Call(
                lambda dl, z, y, r=reduction: dl.cross_entropy(z, y, r),
                normal(0, *shape) * scale,
                constants=(whole(1, shape[-1], *shape[:-1]),),
                # MXNet's log_softmax is off by 1.4e-6 where the loss is exactly zero.
                least=1.0,
                least_gradient=1.0,
            )
            for reduction, shape, scale in (
                *product(REDUCTIONS, ((2, 4, 5),), (1, 300)),
                *product(("mean", "none"), ((6, 3),), (1,)),
            )
        },
        {
            "reduction": unknown_reduction("cross_entropy", np.zeros(4, int)),
            "one-hot labels": Wrong(
                lambda dl: dl.cross_entropy(X, np.ones((4, 3), int)),
                ValueError,
                r"y_hat \(4, 3\) and y \(4, 3\).*one-hot.*argmax",
            ),
            "labels of another length": Wrong(
                lambda dl: dl.cross_entropy(X, np.zeros(5, int)),
                ValueError,
                r"y_hat \(4, 3\) and y \(5,\)",
            ),
            "no examples": Wrong(
                lambda dl: dl.cross_entropy(np.ones((0, 3), F), np.zeros(0, int)),
                ValueError,
                r"cross.entropy needs at least one example.*\(0, 3\)",
            ),
            "a label too large": no_class(
                3, r"labels must lie in \[0, 3\).*got 3 \(1 of 4"
            ),
            "a negative label": no_class(-1, r"labels must lie in \[0, 3\).*got -1"),
            "labels of floats": Wrong(
                lambda dl: dl.cross_entropy(X, np.zeros(4, F)),
                TypeError,
                r"labels must be integers in \[0, 3\), got dtype float32",
            ),
        },
        exempt={"nan in mx": SWALLOWED, "nonfinite": SWALLOWED},
    ),
]
