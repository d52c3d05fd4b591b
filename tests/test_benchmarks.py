"""`make bench`: its statistics, its checks and its file. Nothing here is timed.

What makes the library fast is counted instead. Matrix products and bytes are counted in
`tests/scratch/test_layers.py` and `test_optimizers.py`, lines of Python here.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from d2lib import scratch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks import bench, report
from benchmarks.__main__ import merged
from benchmarks.clock import Sample, summarise, take_sample
from benchmarks.works import LIMITS, WORKS


class TestStatistics:
    def test_median_and_quartiles_of_the_clean_samples(self):
        samples = [Sample(float(ms), 0.0) for ms in (5, 1, 4, 2, 3)]
        summary = summarise([*samples, Sample(1000.0, 0.5)], enough=5)
        assert (summary.median, summary.spread) == (3.0, 2.0)  # quartiles 2 and 4
        assert (summary.samples, summary.noisy) == (5, False)

    def test_too_few_clean_ones_are_filled_up_with_the_least_disturbed(self):
        disturbed = [Sample(10.0, 0.9), Sample(3.0, 0.2), Sample(4.0, 0.3)]
        summary = summarise([Sample(2.0, 0.1), *disturbed], enough=3)
        assert (summary.median, summary.samples, summary.noisy) == (3.0, 3, True)

    def test_an_eighth_of_a_core_is_allowed(self):
        assert Sample(1.0, 0.125).clean
        assert not Sample(1.0, 0.126).clean

    def test_no_samples(self):
        with pytest.raises(ValueError, match="no sample"):
            summarise([])

    def test_a_step_may_say_which_part_of_its_time_counts(self):
        assert take_sample(lambda: 2.0, lambda: None, 0.001).ms == pytest.approx(2000)

    def test_every_step_is_waited_for(self):
        calls = []
        take_sample(lambda: calls.append("step"), lambda: calls.append("finish"), 0.0)
        assert calls == ["step", "finish"] * (len(calls) // 2)


class TestWorks:
    def test_inputs_are_the_same_at_every_call(self):
        for work in (WORKS | LIMITS).values():
            first, second = work.data(), work.data()
            assert list(first) == list(second)
            for name, array in first.items():
                np.testing.assert_array_equal(array, second[name])
                assert array.dtype in (np.float32, np.int64)

    def test_the_limit_is_the_slower_of_arithmetic_and_memory(self):
        assert WORKS["adam"].limit_ms(peak=1, bandwidth=28) == pytest.approx(1.0)
        # Forward: 128 × 2 × (784·256 + 256·128 + 128·10); backward twice that, less
        # the gradient of the input.
        flops = 256 * (3 * (784 * 256 + 256 * 128 + 128 * 10) - 784 * 256)
        assert WORKS["mlp"].limit_ms(peak=1, bandwidth=1) == flops / 1e6
        assert WORKS["import"].limit_ms(peak=1, bandwidth=1) is None


class TestEquality:
    @property
    def start(self) -> dict:
        return {"W": np.full((3, 2), 100.0)}

    def changed(self, by: float) -> dict:
        return {"W": self.start["W"] + by, "loss": np.float32(0.5)}

    def test_the_same_but_for_rounding(self):
        got, expected = self.changed(0.1001), self.changed(0.1)
        assert bench.difference(got, expected, self.start) is None

    def test_planted_a_gradient_that_is_one_percent_off(self):
        """The weights themselves differ by 0.001 % only."""
        problem = bench.difference(self.changed(0.101), self.changed(0.1), self.start)
        assert problem == "W is off by 0.01 of its size"

    def test_planted_not_a_number(self):
        got = self.changed(float("nan"))
        assert "W is off" in bench.difference(got, self.changed(0.1), self.start)

    def test_planted_another_shape_and_a_missing_array(self):
        expected = self.changed(0.1)
        transposed = expected | {"W": expected["W"].T}
        assert "shape" in bench.difference(transposed, expected, self.start)
        assert "arrays" in bench.difference({}, expected, self.start)


class Planted:
    """A peer that answers what the test wants."""

    def __init__(self, name, result=None, answers=()):
        self.name, self.result, self.answers = name, result, list(answers)

    def ask(self, **request):
        if "save" in request:
            if self.result is None:
                return {"absent": True}
            np.savez(request["save"], **self.result)
            return {"ready": True}
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class TestPeers:
    def test_a_planted_wrong_one_is_refused(self, capsys):
        right = {"loss": np.float32(1.0)}
        wrong = {"loss": np.float32(1.1)}
        peers = [
            Planted("a", right),
            Planted("b", wrong),
            Planted("c"),
            Planted("d", right),
        ]
        ready = bench.prepare(peers, "mlp", {})
        assert [peer.name for peer in ready] == ["a", "d"]
        assert (
            "mlp: b is left out: it computes something else" in capsys.readouterr().out
        )

    def test_one_that_is_not_installed_is_left_out_with_a_line(
        self, monkeypatch, tmp_path, capsys
    ):
        peers = {
            "no Python": ("scratch", tmp_path / "python"),
            "no module": ("nothing", Path(sys.executable)),
        }
        monkeypatch.setattr(bench, "PEERS", peers)
        assert bench.start_peers(peers, threads=1) == []
        first, second = capsys.readouterr().out.splitlines()
        assert first.startswith("no Python is left out: ")
        assert "No such file" in first
        assert second.startswith("no module is left out: ModuleNotFoundError")

    def test_a_real_one_answers(self, tmp_path):
        (peer,) = bench.start_peers(["scratch"], threads=1)
        try:
            file = tmp_path / "result.npz"
            assert peer.ask(work="small_mlp", save=str(file)) == {"ready": True}
            with np.load(file) as arrays:
                assert arrays["W0"].shape == (2, 16)
            sample = Sample(**peer.ask(seconds=0.001))
            assert sample.ms > 0
            assert peer.ask(work="nothing", save=str(file)) == {"absent": True}
            with pytest.raises(bench.PeerError, match="FileNotFoundError"):
                peer.ask(work="adam", save=str(tmp_path / "missing" / "result.npz"))
        finally:
            peer.close()

    def test_they_take_turns_until_each_has_enough_clean_samples(self, monkeypatch):
        monkeypatch.setattr(bench, "PAUSE", 0.0)
        clean, disturbed = {"ms": 1.0, "others": 0.0}, {"ms": 9.0, "others": 1.0}
        a = Planted("a", answers=[clean, disturbed, clean])
        b = Planted("b", answers=[clean, clean])
        samples = bench.take_turns([a, b], "mlp", repeats=2, limit=60)
        assert [s.ms for s in samples[a]] == [1.0, 9.0, 1.0]
        assert len(samples[b]) == 2

    def test_a_neighbour_that_was_started_disturbs_nothing_and_another_does(
        self, monkeypatch
    ):
        monkeypatch.setattr(bench, "PAUSE", 0.0)
        answers = [{"ms": 1.0, "others": others} for others in (1.75, 1.0)]
        a = Planted("a", answers=answers)
        samples = bench.take_turns([a], "mlp", repeats=1, limit=60, neighbours=1)
        assert [s.others for s in samples[a]] == [0.75, 0.0]

    def test_the_neighbour_does_not_stay(self):
        with bench.busy_neighbour() as pid:
            os.kill(pid, 0)  # it is there
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_it_gives_up_when_the_time_is_over(self):
        peer = Planted("a", answers=[])
        assert bench.take_turns([peer], "mlp", repeats=2, limit=0) == {}

    def test_one_that_dies_is_left_out_with_a_line(self, monkeypatch, capsys):
        monkeypatch.setattr(bench, "PAUSE", 0.0)
        a = Planted("a", answers=[bench.PeerError("its process has ended")])
        b = Planted("b", answers=[{"ms": 1.0, "others": 0.0}])
        assert list(bench.take_turns([a, b], "mlp", repeats=1, limit=60)) == [b]
        assert "a is left out: its process has ended" in capsys.readouterr().out


def row(work, peer, ms, torch=1.0, **fields):
    return {
        "work": work,
        "peer": peer,
        "median_ms": ms,
        "spread": 0.1,
        "ratio_to_torch": ms / torch,
        "ratio_to_limit": 2 * ms,
        "limit_ms": 0.5,
        "noisy": False,
        "threads": 2,
        **fields,
    }


def busy_row(work, chosen, one, noisy=False):
    times = {"chosen_ms": chosen, "one_ms": one}
    return {"work": work, "threads": 2, "noisy": noisy, **times}


class TestFile:
    def test_a_run_of_one_work_replaces_its_rows_only(self, tmp_path):
        old = [
            row("mlp", "torch", 1.0),
            row("mlp", "gone", 1.0),
            row("adam", "mx", 3.0),
        ]
        kept = {"machine": {"peak": 1.0}, "results": old}
        new = [row("mlp", "torch", 2.0)]
        merged = report.merge(kept, {"peak": 2.0}, new)
        assert merged["results"] == [*new, old[2]]
        assert merged["machine"] == {"peak": 2.0}
        file = tmp_path / "results.json"
        report.save(merged, file)
        assert report.load(file) == merged == json.loads(file.read_text())
        assert [f.name for f in tmp_path.iterdir()] == ["results.json"]

    def test_rows_beside_a_neighbour_stand_in_a_table_of_their_own(self):
        kept = {"machine": {}, "results": [row("mlp", "mx", 1.0)]}
        rows = [busy_row("lstm", 4.0, 2.0), busy_row("mlp", 1.5, 1.0)]
        rows.append(busy_row("adam", 1.5, 1.0, noisy=True))
        merged = report.merge(kept, {}, rows, "busy")
        assert merged["results"] == kept["results"]
        assert report.beside_neighbour(merged).splitlines()[2:] == [
            "| mlp | 2 | 1.50 ms | 1.00 ms | 1.50 | ≤ 1.5 × one thread: met |",
            "| adam | 2 | 1.50 ms | 1.00 ms | 1.50 "
            "| ≤ 1.5 × one thread: too noisy to tell |",
            "| lstm | 2 | 4.00 ms | 2.00 ms | 2.00 | ≤ 1.5 × one thread: **missed** |",
        ]
        assert len(report.beside_neighbour(kept).splitlines()) == 2

    def test_a_second_machine_stands_beside_the_first(self):
        rows = [row("mlp", "scratch", 1.5), row("mlp", "torch", 1.0)]
        other = {"cpu": "Other", "vectors": "AVX2", "date": "2026-11-30"}
        kept = {"machine": {"cpu": "This"}, "results": [row("mlp", "mx", 1.0)]}
        kept["elsewhere"] = report.merge(report.NOTHING, other, rows)
        text = report.text(kept)
        assert "Elsewhere, Other, AVX2, 2026-11-30:" in text
        assert "≤ 1.05 × PyTorch: **missed**, 1.43 ×" in text

    @pytest.mark.parametrize("table", ["results", "one_thread", "busy"])
    def test_each_table_of_the_second_machine_is_its_own(self, table, monkeypatch):
        kept = {"machine": {"cpu": "This"}, "results": [row("mlp", "mx", 1.0)]}
        kept["elsewhere"] = {"machine": {"cpu": "Other"}, "results": []}
        monkeypatch.setattr(report, "load", lambda: kept)
        rows = [row("mlp", "mx", 2.0)]
        assert merged(rows, table, elsewhere=True) == {
            **kept,
            "elsewhere": {**kept["elsewhere"], table: rows},
        }
        assert merged(rows, table, elsewhere=False) == {**kept, table: rows}

    def test_there_may_be_no_file_yet(self, tmp_path):
        results = report.load(tmp_path / "results.json")
        assert report.merge(results, {}, [row("mlp", "mx", 1.0)])["results"]

    def test_the_one_that_ships_has_every_field(self):
        results = report.load()
        assert {"peak", "bandwidth", "threads", "versions", "date"} <= set(
            results["machine"]
        )
        for entry in results["results"]:
            assert entry["work"] in WORKS
            assert entry["peer"] in bench.PEERS
            assert set(row("", "", 1.0)) <= set(entry)

    def test_table(self):
        rows = [row("mlp", "scratch", 1.5), row("mlp", "torch", 1.0, noisy=True)]
        lines = report.table({"results": rows}).splitlines()
        assert lines[2:] == [
            "| mlp | torch | 2 | 1.00 ms (noisy) | 100 µs | 1.00 | 2.00 |",
            "| mlp | scratch | 2 | 1.50 ms | 100 µs | 1.50 | 3.00 |",
        ]

    def test_goals_are_met_or_missed(self):
        rows = [
            row("mlp", "scratch", 1.5),
            row("mlp", "mx", 1.5),
            row("mlp", "torch", 1),
            row("mlp", "mxnet", 1.6),
            row("mlp", "mxnet, tuned", 1.4),
        ]
        rows.append(row("import", "mx", 900.0))
        rows.append(row("adam", "mx", 0.5, noisy=True))
        rows.append(row("adam", "mxnet", 0.9))
        assert [
            line.split(" | ")[-1]
            for line in report.goals({"results": rows}).splitlines()[2:]
        ] == [
            "≤ 1.05 × PyTorch: **missed**, 1.43 × |",
            "≤ mxnet, tuned, 1.40 ms: **missed**, 1.07 × |",
            "≤ mxnet, 900 µs: too noisy to tell |",
            "≤ 1.50 s: met |",
        ]

    @pytest.mark.parametrize(
        ("ours", "noisy", "verdict"),
        [
            (0.1, False, "met, 20,000 ×"),
            (1.0, False, "**missed**, 2,000 ×"),
            (0.1, True, "too noisy to tell, 20,000 ×"),
        ],
    )
    def test_micrograd_is_to_be_far_behind(self, ours, noisy, verdict):
        rows = [
            row("small_mlp", "micrograd", 2000.0, noisy=noisy),
            row("small_mlp", "scratch", ours),
        ]
        last = report.goals({"results": rows}).splitlines()[-1]
        assert last.split(" | ")[-1] == f"≥ 3,000 × d2lib.scratch: {verdict} |"
        assert "micrograd" not in report.goals({"results": rows}, ["mlp"])

    def test_chart(self, tmp_path):
        pytest.importorskip("matplotlib")
        rows = [row("mlp", "scratch", 1.5), row("import", "mx", 900.0, limit_ms=None)]
        report.chart({"results": rows}, tmp_path / "chart.svg")
        assert "<svg" in (tmp_path / "chart.svg").read_text()

    @pytest.mark.parametrize(
        ("ms", "text"), [(0.02345, "23.4 µs"), (1.234, "1.23 ms"), (4567, "4.57 s")]
    )
    def test_milliseconds(self, ms, text):
        assert report.milliseconds(ms) == text


class TestNoLoopOverTheBatch:
    """As many lines of Python run for a thousand examples as for ten."""

    @staticmethod
    def lines(f) -> int:
        count = 0

        def trace(frame, event, argument):
            nonlocal count
            count += event == "line"
            return trace

        before = sys.gettrace()
        gc.disable()  # it would clear away what other tests left, and be counted
        sys.settrace(trace)
        try:
            f()
        finally:
            sys.settrace(before)
            gc.enable()
        return count

    @staticmethod
    def training_step(dl, loss_function, n):
        rng = np.random.default_rng(0)
        model = dl.MLP([4, 8, 3], seed=0)
        optimizer = dl.Adam(model.parameters())
        x = dl.tensor(rng.normal(size=(n, 4)).astype(np.float32))
        y = rng.integers(0, 3, n)
        if loss_function != "cross_entropy":
            y = rng.random((n, 3)).astype(np.float32)

        def step():
            with dl.record():
                loss = getattr(dl, loss_function)(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        step()
        return step

    @pytest.mark.parametrize(
        "loss", ["mse", "binary_cross_entropy_with_logits", "cross_entropy"]
    )
    @pytest.mark.parametrize("twin", ["scratch", "mx"])
    def test_training(self, twin, loss):
        dl = scratch
        if twin == "mx":
            dl = pytest.importorskip("d2lib.mx", exc_type=ImportError)
        few, many = (self.lines(self.training_step(dl, loss, n)) for n in (10, 1000))
        assert few == many > 0

    @pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "transformer"])
    @pytest.mark.parametrize("twin", ["scratch", "mx"])
    def test_reading(self, twin, cell):
        dl = scratch
        if twin == "mx":
            dl = pytest.importorskip("d2lib.mx", exc_type=ImportError)
        model = dl.LanguageModel(5, units=8, cell=cell, heads=2, seed=0)
        model.hybridize()

        def step(n):
            with dl.record():
                loss = dl.cross_entropy(model(x[:n]), x[:n])
            loss.backward()
            model.zero_grad()

        x = np.random.default_rng(0).integers(0, 5, (500, 6))
        counts = []
        for n in (10, 500):
            step(n)  # MXNet compiles
            counts.append(self.lines(lambda n=n: step(n)))
        assert counts[0] == counts[1] > 0

    def test_planted_a_loop_is_seen(self):
        def loop(n):
            for _ in range(n):
                pass

        assert self.lines(lambda: loop(10)) < self.lines(lambda: loop(1000))
