"""The reference says of each name which page teaches it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import reference

from d2lib import scratch

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"


def test_names_lead_to_the_pages_that_teach_them():
    text = reference.entry("d2lib.scratch", "mse", scratch.mse)
    assert text.endswith("\n\n   Taught in :ref:`losses`.")
    assert text.startswith(".. autofunction:: d2lib.scratch.mse")
    recurrent = reference.entry("d2lib.mx", "LSTM", scratch.LSTM)
    assert ":doc:`../2-sequences/lstm`" in recurrent
    assert "   :members:" in recurrent
    assert "Taught" not in reference.entry("d2lib.scratch", "no_such_name", len)


def test_almost_every_name_is_taught_somewhere():
    taught = reference.taught()
    assert len(taught) > 60
    for where in taught.values():
        for page in re.findall(r":doc:`([^`]+)`", where):
            assert (CHAPTERS / "appendix" / f"{page}.md").exists()


def test_without_a_table_nothing_is_said(monkeypatch, tmp_path):
    (tmp_path / "api.md").write_text("| a | b |\n")
    monkeypatch.setattr(reference, "API", tmp_path / "api.md")
    with pytest.raises(AssertionError):
        test_names_lead_to_the_pages_that_teach_them()
