"""The long runs of Lecture 4: each still runs, and measures what its table says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from d2lib.book import evidence
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


#: What the table must show: name, what is best, and the twins that must reach it.
BARS = [
    ("dqn", 475, ("scratch", "mx")),
    ("policy", 475, ("scratch", "mx")),
    ("pendulum", -200, ("scratch", "mx")),
    ("mountain_car", 90, ("scratch", "mx")),
]


@pytest.mark.parametrize(("name", "bar", "twins"), BARS)
def test_every_seed_in_the_table_reaches_its_bar(name, bar, twins):
    for twin in twins:
        rows = [row for row in evidence(name, twin=twin) if not row["variant"]]
        assert sorted(row["seed"] for row in rows) == [0, 1, 2, 3, 4], twin
        assert min(row["chosen"] for row in rows) >= bar, twin
        assert name != "dqn" or max(row["steps"] for row in rows) <= 40_000


def test_planted_a_seed_below_the_bar_is_seen(monkeypatch):
    low = {"twin": "scratch", "variant": "", "seed": 4, "chosen": 474.9, "steps": 1}
    rows = [low | {"seed": k, "chosen": 500} for k in range(4)] + [low]
    monkeypatch.setitem(globals(), "evidence", lambda name, twin: rows)
    with pytest.raises(AssertionError):
        test_every_seed_in_the_table_reaches_its_bar("dqn", 475, ("scratch",))
