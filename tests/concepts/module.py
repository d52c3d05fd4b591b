"""Rows of `module.py`."""

from tests.concepts.row import Build, Row, Wrong, normal


def gated(dl, seed):
    """Parameters and modules in attributes, dicts and lists."""

    class Gated(dl.Module):
        def __init__(self):
            self.scale = dl.tensor([2.0], requires_grad=True)
            self.table = {
                "a": dl.Dense(3, 2, seed=seed),
                "b": [dl.Dense(3, 2, seed=1)],
            }

        def forward(self, x):
            gate = dl.sigmoid(self.table["b"][0](x))
            return self.table["a"](x) * gate * self.scale

    return Gated()


def scale(dl, seed):
    """A number of shape () is a parameter like any other."""

    class Scale(dl.Module):
        def __init__(self):
            self.factor = dl.tensor(2.0, requires_grad=True)

        def forward(self, x):
            return self.factor * (x if isinstance(x, dl.Tensor) else dl.tensor(x))

    return Scale()


ROWS = [
    Row(
        "Module",
        {
            "in a table": Build(gated, normal(0, 4, 3)),
            "a number": Build(scale, normal(0, 4, 3)),
        },
        {
            "no forward": Wrong(
                lambda dl: type("Mine", (dl.Module,), {})()(dl.tensor(1.0)),
                NotImplementedError,
                r"Mine must define forward\(self, x\)",
            ),
        },
        exempt={
            "float64": "Gluon's cast() does not know of bare tensors",
            "gradient in mx": "Gluon's cast() does not know of bare tensors",
        },
        source=False,
    ),
]
