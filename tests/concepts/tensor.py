"""Rows of `tensor.py`: what a page may do with a tensor of either twin."""

from itertools import product

import numpy as np

from tests.concepts.row import Call, Row, Wrong, normal

X = normal(0, 3, 4)
Y = np.sign(normal(1, 3, 4)) * (1 + np.abs(normal(2, 3, 4)))  # far from zero

# (x, y) -> a tensor. The shapes of the operands stand in `SHAPES`.
OPERATIONS = {
    "+": lambda dl, x, y: x + y,
    "-": lambda dl, x, y: x - y,
    "*": lambda dl, x, y: x * y,
    "/": lambda dl, x, y: x / y,
}
SHAPES = ((3, 4), (4,), (3, 1), (1, 1), (1,))
MATRICES = (  # of which the axes before the last two may be stretched
    ((2, 1, 2, 3), (2, 5, 3, 2)),
    ((2, 5, 2, 3), (2, 1, 3, 2)),
    ((4, 1, 2, 3), (1, 5, 3, 2)),
    ((5, 2, 3), (4, 5, 3, 2)),
    ((4, 5, 2, 3), (5, 3, 2)),
    ((4, 5, 2, 3), (3, 2)),
    ((2, 3), (4, 3, 2)),
    ((4, 2, 3), (4, 3, 2)),
    ((2, 3), (3, 4)),
)

ROWS = [
    Row(
        "Tensor",
        {
            **{
                f"{op} {shape}": Call(
                    f, X, np.resize(Y, shape), batch=0 if shape == (3, 4) else None
                )
                for (op, f), shape in product(OPERATIONS.items(), SHAPES)
            },
            # Of a tensor that is given, not computed.
            "a mean": Call(lambda dl, x: x.mean(axis=0), X, batch=None),
            "a mean of all": Call(lambda dl, x: x.mean(), X, batch=None),
            **{
                f"@ {left} {right}": Call(
                    lambda dl, x, y: x @ y,
                    normal(0, *left),
                    normal(1, *right),
                    batch=None,
                )
                for left, right in MATRICES
            },
            **{
                name: Call(f, X, Y, batch=None)
                for name, f in {
                    "numbers": lambda dl, x, y: -x + 2.0 * y - 1.0 + 3.0 / y,
                    "powers": lambda dl, x, y: x**2 + y**3,
                    "reductions": lambda dl, x, y: (
                        x.sum() * y.mean(axis=0)
                        + x.max(axis=1, keepdims=True)
                        + x.min(axis=0)
                        + y.min()
                    ),
                    "shapes": lambda dl, x, y: (
                        x.reshape(2, 6) @ y.transpose().reshape(6, 2)
                    ),
                    "transposed": lambda dl, x, y: x @ y.T,
                    "parts": lambda dl, x, y: x[0] * y[:2, :3].sum(),
                    "twice": lambda dl, x, y: x * x + x * y,
                }.items()
            },
        },
        wrong={
            **{
                f"{name} over no axis": Wrong(
                    lambda dl, n=name: getattr(dl.tensor(X), n)(axis=2),
                    ValueError,
                    rf"{name}'s axis must lie in \[-2, 2\) for 2 axes, got 2",
                )
                for name in ("sum", "mean", "max", "min")
            },
            **{
                f"{name} of nothing": Wrong(
                    lambda dl, n=name: getattr(dl.tensor(X[:0]), n)(),
                    ValueError,
                    rf"{name} needs at least one example.*\(0, 4\) as x",
                )
                for name in ("mean", "max", "min")
            },
        },
        exempt={
            "kinds": "the operators are methods: what is no tensor has none",
        },
        source=False,
    ),
    Row(
        "tensor",
        wrong={
            "integers": Wrong(
                lambda dl: dl.tensor(np.arange(3)),
                TypeError,
                r"floating-point numbers, got an array of dtype int64"
                r".*astype\('float32'\)",
            ),
            "objects": Wrong(
                lambda dl: dl.tensor(np.array([None])),
                TypeError,
                "floating-point numbers, got an array of dtype object",
            ),
            "strings": Wrong(lambda dl: dl.tensor(["a"]), TypeError, "floating-point"),
            "a ragged list": Wrong(
                lambda dl: dl.tensor([[1, 2], [3]]),
                ValueError,
                r"rectangular.*\[\[1, 2\], \[3\]\]",
            ),
            "a whole dtype": Wrong(
                lambda dl: dl.tensor([1.0], dtype="int32"),
                TypeError,
                "floating dtype, got dtype=int32",
            ),
        },
        source=False,
        tested_in=("twins/test_tensors.py", "twins/test_edges.py"),
    ),
    Row("to_numpy", source=False, tested_in=("twins/test_tensors.py",)),
]
