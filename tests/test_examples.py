"""The programs in `examples/` run as a reader would run them, in a folder of their own.

What they print is compared by what must hold on any machine: counts, words, and margins
far from what training on another processor could move.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from d2lib import checkpoint
from tests.twins.both import TWINS

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
both = pytest.mark.parametrize("twin", TWINS)
needs_pillow = pytest.mark.skipif(find_spec("PIL") is None, reason="needs Pillow")


def begin(name, folder, *arguments):
    """Starts a program in a folder, with warnings as errors."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(name, folder, *arguments):
    """Returns what a program prints, and what it says beside."""
    program = begin(name, folder, *arguments)
    out, beside = program.communicate(timeout=300)
    assert program.returncode == 0, beside
    return out, beside


def number(pattern, text):
    return float(re.search(pattern, text)[1])


def test_every_program_is_tested():
    tested = Path(__file__).read_text(encoding="utf-8")
    for file in EXAMPLES.glob("*.py"):
        assert f'"{file.name}"' in tested


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda f: f.name)
def test_a_program_can_be_read(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert f"python {file.name} --twin mx" in " ".join("\n".join(lines).split())


@both
def test_table(twin, tmp_path):
    out, _ = run("table.py", tmp_path, "--twin", twin)
    assert re.match(r"1500 customers, of whom \d+% leave\n", out)
    assert 1 < number(r"stopped after (\d+) epochs", out) < 100
    assert number(r"right: (\S+),", out) > 0.85
    assert number(r"of those who leave: (\S+)", out) > 0.8
    assert "loaded again, it answers the same: True" in out
    assert "a new customer who called six times in three months leaves" in out


def test_the_table_prepares_with_the_rows_that_it_learns_from(tmp_path):
    run("table.py", tmp_path)
    arrays, _ = checkpoint.load(tmp_path / "leaves.npz")
    with (tmp_path / "customers.csv").open() as file:
        rows = [line.split(",") for line in file.read().splitlines()[1:]]
    months = np.array([float(row[0]) for row in rows])
    order = np.random.default_rng(1).permutation(len(rows))
    train = months[order[len(rows) // 4 :]]
    np.testing.assert_allclose(arrays["mean"][0], train.mean(), rtol=1e-5)
    np.testing.assert_allclose(arrays["spread"][0], train.std(), rtol=1e-5)
    assert abs(months.mean() / train.mean() - 1) > 1e-4  # all rows have another mean


def test_a_table_of_ones_own(tmp_path):
    """Which has its columns in another order, and one more."""
    rng = np.random.default_rng(3)
    lines = ["left,name,contract,spent,calls,months"]
    for i in range(200):
        calls = rng.integers(0, 9)
        lines.append(f"{int(calls > 5)},Ann {i},monthly,{rng.normal()},{calls},{i}")
        lines[-1] = lines[-1].replace("monthly", ("monthly", "yearly")[i % 2])
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    out, _ = run("table.py", tmp_path, "--table", "mine.csv")
    assert out.startswith("200 customers")
    assert number(r"right: (\S+),", out) > 0.8
    assert not (tmp_path / "customers.csv").exists()


@both
def test_own_layer(twin, tmp_path):
    out, _ = run("own_layer.py", tmp_path, "--twin", twin)
    assert out.startswith("the derivatives of bumps and of the loss are right\n")
    assert number(r"squares: (\S+) from", out) > 0.5
    assert number(r"forgives: (\S+) from", out) < 0.25
    assert "Bumps       (1, 16)  centres, steepness (16,)" in out
    assert "loaded again: True" in out


@needs_pillow
@both
def test_own_pictures(twin, tmp_path):
    out, beside = run("own_pictures.py", tmp_path, "--twin", twin)
    assert out.startswith("180 pictures to learn from, of disc, square, triangle\n")
    assert number(r"right about (\d+)% of 60 others", out) > 60
    assert re.search(r"shapes/disc/000.png looks like a (disc|square|triangle)\n", out)
    assert beside.count("epoch ") == 12
    log = (tmp_path / "log.csv").read_text().splitlines()
    assert log[0].startswith("epoch,loss,val_loss,accuracy")
    assert len(log) == 13


@needs_pillow
@pytest.mark.skipif(os.name == "nt", reason="there is no Ctrl-C to send")
@both
def test_own_pictures_go_on_after_ctrl_c(twin, tmp_path):
    """And end with the weights that a training without a break has."""
    for name in ("broken", "straight"):
        (tmp_path / name).mkdir()
    arguments = ("own_pictures.py", tmp_path / "broken", "--twin", twin)
    program = begin(*arguments, "--epochs", "4")
    for line in program.stderr:
        if line.startswith("epoch 2/4"):
            program.send_signal(signal.SIGINT)
            break
    out, beside = program.communicate(timeout=300)
    assert program.returncode == 0, beside
    assert "resume=True" in beside
    assert "right about" not in out
    out, beside = run(*arguments, "--epochs", "4")
    assert "epoch 2/4" not in beside  # it was finished
    assert "right about" in out
    run("own_pictures.py", tmp_path / "straight", "--twin", twin, "--epochs", "4")
    one, _ = checkpoint.load(tmp_path / "broken" / "shapes.npz")
    other, _ = checkpoint.load(tmp_path / "straight" / "shapes.npz")
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@needs_pillow
def test_own_pictures_of_another_folder(tmp_path):
    from PIL import Image

    for name, grey in (("day", 250), ("night", 5)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for i in range(12):
            picture = Image.new("RGB", (40 + i, 31), (grey - i % 5 * (grey > 9),) * 3)
            picture.save(tmp_path / "mine" / name / f"{i}.jpg")
    out, _ = run("own_pictures.py", tmp_path, "--folder", "mine", "--epochs", "3")
    assert "18 pictures to learn from, of day, night" in out
    assert "right about 100% of 6 others" in out
