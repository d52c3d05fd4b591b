"""How far a training is, for whoever watches."""

from __future__ import annotations

import os
import sys

__all__ = ["Bar"]


class Bar:
    """A tqdm bar where somebody watches; nothing elsewhere, or without tqdm."""

    def __init__(
        self, progress: bool | None, epochs: int, examples: int, batch_size: int
    ) -> None:
        self.bar = None
        if progress is None:
            progress = os.environ.get("D2LIB_PROGRESS", "1") != "0" and (
                sys.stderr.isatty() or "ipykernel" in sys.modules
            )
        if progress:
            try:
                from tqdm import tqdm
            except ImportError:
                return
            self.bar = tqdm(total=epochs * -(-examples // batch_size), leave=False)

    def step(self, epoch: int, loss: float) -> None:
        """Says that a step was taken."""
        if self.bar is not None:
            self.bar.set_postfix(epoch=epoch + 1, loss=f"{loss:.4f}", refresh=False)
            self.bar.update()

    def close(self) -> None:
        """Takes the bar away."""
        if self.bar is not None:
            self.bar.close()
