"""The notebooks to download run outside the clone, with MXNet and without."""

from __future__ import annotations

import fresh
import nbformat
import pytest
from execution import ROOT, WITHOUT_MXNET
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.xdist_group("site")


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Return the Python of an environment with the package, as the README says."""
    if fresh.left_out():
        pytest.skip(fresh.NONE)
    try:
        return fresh.environment(tmp_path_factory.mktemp("fresh"), ("mxnet", "plot"))
    except fresh.NoEnvironment as error:
        pytest.fail(str(error), pytrace=False)


def test_four_downloads_run_with_mxnet_and_without(python, site, tmp_path):
    files = fresh.downloads(site, fresh.SAMPLE)
    problems = fresh.run_all(files, python, tmp_path, at_once=1)
    without = {"PYTHONPATH": str(WITHOUT_MXNET)}
    problems += fresh.run_all(files, python, tmp_path, at_once=1, **without)
    if problems:
        pytest.fail("\n\n".join(problems), pytrace=False)


def test_the_environment_is_fresh_and_what_fails_is_named(python, tmp_path):
    cells = ["import sys, d2lib\nassert sys.argv", "import jupyter_book"]
    file = tmp_path / "page.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(c) for c in cells]), file)
    problem = fresh.run(file, python, tmp_path)
    assert problem.startswith("page: ")
    assert "No module named 'jupyter_book'" in problem

    inside = f"import d2lib\nassert {str(ROOT)!r} not in d2lib.__file__"
    nbformat.write(new_notebook(cells=[new_code_cell(inside)]), file)
    assert fresh.run(file, python, tmp_path) == ""


def test_without_a_network_it_says_how_to_leave_the_test_out(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(fresh.NoEnvironment, match="make test NOTEBOOKS=none"):
        fresh.environment(tmp_path, ("plot",))
    monkeypatch.setenv("NOTEBOOKS", "none")
    assert fresh.left_out()


def test_without_a_book_the_command_says_so(capsys):
    assert fresh.main(["chapters/no-such-page"]) == 2
    assert "run make book first" in capsys.readouterr().err
