"""Every test draws in the book's style, and without a screen."""

import pytest


@pytest.fixture(autouse=True)
def style():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from d2lib import plotting

    with matplotlib.rc_context():
        plotting.use_style()
        yield
        plt.close("all")


@pytest.fixture
def ax():
    import matplotlib.pyplot as plt

    return plt.figure().gca()
