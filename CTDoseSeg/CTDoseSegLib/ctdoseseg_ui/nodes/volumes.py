"""A volume node of the scene as a CTSeries: its voxels, its place, and what DICOM states about it.

The voxels are those of the node, so that what is seen is what is measured. Exposure comes from
the node's DICOM files through the same reader as on the command line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ...ct.series import CTSeries, SliceInfo
from ...dicom.identity import without_file_name
from ...errors import CTDoseSegError, InputError
from ...flags import Flag, flag
from ...reading.array_series import is_presumed, series_from_array
from ...reading.npy_volume import exposure_of, stated_of
from .results import OVERLAY

if TYPE_CHECKING:
    from ...ct.acquisition import Acquisition

INSTANCES = "DICOM.instanceUIDs"
# Of a volume whose files are in no DICOM database: what they stated, as JSON.
STATED = "CTDoseSeg.Stated"
SOFT_TISSUE = (400, 40)  # width and level, HU


@dataclass(frozen=True)
class _Exposure:
    """The exposure in the DICOM files of a volume, in the volume's own order of slices."""

    acquisition: Acquisition
    slices: tuple[SliceInfo, ...]
    regular: bool
    flags: tuple[Flag, ...]
    identity: str
    description: str


def add_volume(values: np.ndarray, affine: np.ndarray, name: str) -> Any:
    """Add a CT to the scene, shown with the window of soft tissue; values are HU, [k, j, i]."""
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(volume, values)
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(affine))
    volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(*SOFT_TISSUE)
    return volume


def require_ct(volumeNode: Any) -> None:
    """Refuse what is no CT volume, with a sentence.

    Raises
    ------
    InputError
        If there is no node, or it is a label map, a colour image, empty, or of another modality.
    """
    if volumeNode is None:
        raise InputError(_("No volume is chosen; load a CT and choose it as the input."))
    name = volumeNode.GetClassName()
    if name != "vtkMRMLScalarVolumeNode":
        raise InputError(
            _(
                "The chosen node is a {kind}, not a CT; choose a scalar volume in Hounsfield units."
            ).format(kind=name.removeprefix("vtkMRML").removesuffix("Node"))
        )
    if volumeNode.GetAttribute(OVERLAY):
        raise InputError(
            _(
                "The chosen volume is a dose overlay, a dose map or the doubt of a result; choose "
                "the CT."
            )
        )
    image = volumeNode.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        raise InputError(_("The volume holds no voxels; load it again."))
    if image.GetNumberOfScalarComponents() != 1:
        raise InputError(_("The volume holds colours or vectors, not CT numbers."))
    modality = _modality(volumeNode)
    if modality not in ("", "CT"):
        raise InputError(
            _(
                "The volume's modality (0008,0060) is {modality}, not CT; choose a CT volume."
            ).format(modality=modality)
        )


def series_of(volumeNode: Any) -> CTSeries:
    """The volume as a CTSeries on its own grid, in world coordinates.

    A linear parent transform goes into the affine; under a nonlinear one the slices are taken as
    they are stored and the series is not `regular`.

    Raises
    ------
    InputError
        If the node is no CT.
    PixelDataError, GeometryError
        If its values or its geometry cannot be used.
    """
    require_ct(volumeNode)
    own, moved, linear = geometry(volumeNode)
    values = slicer.util.arrayFromVolume(volumeNode)
    exposure, flags = _read_exposure(volumeNode, own, values.shape)
    slices: tuple[SliceInfo, ...] = ()
    if exposure is not None:
        slices = exposure.slices
        if not np.array_equal(own, moved):
            slices = _moved(slices, moved, values.shape)
    series = series_from_array(
        values,
        moved,
        acquisition=exposure.acquisition if exposure else None,
        slices=slices,
        identity=exposure.identity if exposure else "",
        description=exposure.description if exposure else "",
    )
    if is_presumed(own):  # a transform moves such voxels, and makes them no better known
        flags.append(flag("voxel_size_presumed"))
    regular = series.regular and (exposure is None or exposure.regular)
    if not linear:
        regular = False
        flags.append(flag("nonlinear_transform"))
    all_flags = (*(exposure.flags if exposure else ()), *series.flags, *flags)
    return replace(series, regular=regular, flags=tuple({f.code: f for f in all_flags}.values()))


def geometry(volumeNode: Any) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return IJK to RAS without and with the linear parent transform, and if there is no other."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    own = slicer.util.arrayFromVTKMatrix(matrix)
    transform = volumeNode.GetParentTransformNode()
    if transform is None:
        return own, own, True
    if not transform.IsTransformToWorldLinear():
        return own, own, False
    transform.GetMatrixTransformToWorld(matrix)
    return own, slicer.util.arrayFromVTKMatrix(matrix) @ own, True


def acquisition_of(volumeNode: Any) -> tuple[Any, tuple[SliceInfo, ...], tuple[Flag, ...]]:
    """Read what DICOM states about the volume's exposure, without touching its voxels.

    Returns
    -------
    acquisition : Acquisition or None
        None where the volume has no DICOM files.
    slices : tuple of SliceInfo
        One for each k; empty without DICOM files.
    flags : tuple of Flag
    """
    require_ct(volumeNode)
    own = geometry(volumeNode)[0]
    size = volumeNode.GetImageData().GetDimensions()
    exposure, flags = _read_exposure(volumeNode, own, size[::-1])
    if exposure is None:
        return None, (), tuple(flags)
    return exposure.acquisition, exposure.slices, (*exposure.flags, *flags)


def _database() -> Any:
    database = getattr(slicer, "dicomDatabase", None)
    return database if database is not None and database.isOpen else None


def _files(volumeNode: Any) -> tuple[list[str], int]:
    """DICOM files of the volume that the database still knows, and how many there should be."""
    uids = (volumeNode.GetAttribute(INSTANCES) or "").split()
    database = _database()
    if not uids or database is None:
        return [], len(uids)
    files = [database.fileForInstance(uid) for uid in uids]
    return list(dict.fromkeys(file for file in files if file)), len(uids)


def _modality(volumeNode: Any) -> str:
    files = _files(volumeNode)[0]
    return _database().fileValue(files[0], "0008,0060").strip().upper() if files else ""


def _read_exposure(
    volumeNode: Any, affine: np.ndarray, shape: tuple[int, ...]
) -> tuple[_Exposure | None, list[Flag]]:
    if text := volumeNode.GetAttribute(STATED):
        return _as_stated(text, shape[0]), []
    files, wanted = _files(volumeNode)
    if wanted and not files:
        return None, [flag("dicom_not_found")]
    if not files:
        return None, []
    try:
        return _from_files(files, affine, shape), []
    except CTDoseSegError as error:
        sentence = str(error)
        for file in files:
            sentence = without_file_name(sentence, Path(file).name)
        return None, [flag("files_unreadable", sentence)]


def keep_stated(volumeNode: Any, series: CTSeries) -> None:
    """Keep what is known of a series with its volume, where no DICOM database holds its files."""
    text = json.dumps(stated_of(series), ensure_ascii=True, allow_nan=False)
    volumeNode.SetAttribute(STATED, text)


def _as_stated(text: str, n_slices: int) -> _Exposure:
    try:
        about = json.loads(text)
        acquisition, slices, flags = exposure_of(about, STATED)
    except ValueError as error:
        raise InputError(
            _("The attribute {name} of the volume cannot be read; load the volume again.").format(
                name=STATED
            )
        ) from error
    if slices and len(slices) != n_slices:
        raise InputError(
            _(
                "The attribute {name} of the volume describes {stated} slices, the volume has "
                "{n_slices}; load the volume again."
            ).format(name=STATED, stated=len(slices), n_slices=n_slices)
        )
    return _Exposure(
        acquisition,
        slices,
        bool(about.get("regular", True)),
        flags,
        str(about.get("identity") or ""),
        str(about.get("description") or ""),
    )


def _from_files(files: list[str], affine: np.ndarray, shape: tuple[int, ...]) -> _Exposure | None:
    from ...dicom.header_file import iter_frames, read_header
    from ...reading.exposure import read_exposure
    from ...reading.series_description import description, kind_flags
    from ...reading.stacking import stack

    read = [header for header in map(read_header, files) if header is not None]
    headers = [frame for header in read for frame in iter_frames(header)]
    if not headers:
        raise InputError(_("the files of the volume are not DICOM any more; import them again"))
    place = stack(headers)
    headers = [headers[i] for i in place.order]
    exposure = read_exposure(headers, place.z_mm)
    rows = _rows_of_slices(place.affine, len(headers), affine, shape[0])
    slices = []
    for k, row in enumerate(rows):
        if row is None:
            slices.append(SliceInfo(z_mm=float(_centres(affine, shape)[k, 2])))
            continue
        slices.append(exposure.slices[row])
    return _Exposure(
        exposure.acquisition,
        tuple(slices),
        place.regular,
        (*place.flags, *kind_flags(headers), *exposure.flags),
        headers[0].text("SeriesInstanceUID"),
        description(headers[0]),
    )


def _rows_of_slices(
    stacked: np.ndarray, n_headers: int, affine: np.ndarray, n_slices: int
) -> list[int | None]:
    """For each k of the volume the header of its slice: by order, else by the nearest position."""
    upward = float(stacked[:3, 2] @ affine[:3, 2]) > 0
    if n_headers == n_slices:
        return list(range(n_slices)) if upward else list(range(n_slices))[::-1]
    step = stacked[:3, 2]
    length = float(np.linalg.norm(step))
    along = (affine[:3, 3] + np.arange(n_slices)[:, None] * affine[:3, 2] - stacked[:3, 3]) @ step
    nearest = np.rint(along / length**2).astype(int)
    return [int(n) if 0 <= n < n_headers else None for n in nearest]


def _centres(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """RAS of the slice centres, [k, 3]."""
    middle = affine @ np.array([(shape[2] - 1) / 2, (shape[1] - 1) / 2, 0, 1])
    return middle[:3] + np.arange(shape[0])[:, None] * affine[:3, 2]


def _moved(
    slices: tuple[SliceInfo, ...], affine: np.ndarray, shape: tuple[int, ...]
) -> tuple[SliceInfo, ...]:
    z = _centres(affine, shape)[:, 2]
    return tuple(replace(item, z_mm=float(z[k])) for k, item in enumerate(slices))
