"""Serve the built book and build it again when a source changes: `make serve`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from execution import ROOT
from livereload import Server

BUILD = [Path(sys.executable).with_name("jupyter-book"), "build", ROOT, "--quiet"]
WATCHED = ["chapters", "d2lib", "_ext", "assets", "_config.yml", "_toc.yml"]
PORT = 8000


def build() -> None:
    """Build what has changed; a page that fails leaves the rest as it was."""
    subprocess.run(BUILD, cwd=ROOT, check=False)


def main() -> None:
    """Build once, then watch and serve until interrupted."""
    build()
    server = Server()
    for name in WATCHED:
        path = ROOT / name
        server.watch(f"{path}/**/*" if path.is_dir() else str(path), build)
    server.serve(root=ROOT / "_build" / "html", port=PORT, host="localhost")


if __name__ == "__main__":
    main()
