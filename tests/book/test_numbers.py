"""A number that a cell glues reaches the sentence, and shows nothing in a notebook."""

from __future__ import annotations

import IPython
import pytest
from execution import KERNEL_ENVIRONMENT, run
from myst_nb.core.variables import format_plain_text
from myst_nb.ext.glue import extract_glue_data
from nbformat.v4 import new_code_cell, new_notebook

from d2lib.book import glue


class Logger:
    warning = print


def test_mystnb_finds_what_was_glued(tmp_path):
    cell = new_code_cell('from d2lib.book import glue\nglue("loss", f"{1 / 3:.2f}")')
    notebook = new_notebook(cells=[cell])
    run(notebook, tmp_path / "page.md", 60, KERNEL_ENVIRONMENT)
    (output,) = notebook.cells[0].outputs
    assert output.metadata["scrapbook"]["name"] == "loss"
    assert not {"text/plain", "text/html", "image/png"} & set(output.data)
    (found,) = extract_glue_data(notebook, [1], Logger).items()
    assert found[0] == "loss"
    (data,) = found[1].data.values()
    assert format_plain_text(data, "") == "0.33"


@pytest.mark.parametrize("text", ["12,000", "0.30", "1e3", "(a)", "it's", "7"])
def test_the_sentence_shows_what_was_glued(text, monkeypatch):
    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: True)
    monkeypatch.setattr(
        "IPython.display.display", lambda data, **_: shown.extend(data.values())
    )
    glue("steps", text)
    assert [format_plain_text(data, "") for data in shown] == [text]
    assert format_plain_text("12,000", "") == "(12, 0)"  # what became of it without


def test_outside_of_a_notebook_it_does_nothing(capsys):
    assert IPython.get_ipython() is None
    glue("loss", 1)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_is_a_string(name):
    with pytest.raises(TypeError, match="expects a name and what it stands for"):
        glue(name, 1)
