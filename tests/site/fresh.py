"""Run the notebooks to download as a reader does: in a fresh environment, elsewhere.

As a command, `python tests/site/fresh.py [page ...]`, it runs those of the built site,
all of them or those of the pages that are named, first with all the extras that the
README names, then in an environment without MXNet. `make test-notebooks` builds the
site and does so; `make test` runs the four of `SAMPLE`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
# Light ones: plain text and code, figures, both twins, solutions.
SAMPLE = [
    "chapters/1-foundations/perceptron",
    "chapters/1-foundations/losses",
    "chapters/1-foundations/backpropagation",
    "chapters/appendix/errata",
]
PACKAGE = ["pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT", "MANIFEST.in"]
EVERYTHING = ("mxnet", "plot", "music", "photos", "rl")
TIMEOUT = 900  # seconds a cell; a lab trains for minutes where others run beside it
NONE = "NOTEBOOKS=none"
ADVICE = (
    "The notebooks' test makes a fresh environment, and pip could not: it needs a "
    f"network, or leave the test out with make test {NONE}."
)
ANSI_CODE = re.compile(r"\x1b\[[0-9;]*m")


class NoEnvironment(Exception):
    """The environment could not be made; the message says what to do."""


def left_out() -> bool:
    """Tell whether whoever runs the tests wants these left out."""
    return os.environ.get("NOTEBOOKS", "").lower() == "none"


def environment(folder: Path, extras: tuple[str, ...], root: Path = ROOT) -> Path:
    """Make an environment with the package as the README says; return its Python.

    Args:
        folder: Where, outside of the clone.
        extras: The package's extras.
        root: The clone. It is copied, so that nothing is built in it.

    Raises:
        NoEnvironment: pip could not install the package.
    """
    copy = folder / "package"
    shutil.copytree(root / "d2lib", copy / "d2lib")
    for name in PACKAGE:
        if (root / name).exists():
            shutil.copy(root / name, copy)
    home = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = [f"{copy}[{','.join(extras)}]" if extras else str(copy), "ipykernel"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "install", "-q"),
            *("--disable-pip-version-check", *wanted),
        ],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    shutil.rmtree(copy)
    if done.returncode:
        raise NoEnvironment(f"{done.stdout.strip()}\n\n{ADVICE}")
    return python


class OneKernel(KernelSpecManager):
    """Knows one kernel, that of the fresh environment."""

    python = ""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the kernel."""
        command = [self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        command.append("--IPKernelApp.log_level=ERROR")
        return KernelSpec(argv=command, display_name="fresh", language="python")


def run(file: Path, python: Path, folder: Path, **variables: str) -> str:
    """Run all cells of a notebook; return what went wrong, "" if nothing.

    Args:
        file: The notebook.
        python: Which Python is its kernel.
        folder: Where it runs.
        variables: What to add to the environment.
    """
    notebook = nbformat.read(file, as_version=4)
    kernels = OneKernel()
    kernels.python = str(python)
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        km=AsyncKernelManager(kernel_name="fresh", kernel_spec_manager=kernels),
        startup_timeout=180,
        record_timing=False,
    )
    try:
        client.execute(cleanup_kc=True, cwd=str(folder), env=kept | variables)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return f"{file.stem}: {ANSI_CODE.sub('', str(error)).strip()}"
    return ""


def run_all(
    files: list[Path], python: Path, folder: Path, at_once: int, **more: str
) -> list[str]:
    """Run notebooks, some at a time; return what went wrong."""

    def one(file: Path) -> str:
        problem = run(file, python, folder, **more)
        print(f"{'failed' if problem else 'ran'} {file.stem}", flush=True)
        return problem

    if at_once == 1:  # in this thread, whose event loop somebody closes
        return [problem for problem in map(one, files) if problem]
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        return [problem for problem in pool.map(one, files) if problem]


def downloads(site: Path, names: list[str] | None = None) -> list[Path]:
    """Return the notebooks of the built site, or those of some pages."""
    sources = site / "_sources"
    if names is None:
        return sorted(sources.rglob("*.ipynb"))
    return [sources / f"{name.removesuffix('.md')}.ipynb" for name in names]


def main(arguments: list[str]) -> int:
    """Run the site's notebooks in both environments and return the exit code."""
    files = downloads(SITE, arguments or None)
    if not files or not all(file.is_file() for file in files):
        print("There is no such notebook: run make book first.", file=sys.stderr)
        return 2
    problems = []
    for extras in (EVERYTHING, EVERYTHING[1:]):
        print(f"In a fresh environment with d2lib-book[{','.join(extras)}]:")
        with tempfile.TemporaryDirectory() as folder:
            try:
                python = environment(Path(folder), extras)
            except NoEnvironment as error:
                print(error, file=sys.stderr)
                return 2
            at_once = min(4, os.cpu_count() or 1)
            problems += run_all(files, python, Path(folder), at_once)
    if problems:
        print("\n\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
