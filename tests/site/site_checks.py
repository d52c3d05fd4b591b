"""What a page of the built site must be, as checks that return problems.

`test_site_checks.py` plants an error for each of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page

CORE, LAB_CORE = 25, 50  # minutes that a page may take, and one whose title is Lab ...
NARROW = 320  # pixels: the width at which WCAG wants a page to need no second scrolling
PHONE, DESK = {"width": 375, "height": 667}, {"width": 1280, "height": 800}

# A script that runs before a page's own: its browser may keep nothing.
NO_STORAGE = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("it is forbidden", "SecurityError"); }
});"""


@dataclass
class Visit:
    """A page that is open in the browser, and what happened while it loaded."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def visit(browser: Browser, url: str, before: str = "", **options: object) -> Visit:
    """Open a page in a browser that knows nothing yet, and wait for its mathematics.

    Args:
        browser: The browser.
        url: The page.
        before: A script that runs before those of the page.
        options: What the browser is like, as Playwright names it.
    """
    page = browser.new_context(**{"viewport": DESK} | options).new_page()
    if before:
        page.add_init_script(before)
    return reload(Visit(page), url)


def reload(visit: Visit, url: str) -> Visit:
    """Open a page in a browser that may remember things, as what tab was chosen."""
    page = visit.page
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            visit.errors.append(message.text) if message.type == "error" else None
        ),
    )
    page.goto(url, wait_until="load")
    page.evaluate("window.MathJax?.startup?.promise")
    return visit


def close(visit: Visit) -> None:
    """Close the page and all that its browser remembers."""
    visit.page.context.close()


def report(problems: list[str]) -> None:
    """Fail a test with what was found, if anything was."""
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def check_requests(visit: Visit) -> list[str]:
    """The page has asked no host but its own for anything."""
    own = urlsplit(visit.page.url).netloc
    return [
        f"it loads {url} from elsewhere"
        for url in visit.requests
        if urlsplit(url).scheme not in ("data", "blob", "about")
        and urlsplit(url).netloc != own
    ]


def check_errors(visit: Visit) -> list[str]:
    """No script has failed and no file was missing."""
    return [f"the console says: {error}" for error in visit.errors]


def check_mathematics(visit: Visit) -> list[str]:
    """Every equation is set, without an error, by no script, and reads as MathML."""
    return visit.page.evaluate(
        """() => {
          const problems = [];
          if (window.MathJax) problems.push("a script sets the mathematics");
          for (const node of document.querySelectorAll("mjx-container"))
            if (!node.querySelector("math"))
              problems.push("no MathML in " + node.innerHTML.slice(0, 80));
          for (const node of document.querySelectorAll(".math"))
            if (!node.querySelector("mjx-container"))
              problems.push("not typeset: " + node.textContent.trim().slice(0, 80));
          for (const node of document.querySelectorAll("mjx-merror"))
            problems.push("an error in " + node.textContent.trim().slice(0, 80));
          return problems;
        }"""
    )


def check_images(visit: Visit) -> list[str]:
    """Every image is there and has a text that stands in for it."""
    return visit.page.evaluate(
        """async () => {
          const problems = [];
          for (const image of document.querySelectorAll("img")) {
            image.loading = "eager";
            await image.decode().catch(() => null);
            const name = image.getAttribute("src");
            if (!image.naturalWidth) problems.push(`${name} is not there`);
            if (!image.getAttribute("alt")?.trim()) problems.push(`${name}: no alt`);
          }
          return problems;
        }"""
    )


def check_width(visit: Visit) -> list[str]:
    """On a phone, and on a narrow one, the page scrolls up and down only."""
    page, problems = visit.page, []
    for width in (PHONE["width"], NARROW):
        page.set_viewport_size({**PHONE, "width": width})
        found = page.evaluate("document.documentElement.scrollWidth")
        if found > width:
            widest = page.evaluate(
                """() => [...document.querySelectorAll("main *")].filter(node => {
                  const {right} = node.getBoundingClientRect();
                  if (right <= innerWidth + 1) return false;
                  // What lies in a part that scrolls by itself widens nothing.
                  for (let up = node.parentElement; up.tagName !== "MAIN"; )
                    if (getComputedStyle(up).overflowX !== "visible") return false;
                    else up = up.parentElement;
                  return true;
                }).slice(0, 3).map(node => `${node.tagName}.${node.className}`
                  + ` ("${node.textContent.trim().slice(0, 40)}")`)"""
            )
            problems.append(
                f"it is {found} pixels wide on a phone of {width}: {widest}"
            )
    page.set_viewport_size(DESK)
    return problems


def check_motion(page: Page) -> list[str]:
    """Nothing moves for ever by itself."""
    return page.evaluate(
        """() => [
          ...document.getAnimations()
            .filter(one => one.effect.getComputedTiming().endTime === Infinity)
            .map(one => one.effect.target),
          ...document.querySelectorAll(
            "animate[repeatCount=indefinite], marquee, blink"),
        ].map(node => `${node.tagName}.${node.className} moves for ever`).concat(
          [...document.querySelectorAll("[autoplay]")]
            .map(node => `${node.tagName} plays by itself`))"""
    )


def check_keyboard(page: Page, steps: int = 60) -> list[str]:
    """The first stop leads past the menus; each next one is further down the page."""
    look = """() => {
      const node = document.activeElement;
      const all = [...document.querySelectorAll("*")];
      return [all.indexOf(node), node.outerHTML.slice(0, 90), node.tagName,
              node.getAttribute("href")];
    }"""
    page.keyboard.press("Tab")
    at, text, _, href = page.evaluate(look)
    problems = []
    skips = "href => href && href.length > 1 && !!document.querySelector(href)"
    if not (href or "").startswith("#") or not page.evaluate(skips, href):
        problems.append(f"the first stop leads past nothing: {text}")
    for _ in range(steps):
        page.keyboard.press("Tab")
        now, text, tag, _ = page.evaluate(look)
        if tag == "BODY":  # it has left the page
            break
        if now == at:
            problems.append(f"this holds the keyboard: {text}")
            break
        if now < at:
            problems.append(f"this is out of order: {text}")
            break
        at = now
    return problems


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port and give its address."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Anchors(HTMLParser):
    """Collects where a page can be jumped to, and what it links to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list) -> None:
        """Note ids and links."""
        attributes = dict(attrs)
        self.ids.update(filter(None, [attributes.get("id"), attributes.get("name")]))
        # Sphinx gives the objects of a file one path back to the reference, though it
        # may document them under several: such a link may miss its place in the page.
        back = "viewcode-back" in (attributes.get("class") or "")
        if back:
            self.links.append(attributes["href"].partition("#")[0])
        elif tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])


def check_links(site: Path) -> list[str]:
    """Every link within the site leads to a file, and to a place in it."""
    pages = {
        page: Anchors(page)
        for page in site.rglob("*.html")
        if "_static" not in page.relative_to(site).parts
    }
    problems = []
    for page, anchors in pages.items():
        for link in anchors.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = (page.parent / unquote(parts.path)).resolve()
            target = path if parts.path else page
            if not target.is_file():
                problem = "which is not there"
            elif target in pages and unquote(parts.fragment) not in (
                pages[target].ids | {""}
            ):
                problem = f"but there is no place {parts.fragment}"
            else:
                continue
            problems.append(f"{page.relative_to(site)} links to {link}, {problem}")
    return problems


def check_taught(site: Path, names: set[str]) -> list[str]:
    """A name's entry in the reference and the pages that teach it lead to each other.

    Args:
        site: The built site.
        names: What some page teaches, by the ids of the entries.
    """
    there, back = set(), set()  # pages and names
    for page in site.rglob("chapters/**/*.html"):
        soup = BeautifulSoup(page.read_bytes(), "html.parser")
        name = page.relative_to(site).as_posix()
        for link in soup.select(".in-reference a"):
            there.add((name, link["href"].partition("#")[2]))
        for link in soup.select(".taught-in a"):
            path = (page.parent / link["href"].partition("#")[0]).resolve()
            entry = link.find_parent("dd").find_previous_sibling("dt")["id"]
            back.add((path.relative_to(site.resolve()).as_posix(), entry))
    untaught = sorted(names - {entry for _, entry in back})
    return [
        *(f"the reference does not say where {entry} is taught" for entry in untaught),
        *(f"{page} does not lead to {entry}" for page, entry in sorted(back - there)),
        *(f"{entry} does not lead to {page}" for page, entry in sorted(there - back)),
    ]


def check_minutes(names: list[str], minutes: dict[str, dict]) -> list[str]:
    """No page takes longer to read than it may, before it goes further.

    Args:
        names: The pages.
        minutes: What the build wrote to `minutes.json`: titles, and the cores' minutes.
    """
    problems = []
    for name in names:
        if name not in minutes:
            problems.append(f"{name} has no section Going further, so no core")
            continue
        title, core = minutes[name]["title"], minutes[name]["core"]
        limit = LAB_CORE if title.startswith("Lab") else CORE
        if core > limit:
            problems.append(f"the core of {name} takes {core:.1f} minutes, not {limit}")
    return problems
