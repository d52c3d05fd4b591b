"""How a model is called, for those who check types: as its ``forward`` is."""

from __future__ import annotations

from typing import ParamSpec, Protocol, TypeVar

__all__ = ["Forward"]

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Forward(Protocol[P, R]):
    """Whatever has a forward."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Computes the output."""
