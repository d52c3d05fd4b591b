"""Every page of the book: all of its cells run, and it is what a page must be."""

from __future__ import annotations

from pathlib import Path

import page_checks
import pytest
from execution import (
    BUDGET,
    LAB_BUDGET,
    ROOT,
    Execution,
    PageError,
    execute,
    pages,
    read,
)
from gaps import has_gaps

LISTED = pages()
PAGES = [page for page in LISTED if page.exists()]
NAMES = [
    page.relative_to(ROOT / "chapters").with_suffix("").as_posix() for page in PAGES
]
# The pages that always run without MXNet too; a check of names covers the others, and
# `make test-without-mxnet` runs them all.
WITHOUT_MXNET = {"1-foundations/perceptron", "1-foundations/losses"}
LECTURES = [p for p in PAGES if p.relative_to(ROOT / "chapters").parts[0][0].isdigit()]


def run(page: Path, record_property, **options: bool) -> Execution:
    """Execute a page; a failure names the page, the cell and the error, no more."""
    name = page.relative_to(ROOT)
    failure = None
    try:
        execution = execute(page, **options) or Execution([], 0.0, 0.0, True, [], [])
    except PageError as error:
        failure = str(error)
    if failure:
        pytest.fail(failure, pytrace=False)
    if execution.cells:
        record_property("page", f"{name}{' without MXNet' if options else ''}")
        record_property("cells", len(execution.cells))
        record_property("seconds", execution.seconds)
        record_property("cost", execution.cost)
        record_property("budget", LAB_BUDGET if has_gaps(read(page)) else BUDGET)
    return execution


def report(page: Path, problems: list[str]) -> None:
    if problems:
        name = page.relative_to(ROOT)
        pytest.fail(
            "\n".join(f"{name}: {problem}" for problem in problems), pytrace=False
        )


def test_every_page_is_in_the_table_of_contents():
    problems = page_checks.check_listed(ROOT / "chapters", LISTED)
    report(ROOT / "_toc.yml", problems)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_cells_run(page, record_property):
    text = page.read_text(encoding="utf-8")
    cells = run(page, record_property).cells
    problems = page_checks.check_cells(text, read(page))
    problems += page_checks.check_ran(cells)
    problems += page_checks.check_figures(text, cells)
    report(page, problems)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_cells_without_mxnet_need_no_name_from_those_with_it(page):
    notebook = read(page)
    report(page, page_checks.check_names(notebook) if notebook else [])


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[] if name in WITHOUT_MXNET else pytest.mark.scheduled)
        for page, name in zip(PAGES, NAMES, strict=True)
    ],
    ids=NAMES,
)
def test_cells_run_without_mxnet(page, record_property):
    cells = run(page, record_property, mxnet=False).cells
    report(page, page_checks.check_ran(cells))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_text(page):
    text = page.read_text(encoding="utf-8")
    problems = page_checks.check_assets(text) + page_checks.check_install(text)
    if page in LECTURES:
        problems += page_checks.check_headings(text)
        problems += page_checks.check_questions(text)
        problems += page_checks.check_exercises(text)
    report(page, problems)
