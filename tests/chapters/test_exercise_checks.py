"""The checks of exercises: the published solution passes, and nothing else does."""

from __future__ import annotations

import re

import pytest
from edit_run import export
from execution import execute, pages, read

PAGES = [page for page in pages() if page.exists() and read(page) is not None]
CHECKED = [page for page in PAGES if "exercise-check" in page.read_text("utf-8")]


def checks(cells):
    """Return the cells tagged `exercise-check`."""
    return [c for c in cells if "exercise-check" in c.metadata.get("tags", [])]


def test_exercises_on_five_pages_have_a_check():
    assert len(CHECKED) >= 5


@pytest.mark.parametrize("page", CHECKED, ids=lambda page: page.stem)
def test_each_check_belongs_to_an_exercise(page):
    exercises = export(read(page), [])["exercises"]
    assert sum("check" in e for e in exercises) == len(checks(read(page).cells))
    assert all(e["start"].startswith("def ") for e in exercises if "check" in e)


@pytest.mark.parametrize("page", CHECKED, ids=lambda page: page.stem)
def test_the_published_solution_passes(page):
    for cell in checks(execute(page).cells):
        said = "".join(output.get("text", "") for output in cell.outputs)
        assert said.endswith(": passed\n"), said


@pytest.mark.parametrize("page", CHECKED, ids=lambda page: page.stem)
def test_what_is_no_solution_does_not_pass(page, capsys):
    for cell in checks(read(page).cells):
        name = re.search(r"^check\((\w+),", cell.source, re.M)[1]
        names = {name: lambda *arguments: None}
        exec("import numpy as np\nfrom d2lib import scratch", names)
        exec("from d2lib.gradcheck import check_gradients", names)
        exec(cell.source, names)
        assert "passed" not in capsys.readouterr().out
