"""A volume node of the scene as a CTSeries: its voxels, its place, and what is known of its scan.

The voxels are those of the node, so that what is seen is what is measured. Exposure comes from
the node's DICOM files and its dose report through the same reader as on the command line.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ...ct.series import CTSeries, SliceInfo
from ...dicom.identity import without_file_name
from ...errors import CTDoseSegError, InputError
from ...flags import Flag, flag
from ...reading.array_series import is_presumed, series_from_array
from ...reading.missing_values import MISSING, missing_flags
from ...reading.npy_volume import Stated, read_stated
from .dose_reports import AUTO, with_chosen_report
from .headers import forget_others, read_kept
from .placement import Placement, slice_centres
from .volumes import STATED, dicom_files, geometry, require_ct

if TYPE_CHECKING:
    from ...dicom.header import Header


@dataclass(frozen=True)
class _Known:
    """What was found of a volume's scan, in the volume's own order of slices."""

    stated: Stated
    headers: tuple[Header, ...] = ()
    files: tuple[str, ...] = ()


def series_of(volumeNode: Any, doseReport: str = AUTO) -> CTSeries:
    """The volume as a CTSeries on its own grid, in world coordinates.

    A linear parent transform goes into the affine, and moves the irradiated range too; under a
    nonlinear one the slices are taken as they are stored and the series is not `regular`.

    Parameters
    ----------
    volumeNode
        A CT of the scene.
    doseReport
        ``auto`` (of the same study in the DICOM database), ``none`` or a file.

    Raises
    ------
    InputError
        If the node is no CT.
    DoseReportError
        If the file is no dose report of this CT.
    PixelDataError, GeometryError
        If its values or its geometry cannot be used.
    """
    known = stated_series(volumeNode, doseReport)
    own, _moved, linear = geometry(volumeNode)
    series = series_from_array(
        slicer.util.arrayFromVolume(volumeNode),
        known.affine,
        acquisition=known.acquisition,
        slices=known.slices,
        identity=known.identity,
        description=known.description,
    )
    # What is missing is known of the exposure; the array alone would miss it all.
    flags = [*known.flags, *(f for f in series.flags if f.code not in MISSING)]
    if is_presumed(own):  # a transform moves such voxels, and makes them no better known
        flags.append(flag("voxel_size_presumed"))
    if not linear:
        flags.append(flag("nonlinear_transform"))
    return replace(
        series,
        regular=series.regular and known.regular and linear,
        flags=tuple({f.code: f for f in flags}.values()),
        dose_report=known.dose_report,
        scanner=known.scanner,
    )


def stated_series(volumeNode: Any, doseReport: str = AUTO) -> CTSeries:
    """What `series_of` knows of a volume without its voxels, which are 0 in this series.

    Its `files` are the DICOM files, where the database knows them. Parameters and errors are those
    of `series_of`.
    """
    require_ct(volumeNode)
    own = geometry(volumeNode)[0]
    shape = volumeNode.GetImageData().GetDimensions()[::-1]
    known, flags = _known(volumeNode, own, shape)
    stated = known.stated
    slices = stated.slices or tuple(SliceInfo(z_mm=float(z)) for z in slice_centres(own, shape))
    missing = missing_flags(stated.acquisition, slices) if stated.flags is None else ()
    series = CTSeries(
        hu=np.broadcast_to(np.int16(0), shape),
        affine=own,
        slices=slices,
        acquisition=stated.acquisition,
        identity=stated.identity,
        regular=stated.regular is not False,
        flags=(*(stated.flags or missing), *flags),
        files=known.files,
        description=stated.description,
        dose_report=stated.dose_report,
        scanner=stated.scanner,
    )
    series = with_chosen_report(series, known.headers, volumeNode, doseReport)
    return Placement.of(volumeNode).moved(series)


def _known(
    volumeNode: Any, affine: np.ndarray, shape: tuple[int, ...]
) -> tuple[_Known, tuple[Flag, ...]]:
    if text := volumeNode.GetAttribute(STATED):
        return _Known(_as_stated(text, shape[0])), ()
    nothing = _Known(read_stated({}, STATED))
    files, wanted = dicom_files(volumeNode)
    if wanted and not files:
        return nothing, (flag("dicom_not_found"),)
    if not files:
        return nothing, ()
    try:
        return _from_files(tuple(files), _stamp(files), tuple(affine.ravel()), shape), ()
    except CTDoseSegError as error:
        sentence = str(error)
        for file in files:
            sentence = without_file_name(sentence, Path(file).name)
        return nothing, (flag("files_unreadable", sentence),)


def _as_stated(text: str, n_slices: int) -> Stated:
    try:
        stated = read_stated(json.loads(text), STATED)
    except (ValueError, AttributeError) as error:
        raise InputError(
            _("The attribute {name} of the volume cannot be read; load the volume again.").format(
                name=STATED
            )
        ) from error
    if stated.slices and len(stated.slices) != n_slices:
        raise InputError(
            _(
                "The attribute {name} of the volume describes {stated} slices, the volume has "
                "{n_slices}; load the volume again."
            ).format(name=STATED, stated=len(stated.slices), n_slices=n_slices)
        )
    return stated


def _stamp(files: list[str]) -> int:
    """Return what changes when one of the files does."""
    return hash(tuple(os.stat(file).st_mtime_ns if os.path.exists(file) else 0 for file in files))


# The volume that is looked at: its files are read once for the panel, its choices and Apply.
@lru_cache(maxsize=1)
def _from_files(
    files: tuple[str, ...], _stamp: int, ijk_to_ras: tuple[float, ...], shape: tuple[int, ...]
) -> _Known:
    from ...dicom.header_file import iter_frames
    from ...reading.exposure import read_exposure
    from ...reading.series_description import description, kind_flags
    from ...reading.stacking import stack

    affine = np.reshape(ijk_to_ras, (4, 4))
    forget_others(files)
    read = [header for header in map(read_kept, files) if header is not None]
    headers = [frame for header in read for frame in iter_frames(header)]
    if not headers:
        raise InputError(_("the files of the volume are not DICOM any more; import them again"))
    place = stack(headers)
    headers = [headers[i] for i in place.order]
    exposure = read_exposure(headers, place.z_mm)
    rows = _rows_of_slices(place.affine, len(headers), affine, shape[0])
    unknown = slice_centres(affine, shape)
    slices = tuple(
        SliceInfo(z_mm=float(unknown[k])) if row is None else exposure.slices[row]
        for k, row in enumerate(rows)
    )
    stated = Stated(
        exposure.acquisition,
        slices,
        identity=headers[0].text("SeriesInstanceUID"),
        regular=place.regular,
        flags=(*place.flags, *kind_flags(headers), *exposure.flags),
        description=description(headers[0]),
    )
    return _Known(stated, tuple(headers), files)


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
