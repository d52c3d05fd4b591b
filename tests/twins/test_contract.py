"""The twins are twins: same names, same signatures, a parity case for each.

And their docstrings are complete. Each rule has a test in which a planted breach of it
is reported by name.
"""

import importlib
from types import SimpleNamespace

import pytest

from d2lib import scratch
from tests.twins import (  # the cases register themselves
    cases_attention,  # noqa: F401
    cases_language,  # noqa: F401
    cases_recurrent,  # noqa: F401
    contract,
)
from tests.twins.both import TWINS, needs_mxnet
from tests.twins.cases import OPTIMIZERS, covered, parity

BUILD = {
    "Perceptron": lambda dl: dl.Perceptron(3),
    "Dense": lambda dl: dl.Dense(3, 2),
    "MultiHeadAttention": lambda dl: dl.MultiHeadAttention(4, 2),
    "LayerNorm": lambda dl: dl.LayerNorm(4),
    "TransformerBlock": lambda dl: dl.TransformerBlock(4, 2),
    "Dropout": lambda dl: dl.Dropout(0.5),
    "Sequential": lambda dl: dl.Sequential(dl.Dense(3, 2)),
    "MLP": lambda dl: dl.MLP([3, 2]),
    "Embedding": lambda dl: dl.Embedding(3, 2),
    "RNN": lambda dl: dl.RNN(3, 2),
    "LSTM": lambda dl: dl.LSTM(3, 2),
    "GRU": lambda dl: dl.GRU(3, 2),
    **{
        name: lambda dl, n=name: getattr(dl, n)([dl.tensor([1.0], requires_grad=True)])
        for name in OPTIMIZERS
    },
}

# What is no concept with an author, but a tool.
TOOLS = {
    *("History", "Module", "Sequential", "accuracy", "device", "fit", "predict"),
    *("Tensor", "exp", "log", "no_grad", "one_hot", "record", "tensor", "to_numpy"),
    *("Callback", "NonFiniteLossError"),
    *("Buffer", "Vocabulary", "summary"),
    *("abs", "clip", "concatenate", "maximum", "minimum", "sqrt", "stack", "where"),
}


@needs_mxnet
class TestTheTwins:
    @pytest.fixture(autouse=True)
    def twins(self):
        from d2lib import mx

        self.mx = mx

    def test_have_the_same_names(self):
        assert contract.missing_names(scratch, self.mx) == []

    def test_are_called_alike(self):
        assert contract.different_signatures(scratch, self.mx) == []

    def test_have_the_same_attributes(self):
        assert contract.missing_attributes(scratch, self.mx, BUILD) == []


def test_every_name_has_a_parity_case():
    assert contract.without_a_case(scratch, covered()) == []


def test_every_case_is_for_a_public_name():
    assert covered() <= set(scratch.__all__)


@pytest.mark.parametrize("twin", TWINS)
def test_every_name_is_documented(twin):
    package = importlib.import_module(f"d2lib.{twin}")
    # The MXNet twin refers to the NumPy twin for what is the same.
    exempt = {"Tensor: an Example is missing"} if twin == "mx" else set()
    complaints = contract.undocumented(package, sections=twin == "scratch")
    assert set(complaints) <= exempt


def test_every_concept_has_its_source():
    assert contract.without_a_source(scratch, TOOLS) == []


# Planted breaches -------------------------------------------------------------------


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


class TestPlantedBreaches:
    def test_a_name_on_one_side(self):
        assert contract.missing_names(twin(f=f, g=f), twin(f=f)) == [
            "g: public in twin and not in twin"
        ]
        assert len(contract.missing_names(twin(f=f), twin(f=f, g=f))) == 1
        broken = twin(f=f)
        del broken.f
        assert "has no such name" in contract.missing_names(broken, twin(f=f))[0]
        assert contract.missing_names(twin(f=f), twin(f=f)) == []

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
    def test_another_signature(self, other):
        (complaint,) = contract.different_signatures(twin(f=f), twin(f=other))
        assert complaint.startswith("f: ")

    def test_the_same_signature_of_other_functions(self):
        def other(x: int, y: int = 1, *, z: float = 2) -> int:
            return 0

        assert contract.different_signatures(twin(f=f), twin(f=other)) == []

    @pytest.mark.parametrize(
        ("members", "complaint"),
        [
            ({"__init__": lambda self, units, bias=False: None}, "Layer: (units"),
            ({"forward": lambda self, x, y: None}, "Layer.forward: (x) in"),
            ({"forward": property(lambda self: 1)}, "Layer.forward: a method in"),
            ({"extra": lambda self: None}, "Layer.extra: not in"),
        ],
    )
    def test_a_class_that_differs(self, members, complaint):
        other = type("Layer", (Layer,), {"__module__": __name__, **members})
        found = contract.different_signatures(twin(Layer=Layer), twin(Layer=other))
        assert len(found) == 1
        assert found[0].startswith(complaint)

    def test_a_member_that_is_missing(self):
        class Other:
            def __init__(self, units, bias=True):
                pass

            def forward(self, x):
                pass

        a, b = twin(Layer=Layer), twin(Layer=Other)
        assert contract.different_signatures(a, b) == ["Layer.size: not in twin"]
        build = {"Layer": lambda dl: dl.Layer(3)}
        assert contract.missing_attributes(a, b, build) == [
            "Layer().units: not in twin"
        ]

    def test_no_parity_case(self):
        assert contract.without_a_case(twin(f=f, g=f), {"f"}) == ["g: no parity case"]

    def test_two_cases_of_one_name(self):
        def five_steps(scratch, mx):
            pass

        with pytest.raises(AssertionError, match="two cases are called five_steps"):
            parity("SGD")(five_steps)

    def test_docstrings(self):
        assert contract.undocumented(twin(f=f)) == []

        def bare(x) -> int:
            raise ValueError

        assert contract.undocumented(twin(g=bare)) == [
            f"g: {what} is missing"
            for what in (
                "a docstring",
                "an Example",
                "Args or Attributes",
                "Returns",
                "Raises",
            )
        ]
        assert contract.without_a_source(twin(f=f, g=f), {"g"}) == [
            "f: Source is missing"
        ]
