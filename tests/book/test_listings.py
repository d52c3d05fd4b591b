"""A listing is the library's source as it is, and says where it stands."""

from __future__ import annotations

import importlib
import inspect
import textwrap

import pytest
from execution import ROOT

from d2lib.book.listings import Listing, listing

module = importlib.import_module("d2lib.book.listings")


def sample(x: int) -> int:
    """Return x twice."""
    # why: a comment stays

    def inner():
        """Inner docstring."""
        return x

    return x + inner()


class Sample:
    """A class.

    With a long docstring.
    """

    field = "not a docstring"

    def method(self):
        """Say nothing."""
        return self.field

    @property
    def shown(self):
        """Show the field."""
        return self.field

    def only_documented(self):
        """Only this."""

    def brief(self): "brief"  # fmt: skip


def test_with_docstrings_the_source_is_that_of_the_file():
    for obj in (sample, Sample, Sample.method, listing, Listing):
        source = textwrap.dedent(inspect.getsource(obj)).rstrip()
        assert listing(obj, docstring=True).source == source


def test_without_docstrings_the_code_and_the_comments_stay():
    assert listing(sample).source == textwrap.dedent(
        """\
        def sample(x: int) -> int:
            # why: a comment stays

            def inner():
                return x

            return x + inner()"""
    )
    assert listing(Sample).source == textwrap.dedent(
        '''\
        class Sample:
            field = "not a docstring"

            def method(self):
                return self.field

            @property
            def shown(self):
                return self.field

            def only_documented(self):
                """Only this."""

            def brief(self): "brief"  # fmt: skip'''
    )


def test_a_change_of_the_source_changes_the_listing(tmp_path, monkeypatch):
    file = tmp_path / "planted.py"
    file.write_text("def f(x):\n    return x + 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import planted

    assert listing(planted.f).source == file.read_text().rstrip()
    assert listing(planted.f).source != "def f(x):\n    return x + 2"


def test_method_property_and_module():
    assert listing(Sample.method).source.startswith("def method(self):")
    assert listing(Sample.method).name.endswith("Sample.method")
    assert listing(Sample.shown).source.startswith("@property\ndef shown(self):")
    whole = listing(module, docstring=True)
    assert whole.source == inspect.getsource(module).rstrip()
    assert (whole.name, whole.first) == ("d2lib.book.listings", 1)
    assert listing(module).source.startswith("from __future__ import annotations")


def test_place_in_the_file():
    shown = listing(listing)
    assert shown.name == "d2lib.book.listings.listing"
    assert shown.file == "d2lib/book/listings.py"
    lines = (ROOT / shown.file).read_text().splitlines()
    assert lines[shown.first - 1] == "def listing("
    assert lines[shown.last - 1].startswith("    return Listing(")


def test_some_lines():
    assert listing(sample, lines=(4, 5)).source == "def inner():\n    return x"
    assert listing(sample, lines=(7, 7)).source == "return x + inner()"


@pytest.mark.parametrize("lines", [(0, 2), (3, 2), (1, 8), (1,), 3, "ab"])
def test_lines_outside_the_listing_are_refused(lines):
    with pytest.raises(ValueError, match=r"1 <= first <= last <= 7.*got"):
        listing(sample, lines=lines)


@pytest.mark.parametrize("obj", [3, "text", len, [1, 2], None])
def test_what_has_no_source_is_refused(obj):
    with pytest.raises(TypeError, match="written in Python, got"):
        listing(obj)


def test_what_a_notebook_shows():
    shown = listing(sample)._repr_mimebundle_()
    assert set(shown) == {"text/markdown", "text/plain"}
    caption, code = shown["text/markdown"].split("\n\n", 1)
    assert caption.startswith(f"`{sample.__module__}.sample` in `")
    assert code == f"```python\n{listing(sample).source}\n```\n"
    assert "http" not in shown["text/markdown"]
    assert shown["text/plain"].endswith(listing(sample).source)
    assert repr(listing(sample)) == shown["text/plain"]


def test_backticks_in_the_code_do_not_end_the_listing():
    shown = listing(Listing)._repr_mimebundle_()["text/markdown"]
    assert shown.rstrip().endswith("\n````")
    assert "\n````python\n" in shown
