"""A small book: what is taught and its entry lead to each other, or the build fails."""

from __future__ import annotations

import subprocess
import sys

import pytest
import site_checks as checks
from execution import ROOT

CONF = (
    f"import sys\nsys.path.insert(0, {str(ROOT / '_ext')!r})\nextensions = ['taught']"
)
INDEX = """
.. toctree::

   chapters/page
   chapters/appendix/api
"""
PAGE = """
.. _perceptron:

A page
======

Summary
-------

Five lines.

Further
-------
"""
ENTRY = """
.. py:class:: {}.Perceptron(inputs)

   A neuron.

   .. py:method:: forward(x)

      Its output.
"""


@pytest.fixture
def build(tmp_path):
    """Build a book whose reference has these entries."""

    def build(*packages):
        folder = tmp_path / "chapters" / "appendix"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / "conf.py").write_text(CONF)
        (tmp_path / "index.rst").write_text(INDEX)
        (tmp_path / "chapters" / "page.rst").write_text(PAGE)
        (folder / "api.rst").write_text(
            "API\n===\n" + "".join(map(ENTRY.format, packages))
        )
        return subprocess.run(
            [sys.executable, "-m", "sphinx", "-qWE", tmp_path, tmp_path / "site"],
            capture_output=True,
            text=True,
            check=False,
        )

    return build


def test_a_page_and_the_entries_of_both_twins_lead_to_each_other(build, tmp_path):
    done = build("d2lib.scratch", "d2lib.mx")
    assert done.returncode == 0, done.stderr
    names = {"d2lib.scratch.Perceptron", "d2lib.mx.Perceptron"}
    assert checks.check_taught(tmp_path / "site", names) == []
    page = (tmp_path / "site" / "chapters" / "page.html").read_text()
    assert "In the reference, from scratch: <a" in page
    assert "; in MXNet: <a" in page
    assert page.index("Five lines") < page.index("in-reference") < page.index("Further")


def test_an_entry_that_the_reference_lacks_is_an_error(build):
    done = build("d2lib.scratch")
    assert done.returncode != 0
    assert "reference target not found: d2lib.mx.Perceptron" in done.stderr
