"""A CT on the grid that its array has: a volume file, a volume of a scene.

It carries no exposure unless something beside the array states it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ..ct.acquisition import Acquisition
from ..ct.series import CTSeries, SliceInfo
from ..dicom.hounsfield import ValueCounts
from ..dicom.pixels import air_outside
from ..errors import GeometryError, PixelDataError
from ..flags import Flag, flag
from .missing_values import missing_flags

# Half way from air to water.
TISSUE_HU = -500
_AXIAL_COSINE = float(np.cos(np.radians(45.0)))
_SHEAR = 1e-3  # cosine between axes: 0.06 degrees


def series_from_array(
    values: np.ndarray,
    affine: np.ndarray,
    *,
    acquisition: Acquisition | None = None,
    slices: Sequence[SliceInfo] = (),
    identity: str = "",
    description: str = "",
    name: str = "The volume",
    regular: bool | None = None,
    flags: tuple[Flag, ...] | None = None,
    files: tuple[str, ...] = (),
    copy: bool = True,
) -> CTSeries:
    """Make a series of a CT that is in memory, with the checks and flags of a volume file.

    Parameters
    ----------
    values
        HU, [k, j, i], any kind of number.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    acquisition, slices, identity, description
        What is known of it; empty: not known.
    name
        Begins the sentence of an error.
    regular, flags
        Of a series that was checked before, whose values stay as they are; None: not checked yet.
    files
        What it was read from.
    copy
        Leave `values` alone; else padding may become air in it.

    Returns
    -------
    CTSeries

    Raises
    ------
    PixelDataError, GeometryError
        If the values or the geometry cannot be used.
    """
    hu = as_hu(values, name)
    _require_ct_voxels(affine, name)
    if hu is values and (copy or not hu.flags.writeable):
        hu = hu.copy()
    value_flags = _air_and_values(hu) if flags is None else []  # else checked before
    acquisition = acquisition or Acquisition()
    slices = tuple(slices) or tuple(SliceInfo(z_mm=z) for z in _slice_centres_mm(affine, hu.shape))
    if flags is None:
        flags = (*_geometry_flags(hu, affine), *value_flags, *missing_flags(acquisition, slices))
    if regular is None:
        regular = not any(f.code == "tilted" for f in flags)
    return CTSeries(
        hu=hu,
        affine=affine,
        slices=slices,
        acquisition=acquisition,
        identity=identity or pixel_identity(hu),
        regular=regular,
        flags=flags,
        files=files,
        description=description,
    )


def as_hu(values: np.ndarray, name: str) -> np.ndarray:
    """Return values as int16 where that is exact, else float32.

    Parameters
    ----------
    values
        [k, j, i], any kind of number.
    name
        Begins the sentence of an error.

    Returns
    -------
    numpy.ndarray
        `values` itself if it is int16.

    Raises
    ------
    PixelDataError, GeometryError
        If they are no three-dimensional array of finite numbers; the sentence begins with `name`.
    """
    if values.ndim != 3 or 0 in values.shape:
        raise GeometryError(
            f"{name}: the array has shape {values.shape}; give slices x rows x columns."
        )
    if values.dtype == np.int16:
        return values
    if values.dtype.kind not in "iuf":
        raise PixelDataError(f"{name}: its values are {values.dtype}, not numbers.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise PixelDataError(f"{name}: it has values that are not numbers (NaN or infinite).")
    whole = values.dtype.kind in "iu" or bool((np.rint(values) == values).all())
    if whole and values.min() >= -32768 and values.max() <= 32767:
        return values.astype(np.int16)
    return values.astype(np.float32)


def pixel_identity(hu: np.ndarray) -> str:
    """Return ``sha256:`` of the HU array: the identity of a series without a UID."""
    return "sha256:" + hashlib.sha256(np.ascontiguousarray(hu).data).hexdigest()


def is_presumed(affine: np.ndarray) -> bool:
    """Return whether an affine is what a program writes that knows no geometry.

    Examples
    --------
    >>> is_presumed(np.diag([-1.0, -1.0, 1.0, 1.0]))
    True
    """
    return bool((np.abs(affine[:3]) == np.eye(3, 4)).all())


def _require_ct_voxels(affine: np.ndarray, name: str) -> None:
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not all(0.01 <= length <= 100 for length in lengths):
        raise GeometryError(
            f"{name}: voxels of {lengths[0]:g} x {lengths[1]:g} x {lengths[2]:g} mm; no CT "
            "has such, write the file with its spacing in mm."
        )


def _slice_centres_mm(affine: np.ndarray, shape: tuple[int, ...]) -> list[float]:
    """Return the RAS superior coordinate of each slice's centre."""
    middle = np.array([(shape[2] - 1) / 2, (shape[1] - 1) / 2, 0, 1])
    return [float(z) for z in (affine @ middle)[2] + affine[2, 2] * np.arange(shape[0])]


def _air_and_values(hu: np.ndarray) -> list[Flag]:
    """Make padding air, in place, and flag values that are no HU."""
    counts = ValueCounts()
    for image in hu:
        counts.add(image, air_outside(image))
    problem = counts.problem()
    return [flag("not_hu", problem)] if problem else []


def _geometry_flags(hu: np.ndarray, affine: np.ndarray) -> list[Flag]:
    """Flag what is not regular about the geometry."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cross = np.cross(axes[:, 0], axes[:, 1])
    flags = []
    if abs(axes[:, 0] @ axes[:, 1]) > _SHEAR:
        raise GeometryError(
            "The volume's rows and columns are not perpendicular; resample it first."
        )
    angle = float(np.degrees(np.arccos(min(1.0, abs(cross[2])))))
    if abs(cross[2]) < _AXIAL_COSINE:
        flags.append(flag("not_axial", f"the slices' normal is {angle:.0f} degrees off"))
    shear = float(np.degrees(np.arccos(min(1.0, abs(cross @ axes[:, 2])))))
    if abs(cross @ axes[:, 2]) < 1 - _SHEAR**2:
        flags.append(flag("tilted", f"{shear:.1f} degrees between normal and stacking direction"))
    elif abs(cross[2]) >= _AXIAL_COSINE and angle > 2:
        flags.append(flag("oblique", f"{angle:.1f} degrees"))
    if is_presumed(affine):
        flags.append(flag("voxel_size_presumed"))
    if abs(cross[2]) >= _AXIAL_COSINE and _cut_at_the_sides(hu):
        flags.append(flag("axes_doubtful"))
    if hu.shape[0] == 1:
        flags.append(flag("single_slice", "the file's own step is used"))
    return flags


def _cut_at_the_sides(hu: np.ndarray) -> bool:
    """Return whether the body ends inside along k, and is cut along one of i and j at both ends.

    A CT of a trunk is cut by its first and last slice; one whose axes were exchanged is cut at
    two sides of each slice instead. A zoomed field of view is cut along both i and j.
    """
    if min(hu.shape) < 4:
        return False
    across_k, across_j, across_i = (
        min(float((hu.take(end, axis) > TISSUE_HU).mean()) for end in (0, -1)) for axis in range(3)
    )
    return across_k < 0.01 and (across_j > 0.1) != (across_i > 0.1)
