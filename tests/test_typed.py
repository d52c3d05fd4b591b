"""What a type checker says of a user's program, and of a mistake in one."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.twins.both import TWINS

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "tests" / "typed" / "own_model.py"
MISTAKE = """
from d2lib import scratch as dl
class Net(dl.Module):
    def forward(self, x: dl.Tensor) -> dl.Tensor:
        return x
number: int = Net()(dl.tensor([1.0]))
Net()(dl.tensor([1.0]), 2, 3)
"""


@pytest.fixture
def programs(tmp_path):
    """The program of a user of each twin: the same but for the twin's name."""
    other = tmp_path / "own_model_mx.py"
    text = PROGRAM.read_text(encoding="utf-8")
    other.write_text(text.replace("scratch", "mx"), encoding="utf-8")
    return {"scratch": PROGRAM, "mx": other}


@pytest.mark.parametrize("twin", TWINS)
def test_it_runs(twin, programs):
    assert 0 < runpy.run_path(str(programs[twin]))["main"]() < 2


def strict(*files):
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent"]
    return subprocess.run(
        [*command, *map(str, files)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_mypy_has_nothing_to_say(programs, tmp_path):
    pytest.importorskip("mypy")
    found = strict(*programs.values())
    assert found.returncode == 0, found.stdout
    wrong = tmp_path / "wrong.py"
    wrong.write_text(MISTAKE)
    told = strict(wrong).stdout
    assert "[assignment]" in told
    assert "Too many arguments" in told


def test_pyright_has_nothing_to_say(programs):
    pyright = shutil.which("pyright")
    if pyright is None:
        pytest.skip("needs pyright, which the schedule has")
    command = [pyright, "--pythonpath", sys.executable, *map(str, programs.values())]
    found = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert found.returncode == 0, found.stdout
