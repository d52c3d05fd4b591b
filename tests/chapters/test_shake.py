"""What `make shake` must find: a chaotic claim, and one that holds by a hair."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import shake
from execution import ROOT, kernel_environment, read, run
from shake import Margin, Shaking, kernels, thin, watched
from test_execution import HEADER, cell, write_book

CHAOS = """
import numpy as np
x = np.random.default_rng(0).random()
for _ in range(100):
    x = 4 * x * (1 - x)
assert round(x, 3) == 0.463
"""
HAIR = """
x = np.random.default_rng(1).normal(3, 1)
close = 3.345584192064786
assert 0 < x < close + 1e-6, "by a hair"
assert x < close + 1
"""
FOUND = {"avx", "avx2", "fma", "sse4_2", "avx512f"}


def noise(number):
    return {"PYTHONPATH": str(shake.SHAKEN), "D2LIB_SHAKE": str(number)}


@pytest.fixture
def page(tmp_path):
    return write_book(tmp_path, HEADER + "# Page\n\n" + cell(CHAOS.strip()))


def test_the_chaotic_claim_holds_here(page, tmp_path):
    assert shake.shake(page, "as it is", {}, tmp_path).failures == []


def test_a_chaotic_claim_is_found(page, tmp_path, capsys, monkeypatch):
    todo = {f"noise {n}": noise(n) for n in (1, 2)}
    monkeypatch.setattr(shake, "disturbances", lambda times: todo)
    monkeypatch.setattr(shake, "ThreadPoolExecutor", OneByOne)
    assert shake.shake_all([page], 2, tmp_path) == 1
    said = capsys.readouterr().out
    number = page.read_text().splitlines().index("assert round(x, 3) == 0.463") + 1
    assert f"chapters/page.md:{number}: cell 1 of 1, noise 1: AssertionError" in said
    assert "| chapters/page | 1 | 1 |" in said
    assert "2 cells failed" in said


class OneByOne:
    """Stands in for threads, whose event loops a test would have to close."""

    def __init__(self, max_workers):
        self.map = map

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


def test_a_claim_that_holds_by_a_hair_is_thin(tmp_path):
    text = HEADER + "# Page\n\n" + cell("import numpy as np") + cell(HAIR.strip())
    page = write_book(tmp_path, text)
    found = [shake.shake(page, f"noise {n}", noise(n), tmp_path) for n in (1, 2, 3)]
    assert all(len(shaking.margins) == 3 for shaking in found)
    (said,) = thin([margin for shaking in found for margin in shaking.margins])
    number = text.splitlines().index('assert 0 < x < close + 1e-6, "by a hair"') + 1
    assert f"page.md:{number}: 0 < x < close + 1e-06: a margin of" in said


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([1.0, 1.0, 1.0], False),
        ([1.0, 1.2, 0.8], False),
        ([1.0, 1.6, 1.0], True),
        ([1.0, -0.1, 1.0], True),
        ([0.0, 0.0, 0.0], False),
    ],
)
def test_thin_means_less_than_twice_what_is_moved(values, found):
    margins = [
        Margin(ROOT / "page.md", 3, "a < b", f"noise {n}", value)
        for n, value in enumerate(values)
    ]
    assert bool(thin(margins)) == found
    # What runs in a loop counts at its closest.
    loop = [m._replace(value=9.0) for m in margins]
    assert bool(thin(margins + loop)) == found


@pytest.mark.parametrize(
    ("line", "margins"),
    [
        ("assert 1 < 3", [2.0]),
        ("assert 3 >= 1", [2.0]),
        ("assert 1 < 2 <= 5", [1.0, 3.0]),
        ("assert (np.arange(3) < 4).all()", [2.0]),
        ("assert np.all(np.arange(3) < 4)", [2.0]),
        ("assert all(n < 4 for n in range(3))", [4.0, 3.0, 2.0]),
        ("assert 1 < 2 and 2 < 4, 'words'", [1.0, 2.0]),
        ("assert (np.arange(3) < 2).sum() >= 1", [1.0]),  # not what need not hold
        ("assert 1 == 1", []),
        ("assert 'a' < 'b'", []),
        ("assert 1 < float('inf')", []),
        ("x = 1 < 2", []),
    ],
)
def test_which_comparisons_are_watched(line, margins, tmp_path):
    page = write_book(tmp_path, HEADER + cell("import numpy as np") + cell(line))
    notebook = watched(read(page, tmp_path))
    run(notebook, page, 60, kernel_environment())
    seen = json.loads(notebook.cells[-1].outputs[0].text)
    assert [value for *_, value in seen] == margins


def test_equal_seeds_draw_equal_numbers_a_little_off(tmp_path):
    code = """
import copy, pickle
import numpy as np
from d2lib.scratch import initialize
rng = np.random.default_rng(0)
first = rng.normal(size=9), rng.uniform(1, 2, size=(3, 3)), rng.random(4, np.float32)
again = np.random.default_rng(0)
assert (again.normal(size=9) == first[0]).all()
true = np.random.Generator(np.random.PCG64(0))
off = first[0] / true.normal(size=9) - 1
assert 1e-8 < abs(off).max() < 3e-6
for twin in (copy.deepcopy(rng), pickle.loads(pickle.dumps(rng)), rng.spawn(1)[0]):
    assert type(twin) is type(rng)
assert first[2].dtype == np.float32 and type(rng.normal()) is float
assert rng.integers(10, size=3).dtype == int and np.random.default_rng(rng) is rng
W = initialize((4, 4), "orthogonal", seed=1, dtype=np.float64)
assert abs(W @ W.T - np.eye(4)).max() < 1e-12
assert (initialize((2, 2), "identity") == np.eye(2)).all()
print(W.sum())
"""
    sums = [
        subprocess.check_output(
            [sys.executable, "-c", code], env=kernel_environment(**noise(n)), text=True
        )
        for n in (1, 1, 2)
    ]
    assert sums[0] == sums[1] != sums[2]


def test_kernels_are_those_that_the_processor_runs():
    features = {"AVX2", "FMA3", "AVX512F", "AVX512_SKX", "F16C"}
    found = kernels(FOUND, features)
    assert list(found) == ["Haswell", "Sandybridge", "Nehalem"]
    assert found["Haswell"]["NPY_DISABLE_CPU_FEATURES"] == "AVX512F AVX512_SKX"
    assert "AVX2" in found["Sandybridge"]["NPY_DISABLE_CPU_FEATURES"].split()
    assert kernels({"asimd"}, set()) == {"ARMV8": {"OPENBLAS_CORETYPE": "ARMV8"}}
    assert kernels(set(), set()) == {}


def test_a_page_that_is_not_there_is_an_error(capsys):
    with pytest.raises(SystemExit):
        shake.main(["nowhere"])
    assert "no page nowhere; there are index, why-now" in capsys.readouterr().err


def test_the_table_has_a_row_for_each_page(tmp_path):
    page = tmp_path / "chapters" / "page.md"
    found = [Shaking(page, name, [], [], 1.0) for name in ("a", "b")]
    assert shake.table(found, ["a", "b"], tmp_path).splitlines() == [
        "| page | a | b |",
        "|---|---|---|",
        "| chapters/page | 0 | 0 |",
    ]
