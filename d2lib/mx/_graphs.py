"""What an agent computes, as compiled graphs: networks, choices and loss in one.

Each is a block of Gluon's whose children are the agent's networks. Called for the first
time, it is traced with symbols, and all of it becomes one graph.
"""

from __future__ import annotations

from typing import Any

from d2lib.mx._compat import gluon

__all__ = ["Graph", "graph"]


class Graph(gluon.HybridBlock):
    """A block with networks as children, compiled as one.

    Args:
        networks: by the names under which ``hybrid_forward`` uses them.
        static: whether the length of a batch is always the same, so that all memory can
            be planned in advance.
        settings: numbers and words that the graph is built with.
    """

    def __init__(self, networks: dict[str, Any], static: bool, **settings: Any) -> None:
        super().__init__()
        for name, network in networks.items():
            setattr(self, name, network)
        self.settings = settings
        self.hybridize(static_alloc=static, static_shape=static)


def graph(
    agent: Any, what: type[Graph], networks: Any, static: bool, **settings: Any
) -> Any:
    """Returns an agent's graph of a kind, which is made when it is first used.

    Args:
        agent: whose graph it is.
        what: its kind.
        networks: the names of the agent's networks that are part of it.
        static: see `Graph`.
        settings: numbers and words that it is built with.
    """
    made = agent.__dict__.setdefault("_graphs", {})
    if what not in made:
        parts = {name: getattr(agent, name) for name in networks}
        made[what] = what(parts, static, **settings)
    return made[what]
