"""Volume files: NIfTI and NRRD through SimpleITK, and .npy with .json beside it.

They keep their own grid. They carry no exposure unless the .json says it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..ct.acquisition import Acquisition
from ..ct.series import CTSeries, SliceInfo
from ..dicom.pixels import air_outside
from ..errors import GeometryError, InputError, PixelDataError
from ..flags import Flag, flag
from .exposure import missing_flags
from .nifti_check import check_nifti

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".npy")
# A CT holds air; a volume without anything as low as this is a label map, a picture or shifted.
HIGHEST_AIR_HU = -200
_AXIAL_COSINE = float(np.cos(np.radians(45.0)))
_SHEAR = 1e-3  # cosine between axes: 0.06 degrees


def is_volume_file(path: Path) -> bool:
    """True for the names that `read_volume_file` reads."""
    return path.name.lower().endswith(SUFFIXES)


def read_volume_file(path: Path) -> CTSeries:
    """Read a NIfTI, NRRD or npy volume.

    Raises
    ------
    InputError, PixelDataError, GeometryError
        If the file, its values or its geometry cannot be used; the sentence names the file.
    """
    if path.name.lower().endswith(".npy"):
        return _read_npy(path)
    values, affine = _read_itk(path)
    return _series(path, _as_hu(values, path.name), affine, {})


def series_from_array(
    values: np.ndarray,
    affine: np.ndarray,
    *,
    acquisition: Acquisition | None = None,
    slices: Sequence[SliceInfo] = (),
    identity: str = "",
    description: str = "",
    name: str = "The volume",
) -> CTSeries:
    """A CT that is already in memory, with the checks and remarks of a volume file.

    Parameters
    ----------
    values
        HU, [k, j, i], any kind of number; copied.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    acquisition, slices, identity, description
        What is known of it; empty: not known.
    name
        Begins the sentence of an error.

    Raises
    ------
    PixelDataError, GeometryError
        If the values or the geometry cannot be used.
    """
    about = {
        "acquisition": {f.name: getattr(acquisition, f.name) for f in fields(acquisition)}
        if acquisition is not None
        else {},
        "slices": [asdict(item) for item in slices],
        "identity": identity,
        "description": description,
    }
    series = _series(Path(name), _as_hu(values.copy(), name), affine, about)
    return replace(series, files=())


def _read_itk(path: Path) -> tuple[np.ndarray, np.ndarray]:
    import SimpleITK

    if path.name.lower().endswith((".nii", ".nii.gz")):
        check_nifti(path)
    try:
        image = SimpleITK.ReadImage(os.fspath(path))
    except RuntimeError as error:
        said = str(error).lower()
        if "orthonormal" in said or "direction" in said:
            raise GeometryError(
                f"{path.name}: its axes are not perpendicular or have no length; resample it to a "
                "regular grid first."
            ) from error
        raise InputError(
            f"{path.name}: not a readable NIfTI or NRRD file, or cut off; write it again."
        ) from error
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise PixelDataError(f"{path.name}: a colour or vector image, not CT numbers.")
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if image.GetDimension() != 3:
        raise GeometryError(
            f"{path.name}: {image.GetDimension()} dimensions; give one three-dimensional volume."
        )
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine = np.eye(4)
    affine[:3, :3] = direction * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    # ITK's world is LPS.
    return SimpleITK.GetArrayFromImage(image), np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def _as_hu(values: np.ndarray, name: str) -> np.ndarray:
    """The values as int16 where that is exact, else float32."""
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


def _read_npy(path: Path) -> CTSeries:
    beside = path.with_suffix(".json")
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path.name}: not a readable .npy file, or cut off.") from error
    try:
        about = json.loads(beside.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path.name}: {beside.name} with the affine is not beside it ({error.strerror})."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{beside.name}: not valid JSON.") from error
    if not isinstance(about, dict):
        raise InputError(f"{beside.name}: must hold an object with an affine.")
    try:
        affine = np.array(about.get("affine"), dtype=np.float64)
    except (TypeError, ValueError):
        affine = np.empty(0)
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise GeometryError(f"{beside.name}: affine must be four rows of four numbers.")
    series = _series(path, _as_hu(values, path.name), affine, about)
    return replace(series, files=(*series.files, os.fspath(beside)))


def _series(path: Path, hu: np.ndarray, affine: np.ndarray, about: Mapping[str, Any]) -> CTSeries:
    """A series on the file's own grid, with what the .json says about it."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not all(0.01 <= length <= 100 for length in lengths):
        raise GeometryError(
            f"{path.name}: voxels of {lengths[0]:g} x {lengths[1]:g} x {lengths[2]:g} mm; no CT "
            "has such, write the file with its spacing in mm."
        )
    if not hu.flags.writeable:
        hu = hu.copy()
    if "flags" not in about:  # else written by `write_npy_volume`, after padding became air
        for image in hu:
            air_outside(image)
    acquisition, typed_slices = _exposure(about, path, hu.shape[0])
    middle = np.array([(hu.shape[2] - 1) / 2, (hu.shape[1] - 1) / 2, 0, 1])
    z_mm = (affine @ middle)[2] + affine[2, 2] * np.arange(hu.shape[0])
    slices = typed_slices or tuple(SliceInfo(z_mm=float(z)) for z in z_mm)
    if "flags" in about:  # written by `write_npy_volume`: as they were
        flags = tuple(Flag.from_plain(item) for item in about["flags"])
    else:
        flags = (*_flags(hu, affine), *missing_flags(acquisition, slices))
    sheared = any(f.code == "tilted" for f in flags)
    return CTSeries(
        hu=hu,
        affine=affine,
        slices=slices,
        acquisition=acquisition,
        identity=str(about.get("identity") or pixel_identity(hu)),
        regular=bool(about.get("regular", not sheared)),
        flags=flags,
        files=(os.fspath(path),),
        description=str(about.get("description", "")),
    )


def _flags(hu: np.ndarray, affine: np.ndarray) -> list[Flag]:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cross = np.cross(axes[:, 0], axes[:, 1])
    found = []
    if abs(axes[:, 0] @ axes[:, 1]) > _SHEAR:
        raise GeometryError(
            "The volume's rows and columns are not perpendicular; resample it first."
        )
    angle = float(np.degrees(np.arccos(min(1.0, abs(cross[2])))))
    if abs(cross[2]) < _AXIAL_COSINE:
        found.append(flag("not_axial", f"the slices' normal is {angle:.0f} degrees off"))
    shear = float(np.degrees(np.arccos(min(1.0, abs(cross @ axes[:, 2])))))
    if abs(cross @ axes[:, 2]) < 1 - _SHEAR**2:
        found.append(flag("tilted", f"{shear:.1f} degrees between normal and stacking direction"))
    elif abs(cross[2]) >= _AXIAL_COSINE and angle > 2:
        found.append(flag("oblique", f"{angle:.1f} degrees"))
    if hu.shape[0] == 1:
        found.append(flag("single_slice", "the file's own step is used"))
    if hu.min() > HIGHEST_AIR_HU:
        found.append(flag("not_hu", f"no value is below {HIGHEST_AIR_HU}"))
    return found


def _exposure(
    about: Mapping[str, Any], path: Path, count: int
) -> tuple[Acquisition, tuple[SliceInfo, ...]]:
    """Acquisition and slices from the .json; empty where it says nothing."""
    name = path.with_suffix(".json").name
    stated = about.get("acquisition") or {}
    listed = about.get("slices") or []
    try:
        known = {f.name for f in fields(Acquisition)}
        if unknown := set(stated) - known:
            raise InputError(f"{name}: unknown names in acquisition: {', '.join(sorted(unknown))}.")
        values = dict(stated)
        _check_kinds(values, Acquisition)
        for item in listed:
            _check_kinds(item, SliceInfo)
        if values.get("irradiated_range_mm") is not None:
            low, high = values["irradiated_range_mm"]
            values["irradiated_range_mm"] = (float(low), float(high))
        slices = tuple(SliceInfo(**item) for item in listed)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: acquisition or slices are not as expected.") from error
    if slices and len(slices) != count:
        raise GeometryError(f"{name}: {len(slices)} slices are described, the volume has {count}.")
    said = (n for n, v in values.items() if v is not None and n != "sources")
    values["sources"] = {**dict.fromkeys(said, "volume file"), **(values.get("sources") or {})}
    return Acquisition(**values), slices


def _check_kinds(values: Mapping[str, Any], owner: type) -> None:
    """TypeError if a value is of another kind than its field: text where a number is expected."""
    for kind in fields(owner):
        value, wanted = dict(values).get(kind.name), str(kind.type)
        if value is None:
            continue
        if wanted.startswith("bool"):
            fits = isinstance(value, bool)
        elif wanted.startswith(("float", "int")):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            fits = number and math.isfinite(value)
        else:
            fits = isinstance(value, str) or not wanted.startswith("str")
        if not fits:
            raise TypeError(f"{kind.name} is no {wanted}")


def write_npy_volume(series: CTSeries, path: str | Path) -> None:
    """Write `series` as .npy with .json beside it; `read_series` gives it back exactly.

    Both files appear whole or not at all; the .json, which readers need first, comes last.
    """
    path = Path(path)
    about = {
        "affine": series.affine.tolist(),
        "acquisition": {**asdict(series.acquisition), "sources": dict(series.acquisition.sources)},
        "slices": [asdict(item) for item in series.slices],
        "identity": series.identity,
        "regular": series.regular,
        "flags": [asdict(item) for item in series.flags],
        "description": series.description,
    }
    array, text = path.with_suffix(".npy.part"), path.with_suffix(".json.part")
    with open(array, "wb") as file:
        np.save(file, series.hu, allow_pickle=False)
    text.write_text(json.dumps(about, ensure_ascii=True, allow_nan=False), encoding="utf-8")
    os.replace(array, path)
    os.replace(text, path.with_suffix(".json"))


def pixel_identity(hu: np.ndarray) -> str:
    """``sha256:`` of the HU array: the identity of a series without a UID."""
    return "sha256:" + hashlib.sha256(np.ascontiguousarray(hu)).hexdigest()
