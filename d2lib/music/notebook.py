"""What a notebook shows as what it stands for: players and scores."""

from __future__ import annotations

__all__ = ["Html"]


class Html(str):
    """A piece of a page: a string that a notebook shows as what it stands for."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"<Html of {len(self):,} characters>"
