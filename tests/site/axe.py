"""Ask axe-core whether people who see, hear or point otherwise can use a page."""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

SCRIPT = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
#: The success criteria of WCAG 2.2 at the levels A and AA, and headings in order.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
RUN = """async tags => {
  const {violations} = await axe.run(document, {
    runOnly: {type: "tag", values: tags},
    rules: {"heading-order": {enabled: true}, "empty-heading": {enabled: true}},
    resultTypes: ["violations"],
  });
  return violations.map(({id, help, nodes}) => ({
    id, help, count: nodes.length,
    where: nodes.slice(0, 4).map(node => [node.target.join(" "), node.html.slice(0, 160)]),
  }));
}"""


def check_axe(page: Page) -> list[str]:
    """Return what axe-core finds wrong in a page that is open."""
    page.evaluate(SCRIPT)
    return [
        f"axe finds {found['count']} times {found['id']} ({found['help']}): "
        + "; ".join(f"{target}: {text}" for target, text in found["where"])
        for found in page.evaluate(RUN, RULES)
    ]
