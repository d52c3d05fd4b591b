"""Open the book's notebooks in JupyterLab: `make lab`.

They are those that the site offers to download, in plain Markdown. They are put into
the folder `notebooks`, which is the reader's: what was changed there is kept, and when
the page has changed too, its new notebook is put beside it, as `page.new.ipynb`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from execution import ROOT, execute_all, pages

NOTEBOOKS = ROOT / "notebooks"
SITE = ROOT / "_build" / "html"


def digest(file: Path) -> str:
    """Return a short name for a file's content."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def put(source: Path, target: Path) -> list[str]:
    """Copy the site's notebooks to the reader, and keep what the reader has changed.

    Args:
        source: The folder of the notebooks, `_sources` of the built site.
        target: The reader's folder. A file `.written.json` in it remembers what this
            function wrote.

    Returns:
        What to tell the reader.
    """
    record = target / ".written.json"
    written = json.loads(record.read_text("utf-8")) if record.is_file() else {}
    told = []
    for file in sorted(source.rglob("*.ipynb")):
        name = file.relative_to(source).as_posix().removeprefix("chapters/")
        mine, theirs = digest(file), target / name
        if written.get(name) == mine and theirs.is_file():
            continue  # the page is as it was
        if theirs.is_file() and digest(theirs) not in (written.get(name), mine):
            beside, number = theirs.with_suffix(".new.ipynb"), 2
            while beside.is_file():
                beside = theirs.with_suffix(f".new-{number}.ipynb")
                number += 1
            told.append(
                f"{name} is yours and stays; the page's new one is {beside.name}"
            )
            theirs = beside
        theirs.parent.mkdir(parents=True, exist_ok=True)
        theirs.write_bytes(file.read_bytes())
        written[name] = mine
    target.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(written, indent=1), encoding="utf-8")
    return told


def is_old(site: Path, root: Path = ROOT) -> bool:
    """Tell whether the site lacks, or is older than, what notebooks are made from."""
    made = list((site / "_sources").rglob("*.ipynb"))
    sources = [root / "_config.yml", root / "_toc.yml", *(root / "_ext").glob("*.py")]
    sources += [*(root / "chapters").rglob("*.md"), *(root / "d2lib").rglob("*.py")]
    newest = max(file.stat().st_mtime for file in sources if file.is_file())
    return not made or min(file.stat().st_mtime for file in made) < newest


def main() -> int:
    """Make the notebooks if they are not there, and open JupyterLab on them."""
    if is_old(SITE):
        print("The numbers in the text come from the cells, so these run first:")
        execute_all(pages())
        shutil.rmtree(SITE, ignore_errors=True)
        build = [Path(sys.executable).with_name("jupyter-book"), "build", ROOT, "-q"]
        built = subprocess.run(
            [*build, "--all"],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if not (SITE / "_sources").is_dir():
            print(built.stdout, file=sys.stderr)
            return 1
    for line in put(SITE / "_sources", NOTEBOOKS):
        print(line)
    print(f"The notebooks are in {NOTEBOOKS}. They are yours: change them.", flush=True)
    lab = Path(sys.executable).with_name("jupyter-lab")
    os.execv(lab, [str(lab), str(NOTEBOOKS), *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
