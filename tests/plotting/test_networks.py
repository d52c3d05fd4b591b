"""Units, connections, and what is too large to draw."""

import pytest

from d2lib import plotting
from tests.plotting.drawn import draw


class TestNetwork:
    def test_units_and_connections(self):
        ax = plotting.plot_network([2, 3, 1], ["in", "hidden", "out"])
        edges, *layers = ax.collections
        assert len(edges.get_segments()) == 2 * 3 + 3 * 1
        assert [len(layer.get_paths()) for layer in layers] == [2, 3, 1]
        assert [text.get_text() for text in ax.texts] == ["in", "hidden", "out"]
        draw(ax)

    def test_large_layers_are_abbreviated(self):
        ax = plotting.plot_network([784, 10], most=6)
        assert len(ax.collections[0].get_segments()) == 5 * 5
        assert sorted(text.get_text() for text in ax.texts) == ["10", "784", "⋮", "⋮"]
        draw(ax)

    @pytest.mark.parametrize(
        ("sizes", "options"),
        [([3], {}), ([2, 0], {}), ([2, 2], {"labels": ["a"]}), ([2, 2], {"most": 2})],
    )
    def test_errors(self, sizes, options):
        with pytest.raises(ValueError):
            plotting.plot_network(sizes, **options)
