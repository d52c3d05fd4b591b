"""How heavy a page is, and how long a phone takes: measured in the browser.

As a command, `python tests/site/weights.py [page ...]`, it prints for each page of the
built site what it weighs and how long it takes on a phone: a processor that is four
times slower, and 1.6 Mbit/s. The times are for reading, not for a test.
"""

from __future__ import annotations

import gzip
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, Page, Response

MEDIA = {"image", "media"}
LIGHT = 350_000  # bytes of a page and all it loads, gzipped, without its media
FEW = 25  # requests, without those for media
STILL = 0.03  # the layout shift, as browsers measure it
CALM = 2  # what the scripts take, in units of UNIT: a long task each, or 50 ms
FOREIGN = ("mathjax", "fontawesome", "searchindex")  # what no page but the search needs
# What the browser notes while the page comes.
OBSERVE = """
window.noted = {shift: 0, moved: [], long: []};
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    noted.shift += entry.value;
    for (const source of entry.sources)
      noted.moved.push(`${source.node?.nodeName}.${source.node?.className ?? ""}`);
  }
}).observe({type: "layout-shift", buffered: true});
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) noted.long.push(Math.round(entry.duration));
}).observe({type: "longtask", buffered: true});
"""
# Work that takes about 50 ms of a processor, of whatever processor there is.
UNIT = """() => new Promise(done => setTimeout(() => {
  let x = 1;
  for (let i = 0; i < 5e7; i++) x = (Math.imul(x, 1103515245) + 12345) | 0;
  done(x);
}))"""
# Two frames later nothing more is to come.
SETTLE = """async () => {
  await document.fonts.ready;
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
}"""


@dataclass
class Weight:
    """What a page asks of a browser."""

    sizes: dict[str, int]  # of what is no media, by address, gzipped
    media: int  # bytes
    shift: float
    moved: list[str]
    long: list[int]  # milliseconds of each long task, by the clock
    busy: float  # the processor time of the scripts, in units of UNIT

    @property
    def bytes(self) -> int:
        """All that the page loads but its media."""
        return sum(self.sizes.values())


def weigh(page: Page, url: str) -> Weight:
    """Open a page, from top to bottom, and return what that takes."""
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    page.add_init_script(OBSERVE)
    session = page.context.new_cdp_session(page)
    # The processor's time and not the clock's, which other programs would add to.
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(url, wait_until="load")
    page.evaluate(SETTLE)
    used = scripts(session)
    page.evaluate(UNIT)
    busy = used / (scripts(session) - used)
    sizes, media = {}, 0
    for response in responses:
        if urlsplit(response.url).scheme not in ("http", "https") or not response.ok:
            continue
        if response.request.resource_type in MEDIA:
            media += int(response.headers.get("content-length", 0))
        else:
            sizes[response.url] = len(gzip.compress(response.body(), 9, mtime=0))
    noted = page.evaluate("noted")
    return Weight(sizes, media, noted["shift"], noted["moved"], noted["long"], busy)


def scripts(session: CDPSession) -> float:
    """Return the seconds of a processor that a page's scripts have used so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(m["value"] for m in metrics if m["name"] == "ScriptDuration")


def check_weight(weight: Weight) -> list[str]:
    """A page is light, asks for little, stands still and keeps the browser free."""
    problems = []
    if weight.bytes > LIGHT:
        heaviest = sorted(weight.sizes.items(), key=lambda item: -item[1])[:3]
        problems.append(f"it weighs {weight.bytes:,} bytes, not {LIGHT:,}: {heaviest}")
    if len(weight.sizes) > FEW:
        problems.append(f"it makes {len(weight.sizes)} requests, not {FEW}")
    if weight.shift > STILL:
        problems.append(f"its layout shifts by {weight.shift:.3f}: {weight.moved[:3]}")
    if weight.busy > CALM:
        problems.append(f"its scripts take {weight.busy:.1f} long tasks, not {CALM}")
    problems += [
        f"it loads {url}"
        for url in weight.sizes
        if any(word in url for word in FOREIGN)
    ]
    return problems


def on_a_phone(browser: Browser, url: str) -> tuple[float, float]:
    """Return the seconds until a phone shows a page's text, and has all of it."""
    page = browser.new_context(viewport={"width": 375, "height": 667}).new_page()
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 150,
            "downloadThroughput": 1.6e6 / 8,
            "uploadThroughput": 0.75e6 / 8,
        },
    )
    page.goto(url, wait_until="load", timeout=120_000)
    page.evaluate(SETTLE)
    painted, loaded = page.evaluate(
        """[performance.getEntriesByName("first-contentful-paint")[0].startTime,
            performance.getEntriesByType("navigation")[0].loadEventEnd]"""
    )
    page.context.close()
    return painted / 1000, loaded / 1000


def main(names: list[str]) -> None:
    """Print what the pages weigh, and their times on a phone."""
    from browser import FLAGS, find
    from execution import ROOT, pages
    from playwright.sync_api import sync_playwright
    from site_checks import DESK, served

    known = [p.relative_to(ROOT).with_suffix("").as_posix() for p in pages()]
    chosen = [n for n in known if not names or any(n.endswith(name) for name in names)]
    path = find()  # it opens pages itself, which can't be done inside what follows
    print("   KB  media  requests  shift  scripts  long tasks  painted  loaded")
    with sync_playwright() as playwright, served(ROOT / "_build" / "html") as address:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for name in chosen:
            url = f"{address}/{name}.html"
            page = browser.new_context(viewport=DESK).new_page()
            weight = weigh(page, url)
            page.context.close()
            painted, loaded = on_a_phone(browser, url)
            print(
                f"{weight.bytes / 1000:5.0f}  {weight.media / 1000:5.0f}"
                f"  {len(weight.sizes):8}  {weight.shift:5.3f}"
                f"  {weight.busy:7.1f}  {len(weight.long):10}"
                f"  {painted:6.1f}s  {loaded:5.1f}s  {name}",
                flush=True,
            )
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
