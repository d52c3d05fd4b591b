"""Let a reader edit and run the NumPy cells of a page in the page: *Edit and run here*.

The cells are taken from the page's source, those too that the page hides, and not from
its HTML. For each page a script `_static/edit-run/PAGE.js` has them, with what each
took when the book was built. Python itself (see pyodide_files.py), d2lib and what cells
use beside it lie in a few scripts for the whole site, each loaded when it is needed:

| script | what is in it |
|---|---|
| `core.js` | Python, NumPy, d2lib |
| `plot.js` | matplotlib |
| `mnist.js` | the digits |
| `rl.js`, `music.js`, `photos.js` | what pages use of packages that are here |

They are scripts that put base64 into a table, because a page that was opened from a
disk may load scripts, and nothing else.

A hidden cell tagged `exercise-check`, inside or behind the solution of an exercise, is
run after what a reader writes for that exercise. Its first line may be a comment
`# write: def name(arguments):`, which the reader sees.

Without Pyodide's files this extension does nothing.
"""

from __future__ import annotations

import ast
import base64
import gzip
import io
import json
import re
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docutils import nodes
from execution import NEEDS_MXNET, ROOT, cached, read
from gaps import open_gaps
from nbformat import NotebookNode
from plain import cells_in, names_read, needs_the_clone, without_bookkeeping
from pyodide_files import CORE, LOCK, found, script_of
from sphinx.application import Sphinx

IMPORTS = 0.5  # seconds: what imports take depends on the disk, and not on arithmetic
OWN = ROOT / "assets" / "edit-run"
NOT_SHOWN = {"remove-cell", "remove-input", "listing", "exercise-check"}
EXERCISE = re.compile(r"\{exercise(?:-start)?\}[^\n]*\n(?::[^\n]*\n)*?:label: *(\S+)")
SOLUTION = re.compile(r"\{solution-(?:start\} *(?P<label>\S+)|(?P<end>end)\})")
START = re.compile(r"^# write: *(.+)\n", re.MULTILINE)
NO_MXNET = (
    "raise ImportError(\n"
    '    "MXNet has no version for browsers: run this in the notebook, which "\n'
    '    "the download menu at the top offers"\n'
    ")\n"
)
#: The only data that no page carries: their owners have not said that anybody may.
NO_FACES = (
    "The crops of faces are not here: they are press photographs that come with "
    "scikit-image, without a licence to pass them on. The page's notebook, which the "
    "download menu at the top offers, reads them there"
)
#: What the pages read of packages that a page can't import as a whole.
TUNES = "corpus/oneills1850/*.abc"
PHOTOGRAPHS = ("*.png", "hubble_deep_field.jpg", "rocket.jpg")
MUSIC = "music21", "chardet", "joblib", "jsonpickle", "more_itertools", "webcolors"
RL = ("gymnasium", "cloudpickle", "farama_notifications", "typing_extensions")


# --- the cells of a page ------------------------------------------------------


def tags(cell: NotebookNode) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", []))


def only_imports(source: str) -> bool:
    """Tell whether a cell imports and does nothing with it but call `use_style()`."""
    return all(
        isinstance(statement, ast.Import | ast.ImportFrom)
        or (isinstance(statement, ast.Expr) and "use_style" in ast.unparse(statement))
        for statement in ast.parse(source).body
    )


def export(page: NotebookNode, costs: list[float]) -> dict[str, Any]:
    """Return what the page's script has: its NumPy cells and its exercises.

    Args:
        page: The page as `execution.read` returns it.
        costs: What each of its code cells took, in seconds; empty if nobody knows.
    """
    code = [cell for cell in page.cells if cell.cell_type == "code"]
    taken = iter(costs if len(costs) == len(code) else [None] * len(code))
    cells: list[dict[str, Any]] = []
    exercises: list[dict[str, Any]] = []
    solution = last = ""
    for index, cell in enumerate(page.cells):
        if cell.cell_type != "code":
            for mark in re.finditer(
                f"{EXERCISE.pattern}|{SOLUTION.pattern}", cell.source
            ):
                if mark[1]:
                    exercises.append({"label": mark[1], "before": index})
                else:
                    last, solution = solution, mark["label"] or ""
                    last = solution or last
            continue
        seconds = next(taken)
        if tags(cell) & NEEDS_MXNET:
            continue
        if "exercise-check" in tags(cell):
            for exercise in exercises:
                if exercise["label"] == (solution or last):
                    start = START.search(cell.source)
                    exercise["check"] = cell.source
                    exercise["start"] = start[1] if start else ""
            continue
        entry: dict[str, Any] = {"index": index, "code": cell.source}
        if seconds is not None:
            most = IMPORTS if only_imports(cell.source) else seconds
            entry["seconds"] = round(min(seconds, most), 3)
        if "gap" in tags(cell):
            entry |= {"code": open_gaps(cell.source), "solution": cell.source}
        if tags(cell) & NOT_SHOWN:
            entry["hidden"] = True
        if "listing" in tags(cell):
            entry["listing"] = True
        if "load_faces(" in cell.source:
            entry["lacks"] = f"{NO_FACES}."
        if "remove-cell" in tags(cell):
            later = [
                c for c in code[code.index(cell) + 1 :] if not tags(c) & NEEDS_MXNET
            ]
            entry["code"] = without_bookkeeping(cell.source, names_read(later))
        if solution:
            entry["of"] = solution
        if entry["code"].strip():
            cells.append(entry)
    return {"cells": cells, "exercises": exercises}


# --- the scripts of the site --------------------------------------------------


def packed(files: dict[str, bytes]) -> bytes:
    """Return files as a zip, the same bytes for the same files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def tree(folder: Path, patterns: tuple[str, ...], inside: str) -> dict[str, bytes]:
    """Return the files of a folder by the names that they get in a zip."""
    return {
        f"{inside}/{file.relative_to(folder).as_posix()}": file.read_bytes()
        for pattern in patterns
        for file in folder.glob(pattern)
        if file.is_file()
    }


def package(name: str, *patterns: str) -> dict[str, bytes]:
    """Return files of an installed package, or module; {} if it is not here."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return {}
    origin = Path(spec.origin)
    if origin.name != "__init__.py":
        return {origin.name: origin.read_bytes()}
    return tree(origin.parent, patterns or ("**/*.py",), name)


def of_d2lib() -> dict[str, bytes]:
    """Return d2lib, without data, without faces, and without what needs MXNet."""
    files = tree(ROOT / "d2lib", ("**/*.py", "book/*.json"), "d2lib")
    files = {n: data for n, data in files.items() if not n.startswith("d2lib/mx/")}
    instead = f"\n\ndef load_faces(*_, **__):\n    raise DataError({NO_FACES!r})\n"
    files["d2lib/data/faces.py"] += instead.encode()
    return files | {"d2lib/mx/__init__.py": NO_MXNET.encode()}


def of_others() -> dict[str, dict[str, bytes]]:
    """Return what is carried beside Pyodide and d2lib, by the script it comes in."""
    others = {"mnist": tree(ROOT / "d2lib" / "data", ("*.gz",), "d2lib/data")}
    others["rl"] = {n: d for name in RL for n, d in package(name).items()}
    music = {n: d for name in MUSIC for n, d in package(name).items()}
    # Parts that music21 imports and nothing here asks for are there, and empty.
    unused = re.compile(
        r"music21/(corpus/(?!oneills1850)|alpha/|test/(?!testRunner))|(?<!21)/tests?/"
    )
    empty = {f"music21/{part}/__init__.py": b"" for part in ("alpha", "test")}
    others["music"] = {n: d for n, d in music.items() if not unused.search(n)}
    others["music"] |= package("music21", TUNES) | empty
    # scikit-image is never imported: d2lib reads the photographs from its folder.
    folder = [f"data/{pattern}" for pattern in PHOTOGRAPHS]
    if photographs := package("skimage", *folder):
        from d2lib.data.photographs import _SKIMAGE

        wanted = {f"skimage/data/{file}" for file, _ in _SKIMAGE.values()}
        photographs = {n: d for n, d in photographs.items() if n in wanted}
        others["photos"] = photographs | {"skimage/__init__.py": b""}
    return {name: files for name, files in others.items() if files}


def script(name: str, files: dict[str, bytes], group: dict[str, list[str]]) -> str:
    """Return a script that puts files into the page's table, as base64."""
    entries = {}
    for file, data in files.items():
        zipped = file.endswith((".zip", ".whl"))
        data = data if zipped else gzip.compress(data, 9, mtime=0)
        entries[file] = [int(not zipped), base64.b64encode(data).decode()]
    return (
        f"d2run.take({json.dumps(name)}, {json.dumps(group)}, {json.dumps(entries)});\n"
    )


def scripts(pyodide: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """Return the scripts of the site by their names."""
    lock = json.loads(pyodide[LOCK])
    wheels = script_of(lock)
    core = {name: pyodide[name] for name in (*CORE, LOCK)}
    core |= {name: (OWN / name).read_bytes() for name in ("cells.py", "worker.js")}
    core["d2lib.zip"] = packed(of_d2lib())
    for name, more, zips in (("core", core, ["d2lib.zip"]), ("plot", {}, [])):
        own = {wheel: pyodide[wheel] for wheel, to in wheels.items() if to == name}
        names = [n for n, e in lock["packages"].items() if e["file_name"] in own]
        yield name, script(name, more | own, {"wheels": names, "zips": zips})
    for name, files in of_others().items():
        zipped = {f"{name}.zip": packed(files)}
        yield name, script(name, zipped, {"zips": list(zipped)})


# --- in the build -------------------------------------------------------------


def look(app: Sphinx) -> None:
    """Look for Pyodide's files once; the rest of the build asks `app.pyodide`."""
    app.pyodide = found() if app.builder.name == "html" else None


def page_of(app: Sphinx, docname: str) -> NotebookNode | None:
    """Return a page's notebook if cells of it can run in the page, else None."""
    page = read(Path(app.env.doc2path(docname)), Path(app.srcdir))
    if page is None:
        return None
    code = [cell for cell in page.cells if cell.cell_type == "code"]
    code = [cell for cell in code if not tags(cell) & NEEDS_MXNET]
    return page if code and not needs_the_clone(code) else None


def offer(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the button under a page's title, and name its cells for the script."""
    page = page_of(app, docname) if app.pyodide else None
    if page is None:
        return
    for cell in cells_in(doctree):
        cell["classes"].append(f"d2run-{cell['cell_index']}")
    button = (
        '<p class="d2run-bar d-print-none"><button type="button" class="d2run-start '
        'sd-btn sd-btn-outline-primary">Edit and run here</button></p>'
        "<noscript><style>.d2run-bar{display:none}</style></noscript>"
    )
    title = next(doctree.findall(nodes.title))
    title.parent.insert(
        title.parent.index(title) + 1, nodes.raw("", button, format="html")
    )
    source = Path(app.env.doc2path(docname))
    executed = cached(source, Path(app.srcdir))
    exported = export(page, executed.costs if executed else [])
    target = Path(app.outdir, "_static", "edit-run", f"{docname}.js")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"d2run.page({json.dumps(exported)});\n", encoding="utf-8")


def add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Load the small script that waits for the button, and for other scripts."""
    if app.pyodide:
        has_cells = Path(app.outdir, "_static", "edit-run", f"{pagename}.js").exists()
        cells = {"data-cells": pagename} if has_cells else {}
        app.add_js_file("edit-run.js", loading_method="defer", **cells)


def write_scripts(app: Sphinx, exception: Exception | None) -> None:
    """Write the scripts of the site."""
    if exception is None and app.pyodide:
        folder = Path(app.outdir, "_static", "edit-run")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in scripts(app.pyodide):
            (folder / f"{name}.js").write_text(text, encoding="ascii")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("builder-inited", look)
    app.connect("doctree-resolved", offer)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
