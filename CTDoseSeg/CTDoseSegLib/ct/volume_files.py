"""Writing volumes: NIfTI with nibabel, NRRD with SimpleITK where nibabel is not installed."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path

import numpy as np

# What a volume's file may be called after its name, as it is written here.
ENDINGS = (".nii.gz", ".nrrd")
# Beyond this a rotation is none, and a qform cannot hold the affine; the sform can.
ORTHOGONAL = 1e-4


def write_volume(folder: Path, name: str, voxels: np.ndarray, affine: np.ndarray) -> Path:
    """Write a volume as ``NAME.nii.gz``, or as ``NAME.nrrd`` where nibabel is not installed.

    Parameters
    ----------
    folder
        Existing folder.
    name
        File name without its ending.
    voxels
        [k, j, i], uint8, int16, uint16 or float32.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If the array has another type or number of axes.
    OSError
        If the file cannot be written whole.

    Examples
    --------
    >>> import tempfile
    >>> voxels = np.zeros((3, 4, 5), np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_volume(Path(folder), "labels", voxels, np.diag([1.0, 1, 5, 1]))
    >>> path.name
    'labels.nii.gz'
    """
    try:
        return write_nifti(folder / f"{name}.nii.gz", voxels, affine)
    except ImportError:
        return _write_nrrd(folder / f"{name}.nrrd", voxels, affine)


def write_nifti(path: Path, voxels: np.ndarray, affine: np.ndarray) -> Path:
    """Write a volume as NIfTI-1; the same input gives the same bytes.

    Parameters
    ----------
    path
        File to write: ``.nii.gz``, compressed, or ``.nii``.
    voxels, affine
        As of `write_volume`. A sheared affine is stored in the sform alone.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError, OSError
        As `write_volume` does.
    """
    import nibabel

    _check(voxels)
    image = nibabel.Nifti1Image(voxels.T, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, 1)
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.abs(axes.T @ axes - np.eye(3)).max() < ORTHOGONAL:
        image.set_qform(affine, 1)
    with path.open("wb") as file:
        if path.name.endswith(".gz"):
            # Without a time and a name, which would differ from one run to the next.
            with gzip.GzipFile("", "wb", 3, file, mtime=0) as packed:
                image.to_stream(packed)
        else:
            image.to_stream(file)
    return path


def _write_nrrd(path: Path, voxels: np.ndarray, affine: np.ndarray) -> Path:
    """Write a volume as NRRD, and read it back: ITK reports neither a full disk nor a shear."""
    import SimpleITK

    _check(voxels)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    lengths = np.linalg.norm(lps[:3, :3], axis=0)
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(lengths.tolist())
    image.SetDirection((lps[:3, :3] / lengths).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    try:
        SimpleITK.WriteImage(image, os.fspath(path), useCompression=True)
        read = SimpleITK.ReadImage(os.fspath(path))
    except RuntimeError as error:
        raise OSError(errno.ENOSPC, "not written", path.name) from error
    axes = np.reshape(read.GetDirection(), (3, 3)) * np.array(read.GetSpacing())
    same = np.allclose(axes, lps[:3, :3], atol=1e-4)
    same = same and np.allclose(read.GetOrigin(), lps[:3, 3], atol=1e-3)
    if not same or not np.array_equal(SimpleITK.GetArrayViewFromImage(read), voxels):
        raise OSError(errno.ENOSPC, "not what was written", path.name)
    return path


def _check(voxels: np.ndarray) -> None:
    if voxels.ndim != 3 or voxels.dtype.name not in ("uint8", "int16", "uint16", "float32"):
        raise ValueError(f"not a volume of a NIfTI type: {voxels.dtype} {voxels.shape}")
