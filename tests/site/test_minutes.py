"""How long a page takes to read: words, lines of code, and what does not count."""

from collections import defaultdict
from types import SimpleNamespace

import minutes as minutes_module
import pytest
from docutils import nodes
from docutils.utils import new_document
from minutes import (
    FURTHER,
    KEY,
    SumMinutes,
    minutes,
    minutes_role,
    reading,
    reading_time,
)
from sphinx import addnodes


def words(n):
    return nodes.paragraph("", "word " * n)


def cell(lines, *tags):
    """A code cell as MyST-NB makes one, with as many lines of output."""
    code = "\n".join(["x = 1"] * lines)
    source = nodes.container("", nodes.literal_block(code, code))
    source["nb_element"] = "cell_code_source"
    output = nodes.container("", nodes.literal_block(code, code))
    output["nb_element"] = "cell_code_output"
    classes = [f"tag_{tag}" for tag in tags]
    found = nodes.container("", source, output, classes=classes)
    found["nb_element"] = "cell_code"
    return found


def section(title, *children):
    return nodes.section("", nodes.title("", title), *children)


def page(*parts):
    document = new_document("page")
    document += section("A page", *parts)
    return document


class TestReading:
    def test_words(self):
        assert reading(words(7)) == (7, 0)

    def test_the_lines_of_a_cell_but_not_what_it_prints(self):
        assert reading(cell(5)) == (0, 5)

    @pytest.mark.parametrize("tag", ["hide-input", "remove-cell"])
    def test_not_what_is_folded(self, tag):
        assert reading(cell(5, tag)) == (0, 0)

    def test_a_listing_is_read(self):
        listing = cell(5, "numpy", "listing")
        listing.children = listing.children[1:]  # its input is gone by then
        assert reading(listing) == (0, 5)

    def test_a_listing_is_read_once_though_it_is_kept_in_two_forms(self):
        listing = cell(5, "numpy", "listing")
        output = listing[1]
        forms = nodes.container("", nb_element="mime_bundle")
        for kind in ("text/markdown", "text/plain"):
            forms += nodes.container("", output[0].deepcopy(), mime_type=kind)
        output.children = []
        output += forms
        listing.children = [output]
        assert reading(listing) == (0, 5)

    def test_the_longer_tab(self):
        tabs = nodes.container("", cell(3), cell(8), classes=["twin-tabs"])
        assert reading(tabs) == (0, 8)

    def test_not_a_folded_answer(self):
        answer = nodes.admonition("", words(50), classes=["dropdown"])
        assert reading(answer) == (0, 0)

    def test_a_minute(self):
        assert minutes((180, 0)) == minutes((0, 10)) == 1
        assert minutes((90, 5)) == 1


class TestAPage:
    def test_the_core_ends_where_it_goes_further(self):
        document = page(
            words(178),
            section("The idea", words(178)),
            section(FURTHER, cell(30)),
            section("Exercises", words(9000)),
        )
        core, further = reading_time(document)
        assert core == pytest.approx(2, abs=0.05)
        assert further == pytest.approx(3, abs=0.05)

    def test_a_page_of_the_older_form_has_no_such_line(self):
        assert reading_time(page(section("The idea", words(10)))) is None


class TestAPlan:
    """A table whose rows link to pages, with a place for their minutes."""

    @pytest.fixture
    def plan(self):
        def link(page):
            found = addnodes.pending_xref("", refdoc="chapters/a/plan", reftarget=page)
            return nodes.entry("", nodes.paragraph("", "", found))

        def place(of):
            (node,), _ = minutes_role("minutes", "", of, 0, None)
            return nodes.entry("", nodes.paragraph("", "", node))

        document = new_document("plan")
        document += nodes.table(
            "",
            nodes.tgroup(
                "",
                nodes.row("", link("../b/one"), link("two"), place("row")),
                nodes.row("", link("two"), place("row")),
                nodes.row("", nodes.entry(), place("table")),
            ),
        )
        metadata = {"chapters/b/one": {KEY: 10.4}, "chapters/a/two": {KEY: 20.4}}
        document.settings.env = SimpleNamespace(
            app=None, config=None, metadata=defaultdict(dict, metadata)
        )
        return document

    def test_sums(self, plan):
        SumMinutes(plan).run()
        assert [n.astext() for n in plan.findall(nodes.Text)] == ["31", "20", "51"]

    def test_a_page_without_minutes_is_named(self, plan, monkeypatch):
        said = []
        monkeypatch.setattr(
            minutes_module.logger, "warning", lambda *a, **k: said.append(a)
        )
        plan.settings.env.metadata.clear()
        SumMinutes(plan).run()
        assert len(said) == 3
