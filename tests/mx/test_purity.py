"""The MXNet twin is MXNet: nothing of the other twin is in it, and no NumPy arithmetic.

Its modules may hand arrays to MXNet and take them back, draw first weights, and check
what a user gives. What is computed from parameters, gradients and activations is
computed by MXNet's operators.
"""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("d2lib.mx", exc_type=ImportError)

from d2lib import mx
from d2lib.mx._compat import mx as mxnet

FOLDER = Path(mx.__file__).parent
MODULES = sorted(FOLDER.glob("*.py"))
# What NumPy is used for: types, copies, layouts, and random numbers to start from.
NUMPY = {
    *("__version__", "asarray", "ascontiguousarray", "bool", "concatenate", "dtype"),
    *("float32", "float64", "ndarray", "random", "zeros"),
}
EXCEPT = {
    "_compat.py": {"broadcast_shapes"},
    "device.py": {"linspace", "allclose"},  # compares a GPU with the processor
    "attention.py": {"where"},  # a mask, as the user gave it, as numbers
}


def imports(source: str) -> set[str]:
    """Return the modules that a source imports, and the names that it takes."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def numpy_attributes(source: str) -> set[str]:
    """Return what a source asks of the module that it calls `numpy`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "numpy"
    }


def of_scratch(source: str) -> set[str]:
    return {name for name in imports(source) if name.startswith("d2lib.scratch")}


@pytest.mark.parametrize("module", MODULES, ids=[m.stem for m in MODULES])
def test_nothing_of_the_numpy_twin_is_imported(module):
    assert of_scratch(module.read_text()) == set()


@pytest.mark.parametrize("module", MODULES, ids=[m.stem for m in MODULES])
def test_numpy_computes_nothing(module):
    source = module.read_text()
    used = numpy_attributes(source) - EXCEPT.get(module.name, set())
    assert used <= NUMPY, f"{module.name} uses numpy's {sorted(used - NUMPY)}"
    # `numpy` is the module, under that name and no other; `np` is MXNet's.
    assert not {n for n in imports(source) if n.startswith("numpy.")}
    assert "ctypes" not in imports(source)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "from d2lib.scratch.optimizers import Adam",
            {"d2lib.scratch.optimizers.Adam"},
        ),
        ("import d2lib.scratch.tensor", {"d2lib.scratch.tensor"}),
        ("from d2lib.shared.masks import may_look", set()),
    ],
)
def test_a_planted_import_is_found(line, found):
    assert of_scratch(f"def f():\n    {line}\n") == found


def test_planted_arithmetic_is_found():
    source = "import numpy\nw -= numpy.multiply(g, lr)\nx = numpy.asarray(1)"
    assert numpy_attributes(source) - NUMPY == {"multiply"}


def step(model, optimizer, x, y):
    optimizer.zero_grad()
    with mx.record():
        loss = mx.cross_entropy(model(x), y)
    loss.backward()
    mx.clip_gradients(model.parameters(), 1.0)
    optimizer.step()


def arrays_taken_out(monkeypatch, work):
    """Return the sizes of all arrays that leave MXNet for NumPy while work runs."""
    sizes = []
    asnumpy = mxnet.nd.NDArray.asnumpy

    def counted(self):
        sizes.append(self.size)
        return asnumpy(self)

    monkeypatch.setattr(mxnet.nd.NDArray, "asnumpy", counted)
    work()
    monkeypatch.undo()
    return sizes


@pytest.mark.parametrize("name", ["SGD", "Momentum", "Adagrad", "RMSProp", "Adam"])
def test_a_training_step_takes_no_array_out_of_mxnet(name, monkeypatch):
    """Large enough for every size at which something might change."""
    model = mx.MLP([1000, 600, 600], seed=0)
    optimizer = getattr(mx, name)(model.parameters())
    x = np.ones((512, 1000), np.float32)
    y = np.zeros(512, int)
    sizes = arrays_taken_out(monkeypatch, lambda: step(model, optimizer, x, y))
    assert set(sizes) <= {1}  # the norm of the gradient is one number


def test_an_array_that_is_taken_out_is_counted(monkeypatch):
    w = mx.tensor([1.0, 2.0])
    assert arrays_taken_out(monkeypatch, lambda: mx.to_numpy(w)) == [2]


def test_the_update_of_a_subclass_counts_for_models_of_every_size():
    class Halve(mx.SGD):
        def _update(self, ready, steps):
            for w, *_ in ready:
                w *= 0.5

    for size in (10, 1_000_000):
        w = mx.tensor(np.ones(size), requires_grad=True)
        optimizer = Halve([w])
        with mx.record():
            loss = w.sum()
        loss.backward()
        optimizer.step()
        assert (mx.to_numpy(w) == 0.5).all()
