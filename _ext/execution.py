"""Execute the pages of the book: several at a time, once, for the build and the tests.

MyST-NB executes a page while it reads it, one page after the other, and keeps the
outputs in a jupyter-cache that looks at the page's cells alone. This module

- keeps that cache in a folder named after everything else that an output depends on
  (`d2lib/`, the locked requirements, the results of `make bench`, the Python
  version), so that a change there executes the pages again;
- executes the pages that are not cached two at a time before the book is read;
- lets the tests ask for the same executions, and for a second run without MXNet;
- keeps what failed beside what ran, so that a reader whose machine disagrees with one
  cell still gets the rest of the page (`failures.py` marks it) and of the book.

As a command, `python _ext/execution.py [page ...]`, it executes these pages, or every
page of `_toc.yml`, and ends with a list of the cells that failed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil
import yaml
from calibration import REFERENCE
from filelock import FileLock
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbformat import NotebookNode
from nbformat.v4 import new_output
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).resolve().parent.parent
COURSE_LOCK = "requirements/course.txt"
KEPT_CACHES = 6  # folders of caches; the oldest is deleted when there are more
BUDGET, LAB_BUDGET = 45, 150  # seconds of one processor, a page's and a lab's
WITHOUT_MXNET = ROOT / "tests" / "chapters" / "without_mxnet"
NEEDS_MXNET = {"mxnet", "twins"}  # cells with these tags are left out without MXNet
# One thread a page: two pages run side by side, and sums come out the same each time.
# Nobody watches a progress bar in a built page; the figures' style is matplotlib's own.
KERNEL_ENVIRONMENT = {
    "D2LIB_PROGRESS": "0",
    "IPYTHONDIR": str(ROOT / "_build" / ".ipython"),
    "MATPLOTLIBRC": str(
        Path(importlib.util.find_spec("matplotlib").origin).parent
        / "mpl-data"
        / "matplotlibrc"
    ),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
# What a user may have set for other programs changes threads, kernels, figures or what
# Python imports. It must not change the book.
NOT_FROM_THE_USER = (
    *("BLIS_", "D2LIB_", "DMLC_", "DNNL_", "GOMP_", "IPYTHON", "KMP_", "MKL_", "MPL"),
    *("MATPLOTLIB", "MXNET_", "NPY_", "NUMEXPR_", "OMP_", "ONEDNN_", "OPENBLAS_"),
    *("PYTHON", "VECLIB_"),
)
# But for these: on some processors an older OpenBLAS computes wrong results without.
FROM_THE_USER = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

ANSI_CODE = re.compile(r"\x1b\[[0-9;]*m")

logger = getLogger(__name__)


class PageError(Exception):
    """A cell of a page failed. The message names the page and the cell."""


class Failure(NamedTuple):
    """A code cell that failed: which one, counted from 1, and what it said."""

    page: Path
    cell: int
    cells: int
    source: str
    line: int  # of the page's file; 0 if it is not known
    error: str
    traceback: str

    def __str__(self) -> str:
        line = f" (line {self.line})" if self.line else ""
        return f"{self.page}: code cell {self.cell} of {self.cells}{line}: {self.error}"

    def report(self) -> str:
        """Return all there is to say, as the tests and the build print it."""
        source = "" if self.source in self.traceback else f"{self.source}\n\n"
        return (
            f"{self.page}: code cell {self.cell} of {self.cells} failed\n\n"
            f"{source}{self.traceback}"
        )


class Execution(NamedTuple):
    """A page's executed code cells, and what they took when they ran.

    Attributes:
        cells: The code cells, with their outputs.
        seconds: By the clock.
        cost: Seconds of one processor, as the machine would take that the budgets are
            stated for: what the kernel used, divided by how long a small piece of work
            took just before.
        cached: Whether they ran earlier.
        failures: What failed.
        costs: What each of the cells took of that cost; empty if nobody measured it.
    """

    cells: list[NotebookNode]
    seconds: float
    cost: float
    cached: bool
    failures: list[Failure]
    costs: list[float]


def pages(root: Path = ROOT) -> list[Path]:
    """Return the source files of all pages of `_toc.yml`, in reading order."""
    site_map = parse_toc_yaml(root / "_toc.yml")
    names: list[str] = []

    def visit(name: str) -> None:
        names.append(str(name))
        for subtree in site_map[name].subtrees:
            for item in subtree.items:
                if str(item) in site_map:
                    visit(str(item))

    visit(site_map.root.docname)
    return [root / f"{name.removesuffix('.md')}.md" for name in names]


def read(page: Path, root: Path = ROOT) -> NotebookNode | None:
    """Return a page as the notebook that MyST-NB will see, None if it is only text."""
    text = page.read_text(encoding="utf-8")
    if not is_myst_markdown_notebook(text):
        return None
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    extensions = set(config["parse"]["myst_enable_extensions"])
    return read_myst_markdown_notebook(
        text, config=MdParserConfig(enable_extensions=extensions), path=page
    )


def timeout(notebook: NotebookNode, root: Path = ROOT) -> int:
    """Return the seconds that a cell of this page may take."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    default = config["execute"]["timeout"]
    return notebook.metadata.get("mystnb", {}).get("execution_timeout", default)


def cache_folder(root: Path = ROOT, *, mxnet: bool = True) -> Path:
    """Return the folder of the executions that are valid for the code as it is now."""
    files = [
        *sorted((root / "d2lib").rglob("*")),
        # But for nbgrader's own environment, in which no page runs.
        *sorted(set((root / "requirements").glob("*.txt")) - {root / COURSE_LOCK}),
        *(root / "benchmarks" / n for n in ("report.py", "results.json")),
    ]
    digest = hashlib.sha256(platform.python_version().encode())
    for file in files:
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(root)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    name = digest.hexdigest()[:16] + ("" if mxnet else "-without-mxnet")
    return root / "_build" / ".jupyter_cache" / name


def open_cache(folder: Path) -> JupyterCacheBase:
    """Open the cache in a folder, making it first, and delete caches long unused."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "open.lock"):
        cache = get_cache(folder)
        cache.db  # noqa: B018  (makes the database, which two processes must not)
    os.utime(folder)
    others = [f for f in folder.parent.iterdir() if f.is_dir()]
    others.sort(key=lambda f: f.stat().st_mtime, reverse=True)
    for old in others[KEPT_CACHES:]:
        shutil.rmtree(old, ignore_errors=True)
    return cache


def kernel_environment(*, mxnet: bool = True, **more: str) -> dict[str, str]:
    """Return the environment in which every page runs, whatever the user has set.

    Args:
        mxnet: False hides MXNet.
        more: variables for this run alone; they come last.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in FROM_THE_USER or not name.startswith(NOT_FROM_THE_USER)
    }
    environment = kept | KERNEL_ENVIRONMENT | more
    if not mxnet:
        paths = [str(WITHOUT_MXNET), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment


def cells_to_run(notebook: NotebookNode, *, mxnet: bool = True) -> NotebookNode:
    """Leave out, in place, the cells that need MXNet where there is none."""
    if not mxnet:
        notebook.cells = [
            cell
            for cell in notebook.cells
            if not NEEDS_MXNET & set(cell.metadata.get("tags", []))
        ]
    return notebook


def cached(page: Path, root: Path = ROOT, *, mxnet: bool = True) -> Execution | None:
    """Return the cached execution of a page as it is now, None if there is none."""
    notebook = read(page, root)
    if notebook is None:
        return None
    notebook = cells_to_run(notebook, mxnet=mxnet)
    return match(open_cache(cache_folder(root, mxnet=mxnet)), notebook, page)


def match(
    cache: JupyterCacheBase, notebook: NotebookNode, page: Path
) -> Execution | None:
    """Return the execution of a notebook that a cache holds, None if it has none."""
    try:
        record = cache.match_cache_notebook(notebook)
    except KeyError:
        return None
    _, executed = cache.merge_match_into_notebook(notebook)
    cells = [c for c in executed.cells if c.cell_type == "code"]
    seconds, cost = record.data["execution_seconds"], record.data["cost"]
    costs = record.data.get("costs", [])
    return Execution(cells, seconds, cost, True, failures(page, cells), costs)


def execute(
    page: Path, root: Path = ROOT, *, mxnet: bool = True, tolerant: bool = False
) -> Execution | None:
    """Execute a page in a fresh kernel, or return the cached execution.

    An execution in which a cell failed is kept for the build, and repeated here.

    Args:
        page: A page's source file.
        root: The book's folder, with its `_config.yml`.
        mxnet: False hides MXNet and leaves out the cells that are tagged as needing
            it.
        tolerant: True goes on after a cell that fails, and returns what failed.

    Returns:
        The executed cells, or None for a page without code.

    Raises:
        PageError: If a cell fails, takes too long or ends the kernel, unless tolerant.
    """
    notebook = read(page, root)
    if notebook is None:
        return None
    notebook = cells_to_run(notebook, mxnet=mxnet)
    folder = cache_folder(root, mxnet=mxnet)
    cache = open_cache(folder)
    name = "-".join(page.relative_to(root).with_suffix("").parts)
    with FileLock(folder / f"{name}.lock"):
        found = match(cache, notebook, page)
        if found is not None and not found.failures:
            return found
        environment = kernel_environment(mxnet=mxnet)
        limit = timeout(notebook, root)
        unit = calibrate() / REFERENCE
        seconds, used = run(notebook, page, limit, environment, tolerant=tolerant)
        costs = [round(one / unit, 4) for one in used]
        data = {"execution_seconds": seconds, "cost": sum(costs), "costs": costs[1:]}
        cache.cache_notebook_bundle(
            CacheBundleIn(notebook, str(page), data=data),
            check_validity=False,
            overwrite=True,
        )
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = failures(page, cells)
    return Execution(cells, seconds, data["cost"], False, found, data["costs"])


def calibrate() -> float:
    """Return how long the small piece of work of `calibration.py` takes just now."""
    work = ROOT / "_ext" / "calibration.py"
    command = [sys.executable, str(work)]
    return float(subprocess.check_output(command, env=kernel_environment(), text=True))


def run(
    notebook: NotebookNode,
    page: Path,
    timeout: int,
    environment: dict[str, str],
    *,
    tolerant: bool = False,
) -> tuple[float, list[float]]:
    """Run a notebook's cells in place.

    Returns:
        The seconds that they took by the clock, and those of processor time: of the
        kernel until it was ready, then of each code cell.

    Raises:
        PageError: At the first cell that fails, unless tolerant. Then it goes on, as
            long as the kernel lives, and each cell that failed has its error as output.
    """
    client = Client(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,  # it writes into the cells, and the cache would miss
        resources={"metadata": {"path": str(page.parent)}},
        startup_timeout=180,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        shutdown_kernel="immediate",  # it may be busy for ever
    )
    client.tolerant, client.used = tolerant, []
    # IPython warns if it cannot make its folder there, as on a fresh clone.
    Path(environment["IPYTHONDIR"]).parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    try:
        client.execute(env=environment)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        raise PageError(failures(page, code)[0].report()) from error
    return time.perf_counter() - start, client.used


class Client(NotebookClient):
    """Executes a notebook; if tolerant, it goes on after a cell that fails."""

    tolerant = False
    kernel_is_gone = False
    used: list[float]  # seconds of processor time: of the start, then of each code cell

    async def async_execute_cell(
        self, cell: NotebookNode, cell_index: int, **options: object
    ) -> NotebookNode:
        """Execute a cell; its error becomes one of its outputs."""
        if cell.cell_type != "code":
            return cell
        if not self.used:
            self.used.append(self.processor_seconds())
        if self.kernel_is_gone:
            self.used.append(0.0)
            return cell
        try:
            await super().async_execute_cell(cell, cell_index, **options)
            self.used.append(self.processor_seconds() - sum(self.used))
        except CellExecutionError:  # it is among the outputs already
            self.used.append(self.processor_seconds() - sum(self.used))
            if not self.tolerant:
                raise
        except (CellTimeoutError, DeadKernelError) as error:
            said = str(error).strip().splitlines()
            cell.outputs.append(
                new_output(
                    "error", ename=type(error).__name__, evalue=said[0], traceback=said
                )
            )
            self.kernel_is_gone = True
            self.used.append(0.0)
            if not self.tolerant:
                raise
        return cell

    def processor_seconds(self) -> float:
        """Return what the kernel has used up to now."""
        return sum(psutil.Process(self.km.provisioner.pid).cpu_times()[:4])


def failures(page: Path, cells: list[NotebookNode]) -> list[Failure]:
    """Return what failed among a page's executed code cells."""
    found = []
    for number, cell in enumerate(cells, 1):
        for output in cell.outputs:
            if output.output_type == "error":
                traceback = ANSI_CODE.sub("", "\n".join(output.traceback)).strip()
                error = f"{output.ename}: {output.evalue}".strip(": ").split("\n")[0]
                at = re.search(r"^(?:Cell In\[.*?\], |.*?)line (\d+)", traceback, re.M)
                first = first_line(page, cells, number)
                line = first + int(at[1]) - 1 if at and first else first
                found.append(
                    Failure(
                        page, number, len(cells), cell.source, line, error, traceback
                    )
                )
    return found


def first_line(page: Path, cells: list[NotebookNode], number: int) -> int:
    """Return the line of the page at which a cell's code begins, 0 if it is not there.

    Cells follow each other in the page, so each is looked for after the one before.
    """
    text, at = page.read_text(encoding="utf-8"), 0
    for cell in cells[:number]:
        found = text.find(f"\n{cell.source}\n", at)
        if found < 0:
            return 0
        start, at = found + 1, found + len(cell.source)
    return text.count("\n", 0, start) + 1


def execute_all(pages: list[Path], root: Path = ROOT) -> list[Failure]:
    """Execute pages, as many at a time as there are cores; return what failed."""

    def work(page: Path) -> list[Failure]:
        execution = execute(page, root, tolerant=True)
        if execution is None:
            return []
        took = "cached" if execution.cached else f"{execution.seconds:.1f} s"
        bad = f", {len(execution.failures)} cells failed" if execution.failures else ""
        print(f"executed {page.relative_to(root)} ({took}{bad})", flush=True)
        return execution.failures

    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        return [failure for found in pool.map(work, pages) for failure in found]


def use_keyed_cache(app: Sphinx, config: object) -> None:
    """Point MyST-NB at the cache that belongs to the code as it is now."""
    app.config.nb_execution_cache_path = str(cache_folder(Path(app.srcdir)))


def execute_changed(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute the pages that Sphinx is about to read; warn of what failed in them."""
    root = Path(app.srcdir)
    changed = [Path(env.doc2path(name)) for name in docnames]
    found = {page: cached(page, root) for page in changed}
    failed = [
        f for execution in found.values() if execution for f in execution.failures
    ]
    failed += execute_all([page for page in changed if found[page] is None], root)
    for failure in failed:
        logger.warning(failure.report(), type="execution")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", use_keyed_cache)
    app.connect("env-before-read-docs", execute_changed)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def main(arguments: list[str]) -> int:
    """Execute the given pages, or every page of `_toc.yml`; return the exit code."""
    named = [Path(argument).resolve() for argument in arguments]
    if missing := [page for page in named if not page.is_file()]:
        print(*(f"there is no page {page}" for page in missing), file=sys.stderr)
        return 1
    root = ROOT
    if named:
        root = next(p for p in named[0].parents if (p / "_config.yml").exists())
    failed = execute_all(named or pages(), root)
    if failed:
        print("\n\n".join(f.report() for f in failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
