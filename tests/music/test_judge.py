"""What `check_abc` takes for a tune, music21 takes for one too."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from d2lib.music import ABCError, check_abc, notes, parse_abc

pytest.importorskip("music21")

HEAD = "M:2/4\nL:1/8\nK:C\n"


class TestCheck:
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
        with pytest.raises(ImportError, match="pip install music21"):
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
