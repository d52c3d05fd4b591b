"""Tunes in ABC notation, read: text in, bars with notes out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ABCError", "Bar", "Symbol", "Tune", "notes", "parse_abc"]

_LONGEST = 20_000  # characters of one tune
_STEPS = {letter: step for step, letter in enumerate("CDEFGAB")}
_SEMITONES = (0, 2, 4, 5, 7, 9, 11)  # of C D E F G A B above C
_SHARPS = {letter: n - 1 for n, letter in enumerate("FCGDAEB")}  # of the major keys
_MODES = {"": 0, "maj": 0, "m": -3, "min": -3, "mix": -1, "dor": -2, "phr": -4}
_MODES |= {"lyd": 1, "ion": 0, "aeo": -3, "loc": -5}
_ACCIDENTALS = {"=": 0, "^": 1, "^^": 2, "_": -1, "__": -2}
_SIGNS = {shift: sign for sign, shift in _ACCIDENTALS.items()}
# So many notes in the time of so many; of 5, 7 and 9 the metre says it.
_TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}

#: Metres that have a sign of their own.
METRES = {"C": "4/4", "C|": "2/2"}

_FIELD = re.compile(r"([A-Za-z]):[ \t]*(.*)")
_LATE_FIELD = re.compile(r"^[H-Yh-w]:", re.MULTILINE)
_KEY = re.compile(r"([A-G])([#b]?) *([a-z]*)", re.IGNORECASE)
_ENDING = re.compile(r"\d{1,2}([,-]\d{1,2})*")
# What a body is made of. Ornaments, slurs, grace notes and annotations are read over.
_TOKEN = re.compile(
    r"""
    (?P<skip> [ \t\r\n\\]+ | "[^"\n]*" | \{[^{}\n]*\} | ![^!\n]*! | [.~HLMOPSTuv]
              | \((?!\d) | \) )
    | (?P<bar> \[?:*\|+(?::+|\])? | ::+)(?P<first> \[?\d[\d,-]*)?
    | (?P<ending> \[\d[\d,-]*)
    | (?P<tuplet> \(\d{1,2}(?::\d{0,2}){0,2})
    | (?P<accidental> \^\^? | __? | = )?(?P<letter> [A-Ga-g])
      (?P<octave> ,{1,3} | '{0,3})
      (?P<length> \d{0,2}(?:/\d{1,2}|/{0,4}))(?P<tie> -?)
    | (?P<rest> [zx])(?P<rest_length> \d{0,2}(?:/\d{1,2}|/{0,4}))
    | (?P<broken> >{1,3} | <{1,3})
    """,
    re.VERBOSE,
)


class ABCError(ValueError):
    """A text is not ABC that can be read. The message says where, and why."""


@dataclass(frozen=True)
class Symbol:
    """A note or a rest.

    Attributes:
        start: when it begins, in quarter notes from the beginning of the tune.
        duration: how long it lasts, in quarter notes.
        pitch: its MIDI number, 60 for middle C, or None for a rest.
        step: its place on the staff, in steps of the scale above middle C.
        accidental: the sign before it on a staff: "", "^", "^^", "_", "__" or "=".
        tuplet: how many notes stand in the time of how many, as (3, 2) in a triplet,
            or None.
        opens: whether it is the first of its tuplet.
        tied: whether it goes on in the next note.
    """

    start: Fraction
    duration: Fraction
    pitch: int | None
    step: int
    accidental: str
    tuplet: tuple[int, int] | None
    opens: bool
    tied: bool


@dataclass(frozen=True)
class Bar:
    """What stands between two bar lines.

    Attributes:
        symbols: its notes and rests in order.
        left: the bar line before it, "" at the beginning.
        right: the bar line after it, "" if it has none.
        ending: which repeats an ending that begins here is for, as "1" or "1,3", or "".
        fits: whether its length is that of the metre. A bar at the beginning or at the
            end of a part may be shorter: tunes start before the first full bar.
    """

    symbols: tuple[Symbol, ...]
    left: str
    right: str
    ending: str
    fits: bool


@dataclass(frozen=True)
class Tune:
    """A tune that has been read.

    Attributes:
        metre: how many of which notes fill a bar, as (6, 8).
        key: the key as it was written, as "Em".
        sharps: how many sharps the key has, flats if negative.
        bars: the bars in order, none of them empty.
    """

    metre: tuple[int, int]
    key: str
    sharps: int
    bars: tuple[Bar, ...]

    @property
    def symbols(self) -> list[Symbol]:
        """All notes and rests in order."""
        return [symbol for bar in self.bars for symbol in bar.symbols]

    @property
    def bars_fit(self) -> float:
        """The share of bars whose length fits the metre, 0 to 1."""
        return sum(bar.fits for bar in self.bars) / len(self.bars)


def parse_abc(text: str) -> Tune:
    r"""Reads one tune in ABC notation, strictly: what it does not know is an error.

    The header must have the fields M (metre) and K (key, the last one), and may have L
    (the length of a plain note). All others are read over, and so are ornaments, grace
    notes, slurs and annotations. The body is one voice: notes, rests, ties, tuplets,
    broken rhythm, bar lines, repeats and endings. An accidental holds in every octave
    until its bar ends, and a tie carries it over the bar line, for its own note.

    Args:
        text: the tune.

    Returns:
        The `Tune`.

    Raises:
        ABCError: the text is not such a tune, or longer than 20,000 characters. The
            message names the line and the column.
        TypeError: the text is not a string.

    Example:
        >>> tune = parse_abc("M:2/4\nL:1/8\nK:D\nA|d>e fd|A2 A2:|")
        >>> tune.metre, tune.sharps, len(tune.bars), tune.bars_fit
        ((2, 4), 2, 3, 1.0)
        >>> parse_abc("M:2/4\nK:D\ndeh|")
        Traceback (most recent call last):
        ...
        d2lib.music.abc.ABCError: line 3, column 3: 'h' is no note, rest or bar line

    Source: Walshaw, "The abc music standard 2.1", 2011.
    """
    if not isinstance(text, str):
        raise TypeError(f"a tune is a string, got {type(text).__name__}")
    if len(text) > _LONGEST:
        raise ABCError(
            f"a tune of {len(text):,} characters is longer than {_LONGEST:,}: split it "
            "at the fields X:"
        )
    fields, body, line = _header(text)
    metre = _metre(fields)
    unit = _unit(fields, metre)
    sharps = _sharps(fields["K"])
    bars = _bars(body, line, metre, unit, sharps)
    if not bars:
        raise ABCError("the tune has no notes: write them after the line K:")
    return Tune(metre, fields["K"], sharps, tuple(bars))


def notes(abc: str | Tune) -> npt.NDArray[np.float64]:
    r"""Turns a tune into numbers: when each note begins, how long, how high.

    Tied notes are one. Repeats are gone through once.

    Args:
        abc: a tune in ABC, or one that has been read.

    Returns:
        float64 (n, 3): the start and the duration in quarter notes, and the MIDI number
        of the pitch, where 60 is middle C and 69 the A of 440 Hz. Rests are the gaps.

    Raises:
        ABCError: the text can't be read.

    Example:
        >>> notes("M:2/4\nL:1/8\nK:D\nD2 z F|A4|")
        array([[ 0. ,  1. , 62. ],
               [ 1.5,  0.5, 66. ],
               [ 2. ,  2. , 69. ]])
    """
    tune = abc if isinstance(abc, Tune) else parse_abc(abc)
    rows: list[list[float]] = []
    tied = False
    for symbol in tune.symbols:
        if symbol.pitch is not None:
            if tied and rows[-1][2] == symbol.pitch:
                rows[-1][1] += float(symbol.duration)
            else:
                rows.append([float(symbol.start), float(symbol.duration), symbol.pitch])
        tied = symbol.tied
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _header(text: str) -> tuple[dict[str, str], str, int]:
    """Returns the fields, the body, and the number of the body's first line."""
    fields: dict[str, str] = {}
    lines = [line.partition("%")[0].rstrip() for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        field = _FIELD.fullmatch(line.strip())
        if field is None:
            if line.strip():
                break
            continue
        fields.setdefault(field[1], field[2].strip())
        if field[1] == "K":
            return fields, "\n".join(lines[number:]), number + 1
    raise ABCError("the header lacks K:, the key, as in K:G")


def _metre(fields: dict[str, str]) -> tuple[int, int]:
    if "M" not in fields:
        raise ABCError("the header lacks M:, the metre, as in M:6/8")
    written = METRES.get(fields["M"], fields["M"])
    match = re.fullmatch(r"([1-9]\d?)/(1|2|4|8|16)", written)
    if match is None or int(match[1]) > 24:
        raise ABCError(f"M:{fields['M'][:20]} is no metre: write one as in M:6/8")
    return int(match[1]), int(match[2])


def _unit(fields: dict[str, str], metre: tuple[int, int]) -> Fraction:
    """The length of a plain note, in quarter notes."""
    default = "1/8" if Fraction(*metre) >= Fraction(3, 4) else "1/16"
    written = fields.get("L", default)
    match = re.fullmatch(r"1/(1|2|4|8|16|32)", written)
    if match is None:
        raise ABCError(f"L:{written[:20]} is no length of a note: write it as in L:1/8")
    return Fraction(4, int(match[1]))


def _sharps(key: str) -> int:
    match = _KEY.fullmatch(key)
    mode = match[3].lower()[:3] if match else ""
    if match is None or (match[3] != "m" and mode == "m") or mode not in _MODES:
        raise ABCError(f"K:{key[:20]} is no key: write one as in K:G, K:Em or K:Ddor")
    sharps = _SHARPS[match[1].upper()] + _MODES[mode]
    sharps += {"": 0, "#": 7, "b": -7}[match[2].lower()]
    if abs(sharps) > 7:
        raise ABCError(f"K:{key} has {abs(sharps)} accidentals, and seven are the most")
    return sharps


def _length(written: str) -> Fraction:
    """The factor that a note's digits and slashes stand for."""
    whole, slash, part = written.partition("/")
    factor = Fraction(int(whole or 1))
    if slash:
        divisor = int(part) if part.isdigit() else 2 ** (1 + len(part))
        if divisor not in (1, 2, 4, 8, 16):
            raise ABCError(f"a length of {written!r} can't be written as notes")
        factor /= divisor
    if not 0 < factor <= 64:
        raise ABCError(f"a note can't be {whole} units long")
    return factor


def _key_signature(sharps: int) -> dict[int, int]:
    """The shift of each step of the scale in a key, in semitones."""
    order = [_STEPS[letter] for letter in "FCGDAEB"]
    steps = order[:sharps] if sharps >= 0 else order[sharps:]
    return {step: int(np.sign(sharps)) for step in steps}


def _bars(
    body: str, line: int, metre: tuple[int, int], unit: Fraction, sharps: int
) -> list[Bar]:
    reader = _Reader(metre, unit, sharps)
    position = 0
    try:
        while position < len(body):
            if _LATE_FIELD.match(body, position):
                raise ABCError("a field stands in the tune: K: is the last of them")
            match = _TOKEN.match(body, position)
            if match is None:
                raise ABCError(_unknown(body[position]))
            reader.take(match)
            position = match.end()
        return reader.finish()
    except ABCError as error:
        number = line + body.count("\n", 0, position)
        column = position - body.rfind("\n", 0, position)
        raise ABCError(f"line {number}, column {column}: {error}") from None


def _unknown(sign: str) -> str:
    if sign == "-":
        return "'-' stands right after the note that it ties to the next, as in A2-|A"
    more = ": chords and fields within a line are not read" if sign == "[" else ""
    return f"{sign!r} is no note, rest or bar line{more}"


class _Reader:
    """Takes the tokens of a body one by one, and makes bars of them."""

    def __init__(self, metre: tuple[int, int], unit: Fraction, sharps: int) -> None:
        self.full = Fraction(4 * metre[0], metre[1])
        self.unit = unit
        self.compound = metre[0] > 3 and metre[0] % 3 == 0
        self.signature = _key_signature(sharps)
        self.start = Fraction(0)
        self.bars: list[Bar] = []
        self.symbols: list[dict[str, Any]] = []
        self.left, self.ending = "", ""
        self.shifts: dict[int, int] = {}  # by accidentals of this bar, in all octaves
        self.drawn: dict[int, int] = {}  # by the signs on a staff, in one octave each
        self.tuplet: tuple[int, int] | None = None
        self.opens = False  # the tuplet has had no note yet
        self.in_tuplet = 0  # notes of it that are still to come
        self.next_factor: Fraction | None = None  # of a broken rhythm
        self.tie: dict[str, Any] | None = None  # the note that goes on in the next
        self.turned = False  # the end of a repeat came after it, which leads back

    def take(self, match: re.Match[str]) -> None:
        if match["bar"]:
            self.end_bar(match["bar"])
            if match["first"]:
                self.begin_ending(match["first"])
        elif match["ending"]:
            self.begin_ending(match["ending"])
        elif match["tuplet"]:
            self.begin_tuplet(match["tuplet"])
        elif match["broken"]:
            self.breaks(match["broken"])
        elif match["letter"] or match["rest"]:
            self.sound(match)

    def begin_ending(self, written: str) -> None:
        """Reads "1", "1,3" or "1-3": the repeats that this ending is for."""
        written = written.strip("[")
        if self.symbols:
            raise ABCError(f"the ending [{written} does not stand at a bar line")
        numbers = [int(n) for n in re.split("[,-]", written) if n]
        rises = numbers[0] > 0 and all(a < b for a, b in pairwise(numbers))
        if not (_ENDING.fullmatch(written) and rises):
            raise ABCError(
                f"the ending [{written} does not name repeats: write it as in [1, [1,3 "
                "or [1-3"
            )
        self.ending = written

    def begin_tuplet(self, written: str) -> None:
        """Reads (p:q:r: p notes in the time of q, for the next r notes."""
        if self.in_tuplet:
            raise ABCError("a tuplet begins within a tuplet")
        p, q, r = [*(int(n or 0) for n in written[1:].split(":")), 0, 0][:3]
        usual = _TUPLETS.get(p) or (3 if self.compound else 2)
        if p < 2 or (p > 9 and not q):
            raise ABCError(
                f"{written} is no tuplet: 2 to 9 notes have a usual time, more need it "
                "written, as in (11:8"
            )
        self.tuplet = (p, q or usual)
        self.in_tuplet = r or p
        self.opens = True

    def breaks(self, signs: str) -> None:
        """The note before becomes longer and the one after shorter, or the reverse."""
        if not self.symbols or self.next_factor is not None:
            raise ABCError(f"{signs!r} stands between two notes of a bar")
        short = Fraction(1, 2 ** len(signs))
        before, after = (2 - short, short) if signs[0] == ">" else (short, 2 - short)
        self.symbols[-1]["duration"] *= before
        self.next_factor = after

    def sound(self, match: re.Match[str]) -> None:
        duration = self.unit * _length(match["length"] or match["rest_length"] or "")
        if self.next_factor is not None:
            duration *= self.next_factor
            self.next_factor = None
        tuplet = self.tuplet if self.in_tuplet else None
        if tuplet:
            duration *= Fraction(tuplet[1], tuplet[0])
            self.in_tuplet -= 1
        symbol = {
            "duration": duration,
            "pitch": None,
            "step": 6,
            "accidental": "",
            "tuplet": tuplet,
            "opens": bool(tuplet) and self.opens,
            "tied": bool(match["tie"]),
        }
        self.opens = False
        if match["letter"]:
            symbol |= self.pitch(match)
        if self.tie and self.tie["pitch"] != symbol["pitch"] and not self.turned:
            raise ABCError(
                "a tie leads to another pitch: it joins two notes of one; for a slur "
                "write (AB)"
            )
        self.tie, self.turned = (symbol if symbol["tied"] else None), False
        self.symbols.append(symbol)

    def pitch(self, match: re.Match[str]) -> dict[str, Any]:
        """How high a note is, where it stands on a staff, and with which sign."""
        letter, sign = match["letter"], match["accidental"] or ""
        octave = letter.islower() + match["octave"].count("'")
        octave -= match["octave"].count(",")
        degree = _STEPS[letter.upper()]
        step = degree + 7 * octave
        height = 12 * octave + 60 + _SEMITONES[degree]
        if not sign and self.tie and self.tie["step"] == step:
            return {"step": step, "pitch": self.tie["pitch"]}
        usual = self.signature.get(degree, 0)
        if sign:
            self.shifts[degree] = _ACCIDENTALS[sign]
        shift = self.shifts.get(degree, usual)
        if sign or shift != self.drawn.get(step, usual):  # a sign of another octave
            sign = _SIGNS[shift]
            self.drawn[step] = shift
        return {"step": step, "pitch": height + shift, "accidental": sign}

    def end_bar(self, line: str) -> None:
        if self.in_tuplet:
            raise ABCError(f"a tuplet lacks {self.in_tuplet} of its notes")
        if self.next_factor is not None:
            raise ABCError("a broken rhythm lacks its second note")
        if self.symbols:
            symbols = []
            for symbol in self.symbols:
                symbols.append(Symbol(start=self.start, **symbol))
                self.start += symbol["duration"]
            length = self.start - symbols[0].start
            edge = self.left != "|" or line != "|"
            fits = length == self.full or (edge and length < self.full)
            self.bars.append(Bar(tuple(symbols), self.left, line, self.ending, fits))
            self.left, self.ending = line, ""
        elif self.left in ("", "|") or line.endswith(":"):
            self.left = line  # of two bar lines in a row, the more telling one counts
        self.turned |= line.startswith(":")
        self.symbols, self.shifts, self.drawn = [], {}, {}

    def finish(self) -> list[Bar]:
        self.end_bar("")
        if self.tie and not self.turned:
            raise ABCError("a tie lacks its second note")
        if self.bars and not self.bars[-1].fits:  # the end of the tune ends a part
            last = self.bars[-1]
            length = self.start - last.symbols[0].start
            self.bars[-1] = replace(last, fits=length < self.full)
        return self.bars
