"""Put what the glossary says of a page's terms into the page.

A page that links to terms of the glossary gets their definitions at its end, hidden;
`reading.js` shows the one at whose term the reader points. Nothing is loaded for it, so
it works from a stick, and mathematics in it is set as on the rest of the page.
"""

from __future__ import annotations

import html

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PREFIX = "term-"


def cards(document: nodes.document) -> dict[str, nodes.container]:
    """Return what a page's glossaries say: the id of a term, and its definition."""
    found = {}
    for glossary in document.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            (definition,) = item.findall(nodes.definition)
            for term in item.findall(nodes.term):
                name = nodes.paragraph("", term.astext(), classes=["term-name"])
                rest = [plain(child.deepcopy()) for child in definition.children]
                for name_id in term["ids"]:
                    found[name_id] = nodes.container("", name.deepcopy(), *rest)
    return found


def plain(node: nodes.Node) -> nodes.Node:
    """Return a node whose links are words: nobody can follow them in passing."""
    for link in list(node.findall(addnodes.pending_xref)):
        link.replace_self(nodes.inline("", "", *link.children[0].children))
    return node


class Glossary:
    """The cards of all glossaries, as HTML, made when the first page asks for them."""

    def __init__(self) -> None:
        self.found: dict[str, nodes.container] | None = None
        self.written: dict[str, str] = {}

    def known(self, env: BuildEnvironment) -> dict[str, nodes.container]:
        """Return the definitions by the ids of their terms."""
        if self.found is None:
            objects = env.domains["std"].data["objects"]
            names = {page for (kind, _), (page, _) in objects.items() if kind == "term"}
            self.found = {}
            for name in sorted(names):
                self.found |= cards(env.get_doctree(name))
        return self.found

    def card(self, app: Sphinx, name: str) -> str:
        """Return a definition as hidden HTML, "" if there is none."""
        if name not in self.written:
            node = self.known(app.env).get(name)
            text = app.builder.render_partial(node)["fragment"] if node else ""
            self.written[name] = (
                f'<div id="card-{html.escape(name)}" class="term-text">{text}</div>'
                if text
                else ""
            )
        return self.written[name]

    def add(
        self,
        app: Sphinx,
        pagename: str,
        templatename: str,
        context: dict,
        doctree: object,
    ) -> None:
        """Add the definitions of the terms that a page links to."""
        if not isinstance(doctree, nodes.document) or "body" not in context:
            return
        names = {
            link["refuri"].partition("#")[2]
            for link in doctree.findall(nodes.reference)
            if link.get("internal") and "#" in link.get("refuri", "")
        }
        found = [self.card(app, n) for n in sorted(names) if n.startswith(PREFIX)]
        if text := "".join(found):
            context["body"] += f'<div class="term-texts" hidden>{text}</div>'


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", Glossary().add)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
