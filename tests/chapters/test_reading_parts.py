"""Parts of the reader's side that need no browser: terms, sections, wide tables."""

from __future__ import annotations

import pytest
from docutils import nodes
from docutils.utils import new_document
from markdown_pages import summary
from search_text import sections
from sphinx import addnodes
from stacked_tables import LABEL, StackTables
from terms import cards


def glossary():
    """A page whose glossary explains "gate" and "tap", which are one thing."""
    link = addnodes.pending_xref("", nodes.inline("", "unit"))
    meaning = nodes.paragraph("", "", nodes.Text("A "), link, nodes.Text(", of sorts."))
    item = nodes.definition_list_item(
        "",
        nodes.term("", "gate", ids=["term-gate"]),
        nodes.term("", "tap", ids=["term-tap"]),
        nodes.definition("", meaning),
    )
    document = new_document("page")
    words = addnodes.glossary("", nodes.definition_list("", item))
    document += nodes.section("", nodes.title("", "Words"), words, ids=["words"])
    return document


def test_each_term_has_its_definition_without_links():
    found = cards(glossary())
    assert found["term-tap"].astext() == "tap\n\nA unit, of sorts."
    assert found["term-gate"].astext() == "gate\n\nA unit, of sorts."
    assert not list(found["term-gate"].findall(addnodes.pending_xref))


def test_a_term_is_a_place_that_the_search_finds():
    assert sections(glossary()) == [
        ["", "Words", ""],
        ["term-gate", "gate, tap", "A unit, of sorts."],
    ]


def test_a_section_has_its_own_text_and_no_other():
    inner = nodes.section(
        "", nodes.title("", "In"), nodes.paragraph("", "b"), ids=["i"]
    )
    outer = nodes.section("", nodes.title("", "Out"), nodes.paragraph("", "a"), inner)
    outer["ids"] = ["o"]
    document = new_document("page")
    document += outer
    assert sections(document) == [["", "Out", "a"], ["i", "In", "b"]]


def table(columns, *, in_an_output=True):
    def row(text):
        cells = [nodes.entry("", nodes.paragraph("", text)) for _ in range(columns)]
        return nodes.row("", *cells)

    head, body = nodes.thead("", row("head")), nodes.tbody("", row("1"))
    made = nodes.table("", nodes.tgroup("", head, body, cols=columns))
    around = nodes.container("", made)
    if in_an_output:
        around["nb_element"] = "cell_code_output"
    document = new_document("page")
    document += around
    StackTables(document).apply()
    return made


@pytest.mark.parametrize(
    ("columns", "in_an_output", "stacks"),
    [(5, True, True), (4, True, False), (5, False, False)],
)
def test_only_wide_tables_of_cells_become_cards(columns, in_an_output, stacks):
    made = table(columns, in_an_output=in_an_output)
    labels = [n for n in made.findall(nodes.inline) if LABEL in n["classes"]]
    assert len(labels) == (columns if stacks else 0)
    assert ("stacks" in made["classes"]) == stacks


def test_a_page_is_summed_up_by_what_its_reader_can_do():
    text = (
        "# Gates\n\n24 minutes, and 14 more.\n\n*Lecture 2.* You can do it. And so on."
    )
    assert summary(text) == "Lecture 2. You can do it."
