"""A box is drawn around its pixels, and what it says can be read."""

import matplotlib
import numpy as np
import pytest

from d2lib import plotting
from tests.plotting.drawn import contrast, draw


@pytest.fixture
def image():
    x = np.zeros((16, 16))
    x[3:9, 5:12] = 1  # the box (5, 3, 12, 9)
    return x


def test_a_box_lies_around_its_pixels(ax, image):
    """By what `imshow` has drawn: of all places inside of the line, and of no other."""
    picture = ax.imshow(image, cmap="gray")
    assert plotting.draw_boxes(ax, [[5, 3, 12, 9]]) is ax
    (patch,) = ax.patches
    x, y = np.meshgrid(*[np.linspace(-0.45, 15.45, 160)] * 2)
    left, right, bottom, top = picture.get_extent()
    assert (left, right, top, bottom) == (-0.5, 15.5, -0.5, 15.5)
    bright = image[y.round().astype(int), x.round().astype(int)] == 1
    inside = patch.get_bbox().count_contains(np.stack([x[bright], y[bright]], axis=1))
    assert inside == bright.sum()
    outside = np.stack([x[~bright], y[~bright]], axis=1)
    assert patch.get_bbox().count_contains(outside) == 0
    draw(ax)


def test_names_and_scores_can_be_read_and_stay_in_the_image(ax, image):
    ax.imshow(image, cmap="gray")
    boxes = [[5, 3, 12, 9], [0, 0, 4, 4], [-3, -2, 1, 1]]
    plotting.draw_boxes(ax, boxes, names=[7, "a", ""], scores=[0.98, 0.5, 0.25])
    assert [t.get_text() for t in ax.texts] == ["7 0.98", "a 0.50", " 0.25"]
    assert [t.get_va() for t in ax.texts] == ["bottom", "top", "top"]
    assert min(t.get_position()[0] for t in ax.texts) >= -0.5
    draw(ax)
    for text in ax.texts:
        ground = text.get_bbox_patch().get_facecolor()
        assert contrast(text.get_color(), ground[:3]) >= 3.5


def test_kinds_differ_in_dashes_and_have_their_label(ax, image):
    ax.imshow(image, cmap="gray")
    for kind in range(3):
        plotting.draw_boxes(ax, [[1, 1, 4, 4]] * 2, kind=kind, label=f"{kind}")
    drawn = {(str(p.get_linestyle()), p.get_edgecolor()) for p in ax.patches}
    assert len(drawn) == 3
    colors = [matplotlib.colors.to_hex(p.get_edgecolor()) for p in ax.patches[::2]]
    assert colors == list(plotting.COLORS[:3])
    assert ax.get_legend_handles_labels()[1] == ["0", "1", "2"]
    draw(ax)


def test_no_boxes_draw_nothing(ax, image):
    ax.imshow(image, cmap="gray")
    plotting.draw_boxes(ax, np.zeros((0, 4)), names=[], scores=[])
    assert not ax.patches
    assert not ax.texts


def test_errors(ax):
    with pytest.raises(ValueError, match="two corners"):
        plotting.draw_boxes(ax, [[5, 5, 4, 9]])
    with pytest.raises(ValueError, match="names"):
        plotting.draw_boxes(ax, [[1, 1, 4, 4]], names=[1, 2])
    with pytest.raises(ValueError, match="scores"):
        plotting.draw_boxes(ax, [[1, 1, 4, 4]], scores=[1, 2])
    with pytest.raises(TypeError, match="kind"):
        plotting.draw_boxes(ax, [[1, 1, 4, 4]], kind="first")
