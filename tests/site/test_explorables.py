"""Explorables: each computes what d2lib computes, and is driven in a real browser.

Whatever stands in `_ext/explore` is tested: its directive is taken from the book's
page into a small book of one page for each. Handles, ranges, choices and buttons are
found by what they are, so that a new explorable needs no line here. What only one of
them does is tested at the end.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import site_checks as checks
from axe import check_axe
from execution import ROOT, pages
from explorables import MAKERS, make
from firefox import firefox
from test_execution import write_book

pytestmark = pytest.mark.xdist_group("explorables")

SCHEDULED = pytest.mark.scheduled
NAMES = sorted(file.stem for file in MAKERS.glob("[a-z]*.py"))
BLOCK = r"^```\{{explorable\}} {name}\n.*?^```\n"
SCRIPTS = ROOT / "assets" / "static" / "explorables"
SEEN = """() => [...document.querySelectorAll(
  ".explorable-numbers, .explorable-controls, .explorable-handle"
)].map(n => (n.innerText ?? "") + (n.getAttribute("aria-valuetext") ?? "")).join()"""
MINUS_ZERO = re.compile(r"[-−]0(\.0+)?(?![.\d])")


def block(name):
    """Return the directive of an explorable, as it stands on its page."""
    found = []
    for page in pages():
        text = page.read_text("utf-8")
        found += re.findall(BLOCK.format(name=name), text, re.S | re.M)
    assert len(found) == 1, f"{name} stands on {len(found)} pages"
    return found[0]


def write_explorables(root, names=NAMES):
    """Write a book with a page for each explorable, and one without any."""
    write_book(root)
    (root / "chapters" / "references.bib").touch()
    for folder in ("_ext", "assets"):
        (root / folder).symlink_to(ROOT / folder)
    toc = "format: jb-book\nroot: chapters/index\nchapters:\n  - file: chapters/page\n"
    for name in names:
        toc += f"  - file: chapters/{name}\n"
        text = f"# The page of {name}\n\nA sentence.\n\n{block(name)}\nAnother.\n"
        (root / "chapters" / f"{name}.md").write_text(text, encoding="utf-8")
    (root / "_toc.yml").write_text(toc)


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    root = tmp_path_factory.mktemp("explorables")
    write_explorables(root)
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    done = subprocess.run(
        [jupyter_book, "build", root, "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    built = root / "_build" / "html" / "chapters"
    for name in NAMES:
        html = (built / f"{name}.html").read_text("utf-8")
        (built / f"{name}-alone.html").write_text(alone(html), encoding="utf-8")
    return built


def alone(html):
    """Return a page without other scripts than those of explorables: it loads fast."""
    theme = """<script>document.documentElement.dataset.theme =
      matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";</script>
      <style>html { scroll-behavior: auto !important; }</style>"""
    html = re.sub(
        r"<script\b([^>]*)>.*?</script>",
        lambda found: found[0] if "explorables/" in found[1] else "",
        html,
        flags=re.S,
    )
    return html.replace("</head>", f"{theme}</head>")


@pytest.fixture(scope="session")
def book_address(book):
    with checks.served(book.parent) as address:
        yield address


@pytest.fixture
def show(browser, book):
    """Open the page of an explorable from the file system; it must not complain."""
    visits = []

    def open_page(name, query="", **options):
        viewport = options.pop("viewport", checks.DESK)
        clock, whole = options.pop("clock", False), options.pop("whole", False)
        page = browser.new_context(viewport=viewport, **options).new_page()
        if clock:
            page.clock.install()
        visits.append(checks.Visit(page))
        file = book / f"{name}{'' if whole else '-alone'}.html"
        checks.reload(visits[-1], file.as_uri() + (query and f"#{name}?{query}"))
        wait_for_data(page)
        return page

    yield open_page
    for visit in visits:
        assert not checks.check_errors(visit)
        assert not checks.check_requests(visit)
        checks.close(visit)


def wait_for_data(page):
    page.locator(".explorable").first.scroll_into_view_if_needed()
    page.locator(".explorable[aria-busy=true]").wait_for(state="detached")


# --- arithmetic -----------------------------------------------------------------


def leaves(value):
    """Yield each number or text in a value, or array of numbers, with where it is."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ((f".{key}{at}", leaf) for at, leaf in leaves(part))
    elif isinstance(value, list) and not is_array(value):
        for i, part in enumerate(value):
            yield from ((f"[{i}]{at}", leaf) for at, leaf in leaves(part))
    else:
        yield "", value


def is_array(value):
    """Whether nested lists are numbers of one shape."""
    try:
        kind = np.array(value).dtype.kind
        return kind in "biuf" or (kind == "O" and np.array(value, float).size > 0)
    except (ValueError, TypeError):
        return False


def check_golden(page, name):
    """What the page computes is what d2lib computes."""
    cases = json.loads((make(name) / "golden.json").read_text("utf-8"))
    found = page.evaluate(
        "([name, cases]) => Promise.all("
        "cases.map(c => explorable.model[name][c.call](...c.args)))",
        [name, cases],
    )
    return compare(cases, found)


def compare(cases, found):
    """Return where values of the page are not those of d2lib."""
    assert cases
    problems = []
    for case, value in zip(cases, found, strict=True):
        ours, theirs = dict(leaves(value)), dict(leaves(case["value"]))
        what = f"{case['call']}({', '.join(map(str, case['args']))})"[:120]
        if ours.keys() != theirs.keys():
            problems.append(f"{what} has {sorted(ours)}, not {sorted(theirs)}")
            continue
        for at, wanted in theirs.items():
            if isinstance(wanted, str | None):
                equal = ours[at] == wanted
            else:
                a, b = np.array(ours[at], float), np.array(wanted, float)
                size = np.abs(b).max(initial=0)
                equal = a.shape == b.shape and bool(
                    (np.abs(a - b) <= case["rtol"] * size + 1e-15).all()
                )
            if not equal:
                problems.append(f"{what}{at} is {ours[at]}, not {wanted}"[:300])
    return problems


@pytest.mark.parametrize("name", NAMES)
def test_it_computes_what_the_library_computes(name, show):
    page = show(name)
    assert check_golden(page, name) == []
    # Each function, made wrong in the sixth digit, is found out.
    calls = {
        c["call"] for c in json.loads((make(name) / "golden.json").read_text("utf-8"))
    }
    for call in sorted(calls):
        page.evaluate(
            """([name, call]) => {
              const right = explorable.model[name][call];
              const wrong = value =>
                typeof value === "number" ? value * (1 + 1e-6) + 1e-12 :
                typeof value === "string" ? value + "?" :
                Array.isArray(value) ? value.map(wrong) :
                ArrayBuffer.isView(value) ? Array.from(value, wrong) :
                value && Object.fromEntries(
                  Object.entries(value).map(([key, part]) => [key, wrong(part)]));
              window.restore = () => explorable.model[name][call] = right;
              explorable.model[name][call] = async (...args) =>
                wrong(await right(...args));
            }""",
            [name, call],
        )
        assert check_golden(page, name), f"an error in {call} is not found"
        page.evaluate("() => { restore(); }")


# --- driving --------------------------------------------------------------------


def query(page):
    """Return the state that stands in the address."""
    return page.evaluate("location.hash.split('?')[1] ?? ''")


def wait_for_change(page, before):
    page.wait_for_function(
        "before => (location.hash.split('?')[1] ?? '') !== before", arg=before
    )


def parts(page, selector):
    return page.locator(f".explorable-ui {selector}:visible").all()


def press_range(slider):
    """Press the key that can change it."""
    at_least = slider.get_attribute("min") == slider.input_value()
    slider.press("ArrowRight" if at_least else "ArrowLeft")


def other_place(slider):
    """Return a point of its track that is far from where it stands."""
    slider.scroll_into_view_if_needed()
    share = slider.evaluate("n => (n.value - n.min) / (n.max - n.min)")
    box = slider.bounding_box()
    at = 0.75 if share < 0.5 else 0.25
    return box["x"] + at * box["width"], box["y"] + box["height"] / 2


def seen(page):
    """Return what the numbers and the controls say, and where the handles are."""
    return page.evaluate(SEEN)


def center(handle):
    handle.scroll_into_view_if_needed()
    box = handle.locator("circle").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def check_text(page):
    text = page.locator(".explorable-ui").inner_text()
    assert not MINUS_ZERO.search(text), text
    assert "NaN" not in text
    assert "undefined" not in text


def stop_loops(page):
    for button in parts(page, "button:text-is('Stop')"):
        button.click()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_driven_by_mouse(name, show):
    page = show(name)
    for handle in parts(page, ".explorable-handle"):
        before, (x, y) = query(page), center(handle)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 20, y + 15, steps=3)
        page.mouse.up()
        wait_for_change(page, before)
    for slider in parts(page, "input[type=range]"):
        before = query(page)
        page.mouse.click(*other_place(slider))
        wait_for_change(page, before)
    for choice in parts(page, "select"):
        before = query(page)
        values = choice.locator("option").evaluate_all("all => all.map(o => o.value)")
        choice.select_option(next(v for v in values if v != choice.input_value()))
        wait_for_change(page, before)
    for button in parts(page, "button"):
        button.click()
        check_text(page)
    stop_loops(page)
    check_text(page)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_driven_by_keyboard(name, show):
    page = show(name)
    reached = set()
    page.locator(".explorable-ui").evaluate("node => node.tabIndex = -1")
    page.locator(".explorable-ui").focus()
    controls = page.evaluate(
        """() => [...document.querySelectorAll(
            ".explorable-ui :is(button, input, select, summary, [tabindex='0'])"
          )].filter(n => n.checkVisibility())
          .map((node, i) => node.dataset.number = i).length"""
    )
    for _ in range(controls):
        page.keyboard.press("Tab")
        at = page.locator(":focus")
        reached.add(at.get_attribute("data-number"))
        before = query(page)
        kind = at.evaluate("node => node.getAttribute('role') || node.tagName")
        if kind == "slider":
            page.keyboard.press("ArrowLeft")
            page.keyboard.press("ArrowUp")
            wait_for_change(page, before)
        elif kind == "INPUT":
            typed = at.get_attribute("type")
            if typed in ("number", "text"):
                page.keyboard.press("ArrowUp" if typed == "number" else "a")
            else:
                press_range(at)
            wait_for_change(page, before)
        elif kind == "SELECT":
            page.keyboard.press("ArrowDown")
            if query(page) == before:
                page.wait_for_timeout(300)
        elif kind in ("BUTTON", "SUMMARY"):
            page.keyboard.press("Enter")
        outline = at.evaluate(
            """node => {
              const seen = node.tagName === "g" ? node.firstChild : node;
              const style = getComputedStyle(seen);
              return style.outlineStyle !== "none" || style.stroke !== "none";
            }"""
        )
        assert outline, f"one does not see that the focus is on {kind}"
        check_text(page)
    assert len(reached) == controls
    stop_loops(page)


def swipe(page, *points):
    """Move a finger along points: events of the browser's own, not of a script."""
    session = page.context.new_cdp_session(page)
    kinds = ["touchStart", *["touchMove"] * (len(points) - 1), "touchEnd"]
    for kind, point in zip(kinds, [*points, None], strict=True):
        fingers = [{"x": point[0], "y": point[1]}] if point else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})


@pytest.mark.parametrize("name", NAMES)
def test_it_is_driven_by_touch_on_a_phone_in_the_dark(name, show):
    page = show(name, viewport=checks.PHONE, has_touch=True, color_scheme="dark")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    for handle in parts(page, ".explorable-handle"):
        page.evaluate("document.querySelector('main').style.padding = '700px 0'")
        before, (x, y) = query(page), center(handle)
        scrolled = page.evaluate("scrollY")
        assert scrolled > 100
        swipe(page, *[(x + 6 * i, y + 8 * i) for i in range(5)])
        wait_for_change(page, before)
        assert page.evaluate("scrollY") == scrolled, "the page moves with the finger"
    for slider in parts(page, "input[type=range]"):
        before = query(page)
        page.touchscreen.tap(*other_place(slider))
        wait_for_change(page, before)
    for button in parts(page, "button"):
        box = button.bounding_box()
        assert min(box["height"], box["width"]) >= 24
        button.tap()
    stop_loops(page)
    check_text(page)
    for width in (375, 320):
        page.set_viewport_size({"width": width, "height": 667})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def check_labels(page):
    """No letter of a picture stands on its frame or beyond it."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".explorable-picture svg text")]
          .filter(text => {
            const a = text.getBoundingClientRect();
            const b = text.closest("figure").getBoundingClientRect();
            return a.left < b.left || a.right > b.right || a.top < b.top;
          }).map(text => text.textContent)"""
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_label_leaves_the_picture(name, show):
    page = show(name, viewport=checks.PHONE)
    for handle in parts(page, ".explorable-handle"):
        for key in ("Shift+ArrowRight", "Shift+ArrowUp"):
            for _ in range(9):
                handle.press(key)
    assert check_labels(page) == []
    for label in parts(page, "svg text")[:1]:
        label.evaluate("node => node.setAttribute('dx', 900)")
        assert len(check_labels(page)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_link_shows_what_one_saw(name, show):
    page = show(name)
    start = seen(page)
    for handle in parts(page, ".explorable-handle"):
        handle.press("ArrowLeft")
    for slider in parts(page, "input[type=range]"):
        press_range(slider)
    wait_for_change(page, "")
    page.wait_for_timeout(300)
    left = seen(page)
    assert left != start
    again = show(name, query(page))
    again.wait_for_function(f"({SEEN})() === {json.dumps(left)}")
    # On the same page a link with another state is followed, too.
    again.evaluate(f"location.hash = '{name}?nothing=1'")
    again.wait_for_function(f"({SEEN})() === {json.dumps(start)}")


@pytest.mark.parametrize("name", NAMES)
def test_garbage_in_the_address_gives_the_default(name, show):
    page = show(name)
    keys = page.evaluate(f"explorable.keys['{name}']")
    assert keys
    start = page.locator(".explorable-controls, .explorable-handle").evaluate_all(
        "all => all.map(n => n.outerHTML)"
    )
    bad = ["NaN", "1e999", "%00%ff", "-99999999", ",", "1,2,3,4,5", "__proto__"]
    bad.append("x" * 3000)
    address = page.url
    for first in range(0, len(bad), 3):  # each key gets another kind of it each time
        garbage = {key: bad[(first + k) % len(bad)] for k, key in enumerate(keys)}
        page.goto("about:blank")
        asked = "&".join(f"{key}={text}" for key, text in garbage.items())
        page.goto(f"{address}#{name}?{asked}")
        wait_for_data(page)
        found = page.locator(".explorable-controls, .explorable-handle").evaluate_all(
            "all => all.map(n => n.outerHTML)"
        )
        assert strip(found) == strip(start)
        check_text(page)


def strip(texts):
    return [re.sub(r' data-\w+="[^"]*"|#d2-\d+', "", text) for text in texts]


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_without_scripts_and_on_paper(name, show):
    page = show(name, java_script_enabled=False)
    picture = page.locator(".explorable figure img")
    picture.wait_for(state="visible")
    assert len(picture.get_attribute("alt")) > 40
    assert page.locator(".explorable figcaption").is_visible()
    assert page.locator(".explorable-ui").count() == 0
    page = show(name)
    assert not page.locator(".explorable figure img").is_visible()
    page.emulate_media(media="print")
    page.locator(".explorable figure img").wait_for()
    assert not page.locator(".explorable-ui").is_visible()


@pytest.mark.parametrize("name", NAMES)
def test_little_moves_where_motion_is_not_wanted(name, show):
    """A loop takes two steps a second then; its clock is ours."""
    page = show(name, reduced_motion="reduce", clock=True)
    page.evaluate(
        """() => {
          window.steps = new Set();
          new MutationObserver(() => steps.add(performance.now())).observe(
            document.querySelector(".explorable-picture"),
            {subtree: true, attributes: true, characterData: true, childList: true});
        }"""
    )
    page.clock.run_for(1000)
    assert page.evaluate("steps.size") == 0, "it moves by itself"
    for button in parts(page, "button"):
        label = button.inner_text()
        button.click()
        if button.inner_text() != "Stop":
            continue
        page.evaluate("steps.clear()")
        page.clock.run_for(2000)
        assert page.evaluate("steps.size") <= 6, f"{label} is too fast"
        if button.inner_text() == "Stop":
            button.click()


@pytest.mark.parametrize("name", NAMES)
def test_the_state_is_shown_as_code_that_runs(name, show, tmp_path):
    page = show(name)
    page.evaluate("window.d2run = {open: code => window.opened = code}")
    for handle in parts(page, ".explorable-handle"):
        handle.press("ArrowLeft")
    page.locator(".explorable-ui summary").click()
    page.get_by_role("button", name="Edit and run here").click()  # once it is shown
    code = page.locator(".explorable-ui details pre").inner_text()
    assert page.evaluate("opened").strip() == code.strip()
    assert "d2lib" in code
    file = tmp_path / "shown.py"
    file.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", file],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "D2LIB_PROGRESS": "0"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


# --- what all of them are ---------------------------------------------------------


def test_the_scripts_are_small():
    sizes = {
        file.name: len(gzip.compress(file.read_bytes(), 9))
        for file in [*SCRIPTS.glob("*.js"), SCRIPTS.parent / "explorables.css"]
    }
    assert sum(sizes.values()) < 150_000, sizes
    assert sizes["base.js"] <= 2500, sizes


@pytest.mark.scheduled
@pytest.mark.parametrize("name", NAMES)
def test_the_whole_page_with_a_state_does_not_complain(name, show):
    page = show(name, "nothing=1", whole=True)
    assert page.locator(".explorable-ui").is_visible()


def test_a_page_without_explorables_gets_no_script(book):
    assert "explorables/" not in (book / "page.html").read_text("utf-8")
    assert "explorables/base.js" in (book / f"{NAMES[0]}.html").read_text("utf-8")


def test_a_script_that_fails_leaves_the_static_picture(show):
    page = show(NAMES[0])
    page.evaluate(
        """name => {
          document.querySelector(".explorable-ui").remove();
          document.querySelector(".explorable").classList.remove("explorable-live");
          try { explorable(name, () => { throw Error("planted"); }); } catch { }
        }""",
        NAMES[0],
    )
    page.locator(".explorable figure img").wait_for(state="visible")


@pytest.mark.parametrize(
    "name",
    [
        # Three that differ much; `make test-readers` looks at the pages of all.
        pytest.param(n, marks=[] if n in ("digits", "boxes", "lstm") else SCHEDULED)
        for n in NAMES
    ],
)
def test_axe_finds_nothing(name, browser, book_address):
    # Over http: axe reads the style sheets, which a browser forbids in the file system.
    # Each theme from the start: one that is switched to fades in, and axe sees it pale.
    address = f"{book_address}/chapters/{name}-alone.html"
    for theme in ("light", "dark"):
        opened = checks.visit(browser, address, color_scheme=theme)
        page = opened.page
        page.locator(".explorable-ui summary").click()
        assert check_axe(page) == []
        if theme == "light":
            checks.close(opened)
    page.evaluate(
        """() => {
          const controls = document.querySelector(".explorable-controls");
          const input = controls.querySelector("input, select");
          input.parentNode.replaceWith(input);
        }"""
    )
    assert any("label" in problem or "name" in problem for problem in check_axe(page))
    checks.close(opened)


FIREFOX = """
const [name, cases] = arguments;
const ui = document.querySelector(".explorable-ui");
const range = ui.querySelector("input[type=range]");
const select = ui.querySelector("select");
ui.scrollIntoView();
if (range) {
  range.value = +range.value > +range.min ? range.min : range.max;
  range.dispatchEvent(new Event("input"));
} else {
  select.selectedIndex = 1 - Math.min(1, select.selectedIndex);
  select.dispatchEvent(new Event("change"));
}
while (!location.hash.includes("?"))
  await new Promise(done => setTimeout(done, 20));
const model = explorable.model[name], copy = JSON.parse(JSON.stringify(cases));
return Promise.all(copy.map(c => model[c.call](...c.args)));
"""


@pytest.mark.scheduled
def test_firefox_computes_the_same_from_the_disk(book):
    """With its strict policy for files, under which only scripts bring data."""
    with firefox() as page:
        if page is None:
            pytest.skip("there is no Firefox")
        for name in NAMES:
            page.goto((book / f"{name}.html").as_uri())
            cases = json.loads((make(name) / "golden.json").read_text("utf-8"))
            found = page.run(FIREFOX, name, cases)
            assert compare(cases, found) == []


# --- draw a digit -----------------------------------------------------------------

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*_"
PAD = ".explorable-pad"


def status(page):
    page.wait_for_timeout(250)  # it waits until the reader pauses
    return page.locator(".explorable-ui [role=status]").inner_text()


def says(page, kind):
    row = page.locator(f".explorable-numbers div:has(dt:text-is('{kind} says')) dd")
    return row.inner_text().split(",")[0]


def test_draw_a_seven(show):
    page = show("digits")
    page.locator(PAD).scroll_into_view_if_needed()
    box = page.locator(PAD).bounding_box()
    x, y, size = box["x"], box["y"], box["width"]
    page.mouse.move(x + 0.3 * size, y + 0.2 * size)
    page.mouse.down()
    page.mouse.move(x + 0.7 * size, y + 0.2 * size, steps=12)
    page.mouse.move(x + 0.4 * size, y + 0.8 * size, steps=12)
    page.mouse.up()
    assert status(page) == "Both read a 7."
    assert says(page, "dense") == says(page, "convolutional") == "7"
    page.wait_for_function("location.hash.includes('d=')")
    again = show("digits", query(page))
    assert status(again) == "Both read a 7."
    again.get_by_role("button", name="Clear").click()
    assert "empty" in status(again)
    assert says(again, "dense") == "nothing"


def test_draw_a_one_with_the_keyboard_and_with_a_finger(show):
    page = show("digits")
    pen = page.locator(".explorable-handle")
    pen.focus()
    for _ in range(2):
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")  # the pen is up: this draws nothing
    assert status(page) == "Both read a 1."
    page = show("digits", viewport=checks.PHONE, has_touch=True)
    page.locator(PAD).scroll_into_view_if_needed()
    box = page.locator(PAD).bounding_box()
    x, y, size = box["x"], box["y"], box["width"]
    swipe(page, *[(x + 0.5 * size, y + (0.2 + 0.05 * i) * size) for i in range(13)])
    assert status(page) == "Both read a 1."


def test_what_is_no_digit(show):
    rows = [f"A{LETTERS[i]}_{LETTERS[i]}" for i in range(0, 64, 2)]
    full = show("digits", f"s=own&c=drawn&d={'.'.join(rows)}")
    assert "More than half of it is ink" in status(full)
    zigzag = "".join("AABB" for _ in range(600))
    enormous = show("digits", f"s=own&d={zigzag}")
    box = enormous.locator(PAD).bounding_box()
    enormous.mouse.click(box["x"] + 50, box["y"] + 50)
    assert "takes no more" in status(enormous)
    assert "takes no more" not in status(show("digits", f"s=own&d={zigzag * 9}"))
    dot = show("digits", "s=own&c=centred&d=gg")
    assert says(dot, "dense").isdigit()


def test_the_weights_are_small_and_as_good_as_they_were():
    for kind in ("dense", "conv"):
        file = make("digits") / f"digits-{kind}.js"
        text = file.read_text("utf-8")
        assert len(gzip.compress(text.encode(), 9)) <= 80_000
        found = json.loads(text.partition(",")[2].rpartition(")")[0])
        assert abs(found["accuracy"] - found["float32"]) <= 0.001
        assert found["accuracy"] > 0.96


# --- what only one of them does ---------------------------------------------------


def number(page, name):
    row = page.locator(f".explorable-numbers div:has(dt:text-is('{name}')) dd")
    return row.inner_text()


def test_edit_a_filter(show):
    page = show("convolution")
    sums, preset = number(page, "Sum of products"), page.locator("select").nth(1)
    preset.select_option("blur")
    assert number(page, "Sum of weights") == "1.00"
    field = page.get_by_label("Weight in row 2, column 2")
    field.fill("2")
    assert preset.input_value() == "your own"
    assert number(page, "Sum of products") != sums
    for wrong in ("", "99"):
        field.fill(wrong)
        assert "from −9 to 9" in status(page)
        assert number(page, "Sum of weights") == "2.89"
    page.get_by_role("button", name="Step").click()
    assert number(page, "Row, column") == "18, 11"


def test_a_text_that_is_long_or_strange_or_empty(show):
    page = show("lstm")
    field = page.get_by_label("Text")
    field.fill("(a)bc" * 2000)
    assert "Of 10000 characters it reads the first 32" in status(page)
    assert len(field.input_value()) == 32
    field.fill("F(É1)")
    assert "Left out: 2 of your 5 characters" in status(page)
    assert field.input_value() == "f()"
    field.fill("((((((")
    assert "More than four open" in status(page)
    field.fill(")")
    assert "before one opened" in status(page)
    field.fill("")
    assert "read nothing" in status(page)
    assert "read nothing" in status(show("lstm", query(page)))


def test_ask_a_word_where_it_looks(show):
    page = show("attention")
    assert number(page, "Most weight on").startswith("animal")
    first, second = "The first “the”", "The second “the”"
    assert number(page, first) != number(page, second)
    page.get_by_label("Positions").select_option("off")
    assert number(page, first) == number(page, second)
    page.get_by_label("… because it was too").select_option("wide")
    assert number(page, "Most weight on").startswith("street")
    page.locator(".explorable-row .row").nth(8).click(position={"x": 3, "y": 12})
    assert number(page, "Query") == "9: it"


def test_the_rate_that_is_too_large_is_so_with_momentum(show):
    page = show("descent", "mu=0.9&lr=0&n=40")
    assert "diverges" not in status(page)
    page.get_by_role("button", name="Too large a rate").click()
    assert "It diverges" in status(page)


def test_boxes_without_an_area(show):
    page = show("boxes", "size1=0,5&at1=40,40")
    assert "Box 1 has no area" in status(page)
    assert page.locator("tbody td").first.inner_text() == "0.00"
    page.get_by_role("button", name="Start again").click()
    page.get_by_role("button", name="Next decision").click()
    assert number(page, "Box 1, score 0.9") == "kept"
    assert number(page, "Box 2, score 0.8") == "not asked yet"


def test_tiles_are_changed_by_mouse_keyboard_and_touch(show):
    page = show("gridworld")
    page.locator(".explorable-tile").nth(1).click()
    wait_for_change(page, "")
    assert "map=S%23.g" in query(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash.includes('map=S%23%23g')")
    page.locator(".explorable-tile").first.click()
    assert "The start stays" in status(page)
    page = show("gridworld", "map=S...............", has_touch=True)
    assert "Nothing pays" in status(page)
    page.locator(".explorable-tile").nth(2).tap()
    page.wait_for_function("location.hash.includes('map=S.%23')")


def test_a_table_that_has_learnt_is_exact(show):
    page = show("gridworld", "steps=5000")
    assert number(page, "Largest error") == "0.000"
    assert number(page, "Exact value of S") == "0.590"


def test_a_baseline_lets_all_gamblers_find_the_better_arm(show):
    page = show("bandit", "plays=300")
    assert "12 of 12" not in status(page)
    page.get_by_label("Weight of a play").select_option("yes")
    assert "12 of 12" in status(page)
