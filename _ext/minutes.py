"""Say at the top of a page how long its core takes to read.

The core is what stands above *Going further*; what stands below, and the exercises, may
be left for another day. A minute is 180 words of prose or ten visible lines of code.
What is folded does not count, and of two tabs only the longer one does. The questions
to answer are counted apart: how long one thinks is anybody's guess.

A plan such as that of a course asks for the minutes of the pages that it names: in a
table `` {minutes}`row` `` is the sum over the pages that its row links to, and
`` {minutes}`table` `` that over the whole table.

The minutes of all cores are written to `minutes.json` beside the site, and a test holds
them to what a page may take.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from self_checks import self_check
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.logging import getLogger

WORDS, LINES = 180, 10  # a minute
FURTHER = "Going further"
KEY = "reading_minutes"  # in Sphinx's metadata of a page
SUM = "sum-of-minutes"
logger = getLogger(__name__)
FOLDED = {"tag_hide-input", "tag_hide-cell", "tag_remove-input", "tag_remove-cell"}


def reading(node: nodes.Node) -> tuple[int, int]:
    """Return how many words and how many lines of code one sees of a node."""
    if isinstance(node, nodes.Text):
        return len(re.findall(r"\w+", node.astext())), 0
    if not isinstance(node, nodes.Element) or isinstance(node, nodes.Invisible):
        return 0, 0
    classes = set(node.get("classes", []))
    if "dropdown" in classes or isinstance(node, self_check):
        return 0, 0
    if isinstance(node, (nodes.literal_block, nodes.doctest_block)):
        return 0, sum(1 for line in node.astext().splitlines() if line.strip())
    children = list(node.children)
    if node.get("nb_element") == "cell_code":
        is_listing = "tag_listing" in classes
        children = [
            part
            for part in children
            # Of what a cell prints only a listing is read line by line.
            if is_listing
            or (part.get("nb_element") == "cell_code_source" and not classes & FOLDED)
        ]
    if node.get("nb_element") == "mime_bundle":
        # The same output in several forms, of which the page will show one: a
        # listing's Markdown, and not also the text that a terminal would get.
        rich = [p for p in children if p.get("mime_type") != "text/plain"]
        children = rich or children
    counts = [reading(child) for child in children]
    if "twin-tabs" in classes:
        return max(counts, key=minutes, default=(0, 0))
    return sum(words for words, _ in counts), sum(lines for _, lines in counts)


def minutes(count: tuple[int, int]) -> float:
    """Return the minutes that so many words and lines of code take."""
    words, lines = count
    return words / WORDS + lines / LINES


def sections(document: nodes.document) -> Iterator[tuple[str, nodes.section]]:
    """Yield the title and the node of each section of a page."""
    for section in document.findall(nodes.section):
        if isinstance(section.parent, nodes.section) and isinstance(
            section.parent.parent, nodes.document
        ):
            yield section[0].astext(), section


def reading_time(document: nodes.document) -> tuple[float, float] | None:
    """Return the minutes of a page's core and of what goes further.

    Returns:
        None for a page without a section *Going further*.
    """
    found = list(sections(document))
    titles = [title for title, _ in found]
    if FURTHER not in titles:
        return None
    at = titles.index(FURTHER)
    head = found[0][1].parent
    before = [reading(n) for n in head.children if not isinstance(n, nodes.section)]
    core = sum(map(minutes, before)) + sum(minutes(reading(s)) for _, s in found[:at])
    return core, minutes(reading(found[at][1]))


class ReadingTime(SphinxTransform):
    """Put the minutes under the title, and keep them for the tests."""

    default_priority = 850  # behind the tabs and the listings

    def apply(self, **kwargs: object) -> None:
        found = reading_time(self.document)
        if found is None:
            return
        core, further = (max(1, round(n)) for n in found)
        questions = sum(1 for _ in self.document.findall(self_check))
        asked = f" and {questions} questions" if questions > 1 else ""
        text = f"{core} minutes{asked}, and {further} more if you go further."
        title = next(self.document.findall(nodes.title))
        line = nodes.paragraph("", text, classes=["reading-time"])
        title.parent.insert(title.parent.index(title) + 1, line)
        self.env.metadata[self.env.docname][KEY] = found[0]


def minutes_role(
    name: str, rawtext: str, text: str, lineno: int, inliner: object, **more: object
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Keep a place for the minutes of a row or a table, which no one knows yet."""
    return [nodes.inline(rawtext, "", classes=[SUM], of=text)], []


class SumMinutes(SphinxPostTransform):
    """Write the sums, when all pages are read and before links are resolved."""

    default_priority = 5

    def run(self, **kwargs: object) -> None:
        for place in list(self.document.findall(nodes.inline)):
            if SUM not in place["classes"]:
                continue
            kind = nodes.row if place["of"] == "row" else nodes.table
            around = place.parent
            while around is not None and not isinstance(around, kind):
                around = around.parent
            found = []
            for link in around.findall(addnodes.pending_xref) if around else ():
                folder = posixpath.dirname(link["refdoc"])
                page = posixpath.normpath(posixpath.join(folder, link["reftarget"]))
                found.append(self.env.metadata[page.lstrip("/")].get(KEY))
            if not found or None in found:
                logger.warning(
                    "minutes of a %s need links to pages that have a core",
                    place["of"],
                    location=place,
                )
            total = sum(filter(None, found))
            place += nodes.Text(str(round(total)))


def write_minutes(app: Sphinx, error: Exception | None) -> None:
    """Write title and minutes of every page that has a core, beside the site."""
    if error is None:
        found = {
            name: {"title": app.env.titles[name].astext(), "core": said[KEY]}
            for name, said in sorted(app.env.metadata.items())
            if KEY in said
        }
        file = Path(app.outdir).parent / "minutes.json"
        file.write_text(json.dumps(found, indent=1), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    app.add_transform(ReadingTime)
    app.add_role("minutes", minutes_role)
    app.add_post_transform(SumMinutes)
    app.connect("build-finished", write_minutes)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
