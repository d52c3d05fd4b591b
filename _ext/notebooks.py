"""Offer every page of the book as a notebook, made by Jupytext.

The notebook has all of the page's cells and no outputs. It lies beside the page's
source in `_sources`, and the theme's download menu links to it. A page with cells
tagged `gap` has a second notebook, without their solutions (see gaps.py), and a line
under its title that links to it.
"""

from __future__ import annotations

from pathlib import Path

import jupytext
from docutils import nodes
from gaps import has_gaps, with_gaps
from myst_nb.core.read import is_myst_markdown_notebook
from sphinx.application import Sphinx


def link_notebook(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Tell the theme that a page has a notebook to download."""
    if pagename in app.env.all_docs:
        text = Path(app.env.doc2path(pagename)).read_text(encoding="utf-8")
        if is_myst_markdown_notebook(text):
            context["ipynb_source"] = f"{pagename}.ipynb"


def link_gaps(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put a link to the notebook with gaps under the title of a page that has one."""
    cells = doctree.findall(nodes.container)
    if app.builder.name != "html" or not any("tag_gap" in c["classes"] for c in cells):
        return
    up = "../" * docname.count("/")
    link = nodes.reference(
        "", "notebook with gaps", refuri=f"{up}_sources/{docname}-gaps.ipynb"
    )
    line = nodes.paragraph(classes=["gaps"])
    line += [
        nodes.Text("Write it yourself: the "),
        link,
        nodes.Text(" leaves out the code to find, and says whether yours works."),
    ]
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, line)


def write_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Write the notebooks once the pages are."""
    if exception is not None or app.builder.name != "html":
        return
    for docname in app.env.all_docs:
        source = Path(app.env.doc2path(docname))
        if is_myst_markdown_notebook(source.read_text(encoding="utf-8")):
            notebook = jupytext.read(source)
            target = Path(app.outdir, "_sources", f"{docname}.ipynb")
            target.parent.mkdir(parents=True, exist_ok=True)
            jupytext.write(notebook, target)
            if has_gaps(notebook):
                target = target.with_name(f"{target.stem}-gaps.ipynb")
                jupytext.write(with_gaps(notebook), target)


def setup(app: Sphinx) -> dict[str, object]:
    # Before the theme (500) lays out its buttons.
    app.connect("html-page-context", link_notebook, priority=400)
    app.connect("doctree-resolved", link_gaps)
    app.connect("build-finished", write_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
