"""Execute pages as other machines would, and say what does not hold there.

`make shake` runs every page, or those of `PAGES=`, under disturbances that a reader's
machine may bring: other kernels of OpenBLAS with NumPy's and oneDNN's instruction sets
cut to match, two threads, and relative noise of 3e-7 on all that is drawn at random
(`shaken/sitecustomize.py`), in `TIMES=` draws. It prints page, line, cell and the
disturbance for every cell that fails. For the comparisons in `assert` statements it
also records how far they were from failing: one whose margin is less than twice what
the disturbances move it is *thin*, and will fail on a machine that nobody has tried.

Without `PAGES=` it also runs `tests/scratch` and `tests/twins` under the kernels.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from execution import (
    ROOT,
    Failure,
    failures,
    first_line,
    kernel_environment,
    pages,
    read,
    run,
    timeout,
)
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

SHAKEN = Path(__file__).resolve().parent / "shaken"
SLOWER = 5  # how much longer a cell may take with an old processor's kernels
# The kernels of OpenBLAS, the youngest first, what a processor must have to run them,
# as Linux names it, and which of NumPy's instruction sets go beyond them.
AVX512 = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
AVX2 = f"{AVX512} AVX2 FMA3"
KERNELS = {
    "SkylakeX": ("avx512f avx512cd avx512bw avx512dq avx512vl", "", "AVX512_CORE"),
    "Haswell": ("avx2 fma", AVX512, "AVX2"),
    "Sandybridge": ("avx", f"{AVX2} F16C", "AVX"),
    "Nehalem": ("sse4_2", f"{AVX2} F16C AVX", "SSE41"),
    "ARMV8": ("asimd", "", ""),
    "NEOVERSEN1": ("asimd asimddp", "", ""),
}


class Margin(NamedTuple):
    """How far the comparison of an assert was from failing, in one execution."""

    page: Path
    line: int
    code: str
    disturbance: str
    value: float  # of the right-hand side minus the left, at its closest to failing


class Shaking(NamedTuple):
    """What happened to one page under one disturbance."""

    page: Path
    disturbance: str
    failures: list[Failure]
    margins: list[Margin]
    seconds: float


def flags() -> set[str]:
    """Return what this machine's processor can do, as Linux names it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return set()
    return set(
        " ".join(re.findall(r"^(?:flags|Features)\s*:(.*)$", text, re.M)).split()
    )


def numpy_features() -> set[str]:
    """Return the instruction sets for which this NumPy has code that runs here."""
    try:
        from numpy._core import _multiarray_umath as umath
    except ImportError:  # NumPy 1
        from numpy.core import _multiarray_umath as umath
    return {f for f in umath.__cpu_dispatch__ if umath.__cpu_features__[f]}


def kernels(have: set[str], features: set[str]) -> dict[str, dict[str, str]]:
    """Return the environments for the three youngest kernels that run here.

    One is most likely the machine's own; the others are those of its elders.
    """
    found = {}
    for name, (needs, disabled, isa) in KERNELS.items():
        if set(needs.split()) <= have:
            environment = {"OPENBLAS_CORETYPE": name}
            # NumPy warns if it is told to disable what it would not use.
            if off := [f for f in disabled.split() if f in features]:
                environment["NPY_DISABLE_CPU_FEATURES"] = " ".join(off)
            if isa:
                environment["DNNL_MAX_CPU_ISA"] = isa
            found[name] = environment
    return dict(list(found.items())[:3])


def disturbances(times: int) -> dict[str, dict[str, str]]:
    """Return the environment of every disturbance, by a name to print."""
    threads = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    noise = {
        f"noise {n}": {"PYTHONPATH": str(SHAKEN), "D2LIB_SHAKE": str(n)}
        for n in range(1, times + 1)
    }
    return kernels(flags(), numpy_features()) | {"2 threads": threads} | noise


# The kernel of a page runs this first: each comparison of an assert is sent through a
# function that remembers how close it was. The last cell prints what was remembered.
WATCH = r'''
def _watch():
    import ast, json
    import numpy as np
    from IPython import get_ipython

    OPS = {ast.Lt: 1, ast.LtE: 1, ast.Gt: -1, ast.GtE: -1}
    seen = []

    def compared(cell, line, code, sign, left, right, holds):
        try:
            margin = sign * (np.asarray(right, float) - np.asarray(left, float))
            if margin.size and np.isfinite(margin.min()):
                seen.append((cell, line, code, float(margin.min())))
        except Exception:
            pass
        return holds

    class Watcher(ast.NodeTransformer):
        """Follows an assert to the comparisons that must hold, and to no others."""

        def __init__(self, cell):
            self.cell = cell

        def visit_Assert(self, node):
            node.test = self.required(node.test)
            return node

        def required(self, node):
            match node:
                case ast.BoolOp(op=ast.And()):
                    node.values = [self.required(value) for value in node.values]
                case ast.Call(func=ast.Attribute(attr="all", value=ast.Name("np"))):
                    node.args = [self.required(node.args[0]), *node.args[1:]]
                case ast.Call(func=ast.Attribute(attr="all")):
                    node.func.value = self.required(node.func.value)
                case ast.Call(func=ast.Name("all"), args=[ast.GeneratorExp()]):
                    node.args[0].elt = self.required(node.args[0].elt)
                case ast.Compare() if all(type(op) in OPS for op in node.ops):
                    return self.watched(node)
            return node

        def watched(self, node):
            code, line = ast.unparse(node), node.lineno
            sides = [node.left, *node.comparators]
            args = [ast.arg(f"_{n}") for n in range(len(sides))]
            names = [ast.Name(a.arg, ast.Load()) for a in args]
            holds = ast.Compare(names[0], node.ops, names[1:])
            for n, op in enumerate(node.ops):
                what = [self.cell, line, code, OPS[type(op)]]
                sent = [*map(ast.Constant, what), names[n], names[n + 1], holds]
                holds = ast.Call(ast.Name("__compared__", ast.Load()), sent, [])
            function = ast.Lambda(
                ast.arguments([], args, None, [], [], None, []), holds
            )
            return ast.fix_missing_locations(
                ast.copy_location(ast.Call(function, sides, []), node)
            )

    class Cells:
        def visit(self, tree):
            return Watcher(get_ipython().execution_count).visit(tree)

    import builtins
    builtins.__compared__ = compared
    builtins.__compared_all__ = lambda: print(json.dumps(seen))
    get_ipython().ast_transformers.append(Cells())

_watch()
del _watch
'''


def watched(notebook: NotebookNode) -> NotebookNode:
    """Put a cell before a notebook's cells, and one after, that watch its asserts."""
    notebook.cells.insert(0, new_code_cell(WATCH))
    notebook.cells.append(new_code_cell("__compared_all__()"))
    return notebook


def shake(page: Path, name: str, more: dict[str, str], root: Path = ROOT) -> Shaking:
    """Execute a page under one disturbance and return what failed, and how nearly."""
    notebook = read(page, root)
    if notebook is None:
        return Shaking(page, name, [], [], 0.0)
    limit = SLOWER * timeout(notebook, root)
    environment = kernel_environment(**more)
    seconds, _ = run(watched(notebook), page, limit, environment, tolerant=True)
    first, *cells, last = (c for c in notebook.cells if c.cell_type == "code")
    if not failures(page, [first, *cells])[:1] and last.outputs:
        seen = json.loads(last.outputs[0].text)
    else:  # the kernel died
        seen = []
    margins = []
    for number, line, code, value in seen:
        at = first_line(page, cells, number - 1)
        margins.append(Margin(page, at + line - 1 if at else 0, code, name, value))
    return Shaking(page, name, failures(page, cells), margins, seconds)


def thin(margins: list[Margin]) -> list[str]:
    """Return the comparisons that a disturbance moves by half their margin or more.

    A comparison that runs several times counts at its closest. What moves by less than
    its own rounding does not count: an identity holds to the last digits, or not.
    """
    closest: dict[tuple, dict[str, float]] = defaultdict(dict)
    for page, line, code, name, value in margins:
        values = closest[page, line, code]
        values[name] = min(value, values.get(name, value))
    found = []
    for (page, line, code), values in sorted(closest.items()):
        middle = statistics.median(values.values())
        name = max(values, key=lambda n: abs(values[n] - middle))
        moved = abs(values[name] - middle)
        if moved and not middle > 2 * moved:
            found.append(
                f"{page}:{line}: {code}: a margin of {middle:.2g}, which "
                f"{name} moves by {moved:.2g}"
            )
    return found


def shake_tests(name: str, more: dict[str, str]) -> str | None:
    """Run the tests of both twins with one kernel; return what failed, if anything."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "no:xdist", "tests/scratch", "tests/twins"),
        ],
        cwd=ROOT,
        env=kernel_environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        counts = re.findall(r"^.*\d+ passed.*$", done.stdout, re.M)
        print(f"tests, {name}: {counts[-1]}", flush=True)
        return None
    failed = re.findall(r"^(?:FAILED|ERROR) .*$", done.stdout, re.M)
    return f"tests, {name}: " + ("\n  ".join(failed) or done.stdout[-2000:])


def table(found: list[Shaking], names: list[str], root: Path) -> str:
    """Return the failing cells of each page under each disturbance, in Markdown."""
    count = {(s.page, s.disturbance): len(s.failures) for s in found}
    lines = [f"| page | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for page in dict.fromkeys(s.page for s in found):
        cells = " | ".join(str(count.get((page, name), "")) for name in names)
        lines.append(f"| {page.relative_to(root).with_suffix('')} | {cells} |")
    return "\n".join(lines)


def shake_all(
    chosen: list[Path], times: int, root: Path = ROOT, *, tests: bool = False
) -> int:
    """Shake pages, two at a time; print what was found and return the exit code."""
    todo = disturbances(times)
    jobs = [(page, name) for page in chosen for name in todo]
    printing = threading.Lock()
    start = time.perf_counter()

    def work(job: tuple[Path, str]) -> Shaking:
        page, name = job
        result = shake(page, name, todo[name], root)
        with printing:
            for failure in result.failures:
                where = f"{page.relative_to(root)}:{failure.line}"
                cell = f"cell {failure.cell} of {failure.cells}"
                print(f"{where}: {cell}, {name}: {failure.error}")
                print("    " + failure.traceback.replace("\n", "\n    "), flush=True)
        return result

    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        found = [result for result in pool.map(work, jobs) if result.seconds]
        broken = []
        if tests:
            blas = {n: e for n, e in todo.items() if "OPENBLAS_CORETYPE" in e}
            broken = [b for b in pool.map(shake_tests, blas, blas.values()) if b]
    failed = [failure for shaking in found for failure in shaking.failures]
    narrow = thin([margin for shaking in found for margin in shaking.margins])
    if narrow:
        print("\nThin: the margin is less than twice what the disturbances move")
        print("\n".join(narrow).replace(f"{root}/", ""))
    print(f"\nCells that fail, on {platform.processor() or platform.machine()}:\n")
    print(table(found, list(todo), root))
    for text in broken:
        print(text)
    print(
        f"\n{len(failed)} cells failed, {len(narrow)} comparisons are thin, in "
        f"{len(found)} executions ({time.perf_counter() - start:.0f} s)"
    )
    return 1 if failed or broken else 0


def main(arguments: list[str]) -> int:
    """Shake the pages that are named, or all; return the exit code."""
    parser = argparse.ArgumentParser(prog="make shake", description=__doc__)
    parser.add_argument("pages", nargs="*", help="all if none is named")
    parser.add_argument("--times", type=int, default=5, help="draws of noise")
    options = parser.parse_args(arguments)
    every = pages()
    named = {p.stem: p for p in every} | {str(p.relative_to(ROOT)): p for p in every}
    if unknown := [name for name in options.pages if name not in named]:
        parser.error(f"no page {', '.join(unknown)}; there are {', '.join(named)}")
    chosen = [named[name] for name in options.pages] or every
    return shake_all(chosen, options.times, tests=not options.pages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
