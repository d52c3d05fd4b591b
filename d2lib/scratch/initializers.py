"""Where training starts: both twins draw their first weights by one function."""

from __future__ import annotations

from d2lib.shared.weights import initialize

__all__ = ["initialize"]
