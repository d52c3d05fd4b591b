"""Tunes in ABC notation: read, judged, played, and drawn.

ABC writes music as text. A tune has a header, a line for each field, and a body of
notes and bar lines::

    M:6/8                  the metre: a bar lasts six eighths
    L:1/8                  the length of a plain note
    K:G                    the key
    GAB d2e|dBA G3:|       letters are notes, d2 lasts twice as long, | ends a bar

`parse_abc` reads one voice without chords, which is how fiddlers' tunes are written,
`play` lets one hear it, and `score_svg` draws its staff. They need NumPy alone.
`check_abc` also asks music21, which has read ABC since 2010.
"""

from d2lib.music.abc import ABCError, Bar, Symbol, Tune, notes, parse_abc
from d2lib.music.judge import Check, check_abc
from d2lib.music.notebook import Html
from d2lib.music.score import score_svg
from d2lib.music.sound import play, save_wav, synthesize, wav_bytes

__all__ = [
    "ABCError",
    "Bar",
    "Check",
    "Html",
    "Symbol",
    "Tune",
    "check_abc",
    "notes",
    "parse_abc",
    "play",
    "save_wav",
    "score_svg",
    "synthesize",
    "wav_bytes",
]
