"""Images with their titles, and mistakes in a frame."""

import numpy as np
import pytest

from d2lib import plotting
from tests.plotting.drawn import draw


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
