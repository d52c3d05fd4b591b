"""How far a training is, for whoever watches."""

from __future__ import annotations

import os
import sys
import time

from d2lib.training.history import History

__all__ = ["Progress"]


class Progress:
    """A tqdm bar where somebody watches; elsewhere, or without tqdm, a line per epoch.

    Args:
        wanted: None shows something where somebody watches, and nothing elsewhere.
        epochs: how many there will be.
        steps: how many steps each has, or None where that is not known.
    """

    def __init__(self, wanted: bool | None, epochs: int, steps: int | None) -> None:
        watched = sys.stderr.isatty() or "ipykernel" in sys.modules
        if wanted is None:
            wanted = watched and os.environ.get("D2LIB_PROGRESS", "1") != "0"
        self.lines, self.epochs, self.bar = wanted, epochs, None
        self.since = time.monotonic()
        if wanted and watched:
            try:
                from tqdm import tqdm
            except ImportError:
                return
            self.bar = tqdm(total=steps and epochs * steps, leave=False)
            self.lines = False

    def step(self, epoch: int, loss: float, n: int = 1) -> None:
        """Says that steps were taken."""
        if self.bar is not None:
            self.bar.set_postfix(epoch=epoch + 1, loss=f"{loss:.4f}", refresh=False)
            self.bar.update(n)

    def epoch(self, epoch: int, history: History, measured: tuple[str, ...]) -> None:
        """Says how an epoch ended."""
        if not self.lines:
            return
        now = time.monotonic()
        values = "  ".join(f"{name} {history[name][-1]:.4g}" for name in measured)
        seconds = f"{now - self.since:.1f} s"
        print(f"epoch {epoch}/{self.epochs}  {values}  {seconds}", file=sys.stderr)
        self.since = now

    def close(self) -> None:
        """Takes the bar away."""
        if self.bar is not None:
            self.bar.close()
