"""ABC is read as music21 reads it, garbage is refused, and the sound is the pitch."""

import io
import subprocess
import sys
import wave

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from d2lib import music
from d2lib.music import ABCError, check_abc, notes, parse_abc

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
    for use in (notes, music.play):
        with pytest.raises(ABCError):
            use(text)


def test_abc_error_is_a_value_error_and_text_is_a_string():
    assert issubclass(ABCError, ValueError)
    for text in (None, 3, b"A", ["A"]):
        with pytest.raises(TypeError, match="a tune is a string"):
            parse_abc(text)


class TestCheck:
    pytest.importorskip("music21")
    TUNE = "M:6/8\nL:1/8\nK:G\nGAB dBA|G3 G3|BAG d2:|"

    def test_a_tune(self):
        check = check_abc(self.TUNE)
        assert check
        assert (check.reason, check.notes, check.bars, check.bars_fit) == ("", 12, 3, 1)

    def test_bars_are_told_apart(self):
        check = check_abc(self.TUNE.replace("G3 G3", "G3 G2"))
        assert check.valid
        assert check.bars_fit == pytest.approx(2 / 3)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (HEAD + "ABcd|efg|", "7 notes are no tune"),
            (TUNE.replace("G3", "G3;"), "';' is no note"),
            ("", "lacks K:"),
        ],
    )
    def test_no_tune(self, text, reason):
        check = check_abc(text)
        assert not check
        assert reason in check.reason

    def test_what_music21_cant_read(self, monkeypatch):
        from music21 import abcFormat

        def fail(self, text):
            raise abcFormat.ABCHandlerException("planted")

        monkeypatch.setattr(abcFormat.ABCFile, "readstr", fail)
        check = check_abc(self.TUNE)
        assert check.reason == "music21 can't read it: ABCHandlerException: planted"
        assert not check.valid

    def test_without_music21(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "music21", None)
        with pytest.raises(ImportError, match=r"pip install 'd2lib-book\[music\]'"):
            check_abc(self.TUNE)
        assert len(parse_abc(self.TUNE).bars) == 3

    @pytest.mark.parametrize("first", ["", "import music21;"])
    def test_music21_leaves_the_figures_of_a_notebook_alone(self, first):
        # It starts a timer that makes them PNGs. Imported first, it proves the test.
        script = f"""if True:
            import io, sys, threading
            class OutStream(io.StringIO): "by this name music21 knows a notebook"
            sys.stderr = OutStream(); {first}
            from d2lib.music import check_abc
            assert check_abc({self.TUNE!r})
            print([t for t in threading.enumerate() if isinstance(t, threading.Timer)])
            sys.stdout.flush(); __import__("os")._exit(0)"""
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        assert (done.stdout.strip() == "[]") == (first == ""), done.stdout

    ALPHABET = "ABCDEFGabcdefgz0123468/|:[]()<>^_=',-.~\n \"{}!MLKX$%\\é"

    @settings(max_examples=300, deadline=None)
    @given(st.text(ALPHABET, max_size=60), st.sampled_from(["", HEAD]))
    @example("|:" * 5000, HEAD)
    @example("(3ABc" * 3000, HEAD)
    @example("A>" * 9000, HEAD)
    @example("^" * 15000, HEAD)
    def test_garbage_neither_crashes_nor_hangs(self, body, head):
        check = check_abc(head + body)
        assert check.valid == (check.reason == "")
        assert 0 <= check.bars_fit <= 1
        try:
            tune = parse_abc(head + body)
        except ABCError:
            assert not check.valid
        else:
            found = notes(tune)
            assert len(found) <= check.notes
            assert (found[:, 1] > 0).all()
            assert (np.diff(found[:, 0]) > 0).all()

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.sampled_from([*"ABcd", "e2", "f/", "z", "|", "(3AGF"])))
    def test_what_is_made_of_notes_is_read_by_both(self, tokens):
        body = "ABcdefga|" + "".join(tokens)
        assert check_abc(HEAD + body)


class TestSound:
    @pytest.mark.parametrize("pitch", [57, 69, 81])
    def test_the_pitch_is_what_was_asked_for(self, pitch):
        sound = music.synthesize([[0, 4, pitch]], tempo=120)
        spectrum = np.abs(np.fft.rfft(sound))
        loudest = np.fft.rfftfreq(len(sound), 1 / 22050)[spectrum.argmax()]
        assert loudest == pytest.approx(440 * 2 ** ((pitch - 69) / 12), rel=0.01)

    def test_onsets_and_length(self):
        sound = music.synthesize([[0, 1, 69], [3, 1, 76]], tempo=60, sample_rate=8000)
        assert sound.dtype == np.float32
        assert len(sound) == round(4.1 * 8000)
        assert np.abs(sound).max() == pytest.approx(0.8)
        assert np.abs(sound[8000:24000]).max() == 0
        assert np.abs(sound[24000:26000]).max() > 0.3
        again = music.synthesize([[0, 1, 69], [3, 1, 76]], tempo=60, sample_rate=8000)
        np.testing.assert_array_equal(sound, again)

    def test_nothing_clicks(self):
        # The wave never jumps further than its own oscillation takes it in one sample.
        sound = music.synthesize([[0, 1, 60], [1, 1, 64]], tempo=120)
        assert abs(sound[0]) < 1e-3
        assert abs(sound[-1]) < 1e-3
        edge = round(0.5 * 22050)
        assert np.abs(np.diff(sound[edge - 20 : edge + 20])).max() < 0.05

    def test_harmonics_above_half_the_rate_are_left_out(self):
        sound = music.synthesize([[0, 4, 96]], tempo=120, sample_rate=4400)
        spectrum = np.abs(np.fft.rfft(sound))
        frequencies = np.fft.rfftfreq(len(sound), 1 / 4400)
        fundamental = 440 * 2 ** (27 / 12)
        aside = np.abs(frequencies - fundamental) > 60
        assert spectrum[aside].max() < 0.1 * spectrum.max()

    def test_silence(self):
        assert not music.synthesize([]).any()
        assert len(music.synthesize(np.zeros((0, 3)))) == 2205

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"notes": [[0, 1]]}, r"shape \(n, 3\)"),
            ({"notes": [[0, np.nan, 60]]}, "finite"),
            ({"notes": [[-1, 1, 60]]}, "start at 0 or later"),
            ({"notes": [[0, 0, 60]]}, "start at 0 or later and last"),
            ({"notes": [[0, 9999, 60]]}, "more than 600"),
            ({"notes": [[0, 1, 60]], "tempo": 0}, "tempo"),
            ({"notes": [[0, 1, 60]], "sample_rate": 0}, "sample_rate"),
        ],
    )
    def test_errors(self, options, message):
        with pytest.raises(ValueError, match=message):
            music.synthesize(**options)

    def test_wav(self, tmp_path):
        sound = np.float32([0, 0.5, -1, 1])
        with wave.open(io.BytesIO(music.wav_bytes(sound, 8000))) as file:
            assert file.getparams()[:4] == (1, 2, 8000, 4)
            samples = np.frombuffer(file.readframes(4), "<i2")
        assert samples.tolist() == [0, 16384, -32767, 32767]
        music.save_wav(tmp_path / "a.wav", sound, 8000)
        assert (tmp_path / "a.wav").read_bytes() == music.wav_bytes(sound, 8000)

    @pytest.mark.parametrize(
        ("sound", "message"),
        [(np.zeros((2, 2)), "shape"), ([0, 1.5], "divide"), ([np.nan], "divide")],
    )
    def test_what_is_no_sound(self, sound, message, tmp_path):
        with pytest.raises(ValueError, match=message):
            music.save_wav(tmp_path / "a.wav", sound)
        assert not list(tmp_path.iterdir())


class TestPlayer:
    def test_it_is_one_element_with_a_name_and_its_sound(self):
        player = music.play(TestCheck.TUNE, label='A "jig"')
        assert player._repr_html_() == player
        assert player.startswith("<audio controls")
        assert 'aria-label="A &quot;jig&quot;"' in player
        assert 'src="data:audio/wav;base64,UklGR' in player
        assert "http" not in player
        assert repr(player).startswith("<Html of ")

    def test_a_long_tune_is_faded_out(self):
        long = HEAD + "ABcd|" * 100
        assert len(music.play(long)) < 360_000
        assert len(music.play(long, seconds=1)) < 31_000
        assert len(music.play(HEAD + "z4|")) < 5_000
        for options in ({"tempo": 0}, {"seconds": -1}):
            with pytest.raises(ValueError, match=next(iter(options))):
                music.play(long, **options)
