"""What becomes of checkpoints and of memory when a training is killed, or is long.

`tests.saving` says what each of these does; here it runs as often as is promised: over
both twins 200 kills, 50 signals, and twice 2,000 steps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

#: By variant: what `tests.saving` is asked for, and how often.
WHAT = {
    "SIGKILL": ("kills", 100),
    "SIGTERM": ("terms", 25),
    "crowd": ("crowd", 200),
    "memory": ("steps", 2_000),
}


def survival(twin: str, seed: int, variant: str) -> dict[str, float]:
    """Runs one of them in a process of its own, for it forks."""
    what, times = WHAT[variant]
    root = Path(__file__).parent.parent
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tests.saving", what, twin, str(times)],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{what} {twin} failed: {done.stderr}")
    return {**json.loads(done.stdout), "seconds": time.perf_counter() - start}


RUNS = {"survival": (survival, {"scratch": tuple(WHAT), "mx": tuple(WHAT)}, (0,))}
