"""Points, decisions and confusions stand where they belong."""

import matplotlib
import numpy as np
import pytest

from d2lib import data, plotting
from tests.plotting.drawn import contrast, draw


class TestPoints:
    def test_each_class_has_its_marker_colour_and_name(self, ax):
        x, y = data.spirals(30)
        plotting.plot_points(ax, x, y, labels=["a", "b", "c"])
        assert len(ax.collections) == 3
        for c, drawn in enumerate(ax.collections):
            np.testing.assert_allclose(drawn.get_offsets(), x[y == c])
            color = matplotlib.colors.to_hex(drawn.get_facecolor()[0])
            assert color == plotting.COLORS[c]
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        assert texts == ["a", "b", "c"]
        draw(ax)

    def test_float_labels_and_gaps(self, ax):
        plotting.plot_points(ax, np.zeros((2, 2)), np.array([0.0, 2.0]))
        assert ax.get_legend() is None

    @pytest.mark.parametrize(
        ("x", "y", "labels"),
        [
            (np.zeros((3, 3)), np.zeros(3), None),
            (np.zeros((3, 2)), np.zeros((3, 1)), None),
            (np.zeros((1, 2)), np.array([6]), None),
            (np.zeros((1, 2)), np.array([-1]), None),
            (np.zeros((1, 2)), np.array([1]), ["only"]),
        ],
    )
    def test_errors(self, ax, x, y, labels):
        with pytest.raises(ValueError, match="plot_points"):
            plotting.plot_points(ax, x, y, labels)


class TestDecision:
    @staticmethod
    def step(x):
        return 1 / (1 + np.exp(-20 * (x[:, 0] - 0.5)))

    @pytest.mark.parametrize("column", [False, True])
    def test_the_line_is_where_the_probability_is_a_half(self, ax, column):
        def predict(x):
            assert x.dtype == np.float32
            p = self.step(x)
            return p[:, None] if column else p

        plotting.plot_decision(ax, predict, (0, 2), (0, 1))
        (line,) = ax.collections
        np.testing.assert_allclose(line.get_paths()[0].vertices[:, 0], 0.5, atol=0.01)
        draw(ax)

    def test_the_colour_is_that_of_the_likelier_class_and_fades(self, ax):
        plotting.plot_decision(ax, self.step, (0, 2), (0, 1), resolution=101)
        pixels = np.asarray(ax.images[0].get_array())
        rgb = [matplotlib.colors.to_rgb(color) for color in plotting.COLORS[:2]]
        np.testing.assert_allclose(pixels[0, 0, :3], rgb[0], atol=0.01)
        np.testing.assert_allclose(pixels[0, -1, :3], rgb[1], atol=0.01)
        assert pixels[0, 25, 3] < 0.05 < 0.35 < pixels[0, -1, 3]

    def test_rows_are_the_second_axis_upwards(self, ax):
        plotting.plot_decision(ax, lambda x: x[:, 1], (0, 1), (0, 1), resolution=11)
        image = ax.images[0]
        assert image.origin == "lower"
        assert np.asarray(image.get_array())[-1, 0, 3] > 0.3  # x_2 = 1: surely class 1
        (line,) = ax.collections
        np.testing.assert_allclose(line.get_paths()[0].vertices[:, 1], 0.5)

    def test_three_classes_and_none_unsure(self, ax):
        def thirds(x):
            return np.eye(3)[np.minimum(x[:, 0] // 1, 2).astype(int)]

        plotting.plot_decision(ax, thirds, (0, 2.99), (0, 1))
        assert len(ax.collections) == 3
        draw(plotting.plot_decision(ax, lambda x: np.ones(len(x)), (0, 1), (0, 1)))

    def test_what_the_twins_return_is_taken(self, ax):
        from d2lib import scratch

        def predict(x):
            return scratch.sigmoid(scratch.tensor(x[:, 0]))

        plotting.plot_decision(ax, predict, (-1, 1), (-1, 1))

    @pytest.mark.parametrize(
        ("predict", "xlim", "message"),
        [
            (lambda x: np.zeros(3), (0, 1), r"shape \(3, 2\)"),
            (lambda x: 5 * x[:, 0], (0, 1), "sigmoid"),
            (lambda x: np.full(len(x), np.nan), (0, 1), "from 0 to 1"),
            (lambda x: x[:, 0], (1, 0), "xlim"),
            (lambda x: x[:, 0], (0, np.inf), "xlim"),
        ],
    )
    def test_errors(self, ax, predict, xlim, message):
        with pytest.raises(ValueError, match=message):
            plotting.plot_decision(ax, predict, xlim, (0, 1))


class TestConfusion:
    def test_counts_stand_where_they_belong(self):
        matrix = np.array([[90, 0, 7], [1, 80, 2], [0, 3, 70]])
        ax = plotting.plot_confusion(matrix, ["a", "b", "c"])
        draw(ax)
        shown = {text.get_position(): int(text.get_text()) for text in ax.texts}
        for row, column in np.ndindex(3, 3):
            assert shown.get((column, row), 0) == matrix[row, column]
        assert len(ax.patches) == 3 + 1  # the diagonal, and the one worst place
        assert ax.yaxis_inverted()
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "b", "c"]

    def test_white_numbers_can_be_read(self):
        ax = plotting.plot_confusion([[9, 5], [4, 9]])
        for patch in ax.patches:
            assert contrast(patch.get_facecolor()[:3], "white") >= 4.5
        assert {text.get_color() for text in ax.texts} == {"white"}

    def test_no_mistakes(self):
        draw(plotting.plot_confusion(np.eye(2, dtype=int)))

    @pytest.mark.parametrize(
        ("matrix", "labels"),
        [
            (np.zeros((2, 3), int), None),
            (np.zeros((0, 0), int), None),
            (np.zeros((2, 2)), None),
            (-np.eye(2, dtype=int), None),
            (np.eye(2, dtype=int), ["one"]),
        ],
    )
    def test_errors(self, matrix, labels):
        with pytest.raises(ValueError, match="plot_confusion"):
            plotting.plot_confusion(matrix, labels)
