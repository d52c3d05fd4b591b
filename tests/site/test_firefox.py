"""A page of each kind in Firefox, on a desk and on a phone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import site_checks as checks
from firefox import Firefox, firefox

pytestmark = [pytest.mark.xdist_group("site"), pytest.mark.scheduled]

KINDS = [
    "chapters/index",
    "chapters/1-foundations/perceptron",
    "chapters/2-sequences/attention",
    "chapters/2-sequences/music",
    "chapters/appendix/api-shared",
    "chapters/appendix/glossary",
    "chapters/appendix/how-fast",
]
TABS = [name for name in KINDS if "perceptron" in name or "attention" in name]
# What is of no use to a reader, though it is there.
SEEN = """async () => {
  await document.fonts.ready;
  return [
    ...[...document.fonts].filter(font => font.status === "error")
      .map(font => `there is no font ${font.family}`),
    ...[...document.querySelectorAll("mjx-container")]
      .filter(node => node.checkVisibility())
      .filter(node => !node.getBoundingClientRect().width
        || !node.getBoundingClientRect().height)
      .map(node => `not to be seen: ${node.textContent.slice(0, 80)}`),
    ...performance.getEntriesByType("resource")
      .filter(entry => entry.responseStatus >= 400)
      .map(entry => `${entry.name} is not there`),
  ];
}"""
HIDDEN = """twin => [...document.querySelectorAll(
    `label[data-sync-group=twin][data-sync-id=${twin}] + .sd-tab-content`)]
  .map(node => getComputedStyle(node).display === "none")"""
FOUND = """async () => {
  const links = () => [...document.querySelectorAll("#search-results ul.search li a")];
  while (!links().length) await new Promise(requestAnimationFrame);
  return links().map(link => link.getAttribute("href"));
}"""


@pytest.fixture(scope="module")
def fox():
    with firefox() as page:
        if page is None:
            pytest.skip("there is no Firefox")
        yield page


def look(fox: Firefox, url: str, address: str) -> list[str]:
    """Open a page and return what is wrong with it."""
    fox.errors("")
    before, visit, found = len(fox.requests), SimpleNamespace(page=fox), []
    for size in (checks.PHONE, checks.DESK):
        fox.set_viewport_size(size)
        fox.goto(url)
        found += checks.check_mathematics(visit) + checks.check_images(visit)
        found += fox.evaluate(SEEN)
    found += checks.check_width(visit)
    visit.requests = fox.requests[before:]
    visit.errors = fox.errors(address)
    return found + checks.check_requests(visit) + checks.check_errors(visit)


@pytest.mark.parametrize("name", KINDS)
def test_page(name, fox, address):
    checks.report(look(fox, f"{address}/{name}.html", address))


def test_tabs_are_in_step_from_page_to_page(fox, address):
    first, second = TABS
    fox.goto(f"{address}/{first}.html")
    fox.run("document.querySelector('label[data-sync-id=mxnet]').click()")
    for name in (first, second):
        fox.goto(f"{address}/{name}.html")
        assert set(fox.evaluate(HIDDEN, "numpy")) == {True}
        assert set(fox.evaluate(HIDDEN, "mxnet")) == {False}
    fox.run("document.querySelector('label[data-sync-id=numpy]').click()")
    assert set(fox.evaluate(HIDDEN, "numpy")) == {False}


@pytest.mark.parametrize("size", [checks.DESK, checks.PHONE])
@pytest.mark.parametrize("query", ["perceptron", "σ", "%22vanishing gradient%22"])
def test_search_finds_a_word_a_symbol_and_a_phrase(query, size, fox, address):
    fox.errors("")
    fox.set_viewport_size(size)
    fox.goto(f"{address}/search.html?q={query}")
    assert fox.evaluate(FOUND)
    assert fox.errors(address) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<p>text</p>", None),
        ("<script>nothing.at.all()</script>", "the console says"),
        ("<p style='width: 500px'>wide</p>", "pixels wide"),
        ("<img src=/missing.png alt=missing>", "is not there"),
        ("<img src=http://127.0.0.2/x.png alt=elsewhere>", "from elsewhere"),
        ("<p class=math>x</p>", "not typeset"),
        ("<mjx-container><math></math></mjx-container>", "not to be seen"),
    ],
)
def test_a_planted_mistake_is_found(body, problem, fox, tmp_path):
    page = (
        "<!doctype html><html lang=en><title>Page</title><link rel=icon href=data:,>"
        "<main>{}</main>"
    )
    (tmp_path / "page.html").write_text(page.format(body))
    with checks.served(tmp_path) as address:
        found = look(fox, f"{address}/page.html", address)
    if problem is None:
        assert found == []
    else:
        assert any(problem in text for text in found), found
