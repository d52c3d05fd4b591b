"""What a notebook must fulfil that a reader downloads; each check lists problems."""

from __future__ import annotations

import ast
import re

import nbformat
from nbformat import NotebookNode

HEADS = {"numpy": "**NumPy**", "mxnet": "**MXNet**", "twins": "**NumPy and MXNet**"}
MARKS = {"mxnet": "# MXNet", "twins": "# NumPy and MXNet"}
KEPT = "# @title What later cells need"
MYST = {
    "a role": r"\{[a-z][\w:+.-]*\}",
    "a label": r"^\([\w-]+\)=\s*$",
    "a directive": r"^[ >]*(?:`{3,}|~{3,}|:{3,})\s*\{",
    "a fence of colons": r"^[ >]*:{3,}",
    "an option": r"^:[a-z-]+: ",
    "front matter": r"\A---\n",
    "a substitution": r"\{\{.*?\}\}",
}
CODE = re.compile(
    r"^( *)(`{3,})(?!\s*\{).*?^\1\2\s*$|(?<!`)(`{1,2})(?!`).+?(?<!`)\3(?!`)",
    re.M | re.S,
)


def text_of(cell: NotebookNode) -> str:
    """Return a Markdown cell without its mathematics."""
    text = re.sub(r"\$\$.*?\$\$", "", cell.source, flags=re.S)
    return re.sub(r"\$[^$\n]+\$", "", text)


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def twin(cell: NotebookNode) -> str:
    """Return the twin that a code cell belongs to, "" if to none."""
    return next((tag for tag in HEADS if tag in tags(cell)), "")


def check_format(notebook: NotebookNode) -> list[str]:
    """It is a valid notebook, and has no outputs."""
    problems = []
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        problems.append(f"it is no valid notebook: {error.message}")
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count):
            problems.append(f"cell {number} has outputs")
    return problems


def check_markdown(notebook: NotebookNode) -> list[str]:
    """No program but the book's understands MyST, so there is none."""
    problems = []
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "markdown":
            continue
        outside = CODE.sub("", text_of(cell))
        for what, pattern in MYST.items():
            if found := re.search(pattern, outside, re.M):
                problems.append(f"cell {number} shows {what} of MyST: {found[0]!r}")
        links = re.findall(r"\]\(([^)\s]+)\)", outside)
        problems += [
            f"cell {number} links to {link}, which no download has beside it"
            for link in links
            if not link.startswith(("https://", "http://", "mailto:"))
        ]
        if cell.source.count("<details>") != cell.source.count("</details>"):
            problems.append(f"cell {number} folds text and does not end the fold")
    return problems


def check_first_cells(notebook: NotebookNode) -> list[str]:
    """They say what to install, and look whether it is there."""
    problems = []
    text, code, *rest = [*notebook.cells, None, None][: max(2, len(notebook.cells))]
    if text is None or text.cell_type != "markdown" or "pip install" not in text.source:
        problems.append("the first cell does not say what to install")
    if code is None or code.cell_type != "code" or "\nneeds(" not in code.source:
        return [*problems, "the second cell does not look for what the page needs"]
    named = re.findall(r'"(\w+)"', code.source.rpartition("\nneeds(")[2])
    needed = {"mxnet"} if any(cell and twin(cell) in MARKS for cell in rest) else set()
    for cell in rest:
        if cell is not None and cell.cell_type == "code":
            if re.search(r"\bplotting\b|\bmatplotlib\b", cell.source):
                needed.add("plot")
            if re.search(r"\bload_tunes\b|\bd2lib\.music\b", cell.source):
                needed.add("music")
            if re.search(r"\bload_(faces|photograph)\b|\bskimage\b", cell.source):
                needed.add("photos")
            if re.search(r"\bd2lib\.reinforcement\b|\bgymnasium\b", cell.source):
                needed.add("rl")
    for extra in sorted(needed - set(named)):
        problems.append(f"the second cell does not look for {extra}")
    for extra in named:
        if f"`{extra}` is" not in text.source:
            problems.append(f"the first cell does not say what {extra} is")
    return problems


def check_twins(notebook: NotebookNode) -> list[str]:
    """Each twin's cells stand under its name, and MXNet's begin with their mark."""
    problems = []
    before = None
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code" and (name := twin(cell)):
            last = before.source.rstrip().split("\n")[-1] if before else ""
            if before is None or before.cell_type == "code":
                headed = before is not None and twin(before) == name
            else:
                headed = last == HEADS[name]
            if not headed:
                problems.append(
                    f"cell {number} is {name}'s and not headed {HEADS[name]}"
                )
            comments = []
            for line in cell.source.split("\n"):
                if not line.startswith("#"):
                    break
                comments.append(line)
            if name in MARKS and MARKS[name] not in comments:
                problems.append(f"cell {number} does not begin with {MARKS[name]!r}")
        before = cell
    return problems


def check_folded(notebook: NotebookNode) -> list[str]:
    """Solutions are folded: their text, their code and what it prints."""
    problems = []
    solution = False
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            if re.search(r"^#+ ", cell.source, re.M):
                solution = False
            open_text = re.sub(r"<details>.*?</details>", "", cell.source, flags=re.S)
            if re.search(r"Solution to ", cell.source):
                solution = True
            if re.search(r"^Solution to ", open_text, re.M):
                problems.append(f"cell {number} shows a solution")
        elif solution:
            hidden = cell.metadata.get("jupyter", {})
            if not (hidden.get("source_hidden") and hidden.get("outputs_hidden")):
                problems.append(f"cell {number} shows the code of a solution")
            if cell.metadata.get("cellView") != "form" or not cell.source.startswith(
                "# @title "
            ):
                problems.append(f"cell {number} shows the code of a solution on Colab")
    return problems


def check_code(page: NotebookNode, notebook: NotebookNode) -> list[str]:
    """It has the page's cells, as they are, but for what only the page needs."""
    theirs = [c.source for c in notebook.cells[2:] if c.cell_type == "code"]
    problems, at = [], 0
    for number, cell in enumerate(
        [cell for cell in page.cells if cell.cell_type == "code"], 1
    ):
        if "remove-cell" in tags(cell):
            # Of it, what later cells need is there.
            kept = at < len(theirs) and theirs[at].startswith(KEPT)
            if kept and defined(theirs[at]) <= defined(cell.source):
                at += 1
            continue
        if at == len(theirs) or not theirs[at].endswith(cell.source):
            return [*problems, f"code cell {number} of the page is not the next one"]
        comments = theirs[at].removesuffix(cell.source)
        if re.sub(r"^#.*\n", "", comments, flags=re.M):
            problems.append(f"code cell {number} is not as on the page")
        at += 1
    if at != len(theirs):
        problems.append(f"{len(theirs) - at} code cells are not the page's")
    return problems


def defined(source: str) -> set[str]:
    """Return the names that a cell assigns or imports at its top level."""
    found: set[str] = set()
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assert):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.alias):
                found.add((node.asname or node.name).partition(".")[0])
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
    return found


def check_notebook(notebook: NotebookNode) -> list[str]:
    """Return all that is wrong with a notebook, but for its code."""
    return [
        problem
        for check in (
            check_format,
            check_markdown,
            check_first_cells,
            check_twins,
            check_folded,
        )
        for problem in check(notebook)
    ]
