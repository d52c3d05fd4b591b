r"""Set the mathematics of the built pages, so that no reader's browser has to.

The pages come with their TeX, as `\(x\)` in an element of class `math`, and a script of
260 KB that sets it while one reads. That script, MathJax, runs here instead: once for
all formulas of the book, by the Node.js that Playwright carries or the system has. Of
each formula the page then holds three forms:

- what one sees: MathJax's HTML, whose style sheet and fonts `stylesheet` makes;
- what a screen reader reads: MathML;
- what one copies: the TeX between dollars, as text that takes no room.

What is set is kept in a file by formula: only what is new is set again. Where there is
no Node.js, `typeset` says so by returning None, and the pages keep the script.
"""

from __future__ import annotations

import html
import importlib.metadata
import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from shrink import Font, font_face

PACKAGE = "sphinx-mathjax-offline"
TOOL = Path(__file__).with_suffix(".js")

#: An element with a formula in it: its tag, its attributes, what is in it. Behind it
#: may be signs that belong to it, as the comma of "the weight w,".
ELEMENT = re.compile(
    r'<(span|div)( class="(?:[^"]* )?math(?: [^"]*)?"[^>]*)>(.*?)</\1>([,.;:!?)]*)',
    re.DOTALL,
)
#: Its number, which Sphinx puts first and which may hold a link; then its TeX.
CONTENT = re.compile(
    r"\s*(?P<number><span class=\"eqno\">.*</span>)?"
    r"(?:\\\((?P<inline>.*)\\\)|\\\[(?P<display>.*)\\\]|(?P<bare>\\begin\{.*))\s*",
    re.DOTALL,
)
TEXT = r'(?:[^{}"]|"[^"]*")'  # a brace may stand in quotes
RULE = re.compile(rf"({TEXT}+)\{{({TEXT}*)\}}")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class Formula(NamedTuple):
    """What is to be set."""

    tex: str
    display: bool


class MathematicsError(Exception):
    """A formula can't be set; the message says which and why."""


def mathjax() -> Path:
    """Return the folder of MathJax, as it is installed."""
    package = importlib.metadata.distribution(PACKAGE)
    return Path(str(package.locate_file(PACKAGE))) / "static" / "mathjax"


def node() -> str | None:
    """Return a Node.js: the one in Playwright's wheel, or the system's; else None."""
    try:
        package = importlib.metadata.distribution("playwright")
    except importlib.metadata.PackageNotFoundError:
        return shutil.which("node")
    own = Path(str(package.locate_file("playwright"))) / "driver" / "node"
    return shutil.which(own) or shutil.which("node")


def parse(content: str) -> tuple[str, Formula] | None:
    """Return the number and the formula of an element, None if it is set already."""
    found = CONTENT.fullmatch(content)
    if found is None:
        return None
    tex = found["inline"] or found["display"] or found["bare"] or ""
    formula = Formula(html.unescape(tex).strip(), found["inline"] is None)
    return found["number"] or "", formula


def formulas(page: str) -> set[Formula]:
    """Return the formulas of a page that are not set yet."""
    parsed = (parse(element[3]) for element in ELEMENT.finditer(page))
    return {found[1] for found in parsed if found is not None}


class Typeset:
    """Formulas that are set, and the rules of style that they need."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.version = importlib.metadata.version(PACKAGE) + TOOL.read_text("utf-8")
        self.set: dict[str, list[str]] = {}
        self.rules: dict[str, str] = {}
        if file.is_file():
            kept = json.loads(file.read_text("utf-8"))
            if kept["version"] == self.version:
                self.set, self.rules = kept["set"], kept["rules"]

    def add(self, wanted: Iterable[Formula]) -> bool:
        """Set what is not set yet; return False where that can't be done.

        Raises:
            MathematicsError: If MathJax finds an error in a formula.
        """
        new = sorted(f for f in set(wanted) if json.dumps(f) not in self.set)
        if not new:
            return True
        program = node()
        if program is None:
            return False
        done = subprocess.run(
            [program, TOOL, mathjax()],
            input=json.dumps(new),
            encoding="utf-8",
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise MathematicsError(f"MathJax ends with an error: {done.stderr}")
        result = json.loads(done.stdout)
        errors = []
        for formula, (shown, mathml) in zip(new, result["set"], strict=True):
            self.set[json.dumps(formula)] = [shown, mathml]
            for error in re.findall(r'data-mjx-error="([^"]*)"', shown):
                errors.append(f"{html.unescape(error)} in {formula.tex}")
        for selector, body in RULE.findall(result["css"]):
            # Each font has the same selector, and is told by its comment.
            self.rules[" ".join(selector.split())] = " ".join(body.split())
        if errors:
            raise MathematicsError("; ".join(errors))
        kept = {"version": self.version, "set": self.set, "rules": self.rules}
        self.file.write_text(json.dumps(kept), encoding="utf-8")
        return True

    def fill_in(self, page: str) -> str:
        """Return a page with its formulas set."""
        return ELEMENT.sub(self.element, page)

    def element(self, found: re.Match[str]) -> str:
        """Return an element with its formula set; one that is set stays as it is."""
        tag, attributes, content, behind = found.groups()
        parsed = parse(content)
        if parsed is None:
            return found[0]
        number, formula = parsed
        shown, mathml = self.set[json.dumps(formula)]
        # The HTML is for the eyes, and the MathML for who has the page read to them.
        shown = shown.replace("<mjx-math ", '<mjx-math aria-hidden="true" ', 1)
        mathml = re.sub(r">\s+<", "><", mathml)
        mathml = re.sub(r' data-mjx-texclass="\w+"', "", mathml)
        kind = "block" if formula.display else "inline"
        dollars = "$$" if formula.display else "$"
        end = "</mjx-container>"
        shown = (
            shown.removesuffix(end)
            + f'<mjx-assistive-mml display="{kind}">{mathml}</mjx-assistive-mml>'
            + '<span class="copied-tex" aria-hidden="true">'
            + html.escape(f"{dollars}{formula.tex}{dollars}", quote=False)
            + f"</span>{end}"
        )
        element = f"<{tag}{attributes}>{number}{shown}</{tag}>"
        if behind and not formula.display:  # a line must not begin with it
            return f'<span class="unbroken">{element}{behind}</span>'
        return element + behind

    def stylesheet(self) -> str:
        """Return the style sheet of all that is set, with its fonts in it.

        The fonts hold the characters that are used, so they are small enough to come
        with the rules: no formula is drawn twice, and none waits. Firefox would not
        read them from a file beside the page's folder, either.
        """
        rules = {k: v for k, v in self.rules.items() if not k.startswith("@font-face")}
        plain = {COMMENT.sub("", k).strip(): v for k, v in rules.items()}
        families = characters(plain)
        parts = [
            f"{selector}{{{COMMENT.sub('', body).strip()}}}"
            for selector, body in plain.items()
        ]
        for selector, body in self.rules.items():
            if not selector.startswith("@font-face"):
                continue
            family = re.search(r"font-family: ([\w-]+)", body)[1]
            file = re.search(r"fonts/([\w-]+\.woff)", body)[1]
            if families.get(family):
                path = mathjax() / "output/chtml/fonts/woff-v2" / file
                parts.append(font_face(Font(family, path), families[family]))
        return "\n".join(parts)


def characters(rules: dict[str, str]) -> dict[str, set[int]]:
    """Return which characters of which family of fonts some rules of style show.

    A character is the content of a rule for its class, as in
    `mjx-c.mjx-c1D465.TEX-I::before`, where `.TEX-I` says from which alphabet it is.
    Brackets that stretch are put together of pieces, from several fonts.
    """
    alphabets = {
        selector: re.findall(r"MJX[\w-]+", body)
        for selector, body in rules.items()
        if re.fullmatch(r"\.(TEX|MJX)-\w+", selector)
    }
    pieces = [
        body for name, body in rules.items() if name.startswith("mjx-stretchy-v ")
    ]
    sizes = set(re.findall(r"MJXTEX[\w-]*", str(pieces)))
    # The first font of each family is as high as nothing, and holds one character.
    found: dict[str, set[int]] = {"MJXZERO": {0xEFFC}}
    for selector, body in rules.items():
        content = re.search(r'content: "([^"]*)"', body)
        if content is None:
            continue
        alphabet = re.search(r"\.TEX-\w+", selector)
        names = set(alphabets[alphabet[0] if alphabet else ".MJX-TEX"])
        if "stretchy" in selector:
            names |= sizes
        shown = re.sub(r"\\([0-9A-F]+) ?", lambda c: chr(int(c[1], 16)), content[1])
        for name in names:
            found.setdefault(name, set()).update(map(ord, shown))
    return found
