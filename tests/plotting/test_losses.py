"""Lines of equal loss, and the way down."""

import numpy as np
import pytest

from d2lib import plotting
from tests.plotting.drawn import draw


class TestContours:
    def test_lines_lie_at_the_levels_that_were_asked_for(self, ax):
        plotting.plot_contours(
            ax, lambda a, b: a**2 + b**2, (-2, 2), (-2, 2), levels=[1.0, 99.0]
        )
        (lines,) = ax.collections
        radius = np.hypot(*lines.get_paths()[0].vertices.T)
        np.testing.assert_allclose(radius, 1, atol=0.01)
        assert ax.get_xlabel() == "$w_0$"
        draw(ax)

    def test_the_path_with_its_start_and_end(self, ax):
        path = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
        plotting.plot_contours(ax, lambda a, b: a * b - 1, (-2, 2), (-2, 2), levels=5)
        plotting.plot_path(ax, path, "SGD")
        line, start, end = ax.get_lines()
        np.testing.assert_array_equal(line.get_xydata(), path)
        np.testing.assert_array_equal(start.get_xydata(), path[:1])
        np.testing.assert_array_equal(end.get_xydata(), path[-1:])
        assert line.get_label() == "SGD"
        ax.figure.legend(loc="outside upper center")
        draw(ax)

    def test_errors(self, ax):
        with pytest.raises(ValueError, match="one loss for each pair"):
            plotting.plot_contours(ax, lambda a, b: 1.0, (0, 1), (0, 1))
        with pytest.raises(ValueError, match="must vary"):
            plotting.plot_contours(ax, lambda a, b: 0 * a, (0, 1), (0, 1))
        for path in ([1.0, 2.0], np.zeros((0, 2)), np.zeros((3, 3))):
            with pytest.raises(ValueError, match="plot_path"):
                plotting.plot_path(ax, path)
