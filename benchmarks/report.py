"""Keeps the results, and shows them as a table and as charts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.works import WORKS

FILE = Path(__file__).with_name("results.json")
Row = Mapping[str, Any]

#: What d2lib.scratch wants to reach: the most times PyTorch's time, on two threads.
GOALS = {
    "mlp": 1.05,
    "adam": 0.95,
    "cross_entropy": 0.8,
    "lstm": 1.4,
    "attention": 1.45,
    "small_mlp": 0.45,
    "conv_a": 0.9,
    "conv_b": 1.6,
    "conv_c": 1.9,
    "conv_transpose": 1.7,
    "max_pool": 0.8,
    "lenet": 1.6,
    "dqn_64": 0.5,
    "dqn_128": 0.67,
}
#: Works that PyTorch has not: there it wants to be no slower than MXNet's operator.
AHEAD_OF_MXNET = {"nms", "roi_align"}
#: What d2lib.mx wants: to be no slower than MXNet without it, as shipped or set up by
#: hand, whichever is faster. Whatever MXNet itself takes, d2lib must not add to it.
PLAIN = ("mxnet", "mxnet, tuned")
#: The least times d2lib.scratch's time that micrograd takes for the small network.
MICROGRAD_GOAL = 3000
#: And the most milliseconds of an import.
IMPORT_GOALS = {"d2lib": 300.0, "mx": 1500.0}
#: Beside a program that keeps a core busy, the most times the time of one thread that
#: d2lib.mx takes with the threads it chooses.
NEIGHBOUR_GOAL = 1.5


NOTHING: dict[str, Any] = {"machine": {}, "results": []}


def load(file: Path = FILE) -> dict[str, Any]:
    """The results that are kept; none if nothing was measured yet."""
    if not file.exists():
        return dict(NOTHING)
    return json.loads(file.read_text(encoding="utf-8"))


def merge(
    kept: Mapping[str, Any],
    machine: Mapping[str, Any],
    rows: Iterable[Row],
    table: str = "results",
) -> dict[str, Any]:
    """Puts new rows in the place of those of the same works; the others stay.

    Args:
        kept: what was measured before.
        machine: what measured the rows.
        rows: the new rows.
        table: "results", or "busy" for those beside a busy neighbour.
    """
    rows = list(rows)
    done = {row["work"] for row in rows}
    stay = [row for row in kept.get(table, []) if row["work"] not in done]
    order = list(WORKS)
    merged = sorted([*stay, *rows], key=lambda row: order.index(row["work"]))
    return {**kept, "machine": dict(machine), table: merged}


def save(results: Mapping[str, Any], file: Path = FILE) -> None:
    """Writes the results whole or not at all."""
    new = file.with_suffix(".tmp")
    text = json.dumps(results, indent=1, ensure_ascii=False)
    new.write_text(text + "\n", encoding="utf-8")
    os.replace(new, file)


def machine_name(machine: Mapping[str, Any]) -> str:
    """A machine in a few words: its processor, its vectors, and when it measured."""
    cpu, wide = machine.get("cpu", "?"), machine.get("vectors", "?")
    return f"{cpu}, {wide}, {machine.get('date', '?')}"


def of_work(results: Mapping[str, Any], work: str) -> dict[str, Row]:
    """The rows of one work by peer, the fastest first."""
    rows = [row for row in results["results"] if row["work"] == work]
    return {row["peer"]: row for row in sorted(rows, key=lambda r: r["median_ms"])}


def milliseconds(ms: float) -> str:
    """A time with three digits and its unit."""
    value, unit = ms, "ms"
    if ms >= 1000:
        value, unit = ms / 1000, "s"
    elif ms < 1:
        value, unit = ms * 1000, "µs"
    return f"{value:.{max(0, 3 - len(str(int(value))))}f} {unit}"


def ratio(x: float | None) -> str:
    """A ratio with two digits or more; a dash where there is none."""
    if x is None:
        return "–"
    return f"{x:,.0f}" if x >= 10 else f"{x:.2f}"


def goal(row: Row, rows: Mapping[str, Row]) -> str:
    """What d2lib wants to reach in this row of a work's rows, and whether it does."""
    work, peer, noisy = row["work"], row["peer"], row["noisy"]
    most = value = None
    if work == "import":
        most, value = IMPORT_GOALS.get(peer), row["median_ms"]
        wanted = most and milliseconds(most)
    elif peer == "mx" or (peer == "scratch" and work in AHEAD_OF_MXNET):
        plain = [rows[name] for name in PLAIN if name in rows]
        if plain:
            best = min(plain, key=lambda r: r["median_ms"])
            most, value = best["median_ms"], row["median_ms"]
            wanted = f"{best['peer']}, {milliseconds(most)}"
            noisy = noisy or best["noisy"]
    elif peer == "scratch":
        most, value = GOALS.get(work), row["ratio_to_torch"]
        wanted = f"{most} × PyTorch"
    if most is None or value is None:
        return ""
    verdict = "met" if value <= most else f"**missed**, {value / most:.2f} ×"
    return f"≤ {wanted}: {'too noisy to tell' if noisy else verdict}"


def table(results: Mapping[str, Any], works: Iterable[str] = WORKS) -> str:
    """The results as a table in Markdown, all of a work's peers, the fastest first."""
    head = ["work", "peer", "threads", "median", "spread", "÷ PyTorch", "÷ limit"]
    lines = [
        [
            work,
            peer,
            str(row["threads"]),
            milliseconds(row["median_ms"]) + (" (noisy)" if row["noisy"] else ""),
            milliseconds(row["spread"]),
            ratio(row["ratio_to_torch"]),
            ratio(row["ratio_to_limit"]),
        ]
        for work in works
        for peer, row in of_work(results, work).items()
    ]
    return _markdown(head, lines, left=2)


def goals(results: Mapping[str, Any], works: Iterable[str] = WORKS) -> str:
    """What d2lib wants to reach and what it does, as a table in Markdown."""
    works = list(works)
    lines = []
    for work in works:
        rows = of_work(results, work)
        for peer, row in rows.items():
            if wanted := goal(row, rows):
                noisy = " (noisy)" if row["noisy"] else ""
                time = milliseconds(row["median_ms"]) + noisy
                lines.append([work, peer, time, ratio(row["ratio_to_torch"]), wanted])
    if "small_mlp" in works:
        lines += _micrograd_goal(results)
    return _markdown(["work", "peer", "median", "÷ PyTorch", "goal"], lines, left=2)


def beside_neighbour(results: Mapping[str, Any]) -> str:
    """d2lib.mx while another program keeps a core busy, as a table in Markdown."""
    lines = []
    for row in results.get("busy", []):
        ratio_to_one = row["chosen_ms"] / row["one_ms"]
        verdict = "met" if ratio_to_one <= NEIGHBOUR_GOAL else "**missed**"
        verdict = "too noisy to tell" if row["noisy"] else verdict
        lines.append(
            [
                row["work"],
                str(row["threads"]),
                milliseconds(row["chosen_ms"]),
                milliseconds(row["one_ms"]),
                ratio(ratio_to_one),
                f"≤ {NEIGHBOUR_GOAL} × one thread: {verdict}",
            ]
        )
    head = ["work", "threads", "chosen threads", "one thread", "÷ one thread", "goal"]
    return _markdown(head, lines, left=1)


def text(results: Mapping[str, Any]) -> str:
    """All tables."""
    tables = [table(results), goals(results)]
    if results.get("one_thread"):
        alone = goals({"results": results["one_thread"]})
        tables.append(f"On one thread:\n\n{alone}")
    if results.get("busy"):
        tables.append(beside_neighbour(results))
    if other := results.get("elsewhere"):
        tables.append(f"Elsewhere, {machine_name(other['machine'])}:\n\n{goals(other)}")
    return "\n\n".join(tables) + "\n"


def _micrograd_goal(results: Mapping[str, Any]) -> list[list[str]]:
    """How far micrograd is behind, as a line of `goals`; none if it was not there."""
    rows = of_work(results, "small_mlp")
    if not {"micrograd", "scratch"} <= set(rows):
        return []
    theirs, ours = rows["micrograd"], rows["scratch"]
    factor = theirs["median_ms"] / ours["median_ms"]
    verdict = "met" if factor >= MICROGRAD_GOAL else "**missed**"
    if theirs["noisy"] or ours["noisy"]:
        verdict = "too noisy to tell"
    goal = f"≥ {MICROGRAD_GOAL:,} × d2lib.scratch: {verdict}, {factor:,.0f} ×"
    time = milliseconds(theirs["median_ms"])
    return [["small_mlp", "micrograd", time, ratio(theirs["ratio_to_torch"]), goal]]


def _markdown(head: list[str], lines: list[list[str]], left: int) -> str:
    rule = ["---"] * left + ["--:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])


def draw(ax: Any, results: Mapping[str, Any], work: str) -> None:
    """Draws one work's times as bars on a logarithmic axis, and the limit as a line."""
    from matplotlib.ticker import LogLocator

    from d2lib.plotting import COLORS, TEXT

    rows = of_work(results, work)
    for y, (peer, row) in enumerate(rows.items()):
        ours = peer in ("scratch", "mx", "d2lib")
        ms = row["median_ms"]
        ax.barh(
            y, ms, color=COLORS[0] if ours else COLORS[5], hatch="//" if ours else None
        )
        ax.text(ms * 1.1, y, milliseconds(ms), va="center", color=TEXT)
    names = [f"d2lib.{p}" if p in ("scratch", "mx") else p for p in rows]
    ax.set_yticks(range(len(rows)), names)
    ax.invert_yaxis()
    ax.set_xscale("log")
    ax.grid(False, axis="y")
    times = [row["median_ms"] for row in rows.values()]
    limit = next(iter(rows.values()))["limit_ms"]
    low, high = min([*times, limit or min(times)]) / 1.6, max(times)
    high *= (high / low) ** 0.3  # leaves room for the last number
    ax.set_xlim(low, high)
    # Matplotlib would name 2, 3, 4 and 6, too, and these would overlap.
    subs = (1, 2, 5) if high < 200 * low else (1,)
    ax.xaxis.set_major_locator(LogLocator(subs=subs, numticks=7))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    if limit:
        ax.axvline(limit, color=COLORS[1], ls="--")
        ax.plot([], [], color=COLORS[1], ls="--", label="limit of the machine")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    ax.set(xlabel="milliseconds")


def chart(results: Mapping[str, Any], file: Path) -> None:
    """Writes one picture with a panel for each work."""
    import matplotlib.pyplot as plt

    from d2lib.plotting import use_style

    use_style()
    works = [work for work in WORKS if of_work(results, work)]
    heights = [len(of_work(results, work)) + 4 for work in works]
    fig, axes = plt.subplots(
        len(works),
        figsize=(6.4, 0.3 * sum(heights)),
        height_ratios=heights,
        squeeze=False,
    )
    for ax, work in zip(axes.flat, works, strict=True):
        draw(ax, results, work)
        ax.set_title(WORKS[work].title, pad=24)
    fig.savefig(file, metadata={"Date": None, "Creator": None})
    plt.close(fig)
