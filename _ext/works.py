"""Label the works of the bibliography as the text cites them: Harris et al., 2020.

sphinxcontrib-bibtex writes authors and year into the text, but none of the styles of
its list does. Its own templates make the labels here, and so the two can't differ.

And the list is one to a screen reader: docutils gives its items a role that WAI-ARIA
has given up, and that no list may contain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docutils import nodes
from docutils.writers.html5_polyglot import HTMLTranslator
from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style as Plain
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle
from sphinxcontrib.bibtex.style.template import join, year

STYLE = "authors_and_year"  # the bibtex_default_style of _config.yml


class Labels(BaseLabelStyle):  # type: ignore[misc]
    """Authors and year of a work, as the text has them."""

    def format_labels(self, entries: Iterable[Entry]) -> Iterator[str]:
        """Yield the label of each work."""
        style = AuthorYearReferenceStyle()
        label = join(sep=style.author_year_sep)[
            style.person.author_or_editor_or_title(full=False), year
        ]
        for entry in entries:
            text = label.format_data({"entry": entry, "style": style})
            yield text.render_as("text")


class Style(Plain):  # type: ignore[misc]
    """The plain style with these labels, in the order of authors, year and title."""

    default_label_style = Labels
    default_sorting_style = "author_year_title"


def visit_citation(translator: HTMLTranslator, node: nodes.citation) -> None:
    """Begin a work of the list."""
    HTMLTranslator.visit_citation(translator, node)
    begun = translator.body[-1]
    translator.body[-1] = begun.replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app: Sphinx) -> dict[str, object]:
    register_plugin("pybtex.style.formatting", STYLE, Style)
    written = visit_citation, HTMLTranslator.depart_citation
    app.add_node(nodes.citation, override=True, html=written)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
