"""The grid of a NIfTI file: both forms of the header, read by two libraries."""

from __future__ import annotations

import nibabel
import numpy as np
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_analysis import AFFINE, tiny_labelmap

from CTDoseSegLib.ct.volume_files import write_nifti

rotations = st.tuples(*[st.floats(-180, 180)] * 3)


@settings(max_examples=60, deadline=None)
@given(
    angles=rotations,
    spacing=st.tuples(*[st.floats(0.2, 8)] * 3),
    mirrored=st.booleans(),
    origin=st.tuples(*[st.floats(-900, 900)] * 3),
)
def test_any_orthogonal_affine_survives_in_both_forms_of_the_header(
    tmp_path_factory, angles, spacing, mirrored, origin
):
    x, y, z = np.radians(angles)
    turn = np.eye(3)
    for angle, (a, b) in ((x, (1, 2)), (y, (0, 2)), (z, (0, 1))):
        step = np.eye(3)
        step[[a, a, b, b], [a, b, a, b]] = (
            np.cos(angle),
            -np.sin(angle),
            np.sin(angle),
            np.cos(angle),
        )
        turn = turn @ step
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing * (-1 if mirrored else 1, 1, 1)
    affine[:3, 3] = origin
    path = tmp_path_factory.getbasetemp() / "affine.nii.gz"
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    write_nifti(path, voxels, affine)
    image = nibabel.load(path)
    np.testing.assert_allclose(image.get_sform(), affine, atol=2e-4)
    # The format keeps three of the quaternion's four numbers, in float32: coarse at half turns.
    np.testing.assert_allclose(image.get_qform(), affine, atol=2e-3 * max(spacing))
    by_itk = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(by_itk), voxels)
    corner = np.array(by_itk.TransformIndexToPhysicalPoint((3, 2, 1))) * (-1, -1, 1)
    np.testing.assert_allclose(corner, (affine @ (3, 2, 1, 1))[:3], atol=5e-3)


def test_a_sheared_affine_is_kept_not_straightened(tmp_path):
    affine = AFFINE.copy()
    affine[1, 2] = 1.5
    write_nifti(tmp_path / "tilt.nii.gz", tiny_labelmap().labels, affine)
    image = nibabel.load(tmp_path / "tilt.nii.gz")
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)
    assert image.get_qform(coded=True)[1] == 0


def test_the_same_label_map_gives_the_same_bytes(tmp_path):
    paths = [write_nifti(tmp_path / n, tiny_labelmap().labels, AFFINE) for n in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()
