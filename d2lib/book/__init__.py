"""What the pages of the book need and a user of the library never does.

`listing` shows the library's own source, `check` and `close` look at what a reader
filled in, and `glue` carries a number from a cell into a sentence. `checkerboard`
measures a pattern in maps. `needs` says what a notebook that was downloaded needs, and
lets it run where MXNet cannot be had.
"""

from __future__ import annotations

from d2lib.book.extras import needs
from d2lib.book.gaps import check, close
from d2lib.book.listings import Listing, listing
from d2lib.book.numbers import glue
from d2lib.book.patterns import checkerboard
from d2lib.book.runs import evidence

__all__ = [
    "Listing",
    "check",
    "checkerboard",
    "close",
    "evidence",
    "glue",
    "listing",
    "needs",
]
