"""*The same in other frameworks* names what there is, and what is the same.

Each column runs where its libraries are: in this Python, in that of the peers of `make
bench`, or in those that the variable FRAMEWORKS names, with `:` between them. What is
not found is left out, and the last line of a run says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import frameworks
import pytest
from frameworks import COLUMNS, MISSING, NOT_COMPARED, PACKAGES, ROOT

from d2lib import scratch

PAGE = ROOT / "chapters" / "appendix" / "frameworks.md"
TEXT = PAGE.read_text(encoding="utf-8")
BENCH = ROOT / ".venv-bench" / "bin" / "python"


def run(package, page):
    """Return what is wrong with a page's expressions of a package, by row."""
    pythons = [p for p in os.environ.get("FRAMEWORKS", "").split(os.pathsep) if p]
    pythons += [sys.executable, *([str(BENCH)] if BENCH.exists() else [])]
    quiet = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    quiet |= {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    for python in pythons:
        done = subprocess.run(
            [python, frameworks.__file__, package, str(page)],
            env={**os.environ, **quiet},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode == 0:
            return json.loads(done.stdout.splitlines()[-1])
        if done.returncode != MISSING:
            pytest.fail(done.stderr[-2000:], pytrace=False)
    where = "make bench brings it" if package in {"torch", "jax"} else "FRAMEWORKS"
    pytest.skip(f"no {package} ({where})")


def report(problems):
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def test_every_public_name_has_a_row():
    report(frameworks.problems_of_names(TEXT, scratch.__all__, [scratch]))


def test_the_other_twin_has_them_too():
    mx = pytest.importorskip("d2lib.mx", exc_type=ImportError)
    report(frameworks.problems_of_names(TEXT, mx.__all__, [mx]))


def test_every_cell_is_an_expression_of_its_column():
    report(frameworks.problems_of_form(TEXT))


def test_nothing_is_exempt_that_is_not_there():
    cells = [c for c in frameworks.cells(TEXT) if c.column in COLUMNS]
    there = {c.name for c in cells if c.text != "—"}
    there |= {f"{c.name} in {c.column}" for c in cells if c.text != "—"}
    assert set(NOT_COMPARED) - there == set()


def test_what_it_says_of_ours():
    problems = frameworks.check_own(TEXT)
    report([f"{row}: {problem}" for row, problem in problems.items() if problem])
    assert len(problems) > 10


@pytest.mark.parametrize("package", PACKAGES)
def test_what_it_says_of(package):
    problems = run(package, PAGE)
    report([f"{row}: {problem}" for row, problem in problems.items() if problem])
    assert problems


# Errors, planted --------------------------------------------------------------------


def planted(*changes):
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_a_name_without_a_row_is_found():
    assert frameworks.problems_of_names(
        TEXT, [*scratch.__all__, "softplus"], [scratch]
    ) == ["softplus has no row"]


def test_a_row_without_a_name_is_found():
    text = planted(("| `sigmoid(x)` |", "| `logistic(x)` |"))
    assert frameworks.problems_of_names(text, scratch.__all__, [scratch]) == [
        "sigmoid has no row",
        "logistic is not public",
    ]


def test_what_one_twin_lacks_is_found():
    class twin:
        __name__ = "d2lib.other"

    problems = frameworks.problems_of_names(TEXT, scratch.__all__, [twin()])
    assert "tanh(x): d2lib.other has no tanh" in problems


def test_cells_of_a_wrong_form_are_found():
    text = planted(
        ("`torch.tanh(x)`", "`torch.tanh(x`"), ("`jnp.tanh(x)`", "`torch.tanh(x)`")
    )
    assert frameworks.problems_of_form(text) == [
        "tanh(x), PyTorch: no expression: torch.tanh(x",
        "tanh(x): torch under JAX",
    ]
    with pytest.raises(ValueError, match="4 cells under 5 heads"):
        frameworks.problems_of_form(planted(("| `jnp.tanh(x)` |", "|")))


def test_what_is_wrong_of_ours_is_found():
    text = planted(
        ("| `Adam` | 1e-8 outside |", "| `Adam` | 1e-8 inside |"),
        ("| `RMSProp` | 1e-8 inside |", "| `RMSProp` | 1e-7 inside |"),
        ("| `Dense` | `(inputs, units)` |", "| `Dense` | `(units, inputs)` |"),
        ("`d2lib` adds 1e-12", "`d2lib` adds 1e-10"),
    )
    problems = {row: p for row, p in frameworks.check_own(text).items() if p}
    assert problems == {
        "`d2lib` adds 1e-12": "the page does not say so any more",
        "ε of Adam": "it is outside",
        "ε of RMSProp": "it is 1e-08 by default",
        "weights of Dense": f"its shape is (3, 5) for {frameworks.SIZES}",
    }


PLANTED = {
    "torch": (
        ("`F.cross_entropy(z, labels)`", "`F.nll_loss(z, labels)`"),
        ("`F.smooth_l1_loss(y_hat, y, beta=0.5)`", "`F.huber_loss(y_hat, y)`"),
        ("`nn.LayerNorm(8)`", "`nn.LayerNorm(8, eps=0.01)`"),
        ("`nn.BatchNorm2d(3)`", "`nn.BatchNorm2d(3, momentum=0.2)`"),
        ("`nn.Dropout(0.5)`", "`nn.Dropout(0.2)`"),
        ("momentum=0.9)` | `keras", "momentum=0.8)` | `keras"),
        ("`torch.optim.Adam(parameters, lr=0.1)`", "`torch.optim.Adamm(parameters)`"),
        ("StepLR(optimizer, 30)", "StepLR(optimizer, 31)"),
        ("attention(q, k, v)` | `keras", "attention(q, v, k)` | `keras"),
        ("`LSTM` | `i f g o` | `i f g o`", "`LSTM` | `i f g o` | `i f o g`"),
        ("1e-10 outside", "1e-10 inside"),
        ("`Dense` | `(inputs, units)` | `(u", "`Dense` | `(inputs, units)` | `(2 * u"),
        ("norm_first=True)`", "norm_first=False)`"),
        ("0.99 in\n  PyTorch", "0.95 in\n  PyTorch"),
    ),
    "mxnet": (
        ("`2 * mx.gluon.loss.L2Loss", "`mx.gluon.loss.L2Loss"),
        ("`mx.gluon.nn.Dense(4, in_units=3)`", "`mx.gluon.nn.Linear(4, in_units=3)`"),
        ("`z r n` | `r z n` |", "`z r n` | `z r n` |"),
        ("1e-8 before", "1e-8 outside"),
        ("Gluon ±0.07", "Gluon ±0.7"),
    ),
}
FOUND = {
    "torch": {
        "d2lib cross_entropy(z, labels)",
        "d2lib smooth_l1(y_hat, y, beta=0.5)",
        "d2lib LayerNorm(8)",
        "d2lib BatchNorm(3)",
        "d2lib Dropout(0.5)",
        "d2lib Momentum(parameters, lr=0.1)",
        "d2lib Adam(parameters, lr=0.1)",
        "d2lib step_decay(0.1, every=30)",
        "d2lib attention(q, k, v)",
        "d2lib LSTM(8, 5)",
        "ε of Adagrad",
        "weights of Dense",
        "d2lib TransformerBlock(8, 2)",
        "optax and MXNet, 0.99 in PyTorch",
    },
    "mxnet": {
        "d2lib mse(y_hat, y)",
        "d2lib Dense(3, 4)",
        "d2lib GRU(8, 5)",
        "ε of Adam",
        "Gluon ±0.07",
    },
}


@pytest.mark.parametrize("package", PLANTED)
def test_what_is_wrong_is_found(package, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(planted(*PLANTED[package]), encoding="utf-8")
    problems = {row for row, problem in run(package, page).items() if problem}
    assert problems == FOUND[package]
