"""The built book, served on this machine, and a real browser to open it with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# What belongs to the book's extras is imported where it is used: without them this
# folder is left out, see the conftest.py of the whole.
if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from site_checks import Visit

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def build() -> subprocess.CompletedProcess:
    """Build the book as `make book` does."""
    from build import build_site

    return build_site()


@pytest.fixture(scope="session")
def site(build: subprocess.CompletedProcess) -> Path:
    """Return the folder with the built pages."""
    if build.returncode:
        pytest.fail("no site: see test_the_book_builds", pytrace=False)
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    from site_checks import served

    with served(site) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the browser that `make test` found or got."""
    from browser import ADVICE, FLAGS, NONE, find, left_out
    from playwright.sync_api import sync_playwright

    if left_out():
        pytest.skip(NONE)
    path = find()
    if path is None:
        pytest.fail(ADVICE, pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open pages, as `site_checks.visit` does; they are closed when the test ends."""
    import site_checks as checks

    visits = []

    def open_page(url: str, *before: str, **options: object) -> Visit:
        visits.append(checks.visit(browser, url, *before, **options))
        return visits[-1]

    yield open_page
    for visit in visits:
        checks.close(visit)
