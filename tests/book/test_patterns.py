"""The measure of a checkerboard is 1 of what has none, and sees one that was drawn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from d2lib.book import checkerboard

noise = np.random.default_rng(0).normal(size=(20, 3, 64, 48))


def test_noise_has_no_pattern():
    assert checkerboard(noise) == pytest.approx(1, abs=0.05)


def test_neither_has_a_ramp_which_jumps_where_a_wave_would_close():
    ramp = np.arange(64.0) + np.arange(64.0)[:, None]
    assert checkerboard(ramp[None, None]) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_the_unit_of_the_maps_does_not_matter(unit):
    assert checkerboard(noise * unit) == pytest.approx(checkerboard(noise))


@pytest.mark.parametrize("stripes", [np.s_[..., ::2, :], np.s_[..., ::2]])
def test_what_adds_to_every_other_row_or_column_is_found(stripes):
    maps = noise.copy()
    maps[stripes] += 1  # a wave of height 1/2: a power of W/4 beside 1
    assert 5 < checkerboard(maps) < 10


def test_a_map_that_is_multiplied_pixel_by_pixel_is_found():
    maps = noise + 3
    maps[..., ::2] *= 1.5
    assert checkerboard(maps) > 5


def test_pairs_of_equal_pixels_have_nothing_at_period_two():
    assert checkerboard(noise.repeat(2, axis=2).repeat(2, axis=3)) < 1e-12


def test_nothing_at_all_and_nothing_beside_are_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(checkerboard(np.zeros((1, 1, 8, 8))))
        assert checkerboard(np.tile([1.0, -1.0], (1, 1, 8, 4))) == np.inf


@pytest.mark.parametrize("shape", [(8, 8), (1, 1, 7, 8), (1, 1, 8, 7), (1, 1, 4, 8)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="even and 6 at least"):
        checkerboard(np.zeros(shape))


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite"):
        checkerboard(np.full((1, 1, 8, 8), np.nan))
