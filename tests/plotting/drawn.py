"""What has been drawn, as pixels, and how well one sees it."""

import numpy as np
from matplotlib.colors import to_rgb

WHITE, DARK = "#ffffff", "#121212"  # the grounds of the theme's two modes


def draw(thing):
    """Draws it for good: errors and warnings of the layout come only now."""
    figure = getattr(thing, "figure", thing)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


def linear(color):
    c = np.array(to_rgb(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The contrast of WCAG 2.2, from 1 to 21."""
    light = [linear(color) @ [0.2126, 0.7152, 0.0722] for color in (one, other)]
    return (max(light) + 0.05) / (min(light) + 0.05)
