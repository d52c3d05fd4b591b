"""A book with an address: buttons that open a page elsewhere, and its notebook."""

from __future__ import annotations

import nbformat
import pytest
from execution import ROOT
from test_build import PAGE, build
from test_execution import write_book

pytestmark = pytest.mark.xdist_group("build")

ADDRESS = "https://github.com/us/book"
CLONE_ONLY = PAGE.replace("print('alone')", "import benchmarks")


@pytest.mark.parametrize("addressed", [True, False])
def test_buttons_appear_with_an_address(addressed, tmp_path):
    write_book(tmp_path, PAGE)
    (tmp_path / "chapters" / "references.bib").touch()
    for folder in ("_ext", "assets"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    if addressed:
        config = tmp_path / "_config.yml"
        text = config.read_text(encoding="utf-8")
        option = f"html_theme_options:\n      repository_url: {ADDRESS}\n"
        text = text.replace("html_theme_options:\n", option, 1)
        text = text.replace("\nhtml:\n", "\nhtml:\n  baseurl: https://us.org/book\n")
        config.write_text(text, encoding="utf-8")
    done = build(tmp_path, "-W", "--keep-going", "--all")
    assert done.returncode == 0, done.stdout

    site = tmp_path / "_build" / "html"
    html = (site / "chapters" / "page.html").read_text(encoding="utf-8")
    notebook = "_sources/chapters/page.ipynb"
    assert (site / notebook).is_file()
    binder = f"https://mybinder.org/v2/gh/us/book/gh-pages?urlpath=lab/tree/{notebook}"
    colab = "https://colab.research.google.com/github/us/book/blob/gh-pages/"
    assert (binder in html) == addressed
    assert (f"{colab}{notebook}" in html) == addressed
    assert ("fa-rocket" in html) == addressed
    other = (site / "chapters" / "index.html").read_text(encoding="utf-8")
    assert "fa-rocket" not in other  # it is no notebook

    text, code, *_ = nbformat.read(site / notebook, as_version=4).cells
    assert (f"@ git+{ADDRESS}" in text.source) == addressed
    assert ("%pip install" in code.source) == addressed
    assert ("https://us.org/book/chapters/page.html" in text.source) == addressed
    installs = site / "binder" / "requirements.txt"
    assert installs.is_file() == addressed
    if addressed:
        package = f"d2lib-book[mxnet,plot,music,photos,rl] @ git+{ADDRESS}"
        assert package in installs.read_text()


def test_a_page_that_needs_the_clone_offers_no_notebook(tmp_path):
    write_book(tmp_path, CLONE_ONLY)
    (tmp_path / "chapters" / "references.bib").touch()
    for folder in ("_ext", "assets", "benchmarks"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    build(tmp_path, "--all")
    site = tmp_path / "_build" / "html"
    html = (site / "chapters" / "page.html").read_text(encoding="utf-8")
    assert "page.ipynb" not in html
    assert not (site / "_sources" / "chapters" / "page.ipynb").exists()
