"""``import d2lib`` loads nothing, and every room opens when it is first named."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import d2lib
from d2lib import __main__ as command
from d2lib.book.extras import INSTALLED_AS

FOLDER = Path(d2lib.__file__).parent
#: What the package keeps to itself, beside what begins with _.
OWN = {"shared"}


def rooms(folder):
    """The names of the modules and packages in a folder that are for users."""
    found = {p.stem for p in folder.glob("*.py")}
    found |= {p.parent.name for p in folder.glob("*/__init__.py")}
    return {name for name in found if not name.startswith("_")} - OWN


def loaded_by(statement):
    """The modules of d2lib, and of what it may use, that a statement loads."""
    script = f"import sys; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_every_room_is_an_attribute():
    assert set(d2lib._SUBMODULES) == rooms(FOLDER)
    assert set(d2lib._SUBMODULES) <= set(dir(d2lib))


def test_a_new_room_is_noticed(tmp_path):
    (tmp_path / "new").mkdir()
    for name in ("__init__.py", "a.py", "_b.py", "new/__init__.py", "new/c.py"):
        (tmp_path / name).touch()
    assert rooms(tmp_path) == {"a", "new"}


@pytest.mark.parametrize("name", sorted(set(d2lib._SUBMODULES) - {"mx"}))
def test_a_room_opens_when_it_is_named(name):
    if name == "sklearn":
        pytest.importorskip("sklearn", reason="needs d2lib-book[sklearn]")
    loaded = loaded_by(f"import d2lib; assert d2lib.{name}.__name__ == 'd2lib.{name}'")
    assert f"d2lib.{name}" in loaded
    assert not {"mxnet", "matplotlib", "music21"} & loaded


def test_the_package_loads_no_room():
    loaded = loaded_by("import d2lib")
    assert {m for m in loaded if m.startswith("d2lib")} == {"d2lib"}
    assert "numpy" not in loaded


def test_the_numpy_twin_loads_nothing_for_music_figures_and_pages():
    loaded = loaded_by("import d2lib.scratch")
    assert "d2lib.scratch.tensor" in loaded
    for room in ("music", "plotting", "book", "mx"):
        assert not {m for m in loaded if m.startswith(f"d2lib.{room}")}
    assert not {"mxnet", "matplotlib", "music21", "html", "wave"} & loaded


@pytest.mark.parametrize("name", sorted(p.stem for p in FOLDER.glob("shared/*.py")))
def test_what_both_twins_share_loads_neither(name):
    """Their layers reach it when a model is made."""
    loaded = loaded_by(f"import d2lib.shared.{name}")
    assert not {m for m in loaded if m.startswith(("d2lib.scratch", "d2lib.mx"))}


def test_what_is_not_there_is_said():
    with pytest.raises(AttributeError, match="has no attribute 'jazz'"):
        _ = d2lib.jazz


def test_no_message_names_a_package_that_is_not_on_the_index():
    """Anyone could register d2lib-book[extra]: errors name what is really there."""
    for file in FOLDER.rglob("*.py"):
        assert "d2lib-book[" not in file.read_text(encoding="utf-8"), file


def test_the_report_says_what_computes_and_what_is_missing(monkeypatch):
    lines = dict(line.split(maxsplit=1) for line in command.report().splitlines())
    assert {"d2lib", "Python", "NumPy", "BLAS", "cores", "scratch", "mx"} <= set(lines)
    assert re.match(r"\d+ of \d+ may be used", lines["cores"])
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "skimage" else find(name, *rest),
    )
    wanted = (
        "missing  scikit-image, for faces and photographs: pip install scikit-image"
    )
    assert wanted in command.report().splitlines()


def test_the_report_names_every_extra():
    """Each package of the extras that users install, and no other."""
    tomllib = pytest.importorskip("tomllib")  # of Python 3.11
    with (FOLDER.parent / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    packages = {
        re.match(r"[\w-]+", line)[0]
        for name, lines in extras.items()
        if name not in {"book", "mxnet", "test"}
        for line in lines
    }
    named = {INSTALLED_AS.get(name, name) for name in command.OPTIONAL}
    assert named == packages | {"tqdm"}
