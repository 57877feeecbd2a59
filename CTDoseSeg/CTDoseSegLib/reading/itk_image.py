"""NIfTI and NRRD files as ITK reads them: voxels, affine, and what only the header holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DependencyError, GeometryError, InputError
from .nifti_check import check_nifti

_NIFTI = (".nii", ".nii.gz")
_TYPES = {
    f"{bits}-bit {sign} integer": f"{short}{bits}"
    for bits in (8, 16, 32, 64)
    for sign, short in (("signed", "int"), ("unsigned", "uint"))
}


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class ItkImage:
    """An image as it is in a file.

    Attributes
    ----------
    voxels
        [..., k, j, i], with the values of a voxel in a last axis where there are several.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm; of the first three axes.
    axes
        How many the image has.
    values_per_voxel
        1 but for colours and vectors.
    fields
        Further fields of the header, as text.
    """

    voxels: np.ndarray
    affine: np.ndarray
    axes: int
    values_per_voxel: int
    fields: Mapping[str, str] = field(default_factory=dict)


def read_itk_image(path: Path) -> ItkImage:
    """Read a NIfTI or NRRD file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    ItkImage

    Raises
    ------
    InputError, PixelDataError
        If the file cannot be read, is cut off or has voxels that are not finite.
    GeometryError
        If its axes are not at right angles.
    DependencyError
        If SimpleITK is missing.
    """
    itk = _simpleitk()
    if path.name.lower().endswith(_NIFTI):
        check_nifti(path)
    try:
        image = itk.ReadImage(os.fspath(path))
    except RuntimeError as error:
        reason = str(error).lower()
        if "orthonormal" in reason or "direction" in reason:
            raise GeometryError(
                f"{path.name}: its axes are not perpendicular or have no length; resample it to a "
                "regular grid first."
            ) from error
        raise InputError(
            f"{path.name}: not a readable NIfTI or NRRD file, or cut off; write it again."
        ) from error
    return ItkImage(
        itk.GetArrayFromImage(image),
        _affine(image),
        image.GetDimension(),
        image.GetNumberOfComponentsPerPixel(),
        {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()},
    )


def voxel_type(path: Path) -> str:
    """Return the type of a volume's voxels as numpy names it; empty where no header can be read.

    Types that are no whole numbers of 8 to 64 bits are ``other`` in NIfTI and NRRD files.
    """
    if path.name.lower().endswith(".npy"):
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False).dtype.name
        except (OSError, ValueError, EOFError):
            return ""
    itk = _simpleitk()
    reader = itk.ImageFileReader()
    reader.SetFileName(os.fspath(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return ""
    return _TYPES.get(itk.GetPixelIDValueAsString(reader.GetPixelID()), "other")


def _affine(image: Any) -> np.ndarray:
    axes = min(3, image.GetDimension())
    direction = np.reshape(image.GetDirection(), (image.GetDimension(),) * 2)[:axes, :axes]
    affine = np.eye(4)
    affine[:axes, :axes] = direction * np.array(image.GetSpacing()[:axes])
    affine[:axes, 3] = image.GetOrigin()[:axes]
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine  # ITK's world is LPS


def _simpleitk() -> Any:
    try:
        import SimpleITK
    except ImportError as error:
        raise DependencyError(
            "Reading NIfTI and NRRD files needs the package SimpleITK: install it."
        ) from error
    return SimpleITK
