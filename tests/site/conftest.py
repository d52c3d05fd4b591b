"""The built book, served on this machine, and a real browser to open it with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from execution import ROOT
from playwright.sync_api import Browser, sync_playwright
from site_checks import served

BROWSERS = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def build() -> subprocess.CompletedProcess:
    """Build the book as `make book` does."""
    shutil.rmtree(ROOT / "_build" / "html", ignore_errors=True)
    return subprocess.run(
        [
            *(Path(sys.executable).with_name("jupyter-book"), "build", ROOT),
            *("--all", "-W", "--keep-going", "-q"),
        ],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


@pytest.fixture(scope="session")
def site(build: subprocess.CompletedProcess) -> Path:
    """Return the folder with the built pages."""
    if build.returncode:
        pytest.fail("no site: see test_the_book_builds", pytrace=False)
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    with served(site) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        reason = f"no browser: none of {', '.join(BROWSERS)} is installed"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
