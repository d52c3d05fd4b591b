"""Notebooks to download: what the checks find, what a page becomes, where it opens."""

from __future__ import annotations

import ast
import copy

import lab
import pytest
from execution import pages, read
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook_checks import check_code, check_notebook
from notebooks import launch_links
from plain import Book, escaped, extras, first_cells, folded, without_bookkeeping

BOOK = Book("The Book")
ADDRESS = "https://github.com/us/book"


def code(source, *tags, **metadata):
    return new_code_cell(source, metadata={"tags": list(tags)} | metadata)


HIDDEN = {
    "cellView": "form",
    "jupyter": {"source_hidden": True, "outputs_hidden": True},
}


def good():
    """A notebook as it should be."""
    return new_notebook(
        cells=[
            *first_cells(["plot", "mxnet"], BOOK, "page"),
            new_markdown_cell("# Page\n\nThe sum, `{x}` of it:\n\n$$\n{a}`\n$$"),
            new_markdown_cell("**NumPy**"),
            code("x = 1", "numpy"),
            code("x += 1", "numpy"),
            new_markdown_cell("**MXNet**"),
            code("# MXNet\ny = 1", "mxnet"),
            new_markdown_cell("Both:\n\n**NumPy and MXNet**"),
            code("# NumPy and MXNet\nx + y", "twins"),
            new_markdown_cell("## Exercise\n\n" + folded("Solution to Exercise", "1")),
            code("# @title Solution\n1", **HIDDEN),
        ]
    )


def test_a_good_notebook_has_no_problems():
    assert check_notebook(good()) == []


def change(cell, **attributes):
    def do(notebook):
        for name, value in attributes.items():
            setattr(notebook.cells[cell], name, value)

    return do


@pytest.mark.parametrize(
    ("plant", "problem"),
    [
        (change(2, source="A {term}`bias`."), "a role of MyST"),
        (change(2, source="It is {glue:text}`x`."), "a role of MyST"),
        (change(2, source="(label)=\n# Page"), "a label of MyST"),
        (change(2, source="```{math}\nx\n```"), "a directive of MyST"),
        (change(2, source=":::{admonition} A\nx\n:::"), "a directive of MyST"),
        (change(2, source="text\n:::"), "a fence of colons"),
        (change(2, source="[Losses](losses.md)"), "links to losses.md"),
        (change(2, source="<details>\n1"), "does not end the fold"),
        (lambda n: n.cells.pop(0), "does not say what to install"),
        (lambda n: n.cells.pop(1), "does not look for what the page needs"),
        (change(4, source="plotting.use_style()\nload_tunes()"), "look for music"),
        (change(4, source="plotting.use_style()\nload_faces()"), "look for photos"),
        (change(4, source="plotting.use_style()\nimport gymnasium"), "look for rl"),
        (change(3, source="Words."), "not headed **NumPy**"),
        (lambda n: n.cells.pop(6), "not headed **MXNet**"),
        (change(8, source="Both:"), "not headed **NumPy and MXNet**"),
        (change(7, source="y = 1"), "does not begin with '# MXNet'"),
        (change(9, source="# MXNet\nx"), "begin with '# NumPy and MXNet'"),
        (change(10, source="## Exercise\n\nSolution to it: 1"), "shows a solution"),
        (change(11, metadata={}), "shows the code of a solution"),
        (change(11, source="1"), "shows the code of a solution on Colab"),
        (change(4, execution_count=1), "has outputs"),
        (change(4, cell_type="odd"), "no valid notebook"),
    ],
)
def test_what_is_wrong_is_found(plant, problem):
    notebook = good()
    plant(notebook)
    assert any(problem in found for found in check_notebook(notebook))


def test_a_cell_that_is_missing_or_changed_is_found():
    page = new_notebook(cells=[code("x = 1"), code("assert x", "remove-cell")])
    made = new_notebook(cells=[*first_cells([], BOOK, "page"), code("x = 1")])
    assert check_code(page, made) == []
    for plant, problem in [
        (lambda n: n.cells.pop(), "code cell 1 of the page is not the next one"),
        (change(2, source="y\nx = 1"), "code cell 1 is not as on the page"),
        (lambda n: n.cells.append(code("z")), "1 code cells are not the page's"),
    ]:
        other = copy.deepcopy(made)
        plant(other)
        assert problem in check_code(page, other)


def test_the_first_cells_name_what_to_install():
    text, cell = first_cells(["plot", "mxnet"], BOOK, "page")
    assert 'pip install ".[plot,mxnet]"' in text.source
    assert cell.source.endswith('needs("plot", "mxnet")')
    ast.parse(cell.source)
    text, cell = first_cells(
        ["plot"], Book("B", "https://b.org", ADDRESS), "chapters/page"
    )
    assert f'pip install "d2lib-book[plot] @ git+{ADDRESS}"' in text.source
    assert "https://b.org/chapters/page.html" in text.source
    assert f'    %pip install -q "d2lib-book[plot] @ git+{ADDRESS}"' in cell.source


def test_extras_are_those_of_the_imports():
    needed = {
        page.stem: extras(c for c in read(page).cells if c.cell_type == "code")
        for page in pages()
        if read(page) is not None
    }
    assert needed["music"] == ["plot", "music", "mxnet"]
    assert needed["faces"] == ["plot", "photos", "mxnet"]
    assert needed["environment-lab"] == ["plot", "rl", "mxnet"]
    assert needed["perceptron"] == ["plot", "mxnet"]
    assert [name for name, names in needed.items() if "music" in names] == ["music"]
    assert extras([code("from d2lib.data import load_tunes")]) == ["music"]
    assert extras([code("%matplotlib inline\nimport numpy")]) == []


@pytest.mark.parametrize(
    ("source", "used", "left"),
    [
        ('assert x > 1\nglue("x", x)', {"x"}, ""),
        ('share = x / y\nglue("x", share)', {"x"}, ""),
        ('share = x / y\nglue("x", share)', {"share"}, "share = x / y"),
        ("import os\n\nassert os\n\n# why\nf()", set(), "import os\n\n\n\n# why\nf()"),
    ],
)
def test_of_bookkeeping_only_what_is_used_is_left(source, used, left):
    found = without_bookkeeping(source, used)
    assert ast.dump(ast.parse(found)) == ast.dump(ast.parse(left))
    assert bool(found) == bool(left)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a*b_c `d`", r"a\*b\_c \`d\`"),
        ("5 < 6 and <b>", "5 < 6 and &lt;b>"),
        ("for $5", "for <span>&#36;</span>5"),
        ("two\nlines", "two lines"),
    ],
)
def test_text_stays_text(text, markdown):
    assert escaped(text) == markdown


def test_where_a_notebook_opens():
    assert launch_links("", "gh-pages", "a.ipynb") == {}
    assert launch_links(ADDRESS, "gh-pages", "_sources/a.ipynb") == {
        "Binder": "https://mybinder.org/v2/gh/us/book/gh-pages"
        "?urlpath=lab/tree/_sources/a.ipynb",
        "Colab": "https://colab.research.google.com/github/us/book/blob/gh-pages/"
        "_sources/a.ipynb",
    }
    gitlab = launch_links("https://gitlab.com/us/book", "site", "a.ipynb")
    assert gitlab == {
        "Binder": "https://mybinder.org/v2/gl/us%2Fbook/site?urlpath=lab/tree/a.ipynb"
    }
    other = launch_links("https://git.us.org/book", "site", "a.ipynb")
    assert other["Binder"].startswith(
        "https://mybinder.org/v2/git/https%3A%2F%2Fgit.us.org%2Fbook/site?"
    )


def test_a_lab_keeps_what_its_reader_changed(tmp_path):
    source, mine = tmp_path / "site", tmp_path / "mine"
    page = source / "chapters" / "page.ipynb"
    page.parent.mkdir(parents=True)
    page.write_text("one")
    assert lab.put(source, mine) == []
    assert (mine / "page.ipynb").read_text() == "one"

    page.write_text("two")  # nobody has changed it: it is replaced
    assert lab.put(source, mine) == []
    assert (mine / "page.ipynb").read_text() == "two"

    (mine / "page.ipynb").write_text("my own")
    assert lab.put(source, mine) == []
    assert (mine / "page.ipynb").read_text() == "my own"

    page.write_text("three")
    (told,) = lab.put(source, mine)
    assert "page.ipynb is yours and stays" in told
    assert (mine / "page.ipynb").read_text() == "my own"
    assert (mine / "page.new.ipynb").read_text() == "three"
    assert lab.put(source, mine) == []
