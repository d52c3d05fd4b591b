"""What both twins must agree on: the names of `recurrent.py`."""

from __future__ import annotations
