"""Films of agents in a real browser: they play when one presses their button."""

import pytest
import site_checks as checks

from d2lib.plotting import watch
from d2lib.reinforcement import rollout

pytestmark = pytest.mark.xdist_group("site")


@pytest.fixture
def show(browser):
    visits = []

    def open_films(*films, **options):
        page = browser.new_context(**options).new_page()
        visits.append(checks.Visit(page))
        page.on("pageerror", lambda error: visits[-1].errors.append(str(error)))
        page.set_content("<!doctype html><html lang=en><body>" + "".join(films))
        return page

    yield open_films
    for visit in visits:
        assert not checks.check_errors(visit)
        checks.close(visit)


@pytest.fixture(scope="module")
def films():
    def film(seed, seconds):
        episode = rollout(None, "CartPole-v1", seed=seed)
        return watch(episode, "CartPole-v1", seconds=seconds)

    return film(0, 60), film(1, 0.05)


def moving(page, number=0):
    """The state of the film's parts: none before anybody pressed the button."""
    return page.evaluate(
        "n => [...new Set(document.querySelectorAll('.d2-agent')[n]"
        ".getAnimations({subtree: true}).map(a => a.playState))]",
        number,
    )


def seen(page, number=0):
    """Whether the still is seen, and whether the film is."""
    return page.evaluate(
        "n => ['still', 'film'].map(name => getComputedStyle(document"
        ".querySelectorAll('.d2-' + name)[n]).display !== 'none')",
        number,
    )


def test_it_starts_when_one_wants_and_stops_when_one_wants(show, films):
    page = show(*films)
    first, second = page.locator("button").all()
    assert moving(page) == moving(page, 1) == []
    assert seen(page) == [True, False]
    first.click()
    assert (moving(page), first.inner_text()) == (["running"], "pause")
    assert seen(page) == [False, True]
    assert moving(page, 1) == []  # the other one has a button of its own
    first.click()
    assert (moving(page), first.inner_text()) == (["paused"], "play")
    first.focus()
    page.keyboard.press("Enter")
    assert moving(page) == ["running"]
    second.click()
    page.wait_for_function(
        "document.querySelectorAll('button')[1].textContent == 'play'"
    )
    assert moving(page, 1) == ["finished"]  # once, and no more
    second.click()
    assert seen(page, 1) == [False, True]


def test_it_moves_as_it_was_recorded(show, films):
    page = show(films[0])
    page.locator("button").click()
    where = page.evaluate(
        """() => [...document.querySelectorAll('[data-way]')].map(node => {
            const [film] = node.getAnimations();
            film.pause();
            film.currentTime = 60000;
            const m = new DOMMatrix(getComputedStyle(node).transform);
            return [node.dataset.way.split(' ').pop(), m.e, m.f,
                    Math.atan2(m.b, m.a) * 180 / Math.PI];
        })"""
    )
    assert len(where) == 3
    for last, *now in where:
        wanted = [*map(float, last.split(",")), 0.0, 0.0][:3]
        assert now == pytest.approx(wanted, abs=0.01)


def test_it_stands_still_where_motion_is_not_wanted(show, films):
    page = show(films[1], reduced_motion="reduce")
    page.wait_for_timeout(200)
    assert moving(page) == []
    assert seen(page) == [True, False]


def test_the_still_is_what_is_printed_and_what_no_script_can_hide(show, films):
    page = show(films[0])
    page.locator("button").click()
    page.emulate_media(media="print")
    assert seen(page) == [True, False]
    assert not page.locator("button").is_visible()
    page = show(films[0], java_script_enabled=False)
    assert page.locator(".d2-still").is_visible()
    assert not page.locator(".d2-film").is_visible()
    assert not page.locator("button").is_visible()
