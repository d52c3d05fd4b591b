"""O'Neill's tunes: one form, full bars, and a clear word where they are missing."""

import re
import sys

import pytest

from d2lib.data import STOP, DataError, load_tunes, tunes
from d2lib.music import check_abc, parse_abc

pytest.importorskip("music21")


@pytest.fixture(scope="module")
def loaded():
    return load_tunes()


def test_how_many(loaded):
    assert repr(loaded) == "Tunes(1378 to train, 153 to validate)"
    everything = loaded.train + loaded.validation
    assert len(set(everything)) == len(everything)
    assert sum(map(len, everything)) == 265_536


def test_the_form(loaded):
    for tune in loaded.train + loaded.validation:
        assert re.match(r"M:\d+/\d+\nL:1/8\nK:[A-G][#b]?(m|dor|mix|phr|lyd)?\n", tune)
        assert tune.endswith("\n")
        assert "\n\n" not in tune
        assert STOP not in tune
        assert not re.search(r'[ "{}~.!\\()-]', re.sub(r"\(\d", "", tune)), tune
        assert parse_abc(tune).bars_fit == 1
    assert len(set("".join(loaded.train))) == 47


def test_every_part_has_its_line(loaded):
    bodies = [tune.split("\n", 3)[3] for tune in loaded.train]
    for line in "".join(bodies).splitlines():
        assert not re.search(r"\|\||:\||\|:", line.removeprefix("|:")[:-2]) or (
            re.search(r":\|2", line)
        )


def test_music21_takes_them_for_tunes(loaded):
    checks = [check_abc(tune) for tune in loaded.validation[:25]]
    assert [check.reason for check in checks] == [""] * 25
    assert all(check.bars_fit == 1 and check.notes >= 8 for check in checks)


def test_the_split_is_seeded(loaded):
    again = load_tunes()
    assert again.train == loaded.train
    assert again.validation == loaded.validation
    other = load_tunes(validation=0, seed=1)
    assert other.validation == []
    assert other.train != loaded.train + loaded.validation
    assert sorted(other.train) == sorted(loaded.train + loaded.validation)


@pytest.mark.parametrize(
    ("source", "tune"),
    [
        (
            "X: 1\nT: A\nM: C|\nL: 1/8\nR:Reel\nK: ADor\n"
            '|:(AB) {c}d2- "Segno"efga|1 ~A4 .A4:|2 A8|] % end\n',
            "M:2/2\nL:1/8\nK:Ador\n|:ABd2efga|1A4A4:|2A8||\n",
        ),
        (
            "X: 2\nM: 6/8\nK: G\n\nGAB d2B\\\n|TA3 G3::B|d3 g3|a3 g2|]\n",
            "M:6/8\nL:1/8\nK:G\nGABd2B|A3G3:|\n|:B|d3g3|a3g2||\n",
        ),
        # What is left out: other lengths, a change of key, chords, a bar too long.
        ("X: 3\nM: 2/4\nL: 1/16\nK: G\nG4 B4|d8|]\n", None),
        ("X: 4\nM: 2/4\nK: G\nG4 B4|d8|]\n", None),
        ("X: 5\nM: 2/4\nL: 1/8\nK: G\nG4|\nK: D\nd4|]\n", None),
        ("X: 6\nM: 2/4\nL: 1/8\nK: G\n[GB]4|d4|]\n", None),
        ("X: 7\nM: 2/4\nL: 1/8\nK: G\nG4|G5|G4|]\n", None),
        ("X: 8\nM: 2/4\nL: 1/8\nG4|]\n", None),
        ("X: 9\nL: 1/8\nK: G\nG4|]\n", None),
        ("X: 10\nM: 2/4\nL: 1/8\nK: G\n", None),
    ],
)
def test_bringing_into_form(source, tune):
    assert tunes._uniform(source) == tune


def test_without_music21(monkeypatch):
    monkeypatch.setattr(tunes, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install music21"):
        load_tunes()


def test_without_the_corpus(monkeypatch, tmp_path):
    class Spec:
        origin = str(tmp_path / "music21" / "__init__.py")

    monkeypatch.setattr(tunes, "find_spec", lambda name: Spec)
    with pytest.raises(DataError, match="packed without its corpus"):
        load_tunes()


def test_loading_does_not_import_music21():
    import subprocess

    code = (
        "import sys; from d2lib.data.tunes import load_tunes; load_tunes()\n"
        "assert 'music21' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("validation", "error"), [(1, ValueError), (-0.1, ValueError), ("a", TypeError)]
)
def test_errors(validation, error):
    with pytest.raises(error, match="validation"):
        load_tunes(validation)
