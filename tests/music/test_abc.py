"""ABC is read as music21 reads it, and what is no tune is refused."""

import numpy as np
import pytest

from d2lib.music import ABCError, notes, parse_abc, play, score_svg

HEAD = "M:2/4\nL:1/8\nK:C\n"


def pitches(body, head=HEAD):
    return notes(head + body)[:, 2].astype(int).tolist()


def durations(body, head=HEAD):
    return [float(symbol.duration) for symbol in parse_abc(head + body).symbols]


class TestPitch:
    def test_octaves(self):
        assert pitches("C,CGABcc'c''|") == [48, 60, 67, 69, 71, 72, 84, 96]

    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            ("C", [65, 71, 72]),
            ("Am", [65, 71, 72]),
            ("G", [66, 71, 72]),
            ("D", [66, 71, 73]),
            ("F", [65, 70, 72]),
            ("Ddor", [65, 71, 72]),
            ("A mix", [66, 71, 73]),
            ("Edor", [66, 71, 73]),
            ("Fm", [65, 70, 72]),
            ("F#m", [66, 71, 73]),
            ("Bb", [65, 70, 72]),
            ("Elydian", [66, 71, 73]),
        ],
    )
    def test_keys(self, key, expected):
        assert pitches("FBc|", f"M:2/4\nK:{key}\n") == expected

    def test_accidentals_hold_until_the_bar_ends_and_in_their_octave(self):
        assert pitches("^FFf=FF|F _B__B^^C|") == [66, 66, 77, 65, 65, 65, 70, 69, 62]
        assert pitches("F=FF|F|", "M:2/4\nK:G\n") == [66, 65, 65, 66]


class TestTime:
    def test_lengths(self):
        assert durations("A A2 A3/2 A/ A/2 A// A/4|") == [
            *(0.5, 1.0, 0.75, 0.25, 0.25, 0.125, 0.125)
        ]
        assert durations("A", "M:2/4\nK:C\n") == [0.25]
        assert durations("A", "M:6/8\nK:C\n") == [0.5]
        assert durations("A", "M:C|\nL:1/4\nK:C\n") == [1.0]

    def test_broken_rhythm(self):
        assert durations("A>B A<B A>>B|") == [0.75, 0.25, 0.25, 0.75, 0.875, 0.125]

    def test_tuplets(self):
        assert sum(durations("(3ABc (3A2B2c2|")) == pytest.approx(1 + 2)
        assert durations("(2AB|", "M:6/8\nL:1/8\nK:C\n") == [0.75, 0.75]
        assert sum(durations("(5ABcde|", "M:6/8\nL:1/8\nK:C\n")) == 1.5
        assert parse_abc(HEAD + "(3ABc").symbols[0].tuplet == (3, 2)

    def test_rests_and_ties(self):
        found = notes(HEAD + "A z B-|B2 B-c|")
        assert found.dtype == np.float64
        expected = [[0, 0.5, 69], [1, 1.5, 71], [2.5, 0.5, 71], [3, 0.5, 72]]
        np.testing.assert_array_equal(found, expected)
        assert notes(HEAD + "z4|").shape == (0, 3)

    def test_what_is_no_melody_is_read_over(self):
        plain = notes(HEAD + "AB cd|e4||")
        rich = '"Am"(A.B) {g}c~d!trill!|\\\nT e4 ||%end'
        np.testing.assert_array_equal(notes(HEAD + rich), plain)


class TestBars:
    def test_lines_and_endings(self):
        tune = parse_abc(HEAD + "A|:AB cd|1e4:|2f4||\n\n|:A4::B4:|")
        lines = [(bar.left, bar.right, bar.ending) for bar in tune.bars]
        assert lines == [
            ("", "|:", ""),
            ("|:", "|", ""),
            ("|", ":|", "1"),
            (":|", "||", "2"),
            ("|:", "::", ""),
            ("::", ":|", ""),
        ]
        assert [len(bar.symbols) for bar in tune.bars] == [1, 4, 1, 1, 1, 1]

    @pytest.mark.parametrize(
        ("body", "fits"),
        [
            ("AB cd|e4|", [True, True]),
            ("A|AB cd|e3:|", [True, True, True]),
            ("AB|c4|d2||e2|f4|g2|]", [True] * 6),
            ("A4|A3|A4|", [True, False, True]),
            ("A5|A4|", [False, True]),
            ("A3|A3|A4|", [True, False, True]),
            ("(3ABc de|A>B c2|", [True, True]),
            ("A4|B4|c3|", [True, True, True]),
            ("A4|B4|c5|", [True, True, False]),
        ],
    )
    def test_what_fits(self, body, fits):
        tune = parse_abc(HEAD + body)
        assert [bar.fits for bar in tune.bars] == fits
        assert tune.bars_fit == pytest.approx(np.mean(fits))


def test_the_reading_is_that_of_music21():
    """Onsets, durations and pitches of real tunes, note by note."""
    pytest.importorskip("music21")
    from music21 import abcFormat

    from d2lib.data import load_tunes

    for tune in load_tunes().validation[:20]:
        handler = abcFormat.ABCFile().readstr(f"%abc-2.1\n{tune}")
        stream = abcFormat.translate.abcToStreamScore(handler)
        theirs = [
            (n.getOffsetInHierarchy(stream), n.quarterLength, n.pitch.midi)
            for n in stream.recurse().notes
        ]
        np.testing.assert_allclose(notes(tune), np.array(theirs, float), atol=1e-3)


ERRORS = {
    "": "lacks K:",
    "hello": "lacks K:",
    "K:G\nABc|": "lacks M:",
    "M:6/8\nABc|": "lacks K:",
    "M:6/0\nK:G\nA|": "M:6/0 is no metre",
    "M:100000/8\nK:G\nA|": "is no metre",
    "M:x\nK:G\nA|": "M:x is no metre",
    "M:2/4\nL:1/0\nK:G\nA|": "L:1/0 is no length",
    "M:2/4\nL:1/3\nK:G\nA|": "is no length",
    "M:2/4\nK:H\nA|": "K:H is no key",
    "M:2/4\nK:\nA|": "K: is no key",
    "M:2/4\nK:Gfoo\nA|": "K:Gfoo is no key",
    "M:2/4\nK:GM\nA|": "K:GM is no key",
    "M:2/4\nK:G#\nA|": "K:G# has 8 accidentals",
    HEAD: "has no notes",
    HEAD + "|||:|": "has no notes",
    HEAD + "AB\ncqd|": "line 5: 'q' is no note",
    HEAD + "A|\nK:D\nA|": "line 5: a field stands in the tune",
    HEAD + "[AB]|": r"'\[' is no note",
    HEAD + "A0|": "can't be 0 units long",
    HEAD + "A99|": "can't be 99 units long",
    HEAD + "A/3|": "can't be written as notes",
    HEAD + "A123|": "'3' is no note",
    HEAD + "A,,,,|": "',' is no note",
    HEAD + ">A|": "stands between two notes",
    HEAD + "A>|B": "lacks its second note",
    HEAD + "A><B|": "stands between two notes",
    HEAD + "(3AB|c": "a tuplet lacks 1 of its notes",
    HEAD + "(3A(3Bcd|": "a tuplet begins within",
    HEAD + "(1A|": r"'\(' is no note",
    HEAD + '"A|': "'\"' is no note",
    HEAD + "A" * 20_000: "longer than 20,000",
}


@pytest.mark.parametrize("text", ERRORS)
def test_what_is_no_tune(text):
    with pytest.raises(ABCError, match=ERRORS[text]):
        parse_abc(text)
    for use in (notes, play, score_svg):
        with pytest.raises(ABCError):
            use(text)


def test_abc_error_is_a_value_error_and_text_is_a_string():
    assert issubclass(ABCError, ValueError)
    for text in (None, 3, b"A", ["A"]):
        with pytest.raises(TypeError, match="a tune is a string"):
            parse_abc(text)
