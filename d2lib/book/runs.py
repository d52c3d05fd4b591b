"""What long runs measured, for the pages: the table that ``make evidence`` keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["evidence"]

FILE = Path(__file__).with_name("evidence.json")


def evidence(name: str, **given: Any) -> list[dict[str, Any]]:
    """Returns what was measured in runs too long for a page, from several seeds.

    Args:
        name: what was trained, such as ``"detector"``.
        given: which runs are wanted, such as ``twin="scratch"`` or ``seed=0``.

    Returns:
        One dict a run: ``twin``, ``variant``, ``seed``, the numbers measured,
        ``steps``, ``seconds`` of one processor, and the ``date``, ``processor`` and
        ``versions`` with which that was so.

    Raises:
        ValueError: there are no such runs.

    Example:
        >>> [run["seed"] for run in evidence("detector", twin="scratch")]
        [0, 1, 2]
    """
    rows = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else []
    wanted = {"name": name, **given}
    found = [r for r in rows if all(r.get(k) == v for k, v in wanted.items())]
    if not found:
        names = ", ".join(dict.fromkeys(row["name"] for row in rows))
        raise ValueError(f"there is no run with {wanted}: there are runs of {names}")
    return found
