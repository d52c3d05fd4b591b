"""Build the book and open no question: `make book`.

Every page is executed and the site is built, whatever fails. What failed is listed at
the end, and the exit code says so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from execution import ROOT, execute_all, pages
from pyodide_files import bring

BUILD = [
    *(Path(sys.executable).with_name("jupyter-book"), "build", ROOT),
    *("--all", "-W", "--keep-going", "-q"),
]


def build_site() -> subprocess.CompletedProcess[str]:
    """Build the whole site afresh; what Sphinx says is in the result's stdout."""
    if reason := bring():
        print(f"No page gets its button Edit and run here: {reason}", file=sys.stderr)
    shutil.rmtree(ROOT / "_build" / "html", ignore_errors=True)
    return subprocess.run(
        BUILD,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def main() -> int:
    """Execute all pages, build the site, and return the exit code."""
    failed = execute_all(pages())
    built = build_site()
    first = ROOT / "_build" / "html" / "index.html"
    if not first.is_file():
        print(built.stdout, file=sys.stderr)
        print("\nThere is no book: see above.", file=sys.stderr)
        return 1
    print("\nThe book is built. Open this file in a browser:")
    print(f"  {first}", flush=True)
    if failed:
        print(
            f"\nCells that failed on this machine, {len(failed)}; the pages say more:",
            *(f"  {failure}".replace(f"{ROOT}/", "") for failure in failed),
            "Please tell us, with what `.venv/bin/python -m d2lib` prints.",
            sep="\n",
            file=sys.stderr,
        )
    elif built.returncode:
        print(built.stdout, file=sys.stderr)
        print("\nSphinx warned, see above; the book is there.", file=sys.stderr)
    return 1 if failed or built.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
