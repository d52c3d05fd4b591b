"""Every check of every row in `tests/concepts`: ``test_CHECK[NAME-SAMPLE]``."""

import importlib
from pathlib import Path

import pytest

from d2lib import scratch
from tests.concepts.row import Build, Train, all_rows
from tests.twins import checks, contract
from tests.twins.both import MISSING, TWINS, needs_mxnet

ROWS = all_rows()
each_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


@pytest.fixture(scope="module")
def twins():
    if MISSING:
        return [scratch]
    from d2lib import mx

    return [scratch, mx]


# The contract -----------------------------------------------------------------------


def test_every_public_name_has_a_row_and_every_row_its_name(twins):
    assert contract.missing_rows(ROWS, *twins) == []


@each_row
def test_is_checked(row):
    folder = Path(__file__).parents[1]
    assert contract.unchecked(row, folder) == []
    assert contract.unknown_exemptions(row, checks.CHECKS) == []


@pytest.mark.parametrize("twin", TWINS)
@each_row
def test_is_in_the_reference(row, twin):
    if twin == "mx" and row.name == "Tensor":  # which is MXNet's own
        return
    pages = Path(__file__).parents[2] / "chapters" / "appendix"
    assert contract.not_in_the_reference(row, twin, pages) == []


@needs_mxnet
@each_row
def test_is_called_alike(row, twins):
    assert contract.different_signatures(row, *twins) == []


@needs_mxnet
@each_row
def test_has_the_same_attributes(row, twins):
    for sample in row.samples.values():
        if isinstance(sample, Train):
            objects = [
                checks.optimizer_of(row, sample, dl, model.parameters())
                for dl, model in zip(twins, checks.networks(twins), strict=True)
            ]
        elif isinstance(sample, Build):
            objects = [checks.reused(sample, dl) for dl in twins]
        else:
            continue
        assert contract.missing_attributes(row, *objects) == []


@pytest.mark.parametrize("twin", TWINS)
@each_row
def test_is_documented(row, twin):
    thing = getattr(importlib.import_module(f"d2lib.{twin}"), row.name)
    if twin == "mx" and row.name == "Tensor":  # which is MXNet's own
        return
    # The MXNet twin refers to the NumPy twin for what is the same.
    assert contract.undocumented(row.name, thing, sections=twin == "scratch") == []
    if twin == "scratch":
        assert contract.without_a_source(row, thing) == []


# What follows from the samples ------------------------------------------------------


def derived(name):
    """The test of one check: for every sample that it is for."""
    check = checks.CHECKS[name]

    @pytest.mark.parametrize(
        ("row", "sample"),
        [
            pytest.param(row, sample, id=f"{row.name}-{what}")
            for row in ROWS.values()
            for what, sample in row.samples.items()
            if check.is_for(sample)
        ],
    )
    def test(row, sample, twins, request):
        more = [request.getfixturevalue("tmp_path")] if name == "files" else []
        checks.run(name, row, sample, twins, *more)

    return needs_mxnet(test) if check.both else test


for name in checks.CHECKS:
    globals()[f"test_{name}"] = derived(name)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        pytest.param(*known, id=f"{row.name}-{source}")
        for row in ROWS.values()
        for source, known in row.known.items()
    ],
)
def test_known(call, expected, twins):
    for dl in twins:
        checks.known(call, expected, dl)


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        pytest.param(row, wrong, id=f"{row.name}-{what}")
        for row in ROWS.values()
        for what, wrong in row.wrong.items()
    ],
)
def test_error(row, wrong, twins):
    checks.error(wrong, twins)
