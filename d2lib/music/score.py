"""The score of a tune: a staff drawn as SVG, with nothing but arithmetic.

The drawing takes the colour of the text around it, so that it holds on light and on
dark pages, and the width of its place, so that it fits a phone.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np

from d2lib._types import Array
from d2lib.music.abc import Bar, Symbol, Tune, parse_abc
from d2lib.music.notebook import Html

__all__ = ["score_svg"]

# All lengths are in units of the picture; a space of the staff is 8 of them.
_SPACE = 8.0
_WIDTH = 560.0
_LEFT, _RIGHT = 4.0, 4.0
_ABOVE, _BELOW = 34.0, 30.0  # room beside a staff, for ledger lines and stems
_STEM = 3.4 * _SPACE
_MIDDLE = 6  # steps above middle C: the B on the middle line
# The places of the sharps and flats of a key on the staff, in steps above middle C.
_SHARPS_AT, _FLATS_AT = (10, 7, 11, 8, 5, 9, 6), (6, 9, 5, 8, 4, 7, 3)
# A treble clef: the middle of the pen's stroke and its breadth, in spaces from the line
# of G, upwards. The stroke starts in the curl and ends in the dot at the foot.
_CLEF = (
    *((0.15, -0.52, 0.10), (-0.38, -0.28, 0.17), (-0.40, 0.35, 0.22)),
    *((0.12, 0.76, 0.26), (0.78, 0.42, 0.30), (0.95, -0.28, 0.30)),
    *((0.52, -0.86, 0.24), (-0.18, -1.00, 0.20), (-0.92, -0.62, 0.26)),
    *((-1.22, 0.22, 0.34), (-0.88, 1.22, 0.36), (-0.12, 2.14, 0.32)),
    *((0.44, 2.92, 0.28), (0.66, 3.72, 0.26), (0.52, 4.42, 0.16)),
    *((0.16, 4.22, 0.20), (-0.02, 3.40, 0.18), (0.12, 2.20, 0.15)),
    *((0.38, 0.40, 0.14), (0.62, -1.10, 0.14), (0.64, -1.85, 0.15)),
    *((0.30, -2.42, 0.16), (-0.26, -2.38, 0.20)),
)


@dataclass
class _Head:
    """A note or rest as it is drawn: long ones may need two that are tied."""

    symbol: Symbol
    base: Fraction  # of a whole note: 1, 1/2, 1/4, …
    dots: int
    at: Fraction  # since the beginning of the bar, in quarter notes
    tied: bool
    first: bool  # of its symbol
    x: float = 0.0
    stem: float = 0.0  # the y of the stem's end
    up: bool = True

    @property
    def flags(self) -> int:
        return max(0, self.base.denominator.bit_length() - 3)

    @property
    def y(self) -> float:
        return _y(self.symbol.step)


@dataclass
class _Picture:
    """Collects the elements of an SVG."""

    parts: list[str] = field(default_factory=list)

    def line(
        self, x1: float, y1: float, x2: float, y2: float, width: float = 1.1
    ) -> None:
        self.parts.append(
            f'<path d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}" stroke-width="{width:g}"/>'
        )

    def shape(self, *points: tuple[float, float]) -> None:
        path = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        self.parts.append(f'<path d="M{path}Z" fill="currentColor" stroke="none"/>')

    def stroke(self, path: str, width: float) -> None:
        self.parts.append(f'<path d="{path}" stroke-width="{width:g}"/>')

    def dot(self, x: float, y: float, r: float = 1.6) -> None:
        self.parts.append(
            f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{r:g}" fill="currentColor" '
            'stroke="none"/>'
        )

    def text(self, x: float, y: float, text: str, size: float, style: str = "") -> None:
        self.parts.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{size:g}" fill="currentColor" '
            f'stroke="none" text-anchor="middle" font-family="serif" {style}>'
            f"{text}</text>"
        )

    def group(self, x: float, y: float, other: _Picture) -> None:
        inner = "".join(other.parts)
        self.parts.append(f'<g transform="translate({_n(x)} {_n(y)})">{inner}</g>')


def score_svg(abc: str | Tune, label: str = "") -> Html:
    r"""Draws a tune on a staff.

    Args:
        abc: a tune in ABC, or one that has been read.
        label: what the picture is called for readers who can't see it. Without one it
            says metre, key and number of bars.

    Returns:
        The SVG, which a notebook shows if it is the last line of a cell.

    Raises:
        ABCError: the text can't be read.

    Example:
        >>> score = score_svg("M:6/8\nL:1/8\nK:G\nGAB d2e|dBA G3:|")
        >>> score[:4], score.count('class="bar"')
        ('<svg', 2)
    """
    tune = abc if isinstance(abc, Tune) else parse_abc(abc)
    picture = _Picture()
    top = 0.0
    bars = [_Engraving(bar, tune) for bar in tune.bars]
    lines = _lines(bars, tune)
    for number, line in enumerate(lines):
        above = max([_ABOVE, *(bar.above for bar in line)])
        below = max([_BELOW, *(bar.below for bar in line)])
        staff = _staff(line, tune, number == 0, number == len(lines) - 1)
        picture.group(0, top + above, staff)
        top += above + 4 * _SPACE + below
    metre = "/".join(map(str, tune.metre))
    label = label or f"Score: {metre} in {tune.key}, {len(tune.bars)} bars"
    label = html.escape(label, quote=True)
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_n(top)}" '
        f'role="img" aria-label="{label}" '
        'style="display: block; width: 100%; max-width: 44rem; height: auto; '
        'margin-inline: auto; color: inherit" '
        'fill="none" stroke="currentColor" stroke-linecap="round">'
        f"<title>{label}</title>{''.join(picture.parts)}</svg>"
    )


class _Engraving:
    """A bar with the places of what is in it, from its own left edge."""

    def __init__(self, bar: Bar, tune: Tune) -> None:
        self.bar = bar
        self.heads = _heads(bar)
        self.groups = _beams(self.heads, tune.metre)
        self.widths = [self._room(head) for head in self.heads]
        self.left_room = 8.0 + (9.0 if bar.left.endswith(":") else 0.0)
        self.right_room = 3.0 + (8.0 if bar.right.startswith(":") else 0.0)
        self.width = self.left_room + sum(self.widths) + self.right_room
        for group in self.groups:
            _stems(group)
        ys = [0.0, 4 * _SPACE]
        for head in self.heads:
            if head.symbol.pitch is not None:
                ys += [head.y - _SPACE, head.y + _SPACE, head.stem]
        extra = 14.0 if bar.ending or any(h.symbol.tuplet for h in self.heads) else 6.0
        self.above = extra - min(ys)
        self.below = max(ys) - 4 * _SPACE + 8.0

    @staticmethod
    def _room(head: _Head) -> float:
        room = 8.0 + 6.0 * float(np.log2(float(head.base) * 16 + 1))
        room += 8.0 * bool(head.symbol.accidental) + 4.0 * head.dots
        return room * (0.8 if head.symbol.tuplet else 1.0)

    def place(self, left: float, width: float) -> None:
        """Gives every head its x, spreading the bar over its width."""
        notes = width - self.left_room - self.right_room
        stretch = notes / sum(self.widths)
        x = left + self.left_room
        for head, room in zip(self.heads, self.widths, strict=True):
            lead = 9.0 if head.symbol.accidental and head.first else 0.0
            head.x = x + 5.0 + lead
            x += room * stretch


def _lines(bars: list[_Engraving], tune: Tune) -> list[list[_Engraving]]:
    """Breaks the bars into staves, each as full as its width allows."""
    lines: list[list[_Engraving]] = []
    room = 0.0
    for bar in bars:
        if not lines or bar.width > room:
            lines.append([])
            room = _WIDTH - _LEFT - _RIGHT - _head_width(tune, len(lines) == 1)
        lines[-1].append(bar)
        room -= bar.width
    if len(lines) > 1:  # no bar alone on the last staff
        while len(lines[-2]) > 2 and len(lines[-1]) < len(lines[-2]) - 1:
            moved = lines[-2][-1]
            used = sum(bar.width for bar in lines[-1]) + moved.width
            if used > 0.6 * _WIDTH:
                break
            lines[-1].insert(0, lines[-2].pop())
    return lines


def _head_width(tune: Tune, first: bool) -> float:
    return 32.0 + 8.0 * abs(tune.sharps) + (20.0 if first else 0.0)


def _staff(line: list[_Engraving], tune: Tune, first: bool, last: bool) -> _Picture:
    picture = _Picture()
    x = _LEFT + _head_width(tune, first)
    natural = sum(bar.width for bar in line)
    room = _WIDTH - _RIGHT - x
    stretch = room / natural
    if last and stretch > 1.4:  # a short last line is not torn apart
        stretch = 1.2
    end = x + natural * stretch
    for row in range(5):
        picture.line(_LEFT, row * _SPACE, end, row * _SPACE, 0.8)
    _clef(picture, _LEFT + 15)
    for n in range(abs(tune.sharps)):
        places = _SHARPS_AT if tune.sharps > 0 else _FLATS_AT
        sign = "^" if tune.sharps > 0 else "_"
        _accidental(picture, sign, _LEFT + 34 + 8 * n, _y(places[n]))
    if first:
        for row, number in enumerate(tune.metre):
            at = x - 10
            picture.text(at, (2 * row + 1.86) * _SPACE, str(number), 20, _BOLD)
    heads = []
    for bar in line:
        width = bar.width * stretch
        bar.place(x, width)
        _bar(picture, bar)
        heads += bar.heads
        begin = x
        x += width
        _bar_line(picture, bar.bar.right, x)
        if bar.bar.left.endswith(":"):
            _repeat_start(picture, begin)
        if bar.bar.ending:
            picture.stroke(f"M{_n(begin + 3)} -8v-12H{_n(min(begin + 60, x))}", 0.9)
            at = begin + 7 + 3 * len(bar.bar.ending)
            picture.text(at, -10, bar.bar.ending + ".", 10)
    _ties(picture, heads, end)
    return picture


_BOLD = 'font-weight="bold"'


def _bar(picture: _Picture, bar: _Engraving) -> None:
    inner = _Picture()
    for head in bar.heads:
        if head.symbol.pitch is None:
            _rest(inner, head)
        else:
            _note(inner, head)
        for dot in range(head.dots):
            y = head.y if head.symbol.step % 2 else head.y - _SPACE / 2
            inner.dot(head.x + 8.5 + 4 * dot, y)
    for group in bar.groups:
        _stems(group)
        _beam(inner, group)
    for number, heads in _tuplets(bar.heads):
        up = heads[len(heads) // 2].up
        ends = [h.stem for h in heads if h.symbol.pitch is not None] or [0.0]
        y = min(min(ends) - 4, -4.0) if up else max(max(ends) + 11, 43.0)
        at = (heads[0].x + heads[-1].x) / 2
        inner.text(at, y, str(number), 10, 'font-style="italic"')
    picture.parts.append(f'<g class="bar">{"".join(inner.parts)}</g>')


def _heads(bar: Bar) -> list[_Head]:
    """Writes every duration as notes that exist: 5/8 is 1/2 tied to 1/8."""
    heads = []
    for symbol in bar.symbols:
        written = symbol.duration / 4
        if symbol.tuplet:
            written *= Fraction(symbol.tuplet[0], symbol.tuplet[1])
        at = symbol.start - bar.symbols[0].start
        first = True
        while written > 0:
            base = Fraction(1)
            while base > written and base > Fraction(1, 64):
                base /= 2
            dots = 0
            length = base
            while dots < 2 and length + base / 2 ** (dots + 1) <= written:
                dots += 1
                length += base / 2**dots
            written -= max(length, Fraction(1, 64))
            more = written > 0
            heads.append(
                _Head(symbol, base, dots, at, (more or symbol.tied), first=first)
            )
            at += length * 4
            first = False
    return heads


def _tuplets(heads: list[_Head]) -> list[tuple[int, list[_Head]]]:
    """Gives each tuplet's number, 3 for a triplet, and its heads."""
    found: list[tuple[int, list[_Head]]] = []
    for head in heads:
        if head.symbol.tuplet is None:
            continue
        if head.symbol.opens and head.first:
            found.append((head.symbol.tuplet[0], []))
        found[-1][1].append(head)
    return found


def _beams(heads: list[_Head], metre: tuple[int, int]) -> list[list[_Head]]:
    """Groups the notes with flags that share a beat; all others stand alone."""
    beat = Fraction(4, metre[1])
    if metre[1] == 8 and metre[0] % 3 == 0:
        beat *= 3
    elif metre in ((4, 4), (2, 2)):
        beat = Fraction(2)
    groups: list[list[_Head]] = []
    for head in heads:
        before = groups[-1][-1] if groups else None
        joins = (
            before is not None
            and head.flags > 0
            and before.flags > 0
            and head.symbol.pitch is not None
            and before.symbol.pitch is not None
            and head.at // beat == before.at // beat
        )
        if joins:
            groups[-1].append(head)
        else:
            groups.append([head])
    return [group for group in groups if group[0].symbol.pitch is not None]


def _stems(group: list[_Head]) -> None:
    """Turns the stems of a group to one side, and ends them on one slanted line."""
    steps = [head.symbol.step for head in group]
    up = max(steps) - _MIDDLE + min(steps) - _MIDDLE < 0
    sign = -1 if up else 1
    ends = []
    for head in group:
        end = head.y + sign * (_STEM + 3 * max(0, head.flags - 2))
        # A note far from the staff reaches back to its middle line.
        ends.append(min(end, 2 * _SPACE) if up else max(end, 2 * _SPACE))
    x0, x1 = group[0].x, group[-1].x
    slope = 0.0
    if len(group) > 1 and x1 > x0:
        rise = float(np.clip(ends[-1] - ends[0], -_SPACE, _SPACE)) * 0.7
        slope = rise / (x1 - x0)
    pick = min if up else max
    offset = pick(
        end - slope * (head.x - x0) for head, end in zip(group, ends, strict=True)
    )
    for head in group:
        head.up = up
        head.stem = offset + slope * (head.x - x0)


def _note(picture: _Picture, head: _Head) -> None:
    x, y, step = head.x, head.y, head.symbol.step
    for ledger in (*range(0, step - 1, -2), *range(12, step + 1, 2)):
        picture.line(x - 8, _y(ledger), x + 8, _y(ledger), 0.9)
    hollow = head.base >= Fraction(1, 2)
    paint = 'stroke-width="1.6"' if hollow else 'fill="currentColor" stroke="none"'
    r = (4.4, 2.9) if hollow else (5.0, 3.6)
    picture.parts.append(
        f'<ellipse rx="{r[0]}" ry="{r[1]}" {paint} '
        f'transform="translate({_n(x)} {_n(y)}) rotate(-22)"/>'
    )
    if head.symbol.accidental and head.first:
        _accidental(picture, head.symbol.accidental, x - 11.5, y)


def _beam(picture: _Picture, group: list[_Head]) -> None:
    def stem_x(head: _Head) -> float:
        return head.x + (4.6 if head.up else -4.6)

    sign = 1 if group[0].up else -1
    for head in group:
        if head.base < 1:
            y = head.y - sign * 1.2
            picture.line(stem_x(head), y, stem_x(head), head.stem, 1.2)
    if len(group) == 1:
        x, end = stem_x(group[0]), group[0].stem
        for flag in range(group[0].flags):
            y = end + sign * 6 * flag
            picture.stroke(
                f"M{_n(x)} {_n(y)}c1 {6 * sign} 8 {7 * sign} 5 {17 * sign}", 1.6
            )
        return

    def bar(a: tuple[float, float], b: tuple[float, float], level: int) -> None:
        shift = sign * 5.4 * level
        (x1, y1), (x2, y2) = a, b
        y1, y2 = y1 + shift, y2 + shift
        thick = sign * 3.6
        picture.shape((x1, y1), (x2, y2), (x2, y2 + thick), (x1, y1 + thick))

    ends = [(stem_x(head), head.stem) for head in group]
    for level in range(max(head.flags for head in group)):
        covered = set()
        for n, (a, b) in enumerate(pairwise(group)):
            if min(a.flags, b.flags) > level:
                bar(ends[n], ends[n + 1], level)
                covered |= {n, n + 1}
        for n, head in enumerate(group):
            if head.flags > level and n not in covered:  # a stub towards its beat
                other = n - 1 if n else n + 1
                share = min(0.5, 8 / abs(ends[other][0] - ends[n][0]))
                toward = tuple(
                    p + share * (q - p)
                    for p, q in zip(ends[n], ends[other], strict=True)
                )
                bar(ends[n], (toward[0], toward[1]), level)


def _rest(picture: _Picture, head: _Head) -> None:
    x, s = head.x, _SPACE
    if head.base >= Fraction(1, 2):
        y = s if head.base == 1 else 1.5 * s
        picture.shape((x - 5, y), (x + 5, y), (x + 5, y + 4), (x - 5, y + 4))
    elif head.base == Fraction(1, 4):
        path = f"M{_n(x - 2)} {_n(0.7 * s)}l5 6l-5 5l5 6c-6 -3 -7 1 -3 5"
        picture.stroke(path, 1.9)
    else:
        for flag in range(head.flags):
            y = (1.4 + flag) * s
            picture.dot(x - 2.5 - 1.5 * flag, y, 2)
            picture.stroke(
                f"M{_n(x - 2.5 - 1.5 * flag)} {_n(y + 1)}q4 1 {_n(6.5)} -3",
                1.2,
            )
        low = (1.4 + head.flags - 1) * s + 11
        picture.line(x + 4, 1.4 * s - 2, x - 0.5 - 1.5 * head.flags, low, 1.2)


def _accidental(picture: _Picture, sign: str, x: float, y: float) -> None:
    for n, one in enumerate(sign):
        at = x - 6 * (len(sign) - 1 - n)
        if one == "^":
            for dx, dy in ((-1.5, 0.6), (1.5, -0.6)):
                picture.line(at + dx, y - 8 + dy, at + dx, y + 8 + dy, 0.9)
            for dy in (-2.6, 2.6):
                picture.line(at - 3.4, y + dy + 1, at + 3.4, y + dy - 1, 2.0)
        elif one == "_":
            path = f"M{_n(at - 2)} {_n(y - 12)}V{_n(y + 4)}"
            picture.stroke(f"{path}c5 -3 7 -6 5 -8c-2 -1.5 -4 0 -5 2", 1.2)
        else:
            picture.line(at - 2, y - 9, at - 2, y + 4, 0.9)
            picture.line(at + 2, y - 4, at + 2, y + 9, 0.9)
            for dy in (-3, 3):
                picture.line(at - 2, y + dy + 1, at + 2, y + dy - 1, 1.8)


def _bar_line(picture: _Picture, kind: str, x: float) -> None:
    if not kind:
        return
    bottom = 4 * _SPACE
    if kind.startswith(":"):
        picture.line(x - 5, 0, x - 5, bottom, 1)
        picture.shape((x - 2.5, 0), (x, 0), (x, bottom), (x - 2.5, bottom))
        for y in (1.5, 2.5):
            picture.dot(x - 9.5, y * _SPACE)
    elif kind in ("|", "|:"):
        picture.line(x, 0, x, bottom, 1)
    else:
        picture.line(x, 0, x, bottom, 1)
        picture.line(x - 3, 0, x - 3, bottom, 1)


def _repeat_start(picture: _Picture, x: float) -> None:
    bottom = 4 * _SPACE
    picture.shape((x, 0), (x + 2.5, 0), (x + 2.5, bottom), (x, bottom))
    picture.line(x + 5, 0, x + 5, bottom, 1)
    for y in (1.5, 2.5):
        picture.dot(x + 9.5, y * _SPACE)


def _ties(picture: _Picture, heads: list[_Head], end: float) -> None:
    for n, head in enumerate(heads):
        if not head.tied or head.symbol.pitch is None:
            continue
        sign = 1 if head.up else -1
        to = heads[n + 1].x - 5 if n + 1 < len(heads) else end
        y = head.y + 5 * sign
        half = (to - head.x - 5) / 2
        picture.stroke(
            f"M{_n(head.x + 5)} {_n(y)}q{_n(half)} {6 * sign} {_n(2 * half)} 0", 1.1
        )


def _clef(picture: _Picture, x: float) -> None:
    """Sweeps the pen along the clef, and draws what it covers."""
    points = np.array(_CLEF)
    middle = _smooth(points)
    along = np.gradient(middle[:, :2], axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    half = middle[:, 2:] / 2
    sides = [middle[:, :2] + across * half, (middle[:, :2] - across * half)[::-1]]
    outline = np.concatenate(sides) * (_SPACE, -_SPACE) + (x, 3 * _SPACE)
    picture.shape(*map(tuple, outline))
    foot = points[-1] * _SPACE
    picture.dot(x + foot[0], 3 * _SPACE - foot[1], 2.6)


def _smooth(points: Array, steps: int = 6) -> Array:
    """A Catmull-Rom curve through the points."""
    p = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [
        0.5
        * (
            2 * p[i]
            + (p[i + 1] - p[i - 1]) * t
            + (2 * p[i - 1] - 5 * p[i] + 4 * p[i + 1] - p[i + 2]) * t**2
            + (3 * p[i] - p[i - 1] - 3 * p[i + 1] + p[i + 2]) * t**3
        )
        for i in range(1, len(p) - 2)
    ]
    return np.concatenate([*pieces, points[-1:]])


def _y(step: int) -> float:
    """How far below the highest line of the staff a step of the scale lies."""
    return (10 - step) * _SPACE / 2


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
