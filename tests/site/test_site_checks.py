"""Every check of the site can fail: each is shown a page with that error planted."""

from __future__ import annotations

import pytest
import site_checks as checks

pytestmark = pytest.mark.xdist_group("site")

GOOD = "<!doctype html><meta charset=utf-8><title>Page</title><main>{}</main>"


@pytest.mark.parametrize(
    ("body", "check", "problem"),
    [
        ("<p>text</p>", checks.check_requests, None),
        (
            "<script src='http://127.0.0.2:9/a.js'></script>",
            checks.check_requests,
            "127.0.0.2",
        ),
        (
            "<style>@import url('http://127.0.0.2:9/a.css')</style>",
            checks.check_requests,
            "127.0.0.2",
        ),
        ("<script>console.log('fine')</script>", checks.check_errors, None),
        ("<script>throw new Error('planted')</script>", checks.check_errors, "planted"),
        ("<img src='missing.png' alt='A digit'>", checks.check_errors, "404"),
        ("<img src='missing.png' alt='A digit'>", checks.check_images, "not there"),
        ("<img src='dot.svg' alt='A dot'>", checks.check_images, None),
        ("<img src='dot.svg'>", checks.check_images, "no alt"),
        ("<img src='dot.svg' alt=' '>", checks.check_images, "no alt"),
        ("<span class=math>\\(x\\)</span>", checks.check_mathematics, "not typeset"),
        (
            "<mjx-container><mjx-merror>bad</mjx-merror></mjx-container>",
            checks.check_mathematics,
            "an error in bad",
        ),
        ("<mjx-container></mjx-container>", checks.check_mathematics, "no MathML"),
        ("<script>MathJax = {}</script>", checks.check_mathematics, "a script"),
        (
            "<article style='width: 390px'>text</article>",
            checks.check_width,
            "398 pixels wide on a phone of 375: ['ARTICLE",
        ),
        (
            "<article style='width: 340px'>text</article>",
            checks.check_width,
            "348 pixels wide on a phone of 320",
        ),
        ("<p>text</p>", checks.check_width, None),
    ],
)
def test_a_planted_error_is_found(body, check, problem, tmp_path, browser):
    (tmp_path / "page.html").write_text(GOOD.format(body))
    (tmp_path / "favicon.ico").touch()
    (tmp_path / "dot.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
    )
    with checks.served(tmp_path) as address:
        visit = checks.visit(browser, f"{address}/page.html")
        problems = check(visit)
        checks.close(visit)
    if problem is None:
        assert problems == []
    else:
        assert any(problem in found for found in problems), problems


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.html").write_text("<a href='sub/b.html#here'>b</a> <p id=top>")
    (tmp_path / "sub" / "b.html").write_text(
        "<p id=here><a href='../a.html#top'>a</a><a href='https://example.org'>c</a>"
    )
    assert checks.check_links(tmp_path) == []
    (tmp_path / "sub" / "b.html").write_text("<p id=there><a href='c.html'>c</a>")
    assert checks.check_links(tmp_path) == [
        "a.html links to sub/b.html#here, but there is no place here",
        "sub/b.html links to c.html, which is not there",
    ]


def test_a_page_and_an_entry_that_do_not_lead_to_each_other_are_found(tmp_path):
    entry = (
        "<dl><dt id={0}>{0}</dt><dd><dl><dt id={0}.of>of</dt><dd>Text.</dd></dl>"
        "<p class=taught-in>Taught in <a href='{1}.html#{1}'>page</a>.</p></dd></dl>"
    )
    line = "<p class=in-reference><a href='api.html#{0}'>{0}</a></p>"
    (tmp_path / "chapters").mkdir()
    api, page, other = (
        tmp_path / "chapters" / f"{name}.html" for name in ("api", "page", "other")
    )
    api.write_text(entry.format("Net", "page") + entry.format("net", "other"))
    page.write_text(line.format("Net"))
    other.write_text(line.format("net"))
    assert checks.check_taught(tmp_path, {"Net", "net"}) == []
    page.write_text("")
    other.write_text(line.format("net") + line.format("Net"))
    assert checks.check_taught(tmp_path, {"Net", "net", "mse"}) == [
        "the reference does not say where mse is taught",
        "chapters/page.html does not lead to Net",
        "Net does not lead to chapters/other.html",
    ]


def test_a_page_that_takes_too_long_to_read_is_found():
    minutes = {
        "3/short": {"title": "Short", "core": 24.9},
        "3/long": {"title": "Long", "core": 25.1},
        "3/lab": {"title": "Lab: long", "core": 49.9},
        "3/endless": {"title": "Lab: endless", "core": 50.1},
    }
    assert checks.check_minutes(["3/short", "3/lab"], minutes) == []
    assert checks.check_minutes([*minutes, "3/old"], minutes) == [
        "the core of 3/long takes 25.1 minutes, not 25",
        "the core of 3/endless takes 50.1 minutes, not 50",
        "3/old has no section Going further, so no core",
    ]
