"""The skin is the shell of the body within its thickness of the air around it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from CTDoseSegLib.segmentation.threshold.skin import SKIN_MM, air_around, outer_shell, skin_shell


@pytest.mark.parametrize("spacing", [(0.8, 0.8), (1.3, 0.7), (7.0, 6.0)])
def test_skin_is_what_lies_within_its_thickness_of_air_by_the_exact_distance(spacing):
    rng = np.random.default_rng(3)
    solid = ndimage.gaussian_filter(rng.normal(size=(120, 140)), 6) > -0.01
    depth = ndimage.distance_transform_edt(solid, sampling=spacing)
    expected = solid & (depth - 0.5 * max(spacing) < SKIN_MM)
    assert np.array_equal(outer_shell(solid, spacing, SKIN_MM), expected)
    assert expected.any()


def test_there_is_no_skin_beside_gas_in_the_body_and_some_between_arm_and_flank():
    body = np.zeros((3, 80, 120), bool)
    body[:, 10:70, 20:100] = True
    body[1:, 30:40, 40:50] = False  # gas that the last slice cuts
    body[1, 30:40, 70:80] = False  # a gap that another slice shows open
    body[2, :40, 70:80] = False
    hu, seen = np.where(body[1], 20, -1000), np.ones(body.shape[1:], bool)
    skin = skin_shell(body[1], hu, seen, air_around(body)[1], (2.0, 2.0))
    assert not skin[28:42, 38:52].any()
    assert skin[28:30, 70:80].all()
    assert skin[10:12, 20:100].all()
