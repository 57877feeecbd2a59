"""On a real CT, mean and SD of every organ and slice are those of the published notebook.

The oracle reads the DICOM files and the label map by itself (pydicom, nibabel) and computes as
the notebook does: HU times a mask of 1 and NaN, then mean and SD without NaN, slice by slice.
"""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.segmentation.user import read_labelmap

nibabel = pytest.importorskip("nibabel", reason="the oracle reads the label map with nibabel")


def oracle_volume(folder):
    """HU [k, j, i] in float64, foot to head, and the affine of (i, j, k) to RAS."""
    slices = [pydicom.dcmread(path) for path in folder.iterdir() if path.is_file()]
    slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    hu = np.stack(
        [
            s.pixel_array.astype(np.float64) * float(s.RescaleSlope) + float(s.RescaleIntercept)
            for s in slices
        ]
    )
    first, last = (np.array(slices[n].ImagePositionPatient, float) for n in (0, -1))
    row_spacing, column_spacing = (float(v) for v in slices[0].PixelSpacing)
    along_i, along_j = np.reshape(np.array(slices[0].ImageOrientationPatient, float), (2, 3))
    affine = np.eye(4)
    affine[:3, 0] = along_i * column_spacing
    affine[:3, 1] = along_j * row_spacing
    affine[:3, 2] = (last - first) / (len(slices) - 1)
    affine[:3, 3] = first
    return hu, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine  # LPS to RAS


def oracle_labels(path, shape, affine):
    """Labels [k, j, i] at the voxel centres of the CT, each taken where it lies in space."""
    image = nibabel.load(path)
    k, j, i = np.indices(shape)
    voxels = np.stack([i, j, k, np.ones(shape)]).reshape(4, -1)
    there = np.linalg.inv(image.affine) @ affine @ voxels
    nearest = np.rint(there[:3])
    assert np.abs(there[:3] - nearest).max() < 0.05, "the label map is not on the CT's grid"
    return np.asarray(image.dataobj)[tuple(nearest.astype(int))].reshape(shape)


def test_every_organ_and_slice_has_the_notebooks_mean_and_sd(data_dir):
    reference = data_dir / "ct" / "totalsegmentator_reference"
    hu, affine = oracle_volume(reference / "example_ct_dicom")
    labels = oracle_labels(reference / "example_seg_dicom.nii.gz", hu.shape, affine)

    series = read_series(reference / "example_ct_dicom")
    labelmap = read_labelmap(reference / "example_seg_dicom.nii.gz", series)
    measured = measure(series, labelmap)

    compared = 0
    for atom in labelmap.atoms:
        if not np.any(labels == atom.value):
            continue
        group = measured.of(atom.name)
        for k in range(len(hu)):
            if not np.any(labels[k] == atom.value):
                assert group.count[k] == 0
                assert np.isnan(group.mean_hu[k])
                continue
            masked = hu[k] * np.where(labels[k] == atom.value, 1.0, np.nan)
            assert group.mean_hu[k] == pytest.approx(np.nanmean(masked), rel=1e-5), atom.name
            assert group.sd_hu[k] == pytest.approx(np.nanstd(masked), rel=1e-5), atom.name
            compared += 1
    organs = set(np.unique(labels)) - {0}
    assert {labelmap.value_of(atom.name) for atom in labelmap.atoms} >= organs
    assert compared >= len(organs)
    assert len(organs) > 20
