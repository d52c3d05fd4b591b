"""The table of the reference says of each name which page teaches it."""

from __future__ import annotations

import importlib
from pathlib import Path

import reference

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"


def test_names_have_pages_that_teach_them():
    taught = reference.taught()
    assert taught["d2lib.scratch.mse"] == [("ref", "losses")]
    assert ("doc", "../2-sequences/lstm") in taught["d2lib.scratch.LSTM"]
    assert taught["d2lib.training.fit"] == [("ref", "digits")]
    assert not any(name.startswith("d2lib.mx.") for name in taught)


def test_almost_every_name_is_taught_somewhere():
    taught = reference.taught()
    assert len(taught) > 60
    for path, places in taught.items():
        package, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(package), name), path
        for kind, page in places:
            assert kind == "ref" or (CHAPTERS / "appendix" / f"{page}.md").exists()


def test_only_rows_that_name_a_page_say_something(tmp_path):
    table = tmp_path / "api.md"
    table.write_text(
        "| a | {py:func}`~d2lib.scratch.mse` | the same | see `losses` |\n"
    )
    assert reference.taught_by(table) == {}
    table = table.with_name("another.md")
    table.write_text(
        "| a | {py:func}`~d2lib.scratch.mse` | the same | {ref}`losses` |\n"
    )
    assert reference.taught_by(table) == {"d2lib.scratch.mse": [("ref", "losses")]}
