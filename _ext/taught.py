"""Link what the reference says of a name and the page that teaches it, both ways.

The table of `chapters/appendix/api.md` says who teaches what. From it the entry of a
name gets the line "Taught in ...", and the summary of a page "In the reference ...",
with the entries of both twins. A link that leads nowhere is a warning, and so fails the
build.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from docutils import nodes
from reference import TWINS, taught
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

FOLDER = "chapters/appendix"  # where the table's links begin


def link(where: str, domain: str, kind: str, target: str) -> addnodes.pending_xref:
    """Return a link from a page, which Sphinx resolves when it has read all pages."""
    text = target.rpartition(".")[2] if domain == "py" else ""
    words = nodes.literal if domain == "py" else nodes.inline
    return addnodes.pending_xref(
        "",
        words(text, text, classes=["xref", domain, f"{domain}-{kind}"]),
        refdomain=domain,
        reftype=kind,
        reftarget=target,
        refdoc=where,
        refexplicit=False,
        refwarn=True,
    )


def listed(links: Iterable[nodes.Node]) -> list[nodes.Node]:
    """Return links with commas between."""
    parts = [node for link in links for node in (nodes.Text(", "), link)]
    return parts[1:]


def entries(where: str, names: list[str]) -> nodes.paragraph:
    """Return the line of a page that leads to what it teaches."""
    own, both = [], []
    for name in names:
        (own if name.startswith(TWINS[0]) else both).append(name)
    groups = {
        "from scratch": own,
        "in MXNet": [name.replace(*TWINS, 1) for name in own],
        "for both twins": both,
    }
    line = nodes.paragraph("", "In the reference", classes=["in-reference"])
    between = ", "
    for words, group in groups.items():
        if group:
            line += nodes.Text(f"{between}{words}: ")
            line += listed(link(where, "py", "obj", name) for name in group)
            between = "; "
    line += nodes.Text(".")
    return line


class LinkTaught(SphinxTransform):
    """Add both lines, where there is something to say."""

    # Behind the minutes: it is a line to look things up in, not one to read.
    default_priority = 860

    def apply(self, **kwargs: object) -> None:
        page, table = self.env.docname, taught()
        for entry in self.document.findall(addnodes.desc):
            path = next(iter(entry[0].get("ids", [])), "").replace(*TWINS[::-1], 1)
            if places := table.get(path):
                links = [link(page, "std", *place) for place in places]
                line = nodes.paragraph("", "Taught in ", classes=["taught-in"])
                line += [*listed(links), nodes.Text(".")]
                entry[-1] += line
        names = [name for name, places in table.items() if self.is_here(places)]
        if names:
            self.env.note_dependency("chapters/appendix/api.md")
            sections = self.document.findall(nodes.section)
            summaries = (node for node in sections if node[0].astext() == "Summary")
            place = next(summaries, self.document)
            place += entries(page, names)

    def is_here(self, places: list[tuple[str, str]]) -> bool:
        """Whether one of these is the page that is being read."""
        return any(
            self.document.nametypes.get(target)  # a label, and not just a heading
            if kind == "ref"
            else posixpath.normpath(f"{FOLDER}/{target}") == self.env.docname
            for kind, target in places
        )


def setup(app: Sphinx) -> dict[str, object]:
    app.add_transform(LinkTaught)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
