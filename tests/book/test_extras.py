"""A notebook's first cell says what is here; without MXNet its cells stay silent."""

from __future__ import annotations

import importlib.util
import os

import pytest
from execution import KERNEL_ENVIRONMENT, WITHOUT_MXNET
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from d2lib.book import needs
from d2lib.book.extras import BOTH_CELL, MXNET_CELL, _without_mxnet

FIRST = 'from d2lib.book import needs\n\nneeds("mxnet", "plot")'
CELLS = [
    FIRST,
    FIRST,  # a second time changes nothing
    f"{MXNET_CELL}\nfrom d2lib import mx\n'MXNet ran'",
    f"# @title A title\n\n{BOTH_CELL}\nmx.tensor([1.0])",
    "text = '''\n# MXNet\n'''\nlen(text)",
    "# MXNet is left out of this sentence\n'NumPy ran'",
]


def outputs(tmp_path, cells=CELLS, **environment):
    notebook = new_notebook(cells=[new_code_cell(source) for source in cells])
    client = NotebookClient(notebook, timeout=60, kernel_name="python3")
    client.execute(cwd=tmp_path, env=os.environ | KERNEL_ENVIRONMENT | environment)
    return [
        "".join(
            out["text"] if "text" in out else out["data"]["text/plain"]
            for out in cell.outputs
        )
        for cell in notebook.cells
    ]


def test_without_mxnet_its_cells_stay_silent(tmp_path):
    said = outputs(tmp_path, PYTHONPATH=str(WITHOUT_MXNET))
    here, what = said[0].splitlines()
    assert here.startswith("Here: NumPy ")
    assert "matplotlib" in here
    assert "mxnet " not in here
    assert "MXNet " in here
    assert what == "Cells that begin with # MXNet do nothing here; all others run."
    assert said[1] == said[0]
    assert said[2:] == ["", "", "9", "'NumPy ran'"]
    with pytest.raises(
        CellExecutionError, match="d2lib"
    ):  # it is the first cell that does it
        outputs(tmp_path, CELLS[2:], PYTHONPATH=str(WITHOUT_MXNET))


def test_with_mxnet_all_cells_run(tmp_path):
    pytest.importorskip("d2lib.mx", exc_type=ImportError)
    said = outputs(tmp_path)
    assert "mxnet 1.9.1, " in said[0]
    assert said[2] == "'MXNet ran'"
    assert "1." in said[3]
    assert said[4:] == ["9", "'NumPy ran'"]


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        (["# MXNet\n", "1 / 0\n"], ["\n"]),
        (["\n", "# @title Solution\n", "# NumPy and MXNet\n", "1 / 0\n"], ["\n"]),
        (["x = 1\n", "# MXNet\n"], ["x = 1\n", "# MXNet\n"]),
        (["# MXNet is old\n", "x = 1"], ["# MXNet is old\n", "x = 1"]),
        ([], []),
    ],
)
def test_only_a_comment_at_the_top_marks_a_cell(cell, left):
    assert _without_mxnet(cell) == left


def test_what_is_missing_is_named_with_its_mend(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name in ("music21", "skimage") else find(name),
    )
    with pytest.raises(ImportError, match=r"needs music21: run %pip install music21"):
        needs("plot", "music")
    with pytest.raises(ImportError, match=r"scikit-image: run %pip install scikit-im"):
        needs("plot", "photos")


def test_a_wrong_name_is_an_error():
    with pytest.raises(ValueError, match="photos, rl, mxnet, got 'matplotlib'"):
        needs("matplotlib")


def test_nothing_but_numpy(capsys):
    needs()
    assert capsys.readouterr().out.startswith("Here: NumPy ")
