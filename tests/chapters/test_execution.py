"""Pages are executed once, and a cell that fails is named."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from execution import (
    KERNEL_ENVIRONMENT,
    ROOT,
    PageError,
    cache_folder,
    cached,
    execute,
    kernel_environment,
    pages,
    read,
)

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
    # It is kept for nobody: the next time, the page is executed again.
    assert cached(page, tmp_path) is None


def test_a_tolerant_execution_goes_on_and_is_kept_until_somebody_is_strict(tmp_path):
    sources = ["x = 1", "# two lines\ny = x / 0", "print(x)", "raise KeyError('z')"]
    page = write_book(tmp_path, HEADER + "# Page\n\n" + "".join(map(cell, sources)))
    execution = execute(page, tmp_path, tolerant=True)
    assert not execution.cached
    first, second = execution.failures
    assert (first.cell, first.cells, first.error) == (
        *(2, 4),
        "ZeroDivisionError: division by zero",
    )
    lines = page.read_text().splitlines()
    assert lines[first.line - 1] == "y = x / 0"
    assert lines[second.line - 1] == "raise KeyError('z')"
    assert execution.cells[2].outputs[0].text == "1\n"
    assert str(first) == (
        f"{page}: code cell 2 of 4 (line {first.line}): "
        "ZeroDivisionError: division by zero"
    )

    kept = cached(page, tmp_path)
    assert kept.cached
    assert kept.failures == execution.failures
    assert not execute(page, tmp_path, tolerant=True).cached
    with pytest.raises(PageError, match="code cell 2 of 4 failed"):
        execute(page, tmp_path)


def test_as_a_command_it_ends_with_what_failed(tmp_path):
    page = write_book(tmp_path, HEADER + "# Page\n\n" + cell("1 / 0"))
    other = page.with_name("index.md")
    other.write_text(HEADER + "# Book\n\n" + cell("print(1)"))
    command = [sys.executable, ROOT / "_ext" / "execution.py", page, other]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "page.md" in done.stdout
    assert "1 cells failed" in done.stdout
    assert f"{page}: code cell 1 of 1 failed" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert len(cached(other, tmp_path).cells) == 1

    missing = subprocess.run(
        [*command, "nowhere.md"], capture_output=True, text=True, check=False
    )
    assert missing.returncode == 1
    assert "there is no page" in missing.stderr


def test_a_kernel_that_dies_leaves_the_cells_before_it(tmp_path):
    sources = ["print(1)", "import os; os._exit(1)", "print(2)"]
    page = write_book(tmp_path, HEADER + "# Page\n\n" + "".join(map(cell, sources)))
    execution = execute(page, tmp_path, tolerant=True)
    (failure,) = execution.failures
    assert (failure.cell, failure.error) == (2, "DeadKernelError: Kernel died")
    assert [len(c.outputs) for c in execution.cells] == [1, 1, 0]


def test_the_users_environment_does_not_change_a_page(monkeypatch, tmp_path):
    harmful = {
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "7"),
        **{"MXNET_ENGINE_TYPE": "ThreadedEngine", "MPLBACKEND": "agg"},
        **{"PYTHONPATH": str(tmp_path), "D2LIB_PROGRESS": "1"},
    }
    harmless = {"OPENBLAS_CORETYPE": "Haswell", "HOME": str(tmp_path)}
    for name, value in (harmful | harmless).items():
        monkeypatch.setenv(name, value)
    environment = kernel_environment()
    for name in harmful:
        assert environment.get(name) == KERNEL_ENVIRONMENT.get(name)
    assert harmless.items() <= environment.items()
    assert kernel_environment(OMP_NUM_THREADS="2")["OMP_NUM_THREADS"] == "2"

    print_them = "import os\nprint([os.environ.get(n) for n in ('OMP_NUM_THREADS',)])"
    page = write_book(tmp_path, HEADER + cell(print_them))
    assert execute(page, tmp_path).cells[0].outputs[0].text == "['1']\n"


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
    page = write_book(tmp_path, HEADER + cell("import sys\nprint(sys.prefix)"))
    assert execute(page, tmp_path).cells[0].outputs[0].text.strip() == sys.prefix
