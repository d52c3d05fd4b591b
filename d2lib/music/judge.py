"""Is a text a tune? Two readers say: ours, and music21."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from dataclasses import dataclass
from typing import Any

from d2lib.music.abc import ABCError, parse_abc

__all__ = ["Check", "check_abc"]

#: The fewest notes that `check_abc` takes for a tune.
LEAST_NOTES = 8


@dataclass(frozen=True)
class Check:
    """What `check_abc` has found; it is true if the text is valid.

    Attributes:
        valid: whether the text is a tune.
        reason: why it is not, or "".
        notes: how many notes were read.
        bars: how many bars were read.
        bars_fit: the share of bars whose length fits the metre, 0 to 1.
    """

    valid: bool
    reason: str
    notes: int
    bars: int
    bars_fit: float

    def __bool__(self) -> bool:
        return self.valid


def check_abc(text: str) -> Check:
    r"""Judges whether a text, as of a language model, is a tune.

    A text is valid if

    - `parse_abc` reads it, so that every character has a meaning,
    - music21 reads it too, and
    - both find at least 8 notes.

    Whether the bars are as long as the metre says is told apart, in `bars_fit`: a
    player would still play a tune with a bar too long.

    Args:
        text: anything.

    Returns:
        A `Check`.

    Raises:
        ImportError: music21 is missing.
        TypeError: the text is not a string.

    Example:
        >>> check_abc("M:6/8\nL:1/8\nK:G\nGAB dBA|G3 G3|BAG d2:|")
        Check(valid=True, reason='', notes=12, bars=3, bars_fit=1.0)
        >>> check_abc("M:6/8\nL:1/8\nGAB dBA|").reason
        'the header lacks K:, the key, as in K:G'

    Source: music21 by Cuthbert and Ariza, "music21: a toolkit for computer-aided
    musicology and symbolic music data", 2010.
    """
    abc = _abc_format()
    try:
        tune = parse_abc(text)
    except ABCError as error:
        return Check(False, str(error), 0, 0, 0.0)
    count = sum(symbol.pitch is not None for symbol in tune.symbols)
    reason = ""
    try:
        # The version makes accidentals hold until the end of their bar.
        handler = abc.ABCFile().readstr(f"%abc-2.1\n{text}")
        theirs = len(abc.translate.abcToStreamScore(handler).recurse().notes)
    except Exception as error:  # music21 raises what it likes
        reason = f"music21 can't read it: {type(error).__name__}: {error}"
    else:
        if min(count, theirs) < LEAST_NOTES:
            fewest = min(count, theirs)
            reason = f"{fewest} notes are no tune, which has at least {LEAST_NOTES}"
    return Check(not reason, reason, count, len(tune.bars), tune.bars_fit)


def _abc_format() -> Any:
    try:
        # music21 knows a notebook by the class of its stderr, and a second after its
        # import there it would make matplotlib draw PNGs.
        with redirect_stderr(io.StringIO()):
            from music21 import abcFormat
    except ImportError as error:
        raise ImportError(
            "check_abc needs music21, which is missing: pip install music21"
        ) from error
    return abcFormat
