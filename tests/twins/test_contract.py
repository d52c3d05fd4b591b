"""The contract of the twins, checked: each breach is reported by name."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.concepts import row as rows
from tests.concepts.row import Call, Row
from tests.twins import contract


def twin(**things):
    return SimpleNamespace(__name__="twin", __all__=list(things), **things)


def f(x, y=1, *, z=2):
    """Adds.

    Args:
        x: a number.

    Returns:
        The sum.

    Example:
        >>> f(1)
    """


class Layer:
    def __init__(self, units, bias=True):
        self.units = units

    def forward(self, x):
        pass

    @property
    def size(self):
        return self.units


F, LAYER = Row("f"), Row("Layer")


def test_a_name_on_one_side_or_without_a_row():
    assert contract.missing_rows({"f": F}, twin(f=f), twin(f=f)) == []
    assert contract.missing_rows({"f": F}, twin(f=f, g=f), twin(f=f)) == [
        "g: public in twin, and no row in tests/concepts"
    ]
    assert contract.missing_rows({"f": F}, twin(f=f), twin()) == [
        "f: a row in tests/concepts, and not public in twin"
    ]
    broken = twin(f=f)
    del broken.f
    (complaint,) = contract.missing_rows({"f": F}, broken)
    assert "has no such name" in complaint


def test_two_rows_of_one_name(monkeypatch):
    twice = SimpleNamespace(ROWS=[F, F])
    monkeypatch.setattr(rows, "import_module", lambda name: twice)
    with pytest.raises(ValueError, match="two rows are called 'f'"):
        rows.all_rows()


def test_a_row_that_says_nothing(tmp_path):
    (tmp_path / "test_f.py").write_text("fit(f)")
    assert contract.unchecked(Row("f", tested_in=("test_f.py",)), tmp_path) == []
    sample = Call(lambda dl, x: x, np.ones(3))
    assert contract.unchecked(Row("f", {"x": sample}), tmp_path) == []
    for empty in (
        F,
        Row("g", tested_in=("test_f.py",)),
        Row("f", tested_in=("no.py",)),
    ):
        (complaint,) = contract.unchecked(empty, tmp_path)
        assert "no sample, and no test" in complaint


def test_a_name_that_the_reference_lacks():
    text = ".. autofunction:: d2lib.mx.f\n.. autoclass:: d2lib.data.G\n"
    for name in ("f", "G"):
        assert contract.not_in_the_reference(Row(name), text) == []
    (complaint,) = contract.not_in_the_reference(Row("d"), text)
    assert "d: not in" in complaint


@pytest.mark.parametrize(
    "other",
    [
        lambda x, y=2, *, z=2: None,
        lambda x, y, *, z=2: None,
        lambda x, y=1, z=2: None,
        lambda x, *, z=2, y=1: None,
        lambda a, y=1, *, z=2: None,
        lambda x, y=1, *, z=2, w=3: None,
        lambda x, y=1: None,
        Layer,
    ],
)
def test_another_signature(other):
    (complaint,) = contract.different_signatures(F, twin(f=f), twin(f=other))
    assert complaint.startswith("f: ")


def test_the_same_signature_of_other_functions():
    def other(x: int, y: int = 1, *, z: float = 2) -> int:
        return 0

    assert contract.different_signatures(F, twin(f=f), twin(f=other)) == []


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"__init__": lambda self, units, bias=False: None}, "Layer: (units"),
        ({"forward": lambda self, x, y: None}, "Layer.forward: (x) in"),
        ({"forward": property(lambda self: 1)}, "Layer.forward: a method in"),
        ({"extra": lambda self: None}, "Layer.extra: not in"),
    ],
)
def test_a_class_that_differs(members, complaint):
    other = type("Layer", (Layer,), {"__module__": __name__, **members})
    found = contract.different_signatures(LAYER, twin(Layer=Layer), twin(Layer=other))
    assert len(found) == 1
    assert found[0].startswith(complaint)


def test_a_member_that_is_missing():
    class Other:
        def __init__(self, units, bias=True):
            pass

        def forward(self, x):
            pass

    a, b = twin(Layer=Layer), twin(Layer=Other)
    assert contract.different_signatures(LAYER, a, b) == ["Layer.size: not in twin"]
    assert contract.missing_attributes(LAYER, Layer(3), Other(3)) == [
        "Layer().units: not in the MXNet twin"
    ]
    exempt = Row("Layer", scratch_only={"units": "a reason", "size": "a reason"})
    assert contract.different_signatures(exempt, a, b) == []
    assert contract.missing_attributes(exempt, Layer(3), Other(3)) == []
    (complaint,) = contract.missing_attributes(exempt, Layer(3), Layer(3))
    assert complaint.endswith("scratch_only, and the MXNet twin has it: take it away")


def test_docstrings():
    def bare(x) -> int:
        raise ValueError

    assert contract.undocumented("f", f) == []
    assert contract.undocumented("g", bare) == [
        f"g: {what} is missing"
        for what in (
            *("a docstring", "an Example", "Args or Attributes", "Returns", "Raises"),
        )
    ]
    assert contract.without_a_source(Row("f"), f) == ["f: Source is missing"]
    assert contract.without_a_source(Row("f", source=False), f) == []
    cited = SimpleNamespace(__doc__="Source: Euler, 1748.")
    (complaint,) = contract.without_a_source(Row("f", source=False), cited)
    assert "no mere tool" in complaint
