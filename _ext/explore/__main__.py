"""Write the picture, the golden values and the data of one explorable into a folder."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from d2lib import plotting
from explore._case import plain


def main(name: str, folder: str) -> None:
    """Make the files of the explorable `name`."""
    maker = import_module(f"explore.{name}")
    plotting.use_style()
    figure = maker.picture()
    nothing = {"Date": None, "Creator": None}
    figure.savefig(Path(folder, f"{name}.svg"), metadata=nothing)
    cases = [plain(case._asdict()) for case in maker.golden()]
    write(Path(folder, "golden.json"), cases)
    for key, value in getattr(maker, "data", dict)().items():
        text = json.dumps(plain(value), separators=(",", ":"))
        file = Path(folder, f"{key}.js")
        file.write_text(f'explorable.data("{key}",{text});\n', encoding="utf-8")


def write(file: Path, value: object) -> None:
    """Write JSON that JavaScript can read: no NaN and no infinity."""
    file.write_text(json.dumps(value, allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
