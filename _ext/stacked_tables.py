"""Let a wide table that a cell made be read on a phone: there each row is a card.

Every number then stands beside the head of its column. The heads are put into the cells
here, and design.css shows them only on a narrow page, where it hides the first row.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

LEAST = 5  # columns: fewer have room on a phone
LABEL = "cell-label"


class StackTables(SphinxTransform):
    """Mark wide tables in the outputs of cells, and label their cells."""

    default_priority = 860  # behind the minutes: a label is not read twice

    def apply(self, **kwargs: object) -> None:
        for table in self.document.findall(nodes.table):
            heads = next(row.children for row in table.findall(nodes.row))
            if len(heads) < LEAST or not in_an_output(table):
                continue
            table["classes"].append("stacks")
            for body in table.findall(nodes.tbody):
                for row in body.findall(nodes.row):
                    for head, entry in zip(heads, row.children, strict=True):
                        label = nodes.inline("", head.astext(), classes=[LABEL])
                        if entry.children:
                            entry[0].insert(0, [label, nodes.Text(" ")])


def in_an_output(node: nodes.Node) -> bool:
    """Tell whether a cell has made a node."""
    while node := node.parent:
        if node.get("nb_element") == "cell_code_output":
            return True
    return False


def setup(app: Sphinx) -> dict[str, object]:
    app.add_transform(StackTables)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
