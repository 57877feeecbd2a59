"""A CT as files that other programs read: HU volume, an organ's HU, an organ's surface."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..ct.series import CTSeries
from ..ct.volume_files import write_volume
from ..errors import DependencyError, GeometryError, InputError, SegmentationError
from ..files.staging import staged_folder
from ..tasks.progress import Progress, Stage
from .couch_mask import mask_without, without_air
from .dicom_without import sources, write_dicom_without
from .tables import write_label_tables

if TYPE_CHECKING:
    import trimesh

    from ..segmentation.labelmap import Labelmap

AIR_HU = -1000
# Below every HU that a scanner gives for air, so that air and what was masked out differ.
MASKED_HU = -1024
SPACING_MM = (0.1, 20.0)
LARGEST_VOXELS = 1_000_000_000


def export(
    series: CTSeries,
    labelmap: Labelmap | None,
    folder: str | Path,
    *,
    spacing_mm: float | None = None,
    organ: str | None = None,
    mesh: bool = False,
    without: str | None = None,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Write volumes and a surface to `folder`, all of them or none.

    Parameters
    ----------
    series
        The CT.
    labelmap
        Labels on its grid; needed for `organ`.
    folder
        Gets ``hu.nii.gz`` (HU on the CT's own grid) and, as asked for, ``hu_iso.nii.gz`` with
        ``segmentation_iso.nii.gz``, ``hu_<organ>.nii.gz``, ``<organ>.stl`` and ``<organ>.ply``.
    spacing_mm
        Also resample to this isotropic spacing: HU linearly, -1000 outside; labels to the nearest.
    organ
        Also write HU inside this organ, -1024 outside.
    mesh
        Also write the organ's surface, in LPS millimetres as DICOM and 3D Slicer take meshes.
    without
        ``couch`` or ``headrest``: all volumes have air there, and a CT read from DICOM is also
        written as DICOM, to the folder ``dicom_without_<name>`` (`couch_mask`, `dicom_without`).
    progress
        Takes progress; may cancel.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    SegmentationError
        If the organ is not in the label map.
    GeometryError
        If an irregular series would have to be resampled or meshed.
    InputError
        If the choices do not fit together.
    OutputError
        If the folder cannot be written.
    DependencyError
        If meshing needs a package that is missing.
    """
    progress = progress or Progress()
    _check(series, labelmap, spacing_mm, organ, mesh)
    taken = None
    if without and labelmap is not None:
        taken = mask_without(labelmap, without)
        dicom = bool(sources(series))
        series = replace(series, hu=without_air(series, taken))
    mask = _mask(labelmap, organ) if organ and labelmap is not None else None
    with staged_folder(folder) as staging:
        progress.update(0.0, "writing the HU volume")
        written = [write_volume(staging, "hu", series.hu, series.affine)]
        if spacing_mm:
            progress.update(0.2, "resampling")
            written += _write_isotropic(series, labelmap, spacing_mm, staging)
        if organ and mask is not None:
            progress.update(0.6, "masking")
            name = file_name(organ)
            hu = np.where(mask, series.hu, series.hu.dtype.type(MASKED_HU))
            written.append(write_volume(staging, f"hu_{name}", hu, series.affine))
            if mesh:
                progress.update(0.8, "meshing")
                written += _write_mesh(surface(mask, series.affine), staging, name)
        if taken is not None and dicom:
            images = staging / f"dicom_without_{without}"
            write_dicom_without(series, taken, str(without), images, Stage(progress, 0.9, 1.0))
            written.append(images)
        progress.check_cancelled()
    progress.update(1.0, "written")
    return tuple(Path(folder) / path.name for path in written)


def file_name(organ: str) -> str:
    """Return a name for files that every system takes, whatever the label map calls the organ."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", organ).strip("_")[:80] or "organ"


def _check(
    series: CTSeries,
    labelmap: Labelmap | None,
    spacing_mm: float | None,
    organ: str | None,
    mesh: bool,
) -> None:
    if mesh and not organ:
        raise InputError("A surface is an organ's; name it with --organ.")
    if organ and labelmap is None:
        raise InputError(f"To export {organ}, give a label map that holds it (--segmentation).")
    if (spacing_mm or mesh) and not series.regular:
        raise GeometryError(
            "The slices are not equally spaced or are sheared, so that resampling and surfaces "
            "would be wrong; leave out --spacing and --mesh."
        )
    if spacing_mm is None:
        return
    if not SPACING_MM[0] <= spacing_mm <= SPACING_MM[1]:
        raise InputError(
            f"A spacing of {spacing_mm:g} mm is outside {SPACING_MM[0]:g} to {SPACING_MM[1]:g} mm; "
            "give --spacing a value within it."
        )
    voxels = int(np.prod([float(n) for n in _isotropic_size(series, spacing_mm)]))
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


def _isotropic_size(series: CTSeries, spacing_mm: float) -> list[int]:
    """Return the numbers of voxels along i, j and k that cover the volume."""
    extent = np.array(series.hu.shape[::-1]) * series.spacing_mm
    return [max(int(n), 1) for n in np.ceil(extent / spacing_mm - 1e-6)]


def _write_isotropic(
    series: CTSeries, labelmap: Labelmap | None, spacing_mm: float, folder: Path
) -> list[Path]:
    import SimpleITK as sitk

    hu, affine = _resampled(series, series.hu.astype(np.float32), spacing_mm, sitk.sitkLinear)
    if series.hu.dtype == np.int16:
        hu = np.rint(hu).astype(np.int16)
    written = [write_volume(folder, "hu_iso", hu, affine)]
    if labelmap is not None:
        labels, affine = _resampled(
            series, labelmap.labels, spacing_mm, sitk.sitkNearestNeighbor, outside=0
        )
        written.append(write_volume(folder, "segmentation_iso", labels, affine))
        written += write_label_tables(labelmap, folder)
    return written


def _resampled(
    series: CTSeries, voxels: np.ndarray, spacing_mm: float, method: int, outside: float = AIR_HU
) -> tuple[np.ndarray, np.ndarray]:
    """Return voxels on an isotropic grid with the same axes and outer corner, and its affine."""
    import SimpleITK as sitk

    # In the volume's own axes: resampling is the same there, and no sign can be wrong.
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(series.spacing_mm)
    old = np.array(series.spacing_mm)
    resampled = sitk.Resample(
        image,
        _isotropic_size(series, spacing_mm),
        sitk.Transform(3, sitk.sitkIdentity),
        method,
        ((spacing_mm - old) / 2).tolist(),
        (spacing_mm,) * 3,
        np.eye(3).ravel().tolist(),
        float(outside),
        image.GetPixelID(),
    )
    affine = series.affine.astype(float).copy()
    affine[:3, :3] *= spacing_mm / old
    affine[:3, 3] += series.affine[:3, :3] @ ((spacing_mm / old - 1) / 2)
    return sitk.GetArrayFromImage(resampled), affine


def surface(mask: np.ndarray, affine: np.ndarray) -> trimesh.Trimesh:
    """Return the closed surface of a mask by marching cubes, in LPS mm, normals outward.

    Not smoothed: every vertex lies half-way between a voxel inside and one outside.

    Parameters
    ----------
    mask
        Boolean [k, j, i], at least one voxel.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.

    Returns
    -------
    trimesh.Trimesh
        Vertices and triangles.

    Raises
    ------
    DependencyError
        If scikit-image or trimesh is missing.
    """
    try:
        import trimesh
        from skimage.measure import marching_cubes
    except ImportError as error:
        raise DependencyError(
            "Surfaces need the packages scikit-image and trimesh; install them with: "
            "pip install scikit-image trimesh"
        ) from error
    occupied = (np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3))
    box = tuple(slice(indices[0], indices[-1] + 1) for indices in occupied)
    # A border of outside, so that an organ cut by the scan's end is closed there.
    cut = np.pad(mask[box], 1).astype(np.float32)
    vertices_kji, faces, _, _ = marching_cubes(cut, level=0.5)
    vertices_kji = vertices_kji + [s.start - 1 for s in box]
    vertices = vertices_kji[:, ::-1] @ affine[:3, :3].T + affine[:3, 3]
    mesh = trimesh.Trimesh(vertices * (-1.0, -1.0, 1.0), faces, process=False)
    if mesh.volume < 0:  # a left-handed affine turns the surface inside out
        mesh.invert()
    return mesh


def _write_mesh(mesh: trimesh.Trimesh, folder: Path, name: str) -> list[Path]:
    # Neither format has a field for the space; 3D Slicer looks for these words in the header.
    stl = mesh.export(file_type="stl")
    header = b"CTDoseSeg, millimetres, SPACE=LPS"
    ply = mesh.export(file_type="ply")
    magic, layout, rest = ply.split(b"\n", 2)
    paths = [folder / f"{name}.stl", folder / f"{name}.ply"]
    paths[0].write_bytes(header.ljust(80) + stl[80:])
    note = b"comment " + header
    paths[1].write_bytes(b"\n".join((magic, layout, note, rest)))
    return paths
