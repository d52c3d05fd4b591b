"""The last line of a test run says what was left out, and why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parent.parent / "conftest.py"


@pytest.fixture
def run(tmp_path):
    """Return a function that runs pytest on files, and gives its code and last line."""
    shutil.copy(CONFTEST, tmp_path)

    def run(files, *options, extra="pytest"):
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        conftest = tmp_path / "conftest.py"
        conftest.write_text(CONFTEST.read_text() + f"\nEXTRAS['book'] = {extra!r}\n")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--doctest-modules", *options],
            cwd=tmp_path,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout.splitlines()[-1]

    return run


PASSES = "def test(): pass\n"
SKIPS = """
import pytest

@pytest.mark.skipif(True, reason="no GPU here")
@pytest.mark.parametrize("number", [1, 2])
def test(number): pass

def test_another(): pytest.skip("BROWSER=none")
"""
SKIPS_ALL = "import pytest\npytest.importorskip('no_such_package')\n"
NEEDS_THE_BOOK = "import no_such_package\n\ndef test(): pass\n"


def test_nothing(run):
    assert run({"tests/test_it.py": PASSES}) == (0, "Left out: nothing.")


@pytest.mark.parametrize(
    "options", [(), ("-p", "xdist", "-n", "2")], ids=["one", "two processes"]
)
def test_tests_and_files(run, options):
    if options:
        pytest.importorskip("xdist")
    code, last = run(
        {"tests/test_it.py": SKIPS, "tests/test_all.py": SKIPS_ALL}, *options
    )
    assert code == 0
    assert "2 tests (no GPU here)" in last
    assert "1 test (BROWSER=none)" in last
    assert "(could not import 'no_such_package'" in last


def test_a_file_that_needs_an_extra(run):
    files = {"tests/site/test_it.py": NEEDS_THE_BOOK, "tests/test_it.py": PASSES}
    missing = run(files, extra="no_such_package")
    assert missing == (0, "Left out: 1 file (needs d2lib-book[book]).")
    # Where the extra is there, a file that can't be imported is an error.
    assert run(files)[0] == 2
