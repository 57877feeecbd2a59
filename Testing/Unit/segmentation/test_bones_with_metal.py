"""Bone by thresholds where metal lies in it."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.segmentation.threshold.bones import find_bone
from CTDoseSegLib.segmentation.working_grid import Coarse


def coarse(hu):
    """Slices of 2 mm pixels, 4 mm apart."""
    seen = np.ones(hu.shape[1:], bool)
    return Coarse(hu=hu, factor=1, seen=seen, spacing_mm=(4.0, 2.0, 2.0))


@pytest.mark.parametrize("metal", [False, True])
def test_a_bone_stays_one_with_a_metal_stem_in_it(metal):
    hu = np.full((6, 40, 40), 40.0, np.float32)
    hu[:, 8:32, 8:32] = 700.0  # cortex
    hu[:, 10:30, 10:30] = 250.0  # spongiosa
    if metal:
        hu[:, 11:29, 11:29] = 3000.0
    bone = find_bone(coarse(hu), np.ones(hu.shape, bool))
    assert bone[:, 8:32, 8:32].all()


def test_what_is_densest_in_its_middle_is_contrast_agent():
    hu = np.full((6, 40, 40), 40.0, np.float32)
    hu[:, 8:32, 8:32] = 250.0
    hu[:, 10:30, 10:30] = 400.0
    assert not find_bone(coarse(hu), np.ones(hu.shape, bool)).any()


def test_metal_by_itself_is_no_bone():
    hu = np.full((6, 40, 40), 40.0, np.float32)
    hu[:, 15:25, 15:25] = 3000.0
    assert not find_bone(coarse(hu), np.ones(hu.shape, bool)).any()


def test_the_thin_bones_of_a_child_are_bone_though_dense_inside_and_an_even_vessel_is_not():
    hu = np.full((12, 60, 60), 40.0, np.float32)
    for k in range(12):
        hu[k, 29:31, 6:54] = 300.0  # ribs
        hu[k, 26:34, 26:34] = 600.0 if k % 4 else 300.0  # vertebrae
    every = np.ones(hu.shape, bool)
    assert find_bone(coarse(hu), every)[:, 26:34, 26:34].all()
    assert not find_bone(coarse(np.where(hu > 100, 400.0, hu)), every).any()
