"""How long a step takes when several workers of one machine share it, on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

#: What the workers run. Worker 0 leaves what it saw in a file.
PROGRAM = """
import json, os, statistics, sys, time
from d2lib import mx as dl
from d2lib.data import load_mnist

file, kvstore = sys.argv[1], sys.argv[4]
batch, epochs = int(sys.argv[2]), int(sys.argv[3])
digits = load_mnist()
model = dl.MLP([784, 512, 512, 10], seed=0)
times, used = [], []

class Times(dl.Callback):
    def on_batch(self, run):
        times.append(time.perf_counter())
        used.append(time.process_time())

dl.fit(model, (digits.x_train[:5120], digits.y_train[:5120]), loss=dl.cross_entropy,
       optimizer=dl.SGD(model.parameters(), lr=0.1), batch_size=batch, epochs=epochs,
       callbacks=[Times()], progress=False, kvstore=kvstore or None)
if os.environ.get("DMLC_RANK", "0") == "0":
    def step(moments):
        return statistics.median(b - a for a, b in zip(moments[5:], moments[6:]))
    found = {"step_ms": 1000 * step(times), "processor_ms": 1000 * step(used),
             "weights": model.num_parameters(), "steps": len(times)}
    open(file, "w").write(json.dumps(found))
"""
BATCH = 256  # examples a step, over all workers
EPOCHS = 6
VARIANTS = ("alone", "1 worker", "2 workers", "4 workers")


def machines(twin: str, seed: int, variant: str) -> dict[str, float]:
    """The median step, as the first worker sees it; ``alone`` has no servers."""
    alone = variant == "alone"
    n = 1 if alone else int(variant.split()[0])
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        program, told = Path(folder) / "program.py", Path(folder) / "told.json"
        program.write_text(PROGRAM)
        start = [] if alone else ["-m", "d2lib.mx.launch", "-n", str(n)]
        arguments = [str(BATCH // n), str(EPOCHS), "" if alone else "dist_sync"]
        done = subprocess.run(
            [sys.executable, *start, str(program), str(told), *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{variant} failed: {done.stderr}")
        found = json.loads(told.read_text())
    per_second = BATCH / found["step_ms"] * 1000
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    return {**found, "examples_a_second": per_second, "cores": cores, "load": load}


RUNS = {"machines": (machines, {"mx": VARIANTS}, (0, 1, 2))}
