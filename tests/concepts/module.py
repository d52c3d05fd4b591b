"""Rows of `module.py`, and of the table of a model."""

import numpy as np

from d2lib.checkpoint import CheckpointError
from tests.concepts.row import Build, Call, Row, Wrong, normal


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


def kept(dl, x):
    """What a buffer holds after it was changed."""
    buffer = dl.Buffer(x)
    buffer.value = buffer.value * 2.0 + 1.0
    return buffer.value


ROWS = [
    Row(
        "load_model",
        wrong={
            "no path": Wrong(
                lambda dl: dl.load_model(3),
                TypeError,
                "path must be the name of a file, text or a pathlib.Path, got 3",
            ),
            "no file": Wrong(
                lambda dl: dl.load_model("no/such.npz"),
                FileNotFoundError,
                "can't read the checkpoint 'no/such.npz'.*look where it was saved",
            ),
            "no checkpoint": Wrong(
                lambda dl: dl.load_model(__file__),
                CheckpointError,
                r"module\.py can't be read as a checkpoint.*use an earlier one",
            ),
        },
        source=False,
        tested_in=("twins/test_files.py",),
    ),
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
            "rebuilt": "a class of one's own: a file brings no code",
        },
        source=False,
    ),
    Row(
        "Buffer",
        {"changed": Call(kept, normal(0, 3, 4))},
        {
            "integers": Wrong(
                lambda dl: dl.Buffer(np.arange(3)), TypeError, "floating-point.*int64"
            ),
            "another shape": Wrong(
                lambda dl: setattr(dl.Buffer([1.0, 2.0]), "value", [1.0]),
                ValueError,
                r"\(2,\).*\(1,\)",
            ),
        },
        exempt={
            "gradient": "it remembers no history",
            "float64": "it is of float32 unless told otherwise",
        },
        source=False,
        tested_in=("twins/test_modules.py",),
    ),
    Row(
        "summary",
        wrong={
            "no model": Wrong(
                lambda dl: dl.summary(3),
                TypeError,
                "model must be a Module of d2lib.scratch or d2lib.mx, got 3",
                alike=25,  # then it names both twins
            ),
            "another width": Wrong(
                lambda dl: dl.summary(dl.MLP([3, 2]), (6, 5)),
                ValueError,
                r"Dense expects x of shape \(batch, 3\), got \(6, 5\)",
            ),
        },
        source=False,
        tested_in=("twins/test_modules.py",),
    ),
]
