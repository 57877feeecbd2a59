"""What counts as one grid."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.ct.geometry import SAME_GRID_MM, Grid

SHAPE = (300, 512, 512)
AFFINE = np.array([[-0.7, 0, 0, 180], [0, -0.7, 0, 150], [0, 0, 1.5, -420], [0, 0, 0, 1]])


def test_corners_are_the_centres_of_the_outermost_voxels():
    corners = Grid((2, 3, 4), np.diag([10.0, 100.0, 1000.0, 1.0])).corners_mm()
    expected = {(i, j, k) for i in (0, 30) for j in (0, 200) for k in (0, 1000)}
    assert {tuple(corner) for corner in corners} == expected


def test_a_header_of_float32_is_the_same_grid():
    rounded = AFFINE.astype(np.float32).astype(float)
    assert Grid(SHAPE, AFFINE).same_as(Grid(SHAPE, rounded))


@pytest.mark.parametrize("column", range(3))
def test_a_spacing_that_moves_the_far_corner_is_another_grid(column):
    """The first corner agrees: all of them must."""
    far = SHAPE[2 - column] - 1
    for factor, same in ((0.9, True), (1.1, False)):
        other = AFFINE.copy()
        other[column, column] += factor * SAME_GRID_MM / far
        assert Grid(SHAPE, AFFINE).same_as(Grid(SHAPE, other)) is same


def test_another_number_of_slices_is_another_grid():
    assert not Grid(SHAPE, AFFINE).same_as(Grid((299, 512, 512), AFFINE))


def test_an_affine_that_is_no_number_is_another_grid():
    assert not Grid(SHAPE, AFFINE).same_as(Grid(SHAPE, AFFINE * np.nan))
