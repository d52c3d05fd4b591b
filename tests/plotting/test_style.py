"""The style: what holds on both grounds, for all eyes, and at each run."""

import itertools
import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from d2lib import plotting
from tests.plotting.drawn import DARK, WHITE, contrast, draw, linear

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


def test_marked_lines_have_markers_of_their_own(ax):
    for i in range(3):
        ax.plot(np.linspace(0, 1, 500), np.full(500, i))
    ax.axhline(1)  # two points: a guide, not data
    plotting.mark_lines(ax)
    markers = [line.get_marker() for line in ax.get_lines()]
    assert markers == [*plotting.MARKERS[:3], "None"]
    draw(ax)
