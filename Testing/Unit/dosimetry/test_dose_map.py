"""A dose map is whole and possible, or there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.dose_map import DoseMap

DOSE = np.full((2, 3, 4), 5, np.float32)
AFFINE = np.diag([2.0, 3.0, 5.0, 1.0])
GOOD = DoseMap(DOSE, AFFINE, DOSE / 100, 10**6)


def changed(array, value):
    array = array.copy()
    array[1, 2, 3] = value
    return array


def test_a_dose_map_knows_the_volume_of_its_voxels():
    assert GOOD.voxel_ml == pytest.approx(0.030)
    assert replace(GOOD, histories=np.int64(7)).histories == 7


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"dose_mGy": changed(DOSE, np.nan)}, "The dose of a dose map must be finite"),
        ({"dose_mGy": changed(DOSE, np.inf)}, "The dose of a dose map must be finite"),
        ({"dose_mGy": changed(DOSE, -1)}, "not negative"),
        ({"dose_mGy": DOSE.astype(float)}, "float32 array, not a 3-dimensional float64"),
        ({"dose_mGy": DOSE[0]}, "not a 2-dimensional float32"),
        ({"statistical_sd_mGy": changed(DOSE, np.nan)}, "The uncertainty of a dose map"),
        ({"statistical_sd_mGy": changed(DOSE, -1)}, "The uncertainty of a dose map"),
        ({"statistical_sd_mGy": DOSE.astype(np.float16)}, "not a 3-dimensional float16"),
        ({"statistical_sd_mGy": DOSE[:1]}, r"\(2, 3, 4\) voxels and its uncertainty \(1, 3, 4\)"),
        ({"affine": np.eye(3)}, "not an invertible 4 x 4 matrix"),
        ({"affine": np.diag([2.0, 0.0, 5.0, 1.0])}, "not an invertible 4 x 4 matrix"),
        ({"affine": np.full((4, 4), np.nan)}, "not an invertible 4 x 4 matrix"),
        ({"histories": 0}, "at least 1"),
        ({"histories": 1e6}, "histories; give their number"),
        ({"histories": True}, "histories; give their number"),
    ],
)
def test_a_dose_map_that_cannot_be_is_never_made(changes, problem):
    with pytest.raises(ValueError, match=problem):
        replace(GOOD, **changes)
