"""NIfTI files as nibabel reads them, with their fields for the voxel size compared.

A header may state the voxel size three times: in pixdim, in the rows of the sform, and by the
unit. Programs read one or another, so a file whose fields disagree has no size that could be
trusted (NIfTI-1 standard, nifti1.h, methods 1 to 3; Data Format Working Group, 2004).
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DependencyError, GeometryError, InputError
from ..flags import Flag, flag
from .image import Image, two_sizes

SUFFIXES = (".nii", ".nii.gz")
_MM = {"mm": 1.0, "meter": 1000.0, "micron": 1e-3, "unknown": 1.0}
_TURNED = float(np.cos(np.radians(1.0)))


def is_nifti(path: Path) -> bool:
    """Return whether a file has a name of NIfTI files."""
    return path.name.lower().endswith(SUFFIXES)


def read_nifti(path: Path) -> Image:
    """Read a NIfTI file.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``.

    Returns
    -------
    Image

    Raises
    ------
    InputError
        If the file cannot be read or is cut off.
    GeometryError
        If its header has no voxel size, or two.
    DependencyError
        If nibabel is missing.
    """
    nibabel = _nibabel()
    # It writes what it mends of a header to standard error, with the file's full path.
    with nibabel.imageglobals.LoggingOutputSuppressor():
        image = _load(nibabel, path)
        # As it is in the file: nibabel puts 1 mm where pixdim is 0.
        with nibabel.openers.ImageOpener(path) as file:
            header = type(image.header).from_fileobj(file, check=False)
        affine, flags = _affine(header, path.name)
        voxels = _voxels(image, path.name)
    values = len(voxels.dtype.names) if voxels.dtype.names else 1
    return Image(voxels.T, affine, voxels.ndim, values, flags)


def nifti_type(path: Path) -> str:
    """Return the type of a file's stored voxels as numpy names it; empty without a header."""
    nibabel = _nibabel()
    try:
        with nibabel.imageglobals.LoggingOutputSuppressor():
            return str(_load(nibabel, path).get_data_dtype().name)
    except InputError:
        return ""


def nifti_extensions(path: Path) -> list[str]:
    """Return the texts of a header's extensions; none where the file cannot be read."""
    nibabel = _nibabel()
    try:
        with nibabel.imageglobals.LoggingOutputSuppressor():
            extensions = _load(nibabel, path).header.extensions
    except InputError:
        return []
    contents = [extension.get_content() for extension in extensions]
    return [c.decode("utf-8", "replace") if isinstance(c, bytes) else str(c) for c in contents]


def _load(nibabel: Any, path: Path) -> Any:
    broken = nibabel.spatialimages.HeaderDataError, nibabel.filebasedimages.ImageFileError
    try:
        image = nibabel.load(path)
    except (OSError, EOFError, ValueError, zlib.error, *broken) as error:
        raise InputError(
            f"{path.name}: not a readable NIfTI file, or cut off; write it again."
        ) from error
    if not isinstance(image, (nibabel.Nifti1Image, nibabel.Nifti2Image)):
        raise InputError(f"{path.name}: not a NIfTI file but {type(image).__name__}; convert it.")
    return image


def _voxels(image: Any, name: str) -> np.ndarray:
    """Return voxels [i, j, k, ...]; whole numbers stay so where the header does not scale them."""
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    plain = (slope, intercept) == (1, 0)
    try:
        if plain or image.get_data_dtype().names:
            return np.asanyarray(image.dataobj.get_unscaled())
        return np.asanyarray(image.get_fdata(caching="unchanged", dtype=np.float32))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{name}: cut off or damaged; copy or export it again.") from error


def _affine(header: Any, name: str) -> tuple[np.ndarray, tuple[Flag, ...]]:
    """Return the affine to RAS in mm, and what is in doubt about it."""
    unit, scale = _unit(header, name)
    pixdim = np.abs(np.array(header["pixdim"][1:4], float))
    if not np.isfinite(pixdim).all():
        raise GeometryError(f"{name}: pixdim is not a number; write the file again.")
    sform, qform = _sform(header, name), _qform(header)
    if sform is None and not pixdim.all():
        raise GeometryError(
            f"{name}: no voxel size in its header (pixdim is 0); write the file again with its "
            "spacing in mm."
        )
    if sform is not None and pixdim.all():
        lengths = np.linalg.norm(sform[:3, :3], axis=0)
        if words := two_sizes(lengths * scale, pixdim * scale, "sform", "pixdim"):
            raise GeometryError(
                f"{name}: its header has two voxel sizes, {words}; write the file again with one."
            )
    flags: list[Flag] = []
    if sform is not None and qform is not None:
        flags += _frames(sform, qform)
    if sform is None and qform is None:
        flags.append(flag("orientation_unknown", "no sform and no qform; taken as RAS"))
    chosen = next((a for a in (sform, qform) if a is not None), np.diag([*pixdim, 1.0]))
    if unit not in ("mm", "unknown"):
        flags.append(flag("unit_converted", f"{unit}, a factor of {scale:g} to mm"))
    return np.diag([scale, scale, scale, 1.0]) @ np.asarray(chosen, float), tuple(flags)


def _unit(header: Any, name: str) -> tuple[str, float]:
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError as error:
        raise GeometryError(
            f"{name}: its header has an unknown unit of length; write the file again in mm."
        ) from error
    return unit, _MM[unit]


def _sform(header: Any, name: str) -> np.ndarray | None:
    """Return the sform; None where its code marks it as not set."""
    affine, code = header.get_sform(coded=True)
    if not code:
        return None
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise GeometryError(
            f"{name}: its sform spans no volume, an axis has no length or two are parallel; write "
            "the file again."
        )
    return np.asarray(affine, float)


def _qform(header: Any) -> np.ndarray | None:
    """Return the qform; None where it is not set or no rotation."""
    from nibabel.spatialimages import HeaderDataError

    try:
        affine, code = header.get_qform(coded=True)
    except (ValueError, HeaderDataError):
        return None
    if not code or not np.isfinite(affine).all():
        return None
    return np.asarray(affine, float)


def _frames(sform: np.ndarray, qform: np.ndarray) -> list[Flag]:
    """Flag sform and qform that put the volume elsewhere; the sizes were compared before."""
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        return [flag("orientation_disagrees", "one is the mirror image of the other")]
    cosines = [
        float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
        for a, b in zip(sform[:3, :3].T, qform[:3, :3].T, strict=True)
    ]
    if min(cosines) < _TURNED:
        angle = float(np.degrees(np.arccos(max(-1.0, min(cosines)))))
        return [flag("orientation_disagrees", f"an axis differs by {angle:.0f} degrees")]
    return []


def _nibabel() -> Any:
    try:
        import nibabel
    except ImportError as error:
        raise DependencyError(
            "Reading NIfTI files needs the package nibabel: install it, or save the file as NRRD."
        ) from error
    return nibabel
