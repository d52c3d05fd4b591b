"""Install the package as a user does, into fresh environments, and try what it brings.

    python requirements/fresh_install.py dist/*.whl --numpy oldest

makes one environment without extras and one for each extra, with the Python that runs
this. Name extras to try these alone. Nothing of the clone is seen by what is tried.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

#: The first release with files for a Python; what is older needs the first.
OLDEST = {10: "1.26.*", 11: "1.26.*", 12: "1.26.*", 13: "2.1.*", 14: "2.3.*"}
TRAINS = """
import d2lib
from d2lib import scratch as dl
from d2lib.data import load_mnist, spirals
assert len(load_mnist().x_test) == 10_000
model = dl.MLP([2, 16, 2], seed=0)
adam = dl.Adam(model.parameters(), lr=0.01)
history = dl.fit(model, spirals(100, classes=2, seed=0), loss=dl.cross_entropy,
                 optimizer=adam, epochs=3)
assert history.loss[-1] < history.loss[0]
"""
#: What each extra is for.
TRIES = {
    "": "from d2lib import reinforcement, music, schedules",
    "book": "import d2lib.book, jupyter_book\nassert d2lib.book.evidence('lenet')",
    "fast": "import threadpoolctl\nfrom d2lib.scratch import _parallel",
    "music": "from d2lib.data import load_tunes\nassert load_tunes()",
    "mxnet": """
try:
    from d2lib import mx as dl
except ImportError as error:
    assert sys.version_info >= (3, 13) or sys.platform != "linux", error
    assert "3.12" in str(error), error
else:
    dl.SGD(dl.Dense(2, 2).parameters())
""",
    "photos": "from d2lib.data import load_faces\nload_faces()",
    "plot": "from d2lib import plotting\nplotting.use_style()",
    "rl": """
import gymnasium
agent = dl.PolicyGradient(4, 2, seed=0)
agent.learn(gymnasium.make("CartPole-v1"), 2)
""",
    "sklearn": """
from d2lib.sklearn import Classifier
x, y = spirals(60, classes=2, seed=0)
assert Classifier((8,), epochs=2).fit(x, y).predict(x).shape == (60,)
""",
    "test": "import pytest, hypothesis, mypy",
}


def attempt(package: Path, extra: str, numpy: str) -> str | None:
    """Install the package with an extra and try it; return what failed, or None."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "Scripts" if sys.platform == "win32" else "bin", "python")
        what = f"{package.resolve()}[{extra}]" if extra else str(package.resolve())
        install = [python, "-m", "pip", "install", "--quiet", what, *wanted(numpy)]
        program = Path(folder, "try.py")
        program.write_text("import sys\n" + TRAINS + TRIES[extra] + "\n")
        for command in (install, [python, program], [python, "-m", "d2lib"]):
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, check=False
            )
            if done.returncode:
                return (done.stderr or done.stdout)[-2000:]
    return None


def wanted(numpy: str, minor: int = sys.version_info[1]) -> list[str]:
    """Return what pip is told of NumPy; the newest that all agree to, if nothing."""
    return [f"numpy=={OLDEST[minor]}"] if numpy == "oldest" else []


def main() -> int:
    """Try what the command names; return 1 if something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help="a wheel or a source distribution")
    parser.add_argument("extras", nargs="*", help="those to try; all by default")
    parser.add_argument("--numpy", choices=("oldest", "newest"), default="newest")
    given = parser.parse_args()
    failed = 0
    for extra in given.extras or TRIES:
        problem = attempt(given.package, extra, given.numpy)
        failed += problem is not None
        print(
            f"{extra or 'no extra':10} {'FAILED' if problem else 'works'}", flush=True
        )
        if problem:
            print(problem, file=sys.stderr, flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
