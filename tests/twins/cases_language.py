"""What both twins must agree on: the names of `language.py`."""

from __future__ import annotations
