"""*Edit and run here*: the files, what is exported of a page, what a reader does."""

from __future__ import annotations

import ast
import base64
import gzip
import hashlib
import io
import json
import os
import tarfile
import zipfile
from types import SimpleNamespace

import edit_run
import pyodide_files
import pytest
import site_checks as checks
from execution import ROOT, pages
from firefox import firefox
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from d2lib.data import DataError

NAMES = [page.relative_to(ROOT).with_suffix("").as_posix() for page in pages()]
ALWAYS = [
    *("chapters/1-foundations/perceptron", "chapters/appendix/errata"),
    *("chapters/index", "chapters/4-reinforcement/learning-by-doing"),
]
QUICK = 0.5  # seconds at build time: such cells must run in a page
SLOW = 20.0  # what took more is not run here for those that need it: they are missed
SHARE = 0.95
SCRIPT = 6_000  # bytes of what is loaded before the click
site_group = pytest.mark.xdist_group("site")


# --- the files ----------------------------------------------------------------


def tgz(files):
    """Return a package as npm packs it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return made.getvalue()


@pytest.fixture
def few(tmp_path, monkeypatch):
    """A Pyodide of a few bytes: its folder, complete."""
    monkeypatch.delenv("PYODIDE", raising=False)
    monkeypatch.setattr(
        pyodide_files, "PACKAGES", {"core": ("numpy",), "plot": ("six",)}
    )
    wheels = {"numpy.whl": b"numpy", "six.whl": b"six"}
    lock = {
        "info": {},
        "packages": {
            name: {
                "file_name": f"{name}.whl",
                "sha256": hashlib.sha256(name.encode()).hexdigest(),
                "depends": ["numpy", "fonttools"],
            }
            for name in ("numpy", "six", "pandas")
        },
    }
    core = {name: name.encode() for name in pyodide_files.CORE}
    packed = tgz(core | {pyodide_files.LOCK: json.dumps(lock).encode()})
    digest = base64.b64encode(hashlib.sha512(packed).digest()).decode()
    monkeypatch.setattr(pyodide_files, "INTEGRITY", digest)
    folder = tmp_path / "pyodide"
    folder.mkdir()
    (folder / f"pyodide-{pyodide_files.VERSION}.tgz").write_bytes(packed)
    for name, data in wheels.items():
        (folder / name).write_bytes(data)
    return folder


def test_files_that_are_here_are_not_brought_again(few, monkeypatch):
    monkeypatch.setattr(pyodide_files, "run", None)
    assert pyodide_files.bring(few) == ""
    files = pyodide_files.found(few)
    lock = json.loads(files[pyodide_files.LOCK])
    assert sorted(lock["packages"]) == ["numpy", "six"]
    assert lock["packages"]["six"]["depends"] == ["numpy"]
    assert files["numpy.whl"] == b"numpy"


def test_files_that_are_not_what_the_lock_names_are_refused(few, monkeypatch):
    (few / "six.whl").write_bytes(b"another")
    assert pyodide_files.found(few) is None

    def pip(command, folder):
        with zipfile.ZipFile(folder / "bag.whl", "w") as bag:
            bag.writestr("deep/inside/six.whl", b"another still")

    monkeypatch.setattr(pyodide_files, "run", pip)
    assert "six.whl is not the file" in pyodide_files.bring(few)
    assert (few / "six.whl").read_bytes() == b"another"


def test_a_missing_wheel_is_taken_from_the_bag_or_the_named_folder(
    few, monkeypatch, tmp_path
):
    def pip(command, folder):
        with zipfile.ZipFile(folder / "bag.whl", "w") as bag:
            bag.writestr("deep/inside/six.whl", b"six")

    monkeypatch.setattr(pyodide_files, "run", pip)
    (few / "six.whl").unlink()
    assert pyodide_files.bring(few) == ""
    (few / "six.whl").unlink()
    own = tmp_path / "own"
    own.mkdir()
    (own / "six.whl").write_bytes(b"six")
    monkeypatch.setattr(pyodide_files, "run", None)
    monkeypatch.setenv("PYODIDE", str(own))
    assert pyodide_files.bring(few) == ""
    assert pyodide_files.found(few)["six.whl"] == b"six"


def test_a_core_that_is_not_what_npm_states_is_refused(few, monkeypatch):
    archive = few / f"pyodide-{pyodide_files.VERSION}.tgz"
    archive.write_bytes(archive.read_bytes() + b"more")
    monkeypatch.setattr(pyodide_files.shutil, "which", lambda name: None)
    assert pyodide_files.found(few) is None
    assert pyodide_files.bring(few) == "there is no npm, which brings Pyodide"


def test_a_client_that_fails_says_why_in_one_line(few, monkeypatch):
    (few / "six.whl").unlink()
    monkeypatch.setattr(pyodide_files, "BAG", "no such thing")
    reason = pyodide_files.bring(few)
    assert "error" in reason.lower()
    assert "\n" not in reason


def test_without_the_files_pages_stay_as_they_are(monkeypatch, tmp_path):
    monkeypatch.setenv("PYODIDE", "none")
    assert pyodide_files.bring(tmp_path) == "PYODIDE=none"
    app = SimpleNamespace(builder=SimpleNamespace(name="html"), outdir=tmp_path)
    edit_run.look(app)
    assert app.pyodide is None
    edit_run.offer(app, None, "page")  # touches nothing: there is no page
    edit_run.add_script(app, "page", "", {}, None)
    edit_run.write_scripts(app, None)
    assert list(tmp_path.iterdir()) == []


# --- what is exported ---------------------------------------------------------


def code(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)})


PAGE = new_notebook(
    cells=[
        new_markdown_cell("# Page"),
        code("import numpy as np"),
        code("mx.nothing()", "mxnet"),
        code("x = 1\nassert x\nglue('x', x)", "remove-cell"),
        code("assert x", "remove-cell"),
        code("y = x", "hide-input"),
        code("listing(scratch.mse)", "numpy", "listing"),
        code("def f():\n    # fill in: one\n    return 1\n    # end", "gap"),
        new_markdown_cell(
            ":::{exercise-start} A drill\n:label: ex-drill\n:::\nWhat?\n"
            ":::{exercise-end}\n:::\n\n:::{solution-start} ex-drill\n:label: sol\n:::"
        ),
        code("def g(x): return x"),
        code("# write: def g(x):\ncheck(g, test);", "exercise-check", "remove-cell"),
        new_markdown_cell(":::{solution-end}\n:::\n\n# More"),
        code("x"),
    ]
)


def test_the_numpy_cells_are_exported_with_what_they_took():
    costs = [0.1 * number for number in range(10)]
    cells = edit_run.export(PAGE, costs)["cells"]
    by = {cell["index"]: cell for cell in cells}
    assert sorted(by) == [1, 3, 5, 6, 7, 9, 12]  # no MXNet, nothing that only checks
    assert by[3] == {"index": 3, "code": "x = 1", "seconds": 0.2, "hidden": True}
    assert by[6]["listing"]
    assert "hidden" not in by[5]
    assert by[7]["code"] == "def f():\n    ...  # fill in: one"
    assert "return 1" in by[7]["solution"]
    assert by[9]["of"] == "ex-drill"
    assert "of" not in by[12]
    assert by[12]["seconds"] == 0.9
    assert all("seconds" not in cell for cell in edit_run.export(PAGE, [])["cells"])


def test_a_cell_that_only_imports_is_not_slow():
    page = new_notebook(cells=[code("import gymnasium\nplotting.use_style()")])
    assert edit_run.export(page, [3.0])["cells"][0]["seconds"] == edit_run.IMPORTS
    page.cells[0].source += "\nfit(model)"
    assert edit_run.export(page, [3.0])["cells"][0]["seconds"] == 3.0


def test_an_exercise_knows_its_check():
    (exercise,) = edit_run.export(PAGE, [])["exercises"]
    assert exercise["label"] == "ex-drill"
    assert exercise["before"] == 8
    assert exercise["start"] == "def g(x):"
    assert exercise["check"].endswith("check(g, test);")


def test_d2lib_is_carried_without_data_and_says_why_there_is_no_mxnet():
    files = edit_run.of_d2lib()
    assert "d2lib/scratch/losses.py" in files
    assert "d2lib/book/evidence.json" in files
    assert not any(name.endswith(".gz") for name in files)
    assert [name for name in files if name.startswith("d2lib/mx/")] == [
        "d2lib/mx/__init__.py"
    ]
    with pytest.raises(ImportError, match="no version for browsers"):
        exec(files["d2lib/mx/__init__.py"])


def test_a_cell_says_that_the_faces_are_not_there():
    page = new_notebook(cells=[code("faces = load_faces(seed=0)"), code("faces")])
    first, second = edit_run.export(page, [])["cells"]
    assert "without a licence" in first["lacks"]
    assert "lacks" not in second
    carried = {"__name__": "d2lib.data.faces"}
    exec(edit_run.of_d2lib()["d2lib/data/faces.py"], carried)
    with pytest.raises(DataError, match="without a licence"):
        carried["load_faces"](seed=0)


# --- in a browser -------------------------------------------------------------


@pytest.fixture(scope="session")
def python(site):
    """The site, if it has Python in it."""
    if not (site / "_static" / "edit-run" / "core.js").exists():
        pytest.skip(pyodide_files.bring() or "the site was built without Pyodide")
    return site


def exported(site, name):
    """Return what a page's script has."""
    file = site / "_static" / "edit-run" / f"{name}.js"
    if not file.exists():
        return None
    text = file.read_text(encoding="utf-8")
    return json.loads(text.removeprefix("d2run.page(").removesuffix(");\n"))


class Reader:
    """Somebody who edits and runs cells of a page."""

    def __init__(self, opened):
        self.opened, self.page = opened, opened.page

    def start(self):
        self.page.locator(".d2run-start").click()
        self.page.locator(".d2run-editor").first.wait_for(state="attached")
        return self

    def own(self, text):
        """Open a cell at the end of the page."""
        self.page.evaluate("code => d2run.open(code).then(() => {})", text)
        return self.page.locator(".d2run-own .d2run-editor").last

    def press(self, editor):
        editor.get_by_role("button", name="Run:").click()

    def run(self, editor, text=None):
        """Run a cell to its end; return what it says and what it shows."""
        if text is not None:
            editor.locator("textarea").fill(text)
        self.page.evaluate(
            """() => { window.ran = false;
              document.addEventListener("d2run", () => { window.ran = true }) }"""
        )
        self.press(editor)
        sure = editor.get_by_role("button", name="Run it all the same")
        if sure.count():
            sure.click()
        self.page.wait_for_function("window.ran", timeout=240_000)
        return self.said(editor), self.shown(editor)

    def said(self, editor):
        return editor.locator(".d2run-said").inner_text()

    def shown(self, editor):
        return editor.evaluate(
            "node => node.closest('.cell').querySelector('.d2run-output').innerText"
        )


@pytest.fixture
def reader(opened, python):
    """Open a page from the disk, in a browser that may keep nothing."""
    return lambda name, address=None, script=checks.NO_STORAGE: Reader(
        opened(address or (python / f"{name}.html").as_uri(), script)
    )


def only_own(visit):
    """Return the requests that leave the site, from a disk too."""
    return [
        url
        for url in visit.requests
        if not url.startswith(("file:", "data:", "blob:", "http://127.0.0.1"))
    ]


@site_group
def test_little_is_loaded_before_the_click(python, reader, address):
    met = reader("", f"{address}/{ALWAYS[0]}.html", script=None)
    own = [url for url in met.opened.requests if "edit-run" in url]
    assert len(own) == 1
    script = (python / "_static" / "edit-run.js").read_bytes()
    assert len(gzip.compress(script)) < SCRIPT
    met.start()
    assert any("edit-run-page.js" in url for url in met.opened.requests)
    said, shown = met.run(met.own("1 + 1"))
    assert shown.strip() == "2"
    assert "Done" in said
    assert checks.check_errors(met.opened) == []
    assert only_own(met.opened) == []


@site_group
def test_a_cell_is_edited_run_and_reset(reader):
    met = reader(ALWAYS[0]).start()
    page = met.page
    assert page.locator(".d2run-mxnet").count() > 0
    editor = page.locator(".d2run-editor:visible").nth(1)  # the lecture's neuron
    area = editor.locator("textarea")
    built = editor.evaluate(
        "n => n.closest('.cell').querySelector('.cell_output').innerText"
    )
    text = area.input_value()
    area.fill(
        text.replace("w_0, W, x = 1.0", "w_0, W, x = 11.0").replace("assert", "# ")
    )
    area.press("Shift+Enter")
    cell = "xpath=ancestor::*[contains(concat(' ', @class, ' '), ' cell ')][1]"
    shown = editor.locator(cell).locator(".d2run-output")
    shown.get_by_text("z = 4").wait_for(timeout=120_000)
    editor.get_by_role("button", name="Reset").click()
    assert area.input_value() == text
    assert not shown.is_visible()
    visible = editor.evaluate(
        "n => [...n.closest('.cell').querySelectorAll('.cell_output')]"
        ".filter(o => !o.hidden).map(o => o.innerText).join('')"
    )
    assert visible == built
    # Tab indents, Escape and Tab leave.
    area.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    # A figure takes the place of the one that was built, under its caption.
    figure = page.locator(".cell:has(figure) .d2run-editor").first
    figure.evaluate("n => { n.closest('details').open = true }")
    met.run(figure)
    drawn = figure.evaluate(
        "n => { const o = n.closest('.cell').querySelector('.d2run-output');"
        "return [o.querySelector('img').src, o.innerText, o.querySelector('img').alt] }"
    )
    assert drawn[0].startswith("blob:")
    assert "Two hundred students" in drawn[1]
    assert "as built it was" in drawn[2]
    page.locator(".d2run-start").click()
    assert page.locator(".d2run-editor").count() == 0
    assert only_own(met.opened) == []


@site_group
def test_what_a_reader_may_type(reader):
    met = reader(ALWAYS[0])
    cell = met.own("")
    said, shown = met.run(cell, "x = (1\n")
    assert shown.startswith("SyntaxError: '(' was never closed (line 1 of the cell)")
    assert "ended in an error" in said
    _, shown = met.run(cell, "def f():\n    return 1 / 0\n\nf()")
    assert shown.startswith("ZeroDivisionError: division by zero (line 2 of the cell)")
    _, shown = met.run(cell, "for i in range(1_000_000):\n    print(i)")
    assert "998,000 more lines are not shown" in shown
    _, shown = met.run(
        cell, "import numpy as np\nk = [np.ones(2**25) for _ in range(64)]"
    )
    assert shown.startswith(("MemoryError", "Python ran out of memory"))
    _, shown = met.run(cell, "%timeit 1")
    assert "is a command of notebooks" in shown
    _, shown = met.run(cell, "from d2lib import mx")
    assert "MXNet has no version for browsers" in shown
    _, shown = met.run(cell, "from IPython.display import HTML\nHTML('<b>bold</b>')")
    assert shown.strip() == "bold"
    _, shown = met.run(cell, "1;")
    assert shown.strip() == ""
    # An endless loop: the page lives, and Stop ends it at once.
    cell.locator("textarea").fill("while True:\n    pass")
    met.press(cell)
    cell.locator(".d2run-said").get_by_text("Running").wait_for()
    cell.get_by_role("button", name="Stop").click()
    assert "Stopped" in met.said(cell)
    _, shown = met.run(cell, "print(__name__)")
    assert shown.strip() == "__main__"
    assert only_own(met.opened) == []


PRODUCTS = """
import numpy as np
plain, rng = np.matmul.__wrapped__, np.random.default_rng(0)
for shapes in [((9, 400), (400, 70)), ((3, 50, 90), (90, 40)), ((70, 80), (80,)),
               ((2, 90, 40), (2, 40, 90)), ((0, 90), (90, 40)), ((600, 600), (600, 1))]:
    for dtype in (np.float32, np.float64, np.int32):
        a, b = (rng.normal(0, 9, shape).astype(dtype) for shape in shapes)
        y, close = plain(a, b), 1e-4 if dtype == np.float32 else 1e-12
        for found in (a @ b, np.matmul(a, b), np.matmul(a, b, out=np.empty_like(y))):
            assert found.dtype == y.dtype and found.shape == y.shape
            assert np.allclose(found, y, close, close * 1e3)
        if a.ndim == b.ndim == 2:
            assert np.allclose(b.T @ a.T, y.T, close, close * 1e3)
            assert np.allclose(np.dot(a, b), y, close, close * 1e3)
            c, d = a[::-1, ::2], b[::2]
            assert np.allclose(c @ d, plain(c, d), close, close * 1e3)
a = rng.normal(size=(90, 90))
y = plain(a, a)
assert np.allclose(a @ a, y) and np.allclose(np.matmul(a, a, out=a), y)
a[3] = np.nan
assert np.isnan((a @ a)[3]).all()
b = rng.normal(size=(4, 90, 30))
assert np.allclose(np.dot(a[:2], b), np.dot.__wrapped__(a[:2], b))
assert np.dot(a[0], a[0]) == np.dot.__wrapped__(a[0], a[0])
from d2lib.scratch import layers, tensor
assert np.allclose((tensor(y) @ tensor(y)).data, plain(y, y), 1e-4, 0.1)
print(type(layers.__loader__).__name__)
y @ y[1:]
"""


@site_group
def test_products_are_numpys(reader):
    """In a page they take another way, also within d2lib."""
    met = reader(ALWAYS[0])
    _, shown = met.run(met.own(""), PRODUCTS)
    assert shown.split()[:4] == ["Loader", "ValueError:", "matmul:", "Input"], shown
    assert f"(line {PRODUCTS.count(chr(10))} of the cell)" in shown


CARRIED = """
import gymnasium
from d2lib.data import load_mnist, load_photograph
from d2lib.music import check_abc
print(check_abc("X:1\\nM:4/4\\nL:1/8\\nK:D\\nABcd efga|").valid)
print(gymnasium.make("CartPole-v1").reset(seed=0)[0].shape)
print(load_photograph("astronaut").ndim, type(load_mnist()).__name__)
"""


@site_group
def test_what_a_page_carries_is_complete(reader):
    """An update of a package may import a part of itself that was left out."""
    met = reader(ALWAYS[0])
    _, shown = met.run(met.own(""), CARRIED)
    assert "True\n(4,)\n3 MNIST" in shown, shown


@site_group
def test_a_cell_that_takes_long_says_so_first(reader):
    met = reader(ALWAYS[0]).start()
    editor = met.page.locator(".d2run-editor:visible").first
    met.page.evaluate("d2run.exported.cells[0].seconds = 8")
    met.press(editor)
    assert "some 10 times slower: that may be 8" in met.said(editor)
    editor.get_by_role("button", name="Leave it").click()
    met.page.evaluate("d2run.exported.cells[0].seconds = 60")
    met.press(editor)
    assert "10 minutes" in met.said(editor)
    assert "notebook" in met.said(editor)
    editor.get_by_role("button", name="Run it all the same").wait_for()


@site_group
def test_how_long_a_cell_may_take_is_learnt_from_those_that_have_run(reader):
    met = reader(ALWAYS[0]).start()
    first, second = (met.page.locator(".d2run-editor:visible").nth(i) for i in (0, 1))
    met.page.evaluate("d2run.exported.cells[0].seconds = 5")
    assert "Done" in met.run(first)[0]
    met.page.evaluate("d2run.exported.cells[1].seconds = 12")
    met.press(second)
    assert "slower" not in met.said(second)  # by the first guess it is 2 minutes
    second.locator(".d2run-said").get_by_text("Done").wait_for(timeout=120_000)


@site_group
def test_an_exercise_is_checked(reader):
    met = reader("chapters/1-foundations/backpropagation").start()
    editor = met.page.locator("#ex-backpropagation-softplus .d2run-editor")
    start = editor.locator("textarea").input_value()
    assert start.startswith("def softplus(z):")
    _, shown = met.run(editor)
    assert "not filled in yet" in shown
    right = (
        "def softplus(z):\n    slope = scratch.sigmoid(z.data).data\n    return "
        "node('softplus', np.logaddexp(0, z.data), (z,), lambda g: (g * slope,))"
    )
    _, shown = met.run(editor, right.replace("g * slope", "g * slope * slope"))
    assert "not right yet" in shown
    _, shown = met.run(editor, right)
    assert shown.strip() == "softplus: passed"
    _, shown = met.run(editor, "pass")
    assert "passed" in shown  # it is still there
    free = met.page.locator("#ex-backpropagation-drill .d2run-editor textarea")
    assert free.input_value() == ""


@site_group
@pytest.mark.scheduled
def test_a_gap_is_offered_open_and_checked(reader):
    met = reader("chapters/2-sequences/music").start()
    gap = met.page.locator(".cell.tag_gap .d2run-editor").first
    assert "...  # fill in:" in gap.locator("textarea").input_value()
    check = met.page.locator(".cell.tag_check .d2run-editor").first
    check.evaluate("n => { n.closest('details').open = true }")
    _, shown = met.run(check)
    assert "not filled in yet" in shown
    gap.get_by_role("button", name="Fill in the solution").click()
    met.run(gap)
    _, shown = met.run(check)
    assert shown.strip().endswith(": passed")


# --- every cell ---------------------------------------------------------------

RUN = """async cells => {
  await d2run.open("");
  const log = {};
  await new Promise(done => d2run.quietly(
    cells.map(c =>
      ({ key: c.index, code: c.code, name: `cell ${c.index}`, quiet: false })),
    message => {
      if (message.ended !== undefined)
        log[message.ended] = message.error ? message.error.error : "";
      if (message.fatal) log.fatal = message.fatal;
      if (message.done || message.fatal) done();
    }));
  return log;
}"""


def names_of(cell):
    """Return the names that a cell gives values."""
    return {
        next(filter(None, (getattr(node, k, None) for k in ("id", "asname", "name"))))
        for node in ast.walk(ast.parse(cell["code"]))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        or isinstance(node, ast.alias)
    }


def judged(cells, log):
    """Return how many quick cells ran, and which did not, with the reason."""
    slow = {n for c in cells if c.get("seconds", 0) > SLOW for n in names_of(c)}
    quick = [c for c in cells if c.get("seconds", 0) < QUICK]
    missed = []
    for cell in quick:
        error = log.get(str(cell["index"]), log.get("fatal", "it was not run"))
        if not error:
            continue
        why = f"cell {cell['index']}: {error.splitlines()[0]}"
        name = error.split("'")[1] if error.startswith("NameError") else ""
        if name in slow:
            slow |= names_of(cell)  # and so do those that wait for this one
            why += ", which takes too long"
        missed.append(why)
    return len(quick) - len(missed), missed


def run_all(met, cells):
    """Run the cells of a page that are not too slow; return what is `judged`."""
    todo = [cell for cell in cells if cell.get("seconds", 0) <= SLOW]
    return judged(cells, met.page.evaluate(RUN, todo))


@site_group
def test_a_cell_that_does_not_run_is_listed(reader):
    """And one that waits for a cell that is too slow is told apart."""
    cells = [
        {"index": 1, "code": "x = 1", "seconds": 0.1},
        {"index": 2, "code": "slow = 1", "seconds": 21.0},
        {"index": 3, "code": "1 / 0", "seconds": 0.1},
        {"index": 4, "code": "slow + x", "seconds": 0.1},
        {"index": 5, "code": "y = 1", "seconds": 19.0},
        {"index": 6, "code": "y + x", "seconds": 0.1},
    ]
    ran, missed = run_all(reader(ALWAYS[0]), cells)
    assert ran == 2
    assert missed == [
        "cell 3: ZeroDivisionError: division by zero",
        "cell 4: NameError: name 'slow' is not defined, which takes too long",
    ]


@site_group
@pytest.mark.parametrize("name", ALWAYS)
def test_quick_cells_run_unchanged(name, reader, python):
    ran, missed = run_all(reader(name), exported(python, name)["cells"])
    assert ran >= SHARE * (ran + len(missed)), missed


@site_group
@pytest.mark.scheduled
def test_quick_cells_of_all_pages_run_unchanged(reader, python):
    chosen = os.environ.get("PAGES", "").split()
    total, missed = 0, []
    for name in NAMES:
        page = exported(python, name)
        if page is None or (chosen and not name.endswith(tuple(chosen))):
            continue
        met = reader(name)
        ran, problems = run_all(met, page["cells"])
        checks.close(met.opened)
        total += ran + len(problems)
        missed += [f"{name}, {problem}" for problem in problems]
        print(f"{name}: {ran} ran, {len(problems)} did not", flush=True)
    share = 1 - len(missed) / total
    print(
        f"{share:.1%} of {total} cells ran unchanged; these did not:", *missed, sep="\n"
    )
    assert share >= SHARE, missed


FIREFOX = """
document.querySelector(".d2run-start").click();
while (!document.querySelector(".d2run-editor"))
  await new Promise(done => setTimeout(done, 50));
const editors = [...document.querySelectorAll(".d2run-editor")];
const editor = editors.filter(e => e.offsetParent)[1];
const ran = new Promise(done =>
  document.addEventListener("d2run", done, { once: true }));
editor.querySelector("textarea").value = "print(np.arange(3) * 2)";
editor.querySelector("button").click();
await ran;
return [editor.closest(".cell").querySelector(".d2run-output").innerText,
        performance.getEntriesByType("resource").map(entry => entry.name)];
"""


@site_group
@pytest.mark.scheduled
def test_firefox_runs_cells_from_the_disk(python):
    with firefox() as page:
        if page is None:
            pytest.skip("there is no Firefox")
        page.goto((python / f"{ALWAYS[0]}.html").as_uri())
        shown, requests = page.run(FIREFOX)
    assert shown.strip() == "[0 2 4]"
    assert all(url.startswith(("file:", "data:", "blob:")) for url in requests)
