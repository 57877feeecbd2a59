"""A CT as files that other programs read: HU volume, an organ's HU, surfaces."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..ct.organs import OUTSIDE_BODY
from ..ct.organs import organ as organ_row
from ..ct.series import AIR_HU, CTSeries
from ..ct.volume_files import ENDINGS, write_volume
from ..errors import GeometryError, InputError, SegmentationError
from ..files.staging import staged_folder
from ..reading.array_series import series_from_array
from ..reading.npy_volume import write_npy_volume
from ..tasks.progress import Progress, Stage
from .couch_mask import MadeAir, mask_without, without_air
from .dicom_without import sources, write_dicom_without
from .irregular import one_affine_holds
from .resampling import Resampled, isotropic_shape, resample
from .surface_page import write_surface_page
from .surfaces import surface, threshold_surface, write_mesh
from .tables import SEGMENTATION_FILES, write_label_tables

if TYPE_CHECKING:
    from ..segmentation.labelmap import Labelmap

# Below every HU that a scanner gives for air, so that air and what was masked out differ.
MASKED_HU = -1024
SPACING_MM = (0.1, 20.0)
LARGEST_VOXELS = 1_000_000_000
_VOLUME = (*ENDINGS, ".npy", ".json")
_SURFACE = (".stl", ".ply", ".html")
_ISOTROPIC = "segmentation_iso"


def export(
    series: CTSeries,
    labelmap: Labelmap | None,
    folder: str | Path,
    *,
    spacing_mm: float | None = None,
    organ: str | None = None,
    mesh: bool = False,
    npy: bool = False,
    threshold_hu: float | None = None,
    without: str | None = None,
    made_air: list[MadeAir] | None = None,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Write volumes and surfaces to `folder`, all of them or none.

    Parameters
    ----------
    series
        The CT.
    labelmap
        Labels on its grid; needed for `organ`.
    folder
        Gets ``hu.nii.gz`` (HU on the CT's own grid) and, as asked for, ``hu_iso.nii.gz`` with
        ``segmentation_iso.nii.gz``, ``hu_<organ>.nii.gz``, and surfaces as ``.stl``, ``.ply`` and
        ``.html``. A stack that one affine does not hold (`one_affine_holds`) becomes ``.npy``
        alone.
    spacing_mm
        Also resample to this isotropic spacing: HU linearly, -1000 outside; labels to the nearest.
    organ
        Also write HU inside this organ, -1024 outside.
    mesh
        Also write the organ's surface, in LPS millimetres as DICOM and 3D Slicer take meshes.
    npy
        Also write the HU volumes as ``.npy`` with ``.json`` beside it, which `read_ct` takes.
    threshold_hu
        Also write the surface of all that has at least so many HU: on the resampled grid where
        there is one. What the label map calls couch, headrest or blanket is left out; without a
        label map nothing is.
    without
        ``couch`` or ``headrest``: all volumes have air there, and a CT read from DICOM is also
        written as DICOM, to the folder ``dicom_without_<name>`` (`couch_mask`, `dicom_without`).
    made_air
        Receives how much became air, where `without` is asked for.
    progress
        Takes progress; may cancel.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    SegmentationError
        If the organ is not in the label map, or there is nothing to be made air.
    GeometryError
        If an irregular series would have to be resampled or meshed, or written as NIfTI alone.
    InputError
        If the choices do not fit together.
    OutputError
        If the folder cannot be written.
    DependencyError
        If meshing needs a package that is missing.
    """
    progress = progress or Progress()
    _check_placed(series, npy)
    _check(series, labelmap, spacing_mm, organ, mesh, threshold_hu, without)
    taken, dicom = None, False
    if without and labelmap is not None:
        taken = mask_without(labelmap, without)
        dicom = bool(sources(series))
        series = replace(series, hu=without_air(series, taken))
        if made_air is not None:
            made_air.append(MadeAir.of(taken, series.affine))
    mask = _mask(labelmap, organ) if organ and labelmap is not None else None
    with staged_folder(folder, replaces=_of_another(series, Path(folder))) as staging:
        progress.update(0.0, "writing the HU volume")
        written = []
        if one_affine_holds(series):
            written.append(write_volume(staging, "hu", series.hu, series.affine))
        if npy:
            written += write_npy(series, staging, "hu", series.hu)
        grid = Resampled(series.hu, series.affine, None if labelmap is None else labelmap.labels)
        if spacing_mm:
            progress.update(0.2, "resampling")
            grid = resample(series, labelmap, spacing_mm)
            written += _write_isotropic(series, labelmap, grid, staging, npy)
        if organ and mask is not None:
            progress.update(0.5, "masking")
            name = file_name(organ)
            hu = np.where(mask, series.hu, series.hu.dtype.type(MASKED_HU))
            if one_affine_holds(series):
                written.append(write_volume(staging, f"hu_{name}", hu, series.affine))
            else:
                written += write_npy(series, staging, f"hu_{name}", hu)
            if mesh:
                progress.update(0.6, "meshing")
                written += _write_organ_surface(organ, mask, series.affine, staging)
        if threshold_hu is not None:
            progress.update(0.8, "meshing")
            written += _write_threshold_surface(grid, labelmap, threshold_hu, staging)
        if taken is not None and dicom:
            images = staging / f"dicom_without_{without}"
            write_dicom_without(series, taken, str(without), images, Stage(progress, 0.9, 1.0))
            written.append(images)
        progress.check_cancelled()
    progress.update(1.0, "written")
    return tuple(Path(folder) / path.name for path in written)


def _of_another(series: CTSeries, folder: Path) -> list[str]:
    """Return names of what the export of another CT may have left, as `staged_folder` takes them.

    Nothing, where the CT itself lies in the folder: then the files are its own, or the input.
    """
    parents = {Path(file).resolve().parent for file in series.files}
    if any(folder.resolve() in (one, one.parent) for one in parents):
        return []
    # An organ's surface is known by the organ's HU beside it.
    organs = {path.name[3 : -len(end)] for end in _VOLUME for path in folder.glob(f"hu_*{end}")}
    organs = {one for one in organs - {"iso"} if file_name(one) == one}
    if any((folder / f"lung_mask{end}").exists() for end in ENDINGS):
        organs -= {"lungs"}  # of `ctdoseseg pictures`
    left = [f"hu_iso{end}" for end in _VOLUME] + [f"hu{end}" for end in _VOLUME]
    left += [f"hu_{organ}{end}" for organ in organs for end in _VOLUME]
    left += [f"{organ}{end}" for organ in organs for end in _SURFACE]
    left += [f"surface_*_hu{end}" for end in _SURFACE]
    isotropic = [f"{_ISOTROPIC}{end}" for end in ENDINGS]
    if any((folder / name).exists() for name in isotropic) and not any(
        (folder / name).exists() for name in SEGMENTATION_FILES
    ):
        left += ["labels.csv", "groups.csv"]  # else they may be those of another command
    return [*left, *isotropic, "dicom_without_*/IM_*.dcm"]


def file_name(organ: str) -> str:
    """Return a name for files that every system takes, whatever the label map calls the organ."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", organ).strip("_")[:80] or "organ"


def outside_body(labelmap: Labelmap | None) -> tuple[int, ...]:
    """Return the label values of couch, headrest and blanket; none without a label map."""
    atoms = labelmap.atoms if labelmap is not None else ()
    return tuple(atom.value for atom in atoms if atom.name in OUTSIDE_BODY)


def _check_placed(series: CTSeries, npy: bool) -> None:
    if not npy and not one_affine_holds(series):
        raise GeometryError(
            "The slices are not equally spaced, are shifted or lack their thickness, and NIfTI or "
            "NRRD would put them elsewhere than they were scanned; add --npy, which keeps each "
            "slice's place and writes no NIfTI, or export the whole series anew."
        )


def _check(
    series: CTSeries,
    labelmap: Labelmap | None,
    spacing_mm: float | None,
    organ: str | None,
    mesh: bool,
    threshold_hu: float | None,
    without: str | None,
) -> None:
    if mesh and not organ:
        raise InputError(
            "--mesh writes an organ's surface; name it with --organ, or give --threshold HU."
        )
    if organ and labelmap is None:
        raise InputError(f"To export {organ}, give a label map that holds it (--segmentation).")
    if without and labelmap is None:
        raise InputError(
            f"To export without {without}, give a label map that holds it (--segmentation)."
        )
    if threshold_hu is not None and not math.isfinite(threshold_hu):
        raise InputError("The threshold is no number; give --threshold a value in HU, as 350.")
    if (spacing_mm or mesh or threshold_hu is not None) and not series.regular:
        raise GeometryError(
            "The slices are not equally spaced or are sheared, so that resampling and surfaces "
            "would be wrong; leave out --spacing, --mesh and --threshold."
        )
    if spacing_mm is None:
        return
    if not SPACING_MM[0] <= spacing_mm <= SPACING_MM[1]:
        raise InputError(
            f"A spacing of {spacing_mm:g} mm is outside {SPACING_MM[0]:g} to {SPACING_MM[1]:g} mm; "
            "give --spacing a value within it."
        )
    voxels = math.prod(isotropic_shape(series, spacing_mm))
    if voxels > LARGEST_VOXELS:
        raise InputError(
            f"At {spacing_mm:g} mm the volume would have {voxels / 1e9:.1f} thousand million "
            "voxels; give --spacing a larger value."
        )


def _mask(labelmap: Labelmap, organ: str) -> np.ndarray:
    if organ not in labelmap.groups:
        raise SegmentationError(
            f"{organ} is not in the label map; it holds: {', '.join(sorted(labelmap.groups))}."
        )
    mask = labelmap.mask(organ)
    if not mask.any():
        raise SegmentationError(f"{organ} has no voxel in this scan; choose another organ.")
    return mask


def write_npy(series: CTSeries, folder: Path, name: str, hu: np.ndarray) -> list[Path]:
    """Write HU on the grid of a series as npy, with a json beside it for every command to read."""
    path = folder / f"{name}.npy"
    # Without its UID, which leads to the patient.
    write_npy_volume(replace(series, hu=hu, identity=""), path)
    return [path, path.with_suffix(".json")]


def _write_isotropic(
    series: CTSeries, labelmap: Labelmap | None, grid: Resampled, folder: Path, npy: bool
) -> list[Path]:
    written = [write_volume(folder, "hu_iso", grid.hu, grid.affine)]
    if npy:
        # Tube current and CTDIvol are those of other slices: only the scan's own values stay.
        own = series_from_array(
            grid.hu,
            grid.affine,
            acquisition=series.acquisition,
            description=series.description,
            flags=series.flags,
            regular=True,
        )
        written += write_npy(own, folder, "hu_iso", grid.hu)
    if labelmap is not None and grid.labels is not None:
        written.append(write_volume(folder, _ISOTROPIC, grid.labels, grid.affine))
        written += write_label_tables(labelmap, folder)
    return written


def _write_organ_surface(
    organ: str, mask: np.ndarray, affine: np.ndarray, folder: Path
) -> list[Path]:
    name = file_name(organ)
    mesh = surface(mask, affine)
    title = organ.replace("_", " ")
    page = write_surface_page(
        mesh,
        lambda size_mm: surface(mask, affine, coarse_mm=size_mm),
        folder / f"{name}.html",
        title,
        organ_row(organ).color,
    )
    return [*write_mesh(mesh, folder, name), page]


def _write_threshold_surface(
    grid: Resampled, labelmap: Labelmap | None, threshold_hu: float, folder: Path
) -> list[Path]:
    hu, couch = grid.hu, outside_body(labelmap)
    if couch and grid.labels is not None:
        hu = np.where(np.isin(grid.labels, couch), hu.dtype.type(AIR_HU), hu)
    name = f"surface_{threshold_hu:g}_hu"
    mesh = threshold_surface(hu, grid.affine, threshold_hu)
    title = f"Surface at {threshold_hu:g} HU"
    page = write_surface_page(
        mesh,
        lambda size_mm: threshold_surface(hu, grid.affine, threshold_hu, coarse_mm=size_mm),
        folder / f"{name}.html",
        title,
    )
    return [*write_mesh(mesh, folder, name), page]
