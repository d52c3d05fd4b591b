"""Rows of `layers.py`."""

from itertools import product

import numpy as np

from tests.concepts.row import Build, Row, Wrong, normal

F = np.float32
X = np.ones((4, 3), F)
SHAPES = ((5, 3), (3,), (2, 4, 3))
ACTIVATIONS = (None, "sigmoid", "tanh", "relu")
OWN = {
    "g": "how scratch applies its activation, of no use to a caller",
}

ROWS = [
    Row(
        "Perceptron",
        {
            **{
                f"{g} {shape}": Build(
                    lambda dl, seed, g=g: dl.Perceptron(3, g, seed=seed),
                    normal(0, *shape),
                    batch=None if shape == (3,) else 0,
                )
                for g, shape in (
                    *product(ACTIVATIONS, SHAPES[:1]),
                    *product((None, "sigmoid"), SHAPES[1:2]),
                )
            },
            "one input": Build(
                lambda dl, seed: dl.Perceptron(1, seed=seed), normal(0, 2, 1)
            ),
            "normal": Build(
                lambda dl, seed: dl.Perceptron(2, initializer="normal", seed=seed),
                normal(0, 2, 2),
            ),
        },
        {
            "another width": Wrong(
                lambda dl: dl.Perceptron(3)(np.ones((2, 4), F)),
                ValueError,
                r"Perceptron expects x of shape \(batch, 3\), got \(2, 4\)",
            ),
            "activation": Wrong(
                lambda dl: dl.Perceptron(3, "step"),
                ValueError,
                "activation must be one of None, 'sigmoid'.*got 'step'",
            ),
        },
        scratch_only=OWN,
    ),
    Row(
        "Dense",
        {
            **{
                f"{g}{'' if bias else ' without bias'} {shape}": Build(
                    lambda dl, seed, g=g, bias=bias: dl.Dense(
                        3, 4, g, bias=bias, seed=seed
                    ),
                    normal(0, *shape),
                    batch=None if shape == (3,) else 0,
                )
                for g, bias, shape in (
                    *product((*ACTIVATIONS, "softmax"), (True,), SHAPES[:1]),
                    *product((None, "relu"), (True,), SHAPES[1:]),
                    *((None, False, (5, 3)), ("relu", False, (2, 4, 3))),
                )
            },
            **{
                scheme: Build(
                    lambda dl, seed, s=scheme: dl.Dense(4, 3, None, s, seed=seed),
                    normal(0, 2, 4),
                )
                for scheme in ("identity", "orthogonal")
            },
            "one by one": Build(
                lambda dl, seed: dl.Dense(1, 1, seed=seed), normal(0, 1, 1)
            ),
        },
        {
            "integers": Wrong(
                lambda dl: dl.Dense(3, 2)(np.ones((4, 3), int)),
                TypeError,
                "floating-point numbers.*int64",
            ),
            "objects": Wrong(
                lambda dl: dl.Dense(3, 2)(np.full((4, 3), None)),
                TypeError,
                "floating-point numbers.*object",
            ),
            "images": Wrong(
                lambda dl: dl.Dense(784, 10)(np.ones((2, 28, 28), F)),
                ValueError,
                r"Dense expects x of shape \(batch, 784\), got \(2, 28, 28\): flatten",
            ),
            "another width": Wrong(
                lambda dl: dl.Dense(3, 2)(np.ones((2, 4), F)),
                ValueError,
                r"Dense expects x of shape \(batch, 3\), got \(2, 4\)",
            ),
            "a number": Wrong(
                lambda dl: dl.Dense(3, 2)(1.0),
                ValueError,
                r"Dense expects x of shape \(batch, 3\), got \(\)",
            ),
            "activation": Wrong(
                lambda dl: dl.Dense(3, 2, "swish"),
                ValueError,
                "activation must be one of None, 'sigmoid'.*got 'swish'",
            ),
            "scheme": Wrong(
                lambda dl: dl.Dense(3, 2, initializer="glorot"),
                ValueError,
                "scheme must be one of 'zeros'.*got 'glorot'",
            ),
            "no inputs": Wrong(
                lambda dl: dl.Dense(0, 2),
                ValueError,
                "inputs must be a whole number >= 1, got 0",
            ),
            "half a unit": Wrong(
                lambda dl: dl.Dense(3, 1.5),
                TypeError,
                r"units must be a whole number >= 1, got 1\.5",
            ),
        },
        scratch_only=OWN,
    ),
    Row(
        "Sequential",
        {
            "two layers": Build(
                lambda dl, seed: dl.Sequential(
                    dl.Dense(3, 4, "tanh", seed=seed), dl.Dense(4, 2, seed=1)
                ),
                normal(0, 6, 3),
            ),
            "nested": Build(
                lambda dl, seed: dl.Sequential(
                    dl.Sequential(dl.Dense(3, 3, seed=seed)), dl.Dense(3, 1, seed=1)
                ),
                normal(0, 6, 3),
            ),
            "one layer twice": Build(
                lambda dl, seed: dl.Sequential(
                    *[dl.Dense(3, 3, "tanh", seed=seed)] * 2
                ),
                normal(0, 6, 3),
            ),
            # Not compiled as a whole. (Of two units alone the variance may be small,
            # and then it shows that MXNet rounds a LayerNorm's eps to float32.)
            "blocks": Build(
                lambda dl, seed: dl.Sequential(
                    dl.TransformerBlock(4, 1, hidden=3, seed=seed),
                    dl.TransformerBlock(4, 2, hidden=2, seed=1),
                    dl.Dense(4, 3, seed=2),
                ),
                normal(0, 2, 3, 4),
                least_gradient=1.0,
            ),
        },
        {
            "layers that do not fit": Wrong(
                lambda dl: dl.Sequential(dl.Dense(3, 2), dl.Dense(3, 2))(X),
                ValueError,
                r"Dense expects x of shape \(batch, 3\), got \(4, 2\)",
            ),
            "no layers": Wrong(
                lambda dl: dl.Sequential(), ValueError, "at least one layer, got none"
            ),
            "a function": Wrong(
                lambda dl: dl.Sequential(dl.Dense(3, 2), len),
                TypeError,
                "takes modules of d2lib.*, got builtin_function_or_method: "
                ".*activation='relu'",
            ),
        },
        source=False,
    ),
    Row(
        "MLP",
        {
            "three layers": Build(
                lambda dl, seed: dl.MLP([3, 5, 4, 2], seed=seed), normal(0, 6, 3)
            ),
            "softmax": Build(
                lambda dl, seed: dl.MLP([3, 2], output_activation="softmax", seed=seed),
                normal(0, 6, 3),
            ),
            "tanh, softmax": Build(
                lambda dl, seed: dl.MLP([1, 4, 1, 2], "tanh", "softmax", seed=seed),
                normal(0, 3, 1),
            ),
            "orthogonal": Build(
                lambda dl, seed: dl.MLP([4, 4, 4], initializer="orthogonal", seed=seed),
                normal(0, 3, 4),
            ),
            "dropout": Build(
                lambda dl, seed: dl.MLP(
                    [3, 5, 2], "sigmoid", "sigmoid", dropout=0.5, seed=seed
                ).eval(),
                normal(0, 6, 3),
            ),
        },
        {
            "another width": Wrong(
                lambda dl: dl.MLP([3, 4, 2])(np.ones((2, 4), F)),
                ValueError,
                r"Dense expects x of shape \(batch, 3\), got \(2, 4\)",
            ),
            "activation": Wrong(
                lambda dl: dl.MLP([3, 4, 2], "ReLU"),
                ValueError,
                "activation must be one of None, 'sigmoid'.*got 'ReLU'",
            ),
            "one size": Wrong(
                lambda dl: dl.MLP([3]), ValueError, r"input and the output.*got \[3\]"
            ),
            "dropout": Wrong(
                lambda dl: dl.MLP([3, 4, 2], dropout=-0.5),
                ValueError,
                r"dropout must lie in \[0, 1\), got -0\.5",
            ),
        },
    ),
]
