"""What a printed book must be: tagged, linked, numbered truly, and nothing cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pikepdf
import pypdfium2
from bs4 import BeautifulSoup

EDGE = 27 / 25.4 * 72 - 2  # the margin in points, less what rounding needs
FOOT, HEAD = 24 / 25.4 * 72, (297 - 22) / 25.4 * 72  # between them the text stands
LOW = 200  # points: a heading that stands higher has its text below it
LETTER = 60  # wider is no letter
FORMULA = "□"


def elements(node: object) -> Iterator[pikepdf.Dictionary]:
    """Yield the elements of the structure, from the root on, in reading order."""
    stack = [node]
    while stack:
        at = stack.pop()
        if isinstance(at, pikepdf.Array):
            stack.extend(reversed(list(at)))
        elif isinstance(at, pikepdf.Dictionary):
            if "/S" in at:
                yield at
            if "/K" in at and "/Obj" not in at:
                stack.append(at.K)


def check_structure(file: Path) -> list[str]:
    """Return what is missing of what a screen reader needs."""
    problems = []
    with pikepdf.open(file) as pdf:
        if not pdf.Root.get("/MarkInfo", {}).get("/Marked", False):
            return ["it is not tagged"]
        if not pdf.Root.get("/Lang"):
            problems.append("it does not say its language")
        if not str(pdf.docinfo.get("/Title", "")):
            problems.append("it has no title")
        found = list(elements(pdf.Root.StructTreeRoot.K))
        kinds = {str(element.S) for element in found}
        wanted = {
            "/H1",
            "/H2",
            "/H3",
            "/P",
            "/Figure",
            "/Formula",
            "/Link",
            "/L",
            "/TD",
        }
        problems += [f"it has no {kind[1:]}" for kind in sorted(wanted - kinds)]
        for kind in ("/Formula", "/Figure"):
            bare = [e for e in found if kind == e.S and not str(e.get("/Alt", ""))]
            if bare:
                problems.append(f"{len(bare)} of {kind[1:]} have no alternative text")
    return problems


def check_formulas(file: Path, least: int) -> list[str]:
    """Return what is wrong with the formulas: too few, or words that are TeX."""
    with pikepdf.open(file) as pdf:
        found = [
            str(e.get("/Alt", ""))
            for e in elements(pdf.Root.StructTreeRoot.K)
            if e.S == "/Formula"
        ]
        links = [
            str(a.A.URI)
            for page in pdf.pages
            for a in page.get("/Annots", [])
            if "/A" in a and "/URI" in a.A
        ]
    problems = [
        f"TeX in place of words: {t}" for t in found if re.search(r"\\[a-z]", t)
    ]
    if len(found) < least:
        problems.append(f"{len(found)} formulas, not {least}")
    problems += [f"a link to {uri}" for uri in links if ".invalid" in uri]
    return problems


def check_links(file: Path) -> list[str]:
    """Return the links to places that are not there, or that there is no outline."""
    problems = []
    with pikepdf.open(file) as pdf:
        dests = set(pdf.Root.get("/Dests", pikepdf.Dictionary()).keys())
        inside = 0
        for number, page in enumerate(pdf.pages, 1):
            for annotation in page.get("/Annots", []):
                if "/Dest" in annotation:
                    inside += 1
                    if str(annotation.Dest) not in dests:
                        problems.append(f"page {number}: no place {annotation.Dest}")
        if not inside:
            problems.append("no link leads from one page to another")
        if not outline(pdf):
            problems.append("it has no outline")
    return problems


def check_outline(file: Path, html: str) -> list[str]:
    """Return the titles of the outline that are not those of the headings of a page.

    A formula is any words in place of one.
    """
    with pikepdf.open(file) as pdf:
        said = [item.title for item in outline(pdf)]
    wanted = BeautifulSoup(html, "html.parser").find_all(re.compile(r"^h[1-6]$"))
    problems = []
    for title, heading in zip_longest(said, wanted, fillvalue=""):
        for formula in heading.select("mjx-container") if heading else ():
            formula.replace_with(FORMULA)
        text = " ".join(heading.get_text().split()) if heading else ""
        if not re.fullmatch(r"[^\\]+".join(map(re.escape, text.split(FORMULA))), title):
            problems.append(f"the outline says {title!r}, the heading {text!r}")
    return problems


def outline(pdf: pikepdf.Pdf) -> list[pikepdf.OutlineItem]:
    """Return all items of the outline, in order."""
    found: list[pikepdf.OutlineItem] = []
    with pdf.open_outline() as root:
        left = list(reversed(root.root))
        while left:
            found.append(left.pop())
            left += reversed(found[-1].children)
    return found


def check_headings(file: Path) -> list[str]:
    """Return the headings with nothing below them on their page but its number."""
    places: dict[int, list[tuple[str, float]]] = {}
    with pikepdf.open(file) as pdf:
        order = {page.obj.objgen: n for n, page in enumerate(pdf.pages)}
        for item in outline(pdf):
            page, _, _, top, _ = item.destination
            here = places.setdefault(order[page.objgen], [])
            here.append((item.title, float(top)))
    problems = []
    with pypdfium2.PdfDocument(file) as pdf:
        for number, headings in places.items():
            text = pdf[number].get_textpage()
            for title, top in headings:
                # One that opens a part of the book has a page to itself.
                if top < LOW and not squeezed(
                    text.get_text_bounded(bottom=FOOT, top=top + 1)
                ).removeprefix(squeezed(title)):
                    problems.append(f"page {number + 1}: {title!r} stands at the foot")
    return problems


def check_pages(file: Path) -> list[str]:
    """Return the pages on which nothing stands between the head and the number."""
    with pypdfium2.PdfDocument(file) as pdf:
        return [
            f"page {number} is empty"
            for number, page in enumerate(pdf, 1)
            if not page.get_textpage().get_text_bounded(bottom=FOOT, top=HEAD).strip()
            and not any(
                FOOT < o.get_bounds()[3] < HEAD
                for o in page.get_objects()
                if o.type != pypdfium2.raw.FPDF_PAGEOBJ_TEXT
            )
        ]


def lines(page: pypdfium2.PdfPage) -> list[str]:
    """Return the lines of text of a page."""
    return page.get_textpage().get_text_bounded().splitlines()


def check_contents(file: Path) -> list[str]:
    """Return the lines of the contents whose page does not begin with their title."""
    problems = []
    with pypdfium2.PdfDocument(file) as pdf:
        texts = [re.sub(r"\s+", " ", " ".join(lines(page))) for page in pdf]
        start = next(n for n, text in enumerate(texts) if "Contents" in text[:20])
        listed = []
        for page in range(start, len(texts)):
            found = [
                (m[1].strip(), int(m[2]))
                for line in lines(pdf[page])
                if (m := re.match(r"(.*\D) ?(\d+)$", line.strip())) and m[1].strip()
            ]
            if not found:
                break
            listed += found
            if page + 2 == listed[0][1]:  # the first chapter begins there
                break
    if len(listed) < 2:
        return [f"the contents have {len(listed)} lines with a page number"]
    for title, number in listed:
        if number > len(texts) or squeezed(title) not in squeezed(texts[number - 1]):
            problems.append(f"{title!r} is not on page {number}")
    return problems


def squeezed(text: str) -> str:
    """Return a text without spaces, of which a PDF has none that can be trusted."""
    return re.sub(r"\s+", "", text)


def check_edges(file: Path) -> list[str]:
    """Return the pages on which something is printed beyond the margin."""
    problems = []
    with pypdfium2.PdfDocument(file) as pdf:
        for number, page in enumerate(pdf, 1):
            width, _ = page.get_size()
            text = page.get_textpage()
            beyond = []
            for n in range(text.count_chars()):
                left, _, right, _ = text.get_charbox(n)
                # The middle of a long brace is one wide letter; a part of it is shown.
                if right - left < LETTER and (right > width - EDGE or left < EDGE):
                    beyond.append(text.get_text_range(n, 1))
            if said := "".join(beyond).strip():
                problems.append(f"page {number}: {said[:40]!r} is cut off")
    return problems


def text_width(file: Path, words: str) -> float:
    """Return how wide some words are printed, in points; 0 if they are not there."""
    with pypdfium2.PdfDocument(file) as pdf:
        for page in pdf:
            text = page.get_textpage()
            found = text.search(words).get_next()
            if found:
                first, last = found[0], found[0] + found[1] - 1
                return text.get_charbox(last)[2] - text.get_charbox(first)[0]
    return 0.0
