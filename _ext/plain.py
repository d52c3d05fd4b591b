"""Write a page as a notebook that any notebook program shows well.

MyST's roles and directives are the site's: JupyterLab, VS Code and Colab show them as
they are typed. So the text of a notebook is written from the page that Sphinx has read
and resolved, in which each reference already has its words, each equation its number,
and each number that a cell glued its value. `Markdown` writes that as plain Markdown,
and `notebook` puts the page's code cells between:

- a first cell says what to install, and the second one looks whether it is there;
- each twin's cells stand under its name, and MXNet's begin with a comment by which
  `d2lib.book.needs` knows them where MXNet is missing;
- answers and solutions are folded;
- of cells that only check the page or glue a number, nothing is left.

A node that this file does not know is an error, so that no text is lost.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from docutils import nodes
from landing import station
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from self_checks import self_check
from sphinx import addnodes
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from stacked_tables import LABEL

from d2lib.book.extras import BOTH_CELL, EXTRAS, MXNET_CELL

HEADS = {"numpy": "**NumPy**", "mxnet": "**MXNet**", "twins": "**NumPy and MXNet**"}
MARKS = {"mxnet": MXNET_CELL, "twins": BOTH_CELL}
HIDDEN = {"hide-input", "remove-input", "hide-cell", "remove-cell"}
# What a cell imports, and the extra of the package that it needs for it.
IMPORTS = {
    "matplotlib": "plot",
    "d2lib.plotting": "plot",
    "d2lib.music": "music",
    "d2lib.data.load_tunes": "music",
    "music21": "music",
    "d2lib.data.load_faces": "photos",
    "d2lib.data.load_photograph": "photos",
    "skimage": "photos",
    "d2lib.reinforcement": "rl",
    "gymnasium": "rl",
    "d2lib.mx": "mxnet",
    "mxnet": "mxnet",
}
SKIPPED = (
    nodes.target,
    nodes.comment,
    nodes.substitution_definition,
    nodes.raw,
    nodes.system_message,
    nodes.colspec,
    addnodes.index,
)


class Book(NamedTuple):
    """What a notebook says about where it comes from.

    Attributes:
        title: The book's.
        site: The address of the built site, "" if none is configured.
        repository: The address of the repository, "" if none is configured.
    """

    title: str
    site: str = ""
    repository: str = ""


class Piece(NamedTuple):
    """A part of a notebook: text, or the code cell of that index."""

    text: str = ""
    cell: int = -1
    solution: bool = False


# --- text ---------------------------------------------------------------------


def escaped(text: str) -> str:
    """Return text in which no character means anything to Markdown."""
    text = " ".join(text.split("\n"))
    text = re.sub(r"([\\`*_])", r"\\\1", text)
    text = re.sub(r"\](?=[(\[])", r"\\]", text)
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    text = re.sub(r"&(?=#?\w+;)(?!lt;)", "&amp;", text)
    # Both MathJax and the programs look for a dollar, and an entity hides it from one.
    return text.replace("$", "<span>&#36;</span>")


def fenced(text: str, *, least: int = 1) -> str:
    """Return the run of backticks that can stand around a text."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1 if longest >= least else least)


def indented(text: str, first: str, rest: str) -> str:
    """Return text with one prefix for its first line and one for all others."""
    head, *lines = text.split("\n")
    return "\n".join([first + head, *((rest + line).rstrip() for line in lines)])


class Markdown:
    """Writes the nodes of a page as plain Markdown.

    Args:
        env: Sphinx's environment, in which the numbers of figures and equations are.
        docname: The page.
        book: What links lead to.
    """

    def __init__(self, env: BuildEnvironment, docname: str, book: Book) -> None:
        self.env, self.docname, self.book = env, docname, book
        self.cited: dict[str, str] = {}

    # Inline: one line of text.

    def inline(self, node: nodes.Element, *, table: bool = False) -> str:
        """Return what is in a node as one line of Markdown."""
        return "".join(self.word(child, table=table) for child in node.children)

    def word(self, node: nodes.Node, *, table: bool = False) -> str:
        """Return one inline node."""
        if isinstance(node, nodes.Text):
            text = escaped(node.astext())
            return text.replace("|", r"\|") if table else text
        assert isinstance(node, nodes.Element)
        if isinstance(node, nodes.math):
            return self.math(node.astext(), table=table)
        if isinstance(node, nodes.literal):
            text = " ".join(node.astext().split("\n"))
            fence = fenced(text)
            pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
            text = text.replace("|", r"\|") if table else text
            return f"{fence}{pad}{text}{pad}{fence}"
        if isinstance(node, nodes.emphasis):
            return f"*{self.inline(node, table=table)}*"
        if isinstance(node, nodes.strong):
            return f"**{self.inline(node, table=table)}**"
        if isinstance(node, nodes.reference):
            return self.reference(node, table=table)
        if isinstance(node, nodes.image):
            return f"(*{escaped(node.get('alt', 'a picture'))}*)"
        if isinstance(node, nodes.inline) and "bibtex-citation" in node["classes"]:
            return self.citation(node, table=table)
        if isinstance(node, nodes.inline) and LABEL in node["classes"]:
            return ""  # it has its place in the first row
        if isinstance(node, nodes.inline | nodes.title_reference | nodes.abbreviation):
            return self.inline(node, table=table)
        if isinstance(node, nodes.subscript | nodes.superscript):
            tag = "sub" if isinstance(node, nodes.subscript) else "sup"
            return f"<{tag}>{self.inline(node, table=table)}</{tag}>"
        if isinstance(node, nodes.problematic):  # a number of a cell that failed
            return "…"
        if isinstance(node, nodes.footnote_reference):
            return f"<sup>{node.astext()}</sup>"
        if isinstance(node, SKIPPED):
            return ""
        raise self.unknown(node)

    def math(self, text: str, *, table: bool = False) -> str:
        text = " ".join(text.split())
        if table:  # a bar would end the cell
            text = text.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
        return f"${text}$"

    def citation(self, node: nodes.Element, *, table: bool) -> str:
        """Return authors and year, and note the work for the list at the end."""
        for reference in node.findall(nodes.reference):
            if title := reference.get("reftitle"):
                self.cited[reference["refuri"]] = title
        text = self.inline(node, table=table)
        if not self.book.site:  # with it, brackets are those of links
            text = text.replace("[", "(").replace("]", ")")
        return text

    def reference(self, node: nodes.reference, *, table: bool) -> str:
        """Return a link, or words that a reader without the site understands."""
        text = self.inline(node, table=table)
        uri, classes = node.get("refuri", ""), set()
        for inner in node.findall(nodes.inline):
            classes.update(inner["classes"])
        if not node.get("internal"):
            if not uri:
                return text
            return f"<{uri}>" if node.astext() == uri else f"[{text}]({uri})"
        if "std-term" in classes or any(node.findall(nodes.literal)):
            return text
        target = posixpath.normpath(
            posixpath.join(posixpath.dirname(self.docname), uri.partition("#")[0])
        ).removesuffix(".html")
        elsewhere = bool(uri.partition("#")[0]) and target != self.docname
        if self.book.site and (elsewhere or node.get("reftitle")):
            page = posixpath.join(self.book.site, target)
            mark = "#" + uri.partition("#")[2] if "#" in uri else ""
            return f"[{text}]({page}.html{mark})"
        if "doc" in classes:
            return f"*{text}*"
        if not elsewhere or node.get("reftitle") or target not in self.env.titles:
            return text
        # "twice", "Fig. 2.1": of which page?
        page = self.env.titles[target].astext()
        around = node
        while not isinstance(around, nodes.paragraph) and around.parent is not None:
            around = around.parent
        if page in around.astext():
            return text
        if text.startswith(("(", "Fig.")):
            return f"{text} in *{escaped(page)}*"
        return f"{text} (*{escaped(page)}*)"

    # Blocks: paragraphs, lists, tables.

    def number(self, kind: str, node: nodes.Element) -> str:
        """Return the number that the site shows for a figure, equation or exercise."""
        numbers = self.env.toc_fignumbers.get(self.docname, {}).get(kind, {})
        for id in node["ids"]:
            if id in numbers:
                return ".".join(map(str, numbers[id]))
        return ""

    def block(self, node: nodes.Element, *, nested: bool = False) -> str:
        """Return one block of Markdown; "" if there is nothing to show."""
        if isinstance(node, nodes.paragraph):
            if {"gaps", "in-reference"} & set(node["classes"]):  # links of the site's
                return ""
            text = self.inline(node).strip()
            return re.sub(r"^(\d+)([.)]) |^(?=[-+#>=] )", _escaped_mark, text)
        if isinstance(node, nodes.math_block):
            return self.equation(node, nested=nested)
        if isinstance(node, nodes.bullet_list | nodes.enumerated_list):
            return self.list(node)
        if isinstance(node, nodes.literal_block | nodes.doctest_block):
            fence = fenced(node.astext(), least=3)
            language = str(node.get("language", ""))
            language = language if language.isalnum() and language != "none" else ""
            return f"{fence}{language}\n{node.astext().rstrip()}\n{fence}"
        if isinstance(node, nodes.table):
            return self.table(node)
        if isinstance(node, nodes.block_quote):
            return indented(self.blocks(node), "> ", "> ")
        if isinstance(node, nodes.definition_list):
            return self.blocks(node)
        if isinstance(node, nodes.definition_list_item):
            return self.definition(node)
        if isinstance(node, nodes.rubric):
            return f"**{self.inline(node)}**"
        if isinstance(node, nodes.footnote):
            label, *rest = node.children
            return f"<sup>{label.astext()}</sup> {self.blocks(rest)}"
        if isinstance(node, nodes.figure):
            return self.figure(node)
        if isinstance(node, nodes.image):
            return self.word(node)
        if isinstance(node, nodes.transition):
            return "---"
        if isinstance(node, addnodes.desc):  # of the reference: a name and what it does
            names = node.findall(addnodes.desc_signature)
            texts = [f"`{' '.join(name.astext().split())}`" for name in names]
            body = next(node.findall(addnodes.desc_content), nodes.container())
            texts += [self.block(p) for p in body if isinstance(p, nodes.paragraph)]
            return "\n\n".join(texts)
        if isinstance(node, nodes.admonition | nodes.Admonition):
            return self.admonition(node)
        if isinstance(node, self_check):
            return self.self_check(node)
        if isinstance(node, station):
            return "; ".join(self.inline(part).strip() for part in node.children)
        if isinstance(node, nodes.container | nodes.section):
            return self.blocks(node)
        if isinstance(node, (*SKIPPED, nodes.compound, nodes.reference)):
            return ""
        # A card's link, and what only the site has: see explorables.py.
        if type(node).__name__ in ("PassthroughTextElement", "explorable"):
            return ""
        raise self.unknown(node)

    def blocks(
        self, children: nodes.Element | Iterable[nodes.Node], *, nested: bool = True
    ) -> str:
        """Return several blocks, with an empty line between any two."""
        children = getattr(children, "children", children)
        texts = [self.block(child, nested=nested) for child in children]
        return "\n\n".join(text for text in texts if text)

    def equation(self, node: nodes.math_block, *, nested: bool) -> str:
        lines = [line.strip() for line in node.astext().strip().split("\n")]
        text = "\n".join(line for line in lines if line)
        outside = re.sub(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", "", text, flags=re.S)
        if r"\\" in outside or "&" in outside:
            text = "\\begin{aligned}\n" + text + "\n\\end{aligned}"
        if number := self.number("displaymath", node):
            text += f" \\tag{{{number}}}"
        if nested:  # lines of a list or a quotation begin with what is no mathematics
            return f"$$ {' '.join(text.split())} $$"
        return f"$$\n{text}\n$$"

    def list(self, node: nodes.Element) -> str:
        items, start = [], int(node.get("start", 1))
        for place, item in enumerate(node.children):
            bullet = "- " if isinstance(node, nodes.bullet_list) else None
            bullet = bullet or f"{start + place}. "
            text = self.blocks([item] if isinstance(item, station) else item)
            items.append(indented(text, bullet, " " * len(bullet)))
        loose = any("\n\n" in item for item in items)
        return ("\n\n" if loose else "\n").join(items)

    def definition(self, node: nodes.Element) -> str:
        terms = [c for c in node.children if isinstance(c, nodes.term)]
        rest = [c for c in node.children if isinstance(c, nodes.definition)]
        words = ", ".join(f"**{self.inline(term).strip()}**" for term in terms)
        return "\n\n".join([words, *(self.blocks(d) for d in rest)])

    def table(self, node: nodes.table) -> str:
        rows = [
            [self.cell(entry) for entry in row.findall(nodes.entry)]
            for row in node.findall(nodes.row)
        ]
        if not any(node.findall(nodes.thead)):
            rows.insert(0, [""] * len(rows[0]))
        rows.insert(1, ["---"] * len(rows[0]))
        lines = [f"| {' | '.join(row)} |" for row in rows]
        if titles := [c for c in node.children if isinstance(c, nodes.title)]:
            lines = [f"*{self.inline(titles[0])}*", "", *lines]
        return "\n".join(lines)

    def cell(self, entry: nodes.entry) -> str:
        return "<br>".join(
            self.inline(part, table=True).strip()
            if isinstance(part, nodes.paragraph)
            else escaped(part.astext()).replace("|", r"\|")
            for part in entry.children
        )

    def figure(self, node: nodes.Element) -> str:
        """Return the number and the caption of a figure."""
        captions = [c for c in node.children if isinstance(c, nodes.caption)]
        if not captions:
            return ""
        number = self.number("figure", node)
        label = f"*Fig. {number}.* " if number else ""
        return label + self.inline(captions[0]).strip()

    def admonition(self, node: nodes.Element) -> str:
        if "did-not-come-out" in node["classes"]:  # see failures.py
            return ""
        children = list(node.children)
        name = type(node).__name__.capitalize()
        title = name if name != "Admonition" else ""
        if children and isinstance(children[0], nodes.title):
            title = self.inline(children.pop(0)).strip()
        if "dropdown" in node["classes"]:
            return f"**{title}**\n\n{folded('Answer', self.blocks(children))}"
        return indented(f"**{title}**\n\n{self.blocks(children)}", "> ", "> ")

    def self_check(self, node: nodes.Element) -> str:
        """Return a question, its answers, and folded why each is right or wrong."""
        question, answers, why = node.children

        def lettered(items: nodes.Node) -> str:
            texts = [self.blocks(item) for item in items.children]
            items = zip("ABCDEFGH", texts, strict=False)
            return "\n".join(indented(f"{a}. {t}", "- ", "  ") for a, t in items)

        text = f"**{self.inline(question).strip()}**\n\n{lettered(answers)}"
        return f"{text}\n\n{folded('Answer', lettered(why[0]))}"

    def works(self) -> str:
        """Return the list of the works that the page cites."""
        lines = sorted(f"- {escaped(title)}" for title in self.cited.values())
        return "\n".join(["## Works cited", "", *lines]) if lines else ""

    def unknown(self, node: nodes.Element) -> ExtensionError:
        """Return the error for a node that would be lost."""
        return ExtensionError(
            f"{self.docname}, line {node.line}: the notebook has no form for "
            f"{type(node).__name__}: {node.astext()[:60]!r}; teach it to _ext/plain.py"
        )


def _escaped_mark(match: re.Match[str]) -> str:
    """Keep the beginning of a sentence from becoming a list or a heading."""
    return f"{match[1]}\\{match[2]} " if match[1] else "\\"


def folded(summary: str, text: str) -> str:
    """Return a text that unfolds at a click."""
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


# --- the page -----------------------------------------------------------------


def cells_in(node: nodes.Node) -> list[nodes.container]:
    """Return the code cells at or below a node, in the page's order."""
    found = [
        inner
        for inner in node.findall(nodes.container)
        if inner.get("nb_element") == "cell_code"
    ]
    return sorted(found, key=lambda cell: cell["cell_index"])


def pieces(
    node: nodes.Element, write: Markdown, depth: int = 0, *, solution: bool = False
) -> list[Piece]:
    """Return the text and the cells of a part of a page, in order."""
    found: list[Piece] = []
    for child in node.children:
        name = type(child).__name__
        if isinstance(child, nodes.title):
            if depth:
                found.append(Piece(f"{'#' * depth} {write.inline(child).strip()}"))
        elif name == "solution_node":
            found += solved(child, write)
        elif name.startswith("exercise_") and isinstance(child, nodes.Element):
            found += exercise(child, write, depth)
        elif isinstance(child, nodes.section):
            deeper = depth if solution else depth + 1
            found += pieces(child, write, deeper, solution=solution)
        elif cells := cells_in(child):
            for cell in cells:
                found.append(Piece(cell=cell["cell_index"], solution=solution))
                for figure in cell.findall(nodes.figure):
                    if caption := write.figure(figure):
                        found.append(Piece(caption, solution=solution))
        elif isinstance(child, nodes.Element) and (
            text := write.block(child, nested=solution)
        ):
            found.append(Piece(text, solution=solution))
    return found


def exercise(node: nodes.Element, write: Markdown, depth: int) -> list[Piece]:
    """Return an exercise: its title as a heading, and its text."""
    title, *rest = node.children
    number = write.number("exercise", node)
    words = write.inline(title).strip() if isinstance(title, nodes.Element) else ""
    words = words.removeprefix("(").removesuffix(")")
    heading = f"Exercise {number}".strip() + (f": {words}" if words else "")
    body = nodes.container("", *[child.deepcopy() for child in rest])
    return [Piece(f"{'#' * (depth + 1)} {heading}"), *pieces(body, write)]


def solved(node: nodes.Element, write: Markdown) -> list[Piece]:
    """Return a solution: its text folded, its cells marked as part of it."""
    _title, *rest = node.children
    name = str(node.get("title") or "Solution")
    body = nodes.container("", *[child.deepcopy() for child in rest])
    found: list[Piece] = []
    text: list[str] = []

    def fold() -> None:
        if text:
            summary = f"{name}, continued" if found else name
            found.append(Piece(folded(summary, "\n\n".join(text)), solution=True))
            text.clear()

    for piece in pieces(body, write, solution=True):
        if piece.text:
            text.append(piece.text)
            continue
        if not text and not found:
            found.append(Piece(f"**{name}** is in the folded cell.", solution=True))
        fold()
        found.append(piece)
    fold()
    return found


# --- code ---------------------------------------------------------------------


def imports(source: str) -> set[str]:
    """Return the modules, and the names in them, that a cell imports."""
    found = set()
    for node in ast.walk(ast.parse(_without_magics(source))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return found


def _without_magics(source: str) -> str:
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.M)


def extras(cells: Iterable[NotebookNode]) -> list[str]:
    """Return the extras of the package that code cells need."""
    found = set()
    for cell in cells:
        if set(cell.metadata.get("tags", [])) & set(MARKS):
            found.add("mxnet")
        for name in imports(cell.source):
            found |= {
                extra
                for module, extra in IMPORTS.items()
                if name == module or name.startswith(f"{module}.")
            }
    return [extra for extra in EXTRAS if extra in found]


def needs_the_clone(cells: Iterable[NotebookNode]) -> bool:
    """Tell whether cells import what is in the repository and not in the package."""
    return any(
        name.partition(".")[0] in ("benchmarks", "tests")
        for cell in cells
        for name in imports(cell.source)
    )


def without_bookkeeping(source: str, used: set[str]) -> str:
    """Return what a notebook needs of a cell that the page hides; "" if nothing.

    Checks of the page's numbers go, and what hands them to the prose: the notebook's
    prose has them already, and one that comes out differently elsewhere must not stop
    "Run all". What only they were computed for goes with them.

    Args:
        source: The cell.
        used: The names that later cells read.
    """
    lines, left = source.splitlines(), []
    for statement in ast.parse(source).body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
        checks = name == "glue" or name.startswith("np.testing.")
        if checks or isinstance(statement, ast.Assert):
            for number in range(statement.lineno - 1, statement.end_lineno or 0):
                lines[number] = ""
        else:
            left.append(statement)
    if all(isinstance(s, ast.Assign | ast.AugAssign | ast.AnnAssign) for s in left):
        stored = {
            node.id
            for statement in left
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        if not stored & used:
            return ""
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip("\n")


def names_read(cells: Iterable[NotebookNode]) -> set[str]:
    """Return the names that code cells read."""
    return {
        node.id
        for cell in cells
        for node in ast.walk(ast.parse(_without_magics(cell.source)))
        if isinstance(node, ast.Name)
    }


def code_cell(
    cell: NotebookNode, later: list[NotebookNode], *, solution: bool
) -> NotebookNode | None:
    """Return a page's code cell as the notebook has it; None if nothing is left."""
    tags = list(cell.metadata.get("tags", []))
    source = cell.source
    if "exercise-check" in tags:  # it is for what a reader writes in the page
        return None
    if "remove-cell" in tags:
        source = without_bookkeeping(source, names_read(later))
        if not source:
            return None
    comments = []
    metadata: dict = {"tags": tags} if tags else {}
    if solution or HIDDEN & set(tags):
        # JupyterLab and VS Code fold the code away, Colab shows the title in its place.
        title = "Solution" if solution else "The code of what is shown"
        if "remove-cell" in tags:
            title = "What later cells need"
        comments.append(f"# @title {title}")
        metadata["cellView"] = "form"
        metadata["jupyter"] = {"source_hidden": True}
        if solution:
            metadata["jupyter"]["outputs_hidden"] = metadata["collapsed"] = True
    comments += [mark for tag, mark in MARKS.items() if tag in tags]
    return new_code_cell("\n".join([*comments, source]), metadata=metadata)


def twin(cell: NotebookNode) -> str:
    """Return "numpy", "mxnet" or "twins" for a cell of one or both, "" for the rest."""
    tags = cell.metadata.get("tags", [])
    return next((tag for tag in HEADS if tag in tags), "")


# --- the notebook -------------------------------------------------------------


def first_cells(names: list[str], book: Book, page: str) -> list[NotebookNode]:
    """Return the cell that says what to install, and the one that looks for it."""
    with_extras = f"[{','.join(names)}]" if names else ""
    if book.repository:
        install = f'pip install "d2lib-book{with_extras} @ git+{book.repository}"'
        where = "It needs the book's package. To install it, once:"
    else:
        install = f'pip install ".{with_extras}"' if names else "pip install ."
        where = (
            "It needs the book's package. To install it, once, in a clone of the book:"
        )
    title = f"[{book.title}]({book.site})" if book.site else f"*{book.title}*"
    of = f"[page]({posixpath.join(book.site, page)}.html)" if book.site else "page"
    words = {
        "plot": "`plot` is matplotlib.",
        "music": "`music` is music21.",
        "photos": "`photos` is scikit-image.",
        "rl": "`rl` is Gymnasium.",
        "mxnet": "`mxnet` is MXNet, which exists for Linux and for macOS on Intel, up "
        "to Python 3.12. Elsewhere leave it out: the cells under **MXNet** then stay "
        "silent, and the NumPy half runs.",
    }
    text = f"This notebook is a {of} of {title}. {where}\n\n```sh\n{install}\n```\n\n"
    text += " ".join([*(words[name] for name in names), "The next cell looks for it."])

    code = []
    mend = f"Run {install}"
    if book.repository:
        light = [name for name in names if name != "mxnet"]
        brackets = f"[{','.join(light)}]" if light else ""
        code += [
            "import importlib.util",
            "",
            'if importlib.util.find_spec("d2lib") is None:  # as on Colab',
            f'    %pip install -q "d2lib-book{brackets} @ git+{book.repository}"',
            "",
        ]
    if not book.repository:
        mend = f"In a clone of the book run {install}"
    code += [
        "try:",
        "    from d2lib.book import needs",
        "except ImportError:",
        "    raise ImportError(",
        f"        {f'The package is missing. {mend}, '!r}",
        '        "then choose that Python as the kernel of this notebook"',
        "    ) from None",
        "",
        f"needs({', '.join(map(_quoted, names))})",
    ]
    return [new_markdown_cell(text), new_code_cell("\n".join(code))]


def _quoted(text: str) -> str:
    return f'"{text}"'


def notebook(
    doctree: nodes.document,
    env: BuildEnvironment,
    docname: str,
    page: NotebookNode,
    book: Book,
) -> NotebookNode:
    """Return a page as a notebook for any notebook program, without outputs.

    Args:
        doctree: The page as Sphinx has resolved it.
        env: Sphinx's environment.
        docname: The page's name.
        page: The page as `execution.read` returns it.
        book: Where the book is to be found.
    """
    write = Markdown(env, docname, book)
    parts = pieces(doctree, write)
    if works := write.works():
        parts.append(Piece(works))
    code = [i for i, cell in enumerate(page.cells) if cell.cell_type == "code"]
    shown = {part.cell for part in parts}
    cells = first_cells(extras(page.cells[i] for i in code), book, docname)
    done: list[int] = []

    def add(index: int, *, solution: bool) -> None:
        done.append(index)
        later = [page.cells[i] for i in code if i > index]
        cell = code_cell(page.cells[index], later, solution=solution)
        if cell is None:
            return
        name = twin(cell)
        if name and (cells[-1].cell_type != "code" or twin(cells[-1]) != name):
            add_text(HEADS[name])
        cells.append(cell)

    def add_text(text: str) -> None:
        if cells[-1].cell_type == "markdown" and not text.startswith("#"):
            cells[-1].source += f"\n\n{text}"
        else:
            cells.append(new_markdown_cell(text))

    def add_removed(until: Callable[[int], bool], *, solution: bool) -> None:
        for index in code:
            if index not in shown and index not in done and until(index):
                add(index, solution=solution)

    for part in parts:
        if part.text:
            add_text(part.text)
            continue
        last = part.cell
        add_removed(lambda index, last=last: index < last, solution=part.solution)
        add(part.cell, solution=part.solution)
        # What the page does not show follows the cell that it looks at.
        add_removed(lambda index: index == done[-1] + 1, solution=part.solution)
    add_removed(lambda index: True, solution=False)
    if done != code:
        raise ExtensionError(
            f"{docname}: the notebook has the cells {done}, not {code}"
        )

    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # the same at each build
    return new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
    )
