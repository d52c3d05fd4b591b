"""What a type checker says of a user's program, and of a mistake in one."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.twins.both import needs_mxnet

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = [
    pytest.param("own_model", id="scratch"),
    pytest.param("own_model_mx", id="mx", marks=needs_mxnet),
]
MISTAKE = """
from d2lib import scratch as dl
class Net(dl.Module):
    def forward(self, x: dl.Tensor) -> dl.Tensor:
        return x
number: int = Net()(dl.tensor([1.0]))
Net()(dl.tensor([1.0]), 2, 3)
"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_runs(program):
    assert 0 < importlib.import_module(f"tests.typed.{program}").main() < 2


def strict(*files):
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent"]
    return subprocess.run(
        [*command, *map(str, files)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_mypy_has_nothing_to_say(tmp_path):
    pytest.importorskip("mypy")
    found = strict(*sorted((ROOT / "tests" / "typed").glob("*.py")))
    assert found.returncode == 0, found.stdout
    wrong = tmp_path / "wrong.py"
    wrong.write_text(MISTAKE)
    told = strict(wrong).stdout
    assert "[assignment]" in told
    assert "Too many arguments" in told


def test_pyright_has_nothing_to_say():
    pyright = shutil.which("pyright")
    if pyright is None:
        pytest.skip("needs pyright, which the schedule has")
    command = [pyright, "--pythonpath", sys.executable, "tests/typed"]
    found = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert found.returncode == 0, found.stdout
