"""The built book in a real browser: what a reader sees and does."""

from __future__ import annotations

import json
import os
import re

import nbformat
import pytest
import site_checks as checks
from execution import ROOT, pages, read
from gaps import has_gaps
from notebook_checks import check_code, check_notebook
from plain import needs_the_clone
from reference import TWINS, taught

pytestmark = pytest.mark.xdist_group("site")

PAGES = [page for page in pages() if page.exists()]
NAMES = [page.relative_to(ROOT).with_suffix("").as_posix() for page in PAGES]
WITH_A_CORE = [name for name in NAMES if re.match(r"chapters/\d-", name)]
WITH_CODE = [
    name
    for page, name in zip(PAGES, NAMES, strict=True)
    if "{code-cell}" in page.read_text(encoding="utf-8")
]
WITH_TABS = [
    name
    for page, name in zip(PAGES, NAMES, strict=True)
    if re.search(r"^:tags: \[.*\bmxnet\b", page.read_text(encoding="utf-8"), re.M)
]
WITH_SOLUTIONS = [
    name
    for page, name in zip(PAGES, NAMES, strict=True)
    if "{solution-start}" in page.read_text(encoding="utf-8")
]


@pytest.fixture
def visit(opened, address):
    """Open pages of the site by name."""
    return lambda name, **options: opened(f"{address}/{name}.html", **options)


def test_one_process_has_this_file(request):
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert request.node.nodeid.endswith("@site"), "add --dist loadgroup: two build"


def test_the_book_builds(build):
    if build.returncode:
        pytest.fail(build.stdout, pytrace=False)


def test_no_core_takes_too_long_to_read(site):
    minutes = json.loads((site.parent / "minutes.json").read_text(encoding="utf-8"))
    assert WITH_A_CORE
    checks.report(checks.check_minutes(WITH_A_CORE, minutes))


@pytest.mark.parametrize("name", NAMES)
def test_page(name, visit):
    opened = visit(name)
    checks.report(
        checks.check_requests(opened)
        + checks.check_errors(opened)
        + checks.check_mathematics(opened)
        + checks.check_images(opened)
        + checks.check_width(opened)
    )


def test_every_page_reads_from_the_file_system(browser, site):
    problems = []
    for name in NAMES:
        opened = checks.visit(browser, (site / f"{name}.html").as_uri())
        found = checks.check_requests(opened) + checks.check_mathematics(opened)
        problems += [f"{name}: {problem}" for problem in found]
        checks.close(opened)
    checks.report(problems)


def test_links_within_the_site_lead_somewhere(site):
    checks.report(checks.check_links(site))


def test_the_reference_and_the_pages_lead_to_each_other(site):
    twins = {name.replace(*TWINS, 1) for name in taught()}
    assert len(twins) > 60
    checks.report(checks.check_taught(site, twins | set(taught())))


def test_the_first_page_is_where_make_book_says(browser, site):
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.wait_for_url("**/chapters/index.html")
    assert "Deep Learning, Twice" in page.title()
    page.close()


@pytest.mark.parametrize("name", WITH_CODE)
def test_notebook_to_download(name, site):
    page = read(ROOT / f"{name}.md")
    file = site / "_sources" / f"{name}.ipynb"
    html = (site / f"{name}.html").read_text(encoding="utf-8")
    offered = f"_sources/{name}.ipynb" in html
    if needs_the_clone([cell for cell in page.cells if cell.cell_type == "code"]):
        assert not offered
        assert not file.exists()
        return
    assert offered
    downloaded = nbformat.read(file, as_version=4)
    checks.report(check_notebook(downloaded) + check_code(page, downloaded))
    if has_gaps(page):
        gapped = nbformat.read(file.with_name(f"{file.stem}-gaps.ipynb"), as_version=4)
        checks.report(check_notebook(gapped))


def hidden(opened):
    """Return, for each twin, whether all of its tabs (True) or none are hidden."""
    state = {}
    for twin in ("numpy", "mxnet"):
        tabs = f"label[data-sync-group=twin][data-sync-id={twin}] + .sd-tab-content"
        found = opened.page.evaluate(
            "selector => [...document.querySelectorAll(selector)]"
            ".map(node => getComputedStyle(node).display === 'none')",
            tabs,
        )
        assert found, f"there are no {twin} tabs"
        assert len(set(found)) == 1, f"the {twin} tabs are not in step: {found}"
        state[twin] = found[0]
    return state


def test_choosing_mxnet_once_chooses_it_everywhere(address, visit):
    first, second = WITH_TABS[:2]
    opened = visit(first)
    assert hidden(opened) == {"numpy": False, "mxnet": True}
    opened.page.locator("label[data-sync-id=mxnet]:visible").first.click()
    assert hidden(opened) == {"numpy": True, "mxnet": False}
    checks.reload(opened, f"{address}/{second}.html")
    assert hidden(opened) == {"numpy": True, "mxnet": False}


def test_tabs_are_chosen_with_the_keyboard(visit):
    opened = visit(WITH_TABS[0])
    first = opened.page.locator(".twin-tabs input[type=radio]:visible").first
    first.focus()
    opened.page.keyboard.press("ArrowRight")
    chosen = opened.page.locator(".twin-tabs input:checked + label").first
    assert chosen.inner_text() == "In MXNet"


def test_both_twins_are_printed(visit):
    opened = visit(WITH_TABS[0])
    opened.page.emulate_media(media="print")
    hidden = opened.page.evaluate(
        "[...document.querySelectorAll('.twin-tabs > .sd-tab-content')]"
        ".filter(n => getComputedStyle(n).display === 'none').length"
    )
    assert hidden == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(scheme, visit):
    opened = visit((WITH_TABS or NAMES)[0], color_scheme=scheme)
    page = opened.page
    brightness = """selector => {
        const node = document.querySelector(selector);
        if (!node) return null;
        const style = getComputedStyle(node);
        const sum = c => c.match(/[\\d.]+/g).slice(0, 3).reduce((a, b) => a + +b, 0);
        return [sum(style.backgroundColor), sum(style.color)];
    }"""
    ground, ink = page.evaluate(brightness, "body")
    assert (ground < ink) == (scheme == "dark")
    code = page.evaluate(brightness, "main div.highlight pre")
    if code is not None:
        assert (code[0] < code[1]) == (scheme == "dark")
    # The button goes through the modes; the choice holds on the next page.
    other = "light" if scheme == "dark" else "dark"
    for _ in range(3):
        if page.locator("html").get_attribute("data-theme") == other:
            break
        page.locator("button.theme-switch-button:visible").first.click()
    assert page.locator("html").get_attribute("data-theme") == other
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == other


def test_search_finds_a_term(visit):
    opened = visit("search")
    opened.page.goto(f"{opened.page.url}?q=perceptron")
    results = opened.page.locator("#search-results ul.search li a")
    results.first.wait_for(timeout=10_000)
    assert any("perceptron" in a.get_attribute("href") for a in results.all())
    checks.report(checks.check_requests(opened) + checks.check_errors(opened))


def test_a_solution_is_folded_until_it_is_asked_for(visit):
    opened = visit(WITH_SOLUTIONS[0])
    solution = opened.page.locator(".solution").first
    content = solution.locator(".cell").first
    assert not content.is_visible()
    solution.locator("button.toggle-button").click()
    content.wait_for(state="visible", timeout=5_000)


def test_a_listing_links_to_its_source(site):
    linked = 0
    for name in NAMES:
        html = (site / f"{name}.html").read_text(encoding="utf-8")
        captions = len(re.findall(r'<p class="listing-caption">', html))
        links = re.findall(r'class="listing-source[^"]*" href="([^"#]*)(?:#|")', html)
        assert len(links) == captions, f"{name}: a listing has no link to its source"
        for path in links:
            source = ((site / f"{name}.html").parent / path).read_text("utf-8")
            assert "<h1>Source code for d2lib." in source
        linked += captions
    assert linked or not WITH_TABS


def test_nothing_asks_for_a_server(site):
    for name in NAMES:
        html = (site / f"{name}.html").read_text(encoding="utf-8")
        for word in ("thebe", "mybinder.org", "colab.research"):
            assert word not in html.lower(), f"{name} mentions {word}"
