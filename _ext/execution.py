"""Execute the pages of the book: several at a time, once, for the build and the tests.

MyST-NB executes a page while it reads it, one page after the other, and keeps the
outputs in a jupyter-cache that looks at the page's cells alone. This module

- keeps that cache in a folder named after everything else that an output depends on
  (`d2lib/`, the locked requirements, the results of `make bench`, the Python
  version), so that a change there executes the pages again;
- executes the pages that are not cached two at a time before the book is read;
- lets the tests ask for the same executions, and for a second run without MXNet.

As a command, `python _ext/execution.py [page ...]`, it executes these pages, or every
page of `_toc.yml`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import yaml
from filelock import FileLock
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).resolve().parent.parent
KEPT_CACHES = 6  # folders of caches; the oldest is deleted when there are more
WITHOUT_MXNET = ROOT / "tests" / "chapters" / "without_mxnet"
NEEDS_MXNET = {"mxnet", "twins"}  # cells with these tags are left out without MXNet
# One thread a page: two pages run side by side, and sums come out the same each time.
# Nobody watches a progress bar in a built page.
KERNEL_ENVIRONMENT = {
    "D2LIB_PROGRESS": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}

ANSI_CODE = re.compile(r"\x1b\[[0-9;]*m")


class PageError(Exception):
    """A cell of a page failed. The message names the page and the cell."""


class Execution(NamedTuple):
    """A page's executed code cells, and the seconds that they took when they ran."""

    cells: list[NotebookNode]
    seconds: float
    cached: bool


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
        *sorted((root / "requirements").glob("*.txt")),
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


def execute(page: Path, root: Path = ROOT, *, mxnet: bool = True) -> Execution | None:
    """Execute a page in a fresh kernel, or return the cached execution.

    Args:
        page: A page's source file.
        root: The book's folder, with its `_config.yml`.
        mxnet: False hides MXNet and leaves out the cells that are tagged as needing
            it.

    Returns:
        The executed cells, or None for a page without code.

    Raises:
        PageError: If a cell fails, takes too long or ends the kernel.
    """
    notebook = read(page, root)
    if notebook is None:
        return None
    environment = KERNEL_ENVIRONMENT | os.environ
    if not mxnet:
        notebook.cells = [
            cell
            for cell in notebook.cells
            if not NEEDS_MXNET & set(cell.metadata.get("tags", []))
        ]
        paths = [str(WITHOUT_MXNET), os.environ.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))

    folder = cache_folder(root, mxnet=mxnet)
    cache = open_cache(folder)
    name = "-".join(page.relative_to(root).with_suffix("").parts)
    with FileLock(folder / f"{name}.lock"):
        try:
            record = cache.match_cache_notebook(notebook)
        except KeyError:
            pass
        else:
            _, executed = cache.merge_match_into_notebook(notebook)
            return Execution(
                [c for c in executed.cells if c.cell_type == "code"],
                record.data["execution_seconds"],
                cached=True,
            )
        seconds = run(notebook, page, timeout(notebook, root), environment)
        cache.cache_notebook_bundle(
            CacheBundleIn(notebook, str(page), data={"execution_seconds": seconds}),
            check_validity=False,
            overwrite=True,
        )
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return Execution(cells, seconds, cached=False)


def run(
    notebook: NotebookNode, page: Path, timeout: int, environment: dict[str, str]
) -> float:
    """Run a notebook's cells in place and return the seconds that they took."""
    started: list[NotebookNode] = []
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,  # it writes into the cells, and the cache would miss
        resources={"metadata": {"path": str(page.parent)}},
        startup_timeout=180,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        on_cell_execute=lambda cell, cell_index: started.append(cell),
    )
    start = time.perf_counter()
    try:
        client.execute(env=environment)
    except (CellExecutionError, CellTimeoutError, RuntimeError) as error:
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        number = [c is started[-1] for c in code].index(True) + 1 if started else 1
        reason = ANSI_CODE.sub("", str(error)).strip()
        if code[number - 1].source not in reason:
            reason = f"{code[number - 1].source}\n\n{reason}"
        raise PageError(
            f"{page}: code cell {number} of {len(code)} failed\n\n{reason}"
        ) from error
    return time.perf_counter() - start


def execute_all(pages: list[Path], root: Path = ROOT) -> list[str]:
    """Execute pages, as many at a time as there are cores; return what went wrong."""

    def failure(page: Path) -> str | None:
        try:
            execution = execute(page, root)
        except PageError as error:
            return str(error)
        if execution is not None:
            took = "cached" if execution.cached else f"{execution.seconds:.1f} s"
            print(f"executed {page.relative_to(root)} ({took})", flush=True)
        return None

    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        return [message for message in pool.map(failure, pages) if message]


def use_keyed_cache(app: Sphinx, config: object) -> None:
    """Point MyST-NB at the cache that belongs to the code as it is now."""
    app.config.nb_execution_cache_path = str(cache_folder(Path(app.srcdir)))


def execute_changed(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute the pages that Sphinx is about to read."""
    failures = execute_all([Path(env.doc2path(d)) for d in docnames], Path(app.srcdir))
    if failures:
        raise ExtensionError("\n\n".join(failures))


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", use_keyed_cache)
    app.connect("env-before-read-docs", execute_changed)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def main(arguments: list[str]) -> int:
    """Execute the given pages, or every page of `_toc.yml`; return the exit code."""
    named = [Path(argument).resolve() for argument in arguments]
    if not named:
        failures = execute_all(pages())
    elif missing := [page for page in named if not page.is_file()]:
        failures = [f"there is no page {page}" for page in missing]
    else:
        root = next(p for p in named[0].parents if (p / "_config.yml").exists())
        failures = execute_all(named, root)
    if failures:
        print("\n\n".join(failures), file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
