"""`make` says what is wrong and what to do when it cannot make the environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="make needs a Unix shell")

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ["bash", "dirname", "rm", "mkdir", "cat", "tail", "grep", "touch", "make", "sh"]


@pytest.fixture
def clone(tmp_path):
    """A fresh clone, and a PATH on which nothing lies but a few tools."""
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "requirements", clone / "requirements")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    path = tmp_path / "bin"
    path.mkdir()
    for tool in TOOLS:
        (path / tool).symlink_to(shutil.which(tool))
    return clone, path


def program(path: Path, name: str, script: str) -> None:
    file = path / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def python(path: Path, name: str, version: str, *, venv: str = "exit 1") -> None:
    """Put a Python of some version on the PATH that can do nothing but say so."""
    program(
        path,
        name,
        f'case "$*" in *version_info*) echo {version};; '
        f"*'import venv'*) {venv};; *) exit 9;; esac",
    )


def make(clone, target="book", **environment):
    folder, path = clone
    done = subprocess.run(
        ["make", "--no-print-directory", target],
        cwd=folder,
        env={"PATH": str(path), "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert not (folder / ".venv" / ".installed").exists()
    return done.stderr


@pytest.mark.parametrize("target", ["book", "test", "lab", "serve", "bench", "lint"])
def test_no_python_at_all(clone, target):
    message = make(clone, target)
    assert "needs Python 3.11 or 3.12" in message
    assert "Found: no Python that runs" in message


def test_only_a_python_that_is_too_new(clone):
    python(clone[1], "python3", "3.13")
    message = make(clone)
    assert "Found: python3 (Python 3.13)." in message
    assert "PYTHON=/path/to/python3.11" in message


def test_the_python_that_was_asked_for_is_wrong(clone):
    python(clone[1], "python3.11", "3.11")
    python(clone[1], "python3.9", "3.9")
    assert "Found: python3.9 (Python 3.9)." in make(clone, PYTHON="python3.9")
    assert "no Python that runs as PYTHON=nothing" in make(clone, PYTHON="nothing")


def test_a_shim_that_does_not_run_is_passed_over(clone):
    program(
        clone[1], "python3.12", "echo 'version 3.12 is not installed' >&2; exit 127"
    )
    python(clone[1], "python3.11", "3.11")
    assert "python3.11 (Python 3.11) cannot make a virtual environment" in make(clone)


def test_debian_without_its_venv_package(clone):
    python(clone[1], "python3", "3.11")
    message = make(clone)
    assert "its venv module is missing" in message
    assert "apt install python3.11-venv" in message


def fake_environment(folder, pip):
    """Put an environment there whose pip does something else."""
    bin = folder / ".venv" / "bin"
    bin.mkdir(parents=True)
    program(
        bin,
        "python",
        f"case \"$*\" in *version_info*) echo 3.11;; *'pip --version'*) :;; "
        f"*'pip install'*) {pip};; *) exit 9;; esac",
    )


def test_no_network(clone):
    python(clone[1], "python3.11", "3.11", venv=":")
    error = "NewConnectionError: [Errno 101] Network is unreachable"
    fake_environment(clone[0], f"echo {error!r} >&2; exit 1")
    message = make(clone)
    assert "Network is unreachable" in message
    assert "pip could not get the requirements: no network?" in message


def test_any_other_failure_of_pip(clone):
    python(clone[1], "python3.11", "3.11", venv=":")
    fake_environment(clone[0], "echo 'THESE PACKAGES DO NOT MATCH THE HASHES'; exit 1")
    message = make(clone)
    assert "DO NOT MATCH THE HASHES" in message
    assert "no network" not in message
    assert "Run make again" in message


def test_an_interrupted_installation_starts_again(clone):
    folder, path = clone
    python(path, "python3.11", "3.11", venv=":")
    fake_environment(folder, "exit 1")
    stamp = folder / ".venv" / ".installed"
    stamp.touch()
    os.utime(stamp, (1, 1))  # older than the lock, as after an update of it
    make(clone)
    assert not stamp.exists()
