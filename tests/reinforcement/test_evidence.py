"""The long runs of Lecture 4: each still runs, and measures what its table says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from evidence import agents
from evidence.run import MODULES


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(agents, "EPISODES", 2)
    monkeypatch.setattr(agents, "COPIES", 2)
    monkeypatch.setattr(agents, "STEPS", 2_000)
    monkeypatch.setattr(agents, "ABLATED_STEPS", 2_000)
    monkeypatch.setattr(agents, "ITERATIONS", dict.fromkeys(agents.ITERATIONS, 1))
    monkeypatch.setitem(agents.DQN, "warmup", 1_900)
    for kind in (agents.Pendulum, agents.MountainCarContinuous):
        monkeypatch.setattr(kind, "limit", 20)
    monkeypatch.setitem(agents.DQN, "batch_size", 8)


@pytest.mark.parametrize("name", agents.RUNS)
def test_every_run_runs(name, short):
    function, variants, seeds = agents.RUNS[name]
    assert MODULES[name] == "agents"
    assert len(seeds) == 5
    for variant in variants["scratch"]:
        found = function("scratch", 0, variant)
        assert found["steps"] >= 2
        assert found["seconds"] > 0
        assert {"chosen", "last"} <= set(found)
        numbers = [v for k, v in found.items() if k != "q"]
        assert all(np.isfinite(v) for v in numbers), found
