"""The figures' style and helpers: what they draw, and what holds on both grounds."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from d2lib import data, plotting  # noqa: E402

WHITE, DARK = "#ffffff", "#121212"  # the grounds of the theme's two modes


@pytest.fixture(autouse=True)
def style():
    import matplotlib.pyplot as plt

    with matplotlib.rc_context():
        plotting.use_style()
        yield
        plt.close("all")


@pytest.fixture
def ax():
    import matplotlib.pyplot as plt

    return plt.figure().gca()


def draw(thing):
    """Draws it for good: errors and warnings of the layout come only now."""
    figure = getattr(thing, "figure", thing)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


def linear(color):
    c = np.array(matplotlib.colors.to_rgb(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The contrast of WCAG 2.2, from 1 to 21."""
    light = [linear(color) @ [0.2126, 0.7152, 0.0722] for color in (one, other)]
    return (max(light) + 0.05) / (min(light) + 0.05)


# How red-blind and green-blind eyes see linear RGB: Machado, Oliveira and Fernandes, "A
# physiologically-based model for simulation of color vision deficiency", 2009.
EYES = {
    "usual": np.eye(3),
    "red-blind": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "green-blind": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def lab(rgb):
    """Linear RGB to CIE L*a*b*, in which distance is difference to the eye."""
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    f = np.cbrt(np.array(to_xyz) @ rgb / [0.9505, 1, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


class TestColors:
    def test_the_measure_itself(self):
        assert contrast("#000000", WHITE) == pytest.approx(21)
        assert contrast("#777777", WHITE) == pytest.approx(4.48, abs=0.01)  # WCAG's own

    def test_text(self):
        assert contrast(plotting.TEXT, WHITE) >= 4.5
        assert contrast(plotting.TEXT, DARK) >= 4.1
        # brightness(1.15), as the book's style sheet may have it on dark pages
        bright = np.minimum(1.15 * np.array(matplotlib.colors.to_rgb(plotting.TEXT)), 1)
        assert contrast(bright, DARK) >= 4.5

    @pytest.mark.parametrize("ground", [WHITE, DARK])
    def test_lines_and_points_stand_out(self, ground):
        for color in plotting.COLORS:
            assert contrast(color, ground) >= 3.4

    @pytest.mark.parametrize("eyes", EYES)
    def test_colours_differ(self, eyes):
        seen = [lab(np.clip(EYES[eyes] @ linear(c), 0, 1)) for c in plotting.COLORS]
        for one, other in itertools.combinations(seen, 2):
            assert np.linalg.norm(one - other) > 9

    def test_colour_is_never_needed(self):
        assert len(set(plotting.MARKERS)) == len(plotting.COLORS)
        assert len(set(plotting.LINE_STYLES)) == len(plotting.COLORS)


class TestStyle:
    def test_the_ground_is_transparent_and_text_holds(self, ax):
        ax.plot([0, 1], label="a")
        ax.legend()
        pixels = draw(ax)
        assert pixels[0, 0, 3] == 0
        assert matplotlib.rcParams["axes.labelcolor"] == plotting.TEXT

    def test_lines_differ_in_dashes(self, ax):
        lines = [ax.plot([0, i])[0] for i in range(len(plotting.COLORS))]
        assert len({str(line._dash_pattern) for line in lines}) == len(lines)

    def test_the_same_svg_every_time(self, tmp_path):
        code = (
            "import sys, matplotlib; matplotlib.use('Agg');"
            "from d2lib import plotting, data; plotting.use_style();"
            "import matplotlib.pyplot as plt; ax = plt.figure().gca();"
            "plotting.plot_decision(ax, lambda x: x[:, 0] > 0, (-1, 1), (-1, 1));"
            "plotting.plot_points(ax, *data.moons(), labels=['a', 'b']);"
            "plt.savefig(sys.argv[1], metadata={'Date': None})"
        )
        files = [tmp_path / f"{i}.svg" for i in range(2)]
        for file in files:
            subprocess.run([sys.executable, "-c", code, file], check=True)
        first, second = (file.read_bytes() for file in files)
        assert first == second
        assert b"<text" not in first  # outlines: the reader's fonts do not matter

    def test_a_notebook_gets_svg_of_one_width(self):
        pytest.importorskip("IPython")
        code = (
            "import matplotlib; matplotlib.use('Agg');"
            "from IPython.core.interactiveshell import InteractiveShell as Shell;"
            "shell = Shell.instance();"
            "from d2lib import plotting; plotting.use_style();"
            "import matplotlib.pyplot as plt; figure = plt.figure();"
            "figure.gca().plot([1, 2]);"
            "data, _ = shell.display_formatter.format(figure);"
            "svg = data['image/svg+xml'];"
            "assert 'image/png' not in data;"
            "assert 'width=\"460.8pt\"' in svg, svg[:400];"
            "assert 'dc:date' not in svg"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_matplotlib_is_loaded_late_and_missed_by_name(self):
        code = (
            "import sys; sys.modules['matplotlib'] = None\n"
            "import d2lib.plotting\n"
            "try:\n    d2lib.plotting.use_style()\n"
            "except ImportError as error:\n"
            "    assert 'pip install matplotlib' in str(error), error\n"
            "else:\n    raise SystemExit('no error')"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


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


def test_marked_lines_have_markers_of_their_own(ax):
    for i in range(3):
        ax.plot(np.linspace(0, 1, 500), np.full(500, i))
    ax.axhline(1)  # two points: a guide, not data
    plotting.mark_lines(ax)
    markers = [line.get_marker() for line in ax.get_lines()]
    assert markers == [*plotting.MARKERS[:3], "None"]
    draw(ax)


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


class TestDigits:
    IMAGES = np.arange(3 * 784).reshape(3, 784) % 255

    def test_images_titles_and_mistakes(self):
        figure = plotting.show_digits(self.IMAGES, [7, 2, 1], [7, 3, 1], columns=2)
        draw(figure)
        axes = figure.axes
        assert [ax.get_title() for ax in axes] == ["7", "3, not 2", "1", ""]
        np.testing.assert_array_equal(
            axes[1].images[0].get_array(), self.IMAGES[1].reshape(28, 28)
        )
        assert [ax.spines["left"].get_visible() for ax in axes[:3]] == [
            False,
            True,
            False,
        ]

    def test_without_titles_and_in_two_dimensions(self):
        figure = plotting.show_digits(self.IMAGES.reshape(3, 28, 28))
        draw(figure)
        assert [ax.get_title() for ax in figure.axes] == ["", "", ""]

    def test_errors(self):
        with pytest.raises(ValueError, match=r"images\[None\]"):
            plotting.show_digits(self.IMAGES[0])
        with pytest.raises(ValueError, match="show_digits"):
            plotting.show_digits(np.zeros((2, 783)))
        with pytest.raises(ValueError, match="labels"):
            plotting.show_digits(self.IMAGES, [1, 2])
        with pytest.raises(ValueError, match="predictions"):
            plotting.show_digits(self.IMAGES, None, [[1, 2, 3]])


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
