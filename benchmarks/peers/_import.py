"""How long an import takes, in a fresh process each time."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import time
start = time.perf_counter()
{before}
import {module}
print(time.perf_counter() - start)
"""


def timed_import(module: str, before: str = ""):
    """A step that imports the module and returns the seconds of that alone."""
    program = PROGRAM.format(module=module, before=before)

    def step():
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            capture_output=True,
            text=True,
            check=True,
        )
        return float(ran.stdout)

    return step, dict
