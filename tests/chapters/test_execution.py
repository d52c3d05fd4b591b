"""Pages are executed once, and a cell that fails is named."""

from __future__ import annotations

import shutil

import pytest
from execution import ROOT, PageError, cache_folder, execute, pages, read

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

"""


def cell(source):
    return f"```{{code-cell}} ipython3\n{source}\n```\n\n"


def write_book(root, page=HEADER + "# Page\n"):
    """Write a book of two pages into an empty folder and return the second page."""
    (root / "chapters").mkdir(parents=True)
    (root / "d2lib").mkdir()
    (root / "d2lib" / "library.py").write_text("x = 1\n")
    (root / "requirements").mkdir()
    shutil.copy(ROOT / "_config.yml", root)
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/index\nparts:\n"
        "  - caption: Part\n    chapters:\n      - file: chapters/page\n"
    )
    (root / "chapters" / "index.md").write_text("# Book\n")
    path = root / "chapters" / "page.md"
    path.write_text(page)
    return path


def test_pages_are_those_of_the_table_of_contents_in_order(tmp_path):
    page = write_book(tmp_path)
    assert pages(tmp_path) == [tmp_path / "chapters" / "index.md", page]


def test_a_page_without_code_is_not_executed(tmp_path):
    write_book(tmp_path)
    assert execute(tmp_path / "chapters" / "index.md", tmp_path) is None


def test_a_page_is_executed_once_until_the_library_changes(tmp_path):
    page = write_book(tmp_path, HEADER + "# Page\n\n" + cell("6 * 7"))
    first = execute(page, tmp_path)
    assert not first.cached
    assert first.cells[0].outputs[0].data["text/plain"] == "42"
    again = execute(page, tmp_path)
    assert again.cached
    assert again.cells[0].outputs == first.cells[0].outputs
    assert again.seconds == first.seconds

    folder = cache_folder(tmp_path)
    library = tmp_path / "d2lib" / "library.py"
    library.write_text("x = 2\n")
    assert cache_folder(tmp_path) != folder
    library.write_text("x = 1\n")
    assert cache_folder(tmp_path) == folder
    (tmp_path / "requirements" / "all.txt").write_text("numpy==1.26.4\n")
    assert cache_folder(tmp_path) != folder


def test_a_failing_cell_is_reported_with_page_cell_and_traceback(tmp_path):
    cells = cell("x = 1") + cell("y = x / 0  # planted") + cell("z = 1")
    page = write_book(tmp_path, HEADER + "# Page\n\n" + cells)
    with pytest.raises(PageError) as error:
        execute(page, tmp_path)
    message = str(error.value)
    assert f"{page}: code cell 2 of 3 failed" in message
    assert "y = x / 0  # planted" in message
    assert "ZeroDivisionError: division by zero" in message
    # A failure is not cached.
    with pytest.raises(PageError):
        execute(page, tmp_path)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("while True: pass", "timed out"),
        ("import os; os._exit(1)", "died"),
    ],
)
def test_a_cell_that_never_ends_or_kills_its_kernel_is_reported(
    source, reason, tmp_path
):
    header = HEADER.replace(
        "kernelspec:", "mystnb:\n  execution_timeout: 3\nkernelspec:"
    )
    page = write_book(tmp_path, header + cell("x = 1") + cell(source))
    with pytest.raises(PageError, match=reason) as error:
        execute(page, tmp_path)
    assert "code cell 2 of 2 failed" in str(error.value)
    assert source in str(error.value)


def test_without_mxnet_only_cells_that_say_so_may_need_it(tmp_path):
    tagged = "".join(
        cell(f":tags: [{tag}]\n\nimport mxnet") for tag in ("mxnet", "twins")
    )
    page = write_book(tmp_path, HEADER + cell("x = 1") + tagged)
    execution = execute(page, tmp_path, mxnet=False)
    assert [c.source for c in execution.cells] == ["x = 1"]
    assert len(read(page, tmp_path).cells) == 3

    page.write_text(HEADER + cell(":tags: [numpy]\n\nimport mxnet"))
    with pytest.raises(PageError, match="No module named 'mxnet'"):
        execute(page, tmp_path, mxnet=False)


def test_the_kernel_is_the_environments_own_python(tmp_path):
    import sys

    page = write_book(tmp_path, HEADER + cell("import sys\nprint(sys.prefix)"))
    assert execute(page, tmp_path).cells[0].outputs[0].text.strip() == sys.prefix
