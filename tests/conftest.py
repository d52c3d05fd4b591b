"""What all tests share: the twins, and a table of the pages that were executed."""

from __future__ import annotations

import importlib
import signal

import pytest

from tests.twins.both import TWINS

# A shell starts what it puts into the background (`make test &`) with Ctrl-C ignored,
# and so are then all that the tests send.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

HEAD = "executed pages (seconds of one processor, in units of a calibration run)"


@pytest.fixture(params=TWINS)
def dl(request):
    """Each twin in turn."""
    return importlib.import_module(f"d2lib.{request.param}")


def pytest_runtest_setup(item):
    """Leave out a test marked `gpu` where none works, and say why."""
    if item.get_closest_marker("gpu") is not None:
        reason = why_no_gpu()
        if reason:
            pytest.skip(reason)


def why_no_gpu():
    """Return why no GPU can be computed on; nothing if one can."""
    try:
        device = importlib.import_module("d2lib.mx.device")
    except ImportError as error:
        return f"no GPU without MXNet ({error})"
    if device.device().device_type == "gpu":
        return ""
    return f"no GPU that works here: {device.device_report()}"


def line(properties: dict, outcome: str) -> str:
    """Return a page's line of the table; what is over its budget says so."""
    over = "  OVER ITS BUDGET" if properties["cost"] > properties["budget"] else ""
    return (
        f"{properties['cost']:6.1f} of {properties['budget']:3d} s "
        f"{properties['cells']:3d} cells  {outcome}  {properties['page']}{over}"
    )


def pytest_terminal_summary(terminalreporter):
    executed = []
    for outcome in ("passed", "failed"):
        for test in terminalreporter.stats.get(outcome, []):
            properties = dict(getattr(test, "user_properties", []))
            if "page" in properties:
                executed.append((properties, outcome))
    if executed:
        terminalreporter.section(HEAD)
        for properties, outcome in sorted(executed, key=lambda e: e[0]["page"]):
            terminalreporter.write_line(line(properties, outcome))
        total = sum(properties["cost"] for properties, _ in executed)
        terminalreporter.write_line(f"{total:6.1f} s in all")
