"""A volume is written as NIfTI, or as NRRD where nibabel is missing; both read back exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from CTDoseSegLib.ct import volume_files
from CTDoseSegLib.ct.volume_files import write_nifti, write_volume
from CTDoseSegLib.reading.image_file import read_image

RNG = np.random.default_rng(2)
TURN = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])


def affine_of(axes, spacing, origin):
    affine = np.eye(4)
    affine[:3, :3] = axes * np.asarray(spacing)
    affine[:3, 3] = origin
    return affine


AFFINES = {
    "ras": affine_of(np.eye(3), (0.7, 0.8, 5), (1, 2, 3)),
    "lps": affine_of(np.diag([-1, -1, 1]), (0.7, 0.7, 1.25), (-190.5, 120.25, -900)),
    "downward": affine_of(np.diag([-1, -1, -1]), (0.7, 0.7, 1.25), (0, 0, 50)),
    "turned": affine_of(TURN, (0.7, 0.8, 5), (10, 20, 30)),
    "decubitus": affine_of(np.eye(3)[[1, 0, 2]] * [1, -1, 1], (0.7, 0.8, 5), (1, 2, 3)),
    "sheared": affine_of(np.array([[1, 0, 0], [0, 1, 0.3], [0, 0, 0.954]]), (1, 1, 5), (1, 2, 3)),
}


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "float32"])
@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("nibabel_is_there", [True, False])
def test_it_reads_back_exactly(tmp_path, monkeypatch, kind, name, nibabel_is_there):
    if not nibabel_is_there:

        def missing(*_arguments):
            raise ImportError

        monkeypatch.setattr(volume_files, "write_nifti", missing)
    voxels = RNG.integers(0, 200, (3, 4, 5)).astype(kind)
    path = write_volume(tmp_path, "labels", voxels, AFFINES[name])
    assert path.name == ("labels.nii.gz" if nibabel_is_there else "labels.nrrd")
    image = read_image(path)
    assert image.voxels.dtype == voxels.dtype
    assert np.array_equal(image.voxels, voxels)
    assert np.allclose(image.affine, AFFINES[name], atol=1e-4)
    assert image.flags == ()


@settings(max_examples=40, deadline=None)
@given(
    degrees=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(0.2, 10)] * 3),
    mirrored=st.booleans(),
)
def test_any_rotation_is_written_so_that_other_programs_read_it(
    tmp_path_factory, degrees, spacing, mirrored
):
    from scipy.spatial.transform import Rotation

    axes = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    axes = axes * [1, 1, -1] if mirrored else axes
    affine = affine_of(axes, spacing, (3, -40, 500))
    path = tmp_path_factory.mktemp("rotation") / "ct.nii"
    write_nifti(path, np.zeros((2, 3, 4), np.int16), affine)
    import SimpleITK

    itk = SimpleITK.ReadImage(str(path))
    for index in ((0, 0, 0), (3, 2, 1)):
        lps = itk.TransformIndexToPhysicalPoint(index)
        ras = (affine @ [*index, 1])[:3]
        assert np.allclose(np.array(lps) * [-1, -1, 1], ras, atol=1e-2)


@pytest.mark.parametrize("voxels", [np.zeros((2, 3), np.int16), np.zeros((2, 3, 4), np.int64)])
def test_what_nifti_cannot_hold_is_refused(tmp_path, voxels):
    with pytest.raises(ValueError, match="not a volume"):
        write_volume(tmp_path, "x", voxels, np.eye(4))
