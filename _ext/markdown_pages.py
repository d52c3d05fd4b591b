"""Write every page as Markdown that a reader, or a program, can read as it is.

Beside each page, in `_sources`, where the theme's download menu leads, stands its text
as `plain.py` writes it for the notebooks, with the code and what the code printed; of a
figure its alternative text. `llms.txt` lists the pages, one a line, in the form of
https://llmstxt.org, and `llms-full.txt` holds all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from plain import HEADS, Book, Markdown, cells_in, fenced, pieces
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from twin_tabs import twin_of

LIST, WHOLE = "llms.txt", "llms-full.txt"
INTRODUCTION = """\
> A textbook of deep learning in which everything is made twice: in plain NumPy, where
> every derivative is code to read, and in MXNet. It follows the first four lectures of
> MIT 6.S191.

Each file is one page as Markdown, with its code and what the code printed.
"""


class Readable(Markdown):
    """Writes any page: a node that has no form of its own is the text in it."""

    def word(self, node: nodes.Node, *, table: bool = False) -> str:
        try:
            return super().word(node, table=table)
        except ExtensionError:
            return " ".join(node.astext().split())

    def block(self, node: nodes.Element, *, nested: bool = False) -> str:
        try:
            return super().block(node, nested=nested)
        except ExtensionError:
            parts = [c for c in node.children if isinstance(c, nodes.Element)]
            return self.blocks(parts, nested=nested)

    def cell(self, cell: nodes.Element) -> str:
        """Return a code cell: its twin's name, its code, and what came out of it."""
        tag = twin_of(cell) or ("twins" if "tag_twins" in cell["classes"] else "")
        texts = [HEADS[tag]] if tag else []
        for part in cell.children:
            if part.get("nb_element") == "cell_code_source":
                texts += [fence(b, "python") for b in part.findall(nodes.literal_block)]
            else:
                texts += self.outputs(part)
        return "\n\n".join(filter(None, texts))

    def outputs(self, part: nodes.Element) -> Iterator[str]:
        """Yield what a cell printed or drew, as text."""
        for node in part.children:
            if isinstance(node, nodes.literal_block):
                yield fence(node, "text" if "output" in node["classes"] else "python")
            elif isinstance(node, nodes.image):
                yield f"*Figure: {node.get('alt', '').strip() or 'without words'}*"
            elif isinstance(node, (nodes.figure, nodes.container)):
                # A figure's caption is text, and comes by itself.
                yield from self.outputs(node)
            elif isinstance(node, nodes.Element) and not isinstance(
                node, nodes.caption
            ):
                yield self.block(node)


def fence(block: nodes.Element, language: str) -> str:
    """Return a block of code, or of what code printed."""
    marks = fenced(block.astext(), least=3)
    return f"{marks}{language}\n{block.astext().rstrip()}\n{marks}"


def markdown(
    doctree: nodes.document, env: BuildEnvironment, docname: str, book: Book
) -> str:
    """Return a page, as Sphinx has resolved it, as Markdown."""
    write = Readable(env, docname, book)
    cells = {cell["cell_index"]: cell for cell in cells_in(doctree)}
    texts = [
        part.text or write.cell(cells[part.cell]) for part in pieces(doctree, write)
    ]
    return "\n\n".join(filter(None, [*texts, write.works()])) + "\n"


def summary(text: str) -> str:
    """Return what a page says that it is about: its first sentences, in one line."""
    paragraphs = [p for p in text.split("\n\n")[1:] if p[:1].isalnum() or p[:1] == "*"]
    paragraphs = [p for p in paragraphs if not re.match(r"\d+ minutes", p)]
    first = re.sub(r"[*`]|<[^>]+>", "", " ".join(paragraphs[:1]))
    sentences = re.split(r"(?<=[.!?])\s", " ".join(first.split()))
    # "Lecture 2, gated cells." alone says little.
    return " ".join(sentences[: 2 if len(sentences[0]) < 60 else 1])


def in_order(env: BuildEnvironment, name: str) -> Iterator[str]:
    """Yield a page and those below it, in the order of the table of contents."""
    yield name
    for child in env.toctree_includes.get(name, []):
        yield from in_order(env, child)


class Pages:
    """The Markdown of all pages, made while they are written."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def make(self, app: Sphinx, doctree: nodes.document, docname: str) -> None:
        """Make a page's Markdown."""
        if app.builder.name == "html":
            site = (app.config.html_baseurl or "").rstrip("/")
            book = Book(app.config.html_title, site)
            self.made[docname] = markdown(doctree, app.env, docname, book)

    def write(self, app: Sphinx, error: Exception | None) -> None:
        """Write all pages, the list of them, and the file that holds all."""
        if error is not None or app.builder.name != "html":
            return
        folder = Path(app.outdir)
        names = [n for n in in_order(app.env, app.config.root_doc) if n in self.made]
        lines = [f"# {app.config.html_title}", "", INTRODUCTION]
        for name in dict.fromkeys(names):
            file = folder / "_sources" / f"{name}.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.made[name], encoding="utf-8")
            title, about = app.env.titles[name].astext(), summary(self.made[name])
            link = f"- [{title}](_sources/{name}.md)"
            lines.append(f"{link}: {about}" if about else link)
        (folder / LIST).write_text("\n".join(lines) + "\n", encoding="utf-8")
        whole = "\n\n".join(self.made[name] for name in dict.fromkeys(names))
        (folder / WHOLE).write_text(whole, encoding="utf-8")


def name_the_link(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Say in the download menu what the file is: the page's source it is no more."""
    for button in context.get("header_buttons", []):
        for entry in button.get("buttons", []) if isinstance(button, dict) else []:
            if entry.get("label") == "download-source-button":
                entry["tooltip"] = "Download as Markdown, with what the code printed"


def setup(app: Sphinx) -> dict[str, object]:
    pages = Pages()
    app.connect("doctree-resolved", pages.make, priority=940)
    # Behind Sphinx, which has copied the sources, and before the pages are gone over.
    app.connect("build-finished", pages.write, priority=600)
    app.connect("html-page-context", name_the_link, priority=501)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
