"""Every page can be used by whoever reads it: WCAG 2.2 AA, keyboard, nothing moves."""

from __future__ import annotations

import pytest
import site_checks as checks
from axe import check_axe
from test_site import NAMES

pytestmark = pytest.mark.xdist_group("site")

KINDS = [  # a page of each kind
    "chapters/index",
    "chapters/1-foundations/perceptron",
    "chapters/2-sequences/music",
    "chapters/appendix/api-shared",
    "chapters/appendix/frameworks",
    "chapters/appendix/glossary",
]
LOOKS = [(size, scheme) for size in ("desk", "phone") for scheme in ("light", "dark")]
SIZES = {"desk": checks.DESK, "phone": checks.PHONE}
GOOD = (
    "<!doctype html><html lang=en><head><title>Page</title>"
    "<meta name=viewport content='width=device-width'></head>"
    "<body><main><h1>One</h1>{}</main></body></html>"
)


@pytest.fixture
def look(browser, address):
    """Open a page in some size and scheme; it is closed when the test ends."""
    opened = []

    def open_page(name, size, scheme):
        context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
        opened.append(context)
        page = context.new_page()
        page.goto(f"{address}/{name}.html", wait_until="load")
        return page

    yield open_page
    for context in opened:
        context.close()


@pytest.mark.parametrize(("size", "scheme"), [("desk", "light"), ("phone", "dark")])
@pytest.mark.parametrize("name", KINDS)
def test_a_kind_of_page_bars_nobody(name, size, scheme, look):
    page = look(name, size, scheme)
    checks.report(check_axe(page) + checks.check_motion(page))


@pytest.mark.scheduled
@pytest.mark.parametrize(("size", "scheme"), LOOKS)
@pytest.mark.parametrize("name", [*NAMES, "search", "genindex"])
def test_no_page_bars_anybody(name, size, scheme, look):
    page = look(name, size, scheme)
    checks.report(check_axe(page) + checks.check_motion(page))


@pytest.mark.parametrize("name", KINDS[:2])
def test_the_keyboard_leads_through_a_page(name, look):
    checks.report(checks.check_keyboard(look(name, "desk", "light")))


@pytest.mark.parametrize(
    ("body", "check", "problem"),
    [
        ("<h2>Two</h2><p>text</p>", check_axe, None),
        ("<h3>Three</h3>", check_axe, "heading-order"),
        ("<img src='data:,'>", check_axe, "image-alt"),
        ("<p style='color: #aaa; background: #fff'>grey</p>", check_axe, "contrast"),
        (
            "<p><button style='width: 9px; height: 9px; padding: 0' aria-label=a>"
            "</button><button style='width: 9px; height: 9px; padding: 0' aria-label=b>"
            "</button></p>",
            check_axe,
            "target-size",
        ),
        ("<p>still</p>", checks.check_motion, None),
        (
            "<style>@keyframes turn { to { rotate: 1turn } }"
            "p { animation: turn 1s infinite }</style><p>turns</p>",
            checks.check_motion,
            "moves for ever",
        ),
        ("<video autoplay></video>", checks.check_motion, "plays by itself"),
        (
            "<svg><animate repeatCount=indefinite /></svg>",
            checks.check_motion,
            "for ever",
        ),
        (
            "<a href='#m'>Skip</a><p id=m>x <a href='#'>1</a> <a href='#'>2</a></p>",
            checks.check_keyboard,
            None,
        ),
        ("<a href='#'>a</a>", checks.check_keyboard, "leads past"),
        (
            "<a href='#m'>Skip</a><p id=m><a href='#'>1</a><input onkeydown='event"
            ".preventDefault()'></p>",
            checks.check_keyboard,
            "holds",
        ),
        (
            "<a href='#m'>Skip</a><p id=m><a href='#' tabindex=3>1</a></p>",
            checks.check_keyboard,
            "out of order",
        ),
    ],
)
def test_a_planted_barrier_is_found(body, check, problem, browser):
    page = browser.new_page()
    page.set_content(GOOD.format(body))
    found = check(page)
    page.close()
    if problem is None:
        assert found == []
    else:
        assert any(problem in text for text in found), found
