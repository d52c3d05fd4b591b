"""What is read: questions, progress, the first page, terms, search, plain text."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

import pytest
import site_checks as checks
from execution import ROOT, pages
from notebook_checks import CODE, MYST
from search_text import spoken

pytestmark = pytest.mark.xdist_group("site")

PERCEPTRON = "chapters/1-foundations/perceptron"
LSTM = "chapters/2-sequences/lstm"
GOALS = "chapters/appendix/how-fast"
FIRST = "chapters/index"


@pytest.fixture
def visit(opened, address):
    """Open pages of the site by their addresses in it."""
    return lambda name, *before, **options: (
        opened(f"{address}/{name}", *before, **options).page
    )


# --- code ------------------------------------------------------------------------

SCROLLS = """most => [...document.querySelectorAll("div.cell_input pre")]
  .filter(node => node.checkVisibility()
    && Math.max(...node.textContent.split("\\n").map(line => line.length)) <= most)
  .map(node => node.scrollWidth > node.clientWidth)"""


def test_a_line_of_code_fits_beside_both_menus(visit):
    page = visit("chapters/1-foundations/optimizers.html")
    assert checks.DESK["width"] == 1280
    scrolls = page.evaluate(SCROLLS, 88)
    assert len(scrolls) > 5
    assert not any(scrolls)
    page.add_style_tag(content=":root { --d2-code: 1rem !important }")
    assert any(page.evaluate(SCROLLS, 88))


# --- questions --------------------------------------------------------------------


def first_check(page):
    """Return the first question of a page, and the numbers of its answers."""
    check = page.locator(".self-check").first
    right = check.locator(".options > li").evaluate_all(
        "all => all.findIndex(one => one.classList.contains('right'))"
    )
    return check, right, 0 if right else 1


def test_one_commits_to_an_answer_and_then_learns_why(visit):
    page = visit(f"{PERCEPTRON}.html")
    check, right, wrong = first_check(page)
    reasons = check.locator(".reasons li")
    assert not reasons.first.is_visible()
    check.locator("input").nth(wrong).check()
    assert not reasons.first.is_visible()
    check.get_by_role("button", name="Commit").click()
    shown = [reason.is_visible() for reason in reasons.all()]
    assert [n for n, seen in enumerate(shown) if seen] == sorted([right, wrong])
    marks = check.locator(".answer-mark").all_inner_texts()
    assert (marks[wrong], marks[right]) == ("✗ your answer", "✓ the right answer")
    assert check.locator(".verdict").inner_text() == "That is not right."

    page.reload()
    assert check.locator("input").nth(wrong).is_checked()
    assert check.locator(".verdict").inner_text() == "That is not right."
    check.get_by_role("button", name="Every reason").click()
    assert all(reason.is_visible() for reason in reasons.all())
    check.get_by_role("button", name="Answer again").click()
    check.locator("input").nth(right).check()
    check.get_by_role("button", name="Commit").click()
    assert check.locator(".verdict").inner_text() == "That is right."

    page.get_by_role("button", name="Forget my answers on this page").click()
    assert check.locator("input:checked").count() == 0
    page.reload()
    assert check.locator("input:checked").count() == 0


def test_a_question_is_answered_with_the_keyboard(visit):
    page = visit(f"{PERCEPTRON}.html")
    check, _, _ = first_check(page)
    check.locator("input").first.focus()
    page.keyboard.press("ArrowDown")
    assert check.locator("input").nth(1).is_checked()
    page.keyboard.press("Enter")
    assert check.locator(".verdict").inner_text()


def test_a_question_can_be_read_without_scripts(visit):
    page = visit(f"{PERCEPTRON}.html", java_script_enabled=False)
    check = page.locator(".self-check").first
    assert check.locator("input").count() == 0
    assert check.locator(".question").is_visible()
    reasons = check.locator(".reasons li")
    assert not reasons.first.is_visible()
    check.locator("summary").click()
    assert all(reason.is_visible() for reason in reasons.all())


def test_on_paper_all_reasons_stand(visit):
    page = visit(f"{PERCEPTRON}.html")
    check, _, wrong = first_check(page)
    check.locator("input").nth(wrong).check()
    check.get_by_role("button", name="Commit").click()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    reasons = page.locator(".self-check .reasons li")
    assert all(reason.is_visible() for reason in reasons.all())
    assert not check.locator("input").first.is_visible()
    assert not check.locator(".verdict").is_visible()


def test_all_works_but_memory_where_memory_is_forbidden(visit):
    page = visit(f"{PERCEPTRON}.html", before=checks.NO_STORAGE)
    check, right, _ = first_check(page)
    check.locator("input").nth(right).check()
    check.get_by_role("button", name="Commit").click()
    assert check.locator(".verdict").inner_text() == "That is right."
    page.get_by_role("button", name="I have read this page").click()
    assert "keeps nothing" in page.locator(".progress-here").inner_text()


@pytest.mark.parametrize("kept", ["{", "[1]", '{"answers": 5}', "null"])
def test_a_damaged_memory_is_begun_anew(kept, visit):
    before = f"localStorage.setItem('deep-learning-twice', {kept!r})"
    page = visit(f"{PERCEPTRON}.html", before=before)
    check, right, _ = first_check(page)
    check.locator("input").nth(right).check()
    check.get_by_role("button", name="Commit").click()
    assert check.locator(".verdict").inner_text() == "That is right."


# --- progress, and the first page -------------------------------------------------


def test_the_map_shows_what_has_been_read_and_answered(visit, address):
    page = visit(f"{PERCEPTRON}.html")
    check, right, _ = first_check(page)
    check.locator("input").nth(right).check()
    check.get_by_role("button", name="Commit").click()
    page.get_by_role("button", name="I have read this page").click()
    assert "1 of 4 questions, 1 rightly" in page.locator(".progress-here").inner_text()

    page.goto(f"{address}/{FIRST}.html")
    station = page.locator(f"[data-page='{PERCEPTRON}']")
    assert "✓ read, 1 of 4 answered" in station.inner_text()
    assert "1 of 33 pages" in page.locator(".map-progress").inner_text()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget all of it").click()
    assert "read" not in station.locator(".station-progress").inner_text()
    page.reload()
    assert not station.locator(".station-progress").is_visible()


def check_map(stations: list[list[str]], names: list[str]) -> list[str]:
    """Every lecture's page is on the map once, in order, and says how long it takes."""
    problems = []
    if [name for name, _ in stations] != names:
        problems.append(f"the map has {[n for n, _ in stations]}, not {names}")
    for name, text in stations:
        if not re.search(r"\b\d+ minutes", text):
            problems.append(f"the map does not say how long {name} takes")
    return problems


def test_every_page_of_a_lecture_is_on_the_map(visit):
    page = visit(f"{FIRST}.html")
    stations = page.locator("[data-page]").evaluate_all(
        "all => all.map(one => [one.dataset.page, one.textContent])"
    )
    names = [p.relative_to(ROOT).with_suffix("").as_posix() for p in pages()]
    checks.report(
        check_map(stations, [n for n in names if re.match(r"chapters/\d-", n)])
    )


def test_a_page_that_is_not_on_the_map_is_found():
    (problem,) = check_map([["a", "A 5 minutes"]], ["a", "b"])
    assert "not ['a', 'b']" in problem
    assert check_map([["a", "A"]], ["a"]) == ["the map does not say how long a takes"]


def test_what_moves_can_be_stopped_and_driven(visit):
    page = visit(f"{FIRST}.html", reduced_motion="reduce")
    picture = page.locator(".d2-live")
    said, slider = picture.locator(".live-controls span"), picture.locator("input")
    assert "epoch 250" in said.inner_text()  # it stands still by itself
    lines = picture.locator("path.numpy")
    at_the_end = lines.get_attribute("d")
    slider.focus()
    page.keyboard.press("Home")
    assert "epoch 0," in said.inner_text()
    assert lines.get_attribute("d") != at_the_end
    picture.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "!document.querySelector('.d2-live').innerText.includes('epoch 0,')"
    )
    picture.get_by_role("button", name="Pause").click()
    stopped = lines.get_attribute("d")
    page.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    assert lines.get_attribute("d") == stopped


def test_what_moves_shows_what_both_twins_computed(visit, site):
    page = visit(f"{FIRST}.html")
    data = page.locator(".d2-live").evaluate("node => ({...node.dataset})")
    numpy, mxnet = (base64.b64decode(data[name]) for name in ("numpy", "mxnet"))
    assert len(numpy) == len(mxnet) == 61 * len(data["at"].split())
    assert max(abs(a - b) for a, b in zip(numpy, mxnet, strict=True)) < 5
    script = (site / "_static" / "twins-live.js").stat().st_size
    assert script + sum(map(len, data.values())) < 10_000 + 2_000


# --- type -------------------------------------------------------------------------


def test_a_line_has_as_many_letters_as_one_reads_well(visit):
    page = visit(f"{LSTM}.html")
    letters = page.evaluate(
        """() => [...document.querySelectorAll("article section > p")]
          .filter(p => p.textContent.length > 250 && !p.querySelector(".math, code"))
          .map(p => {
            const range = document.createRange();
            range.selectNodeContents(p);
            const tops = [...range.getClientRects()].map(r => Math.round(r.top));
            return p.textContent.length / new Set(tops).size;
          })"""
    )
    assert letters
    middle = sorted(letters)[len(letters) // 2]
    assert 55 < middle < 80, letters


@pytest.mark.parametrize("width", [375, 320])
def test_the_table_of_goals_is_read_on_a_phone(width, visit):
    page = visit(f"{GOALS}.html")
    page.set_viewport_size({"width": width, "height": 700})
    tables = page.locator("table.stacks")
    assert tables.count() > 2
    over = tables.evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().right - innerWidth)"
    )
    assert max(over) <= 0
    assert page.locator("table.stacks td .cell-label").first.is_visible()


# --- terms ------------------------------------------------------------------------


def test_a_term_says_what_it_means(visit):
    page = visit(f"{LSTM}.html")
    link = page.locator("article a:has(> .std-term)").first
    card = page.locator("#term-card")
    link.scroll_into_view_if_needed()
    before = link.bounding_box(), page.evaluate("document.body.scrollHeight")
    link.hover()
    card.wait_for(state="visible")
    assert len(card.inner_text()) > 20
    assert (link.bounding_box(), page.evaluate("document.body.scrollHeight")) == before
    page.keyboard.press("Escape")
    assert not card.is_visible()
    page.mouse.move(0, 0)
    link.focus()
    assert card.is_visible()
    assert link.get_attribute("aria-describedby") == "term-card"
    link.blur()
    assert not card.is_visible()
    page.set_viewport_size(checks.PHONE)
    for link in page.locator("article a:has(> .std-term)").all()[:5]:
        link.focus()
        assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_a_touch_explains_and_a_second_one_leads_to_the_glossary(visit):
    page = visit(f"{LSTM}.html", has_touch=True)
    link = page.locator("article a:has(> .std-term)").first
    link.tap()
    assert page.locator("#term-card").is_visible()
    assert page.url.endswith(f"{LSTM}.html")
    link.tap()
    page.wait_for_url("**/glossary.html#term-*")


# --- search -----------------------------------------------------------------------


def results(page, query):
    """Return what the search finds: addresses and texts, best first."""
    page.goto(f"{page.url.partition('?')[0]}?q={quote(query)}")
    page.wait_for_function("document.querySelector('.search-summary')?.textContent")
    return [
        (item.locator("a").first.get_attribute("href"), item.inner_text())
        for item in page.locator("#search-results li").all()
    ]


def test_search_finds_symbols_names_and_phrases(visit):
    page = visit("search.html")
    for symbol in ("σ", "∇"):
        assert "notation" in results(page, symbol)[0][0]
    assert results(page, "sigmoid")
    assert any(
        "d2lib.scratch.cross_entropy" in w
        for _, w in results(page, "cross_entropy")[:4]
    )
    found = results(page, "scratch.lstm")
    assert found[0][1].startswith("d2lib.scratch.LSTM")
    for _, text in results(page, '"vanishing gradient"'):
        assert re.search(r"vanishing[\s-]+gradient", text, re.I)
    assert results(page, '"vanishing gradient"')
    assert not results(page, '"gradient vanishing gate perceptron"')


def test_search_works_from_a_disk(browser, site):
    opened = checks.visit(browser, f"{(site / 'search.html').as_uri()}")
    found = results(opened.page, "“forget gate”")
    assert any("lstm" in address for address, _ in found)
    assert "forget gate" in found[0][1].lower()
    checks.report(checks.check_requests(opened) + checks.check_errors(opened))
    checks.close(opened)


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\hat y = \sigma(z)", "ŷ = σ(z)"),
        (r"\nabla_w J", "∇_w J"),
        (r"\frac{\partial J}{\partial w_1}", "∂ J∂ w_1"),
        (r"\Lambda \le \text{relu}(z)", "Λ ≤ relu(z)"),
    ],
)
def test_a_formula_is_found_as_one_types_it(tex, text):
    assert spoken(tex) == text


# --- plain text -------------------------------------------------------------------


def check_plain(text: str) -> list[str]:
    """No program but the book's understands MyST, so there is none."""
    outside = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "", CODE.sub("", text), flags=re.S)
    kinds = {k: v for k, v in MYST.items() if k not in ("front matter", "an option")}
    return [
        f"it shows {what} of MyST: {found[0]!r}"
        for what, pattern in kinds.items()
        if (found := re.search(pattern, outside, re.M))
    ]


def test_every_page_is_there_as_markdown(site):
    listed = (site / "llms.txt").read_text(encoding="utf-8")
    links = re.findall(r"^- \[.+?\]\((\S+)\)", listed, re.M)
    names = [p.relative_to(ROOT).with_suffix("").as_posix() for p in pages()]
    assert links == [f"_sources/{name}.md" for name in names]
    whole = (site / "llms-full.txt").read_text(encoding="utf-8")
    problems = []
    for link in links:
        text = (site / link).read_text(encoding="utf-8")
        assert text in whole
        problems += [f"{link}: {problem}" for problem in check_plain(text)]
        numbers = re.findall(r"^\*Fig\. \S+\*", text, re.M)
        problems += [f"{link}: {n} twice" for n in set(numbers) if numbers.count(n) > 1]
    checks.report(problems)
    perceptron = (site / f"_sources/{PERCEPTRON}.md").read_text(encoding="utf-8")
    assert "```python\n" in perceptron
    assert "```text\n" in perceptron
    assert "*Figure: " in perceptron
    assert re.search(r"^\*Fig\. \S+\*", perceptron, re.M)
    assert "- B. 785" in perceptron
    page = (site / f"{PERCEPTRON}.html").read_text(encoding="utf-8")
    assert "Download as Markdown" in page


@pytest.mark.parametrize(
    "text", ["A {term}`bias`.", "(label)=\n# Page", ":::{note}\n:::"]
)
def test_myst_in_a_plain_page_is_found(text):
    assert check_plain(text)
    assert check_plain("A `{term}` and $\\hat{y}$, plain.") == []
