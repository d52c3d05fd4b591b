"""Print the whole book as one tagged PDF: `make pdf`.

The pages of the built site, in reading order, become one long HTML page with a title, a
contents and, at its end, every answer and solution that the site folds up; Chromium
prints it. Nothing is executed for that: what a page shows is what the site shows.

- A page's ids get its name in front of them, and its links lead to them; what only the
  site has (source files, buttons, films, sound) gives way to its still and a line.
- Both twins stand under each other, each under its name. A line of code that is too
  long goes on in the next one, behind a mark.
- It is printed until the page numbers stand still: what a first print shows about where
  each chapter begins is written into the contents and the next one is printed.
- A browser's PDF has no words for formulas. So each is printed inside a link, which the
  finished file makes a formula with what a reader would say for an alternative text.
- Nor can its outline be trusted: the finished file gets the titles from the headings.
"""

from __future__ import annotations

import copy
import importlib.metadata
import importlib.util
import mimetypes
import posixpath
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import matplotlib
import pikepdf
import yaml
from browser import ADVICE, FLAGS, find
from bs4 import BeautifulSoup, NavigableString, Tag
from execution import ROOT
from mathematics import mathjax
from playwright.sync_api import Page, Route, sync_playwright
from sphinx_external_toc.parsing import parse_toc_yaml

TARGET = ROOT / "_build" / "pdf" / "deep-learning-twice.pdf"
COLUMNS = 88  # of code in a line, as in the book's own
COLUMN = 589  # its width in pixels of CSS, 156 mm
WHOLE = 28  # lines of code that are not parted by the end of a page
SHORT = 14  # lines of code from which what they print is not parted
HOST = "http://book.invalid"  # what the browser believes to load the book from
FORMULA = "http://formula.invalid/"  # the links in which formulas are printed
PASSES = 5
ANSWERS = "answers-and-solutions"
ASSETS = ROOT / "assets"
FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")  # the same on each machine
FACES = {
    "Book": [("STIXGeneral", "normal", "normal"), ("STIXGeneralBol", "bold", "normal")],
    "Code": [("DejaVuSansMono", "normal", "normal")],
}
FACES["Book"] += [
    ("STIXGeneralItalic", "normal", "italic"),
    ("STIXGeneralBolIta", "bold", "italic"),
]
FACES["Code"] += [
    ("DejaVuSansMono-Bold", "bold", "normal"),
    ("DejaVuSansMono-Oblique", "normal", "italic"),
    ("DejaVuSansMono-BoldOblique", "bold", "italic"),
]
# What a cell makes. (A picture that its page draws is in the page as SVG.)
PICTURES = ".cell_output :is(img, svg, audio, video, iframe)"
PRINTED = ".cell_output :is(.stream, .text_plain, table)"
BOOK = "d2lib"  # the first column of a table of frameworks
NAMES = {"TensorFlow, Keras": "TensorFlow"}  # what has no room there
# Parts of a page that nobody can use on paper.
ON_THE_SITE_ALONE = (
    "script, noscript, style, button, input, .headerlink, .listing-source, p.gaps, "
    ".viewcode-link, .toctree-wrapper, .d2-film, link, template, [hidden], "
    ".d-print-none, .cell-label, .copied-tex"
)


class PDFError(Exception):
    """The book can't be printed; the message says why and what to do."""


class Part(NamedTuple):
    """A part of the book: its title, "" before the first one, and its pages' names."""

    title: str
    pages: list[str]


def parts(toc: Path) -> list[Part]:
    """Return the parts of the book, in reading order."""
    site_map = parse_toc_yaml(toc)
    found = [Part("", [str(site_map.root.docname)])]

    def below(name: str) -> Iterator[str]:
        for subtree in site_map[name].subtrees:
            for item in subtree.items:
                yield str(item)
                yield from below(str(item))

    for subtree in site_map.root.subtrees:
        names = []
        for item in subtree.items:
            names += [str(item), *below(str(item))]
        found.append(Part(subtree.caption or "", names))
    return found


# --- one page of the site -----------------------------------------------------


def slug(name: str) -> str:
    """Return the id of a page in the long one."""
    return name.removeprefix("chapters/").replace("/", "-")


def article(site: Path, name: str) -> Tag:
    """Return what a page of the site says, without what is around it."""
    file = site / f"{name}.html"
    if not file.is_file():
        raise PDFError(f"there is no {file}: run make book first")
    text = file.read_text(encoding="utf-8")
    # Cut out first: reading what is around it takes as long again.
    start, end = text.find('<article class="bd-article'), text.find("</article>")
    found = BeautifulSoup(text[start : end + len("</article>")], "html.parser").article
    if start < 0 or found is None:
        raise PDFError(f"{file} has no article.bd-article: has the theme changed?")
    if any(not formula.select_one("mjx-math") for formula in found.select(".math")):
        raise PDFError(
            f"{file} has mathematics that is not set, as without Node.js: install "
            "playwright and build the book again"
        )
    return found


def settle(page: Tag, name: str, known: set[str]) -> None:
    """Give ids a page's name, and make links and pictures lead from the long page."""
    here, folder = slug(name), posixpath.dirname(name)
    for tag in page.find_all(True):
        for key in (
            "id",
            "for",
            "aria-labelledby",
            "aria-describedby",
            "aria-controls",
        ):
            if tag.get(key):
                tag[key] = " ".join(f"{here}--{i}" for i in tag[key].split())
        for key, value in tag.attrs.items():
            if isinstance(value, str) and "url(#" in value:
                tag[key] = value.replace("url(#", f"url(#{here}--")
        for key in ("xlink:href", "src", "data"):
            value = tag.get(key)
            if not value or value.startswith("data:"):
                continue
            if value.startswith("#"):
                tag[key] = f"#{here}--{value[1:]}"
            elif not urlsplit(value).scheme:
                tag[key] = "/" + posixpath.normpath(posixpath.join(folder, value))
        if tag.name in ("a", "use") and tag.get("href"):
            tag["href"] = target = settled(tag["href"], name, known)
            if not target:
                tag.unwrap()


def settled(href: str, name: str, known: set[str]) -> str:
    """Return where a link of a page leads in the long one; "" if to nothing there."""
    address = urlsplit(href)
    if address.scheme:
        return href
    page = name
    if address.path:
        joined = posixpath.join(posixpath.dirname(name), unquote(address.path))
        page = posixpath.normpath(joined).removesuffix(".html")
    if page not in known:
        return ""
    return f"#{slug(page)}" + (f"--{address.fragment}" if address.fragment else "")


def for_paper(page: Tag) -> None:
    """Take out what nobody can use on paper, and say what was there."""
    for tag in page.select(ON_THE_SITE_ALONE):
        tag.decompose()
    for tag in page.select("img[loading]"):
        del tag["loading"]
    for tag in page.select(".self-check details.reasons"):
        fold_up(tag)
    for tag in page.select("details.hide"):
        # Code is folded on the site. What only draws a figure stays out.
        if "above-input" in tag["class"] and only_draws(tag.find_parent(class_="cell")):
            tag.decompose()
        else:
            tag.summary.decompose()
            tag.unwrap()
    for tag in page.select("audio, video, iframe"):
        say(tag, "A recording: the site plays it.")
        tag.decompose()
    for tag in page.select(".d2-agent"):
        say(tag, "A film: this is its whole way, and the site shows it moving.")
    for tag in page.select("[data-explorable]"):
        say(tag.figure or tag, "On the site this picture can be driven.")
    for tag in page.select(".sd-tab-set"):
        unfold_tabs(tag)
    for tag in page.select("section > span[id]:empty"):
        # A place to link to: between two headings it would let a page end.
        if heading := tag.find_next_sibling(re.compile(r"h\d")):
            heading.insert(0, tag)
    for tag in page.select("details"):
        if tag.summary:
            tag.summary.name = "p"
            tag.p["class"] = ["summary"]
        tag.name = "div"
    for tag in page.select("span.math"):
        hold_bracket(tag)
    for tag in page.select("table.frameworks"):
        name_columns(tag)
    for tag in page.select("pre"):
        wrap(tag)


def only_draws(cell: Tag | None) -> bool:
    """Tell whether pictures are all that comes of a cell."""
    return (
        cell is not None
        and cell.select_one(PICTURES) is not None
        and cell.select_one(PRINTED) is None
    )


def hold_bracket(formula: Tag) -> None:
    """Let no line end between a bracket and the formula that it opens."""
    if formula.parent and "unbroken" in formula.parent.get("class", []):
        formula = formula.parent
    before = formula.previous_sibling
    if isinstance(before, NavigableString) and before.endswith("("):
        before.replace_with(before[:-1])
        span = BeautifulSoup("", "html.parser").new_tag("span")
        span["class"] = ["unbroken"]
        formula.wrap(span).insert(0, "(")


def name_columns(table: Tag) -> None:
    """Put the head of its column before each expression of a table of frameworks."""
    soup = BeautifulSoup("", "html.parser")
    heads = [head.get_text(strip=True) for head in table.select("thead th")]
    for row in table.select("tbody tr"):
        for head, cell in zip(heads, row.select("td"), strict=True):
            if head == heads[0] == BOOK:
                continue
            name = soup.new_tag("span", attrs={"class": "column"})
            name.string = NAMES.get(head, head)
            (cell.p or cell).insert(0, name)
        for text in row.find_all(string=re.compile(r"[.(]\w")):
            if text.find_parent("code"):  # a long line ends behind a dot or a bracket
                first, *others = re.split(r"(?<=[.(])(?=\w)", text)
                pieces = [
                    part for other in others for part in (soup.new_tag("wbr"), other)
                ]
                text.replace_with(first, *pieces)


def fold_up(reasons: Tag) -> None:
    """Make a folded answer of the reasons of a question, with its words for a title."""
    question = reasons.find_previous(class_="question")
    if reasons.summary and question:
        title = copy.copy(question)
        title.name, title["class"] = "p", ["admonition-title"]
        reasons.summary.replace_with(title)
    reasons.name, reasons["class"] = "div", ["dropdown", "admonition", "reasons"]


def say(tag: Tag, words: str) -> None:
    """Put a line under something that paper can't do."""
    line = BeautifulSoup("", "html.parser").new_tag("p", attrs={"class": "on-the-site"})
    line.string = words
    tag.insert_after(line)


def unfold_tabs(tabs: Tag) -> None:
    """Put the contents of tabs under each other, each under its name."""
    for label in tabs.select(":scope > label"):
        label.name, label.attrs = "p", {"class": "twin"}
        label.string = label.get_text(strip=True)
    tabs["class"] = ["twins"]


def breaks(text: str, columns: int = COLUMNS) -> list[int]:
    """Return the places at which lines that are too long are to be parted."""
    found, start = [], 0
    for line in text.split("\n"):
        end, at = start + len(line), start
        room = columns
        while end - at > room:
            cut = text.rfind(" ", at + room // 2, at + room) + 1 or at + room
            found.append(cut)
            at, room = cut, columns - 2  # the mark takes two
        start = end + 1
    return found


def wrap(pre: Tag, columns: int = COLUMNS) -> None:
    """Part the lines of code that are too long, and keep what is short together."""
    text = pre.get_text()
    lines = text.rstrip().count("\n") + 1
    pre["class"] = [
        *pre.get("class", []),
        *(name for name, most in (("whole", WHOLE), ("short", SHORT)) if lines <= most),
    ]
    at, places = 0, breaks(text, columns)
    for node in list(pre.find_all(string=True)):
        end = at + len(node)
        inside = [place - at for place in places if at < place <= end]
        if inside:
            pieces = [
                str(node)[a:b]
                for a, b in zip([0, *inside], [*inside, len(node)], strict=True)
            ]
            for number, piece in enumerate(pieces):
                node.insert_before(NavigableString(piece))
                if number < len(inside):
                    mark = BeautifulSoup("", "html.parser").new_tag("span")
                    mark["class"] = "goes-on"
                    node.insert_before(mark)
            node.extract()
        at = end


def take_answers(page: Tag, name: str) -> list[Tag]:
    """Take the folded answers out of a page; what stays says on which page they are."""
    soup = BeautifulSoup("", "html.parser")
    taken = []
    for number, answer in enumerate(page.select(".dropdown.admonition"), 1):
        here, there = f"{slug(name)}--asked-{number}", f"{slug(name)}--answer-{number}"
        title = answer.select_one(".admonition-title")
        words = title.get_text(" ", strip=True) if title else "Answer"
        line = soup.new_tag("p", attrs={"class": "see", "id": here})
        link = soup.new_tag("a", href=f"#{there}")
        solution = words.lower().startswith("solution")
        link.append("Solution on page " if solution else "Answer on page ")
        link.append(soup.new_tag("span", attrs={"data-page-of": there}))
        line.append(link)
        asked = "reasons" in answer["class"]
        if title and not solution and not asked:  # the question is what one clicks on
            question = copy.copy(title)
            question.name, question["class"] = "p", ["question"]
            answer.insert_before(question)
        answer.insert_before(line)
        taken.append(answer.extract())

        heading = soup.new_tag("h3", id=there)
        heading.extend(copy.copy(title).contents if title else [words])
        for inner in heading.select("a"):
            inner.unwrap()
        back = soup.new_tag("a", attrs={"class": "back", "href": f"#{here}"})
        back.append("asked on page ")
        back.append(soup.new_tag("span", attrs={"data-page-of": here}))
        if title:
            title.replace_with(heading)
        else:
            answer.insert(0, heading)
        heading.insert_after(back)
        answer["class"] = ["answer"]
    return taken


# --- the long page ------------------------------------------------------------


def assemble(site: Path, toc: Path, title: str, author: str) -> str:
    """Return the whole book as one HTML page."""
    found = parts(toc)
    known = {name for part in found for name in part.pages}
    body, contents, answers, styles = [], [], [], []
    for part in found:
        if part.title:
            name = re.sub(r"\W+", "-", part.title.lower())
            body.append(f'<h1 class="part" id="part-{name}">{part.title}</h1>')
            contents.append(entry(f"part-{name}", part.title, "part"))
        for page in part.pages:
            content = article(site, page)
            for_paper(content)
            settle(content, page, known)
            head = content.h1
            if head is None:
                raise PDFError(f"{page} has no title: give it a heading of level one")
            words = re.sub(r"\s+", " ", head.get_text(" ", strip=True))
            if not part.title:  # the book's own page: its title is on the cover
                head.string = words = "About this book"
            taken = take_answers(content, page)
            deepen(content)
            kind = "chapter reference" if "/api-" in page else "chapter"
            body.append(
                f'<section class="{kind}" id="{slug(page)}" '
                f'style="page: {page_name(page)}">{content.decode_contents()}</section>'
            )
            contents.append(entry(slug(page), words, "chapter"))
            styles.append(running(page_name(page), part.title, words))
            if taken:
                answers.append(
                    f'<h2 id="{slug(page)}--answers">{words}</h2>'
                    + "".join(str(answer) for answer in taken)
                )
    if answers:
        name = "Answers and solutions"
        body.append(
            f'<section style="page: answers"><h1 class="part" id="{ANSWERS}">{name}'
            f"</h1>{''.join(answers)}</section>"
        )
        contents.append(entry(ANSWERS, name, "part"))
        styles.append(running("answers", name, ""))
    version = importlib.metadata.version("d2lib-book")
    return TEMPLATE.format(
        title=title,
        author=author,
        version=version,
        faces=faces(),
        mathematics="\n".join(
            f'<link rel="stylesheet" href="/_static/{sheet.name}">'
            for sheet in site.glob("_static/mathematics-*.css")
        ),
        pages="\n".join(styles),
        contents="\n".join(contents),
        body="\n".join(body),
    )


def page_name(name: str) -> str:
    """Return what CSS calls the sheets of a page of the book."""
    return "p-" + slug(name)


def deepen(page: Tag) -> None:
    """Make room above a page's headings for that of its part."""
    for level in range(5, 0, -1):
        for tag in page.find_all(f"h{level}"):
            tag.name = f"h{level + 1}"


def entry(target: str, words: str, kind: str) -> str:
    """Return a line of the contents."""
    return (
        f'<li class="{kind}"><a href="#{target}"><span>{words}</span>'
        f'<span class="dots" aria-hidden="true"></span>'
        f'<span data-page-of="{target}"></span></a></li>'
    )


def running(name: str, left: str, right: str) -> str:
    """Return the rule that prints titles at the head of a chapter's sheets."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return (
        f"@page {name} {{ @top-left {{ content: {quoted(left)} }} "
        f"@top-right {{ content: {quoted(right)} }} }}"
    )


def faces() -> str:
    """Return the rules that bring the fonts."""
    return "\n".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; '
        f'font-style: {style}; src: url("/fonts/{file}.ttf") }}'
        for family, files in FACES.items()
        for file, weight, style in files
    )


TEMPLATE = """<!doctype html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="author" content="{author}">
<link rel="stylesheet" href="/_static/pygments.css">
{mathematics}
<style>
{faces}
{pages}
</style>
<link rel="stylesheet" href="/pdf.css">
<script>window.MathJax = {{ loader: {{ load: ["a11y/sre"] }} }};</script>
<script defer src="/mathjax/startup.js"></script>
<script src="/pdf.js"></script>
</head>
<body>
<section class="cover">
<p class="title">{title}</p>
<p class="author">{author}</p>
<p class="imprint">Edition of d2lib {version}. Code: Apache License 2.0. Text and
figures: CC BY-SA 4.0. Every number and figure was computed when the book was built. A
page speaks of folded cells: the site folds up code that one can leave out at first.
Here it is printed, save what makes nothing but a figure; that is on the site and in the
page&rsquo;s notebook. Answers and solutions are at the end of the book.</p>
</section>
<nav class="contents" aria-label="Contents">
<h1 id="contents">Contents</h1>
<ol>
{contents}
</ol>
</nav>
{body}
</body>
</html>
"""


# --- the browser --------------------------------------------------------------


def serve(html: str, site: Path) -> object:
    """Return what answers the browser: the long page, and files from three folders."""
    folders = {
        "/fonts/": FONTS,
        "/mathjax/": mathjax(),
        "/pdf.": ASSETS,
    }

    def answer(route: Route) -> None:
        path = unquote(urlsplit(route.request.url).path)
        if path == "/":
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
            return
        file = site / path[1:]
        for start, folder in folders.items():
            if path.startswith(start):
                name = path[1:] if start == "/pdf." else path.removeprefix(start)
                file = folder / name
        if urlsplit(route.request.url).netloc != urlsplit(HOST).netloc or (
            not file.is_file()
        ):
            route.abort()
            return
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        route.fulfill(body=file.read_bytes(), content_type=kind)

    return answer


def print_book(html: str, site: Path, target: Path) -> int:
    """Print the long page to a file; return how many times it was printed."""
    path = find()
    if path is None:
        raise PDFError(ADVICE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            # As wide as the column: what is measured is what is printed.
            page = browser.new_page(viewport={"width": COLUMN, "height": 1000})
            page.set_default_timeout(600_000)
            missing: list[str] = []
            page.on("requestfailed", lambda request: missing.append(request.url))
            page.route("**/*", serve(html, site))  # type: ignore[arg-type]
            page.emulate_media(media="print")
            page.goto(f"{HOST}/", wait_until="load")
            alternatives, titles, too_wide = page.evaluate(f"prepare({FORMULA!r})")
            if too_wide:  # the browser would make the whole book smaller
                raise PDFError(f"too wide for paper, make it narrower: {too_wide[:5]}")
            author = page.get_attribute("meta[name=author]", "content") or ""
            title = page.title()
            if missing:
                raise PDFError(f"the book wants what there is not: {missing[:5]}")
            target.parent.mkdir(parents=True, exist_ok=True)
            times = print_until_still(page, target)
        finally:
            browser.close()
    finish(target, alternatives, titles, title, author)
    return times


def print_until_still(page: Page, target: Path) -> int:
    """Print until the numbers in the text are those of the pages; return how often."""
    before: dict[str, int] = {}
    for times in range(1, PASSES + 1):
        page.pdf(
            path=target,
            tagged=True,
            outline=True,
            prefer_css_page_size=True,
            print_background=True,
        )
        numbers = page_numbers(target)
        if numbers == before:
            return times
        unknown = page.evaluate("numbers => fill(numbers)", numbers)
        if unknown:
            raise PDFError(f"no page was printed with {', '.join(unknown[:5])}")
        before = numbers
    raise PDFError(f"the page numbers still change after {PASSES} prints")


def page_numbers(file: Path) -> dict[str, int]:
    """Return on which page, counted from 1, each target of a link is."""
    with pikepdf.open(file) as pdf:
        order = {page.obj.objgen: n for n, page in enumerate(pdf.pages, 1)}
        dests = pdf.Root.get("/Dests", pikepdf.Dictionary())
        return {name[1:]: order[dests[name][0].objgen] for name in dests.keys()}  # noqa: SIM118


def finish(
    file: Path, alternatives: list[str], titles: list[str], title: str, author: str
) -> None:
    """Make formulas of the links in which they were printed; name things."""
    with pikepdf.open(file, allow_overwriting_input=True) as pdf:
        numbers = {}
        for page in pdf.pages:
            kept = []
            for annotation in page.get("/Annots", []):
                uri = str(annotation.get("/A", {}).get("/URI", ""))
                if uri.startswith(FORMULA):
                    numbers[annotation.objgen] = int(uri.removeprefix(FORMULA))
                else:
                    kept.append(annotation)
            page.Annots = pikepdf.Array(kept)
        for element in pdf.objects:
            kind = (
                element.get("/S") if isinstance(element, pikepdf.Dictionary) else None
            )
            if kind == pikepdf.Name.Link:
                name_formula(element, numbers, alternatives)
            elif (
                kind == pikepdf.Name.Figure
                and "/Alt" not in element
                and holds_one(element)
            ):
                element.S = pikepdf.Name.Div  # the picture in it has the words
        with pdf.open_outline() as outline:
            entitle(outline.root, titles)
        with pdf.open_metadata() as metadata:
            metadata["dc:title"] = title
            metadata["dc:creator"] = [author]
            metadata["dc:language"] = ["en"]
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        pdf.Root.PageMode = pikepdf.Name.UseOutlines
        pdf.save(file, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def entitle(items: list[pikepdf.OutlineItem], titles: list[str]) -> None:
    """Give an outline the titles of the headings, which are in the same order.

    Chromium writes many of them twice over, without the spaces at which a line ends and
    without what stands in formulas.
    """
    left = list(reversed(items))
    for title in titles:
        if not left:
            raise PDFError(f"the outline ends before the heading {title!r}")
        item = left.pop()
        item.title = title
        left += reversed(item.children)
    if left:
        raise PDFError(f"the outline has {left[-1].title!r}, which is no heading")


def holds_one(element: pikepdf.Dictionary) -> bool:
    """Tell whether a figure of the structure is a frame around another one."""
    children = element.get("/K", pikepdf.Array())
    children = children if isinstance(children, pikepdf.Array) else [children]
    return any(
        isinstance(child, pikepdf.Dictionary)
        and (child.get("/S") == pikepdf.Name.Figure or holds_one(child))
        for child in children
    )


def name_formula(
    element: pikepdf.Dictionary, numbers: dict[tuple, int], words: list[str]
) -> None:
    """Make a formula of a link's element in the structure, if it is around one."""
    children = element.get("/K", pikepdf.Array())
    if not isinstance(children, pikepdf.Array):
        children = pikepdf.Array([children])
    left, number = [], None
    for child in children:
        found = None
        if isinstance(child, pikepdf.Dictionary) and "/Obj" in child:
            found = numbers.get(child.Obj.objgen)
        if found is None:
            left.append(child)
        else:
            number = found
    if number is not None:
        element.S = pikepdf.Name.Formula
        element.Alt = words[number]
        element.K = pikepdf.Array(left)


def main() -> int:
    """Print the built book; return the exit code."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    start = time.perf_counter()
    try:
        html = assemble(
            ROOT / "_build" / "html",
            ROOT / "_toc.yml",
            config["title"],
            config["author"],
        )
        times = print_book(html, ROOT / "_build" / "html", TARGET)
    except PDFError as error:
        print(f"There is no PDF: {error}", file=sys.stderr)
        return 1
    with pikepdf.open(TARGET) as pdf:
        sheets = len(pdf.pages)
    print(
        f"{sheets} pages, {TARGET.stat().st_size / 1e6:.1f} MB, printed {times} times "
        f"in {time.perf_counter() - start:.0f} s:\n  {TARGET}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
