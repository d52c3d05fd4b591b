"""What both twins must agree on: the names of `attention.py`."""

from __future__ import annotations
