"""``python -m evidence [WHAT ...]``: trains for minutes, measures, keeps it all."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from evidence.run import MODULES, measure, module_of

FILE = Path(__file__).parent.parent / "d2lib" / "book" / "evidence.json"
TABLE = Path(__file__).with_name("results.md")
TOLD = """\
Made by `make evidence`. Each row is one training, by one thread of one process, from
the seed that it names. Seconds are the processor's, of the training alone. What is
trained how stands in the functions of this folder, by the names of the headings."""
#: A row is the same measurement as another with the same of these.
KEY = "name", "twin", "variant", "seed"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make evidence WHAT=…", description=__doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(MODULES))
    parser.add_argument("--twins", nargs="+", choices=("scratch", "mx"))
    parser.add_argument("--variants", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--dry", action="store_true", help="keep nothing")
    options = parser.parse_args()
    for name in options.what:
        if name not in MODULES:
            parser.error(f"there is no {name!r}: choose from {', '.join(MODULES)}")
    # One thread each, and before NumPy is loaded.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    runs = [run for name in options.what or MODULES for run in runs_of(name, options)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, spawn, max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(measure, *run) for run in runs]):
            row = done.result()
            print(in_words(row), flush=True)
            if not options.dry:
                keep(row)


def runs_of(name: str, options: argparse.Namespace) -> list[tuple[str, str, str, int]]:
    """The runs of one name, all seeds of one variant after each other."""
    _, variants, seeds = module_of(name).RUNS[name]
    return [
        (name, twin, variant, seed)
        for twin in variants
        if twin in (options.twins or variants)
        for variant in variants[twin]
        if variant in (options.variants or variants[twin])
        for seed in options.seeds or seeds
    ]


def keep(row: dict[str, Any]) -> None:
    """Puts a row in the place of the same one of before, and writes the table anew."""
    rows = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else []
    rows = [old for old in rows if key(old) != key(row)] + [row]
    rows.sort(key=key)
    text = ",\n".join(json.dumps(row) for row in rows)
    FILE.write_text(f"[\n{text}\n]\n", encoding="utf-8")
    TABLE.write_text(table(rows), encoding="utf-8")


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What tells a row from others, in the order of the table."""
    name, twin, variant, seed = (row[k] for k in KEY)
    return list(MODULES).index(name), variant, twin != "scratch", seed


def measures(row: dict[str, Any]) -> dict[str, float]:
    """The numbers that a run measured."""
    told = {*KEY, "date", "processor", "versions"}
    return {name: value for name, value in row.items() if name not in told}


def in_words(row: dict[str, Any]) -> str:
    """One line for one run."""
    numbers = ", ".join(f"{k} {shown(v)}" for k, v in measures(row).items())
    return f"{row['name']} {row['variant']} {row['twin']} seed {row['seed']}: {numbers}"


def table(rows: list[dict[str, Any]]) -> str:
    """All rows as tables in Markdown, one a name."""
    parts = ["# What long runs measured", TOLD]
    for name in dict.fromkeys(row["name"] for row in rows):
        mine = [row for row in rows if row["name"] == name]
        columns = list(dict.fromkeys(k for row in mine for k in measures(row)))
        heads = ["variant", "twin", "seed", *columns, "date", "processor", "versions"]
        lines = [
            [row["variant"], row["twin"], str(row["seed"])]
            + [shown(row[k]) if k in row else "" for k in columns]
            + [row["date"], row["processor"], row["versions"]]
            for row in mine
        ]
        grid = [heads, ["---"] * len(heads), *lines]
        text = "\n".join(f"| {' | '.join(line)} |" for line in grid)
        parts.append(f"## {name}\n\n{text}")
    return "\n\n".join(parts) + "\n"


def shown(value: float) -> str:
    """A number as it stands in the table."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.0f}" if value >= 100 else f"{value:.4f}"


if __name__ == "__main__":
    main()
