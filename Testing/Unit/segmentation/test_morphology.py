"""Discs and balls change masks as scipy's morphology and exact distances do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from CTDoseSegLib.segmentation.morphology import (
    ball_rows,
    closed_by_disc,
    dilated,
    dilated_by,
    dilated_by_disc,
    eroded_by,
    eroded_by_disc,
    filled,
    opened_by_disc,
)
from CTDoseSegLib.segmentation.working_grid import disc


def masks(seed=2, shape=(5, 23, 31)):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=shape), (0, 1, 1))
    thin, half, thick = (noise > np.quantile(noise, part) for part in (0.9, 0.5, 0.1))
    return [thin, half, thick, np.zeros(shape, bool), np.ones(shape, bool)]


@pytest.mark.parametrize("radius", [1, 2, 3, 5, 9, 40])
def test_discs_change_slices_as_scipy_does(radius):
    element = disc(radius)
    for mask in masks():
        beyond = ndimage.binary_erosion(mask, element, border_value=1)
        assert np.array_equal(dilated_by_disc(mask, radius), ndimage.binary_dilation(mask, element))
        assert np.array_equal(eroded_by_disc(mask, radius), ndimage.binary_erosion(mask, element))
        assert np.array_equal(eroded_by_disc(mask, radius, beyond=True), beyond)
        assert np.array_equal(opened_by_disc(mask, radius), ndimage.binary_opening(mask, element))
        wanted = ndimage.binary_closing(mask[2], element[0])
        assert np.array_equal(closed_by_disc(mask[2], radius), wanted)


@pytest.mark.parametrize("spacing", [(4.0, 3.2, 3.2), (2.5, 0.7, 0.9), (9.0, 2.0, 2.1)])
@pytest.mark.parametrize("radius", [0.5, 4.0, 6.4])
def test_balls_reach_as_far_as_the_exact_distance(spacing, radius):
    rows = ball_rows(radius, spacing)
    for mask in masks()[:3]:
        to_mask, to_rest = (
            ndimage.distance_transform_edt(one, sampling=spacing) for one in (~mask, mask)
        )
        assert np.array_equal(dilated_by(mask, rows), to_mask <= radius)
        assert np.array_equal(eroded_by(mask, rows), to_rest > radius)


def test_holes_are_filled_as_by_scipy():
    for mask in masks():
        for image in mask:
            assert np.array_equal(filled(image), ndimage.binary_fill_holes(image))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (0, 5), (7, 2), (40, 3)])
def test_a_mask_is_dilated_by_rectangles_and_crosses_as_by_scipy(rows, columns):
    mask = np.random.default_rng(1).random((30, 50)) > 0.99
    box = np.ones((2 * rows + 1, 2 * columns + 1), bool)
    assert np.array_equal(dilated(mask, rows, columns), ndimage.binary_dilation(mask, box))
    cross = box & False
    cross[rows], cross[:, columns] = True, True
    wanted = ndimage.binary_dilation(mask, cross)
    assert np.array_equal(dilated(mask, rows, columns, square=False), wanted)
