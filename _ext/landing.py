"""The map of the book on its first page: every lecture's pages, minutes and questions.

    :::{lecture} Lecture 1: introduction to deep learning
    1-foundations/why-now | Why now?
    1-foundations/perceptron | The perceptron, forward propagation
    :::

A line names a page and what the lecture calls it. The build adds the page's title, how
many minutes its core takes (minutes.py) and how many questions it asks
(self_checks.py); `reading.js` adds what the reader has read and answered.
"""

from __future__ import annotations

from docutils import nodes
from minutes import KEY as MINUTES
from self_checks import KEY as CHECKS
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html import HTMLTranslator

MAP = "has_a_map"  # in Sphinx's metadata of the page that has one


class station(nodes.Part, nodes.Element):
    """A page on the map."""


class Lecture(SphinxDirective):
    """The directive `lecture`."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        stops = nodes.enumerated_list(enumtype="arabic", suffix=".", classes=["line"])
        for number, line in enumerate(self.content):
            page, bar, topic = (part.strip() for part in line.partition("|"))
            if not bar or not page or not topic:
                raise self.error(f"{line!r} is not 'page | what the lecture calls it'")
            docname, _ = self.env.relfn2path(page, self.env.docname)
            link = addnodes.pending_xref(
                "",
                nodes.inline("", "", classes=["xref", "doc"]),
                refdomain="std",
                reftype="doc",
                reftarget=f"/{docname}",
                refexplicit=False,
                refdoc=self.env.docname,
                refwarn=True,
            )
            link.source, link.line = self.get_source_info()
            words, _ = self.state.inline_text(topic, self.content_offset + number)
            stops += station(
                "",
                nodes.paragraph("", "", link, classes=["station-page"]),
                nodes.paragraph("", "", *words, classes=["station-topic"]),
                page=docname,
            )
        self.env.metadata[self.env.docname][MAP] = True
        title = nodes.paragraph("", self.arguments[0], classes=["lecture-title"])
        return [nodes.container("", title, stops, classes=["lecture"])]


def add_minutes(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Say of each page on the map how long it takes, once all have been read."""
    for stop in doctree.findall(station):
        known = app.env.metadata[stop["page"]]
        stop["checks"] = known.get(CHECKS, 0)
        if MINUTES in known:
            text = f"{max(1, round(known[MINUTES]))} minutes"
            stop += nodes.paragraph("", text, classes=["station-minutes"])


def write_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The map is written anew whenever any page has been read again."""
    return [name for name, known in env.metadata.items() if MAP in known]


def load_picture(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Load what moves on the first page there, and nowhere else."""
    if pagename == app.config.root_doc:
        app.add_js_file("twins-live.js", loading_method="defer")


def open_station(self: HTMLTranslator, node: nodes.Element) -> None:
    data = {"data-page": node["page"], "data-checks": str(node["checks"])}
    self.body.append(self.starttag(node, "li", CLASS="station", **data))


def close_station(self: HTMLTranslator, node: nodes.Element) -> None:
    self.body.append('<p class="station-progress"></p></li>\n')


def setup(app: Sphinx) -> dict[str, object]:
    app.add_node(station, html=(open_station, close_station))
    app.add_directive("lecture", Lecture)
    app.connect("doctree-resolved", add_minutes)
    app.connect("env-updated", write_again)
    app.connect("html-page-context", load_picture)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
