"""Image files by their kind: NIfTI with nibabel, NRRD with ITK."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DependencyError, GeometryError, InputError
from .image import Image
from .nifti_file import is_nifti, nifti_type, read_nifti
from .nrrd_header import check_nrrd

_TYPES = {
    f"{bits}-bit {sign} integer": f"{short}{bits}"
    for bits in (8, 16, 32, 64)
    for sign, short in (("signed", "int"), ("unsigned", "uint"))
}


def read_image(path: Path) -> Image:
    """Read a NIfTI or NRRD file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Image

    Raises
    ------
    InputError
        If the file cannot be read or is cut off.
    GeometryError
        If its header has no voxel size, or two, or axes that span no volume.
    DependencyError
        If nibabel or SimpleITK is missing.
    """
    return read_nifti(path) if is_nifti(path) else _read_nrrd(path)


def voxel_type(path: Path) -> str:
    """Return the type of a volume's voxels as numpy names it; empty where no header can be read.

    Types that are no whole numbers of 8 to 64 bits are ``other`` in NRRD files.
    """
    if is_nifti(path):
        return nifti_type(path)
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


def _read_nrrd(path: Path) -> Image:
    itk = _simpleitk()
    scale, flags = check_nrrd(path)
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
            f"{path.name}: not a readable NRRD file, or cut off; write it again."
        ) from error
    return Image(
        itk.GetArrayFromImage(image),
        np.diag([scale, scale, scale, 1.0]) @ _affine(image),
        image.GetDimension(),
        image.GetNumberOfComponentsPerPixel(),
        flags,
    )


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
            "Reading NRRD files needs the package SimpleITK: install it."
        ) from error
    return SimpleITK
