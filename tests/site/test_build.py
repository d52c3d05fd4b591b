"""Builds of a small book: what the extensions make of a page, and what must fail."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from docutils import nodes
from execution import ROOT
from minutes import reading
from test_execution import HEADER, cell, write_book

from d2lib.book import listing as library_listing

pytestmark = pytest.mark.xdist_group("build")

GAP = "def one():\n    # fill in: return 1\n    return 1\n    # end"
CHECK = """from d2lib.book import check, close
check(one, lambda one: close(one(), 1, "one()"));"""
NUMPY, MXNET = ":tags: [numpy]\n\n", ":tags: [mxnet]\n\n"
PAGE = f"""{HEADER}# Page

{cell(NUMPY + "print('scratch one')")}
{cell(NUMPY + "print('scratch two')")}
{cell(MXNET + "print('gluon')")}

A sentence ends the tabs.

{cell(MXNET + "print('alone')")}

{cell("from d2lib.book import listing")}
{cell(":tags: [listing]" + chr(10) * 2 + "listing(listing)")}

:::{{exercise-start}}
:label: ex-page
:::
Which?
:::{{exercise-end}}
:::

:::{{solution-start}} ex-page
:class: dropdown
:::

{cell(NUMPY + "print('solved from scratch')")}
{cell(MXNET + "print('solved in gluon')")}

:::{{solution-end}}
:::

{cell(":tags: [gap]" + chr(10) * 2 + GAP)}
{cell(":tags: [check]" + chr(10) * 2 + CHECK)}

```{{eval-rst}}
.. autofunction:: d2lib.book.listings.listing
```

## Going further

The end.
"""


def build(root: Path, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [Path(sys.executable).with_name("jupyter-book"), "build", root, "-q", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture
def book(tmp_path):
    page = write_book(tmp_path, PAGE)
    (tmp_path / "chapters" / "references.bib").touch()
    for folder in ("_ext", "assets"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    return page


def test_every_extension_of_ours_is_loaded():
    """Jupyter Book finds what the first list names, and loads what the second does."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    ours = config["sphinx"]["local_extensions"]
    assert set(ours) <= set(config["sphinx"]["config"]["extensions"])


def test_tabs_and_listings(book, tmp_path):
    done = build(tmp_path, "-W", "--keep-going", "--all")
    assert done.returncode == 0, done.stdout
    html = (tmp_path / "_build/html/chapters/page.html").read_text("utf-8")

    sets = html.split('<div class="sd-tab-set twin-tabs docutils">')[1:]
    assert len(sets) == 2
    first, solution = (re.split(r"<input ", tabs)[1:] for tabs in sets)
    assert len(first) == len(solution) == 2
    assert "From scratch (NumPy)" in first[0]
    assert "scratch one" in first[0]
    assert "scratch two" in first[0]
    assert "gluon" not in first[0]
    assert "In MXNet" in first[1]
    inside = first[1].partition("A sentence ends the tabs")[0]
    assert "gluon" in inside
    assert "scratch one" not in inside
    assert "solved from scratch" in solution[0]
    assert "solved in gluon" in solution[1]
    assert html.index('class="solution') < html.index("solved from scratch")

    listing = re.search(r'<div class="cell tag_listing.*?</pre>', html, re.S)[0]
    assert "cell_output" in listing
    assert "cell_input" not in listing
    caption = re.search(r'<p class="listing-caption">(.*?)</p>', html, re.S)[1]
    assert "d2lib.book.listings.listing" in caption
    assert 'href="../_modules/d2lib/book/listings.html#listing"' in caption
    assert (tmp_path / "_build/html/_modules/d2lib/book/listings.html").is_file()

    sources = tmp_path / "_build/html/_sources/chapters"
    solved = nbformat.read(sources / "page.ipynb", 4).cells
    assert GAP in [c.source for c in solved]
    gaps = nbformat.read(sources / "page-gaps.ipynb", 4).cells
    assert "def one():\n    ...  # fill in: return 1" in [c.source for c in gaps]
    assert 'href="../_sources/chapters/page-gaps.ipynb"' in html
    assert "one: passed" in html

    said = json.loads((tmp_path / "_build/minutes.json").read_text("utf-8"))
    assert set(said) == {"chapters/page"}
    assert said["chapters/page"]["title"] == "Page"
    assert said["chapters/page"]["core"] > 1
    file = tmp_path / "_build/.doctrees/chapters/page.doctree"
    [shown] = [
        node
        for node in pickle.loads(file.read_bytes()).findall(nodes.container)
        if "tag_listing" in node["classes"]
    ]
    lines = library_listing(library_listing).source.splitlines()
    assert reading(shown)[1] == sum(1 for line in lines if line.strip())


def test_a_listing_of_what_the_reference_leaves_out_is_an_error(book, tmp_path):
    book.write_text(
        PAGE.replace(".. autofunction:: d2lib.book.listings.listing", "Text.")
    )
    done = build(tmp_path, "-W", "--keep-going", "--all")
    assert done.returncode != 0
    assert "d2lib.book.listings.listing, so its listing has no source" in done.stdout


FAILING = f"""{HEADER}# Page

{cell(NUMPY + "print('before')")}
{cell(MXNET + "x = [1, 2]" + chr(10) + "x[2]")}

{cell(":tags: [remove-cell]" + chr(10) * 2 + "assert 1 > 2, 'no room'")}

{cell("print('after')")}

The loss was {{glue:text}}`loss`.

{cell("from d2lib.book import glue" + chr(10) + "glue('loss', 1 / 0)")}
"""


def test_a_failing_cell_leaves_its_error_a_box_and_the_rest_of_the_book(book, tmp_path):
    book.write_text(FAILING)
    for _ in range(2):  # an unchanged second build must not pass
        done = build(tmp_path, "-W", "--keep-going", "--all")
        assert done.returncode != 0
        assert "page.md: code cell 2 of 5" in done.stdout
        assert "IndexError: list index out of range" in done.stdout
    html = (tmp_path / "_build/html/chapters/page.html").read_text("utf-8")
    assert (tmp_path / "_build/html/chapters/index.html").is_file()
    assert "after" in html
    assert html.count("This did not come out on your machine") == 3

    tabs = html.index('class="sd-tab-set')
    top = html[html.index('id="did-not-come-out"') : tabs]
    assert "3 cells of this page failed" in top
    assert 'href="#did-not-come-out-2"' in top
    assert "\nAssertionError: no room" in top  # the page hides its cell
    assert "what python -m d2lib prints" in re.sub("<.*?>", "", top)
    assert "to whoever gave you the book" in top

    tab = html[tabs : html.index("after", tabs)]
    assert tab.index("In MXNet") < tab.index('id="did-not-come-out-2"')
    assert 'class="output traceback' in tab
    assert "list index out of range" in tab


def test_readers_of_a_book_with_a_home_are_sent_there(book, tmp_path):
    book.write_text(FAILING)
    config = tmp_path / "_config.yml"
    option = "html_theme_options:\n      repository_url: https://github.com/us/book"
    config.write_text(config.read_text().replace("html_theme_options:", option, 1))
    build(tmp_path, "--all")
    html = (tmp_path / "_build/html/chapters/page.html").read_text("utf-8")
    assert 'href="https://github.com/us/book/issues">as an issue</a>' in html


def test_a_warning_fails_every_build(book, tmp_path):
    book.write_text(PAGE.replace("print('gluon')", "import sys; sys.stderr.write('x')"))
    for _ in range(2):
        done = build(tmp_path, "-W", "--keep-going", "--all")
        assert done.returncode != 0, done.stdout
        assert "stderr" in done.stdout
