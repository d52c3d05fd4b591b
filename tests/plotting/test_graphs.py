"""Boxes in order, arrows around them, and nothing overlaps."""

import itertools

import pytest

from d2lib import plotting
from tests.plotting.drawn import draw

NODES = {"x": "$x$", "w": "$w$", "z": "$z=wx$", "y": "$y$", "J": "$J$"}
EDGES = [("x", "z"), ("w", "z"), ("z", "J", r"$\partial J/\partial z$"), ("y", "J")]


class TestGraph:
    def test_boxes_arrows_and_order(self):
        ax = plotting.plot_graph(NODES, EDGES)
        draw(ax)
        places = {text.get_text(): text.get_position() for text in ax.texts}
        left = [places[NODES[name]][0] for name in ("x", "z", "J")]
        assert left == sorted(left)
        assert places["$y$"][0] == places["$z=wx$"][0]  # one column before its use
        assert places["$z=wx$"][1] == places["$J$"][1]  # results stay level
        assert r"$\partial J/\partial z$" in places

    def test_nothing_overlaps_or_leaves_the_figure(self):
        nodes = {**NODES, "b": "$b$", "s": r"$\hat y=\sigma(z)$"}
        edges = [*EDGES, ("b", "z"), ("z", "s"), ("s", "J"), ("w", "J")]
        ax = plotting.plot_graph(nodes, edges)
        draw(ax)
        boxes = [
            text.get_bbox_patch().get_window_extent()
            for text in ax.texts
            if text.get_bbox_patch() is not None
        ]
        assert len(boxes) == len(nodes)
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)
        for box in boxes:
            assert ax.figure.bbox.x0 <= box.x0 < box.x1 <= ax.figure.bbox.x1
            assert ax.figure.bbox.y0 <= box.y0 < box.y1 <= ax.figure.bbox.y1

    def test_a_long_edge_goes_around_what_lies_between(self):
        nodes = {name: name for name in "abcd"}
        ax = plotting.plot_graph(nodes, [*itertools.pairwise("abcd"), ("a", "d")])
        draw(ax)
        heights = {round(arrow.xy[1]) for arrow in ax.texts if hasattr(arrow, "xy")}
        assert len(heights) == 2

    def test_errors(self):
        with pytest.raises(ValueError, match="add 'q' to nodes"):
            plotting.plot_graph(NODES, [("x", "q")])
        with pytest.raises(ValueError, match="without cycles"):
            plotting.plot_graph({"a": "a", "b": "b"}, [("a", "b"), ("b", "a")])
        with pytest.raises(ValueError, match="at least one node"):
            plotting.plot_graph({}, [])
