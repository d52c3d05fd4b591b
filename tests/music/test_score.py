"""The score has every note where it belongs, and is well-formed SVG of one picture."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.music import ABCError, parse_abc, score_svg
from d2lib.music.score import _heads

HEAD = "M:4/4\nL:1/8\nK:D\n"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(body, head=HEAD):
    return ET.fromstring(score_svg(head + body))


def places(body):
    """The x and y of every head of a note."""
    found = []
    for head in drawn(body).iter(f"{SVG}ellipse"):
        x, y = re.match(r"translate\((\S+) (\S+)\)", head.get("transform")).groups()
        found.append((float(x), float(y)))
    return found


def test_a_step_is_half_a_space():
    ys = [y for _, y in places("CDEFGABc|")]
    assert ys == [40, 36, 32, 28, 24, 20, 16, 12]  # B on the middle line


def test_time_goes_to_the_right():
    xs = [x for x, _ in places("AB c2 (3efg a>b|")]
    assert xs == sorted(xs)
    assert min(b - a for a, b in itertools.pairwise(xs)) > 10


def test_every_bar_and_note_is_drawn_once():
    body = "|:AB cd efga|b8|A2 B2 c4:|" * 8
    root = drawn(body)
    bars = [g for g in root.iter(f"{SVG}g") if g.get("class") == "bar"]
    assert len(bars) == 24
    assert len(list(root.iter(f"{SVG}ellipse"))) == 8 * (8 + 1 + 3)
    width, height = map(float, root.get("viewBox").split()[2:])
    assert height > 4 * 60
    xs = [float(x) for x in re.findall(r"translate\(([\d.]+) ", score_svg(HEAD + body))]
    assert max(xs) < width


def test_metre_and_key():
    svg = score_svg("M:6/8\nL:1/8\nK:Eb\nABc def|")
    assert ">6</text>" in svg
    assert ">8</text>" in svg
    few, many = (len(score_svg(f"M:6/8\nK:{key}\nABc|")) for key in ("C", "A"))
    assert many > few


def test_who_cant_see_it_is_told_what_it_is():
    root = drawn("A8|")
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Score: 4/4 in D, 1 bars"
    assert root.find(f"{SVG}title").text == root.get("aria-label")
    svg = score_svg(HEAD + "A8|", label='<a> & "b"')
    assert ET.fromstring(svg).get("aria-label") == '<a> & "b"'


def test_it_takes_the_colour_of_the_page_and_fits_its_width():
    svg = score_svg(HEAD + "AB c2 d4|z8|")
    assert 'stroke="currentColor"' in svg
    assert not re.search(r"#[0-9a-f]{3}|black|white|rgb", svg)
    assert "width: 100%" in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert svg._repr_html_() == svg


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ("A8|", [(1, 0)]),
        ("A6|", [(1 / 2, 1)]),
        ("A7|", [(1 / 2, 2)]),
        ("A5|", [(1 / 2, 0), (1 / 8, 0)]),
        ("A>B|", [(1 / 8, 1), (1 / 16, 0)]),
        ("(3ABc|", [(1 / 8, 0)] * 3),
        ("z4|", [(1 / 2, 0)]),
    ],
)
def test_durations_are_written_as_notes_that_exist(body, written):
    (bar,) = parse_abc(HEAD + body).bars
    heads = _heads(bar)
    assert [(float(head.base), head.dots) for head in heads] == written
    assert [head.tied for head in heads[:-1]] == [len(heads) > len(bar.symbols)] * (
        len(heads) - 1
    )


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        ("(3ABc(3ABc", ["3", "3"]),
        ("(3:2:2A2B A", ["3"]),
        ("(3:2:4ABcd", ["3"]),
        ("(3A5Bc", ["3"]),  # the A is drawn as two notes
        ("(5:4ABcde(2zA", ["5", "2"]),
    ],
)
def test_each_tuplet_has_its_number(body, numbers):
    italic = [text for text in drawn(body).iter(f"{SVG}text") if text.get("font-style")]
    assert [text.text for text in italic] == numbers


def test_a_sign_is_drawn_where_a_staff_needs_it():
    """On a staff a sign holds in one octave, in ABC in all of them."""
    once, twice = drawn("^GGA4|"), drawn("^GgA4|")
    lines = [len(list(root.iter(f"{SVG}path"))) for root in (once, twice)]
    assert lines[1] == lines[0] + 4  # the four strokes of a sharp


NOTE = st.from_regex(r"(\^|_|=)?[A-Ga-g][,']?(2|3|/|/4|3/2|7)?", fullmatch=True)
TOKEN = NOTE | st.sampled_from(
    [
        *("z", "z4", "|", "||", "|:", ":|", "::", "[|", "|1", "|[1,3", "(3abc", "A>B"),
        *("(3:2:2a2b", "(2z7c5", "^c2-|c2", "_e-e7", "B2-:|A"),
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(TOKEN, max_size=60), st.sampled_from(["C", "F#", "Ebm"]))
def test_whatever_is_read_is_drawn(tokens, key):
    root = drawn("A" + " ".join(tokens), f"M:6/8\nL:1/8\nK:{key}\n")
    assert "nan" not in ET.tostring(root, encoding="unicode")


def test_errors():
    with pytest.raises(ABCError):
        score_svg("no tune")
