"""``python -m benchmarks [--busy] [WORK ...]``: measures, prints, keeps the results."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
from pathlib import Path
from typing import Any

from benchmarks import bench, report
from benchmarks.works import WORKS


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench WORK=…", description=__doc__)
    parser.add_argument("works", nargs="*", metavar="WORK", help=", ".join(WORKS))
    parser.add_argument("--repeats", type=int, default=15, help="clean samples a peer")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument(
        "--limit", type=float, default=180, help="seconds for a work, then it gives up"
    )
    parser.add_argument("--peers", nargs="+", default=list(bench.PEERS))
    parser.add_argument(
        "--busy",
        action="store_true",
        help="measure d2lib.mx beside a program that keeps one core busy, nothing else",
    )
    parser.add_argument(
        "--elsewhere",
        action="store_true",
        help="keep the results as another machine's, beside those of the first",
    )
    parser.add_argument("--dry", action="store_true", help="keep nothing")
    options = parser.parse_args()
    for name in options.works:
        if name not in WORKS:
            parser.error(f"there is no work {name!r}: choose from {', '.join(WORKS)}")
    works = options.works or list(WORKS)
    if options.busy:
        works = [name for name in works if name != "import"]
        rows = bench.measure_beside_neighbour(works, options.repeats, options.limit)
        results = merged(rows, "busy", options.elsewhere)
        shown = results["elsewhere"] if options.elsewhere else results
        print(report.beside_neighbour(shown))
        if not options.dry:
            keep(results)
        return

    peers = bench.start_peers(options.peers, options.threads)
    if not peers:
        parser.exit(1, "No peer could be started.\n")
    try:
        machine = {
            "date": datetime.date.today().isoformat(),
            "cpu": cpu_name(),
            "system": platform.system(),
            "cores": os.cpu_count(),
            "vectors": vectors(),
            "threads": options.threads,
            "versions": {peer.name: peer.version for peer in peers},
        }
        peak, bandwidth = bench.measure_limits(peers, 5, options.limit / 4)
        machine |= {
            "peak": bench.significant(peak),
            "bandwidth": bench.significant(bandwidth),
        }
        print(f"{machine['cpu']}, {options.threads} threads: ", end="")
        print(f"{peak:.0f} GFLOP/s in float32, {bandwidth:.1f} GB/s", flush=True)
        rows = []
        for name in works:
            print(f"{name}: {WORKS[name].title}", flush=True)
            rows += bench.measure(peers, name, options.repeats, options.limit, machine)
    finally:
        for peer in peers:
            peer.close()

    print(report.table({"results": rows}, works), end="\n\n")
    print(report.goals({"results": rows}, works))
    if any(row["noisy"] for row in rows):
        print(
            "Rows marked noisy: other processes kept the machine busy. "
            "Stop them and measure again."
        )
    if not options.dry:
        if options.threads == 1:
            keep(merged(rows, "one_thread", options.elsewhere))
        else:
            keep(merged(rows, "results", options.elsewhere, machine))


def merged(
    rows: list[dict[str, Any]],
    table: str,
    elsewhere: bool,
    machine: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What is kept, with new rows in a table of the first or the second machine."""
    kept = report.load()
    old = kept.get("elsewhere", report.NOTHING) if elsewhere else kept
    new = report.merge(old, machine or old["machine"], rows, table)
    return {**kept, "elsewhere": new} if elsewhere else new


def keep(results: dict[str, Any]) -> None:
    """Writes the results, and what is shown of them."""
    report.save(results)
    report.FILE.with_suffix(".md").write_text(report.text(results), encoding="utf-8")
    report.chart(results, report.FILE.with_suffix(".svg"))
    print(f"Kept in {report.FILE.parent}/results.json, .md and .svg")


def cpu_name() -> str:
    """The processor's name as the system knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def vectors() -> str:
    """The widest arithmetic that the processor has, as far as the system says."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return "unknown"
    known = {"avx512f": "AVX-512", "avx2": "AVX2", "asimd": "NEON"}
    return next((name for flag, name in known.items() if flag in flags), "unknown")


if __name__ == "__main__":
    main()
