"""ABC is read as music21 reads it, and what is no tune is refused."""

from fractions import Fraction

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

    def test_accidentals_hold_until_the_bar_ends_and_in_every_octave(self):
        assert pitches("^FFf=FF|F _B__B^^C|") == [66, 66, 78, 65, 65, 65, 70, 69, 62]
        assert pitches("F=FF|F|", "M:2/4\nK:G\n") == [66, 65, 65, 66]
        assert pitches("^F,f'=ff'|f'|") == [54, 90, 77, 89, 89]

    def test_a_staff_shows_a_sign_in_each_octave(self):
        def signs(body, head=HEAD):
            return [symbol.accidental for symbol in parse_abc(head + body).symbols]

        assert signs("^FFfF f=f|f") == ["^", "", "^", "", "", "=", ""]
        assert signs("=FfF_f|F", "M:2/4\nK:G\n") == ["=", "=", "", "_", ""]
        assert signs("^F2-|F2f2") == ["^", "", ""]

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("^F4-|F4|", [[0, 4, 66]]),
            ("^F4-|F4-|F4|", [[0, 6, 66]]),
            ("^F4-|F2F2|", [[0, 3, 66], [3, 1, 65]]),  # the sign ends with its bar
            ("^F4-|^F2F2|", [[0, 3, 66], [3, 1, 66]]),
            ("^F4-|F2f2|", [[0, 3, 66], [3, 1, 77]]),
            ("_B2-B2B2|B2|", [[0, 2, 70], [2, 1, 70], [3, 1, 71]]),
            ("^F4-|1F4:|2F4|", [[0, 4, 66], [4, 2, 65]]),
            ("^F4-_G4|", [[0, 4, 66]]),  # two names of one pitch
            ("A4-:|B4|", [[0, 2, 69], [2, 2, 71]]),  # back to the A, so it is right
            ("A->A|", [[0, 1, 69]]),
        ],
    )
    def test_a_tie_carries_the_accidental_over_the_bar_line(self, body, expected):
        np.testing.assert_array_equal(notes(HEAD + body), expected)

    def test_a_tie_carries_it_in_keys_with_signs_too(self):
        assert pitches("=F4-|F4|F4|", "M:2/4\nL:1/8\nK:G\n") == [65, 66]


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

    @pytest.mark.parametrize(
        ("metre", "usual"),
        [("2/4", 2), ("3/8", 2), ("6/8", 3), ("9/8", 3), ("12/8", 3), ("6/4", 3)],
    )
    def test_the_time_of_a_tuplet_without_one(self, metre, usual):
        """The table of the standard, 4.13; of 5, 7 and 9 the metre says it."""
        usual = {2: 3, 3: 2, 4: 3, 5: usual, 6: 2, 7: usual, 8: 3, 9: usual}
        for count, time in usual.items():
            tune = parse_abc(f"M:{metre}\nL:1/8\nK:C\n({count}{'A' * count}B")
            assert {s.tuplet for s in tune.symbols[:-1]} == {(count, time)}
            assert tune.symbols[-1].tuplet is None
            assert tune.symbols[-1].start == Fraction(time, 2)

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("(3:2:2A4B2c", [4 / 3, 2 / 3, 1 / 2]),
            ("(3:2ABcd", [1 / 3] * 3 + [1 / 2]),
            ("(3::ABcd", [1 / 3] * 3 + [1 / 2]),
            ("(3:ABcd", [1 / 3] * 3 + [1 / 2]),
            ("(3::2A4B2c", [4 / 3, 2 / 3, 1 / 2]),
            ("(3:4:3ABc", [2 / 3] * 3),
            ("(3:2:4ABcd", [1 / 3] * 4),
            ("(5:4:3ABc", [0.4] * 3),
            ("(3 A z c", [1 / 3] * 3),
            ("(3A>Bc d", [1 / 2, 1 / 6, 1 / 3, 1 / 2]),
            ("(3A{g}Bc d", [1 / 3] * 3 + [1 / 2]),
        ],
    )
    def test_tuplets_of_any_kind(self, written, expected):
        assert durations(written) == pytest.approx(expected)
        if "z" not in written and "{" not in written:  # it counts grace notes
            assert durations(written) == pytest.approx(by_music21(written)[:, 1])

    def test_a_tuplet_of_more_than_nine(self):
        assert durations("(11:8" + "A" * 11) == pytest.approx([4 / 11] * 11)

    def test_where_a_tuplet_begins(self):
        symbols = parse_abc(HEAD + "(3ABc(3:2:2A2B(3zAB").symbols
        assert [symbol.opens for symbol in symbols] == [1, 0, 0, 1, 0, 1, 0, 0]

    def test_rests_and_ties(self):
        found = notes(HEAD + "A z B-|B2 Bc|")
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
        ("body", "endings"),
        [
            ("|:A4|[1,2B4:|[3c4|", ["", "1,2", "3"]),
            ("|:A4|1,2B4:|3c4|", ["", "1,2", "3"]),
            ("|:A4|[1-3B4:|4c4|", ["", "1-3", "4"]),
            ("|:A4|[1,3,5-7 B4:|[2,4c4|", ["", "1,3,5-7", "2,4"]),
            ("|:A4| [1 B4 :| [2 c4 |]", ["", "1", "2"]),
            ("|:A4|\n[1B4:|\n[2c4|]", ["", "1", "2"]),
            ("[1A4|12B4", ["1", "12"]),
        ],
    )
    def test_endings(self, body, endings):
        tune = parse_abc(HEAD + body)
        assert [bar.ending for bar in tune.bars] == endings
        if "[3" not in body:  # it knows [1 and [2
            np.testing.assert_allclose(notes(tune), by_music21(body))

    def test_bar_lines_of_every_kind(self):
        lines = ["|", "||", "|]", "[|", "|:", ":|", "::", ":|:", ":||:", "|::", "::|"]
        for line in lines:
            first, second = parse_abc(f"{HEAD}A4{line}B4").bars
            assert first.right == second.left == line

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


def by_music21(body, head=HEAD):
    """Onsets, durations and pitches of each note."""
    abc = pytest.importorskip("music21.abcFormat")
    handler = abc.ABCFile().readstr(f"%abc-2.1\n{head}{body}")
    stream = abc.translate.abcToStreamScore(handler)
    return np.array(
        [
            (n.getOffsetInHierarchy(stream), n.quarterLength, n.pitch.midi)
            for n in stream.recurse().notes
        ],
        float,
    )


def test_accidentals_are_read_as_music21_reads_them():
    for body in ("^FFfF,|Ff|", "_B=bB|B_cC|", "^F2(3GFf|"):
        np.testing.assert_allclose(notes(HEAD + body), by_music21(body), atol=1e-3)


def test_the_reading_is_that_of_music21():
    """Real tunes, note by note."""
    from d2lib.data import load_tunes

    pytest.importorskip("music21")
    for tune in load_tunes().validation[:20]:
        np.testing.assert_allclose(notes(tune), by_music21(tune, ""), atol=1e-3)


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
    HEAD + "AB\ncqd|": "line 5, column 2: 'q' is no note",
    HEAD + "A|\nK:D\nA|": "line 5, column 1: a field stands in the tune",
    HEAD + "[AB]|": r"line 4, column 1: '\[' is no note.*chords and fields",
    HEAD + "AB[K:G]|": "column 3: .*chords and fields",
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
    HEAD + "(3AB": "line 4, column 5: a tuplet lacks 1 of its notes",
    HEAD + "(1A|": r"\(1 is no tuplet",
    HEAD + "(0:2:3ABc|": "is no tuplet",
    HEAD + "(10" + "A" * 10: r"line 4, column 1: \(10 is no tuplet: .* as in \(11:8",
    HEAD + "A-B|": "line 4, column 3: a tie leads to another pitch",
    HEAD + "A4-|B4|": "line 4, column 5: a tie leads to another pitch",
    HEAD + "^F-=F|": "another pitch",
    HEAD + "A-zA|": "another pitch",
    HEAD + "A4-|\n|": "line 5, column 2: a tie lacks its second note",
    HEAD + "AB -B|": "line 4, column 4: '-' stands right after the note",
    HEAD + "A4|-A4|": "'-' stands right after the note",
    HEAD + "A2[1B2|": r"line 4, column 3: the ending \[1 does not stand at a bar line",
    HEAD + "A4|[0B4|": r"the ending \[0 does not name repeats",
    HEAD + "A4|[2,1B4|": "does not name repeats",
    HEAD + "A4|1-B4|": "does not name repeats",
    HEAD + "A4|1,,2B4|": "does not name repeats",
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
