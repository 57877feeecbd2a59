"""Volume files, which keep their own grid: NIfTI, NRRD, and .npy with .json beside it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ..ct.series import CTSeries
from ..errors import GeometryError, PixelDataError
from .array_series import series_from_array
from .image_file import read_image
from .npy_volume import read_npy_volume

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".npy")


def is_volume_file(path: Path) -> bool:
    """Return whether `read_volume_file` reads files with such a name."""
    return path.name.lower().endswith(SUFFIXES)


def read_volume_file(path: Path) -> CTSeries:
    """Read a NIfTI, NRRD or npy volume.

    Parameters
    ----------
    path
        The file; a ``.npy`` file has its ``.json`` beside it.

    Returns
    -------
    CTSeries
        On the file's own grid.

    Raises
    ------
    InputError, PixelDataError, GeometryError
        If the file, its values or its geometry cannot be used; the sentence names the file.
    """
    if path.name.lower().endswith(".npy"):
        return read_npy_volume(path)
    image = read_image(path)
    if image.values_per_voxel != 1:
        raise PixelDataError(f"{path.name}: a colour or vector image, not CT numbers.")
    # Some programs write one volume as a series of one.
    single = image.axes == 4 and image.voxels.shape[0] == 1
    if image.axes != 3 and not single:
        raise GeometryError(
            f"{path.name}: {image.axes} dimensions; give one three-dimensional volume."
        )
    voxels = image.voxels[0] if single else image.voxels
    files = (os.fspath(path),)
    series = series_from_array(voxels, image.affine, name=path.name, files=files, copy=False)
    return replace(series, flags=(*image.flags, *series.flags))
