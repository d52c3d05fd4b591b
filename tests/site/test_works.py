"""The labels of the bibliography are what the text cites."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from pybtex.database import parse_string
from works import Labels


@pytest.mark.parametrize(
    ("authors", "label"),
    [
        ("Bishop, Christopher M.", "Bishop, 2006"),
        (
            "Hochreiter, Sepp and Schmidhuber, Jürgen",
            "Hochreiter and Schmidhuber, 2006",
        ),
        (
            "Jastrzębski, S. and van der Walt, S. and Arpit, D.",
            "Jastrzębski et al., 2006",
        ),
    ],
)
def test_a_label_has_authors_and_year(authors, label):
    text = f"@book{{it, author = {{{authors}}}, title = {{It}}, year = 2006}}"
    assert [*Labels().format_labels(parse_string(text, "bibtex").entries.values())] == [
        label
    ]


@pytest.mark.xdist_group("site")
def test_the_text_cites_what_the_list_says(site):
    listed = BeautifulSoup(
        (site / "chapters/appendix/bibliography.html").read_text("utf-8"), "html.parser"
    )
    labels = {
        work["id"]: work.select_one(".label").get_text().strip("[]")
        for work in listed.select("div.citation")
    }
    cited = [
        (place, re.sub("<.*?>", "", text))  # "et al." is slanted
        for page in site.glob("chapters/*/*.html")
        for place, text in re.findall(
            r'bibliography\.html#(id\d+)"[^>]*>(.+?)</a>', page.read_text("utf-8")
        )
    ]
    assert len(cited) > 100
    # "Bishop [2006]": there the year alone is the link.
    assert [c for c in cited if not labels[c[0]].endswith(c[1])] == []


@pytest.mark.xdist_group("site")
def test_a_screen_reader_finds_a_list(site):
    page = (site / "chapters/appendix/bibliography.html").read_text("utf-8")
    works = BeautifulSoup(page, "html.parser").select("div.citation")
    assert len(works) > 100
    assert {work["role"] for work in works} == {"listitem"}
    assert {work.parent["role"] for work in works} == {"list"}
