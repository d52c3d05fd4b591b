"""Write the text of every page, section by section, for the page that searches.

Sphinx's index knows in which page a word stands, not where, beside which other word, or
what a formula says. `search-more.js` looks that up here: phrases in quotation marks,
names with dots and underscores, and symbols, as which the mathematics is written. The
file is a script, since a page that was opened from a disk may not read any other.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

FILE = "search-text.js"
GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho"
)
GREEK += " sigma tau phi chi psi omega upsilon Gamma Delta Theta Lambda Xi Pi Sigma Phi"
GREEK += " Psi Omega"
SYMBOLS = {
    **{
        name: unicodedata.lookup(
            f"GREEK {'SMALL' if name.islower() else 'CAPITAL'} LETTER "
            # Unicode writes lamda.
            f"{name.upper().replace('LAMBDA', 'LAMDA')}"
        )
        for name in GREEK.split()
    },
    "varepsilon": "ε",
    "varphi": "φ",
    "nabla": "∇",
    "partial": "∂",
    "sum": "∑",
    "prod": "∏",
    "int": "∫",
    "odot": "⊙",
    "cdot": "·",
    "times": "×",
    "sqrt": "√",
    "infty": "∞",
    "in": "∈",
    "approx": "≈",
    "neq": "≠",
    "le": "≤",
    "leq": "≤",
    "ge": "≥",
    "geq": "≥",
    "to": "→",
    "leftarrow": "←",
    "rightarrow": "→",
    "top": "⊤",
    "pm": "±",
    "ell": "ℓ",
    "mathbb": "",
    "mathrm": "",
    "mathbf": "",
    "mathcal": "",
    "operatorname": "",
    "text": "",
    "left": "",
    "right": "",
    "quad": " ",
    "qquad": " ",
    "begin": "",
    "end": "",
    "frac": "",
    "tfrac": "",
    "dfrac": "",
    "label": "",
}
#: Listings and numbers: nobody looks for them, and they are long.
OUTPUT = "cell_code_output"
#: What has an entry of its own, and is no part of what is around it.
OF_THEIR_OWN = (nodes.section, nodes.title, addnodes.glossary)
ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}


def spoken(tex: str) -> str:
    r"""Return a formula as one would type it: `\hat y = \sigma(z)` is `ŷ = σ(z)`."""
    text = re.sub(
        rf"\\({'|'.join(ACCENTS)})\s*(?:\{{\s*(\w)\s*\}}|(\w))",
        lambda m: (m[2] or m[3]) + ACCENTS[m[1]],
        tex,
    )
    text = re.sub(r"\\([A-Za-z]+)", lambda m: SYMBOLS.get(m[1], m[1]), text)
    text = re.sub(r"\\\\|\\[,;!: ]|&", " ", text)
    return unicodedata.normalize("NFC", re.sub(r"[{}\\]", "", text))


def words(node: nodes.Node) -> Iterator[str]:
    """Yield what one reads of a node, but for sections in it."""
    if isinstance(node, nodes.math | nodes.math_block):
        yield spoken(node.astext())
    elif isinstance(node, nodes.Text):
        yield node.astext()
    elif isinstance(node, nodes.Element) and node.get("nb_element") == OUTPUT:
        for caption in node.findall(nodes.caption):
            yield caption.astext()
    elif not isinstance(node, nodes.raw | nodes.Invisible):
        for child in node.children:
            if not isinstance(child, OF_THEIR_OWN):
                yield from words(child)
        if not isinstance(node, nodes.Inline):
            yield " "


def sections(document: nodes.document) -> list[list[str]]:
    """Return the anchor, the title and the text of each section, or term, of a page."""
    found = []
    for section in document.findall(nodes.section):
        title = next(iter(section.findall(nodes.title)), None)
        text = " ".join("".join(words(section)).split())
        name = title.astext() if title is not None else ""
        # The page itself needs no anchor.
        inside = isinstance(section.parent, nodes.section)
        found.append([section["ids"][0] if inside else "", name, text])
    for glossary in document.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            terms = list(item.findall(nodes.term))
            names = ", ".join(term.astext() for term in terms)
            meaning = item[-1]
            text = " ".join("".join(words(meaning)).split())
            found.append([terms[0]["ids"][0], names, text])
    return found


class Texts:
    """The sections of all pages, collected while they are written."""

    def __init__(self) -> None:
        self.pages: dict[str, list[list[str]]] = {}

    def collect(self, app: Sphinx, doctree: nodes.document, docname: str) -> None:
        """Keep what a page says."""
        if app.builder.name == "html":
            self.pages[docname] = sections(doctree)

    def write(self, app: Sphinx, error: Exception | None) -> None:
        """Write what all pages say, beside the site's other scripts."""
        if error is None and app.builder.name == "html":
            said = json.dumps(dict(sorted(self.pages.items())), ensure_ascii=False)
            file = Path(app.outdir, "_static", FILE)
            file.write_text(f"const BOOK_TEXT = {said};\n", encoding="utf-8")


def load(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Load the better search on the page that searches, and nowhere else."""
    if pagename == "search":
        app.add_js_file("search-more.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, object]:
    texts = Texts()
    app.connect("doctree-resolved", texts.collect, priority=950)
    app.connect("build-finished", texts.write)
    app.connect("html-page-context", load)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
