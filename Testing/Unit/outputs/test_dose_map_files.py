"""A dose map is written beside the label map, on its own grid, with its uncertainty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_analysis import tiny_analysis

from CTDoseSegLib import write_result
from CTDoseSegLib.dosimetry.dose_map import DoseMap
from CTDoseSegLib.reading.image_file import read_image

DOSE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
AFFINE = np.array([[-4.0, 0, 0, 18], [0, -4, 0, 14], [0, 0, 5, 102.5], [0, 0, 0, 1]])
MAP = DoseMap(DOSE, AFFINE, DOSE / 10, 10**6)


def analysed(dose_map):
    analysis = tiny_analysis()
    return replace(analysis, doses=replace(analysis.doses, dose_map=dose_map))


def test_dose_and_uncertainty_are_read_back_where_they_were(tmp_path):
    files = {path.name.split(".")[0]: path for path in write_result(analysed(MAP), tmp_path)}
    for name, voxels in (("dose_map", DOSE), ("dose_map_sd", DOSE / 10)):
        image = read_image(files[name])
        assert np.array_equal(image.voxels, voxels)
        assert image.affine == pytest.approx(AFFINE)
    assert "dose_map_soft_tissue" not in files


def test_dose_to_soft_tissue_is_the_mean_of_its_batches(tmp_path):
    batches = np.stack([DOSE, 3 * DOSE])
    written = write_result(analysed(replace(MAP, soft_tissue_batches_mGy=batches)), tmp_path)
    (path,) = (path for path in written if path.name.startswith("dose_map_soft_tissue"))
    assert np.array_equal(read_image(path).voxels, 2 * DOSE)


def test_a_map_of_an_earlier_run_does_not_stay_beside_other_doses(tmp_path):
    write_result(analysed(MAP), tmp_path)
    write_result(analysed(None), tmp_path)
    assert not list(tmp_path.glob("dose_map*"))


@pytest.mark.parametrize("shape", [(1, 2, 3, 4), (2, 2, 3, 5), (2, 3, 4)])
def test_batches_that_are_not_of_the_map_are_a_mistake(shape):
    with pytest.raises(ValueError, match="batches of a dose map"):
        replace(MAP, soft_tissue_batches_mGy=np.ones(shape, np.float32))
