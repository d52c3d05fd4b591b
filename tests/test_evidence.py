"""The long runs: each still runs, and what they measured is kept."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from d2lib import scratch
from d2lib.book import evidence
from d2lib.metrics import Detections

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from evidence import __main__ as command
from evidence import ablations, survival, vision

ROW = {
    "name": "lenet",
    "twin": "scratch",
    "variant": "plain",
    "seed": 0,
    "accuracy": 0.98765,
    "steps": 4680,
    "seconds": 74.3,
    "date": "2026-11-01",
    "processor": "some",
    "versions": "NumPy 2",
}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "FILE", tmp_path / "evidence.json")
    monkeypatch.setattr(command, "TABLE", tmp_path / "results.md")
    monkeypatch.setattr("d2lib.book.runs.FILE", tmp_path / "evidence.json")
    return tmp_path


def test_a_new_run_takes_the_place_of_the_old_one(kept):
    for seed in (1, 0):
        command.keep({**ROW, "seed": seed})
    command.keep({**ROW, "twin": "mx"})
    command.keep({**ROW, "accuracy": 0.5})
    rows = json.loads((kept / "evidence.json").read_text())
    told = [(r["twin"], r["seed"], r["accuracy"]) for r in rows]
    assert told == [("scratch", 0, 0.5), ("scratch", 1, 0.98765), ("mx", 0, 0.98765)]
    table = (kept / "results.md").read_text()
    assert "| plain | scratch | 0 | 0.5000 | 4,680 | 74.3000 |" in table
    assert "2026-11-01 | some | NumPy 2 |" in table


def test_pages_find_runs(kept):
    command.keep(ROW)
    command.keep({**ROW, "twin": "mx", "variant": "larger"})
    assert [r["twin"] for r in evidence("lenet")] == ["mx", "scratch"]
    assert evidence("lenet", twin="scratch") == [ROW]
    with pytest.raises(ValueError, match=r"no run with .*detector.*runs of lenet"):
        evidence("detector")


@pytest.fixture
def short(monkeypatch, tmp_path):
    monkeypatch.setattr(vision, "SCENES", 16)
    monkeypatch.setattr(vision, "HELD_OUT", 10)
    monkeypatch.setattr(vision, "DETECTOR_STEPS", {"scratch": 3, "mx": 3})
    monkeypatch.setattr(vision, "SEGMENTER_STEPS", {"scratch": 3, "mx": 3})
    monkeypatch.setattr(vision, "EPOCHS", {"plain": 1, "larger": 1})
    monkeypatch.setattr(vision, "WEIGHTS", tmp_path)
    digits = vision.load_mnist(flatten=False)
    few = type(digits)(
        digits.x_train[:256],
        digits.y_train[:256],
        digits.x_test[:50],
        digits.y_test[:50],
    )
    monkeypatch.setattr(vision, "load_mnist", lambda flatten: few)


def test_every_run_runs(short):
    for name, (function, variants, seeds) in vision.RUNS.items():
        assert command.MODULES[name] == "vision"
        assert len(seeds) >= 3
        for variant in variants["scratch"]:
            found = function("scratch", 0, variant)
            assert found["steps"] >= 2
            assert found["seconds"] > 0
            assert all(np.isfinite(v) for v in found.values()), (name, found)


def test_every_ablation_runs_and_leaves_out_what_it_says(monkeypatch):
    for name, few in {"DIGITS": 100, "EPOCHS": 1, "JUDGES": 50}.items():
        monkeypatch.setattr(ablations, name, few)
    [(name, (function, variants, seeds))] = ablations.RUNS.items()
    assert command.MODULES[name] == "ablations"
    assert len(seeds) >= 5
    names, last = {}, {}
    for variant in variants["scratch"]:
        found = function("scratch", 0, variant)
        assert found["steps"] == 2
        assert 0 <= found["accuracy"] <= 1
        model = ablations.network(scratch, 0, variant).eval()
        names[variant] = [type(layer).__name__ for layer in model.layers]
        x = np.random.default_rng(0).normal(size=(3, 1, 28, 28)).astype(np.float32)
        last[variant] = [
            model(x[:1] + x[1:2]),
            model(x[:1]),
            model(x[1:2]),
            model(0 * x[:1]),
        ]
    assert names["no batch norm"].count("BatchNorm") == 0
    assert names["all of it"].count("BatchNorm") == 2
    assert names["mean for maximum"].count("AvgPool2D") == 2
    # Without anything that bends the sum of two pictures gets the sum of the answers.
    for variant, (both, one, other, none) in last.items():
        straight = np.allclose((both + none).data, (one + other).data, atol=1e-4)
        assert straight == (variant == "no ReLU, and mean"), variant


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system can't fork")
def test_survival_is_measured(monkeypatch):
    """Once each here; what stands in the table was nothing lost, and nothing grown."""
    [(name, (function, variants, _))] = survival.RUNS.items()
    assert command.MODULES[name] == "survival"
    for variant, (what, times) in survival.WHAT.items():
        monkeypatch.setitem(survival.WHAT, variant, (what, 40 if times > 500 else 1))
        found = function("scratch", 0, variant)
        assert found["seconds"] > 0
        assert not found.get("lost")
    for row in evidence(name):
        assert row["variant"] in variants[row["twin"]]
        bad = ("lost", "corrupt", "stale", "differ", "failed", "bad")
        assert not any(row.get(fault) for fault in bad), row
        assert row.get("grown", 0) < 2_000, row
    assert sum(row.get("kills", 0) for row in evidence(name)) == 200
    assert sum(row.get("signals", 0) for row in evidence(name)) == 50
    monkeypatch.setitem(survival.WHAT, "memory", ("nothing", 1))
    with pytest.raises(RuntimeError, match="nothing scratch failed"):
        function("scratch", 0, "memory")


def test_what_oracles_tell():
    truth = [(np.float32([[0, 0, 10, 10], [20, 20, 30, 30]]), np.array([3, 4]))]
    boxes = np.float32([[0, 0, 10, 9], [20, 20, 26, 26], [40, 40, 50, 50]])
    found = [Detections(boxes, np.array([5, 4, 1]), np.float32([0.9, 0.8, 0.7]))]
    [named], _ = vision.told_class(found, truth)
    assert named.classes.tolist() == [3, 4, 1]
    [moved], _ = vision.told_box(found, truth)
    wanted = [boxes[0].tolist(), [20, 20, 30, 30], boxes[2].tolist()]
    assert moved.boxes.tolist() == wanted
    assert vision.recall(found, truth) == 0.5
    assert vision.recall(found, truth, [np.array([True, False])]) == 1
