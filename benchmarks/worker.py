"""One peer in a process of its own: ``python -m benchmarks.worker PEER``.

Reads one request a line from the standard input and answers each with one line of
JSON. ``{"work": "mlp", "save": "file.npz"}`` prepares a work, does three steps and
saves the result; ``{"seconds": 0.3}`` takes a sample of the work that was prepared.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.clock import take_sample
from benchmarks.works import LIMITS, WORKS

CHECKED_STEPS = 3


def main() -> None:
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")

    try:
        peer = import_module(f"benchmarks.peers.{sys.argv[1]}")
    except Exception as error:
        answer(error=f"{type(error).__name__}: {error}")
        return
    answer(version=peer.VERSION, threads=peer.THREADS)
    finish = getattr(peer, "finish", lambda: None)
    step = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "work" not in request:
                answer(**asdict(take_sample(step, finish, request["seconds"])))
                continue
            name = request["work"]
            make = getattr(peer, f"{name}_" if name == "import" else name, None)
            if make is None:
                answer(absent=True)
                continue
            step, result = make((WORKS | LIMITS)[name].data())
            for _ in range(CHECKED_STEPS):
                step()
            finish()
            np.savez(request["save"], **result())
            answer(ready=True)
        except Exception as error:
            answer(error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
