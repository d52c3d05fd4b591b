"""What all tests share: one line for every page that was executed."""

from __future__ import annotations


def pytest_terminal_summary(terminalreporter):
    executed = []
    for outcome in ("passed", "failed"):
        for test in terminalreporter.stats.get(outcome, []):
            properties = dict(getattr(test, "user_properties", []))
            if "page" in properties:
                executed.append((properties, outcome))
    if executed:
        terminalreporter.section("executed pages (seconds when they ran)")
        for properties, outcome in sorted(executed, key=lambda e: e[0]["page"]):
            terminalreporter.write_line(
                f"{properties['seconds']:6.1f} s {properties['cells']:3d} cells  "
                f"{outcome}  {properties['page']}"
            )
