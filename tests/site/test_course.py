"""The course: labs and exercises as nbgrader has them, and no solution in any."""

from __future__ import annotations

import copy
import csv
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import course
import nbformat
import pytest
from axe import check_axe
from execution import ROOT
from gaps import GAP, tags
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

pytestmark = pytest.mark.xdist_group("site")

CUT = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION", re.M | re.S
)
HIDDEN = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS\n.*?^[ \t]*### END HIDDEN TESTS\n?", re.M | re.S
)
# Lines of a solution that the lab itself shows elsewhere, to teach with.
TAUGHT = {
    "with dl.record():",  # how either twin records, wherever it does
    "J.backward()",
    "z = slide(dl, model, picture)",  # the call of a function that is given
    "super().reset(seed=seed)",  # what the text says that it is for
    # The page's check of the last gap asks for all windows in this way.
    "every = np.lib.stride_tricks.sliding_window_view(picture[0], (SIDE, SIDE))",
}


def released(notebook):
    """What nbgrader makes of an assignment for students: two kinds of lines are cut."""
    made = copy.deepcopy(notebook)
    for cell in made.cells:
        cell.source = HIDDEN.sub("", CUT.sub(rf"\1{course.STUB}", cell.source))
    return made


def secrets(page):
    """The lines of code that solve the gaps of a page's notebook."""
    found = set()
    for cell in page.cells:
        if "gap" in tags(cell):
            for gap in GAP.finditer(cell.source):
                found |= set(gap["solution"].splitlines())
        if "check" in tags(cell):
            for node, text in course.statements(course._plain(cell.source)):
                if not isinstance(node, course.ast.FunctionDef):
                    found |= set(text.splitlines()[1:])  # what is in reserve
        if "class Spare" in cell.source:
            text = cell.source.split("class Spare")[1].split("\n\n\n")[0]
            found |= set(text.splitlines()[1:])
    found = {line.strip() for line in found}
    return {x for x in found if len(x) > 4 and not x.startswith(("def ", "class "))}


def leaks(text, lines):
    """The lines of a solution that are in a students' notebook, as its file has it."""
    told = {"rng = np.random.default_rng(seed)", "return dl.Sequential("} | TAUGHT
    return sorted(
        line
        for line in lines - told
        if json.dumps(line, ensure_ascii=False)[1:-1] in text
    )


@pytest.fixture(scope="module")
def labs(site):
    """Each lab's page as a notebook, and the assignment made of it."""
    found = {}
    for name, page in course.LABS.items():
        solved = course.notebook_of(page, site)
        found[name] = solved, course.lab(name, solved)
    return found


@pytest.fixture
def page():
    gap = "def twice(x):\n    # fill in: two times x\n    return 2 * x\n    # end"
    check = (
        "def doubles(twice):\n    close(twice(4), 8, 'twice 4')\n\n\n"
        "if not check(twice, doubles):\n\n    def twice(x):\n        return x + x"
    )
    return new_notebook(
        cells=[
            new_markdown_cell(
                "# A lab\n\nIf you leave a gap open, the lab goes on with its own."
            ),
            new_code_cell("from d2lib.book import check, close"),
            new_code_cell(gap, metadata={"tags": ["gap"]}),
            new_code_cell(check, metadata={"tags": ["check"]}),
            new_markdown_cell("## What goes wrong\n\nA near miss."),
            new_code_cell("def twice(x):\n    return x + 2"),
        ]
    )


class TestALab:
    def test_a_gap_becomes_three_cells(self, page):
        made = course.lab("lab", page)
        gap, seen, points = made.notebook.cells[-3:]
        assert made.points == {"points-twice": 5}
        assert gap.metadata.nbgrader.solution
        assert not gap.metadata.nbgrader.locked
        assert seen.metadata.nbgrader.locked
        assert not seen.metadata.nbgrader.grade
        assert points.metadata.nbgrader.grade
        assert points.metadata.nbgrader.points == 5

    def test_its_text_says_what_an_open_gap_does_here(self, page):
        text = course.lab("lab", page).notebook.cells[1].source
        assert "graded alone" in text
        assert "its own" not in text
        page.cells[0].source = "# A lab"
        with pytest.raises(course.CourseError, match="where does it say"):
            course.lab("lab", page)

    def test_students_see_no_solution(self, page):
        students = released(course.lab("lab", page).notebook)
        text = "\n".join(cell.source for cell in students.cells)
        assert "    # fill in: two times x\n    " + course.STUB in text
        assert "check(twice, doubles);" in text
        for secret in ("2 * x", "x + x", "x + 2"):
            assert secret not in text

    @pytest.mark.parametrize(
        ("answer", "passes"),
        [("return 2 * x", True), ("return x + 2", False), (course.STUB, False)],
    )
    def test_points_are_given_for_what_is_right(self, page, answer, passes, capsys):
        shell = SimpleNamespace(input_transformers_post=[])
        names = {"get_ipython": lambda: shell}
        for cell in course.lab("lab", page).notebook.cells:
            if cell.cell_type != "code":
                continue
            source = CUT.sub(rf"\1{answer}", cell.source)
            if "points-" in cell.metadata.get("nbgrader", {}).get("grade_id", ""):
                if passes:
                    exec(source, names)
                else:
                    with pytest.raises(AssertionError, match="twice: no points"):
                        exec(source, names)
            else:
                exec(source, names)
        # What follows has a right one, whatever was handed in.
        assert names["twice"](5) == 10
        assert shell.input_transformers_post[0](["train for an hour"]) == []

    def test_what_solves_a_gap_in_reserve_is_hidden(self, page):
        page.cells.insert(
            1, new_code_cell("class Spare:\n    a = 1\n\n\nb = Spare().a")
        )
        students = released(course.lab("lab", page).notebook)
        assert "a = 1" not in nbformat.writes(students)
        assert "Spare()" not in nbformat.writes(students)

    def test_a_check_that_checks_nothing_is_an_error(self, page):
        page.cells[3].source = "print(twice(2))"
        with pytest.raises(course.CourseError, match="must call check"):
            course.lab("lab", page)


def test_the_labs_have_all_their_gaps(labs):
    for page, made in labs.values():
        holes = sum(len(GAP.findall(c.source)) for c in page.cells if "gap" in tags(c))
        assert sum(made.points.values()) == course.POINTS * holes
        ids = [
            cell.metadata.nbgrader.grade_id
            for cell in made.notebook.cells
            if "nbgrader" in cell.metadata
        ]
        assert len(ids) == len(set(ids))
        for cell in made.notebook.cells:
            assert not cell.get("outputs")


def test_no_solution_is_in_what_students_get(labs):
    for name, (page, made) in labs.items():
        lines = secrets(page)
        assert len(lines) > 15
        assert not leaks(nbformat.writes(released(made.notebook)), lines), name


def test_a_solution_that_is_there_is_found(labs):
    page, made = labs["lab-music"]
    planted = released(made.notebook)
    planted.cells[3].metadata["note"] = "counts = np.full((tokens, tokens), 0.1)"
    assert len(leaks(nbformat.writes(planted), secrets(page))) == 1
    assert leaks(nbformat.writes(made.notebook), secrets(page))  # the lecturer's


def test_exercises_are_those_without_a_solution(site):
    made = [m for m in course.assignments(site) if m.name.startswith("exercises")]
    asked = sum(len(one.points) for one in made) // 2
    text = "".join(
        file.read_text(encoding="utf-8")
        for file in (ROOT / "chapters").glob("[1-4]-*/*.md")
    )
    labels = set(re.findall(r"^:label: *(ex-\S+)$", text, re.M))
    solved = set(re.findall(r"\{solution-start\} *(\S+)", text))
    assert asked == len(labels - solved)
    for one in made:
        text = nbformat.writes(one.notebook)
        assert "Solution" not in text
        assert "no solution here" not in text


def test_slides_are_one_file(site):
    title, pages = course.lectures(ROOT / "_toc.yml")[0]
    deck = course.slides(title, pages[1:2], site)
    assert deck.count("<figure") == deck.count("<figcaption") > 3
    assert not re.search(r'(?:src|href)="(?!data:)', deck)
    assert "\\(" not in deck
    assert 'class="tall"' in deck


def test_formulas_in_the_titles_of_slides_are_formulas(site):
    deck = course.slides("A lecture", ["chapters/2-sequences/attention"], site)
    titles = re.findall(r"<h2>.*?</h2>", deck, re.S)
    assert any("<math" in title for title in titles)
    assert not any("$" in title for title in titles)
    assert "this picture can be driven" in deck


def test_slides_turn_by_keys_and_buttons(site, browser, tmp_path):
    deck = course.slides(
        "A lecture",
        ["chapters/1-foundations/perceptron"],
        site,
    )
    file = tmp_path / "deck.html"
    file.write_text(deck, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(file.as_uri())
    shown = page.locator("main > section:visible")
    assert shown.count() == 1
    assert shown.locator("h1").inner_text() == "A lecture"
    page.keyboard.press("ArrowRight")
    assert shown.get_attribute("aria-label").startswith("Slide 2 of")
    assert shown.locator("figcaption").is_visible()
    page.get_by_role("button", name="Next slide").click()
    assert page.url.endswith("#3")
    page.keyboard.press("Home")
    assert shown.locator("h1").count() == 1
    page.keyboard.press("End")
    for _ in range(2):  # it stays at the last one
        page.keyboard.press("PageDown")
    size = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert size[0] <= size[1]
    page.close()


@pytest.mark.scheduled
@pytest.mark.parametrize("number", range(4))
def test_axe_finds_nothing_on_any_slide(number, site, browser, tmp_path):
    title, pages = course.lectures(ROOT / "_toc.yml")[number]
    file = tmp_path / "deck.html"
    file.write_text(course.slides(title, pages, site), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(file.as_uri())
    slides = page.locator("main > section").count()
    problems = []
    for at in range(1, slides + 1):
        assert page.locator("main > section:visible").count() == 1
        problems += [f"slide {at}: {problem}" for problem in check_axe(page)]
        page.keyboard.press("ArrowRight")
    page.close()
    assert slides > 20
    assert problems == []


# --- with nbgrader itself -----------------------------------------------------

WRONG = {
    "lab-music": {
        # A window too few; a share of all instead of each row's; no clipping.
        "cut": ("n = (len(codes) - 1) // length", "n = (len(codes) - 1) // length - 1"),
        "follows": ("counts.sum(axis=1, keepdims=True)", "counts.sum()"),
        "training_step": ("dl.clip_gradients(model.parameters(), 1.0)", "pass"),
    },
    "lab-faces": {
        "patches": ("picture.shape[1] - SIDE + 1", "picture.shape[1] - SIDE"),
        "overlap": (".clip(0)", ""),
        "nms": ("<= threshold", "> threshold"),
    },
    "lab-world": {
        "move": ("height = height + DT * speed", "height = height + speed"),
        "Lander": ("self.fuel -= burns", "pass"),
        "Shaped": ("after = 0.0 if over else", "after ="),
    },
}


@pytest.fixture(scope="session")
def nbgrader():
    """The environment of `make course`."""
    if not course.NBGRADER.exists():
        subprocess.run([ROOT / "requirements" / "install-course.sh"], check=True)
    return course.NBGRADER


def hand_in(folder, student, notebook):
    target = folder / "submitted" / student / notebook[0]
    target.mkdir(parents=True)
    nbformat.write(notebook[1], target / f"{notebook[0]}.ipynb")


def filled_in(students, made, wrong=None):
    """The students' notebook with the lab's own solutions, or one of them wrong."""
    notebook = copy.deepcopy(students)
    solved = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in made.notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    old, new = wrong or ("", "")
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution"):
            source = re.sub(r"^ *### .*\n?", "", solved[about.grade_id], flags=re.M)
            if wrong and old in source:
                source = source.replace(old, new)
            cell.source = source
    return notebook


@pytest.mark.scheduled
@pytest.mark.parametrize("name", course.LABS)
def test_nbgrader_gives_the_points(name, labs, nbgrader, tmp_path):
    page, made = labs[name]
    course.write([made], tmp_path)
    file = tmp_path / "release" / name / f"{name}.ipynb"
    text = file.read_text(encoding="utf-8")
    assert not leaks(text, secrets(page))
    students = nbformat.reads(text, as_version=4)
    assert nbformat.writes(released(made.notebook)).count(course.STUB) == text.count(
        course.STUB
    )

    total = sum(made.points.values())
    wanted = {"solved": total, "empty": 0}
    hand_in(tmp_path, "solved", (name, filled_in(students, made)))
    hand_in(tmp_path, "empty", (name, students))
    for gap, wrong in WRONG[name].items():
        wanted[gap.lower()] = total - made.points[f"points-{gap}"]
        hand_in(tmp_path, gap.lower(), (name, filled_in(students, made, wrong)))
    course.nbgrader("autograde", name, "--create", course=tmp_path)
    course.nbgrader("export", course=tmp_path)
    with (tmp_path / "grades.csv").open(encoding="utf-8") as grades:
        found = {
            row["student_id"]: float(row["score"]) for row in csv.DictReader(grades)
        }
    assert found == wanted


@pytest.mark.scheduled
def test_nbgrader_releases_the_exercises(site, nbgrader, tmp_path):
    made = [m for m in course.assignments(site) if m.name.startswith("exercises")]
    course.write(made, tmp_path)
    for one in made:
        text = (tmp_path / "release" / one.name / f"{one.name}.ipynb").read_text()
        assert text.count("YOUR ANSWER HERE") == len(one.points) // 2
    shutil.rmtree(tmp_path / "release")
    assert Path(tmp_path, "gradebook.db").is_file()
