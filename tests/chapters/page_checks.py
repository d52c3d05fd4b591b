"""What a page must be, as checks of its text and its cells.

Every check takes what it needs and returns a list of problems, empty if there are
none. `test_page_checks.py` plants an error for each of them.
"""

from __future__ import annotations

import builtins
import re
import symtable
from pathlib import Path

import yaml
from execution import NEEDS_MXNET
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from self_checks import answers

# The headings of a lecture's page, in this order; each may go on after these words.
HEADINGS = [
    "A question",
    "The idea",
    "By hand",
    "From scratch and in MXNet",
    "They agree",
    "Experiments",
    "What goes wrong",
    "Summary",
    "Check yourself",
    "Exercises",
    "Further reading",
]
EXERCISES = QUESTIONS = 3  # the fewest a page may have
FORBIDDEN_TAGS = {"skip-execution", "raises-exception", "remove-stderr"}
FRONT_MATTER = {"execution_timeout"}  # what a page may tell MyST-NB


def front_matter(text: str) -> dict:
    """Return the YAML between the page's first two `---` lines."""
    match = re.match(r"---\n(.*?)\n---\n", text, re.S)
    return (yaml.safe_load(match[1]) or {}) if match else {}


def outside_code(text: str) -> str:
    """Return the text without its fences of backticks, code cells among them."""
    return re.sub(r"^(`{3,}|~{3,}).*?^\1\s*$", "", text, flags=re.M | re.S)


def headings(text: str) -> list[str]:
    """Return the page's second-level headings."""
    return re.findall(r"^## +(.*?)\s*$", outside_code(text), re.M)


def section(text: str, heading: str) -> str:
    """Return the text under a second-level heading, up to the next one."""
    match = re.search(
        rf"^## +{re.escape(heading)}.*?$(.*?)(?=^## |\Z)", text, re.M | re.S | re.I
    )
    return match[1] if match else ""


def check_cells(text: str, notebook: NotebookNode | None) -> list[str]:
    """Every code cell of the text is a cell of the notebook, and none is skipped."""
    problems = []
    written = len(re.findall(r"^\s*(?:[`~:]{3,})\s*\{code-cell\}", text, re.M))
    cells = [c for c in notebook.cells if c.cell_type == "code"] if notebook else []
    if written and notebook is None:
        problems.append(
            f"{written} code cells never run: the page lacks the jupytext header"
        )
    elif written != len(cells):
        problems.append(
            f"{written - len(cells)} of {written} code cells never run: "
            "they stand inside a directive or a list"
        )
    for number, cell in enumerate(cells, 1):
        if bad := FORBIDDEN_TAGS & set(cell.metadata.get("tags", [])):
            problems.append(f"code cell {number} has the tag {', '.join(sorted(bad))}")
    matter = front_matter(text)
    if bad := set(matter.get("mystnb", {})) - FRONT_MATTER:
        problems.append(f"the front matter sets mystnb: {', '.join(sorted(bad))}")
    if "execution" in matter:
        problems.append("the front matter sets execution")
    return problems


def check_ran(cells: list[NotebookNode]) -> list[str]:
    """Every code cell has run, and none has failed or warned."""
    problems = []
    for number, cell in enumerate(cells, 1):
        if cell.source.strip() and cell.execution_count is None:
            problems.append(f"code cell {number} has not run")
        for output in cell.outputs:
            if output.output_type == "error":
                problems.append(f"code cell {number} failed with {output.ename}")
            elif output.get("name") == "stderr":
                problems.append(
                    f"code cell {number} wrote to stderr: {output.text.strip()[-300:]}"
                )
    return problems


def names(source: str) -> tuple[set[str], set[str], set[str]]:
    """Return the names that a cell binds, reads at once, and reads in its functions."""
    code = TransformerManager().transform_cell(source)
    cell = symtable.symtable(code, "cell", "exec")
    binds = {s.get_name() for s in cell.get_symbols() if s.is_assigned()}
    binds |= {s.get_name() for s in cell.get_symbols() if s.is_imported()}
    reads = {s.get_name() for s in cell.get_symbols() if s.is_referenced()}
    later: set[str] = set()
    scopes = cell.get_children()
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        later |= {s.get_name() for s in scope.get_symbols() if s.is_global()}
    return binds, reads, later


def check_names(notebook: NotebookNode) -> list[str]:
    """Cells that run where there is no MXNet need no name from one that does not.

    A name that a function reads may be bound by any such cell; one that a cell reads
    itself must be bound by that cell or by one before it.
    """
    known = {*dir(builtins), "display", "get_ipython", "__file__", "__name__"}
    needed: list[tuple[int, set[str]]] = []
    problems = []
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells, 1):
        if NEEDS_MXNET & set(cell.metadata.get("tags", [])):
            continue
        binds, reads, later = names(cell.source)
        known |= binds
        problems += [
            f"code cell {number} reads {name}, which no cell before it binds that runs "
            "without MXNet"
            for name in sorted(reads - known)
        ]
        needed.append((number, later))
    return problems + [
        f"a function in code cell {number} reads {name}, which no cell binds that runs "
        "without MXNet"
        for number, later in needed
        for name in sorted(later - known)
    ]


def check_figures(text: str, cells: list[NotebookNode]) -> list[str]:
    """Every image has a text that stands in for it."""
    problems = []
    for number, cell in enumerate(cells, 1):
        draws = any(
            kind.startswith("image/")
            for output in cell.outputs
            for kind in output.get("data", {})
        )
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if draws and len(str(alt).split()) < 3:
            problems.append(
                f"code cell {number} draws a figure without `mystnb: image: alt:`"
            )
    prose = outside_code(text)
    problems += [
        f"the image {target} has no alt text"
        for alt, target in re.findall(r"!\[(.*?)\]\((\S+?)\)", prose)
        if not alt.strip()
    ]
    for directive in re.findall(
        r"^([`~:]{3,})\{(?:image|figure)\}(.*?)^\1", text, re.M | re.S
    ):
        if not re.search(r"^:alt: *\S", directive[1], re.M):
            problems.append(f"the image{directive[1].splitlines()[0]} has no alt text")
    problems += [
        f"{tag} has no alt text"
        for tag in re.findall(r"<img\b[^>]*>", prose)
        if not re.search(r'\balt="[^"]+"', tag)
    ]
    return problems


def check_headings(text: str) -> list[str]:
    """A lecture's page has all of its sections, in order."""
    found = [heading.lower() for heading in headings(text)]
    positions, problems = [], []
    for heading in HEADINGS:
        starts = [n for n, f in enumerate(found) if f.startswith(heading.lower())]
        if starts:
            positions.append(starts[0])
        else:
            problems.append(f"the section `## {heading}` is missing")
    if positions != sorted(positions):
        problems.append(f"the sections are not in the order {', '.join(HEADINGS)}")
    return problems


def check_exercises(text: str) -> list[str]:
    """A lecture's page has exercises, each with a solution that runs code.

    One may be left to the reader: its label ends in `-open`.
    """
    exercises = re.findall(
        r"^[`~:]{3,}\{exercise(?:-start)?\}.*?\n(?:.*\n)*?:label: *(\S+)", text, re.M
    )
    solutions = {
        label: body
        for label, body in re.findall(
            r"^[`~:]{3,}\{solution-start\} *(\S+)(.*?)\{solution-end\}",
            text,
            re.M | re.S,
        )
    }
    problems = []
    if len(exercises) < EXERCISES:
        problems.append(f"{len(exercises)} exercises with a label, not {EXERCISES}")
    left = [e for e in exercises if e.endswith("-open") and e not in solutions]
    if len(left) > 1:
        problems.append(f"{', '.join(left)} have no solution: leave one at most")
    for label in exercises:
        if label in left:
            continue
        if label not in solutions:
            problems.append(f"the exercise {label} has no solution")
        elif "{code-cell}" not in solutions[label]:
            problems.append(f"the solution of {label} runs no code")
        elif not re.search(r"^:class:.*\bdropdown\b", solutions[label], re.M):
            problems.append(f"the solution of {label} is not folded")
    problems += [
        f"a solution is for {label}, which is no exercise of this page"
        for label in solutions
        if label not in exercises
    ]
    return problems


def check_questions(text: str) -> list[str]:
    """A lecture's page has questions to answer; each answer has a reason."""
    found = re.findall(
        r"^(:{3,})\{self-check\} *(.*?)\n(.*?)^\1$",
        section(text, "Check yourself"),
        re.M | re.S,
    )
    problems = []
    if len(found) < QUESTIONS:
        problems.append(
            f"{len(found)} questions to answer (self-check), not {QUESTIONS}"
        )
    for _, question, body in found:
        try:
            answers(body.splitlines())
        except ValueError as error:
            problems.append(f"the question {question!r}: {error}")
    return problems


def check_assets(text: str) -> list[str]:
    """A page loads nothing from elsewhere; links that a reader may follow are fine."""
    patterns = [
        r"!\[[^\]]*\]\(\s*(?:https?:)?//\S+",
        r"\{(?:image|figure)\}\s*(?:https?:)?//\S+",
        r"<(?:script|img|iframe|video|audio|source|embed|link)\b[^>]*"
        r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//[^\s\"'>]+",
        r"(?:@import|url)\s*\(?\s*[\"']?(?:https?:)?//[^\s\"')]+",
    ]
    return [
        f"it loads from elsewhere: {found.strip()}"
        for pattern in patterns
        for found in re.findall(pattern, text, re.I)
    ]


def check_install(text: str) -> list[str]:
    """No page says to install another project's package by the name of ours."""
    return [
        f"it says to install another project: {line.strip()}"
        for line in text.splitlines()
        if re.search(r"\binstall\b.*(?<![\w./-])d2lib(?!-book)\b", line)
    ]


def check_listed(folder: Path, pages: list[Path]) -> list[str]:
    """Every page is in the table of contents, and every entry of it has a page."""
    sources = {
        page
        for page in folder.rglob("*.md")
        if not {".ipynb_checkpoints", "generated"} & set(page.parts)
    }
    return [f"{page} is not in _toc.yml" for page in sorted(sources - set(pages))] + [
        f"_toc.yml lists {page}, which is not there"
        for page in sorted(set(pages) - sources)
    ]
