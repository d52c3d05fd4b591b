"""Show a cell that failed when the book was built: its traceback, and what to do.

A processor that rounds differently may make a claim of a page fail. Its reader still
gets the book: the cell shows its error, a box below it says what this means, and a box
under the page's title lists all such cells, those among them that the page hides.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from execution import Failure, cached
from sphinx.transforms import SphinxTransform

TITLE = "This did not come out on your machine"
HERE = (
    "When this book was built, the code above ended in an error. It runs on the "
    "machines on which it was tried, and what it claims should hold on yours too: the "
    "fault is the book's, not yours. What follows may lack a number or a figure."
)


def how_to_tell(repository: str) -> list[nodes.Node]:
    """Return the words that say how to report a failure."""
    words: list[nodes.Node] = [nodes.Text("Please tell us: send the error, and what ")]
    words += [nodes.literal(text="python -m d2lib"), nodes.Text(" prints, ")]
    if repository:
        address = f"{repository.rstrip('/')}/issues"
        words.append(nodes.reference("", "as an issue", refuri=address))
    else:
        words.append(nodes.Text("to whoever gave you the book"))
    return [*words, nodes.Text(".")]


def box(name: str, *content: nodes.Node) -> nodes.admonition:
    """Return a box with the title that all of them have."""
    return nodes.admonition(
        "",
        nodes.title(text=TITLE),
        *content,
        classes=["warning", "did-not-come-out"],
        ids=[name],
    )


def described(failure: Failure, shown: bool) -> nodes.list_item:
    """Return one failure as an entry of the list at the top of its page."""
    words = [nodes.Text(f"Code cell {failure.cell} of {failure.cells}: ")]
    if shown:
        words = [nodes.reference("", words[0].rstrip(": "), refid=anchor(failure))]
        words.append(nodes.Text(": "))
    entry = nodes.list_item("", nodes.paragraph("", "", *words))
    entry[0] += nodes.literal(text=failure.error)
    if not shown:
        text = f"{failure.source}\n\n{failure.traceback}"
        entry += nodes.literal_block(text, text, language="none")
    return entry


def anchor(failure: Failure) -> str:
    """Return the name of the box below a cell that failed."""
    return f"did-not-come-out-{failure.cell}"


class MarkFailures(SphinxTransform):
    """Put a box below each cell that failed, and one at the top of its page."""

    default_priority = 380  # before cells are moved into tabs

    def apply(self, **kwargs: object) -> None:
        page = Path(self.env.doc2path(self.env.docname))
        found = cached(page, Path(self.app.srcdir)) if page.suffix == ".md" else None
        if found is None or not found.failures:
            return
        repository = self.config.html_theme_options.get("repository_url", "")
        left = list(found.failures)
        entries = []
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") != "cell_code":
                continue
            traceback = next(
                (n for n in cell.findall(nodes.literal_block) if is_traceback(n)), None
            )
            if traceback is None:
                continue
            failure = next(
                f for f in left if f.traceback.strip() == traceback.astext().strip()
            )
            left.remove(failure)
            entries.append((failure, True))
            # Inside the cell, so that it moves into a tab with it.
            cell += box(
                anchor(failure),
                nodes.paragraph(text=HERE),
                nodes.paragraph("", "", *how_to_tell(repository)),
            )
        entries += [(failure, False) for failure in left]
        entries.sort(key=lambda entry: entry[0].cell)
        many = f"{len(entries)} cells" if len(entries) > 1 else "One cell"
        top = box(
            "did-not-come-out",
            nodes.paragraph(
                text=f"{many} of this page failed when the book was built. The rest of "
                "the page is as it should be, and so is what you learn from it."
            ),
            nodes.bullet_list("", *(described(*entry) for entry in entries)),
            nodes.paragraph("", "", *how_to_tell(repository)),
        )
        title = next(self.document.findall(nodes.title))
        title.parent.insert(title.parent.index(title) + 1, top)


def is_traceback(node: nodes.literal_block) -> bool:
    """Tell whether a block is what MyST-NB makes of an error."""
    return "traceback" in node["classes"]


def setup(app: object) -> dict[str, object]:
    app.add_transform(MarkFailures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
