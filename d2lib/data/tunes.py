r"""Irish tunes in ABC notation, in a uniform form that a small model can learn.

They are those of Francis O'Neill's *Music of Ireland*, Chicago 1903, a collection of
1,850 melodies that he and his friends had gathered among Irish immigrants. The book is
in the public domain. Volunteers, whom the files name, typed its tunes into ABC in the
1990s, and music21 ships their files in its corpus, "oneills1850". These files state no
licence of their own. music21's note on its corpus says that its works are "distributed
with the permission of the encoders" and that "to the best of our knowledge" each is
"either out of copyright in the United States or is licensed for use". d2lib therefore
contains none of them: it reads them where music21 is installed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from d2lib._checks import as_generator, check_probability
from d2lib.data.idx import DataError

__all__ = ["STOP", "Tunes", "load_tunes"]

#: A character that is in no tune: put it between them, and let a model end with it.
STOP = "$"

_KEY = re.compile(r"([A-G][#b]?) *(m|dor|mix|phr|lyd)?", re.IGNORECASE)
# What is no melody: annotations, grace notes, ornaments, slurs, ties, spaces.
_ORNAMENTS = re.compile(r'"[^"]*"|\{[^}]*\}|![^!]*!|\((?!\d)|[)~.THSRuvPy*\\\s-]')
_BAR_LINE = re.compile(r"([:|]*\|[:|]*\]?|::)(?:\[?([12]))?")


@dataclass(frozen=True, eq=False, repr=False)
class Tunes:
    """Tunes in ABC, split into those to learn from and those to judge with.

    Attributes:
        train: the tunes to learn from.
        validation: the others.
    """

    train: list[str]
    validation: list[str]

    def __repr__(self) -> str:
        return f"Tunes({len(self.train)} to train, {len(self.validation)} to validate)"


def load_tunes(validation: float = 0.1, seed: int | np.random.Generator = 0) -> Tunes:
    r"""Loads O'Neill's tunes, as far as they can be brought into one form.

    Every tune has the same header of three lines, metre, length and key, and a line for
    each of its parts, which ends with ``||`` or ``:|``. Ornaments and titles are left
    out. Only tunes that `d2lib.music.parse_abc` reads and whose every bar fits the
    metre are kept, in about three seconds. Nothing is downloaded.

    Args:
        validation: which share of the tunes to judge with, at least 0 and below 1.
        seed: an int or a Generator: which tunes these are.

    Returns:
        `Tunes`, in random order. They do not contain `STOP`.

    Raises:
        ImportError: music21, in which the tunes are, is missing.
        DataError: the installed music21 comes without its corpus.
        TypeError, ValueError: validation is no number in [0, 1).

    Example:
        >>> tunes = load_tunes()
        >>> tunes
        Tunes(1378 to train, 153 to validate)
        >>> print(tunes.train[0][:32])
        M:2/2
        L:1/8
        K:A
        (3EFG|A3BAc(3efg

    Source: O'Neill, "O'Neill's Music of Ireland", 1903; see the head of this file for
    who typed the tunes, and under which terms they are distributed.
    """
    validation = check_probability(validation, "validation")
    tunes: dict[str, None] = {}  # in order, each once
    for file in _files():
        for source in re.split(r"(?m)^(?=X:)", file.read_text(encoding="utf-8"))[1:]:
            tune = _uniform(source)
            if tune is not None:
                tunes[tune] = None
    found = list(tunes)
    shuffled = [found[i] for i in as_generator(seed).permutation(len(found))]
    held_out = round(validation * len(shuffled))
    return Tunes(shuffled[held_out:], shuffled[:held_out])


def _files() -> list[Path]:
    spec = find_spec("music21")
    if spec is None or spec.origin is None:
        raise ImportError(
            "the tunes are in music21, which is missing: pip install music21"
        )
    folder = Path(spec.origin).parent / "corpus" / "oneills1850"
    files = sorted(folder.glob("*.abc"))
    if not files:
        raise DataError(
            f"this music21 has no tunes in {folder}: it was packed without its corpus; "
            "install it with pip install music21"
        )
    return files


def _uniform(source: str) -> str | None:
    """The tune in our form, or None if it can't be had."""
    from d2lib.music.abc import METRES, ABCError, parse_abc  # loaded when used

    fields: dict[str, str] = {}
    body: list[str] = []
    for line in source.splitlines():
        line = line.partition("%")[0].strip()
        field = re.match(r"([A-Z]):(?![|:])\s*(.*)", line)
        if field and not (body and field[1] in "ABCDEFG"):
            if body and field[1] in "KLM":
                return None  # it changes on the way
            fields.setdefault(field[1], field[2])
        else:
            body.append(line)
    metre = METRES.get(fields.get("M", ""), fields.get("M", ""))
    length = fields.get("L", "1/16" if metre == "2/4" else "1/8")
    key = _KEY.fullmatch(fields.get("K", ""))
    if length != "1/8" or key is None:
        return None
    melody = _BAR_LINE.sub(_bar_line, _ORNAMENTS.sub("", " ".join(body))).strip()
    if "[" in melody:
        return None  # a chord, or a bar line that no other tune has
    head = f"M:{metre}\nL:1/8\nK:{key[1]}{(key[2] or '').lower()}\n"
    try:
        tune = parse_abc(head + melody)
    except ABCError:
        return None
    return head + melody + "\n" if tune.bars_fit == 1 else None


def _bar_line(match: re.Match[str]) -> str:
    """One spelling for each bar line, and a new line between parts."""
    line, ending = match[1], match[2]
    if ending:
        return f":|{ending}" if line.startswith(":") else f"|{ending}"
    if line.startswith(":"):
        return ":|\n|:" if line.endswith(":") else ":|\n"
    if line.endswith(":"):
        return "\n|:"
    return "|" if line == "|" else "||\n"
