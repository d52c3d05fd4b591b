"""A number that a cell glues reaches the sentence, and shows nothing in a notebook."""

from __future__ import annotations

import IPython
import pytest
from execution import KERNEL_ENVIRONMENT, run
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
    assert "0.33" in found[1].data.values()


def test_outside_of_a_notebook_it_does_nothing(capsys):
    assert IPython.get_ipython() is None
    glue("loss", 1)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_is_a_string(name):
    with pytest.raises(TypeError, match="expects a name and what it stands for"):
        glue(name, 1)
