"""Where a file is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from d2lib._checks.show import short


def check_path(path: Any, name: str = "path") -> Path:
    """Returns a path; it must be text or a ``pathlib.Path``, and one that can be."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"{name} must be the name of a file, text or a pathlib.Path, got "
            f"{short(path)}"
        )
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(f"{name} must be the name of a file, got {short(text)}")
    return Path(text)


def open_without_waiting(path: str, flags: int) -> int:
    """Opens a file; a named pipe without a writer would otherwise block for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
