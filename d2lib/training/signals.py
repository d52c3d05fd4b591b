"""Ctrl-C and SIGTERM, as a wish that the training loop looks at between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

__all__ = ["Interrupts"]


class Interrupts:
    """While this is entered, a first signal is only noted; a second Ctrl-C interrupts.

    A signal that the program handles in its own way is left to it, and so are all in a
    thread that is not the main one, where Python allows no handlers.
    """

    def __init__(self) -> None:
        self._caught: str | None = None
        self._before: dict[int, Any] = {}

    def came(self) -> str | None:
        """The name of the signal that came, or None."""
        return self._caught

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            defaults = (signal.SIG_DFL, signal.default_int_handler)
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) in defaults:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._caught is not None:
            raise KeyboardInterrupt
        self._caught = signal.Signals(number).name
