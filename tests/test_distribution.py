"""What is in the source distribution: all that building and testing need."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# What `make` and its tools leave behind is no source.
LEAVE = shutil.ignore_patterns(
    *(".git", ".venv*", "_build", ".make", "generated", "__pycache__", "*.egg-info"),
    *("build", "dist", ".*_cache", ".hypothesis", ".ipynb_checkpoints", "*.ipynb"),
)
BUILD = (
    "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
)


def sources(folder: Path) -> set[str]:
    return {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}


def missing(folder: Path, target: Path) -> set[str]:
    """Build the source distribution of a folder; return what it lacks."""
    expected = sources(folder)
    subprocess.run(
        [sys.executable, "-c", BUILD, str(target)],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (archive,) = target.glob("d2lib_book-*.tar.gz")
    with tarfile.open(archive) as tar:
        held = {m.name.partition("/")[2] for m in tar.getmembers() if m.isfile()}
    return expected - held


@pytest.fixture
def clone(tmp_path):
    """Copy what git holds, or where there is no git what it would hold."""
    clone = tmp_path / "clone"
    shutil.copytree(ROOT, clone, ignore=LEAVE)
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if (ROOT / ".git").exists() and listed.returncode == 0:
        for name in sources(clone) - set(listed.stdout.splitlines()):
            (clone / name).unlink()
    return clone


def test_the_source_distribution_lacks_nothing(clone, tmp_path):
    assert missing(clone, tmp_path / "dist") == set()


def test_a_folder_that_is_forgotten_is_found(clone, tmp_path):
    manifest = clone / "MANIFEST.in"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if "_ext" not in line))
    lacks = missing(clone, tmp_path / "dist")
    assert "_ext/execution.py" in lacks
    assert all(name.startswith("_ext/") for name in lacks)
