"""What can't be tested here is left out, and the last line says what and why."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten

import numpy
import pytest

ROOT = Path(__file__).parent
#: The extras of `pyproject.toml`, each with a package that only it brings.
EXTRAS = {
    "book": "jupyter_book",
    "fast": "threadpoolctl",
    "music": "music21",
    "mxnet": "mxnet",
    "photos": "skimage",
    "plot": "matplotlib",
    "rl": "gymnasium",
    "sklearn": "sklearn",
    "test": "playwright",
}
#: What can't be imported without an extra, or whose examples can't run.
NEEDS = {
    "d2lib/book": "book",
    "d2lib/data/faces.py": "photos",
    "d2lib/data/photographs.py": "photos, plot",
    "d2lib/data/tunes.py": "music",
    "d2lib/music/judge.py": "music",
    "d2lib/mx": "mxnet",
    "d2lib/plotting": "plot",
    "d2lib/reinforcement/control.py": "rl",
    "d2lib/reinforcement/rollouts.py": "rl",
    "d2lib/reinforcement/tabular.py": "rl",
    "d2lib/scratch/policy_gradient.py": "rl",
    "d2lib/scratch/q_learning.py": "rl",
    "d2lib/sklearn.py": "sklearn",
    "tests/book": "book",
    "tests/chapters": "book",
    "tests/plotting": "plot",
    "tests/reinforcement": "rl",
    "tests/scratch/test_parallel.py": "fast",
    "tests/site": "book, test",
    "tests/test_sklearn.py": "sklearn",
    "tests/twins/test_agents.py": "rl",
}


def why_not(file: Path) -> str:
    """Return why a file can't be tested here; nothing if it can."""
    for path, extras in NEEDS.items():
        if file.is_relative_to(ROOT / path):
            for extra in extras.split(", "):
                if find_spec(EXTRAS[extra]) is None:
                    return f"needs d2lib-book[{extra}]"
            if (
                extras == "mxnet"
                and numpy.lib.NumpyVersion(numpy.__version__) >= "2.0.0"
            ):
                return "MXNet needs NumPy 1.26"
    return ""


class LeftOut(pytest.File):
    """A file that is skipped as a whole."""

    reason = ""

    def collect(self) -> list[pytest.Item]:
        """Say why instead of collecting tests."""
        pytest.skip(self.reason, allow_module_level=True)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector):
    """Put `LeftOut` in the place of a file that can't be tested here."""
    collectors = yield
    reason = why_not(file_path)
    if not collectors or not reason:
        return collectors
    left_out = LeftOut.from_parent(parent, path=file_path)
    left_out.reason = reason
    return [left_out]


def last_line(skipped: list[pytest.TestReport | pytest.CollectReport]) -> str:
    """Return in one line what was left out, and why."""
    counts: Counter[tuple[str, str]] = Counter()
    for report in skipped:
        reason = report.longrepr
        reason = reason[-1] if isinstance(reason, tuple) else str(reason)
        reason = shorten(reason.removeprefix("Skipped: "), 90, placeholder=" ...")
        what = "file" if isinstance(report, pytest.CollectReport) else "test"
        counts[what, reason] += 1
    parts = [
        f"{number} {what}{'s' if number > 1 else ''} ({reason})"
        for (what, reason), number in sorted(counts.items())
    ]
    return f"Left out: {'; '.join(parts) or 'nothing'}."


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the last line, after pytest's own."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(config, "workerinput"):
        reporter.write_line(last_line(reporter.stats.get("skipped", [])))
