"""Every check of every row in `tests/concepts`: ``test_CHECK[NAME-SAMPLE]``."""

from pathlib import Path

import pytest
from reference import reference

from d2lib import scratch
from tests.concepts.row import all_rows
from tests.twins import checks, contract
from tests.twins.both import MISSING, needs_mxnet

ROWS = all_rows()
each_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


@pytest.fixture(scope="module")
def twins():
    if MISSING:
        return [scratch]
    from d2lib import mx

    return [scratch, mx]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


# The contract -----------------------------------------------------------------------


def test_every_public_name_has_a_row_and_every_row_its_name(twins):
    assert contract.missing_rows(ROWS, *twins) == []


@each_row
def test_is_checked(row):
    folder = Path(__file__).parents[1]
    assert contract.unchecked(row, folder) == []
    assert contract.unknown_exemptions(row, checks.CHECKS) == []


@needs_mxnet
@each_row
def test_is_called_alike(row, twins):
    assert contract.different_signatures(row, *twins) == []


@needs_mxnet
@each_row
def test_has_the_same_attributes(row, twins):
    for sample in checks.CHECKS["start"].samples(row).values():
        objects = [checks.reused(sample, dl) for dl in twins]
        assert contract.missing_attributes(row, *objects) == []
    for sample in checks.CHECKS["resume"].samples(row).values():
        objects = [
            checks.optimizer_of(row, sample, dl, model.parameters())
            for dl, model in zip(twins, checks.networks(twins), strict=True)
        ]
        assert contract.missing_attributes(row, *objects) == []


@each_row
def test_is_documented(row, twins):
    pages = Path(__file__).parents[2] / "chapters" / "appendix"
    shared = (pages / "api-shared.md").read_text(encoding="utf-8")
    for dl in twins:
        twin, thing = checks.short(dl), getattr(dl, row.name)
        if twin == "mx" and row.name == "Tensor":  # which is MXNet's own
            continue
        # The MXNet twin refers to the NumPy twin for what is the same.
        sections = twin == "scratch"
        assert contract.undocumented(row.name, thing, sections) == []
        assert contract.not_in_the_reference(row, reference(dl) + shared) == []
    assert contract.without_a_source(row, getattr(scratch, row.name)) == []


# What follows from the samples ------------------------------------------------------


def derived(name):
    """The test of one check: for every sample that it is for."""
    check = checks.CHECKS[name]

    @pytest.mark.parametrize(
        ("row", "sample"),
        [
            pytest.param(row, sample, id=f"{row.name}-{what}")
            for row in ROWS.values()
            for what, sample in check.samples(row).items()
        ],
    )
    def test(row, sample, twins, folder):
        more = [folder] if name in ("files", "rebuilt") else []
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
