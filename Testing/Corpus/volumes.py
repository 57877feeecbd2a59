"""Volume files: NIfTI, NRRD and npy that are cut off, of other kinds, or without a grid."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .base import Base, Table, write

VOLUMES = Table("volumes")
case = VOLUMES.case


def _image(base: Base):
    import SimpleITK as sitk

    hu = np.stack([_hu(data) for data in base.slices()])
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((4.5, 4.5, 20.0))
    return image


def _hu(data) -> np.ndarray:
    stored = np.frombuffer(data.PixelData, "<i2").reshape(data.Rows, data.Columns)
    return stored - np.int16(1024)


def _written(image, path: Path) -> Path:
    import SimpleITK as sitk

    sitk.WriteImage(image, str(path))
    return path


_NO_EXPOSURE = ("tube_current_missing", "ctdivol_missing", "no_exposure")


@case("a NIfTI volume: no exposure, so no dose", flags=_NO_EXPOSURE, doses=False)
def nifti(base: Base, folder: Path):
    return [_written(_image(base), folder / "ct.nii.gz")]


@case("a NRRD volume", flags=_NO_EXPOSURE, doses=False)
def nrrd(base: Base, folder: Path):
    return [_written(_image(base), folder / "ct.nrrd")]


@case("a NIfTI volume cut off", says=("ct.nii", "cut off"))
def nifti_cut_off(base: Base, folder: Path):
    path = _written(_image(base), folder / "ct.nii")
    path.write_bytes(path.read_bytes()[:-50000])
    return [path]


@case("a packed NIfTI volume cut off", says=("ct.nii.gz", "cut off"))
def packed_nifti_cut_off(base: Base, folder: Path):
    path = _written(_image(base), folder / "ct.nii.gz")
    path.write_bytes(path.read_bytes()[:-5000])
    return [path]


@case("an empty NIfTI file", says=("ct.nii.gz", "0 bytes"))
def nifti_empty(base: Base, folder: Path):
    (folder / "ct.nii.gz").touch()
    return [folder / "ct.nii.gz"]


@case("text named .nii.gz", says=("ct.nii.gz",))
def nifti_of_text(base: Base, folder: Path):
    (folder / "ct.nii.gz").write_text("not a volume")
    return [folder / "ct.nii.gz"]


@case("voxels that are not numbers", says=("ct.nii.gz", "NaN"))
def nan_voxels(base: Base, folder: Path):
    import SimpleITK as sitk

    image = _image(base)
    hu = sitk.GetArrayFromImage(image).astype("f4")
    hu[3, 40:50, 40:50] = np.nan
    altered = sitk.GetImageFromArray(hu)
    altered.CopyInformation(image)
    return [_written(altered, folder / "ct.nii.gz")]


@case("a series in time", says=("ct.nii.gz", "dimensions"))
def four_dimensions(base: Base, folder: Path):
    import SimpleITK as sitk

    return [_written(sitk.JoinSeries([_image(base)] * 2), folder / "ct.nii.gz")]


@case("a label map given as the CT", flags="not_hu", doses=False)
def labels_as_ct(base: Base, folder: Path):
    return [base.truth()]


@case("a coronal volume", flags="not_axial", doses=False)
def coronal_volume(base: Base, folder: Path):
    image = _image(base)
    image.SetDirection((1, 0, 0, 0, 0, 1, 0, -1, 0))
    return [_written(image, folder / "ct.nrrd")]


@case("a NRRD header whose data file is missing", says=("ct.nrrd",))
def detached_nrrd(base: Base, folder: Path):
    (folder / "ct.nrrd").write_text(
        "NRRD0004\ntype: short\ndimension: 3\nsizes: 4 4 4\nencoding: raw\n"
        "data file: ../../elsewhere.raw\n"
    )
    return [folder / "ct.nrrd"]


@case("an npy volume with its json", flags="tube_current_missing", doses=None)
def npy(base: Base, folder: Path):
    np.save(folder / "volume.npy", np.stack([_hu(data) for data in base.slices()]))
    affine = np.diag([4.5, 4.5, 20.0, 1.0])
    about = {"affine": affine.tolist(), "acquisition": {"age_years": 50.0, "ctdivol_mGy": 6.0}}
    (folder / "volume.json").write_text(json.dumps(about))
    return [folder / "volume.npy"]


@case("an npy volume without its json", says=("volume.npy", "volume.json"))
def npy_alone(base: Base, folder: Path):
    np.save(folder / "volume.npy", np.zeros((3, 8, 8), "i2"))
    return [folder / "volume.npy"]


@case("an npy volume that would run code", says=("volume.npy",))
def npy_with_objects(base: Base, folder: Path):
    np.save(folder / "volume.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (folder / "volume.json").write_text(json.dumps({"affine": np.eye(4).tolist()}))
    return [folder / "volume.npy"]


@case("an npy volume whose json has an impossible affine", says=("volume.json", "affine"))
def npy_bad_affine(base: Base, folder: Path):
    np.save(folder / "volume.npy", np.zeros((3, 8, 8), "i2"))
    (folder / "volume.json").write_text(json.dumps({"affine": [[1, 2], [3, 4]]}))
    return [folder / "volume.npy"]


@case("an npy volume whose json has a negative tube current and CTDIvol as text", says="volume")
def npy_bad_acquisition(base: Base, folder: Path):
    np.save(folder / "volume.npy", np.stack([_hu(data) for data in base.slices()]))
    about = {
        "affine": np.diag([4.5, 4.5, 20.0, 1.0]).tolist(),
        "acquisition": {"ctdivol_mGy": "six", "age_years": -4},
    }
    (folder / "volume.json").write_text(json.dumps(about))
    return [folder / "volume.npy"]


@case("a DICOM folder with a volume file beside: the DICOM series is taken", doses=True)
def dicom_beside_volume(base: Base, folder: Path):
    write(base.slices(), folder)
    _written(_image(base), folder / "ct.nii.gz")
    return [folder]
