"""What both twins must agree on: the names of `language.py`."""

from __future__ import annotations

from tests.twins.cases import parity


@parity("Vocabulary")
def one_vocabulary_for_both(scratch, mx):
    assert scratch.Vocabulary is mx.Vocabulary
