"""Rows of `functions.py`: what is computed number by number, and what joins tensors."""

import numpy as np

from tests.concepts.activations import elementwise, integers
from tests.concepts.row import Call, Row, Wrong, normal

NAN = float("nan")
X, Y = normal(0, 3, 4), normal(1, 3, 4)
ONES = np.ones((2, 3), np.float32)
HIDDEN = {"nan": "what is not taken is not seen"}


def two(name, known):
    """The row of what chooses between two numbers."""

    def f(dl, x, y):
        return getattr(dl, name)(x, y)

    def of_number(dl, x):
        return getattr(dl, name)(0.1, x) * 2.0 + getattr(dl, name)(x, 0.1)

    return Row(
        name,
        {
            "two matrices": Call(f, X, Y),
            "a vector for all": Call(f, X, normal(1, 4), batch=None),
            "stretched both ways": Call(
                f, normal(0, 3, 1), normal(1, 2, 1, 4), batch=None
            ),
            "a number": Call(of_number, X),
        },
        {
            "integers": Wrong(
                lambda dl: f(dl, X, np.arange(4)), TypeError, "floating-point.*int64"
            ),
            "shapes": Wrong(
                lambda dl: f(dl, ONES, np.ones((2, 2), np.float32)),
                ValueError,
                rf"{name} needs shapes that broadcast, got \(2, 3\) and \(2, 2\)",
            ),
        },
        {"by hand": (lambda dl: f(dl, [1.0, 5.0, -2.0], 3.0), known)},
        source=False,
    )


def joined(name, axes, wrong, known):
    """The row of what makes one tensor of several."""
    samples = {
        f"axis {axis}": Call(
            lambda dl, x, y, a=axis: getattr(dl, name)([x, y * 2.0, x], a), X, Y
        )
        for axis in axes
    }
    return Row(
        name,
        samples,
        {
            "one tensor": Wrong(
                lambda dl: getattr(dl, name)(dl.tensor(ONES)),
                TypeError,
                rf"{name} takes a list of tensors, got one: pass {name}\(\[x, y\]\)",
            ),
            "no tensors": Wrong(
                lambda dl: getattr(dl, name)([]), ValueError, "at least one tensor"
            ),
            "integers": Wrong(
                lambda dl: getattr(dl, name)([np.arange(3)]),
                TypeError,
                "floating-point.*int64",
            ),
            "half an axis": Wrong(
                lambda dl: getattr(dl, name)([ONES, ONES], 0.5),
                TypeError,
                "axis must be a whole number, got 0.5",
            ),
            **wrong,
        },
        {"by hand": (lambda dl: getattr(dl, name)([[1.0, 2.0], [3.0, 4.0]]), known)},
        exempt={"kinds": "y is multiplied first: what is no tensor has no product"},
        source=False,
    )


ROWS = [
    elementwise(
        "exp",
        source=False,
        far_out=[-1000, -20, 0, 20],
        known={"by hand at 0 and log 3": (lambda dl: dl.exp([0, np.log(3)]), [1, 3])},
    ),
    Row(
        "log",
        {"positive": Call(lambda dl, x: dl.log(x), np.abs(X) + 0.1)},
        {"integers": integers("log")},
        {"by hand": (lambda dl: dl.log([1.0, np.e, np.e**2]), [0, 1, 2])},
        source=False,
    ),
    Row(
        "sqrt",
        {"positive": Call(lambda dl, x: dl.sqrt(x), np.abs(X) + 0.1)},
        {"integers": integers("sqrt")},
        {"by hand": (lambda dl: dl.sqrt([0.0, 4.0, 9.0]), [0, 2, 3])},
        source=False,
    ),
    elementwise(
        "abs",
        source=False,
        known={"by hand": (lambda dl: dl.abs([-2.0, 0.0, 3.0]), [2, 0, 3])},
    ),
    Row(
        "clip",
        {
            f"{low} to {high}": Call(
                lambda dl, x, low=low, high=high: dl.clip(x, low, high), X
            )
            for low, high in ((-0.5, 0.5), (0, None), (None, 0.3), (0.2, 0.2))
        },
        {
            "integers": Wrong(
                lambda dl: dl.clip(np.arange(3), 0, 1), TypeError, "floating-point"
            ),
            "no ends": Wrong(
                lambda dl: dl.clip(ONES, None, None),
                TypeError,
                "clip needs low, high or both, got None for both",
            ),
            "the other way": Wrong(
                lambda dl: dl.clip(ONES, 2, 1),
                ValueError,
                "clip needs low <= high, got low=2 and high=1",
            ),
            "NaN": Wrong(
                lambda dl: dl.clip(ONES, NAN, 1), ValueError, "low <= high.*nan"
            ),
            "text": Wrong(
                lambda dl: dl.clip(ONES, "0", 1),
                TypeError,
                "must be numbers or None, got '0'",
            ),
        },
        {"by hand": (lambda dl: dl.clip([-3.0, 0.5, 3.0], -1, 1), [-1, 0.5, 1])},
        source=False,
    ),
    two("maximum", [3, 5, 3]),
    two("minimum", [1, 3, -2]),
    Row(
        "where",
        {
            "a comparison": Call(
                lambda dl, x, y: dl.where(X > Y, x, y), X, Y, exempt=HIDDEN
            ),
            "a vector and a number": Call(
                lambda dl, x, y: dl.where(X > 0, x, y) + dl.where(X > 0, 1.0, y * x),
                normal(0, 4),
                normal(1, 3, 1),
                batch=None,
            ),
            "of tensors": Call(
                lambda dl, x, y: dl.where(dl.tensor(X) > 0, x, y),
                X,
                Y,
                batch=None,
                exempt=HIDDEN,
            ),
            "a stretched condition": Call(
                lambda dl, x, y: dl.where(X[:, :1] > 0, x, y),
                X,
                Y,
                batch=None,
                exempt=HIDDEN,
            ),
        },
        {
            "floats": Wrong(
                lambda dl: dl.where(ONES, ONES, ONES),
                TypeError,
                "condition must be boolean, got dtype float32: compare",
            ),
            "a tensor of floats": Wrong(
                lambda dl: dl.where(dl.tensor(ONES), ONES, ONES),
                TypeError,
                "condition must be boolean, got dtype float32: compare",
            ),
            "shapes": Wrong(
                lambda dl: dl.where(ONES > 0, ONES, np.ones(2, np.float32)),
                ValueError,
                r"where needs shapes that broadcast, got \(2, 3\) and \(2, 3\) "
                r"and \(2,\)",
            ),
        },
        {
            "by hand": (
                lambda dl: dl.where(np.array([True, False]), [1.0, 2.0], 5.0),
                [1, 5],
            )
        },
        source=False,
    ),
    joined(
        "concatenate",
        (0, 1, -1),
        {
            "other shapes": Wrong(
                lambda dl: dl.concatenate([ONES, np.ones((2, 4), np.float32)]),
                ValueError,
                r"one shape but for axis 0, got \(2, 3\) and \(2, 4\)",
            ),
            "other axes": Wrong(
                lambda dl: dl.concatenate([ONES, np.ones(3, np.float32)]),
                ValueError,
                r"got \(2, 3\) and \(3,\)",
            ),
            "numbers": Wrong(
                lambda dl: dl.concatenate([1.0, 2.0]),
                ValueError,
                r"axis must lie in \[0, 0\) for 0 axes, got 0",
            ),
            "no such axis": Wrong(
                lambda dl: dl.concatenate([ONES, ONES], 2),
                ValueError,
                r"concatenate's axis must lie in \[-2, 2\) for 2 axes, got 2",
            ),
        },
        [1, 2, 3, 4],
    ),
    joined(
        "stack",
        (0, 1, 2, -1),
        {
            "other shapes": Wrong(
                lambda dl: dl.stack([ONES, ONES.T]),
                ValueError,
                r"stack needs tensors of one shape, got \(2, 3\) and \(3, 2\)",
            ),
            "no such place": Wrong(
                lambda dl: dl.stack([ONES, ONES], 3),
                ValueError,
                r"stack's axis must lie in \[-3, 3\)",
            ),
        },
        [[1, 2], [3, 4]],
    ),
]
