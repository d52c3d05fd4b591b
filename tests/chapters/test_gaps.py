"""Gaps: taken out, put back, and checked; in a small book and in every page."""

from __future__ import annotations

import jupytext
import pytest
from execution import ROOT, execute, kernel_environment, pages, read, run, timeout
from gaps import check_gaps, has_gaps, open_gaps, with_gaps
from nbformat.v4 import new_code_cell, new_notebook
from test_execution import HEADER, cell, write_book

CELL = """\
def area(r):
    # fill in: pi times the square of r
    square = r * r

    return 3.14159 * square
    # end


class Counter:
    def add(self, n):
        # fill in: add n to what there is
        self.n = getattr(self, "n", 0) + n
        # end
        return self.n"""
OPENED = """\
def area(r):
    ...  # fill in: pi times the square of r


class Counter:
    def add(self, n):
        ...  # fill in: add n to what there is
        return self.n"""
CHECK = """\
from d2lib.book import check, close

def areas(area):
    close(area(2), 12.56636, "area(2)")

def counts(Counter):
    close(Counter().add(3), 3, "Counter().add(3)")

if check(area, areas):
    print("A pizza of 32 cm:", round(area(16)))
check(Counter, counts);"""
PAGE = HEADER + "# Page\n\n" + cell(f":tags: [gap]\n\n{CELL}")
PAGE += cell(f":tags: [check]\n\n{CHECK}")

PAGES = [page for page in pages() if page.exists() and read(page) is not None]
GAPPED = [page for page in PAGES if has_gaps(read(page))]


def outputs(notebook, page, root=ROOT):
    """Run a notebook's cells and return what they print."""
    run(notebook, page, timeout(notebook, root), kernel_environment())
    return said(notebook.cells)


def said(cells):
    """Return what the cells tagged `check` have printed."""
    return [
        "".join(output.get("text", "") for output in cell.outputs)
        for cell in cells
        if cell.cell_type == "code" and "check" in cell.metadata.get("tags", [])
    ]


def test_solutions_become_hints():
    assert open_gaps(CELL) == OPENED
    assert open_gaps(OPENED) == OPENED
    assert open_gaps("x = 1  # fill in: no") == "x = 1  # fill in: no"


def test_only_gap_cells_lose_their_solutions_and_all_lose_their_outputs(tmp_path):
    notebook = read(write_book(tmp_path, PAGE), tmp_path)
    run(notebook, tmp_path / "page.md", 60, kernel_environment())
    opened = with_gaps(notebook)
    code = [c for c in opened.cells if c.cell_type == "code"]
    assert [c.source for c in code] == [OPENED, CHECK]
    assert [c.outputs for c in code] == [[], []]
    assert [c.execution_count for c in code] == [None, None]
    solved = [c for c in notebook.cells if c.cell_type == "code"]
    assert solved[0].source == CELL
    assert solved[1].outputs


def test_open_gaps_run_to_the_end_and_are_named(tmp_path):
    page = write_book(tmp_path, PAGE)
    (text,) = outputs(with_gaps(read(page, tmp_path)), page, tmp_path)
    assert text.splitlines() == [
        "area: not filled in yet: pi times the square of r",
        "Counter: not filled in yet: add n to what there is",
    ]


def test_filled_gaps_pass(tmp_path):
    page = write_book(tmp_path, PAGE)
    (text,) = outputs(read(page, tmp_path), page, tmp_path)
    assert text == "area: passed\nA pizza of 32 cm: 804\nCounter: passed\n"


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        ("r * r", "r + r * r", "area(2) should be 12.56636, got 18.84954"),
        ("return 3.14", "3.14", "area(2) is None: does the function return"),
        ("3.14159", "pi", "it raises NameError: name 'pi' is not defined"),
        ("square = r * r", "square = [r]", "it raises TypeError"),
    ],
)
def test_a_wrong_solution_is_reported(right, wrong, line, tmp_path):
    page = write_book(tmp_path, PAGE.replace(right, wrong))
    (text,) = outputs(read(page, tmp_path), page, tmp_path)
    assert text.startswith(f"area: not right yet: {line}")
    assert text.endswith("Counter: passed\n")


def test_the_notebook_that_is_written_can_be_read(tmp_path):
    page = write_book(tmp_path, PAGE)
    notebook = jupytext.read(page)
    assert has_gaps(notebook)
    jupytext.write(with_gaps(notebook), tmp_path / "page-gaps.ipynb")
    again = jupytext.read(tmp_path / "page-gaps.ipynb")
    assert OPENED in [cell.source for cell in again.cells]
    assert not has_gaps(new_notebook(cells=[new_code_cell("x = 1")]))


def code(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)})


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ([code(CELL, "gap"), code(CHECK, "check")], None),
        ([code(CELL, "gap"), code(CELL, "gap"), code(CHECK, "check")], None),
        ([code(CELL), code(CHECK, "check")], "has a gap but not the tag"),
        ([code("x = 1", "gap"), code(CHECK, "check")], "tagged gap but has none"),
        ([code(CELL, "gap")], "no cell tagged check after it"),
        ([code(CELL, "gap"), code(CHECK)], "no cell tagged check after it"),
        (
            [code(CELL.replace("# end", "", 1), "gap"), code(CHECK, "check")],
            "without its hint or its # end",
        ),
        (
            [code(CELL.replace(": pi times", "\n    # pi"), "gap"), code("", "check")],
            "without its hint or its # end",
        ),
        (
            [
                code("if x:\n    # fill in: a\n    y\n    # end\n z", "gap"),
                code("", "check"),
            ],
            "no Python with its gaps open",
        ),
    ],
)
def test_what_is_wrong_with_a_gap(cells, problem):
    problems = check_gaps(new_notebook(cells=cells))
    if problem is None:
        assert problems == []
    else:
        assert any(problem in found for found in problems), problems


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_gaps_of_every_page_are_well_formed(page):
    assert check_gaps(read(page)) == []


@pytest.mark.parametrize("page", GAPPED, ids=[page.stem for page in GAPPED])
class TestEveryPageWithGaps:
    def test_runs_with_its_gaps_open(self, page):
        texts = outputs(with_gaps(read(page)), page)
        assert texts
        for text in texts:
            assert "not filled in yet" in text
            assert "passed" not in text

    def test_passes_when_solved(self, page):
        for text in said(execute(page).cells):  # the page itself, executed once
            assert "passed" in text
            assert "not " not in text
