"""Write a course from the built book: `make course`.

Into `teaching/`, which git ignores and `make clean` leaves alone, come

- `source/`, assignments for nbgrader: the three labs, in which each gap is a cell with
  points, and for each lecture the exercises that have no published solution;
- `release/`, what nbgrader makes of them for students, and `nbgrader_config.py`;
- `slides/`, a deck of each lecture's figures with their captions, in one file each.

A lab's gap becomes three cells: the one to fill in, the page's own check, which says
how it goes, and one with the points. Its tests are hidden: nbgrader puts them in when
it grades. They run the page's check on what was handed in, and put the lab's own
solution in its place, so that each gap is graded alone.

Nothing of a solution may reach the students. So what a page has in reserve for open
gaps is hidden too, and a lab ends before *What goes wrong*, which shows near misses. A
test looks for each line of each solution in all that is released.
"""

from __future__ import annotations

import ast
import base64
import html
import mimetypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
from bs4 import BeautifulSoup, Tag
from execution import ROOT
from gaps import GAP, tags
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pdf import PDFError, article, parts

SITE = ROOT / "_build" / "html"
COURSE = ROOT / "teaching"  # not in _build, since grades will be kept there
NBGRADER = ROOT / ".venv-course" / "bin" / "nbgrader"
POINTS = 5  # for each hole of a lab, and for each half of an exercise
SECRETS = {"Spare"}  # what a page has in reserve that solves a gap
END = "## What goes wrong"
STUB = "...  # fill in: as the line above says"
HIDE, SHOW = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
RESERVE = re.compile(
    r"(?:If you leave a gap open,|A gap that you leave open stops nothing:)"
    r" the lab goes on with [^.]*\."
)
IN_ORDER = (
    "What follows a gap may need it, so fill them in in order. Each is graded alone: "
    "what is wrong with one costs no points at the others."
)
# A check that needs what is in reserve is hidden; these are seen in its place.
SEEN = {
    "Lander": """\
def has_the_form(Lander):
    env = Lander()
    first, again = env.reset(seed=1)[0], env.reset(seed=1)[0]
    assert np.array_equal(first, again), "the same seed starts differently"
    found = len(env.step(0))
    assert found == 5, f"step should return five things, got {found}"
    check_env(env, skip_render_check=True)


World = Lander
check(Lander, has_the_form);  # the form alone: what it pays is tested later
"""
}
# Ends the last hidden test: a lab goes on with minutes of experiments.
ENOUGH = """\
# Nothing below is graded, so nothing below is run.
get_ipython().input_transformers_post.append(lambda lines: [])
"""
AFTER = {"Lander": "World = Lander"}  # what hangs on a gap, set again when it is graded
CONFIG = '''\
"""nbgrader's settings for this course; written by `make course`."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "deep-learning-twice"
c.ClearSolutions.code_stub = {{"python": {stub!r}}}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"
c.Execute.timeout = 900  # seconds a cell: the labs train
c.Execute.raise_on_iopub_timeout = False
c.ExecutePreprocessor.timeout = 900
c.ExecutePreprocessor.kernel_name = "python3"  # with d2lib: the book's own
'''


class CourseError(Exception):
    """The course can't be made; the message says why and what to do."""


class Assignment(NamedTuple):
    """An assignment: its name, its notebook, and the points of each of its cells."""

    name: str
    notebook: NotebookNode
    points: dict[str, int]


LABS = {
    "lab-music": "chapters/2-sequences/music",
    "lab-faces": "chapters/3-vision/faces",
    "lab-world": "chapters/4-reinforcement/environment-lab",
}


# --- labs ---------------------------------------------------------------------


def notebook_of(page: str, site: Path = SITE) -> NotebookNode:
    """Return the notebook that the site offers of a page."""
    file = site / "_sources" / f"{page}.ipynb"
    if not file.is_file():
        raise CourseError(f"there is no {file}: run make book first")
    return nbformat.read(file, as_version=4)


def mark(name: str, *, points: int | None = None, solution: bool = False) -> dict:
    """Return the metadata by which nbgrader knows a cell."""
    grade = points is not None
    about = {
        "schema_version": 3,
        "grade_id": name,
        "grade": grade,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    if grade:
        about["points"] = points
    return {"nbgrader": about}


def to_solve(source: str) -> str:
    """Return a cell with gaps in nbgrader's words: the hint stays, the rest is cut."""
    return GAP.sub(
        r"\g<indent># fill in: \g<hint>\n\g<indent>### BEGIN SOLUTION\n"
        r"\g<solution>\g<indent>### END SOLUTION",
        source,
    )


def hidden(name: str, source: str, points: int, says: str) -> NotebookNode:
    """Return a cell whose code nobody sees until it is graded."""
    return new_code_cell(
        f"# {says}\n{HIDE}\n{source.strip()}\n{SHOW}",
        metadata=mark(name, points=points),
    )


def checked(source: str) -> tuple[str, str]:
    """Return what a check cell looks at, and the name of its test."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check":
            function, test = node.args
            if isinstance(function, ast.Name) and isinstance(test, ast.Name):
                return function.id, test.id
    raise CourseError(f"a check cell must call check(function, test): {source[:60]!r}")


def statements(source: str) -> list[tuple[ast.stmt, str]]:
    """Return the statements of a cell, each with its lines."""
    lines = source.splitlines()
    found = []
    for node in ast.parse(source).body:
        first = min([node.lineno, *(d.lineno for d in _decorators(node))])
        found.append((node, "\n".join(lines[first - 1 : node.end_lineno])))
    return found


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])


def mentions(node: ast.AST, names: set[str]) -> bool:
    """Tell whether a piece of code names one of these, or defines it."""
    return any(
        getattr(inner, "id", getattr(inner, "name", "")) in names
        for inner in ast.walk(node)
    )


def check_cells(cell: NotebookNode, solved: str, points: int) -> list[NotebookNode]:
    """Return what a page's check becomes: one that is seen, and one with the points.

    Args:
        cell: The page's cell.
        solved: The cell of the gap, with its solution.
        points: What the gap is worth.
    """
    function, test = checked(cell.source)
    found = statements(cell.source)
    tests = [text for node, text in found if isinstance(node, ast.FunctionDef)]
    rest = [(n, text) for n, text in found if not isinstance(n, ast.FunctionDef)]
    shown = list(tests)
    for node, text in rest:
        spare = isinstance(node, ast.If) and mentions(node.test, {"check"})
        shown.append(f"check({function}, {test});" if spare else text)
    seen = SEEN.get(function, "\n\n\n".join(shown))
    handed_in = f"{function}_handed_in"
    source = "\n\n".join(
        [
            "from d2lib.book import check, close",
            *tests,
            f"{handed_in} = {function}",
            "# From here on the lab's own: each gap is graded alone.",
            solved,
            *([AFTER[function]] if function in AFTER else []),
            f"assert check({handed_in}, {test}), "
            f'"{function}: no points; the line above says what is wrong"',
        ]
    )
    says = f"{function}: {points} points, by tests that are put in when it is graded."
    return [
        new_code_cell(seen.rstrip(), metadata=mark(f"seen-{function}")),
        hidden(f"points-{function}", source, points, says),
    ]


def without_secrets(cell: NotebookNode, number: int) -> list[NotebookNode]:
    """Return a cell as it may be seen; what nobody may see before it, hidden."""
    found = statements(_plain(cell.source))
    secret = [text for node, text in found if mentions(node, SECRETS)]
    if not secret:
        return [cell]
    left = [text for node, text in found if not mentions(node, SECRETS)]
    says = "Hidden until it is graded: the lab's own world. Its film is on the page."
    cells = [hidden(f"reserve-{number}", "\n\n\n".join(secret), 0, says)]
    if left:  # first, since what is hidden may use it
        cells.insert(0, new_code_cell("\n\n\n".join(left)))
    return cells


def _plain(source: str) -> str:
    return re.sub(r"^# @title .*\n", "", source)


def lab(name: str, notebook: NotebookNode) -> Assignment:
    """Make an assignment of a lab's notebook, the solved one."""
    cells: list[NotebookNode] = []
    points: dict[str, int] = {}
    solved, holes, replaced = "", 0, 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            if cell.source.startswith(END):
                break
            source, count = RESERVE.subn(IN_ORDER, cell.source)
            source = re.sub(r" ?\(Folded: [^)]*\)", "", source)
            replaced += count
            cells.append(new_markdown_cell(source))
        elif "gap" in tags(cell):
            solved, holes = _plain(cell.source), len(GAP.findall(cell.source))
            cells.append(
                new_code_cell(
                    to_solve(solved),
                    metadata=mark(f"gap-{len(points) + 1}", solution=True),
                )
            )
            solved = re.sub(r"^[ \t]*# (?:fill in: .*|end)\n?", "", solved, flags=re.M)
        elif "check" in tags(cell):
            made = check_cells(
                new_code_cell(_plain(cell.source)), solved, POINTS * holes
            )
            points[made[-1].metadata.nbgrader.grade_id] = POINTS * holes
            cells += made
        else:
            kept = new_code_cell(_plain(cell.source))
            cells += without_secrets(kept, len(cells))
    last = next((c for c in reversed(cells) if is_graded(c)), None)
    if last is None:
        raise CourseError(f"{name}: its notebook has no cell tagged check")
    if replaced != 1:
        raise CourseError(f"{name}: where does it say what an open gap does? {RESERVE}")
    last.source = last.source.replace("assert check(", ENOUGH + "assert check(")
    total = sum(points.values())
    text = (
        f"*An assignment of {len(points)} gaps and {total} points.* Each gap says what "
        "it is worth. The cell below it says how you are doing; more tests are put in "
        "when it is graded. Leave the cells with tests as they are, and before you "
        "hand in, restart the kernel and run all cells."
    )
    return assignment(name, [new_markdown_cell(text), *cells], points, notebook)


def assignment(
    name: str, cells: list[NotebookNode], points: dict[str, int], like: NotebookNode
) -> Assignment:
    """Return an assignment of these cells, without outputs."""
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # the same at each build
    return Assignment(name, new_notebook(cells=cells, metadata=like.metadata), points)


def is_graded(cell: NotebookNode) -> bool:
    """Tell whether a cell has points."""
    return cell.metadata.get("nbgrader", {}).get("points", 0) > 0


# --- exercises ----------------------------------------------------------------


def open_exercises(notebook: NotebookNode) -> list[tuple[str, str]]:
    """Return title and text of the exercises of a page that have no solution."""
    found: list[list[str]] = []
    cells: list[NotebookNode | str] = []
    for cell in notebook.cells:
        cells += (
            re.split(r"^(?=#+ )", cell.source, flags=re.M)
            if (cell.cell_type == "markdown")
            else [cell]
        )
    inside, solved = False, False
    for piece in cells:
        if isinstance(piece, str):
            if piece.startswith("#"):
                inside = piece.lstrip("# ").startswith("Exercise ")
                if inside:
                    title, _, text = piece.partition("\n")
                    found.append([title.lstrip("# "), text.strip()])
                continue
            if inside and piece.strip():
                found[-1][1] += f"\n\n{piece.strip()}"
        elif inside:
            code = piece.source
            solved = "@title Solution" in code
            found[-1][1] += "" if solved else f"\n\n```python\n{code}\n```"
            if solved:
                found[-1][1] += "<summary>Solution"
    left = [(t, text) for t, text in found if "<summary>Solution" not in text]
    without = r" *(?:There is no solution here|This exercise has no solution here)\."
    return [(title, re.sub(without, "", text)) for title, text in left]


def exercises(name: str, pages: list[tuple[str, NotebookNode]]) -> Assignment:
    """Make an assignment of the exercises of a lecture that nobody can look up.

    Args:
        name: The assignment's.
        pages: Titles and notebooks of the lecture's pages.
    """
    text = (
        "# Exercises without a published solution\n\nEach asks for code and for words, "
        f"and each half is worth {POINTS} points, which a person gives. Import what "
        "you need where you need it; the package is the book's, `d2lib`."
    )
    cells, points = [new_markdown_cell(text)], {}
    for title, notebook in pages:
        for heading, asked in open_exercises(notebook):
            label = re.sub(r"\W+", "-", heading.lower()).strip("-")[:40]
            cells.append(new_markdown_cell(f"## {title}: {heading}\n\n{asked}"))
            for half, cell in (
                ("code", new_code_cell("# Your code")),
                ("words", new_markdown_cell("Your answer")),
            ):
                grade = f"{label}-{half}"
                points[grade] = POINTS
                cell.metadata = nbformat.from_dict(
                    mark(grade, points=POINTS, solution=True)
                )
                cells.append(cell)
    return assignment(name, cells, points, pages[0][1])


def assignments(site: Path = SITE, toc: Path = ROOT / "_toc.yml") -> list[Assignment]:
    """Return all assignments of the course."""
    made = [lab(name, notebook_of(page, site)) for name, page in LABS.items()]
    for number, (_, pages) in enumerate(lectures(toc), 1):
        notebooks = [(title_of(n), n) for n in (notebook_of(p, site) for p in pages)]
        made.append(exercises(f"exercises-{number}", notebooks))
    return made


def title_of(notebook: NotebookNode) -> str:
    """Return the title of a page's notebook."""
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    found = re.search(r"^# (.*)$", text, re.M)
    if found is None:
        raise CourseError("a notebook has no title")
    return found[1].strip()


def lectures(toc: Path) -> list[tuple[str, list[str]]]:
    """Return title and pages of each lecture."""
    return [
        (part.title, part.pages)
        for part in parts(toc)
        if re.match(r"chapters/\d-", part.pages[0])
    ]


# --- slides -------------------------------------------------------------------


def slides(title: str, pages: list[str], site: Path) -> str:
    """Return a lecture's figures with their captions as one HTML file.

    Args:
        title: The lecture's.
        pages: Its pages' names.
        site: The built site.
    """
    shown = [f"<h1>{html.escape(title)}</h1><p>Deep Learning, Twice</p>"]
    for page in pages:
        content = article(site, page)
        for tag in content.select(".headerlink, .section-number"):
            tag.decompose()
        for tag in content.select("mjx-container"):  # its MathML is enough
            if tag.math:
                tag.replace_with(tag.math.extract())
        assert content.h1 is not None
        name = content.h1.get_text(" ", strip=True)
        figures = [f for f in content.select("figure") if f.figcaption and f.img]
        for figure in figures:
            shown.append(slide(name, figure, site / page))
    soup = BeautifulSoup(
        "".join(f'<section tabindex="-1">{s}</section>' for s in shown), "html.parser"
    )
    for tag in soup.select("a"):  # to pages that the deck has not
        tag.unwrap()
    script, style = (
        (ROOT / "assets" / f"slides.{kind}").read_text(encoding="utf-8")
        for kind in ("js", "css")
    )
    return DECK.format(
        title=html.escape(title), style=style, script=script, body=soup.decode()
    )


def slide(name: str, figure: Tag, page: Path) -> str:
    """Return the slide of one figure, with its picture in it."""
    image = figure.img
    assert image is not None
    file = (page.parent / image["src"]).resolve()
    kind = mimetypes.guess_type(file.name)[0]
    data = base64.b64encode(file.read_bytes()).decode()
    heading = figure.find_previous(["h2", "h3"])
    where = heading.decode_contents() if heading else ""
    alt = html.escape(image.get("alt", ""), quote=True)
    caption = "".join(p.decode_contents() for p in figure.figcaption.find_all("p"))
    if figure.find_parent(attrs={"data-explorable": True}):
        caption += " On the page this picture can be driven."
    # A slide is wide: what is as high as it is wide has its caption beside it.
    tall = float(image.get("height", 0)) > 0.8 * float(image.get("width", 1))
    return (
        f"<h2><span>{html.escape(name)}</span> {where}</h2>"
        f'<figure class="{"tall" if tall else "wide"}">'
        f'<img alt="{alt}" src="data:{kind};base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


DECK = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
<nav aria-label="Slides">
<button type="button" id="back" aria-label="Previous slide">&#8592;</button>
<output id="at"></output>
<button type="button" id="on" aria-label="Next slide">&#8594;</button>
</nav>
<script>{script}</script>
</body>
</html>
"""


# --- the command --------------------------------------------------------------


def nbgrader(*arguments: str, course: Path = COURSE) -> str:
    """Run nbgrader in the course's folder; return what it says."""
    if not NBGRADER.exists():
        raise CourseError(f"there is no {NBGRADER}: run make course")
    environment = dict(os.environ)
    # The book's kernel, which has d2lib, before that of nbgrader's environment.
    environment["JUPYTER_PATH"] = str(Path(sys.prefix, "share", "jupyter"))
    # It calls alembic, and looks for it there.
    environment["PATH"] = os.pathsep.join([str(NBGRADER.parent), os.environ["PATH"]])
    environment |= {"D2LIB_PROGRESS": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [NBGRADER, *arguments],
        cwd=course,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise CourseError(f"nbgrader {' '.join(arguments)} failed:\n{done.stdout}")
    return done.stdout


def write(made: list[Assignment], course: Path = COURSE) -> None:
    """Write the assignments, and let nbgrader make the students' version of them."""
    for folder in ("source", "release"):
        shutil.rmtree(course / folder, ignore_errors=True)
    course.mkdir(parents=True, exist_ok=True)
    config = CONFIG.format(stub=STUB)
    (course / "nbgrader_config.py").write_text(config, encoding="utf-8")
    for one in made:
        folder = course / "source" / one.name
        folder.mkdir(parents=True)
        nbformat.write(one.notebook, folder / f"{one.name}.ipynb")
    for one in made:
        nbgrader("generate_assignment", one.name, "--force", course=course)


def main() -> int:
    """Write the course; return the exit code."""
    try:
        made = assignments()
        write(made)
        decks = COURSE / "slides"
        decks.mkdir(exist_ok=True)
        for number, (title, pages) in enumerate(lectures(ROOT / "_toc.yml"), 1):
            text = slides(f"Lecture {number}: {title}", pages, SITE)
            (decks / f"lecture-{number}.html").write_text(text, encoding="utf-8")
    except (CourseError, PDFError) as error:
        print(f"There is no course: {error}", file=sys.stderr)
        return 1
    print("The course is written: source/ is yours, release/ is the students'.")
    for one in made:
        total = sum(one.points.values())
        print(f"  {one.name:12} {len(one.points):3} parts, {total} points")
    print(f"  {COURSE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
