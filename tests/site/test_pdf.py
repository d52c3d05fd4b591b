"""The book on paper: what its parts become, and what a reader of the PDF finds."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pdf
import pdf_checks as checks
import pikepdf
import pytest
import yaml
from browser import NONE, left_out
from bs4 import BeautifulSoup
from execution import ROOT
from site_checks import report

pytestmark = pytest.mark.xdist_group("site")

SMALL = """\
format: jb-book
root: chapters/index
parts:
  - caption: A part of two pages
    numbered: true
    chapters:
      - file: chapters/1-foundations/perceptron
      - file: chapters/appendix/notation
"""


def print_book(*book):
    """Print in a thread of its own: Playwright may drive a browser in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(pdf.print_book, *book).result()


def soup(text):
    return BeautifulSoup(text, "html.parser")


@pytest.fixture(scope="module")
def small(site, tmp_path_factory):
    """A book of two pages, printed: its file, and the page of HTML that it was."""
    if left_out():
        pytest.skip(NONE)
    folder = tmp_path_factory.mktemp("pdf")
    (folder / "_toc.yml").write_text(SMALL, encoding="utf-8")
    html = pdf.assemble(site, folder / "_toc.yml", "A small book", "its authors")
    print_book(html, site, folder / "small.pdf")
    return folder / "small.pdf", html


class TestASmallBook:
    def test_it_is_tagged(self, small):
        report(checks.check_structure(small[0]))

    def test_its_formulas_have_words(self, small):
        report(checks.check_formulas(small[0], 150))

    def test_its_links_and_outline_lead_somewhere(self, small):
        report(checks.check_links(small[0]))

    def test_its_outline_says_what_its_headings_say(self, small):
        report(checks.check_outline(*small))

    def test_it_is_as_large_as_it_should_be(self, small):
        # A browser prints smaller what is too wide, and all else with it.
        assert checks.text_width(small[0], "Everything in it is made twice.") == (
            pytest.approx(134, abs=3)
        )

    def test_its_contents_tell_the_truth(self, small):
        report(checks.check_contents(small[0]))

    def test_its_headings_have_text_below_them_and_no_page_is_empty(self, small):
        report(checks.check_headings(small[0]) + checks.check_pages(small[0]))

    def test_nothing_is_cut_off(self, small):
        report(checks.check_edges(small[0]))

    def test_it_shows_both_twins_and_no_buttons(self, small):
        _, html = small
        numpy, mxnet = (
            html.count(f'class="twin">{name}') for name in ("From scratch", "In MXNet")
        )
        assert numpy == mxnet > 1
        assert "Show code cell source" not in html
        assert not re.search(r"\d full source", html)
        assert "<button" not in html

    def test_its_answers_stand_at_its_end(self, small):
        _, html = small
        body, answers = html.split(f'id="{pdf.ANSWERS}"')
        assert "Solution to" not in body
        assert answers.count("Solution to") >= 5


class TestTheChecks:
    """Each finds what it looks for, in a print that has it."""

    @pytest.fixture(scope="class")
    def wrong(self, browser, tmp_path_factory):
        file = tmp_path_factory.mktemp("wrong") / "wrong.pdf"
        page = browser.new_page()
        page.set_content(
            "<!doctype html><html><style>@page {size: A4; margin: 27mm}"
            "pre {width: 9in} h1 {break-before: page}</style>"
            "<body><p>Contents</p><p>A chapter 7</p>"
            f"<p>Another 9</p><h1>A chapter</h1><pre>{'x' * 200}</pre></body></html>"
        )
        page.pdf(path=file, prefer_css_page_size=True)
        page.close()
        return file

    def test_structure(self, wrong):
        problems = checks.check_structure(wrong)
        assert any("Formula" in p or "tagged" in p for p in problems)

    def test_contents(self, wrong):
        assert "'A chapter' is not on page 7" in checks.check_contents(wrong)

    def test_links(self, wrong):
        assert "no link leads from one page to another" in checks.check_links(wrong)

    def test_headings_and_pages(self, browser, tmp_path):
        page = browser.new_page()
        page.set_content(
            "<!doctype html><html lang=en><style>@page {size: A4; margin: 24mm}"
            "body {margin: 0} h2 {margin: 225mm 0 0} p, div {break-before: page}"
            "</style><h2>A heading</h2><p>Its text</p><div>&nbsp;</div></html>"
        )
        file = tmp_path / "orphan.pdf"
        page.pdf(path=file, tagged=True, outline=True, prefer_css_page_size=True)
        page.close()
        assert checks.check_headings(file) == ["page 1: 'A heading' stands at the foot"]
        assert checks.check_pages(file) == ["page 3 is empty"]

    @pytest.mark.parametrize(
        "wrong", [lambda title: 2 * title, lambda title: title.replace(" ", "")]
    )
    def test_titles_of_the_outline(self, wrong, small, tmp_path):
        with pikepdf.open(small[0]) as book:
            with book.open_outline() as outline:
                title = outline.root[1].title
                outline.root[1].title = wrong(title)
            book.save(tmp_path / "wrong.pdf")
        assert checks.check_outline(tmp_path / "wrong.pdf", small[1]) == [
            f"the outline says {wrong(title)!r}, the heading {title!r}"
        ]

    def test_edges(self, wrong, tmp_path):
        with pikepdf.open(wrong) as book:
            for page in book.pages:
                page.MediaBox = [0, 0, 300, 842]
            book.save(tmp_path / "narrow.pdf")
        assert any("cut off" in p for p in checks.check_edges(tmp_path / "narrow.pdf"))

    def test_formulas(self, small, tmp_path):
        with pikepdf.open(small[0]) as book:
            for element in checks.elements(book.Root.StructTreeRoot.K):
                if element.S == "/Formula":
                    element.Alt = r"\frac 1 2"
                    break
            book.save(tmp_path / "tex.pdf")
        assert checks.check_formulas(tmp_path / "tex.pdf", 1) == [
            r"TeX in place of words: \frac 1 2"
        ]


class TestCode:
    def test_a_line_that_is_too_long_goes_on_behind_a_mark(self):
        pre = soup(f"<pre>{'ab ' * 40}\nshort</pre>").pre
        pdf.wrap(pre)
        marks = pre.select("span.goes-on")
        assert len(marks) == 1
        assert pre.get_text() == "ab " * 40 + "\nshort"  # nothing is lost

    def test_it_is_parted_at_a_space_if_there_is_one(self):
        assert pdf.breaks("word " * 4, 12) == [10]
        assert pdf.breaks("x" * 30, 12) == [12, 22]
        assert pdf.breaks("x" * 12, 12) == []

    def test_what_stands_in_several_pieces_is_parted_too(self):
        pre = soup(f"<pre><b>{'x' * 80}</b><i>{'y' * 80}</i></pre>").pre
        pdf.wrap(pre)
        assert pre.select_one("i span.goes-on")
        assert pre.get_text() == "x" * 80 + "y" * 80

    def test_what_is_short_stays_together(self):
        for lines, whole in ((3, True), (60, False)):
            pre = soup("<pre>" + "x\n" * lines + "</pre>").pre
            pdf.wrap(pre)
            assert ("whole" in pre.get("class", [])) is whole


NAMES = {"chapters/a/one", "chapters/a/two"}


class TestAPage:
    @pytest.mark.parametrize(
        ("href", "wanted"),
        [
            ("two.html", "#a-two"),
            ("two.html#there", "#a-two--there"),
            ("#here", "#a-one--here"),
            ("../../_modules/d2lib.html#x", ""),
            ("https://example.org/a", "https://example.org/a"),
        ],
    )
    def test_links(self, href, wanted):
        assert pdf.settled(href, "chapters/a/one", NAMES) == wanted

    def test_ids_and_pictures(self):
        page = soup(
            '<article><h1 id="a">A</h1><img src="../../_images/x.svg">'
            '<a href="none.html">nowhere</a><svg><use href="#a"/></svg>'
            '<g clip-path="url(#c)"></g></article>'
        ).article
        pdf.settle(page, "chapters/a/one", NAMES)
        assert page.h1["id"] == "a-one--a"
        assert page.img["src"] == "/_images/x.svg"
        assert page.select("a") == []
        assert "nowhere" in page.get_text()
        assert page.use["href"] == "#a-one--a"
        assert page.g["clip-path"] == "url(#a-one--c)"

    def test_what_paper_cannot_do(self):
        page = soup(
            "<article><audio></audio><button>b</button>"
            '<figure data-explorable="x"><img alt="a"></figure></article>'
        ).article
        pdf.for_paper(page)
        assert page.select("audio, button, details") == []
        assert page.img
        assert len(page.select(".on-the-site")) == 2

    @pytest.mark.parametrize(
        ("output", "stays"),
        [
            ('<img alt="a">', False),
            ('<div class="output stream"><pre>0.5</pre></div>', True),
            ('<img alt="a"><div class="output stream"><pre>0.5</pre></div>', True),
            ("", True),  # a function for the next cell
        ],
    )
    def test_folded_code_stays_unless_it_only_draws(self, output, stays):
        page = soup(
            '<article><div class="cell"><details class="hide above-input"><summary>Show'
            '</summary><div class="cell_input"><pre>code</pre></div></details>'
            f'<div class="cell_output">{output}</div></div></article>'
        ).article
        pdf.for_paper(page)
        assert ("code" in page.get_text()) is stays
        assert "Show" not in page.get_text()
        assert not page.details

    def test_a_bracket_stays_with_its_formula(self):
        page = soup(
            '<article><p>so (<span class="unbroken"><span class="math">x</span>)</span>'
            ' and <span class="math">y</span></p></article>'
        ).article
        pdf.for_paper(page)
        assert page.select_one("p > .unbroken").get_text() == "(x)"
        assert page.get_text() == "so (x) and y"
        assert len(page.select(".unbroken")) == 2

    def test_each_name_of_a_table_of_frameworks_says_whose_it_is(self):
        page = soup(
            '<article><table class="frameworks"><thead><tr><th>d2lib</th><th>PyTorch'
            "</th></tr></thead><tbody><tr><td><code>fit</code></td>"
            "<td><code>a.b(c)</code></td></tr></tbody></table></article>"
        ).article
        pdf.for_paper(page)
        assert [c.get_text() for c in page.select("td")] == ["fit", "PyTorcha.b(c)"]
        assert str(page.select("code")[1]) == "<code>a.<wbr/>b(<wbr/>c)</code>"

    def test_a_place_to_link_to_does_not_part_headings(self):
        page = soup(
            '<article><h2>A</h2><section><span id="b"></span><h3>B</h3><p>b</p>'
            "</section></article>"
        ).article
        pdf.for_paper(page)
        assert page.h3.span["id"] == "b"

    def test_answers_move_and_questions_stay(self):
        page = soup(
            '<article><div class="tip dropdown admonition"><p class="admonition-title">'
            'How many?</p><p>Three.</p></div><div class="solution dropdown admonition">'
            '<p class="admonition-title">Solution to Exercise 1</p><p>Four.</p></div>'
            "</article>"
        ).article
        taken = pdf.take_answers(page, "chapters/a/one")
        assert [t.h3.get_text() for t in taken] == [
            "How many?",
            "Solution to Exercise 1",
        ]
        text = page.get_text()
        assert "How many?" in text
        assert "Three" not in text
        assert "Solution on page" in text

    def test_formulas_stay_as_the_site_has_set_them(self):
        page = soup(
            "<article><mjx-container><mjx-math>glyphs</mjx-math><math>for SRE</math>"
            '<span class="copied-tex">$a < b$</span></mjx-container></article>'
        ).article
        pdf.for_paper(page)
        assert page.find("mjx-math")
        assert page.find("math")
        assert "$" not in page.get_text()

    def test_formulas_that_are_not_set_are_an_error(self, tmp_path):
        article = (
            '<article class="bd-article"><span class="math">\\(x\\)</span></article>'
        )
        (tmp_path / "one.html").write_text(article, encoding="utf-8")
        with pytest.raises(pdf.PDFError, match="build the book again"):
            pdf.article(tmp_path, "one")

    def test_the_reasons_of_a_question_are_an_answer(self):
        page = soup(
            '<article><div class="self-check"><p class="question">How many?</p><ol>'
            '<li>785</li></ol><details class="reasons"><summary>Answer</summary><ol>'
            "<li>One each.</li></ol></details></div></article>"
        ).article
        pdf.for_paper(page)
        (taken,) = pdf.take_answers(page, "chapters/a/one")
        assert taken.h3.get_text() == "How many?"
        assert "One each." in taken.get_text()
        assert page.get_text().count("How many?") == 1
        assert "785" in page.get_text()

    def test_without_a_site_it_says_what_to_do(self, tmp_path):
        with pytest.raises(pdf.PDFError, match="run make book first"):
            pdf.article(tmp_path, "chapters/a/one")


@pytest.mark.scheduled
def test_the_whole_book(site, tmp_path):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    html = pdf.assemble(site, ROOT / "_toc.yml", config["title"], config["author"])
    file = tmp_path / "book.pdf"
    print_book(html, site, file)
    report(
        checks.check_structure(file)
        + checks.check_formulas(file, 3000)
        + checks.check_links(file)
        + checks.check_outline(file, html)
        + checks.check_contents(file)
        + checks.check_headings(file)
        + checks.check_pages(file)
        + checks.check_edges(file)
    )
