"""Show the NumPy and the MXNet cells of a page in tabs that switch together.

A page is a notebook, and a code cell inside a tab directive would not be executed.
So a page tags its cells instead, `numpy` or `mxnet`, and this extension groups every
run of tagged cells into one tab set once the page has been read: the `numpy` cells of
the run in the first tab, the `mxnet` cells in the second. A run in which only one of
the two tags occurs is left as it is. In a notebook the cells simply follow each other.
"""

from __future__ import annotations

from itertools import groupby

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx_design.shared import create_component

LABELS = {"numpy": "From scratch (NumPy)", "mxnet": "In MXNet"}
SYNC_GROUP = "twin"


def twin_of(node: nodes.Node) -> str | None:
    """Return "numpy" or "mxnet" for a code cell with that tag, None for the rest."""
    if isinstance(node, nodes.container) and node.get("nb_element") == "cell_code":
        for tag in LABELS:
            if f"tag_{tag}" in node["classes"]:
                return tag
    return None


def tab(tag: str, cells: list[nodes.Node]) -> nodes.container:
    """Return one tab, as sphinx-design's own `tab-item` directive would build it."""
    label = nodes.rubric(
        LABELS[tag],
        "",
        nodes.Text(LABELS[tag]),
        classes=["sd-tab-label"],
        sync_group=SYNC_GROUP,
        sync_id=tag,
    )
    content = create_component("tab-content", ["sd-tab-content"], children=cells)
    return create_component("tab-item", ["sd-tab-item"], children=[label, content])


class TwinTabs(SphinxTransform):
    """Group each run of neighbouring `numpy` and `mxnet` cells into a tab set."""

    default_priority = 400

    def apply(self, **kwargs: object) -> None:
        parents = {c.parent for c in self.document.findall(nodes.container)}
        for parent in parents:
            children: list[nodes.Node] = []
            for tagged, run in groupby(parent.children, key=lambda n: bool(twin_of(n))):
                cells = list(run)
                tabs = {
                    tag: [cell for cell in cells if twin_of(cell) == tag]
                    for tag in LABELS
                }
                if tagged and all(tabs.values()):
                    items = [tab(tag, group) for tag, group in tabs.items()]
                    cells = [
                        create_component(
                            "tab-set", ["sd-tab-set", "twin-tabs"], children=items
                        )
                    ]
                children += cells
            if len(children) != len(parent.children):
                parent.children = []
                parent.extend(children)


def setup(app: Sphinx) -> dict[str, object]:
    app.setup_extension("sphinx_design")
    app.add_transform(TwinTabs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
