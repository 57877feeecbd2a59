"""The patient that is simulated, from a CT and its label map.

`patient_of` is the way from a `Scan` to `Voxels` and `Scores`: the images along the patient's axes
(`upright`), gathered into voxels of at most 4 mm (`blocks`), with materials by label and HU
(`tissue_laws`, `hu_materials`), regions (`regions`, `marrow`) and the anatomy that the images lack
(`completion`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...errors import PixelDataError, SegmentationError
from ...flags import Flag, flag
from ...tasks.progress import Progress, Stage
from ..scan import Scan, touches_an_end
from .blocks import Blocks, make_blocks
from .completion import (
    Anatomy,
    complete_field,
    goes_on,
    lengths_beyond,
    missing_area_mm2,
    repeat_ends,
    without_air_around,
)
from .contrast_in_bone import contrast_in_bone
from .hu_materials import VoxelMaterials, materials_of
from .isocentre import isocentre_of
from .labels import Labels, SkinOf, labels_of
from .marrow import MarrowSite, marrow_sites
from .patient_report import (
    image_flags,
    image_masses,
    iodine_of,
    marrow_flags,
    mass_flags,
    material_flags,
    seen_shares,
)
from .regions import CORTEX_G_CM3, Regions, front_of_eyes, regions_of, scores_of
from .tissue_laws import Kind
from .upright import Upright, upright
from .voxels import Scores, Voxels

TRUNK_VOXEL_MM, HEAD_VOXEL_MM = 4.0, 2.0
# A brain of this volume makes the scan one of a head, whose lenses are small.
HEAD_BRAIN_ML = 200.0


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Patient:
    """The patient that is simulated.

    Attributes
    ----------
    voxels
        What the transport takes.
    scores
        Groups of the label map; ``skin``, the body's outer 2 mm; ``red_marrow_`` and a site, the
        marrow spaces of bones; ``anterior_eye_left`` and ``_right``, the front millilitre of an
        eye, which holds its lens.
    mass_g
        Of each score in the voxels, [score]: energy over it is dose.
    image_mass_g
        By score, of its pixels in the images; NaN for scores that are not drawn in them (skin,
        marrow).
    seen_share
        Organ to the part of it that is in the images: 1 where nothing cuts it, else its mass over
        a reference adult's; None where that is not known.
    marrow
        Bones with active marrow, and their scores.
    iodine_mg_ml
        Organ to its mean concentration of contrast agent by HU; those that hold any.
    image_range_mm
        Outer borders of the images along z.
    repeated_mm
        Lengths added below and above them.
    added_area_mm2
        Most tissue that was added to a slab beyond the field of view.
    body
        Boolean [k, j, i]: True for the patient, added anatomy included; False for the couch.
    completed
        Boolean [k, j, i]: True for what the images do not show, tissue and the air beside it.
    flags
        Of the scan and its organs.
    """

    voxels: Voxels
    scores: Scores
    mass_g: np.ndarray
    image_mass_g: np.ndarray
    seen_share: Mapping[str, float | None]
    marrow: tuple[MarrowSite, ...]
    iodine_mg_ml: Mapping[str, float]
    image_range_mm: tuple[float, float]
    repeated_mm: tuple[float, float]
    added_area_mm2: float
    body: np.ndarray
    completed: np.ndarray
    flags: tuple[Flag, ...] = ()


def patient_of(
    scan: Scan, *, voxel_mm: float | None = None, progress: Progress | None = None
) -> Patient:
    """Return the patient of a scan.

    Parameters
    ----------
    scan
        CT with HU, and its label map.
    voxel_mm
        Largest voxel along x and y, and along z where slices are thinner; None: 2 for heads, 4
        for others.
    progress
        Receives progress; can be cancelled.

    Returns
    -------
    Patient

    Raises
    ------
    PixelDataError
        If the values are no HU.
    SegmentationError
        If the label map is empty.
    GeometryError
        If the slices are out of order.
    Cancelled
        If the user ended the task.
    """
    _require_usable(scan)
    progress = progress or Progress()
    target_mm = voxel_mm or usual_voxel_mm(scan)
    labels = labels_of(scan)
    image, off_mm = upright(scan, target_mm)
    blocks = make_blocks(
        image,
        labels.pixel_laws,
        target_mm,
        SkinOf(image, labels.body_values),
        Stage(progress, 0.0, 0.9),
    )
    progress.update(0.9, "making voxels")
    not_bone = contrast_in_bone(blocks, labels.pixel_laws.is_bone)
    if scan.series.acquisition.contrast is False:
        not_bone[:] = False
    materials = materials_of(
        blocks,
        labels.tissues,
        labels.laws,
        bone_hu=labels.bone_hu,
        contrast=labels.contrast,
        not_bone=not_bone,
    )
    regions = _regions(blocks, materials, labels, not_bone)
    anatomy, repeated_mm, added_mm2, missing = _anatomy(
        scan, image, blocks, materials, regions, labels
    )
    isocentre, isocentre_flags = isocentre_of(scan.series, anatomy.body, anatomy)
    voxels = Voxels(
        material=anatomy.material,
        density_g_cm3=anatomy.density_g_cm3,
        region=anatomy.region,
        spacing_mm=anatomy.spacing_mm,
        corner_mm=anatomy.corner_mm,
        isocentre_mm=isocentre,
    )
    marrow = _marrow(scan, labels, regions)
    scores = scores_of(regions, labels.names, scan.labelmap.groups, marrow)
    marrow = tuple(site for site in marrow if site.score in scores.names)
    mass_g = scores.of_regions(voxels.region_mass_g())
    image_mass_g = image_masses(scan, scores, blocks, labels)
    flags = (
        *image_flags(scan, image, off_mm, labels),
        *material_flags(blocks, materials, not_bone),
        *isocentre_flags,
        *missing,
        *marrow_flags(marrow),
        *mass_flags(scores, mass_g, image_mass_g),
    )
    return Patient(
        voxels=voxels,
        scores=scores,
        mass_g=mass_g,
        image_mass_g=image_mass_g,
        seen_share=seen_shares(scan, scores, image_mass_g),
        marrow=marrow,
        iodine_mg_ml=iodine_of(scores, regions, materials),
        image_range_mm=(float(image.edges_mm[0]), float(image.edges_mm[-1])),
        repeated_mm=repeated_mm,
        added_area_mm2=added_mm2,
        body=anatomy.body,
        completed=anatomy.completed,
        flags=flags,
    )


def usual_voxel_mm(scan: Scan) -> float:
    """Return the voxels to use: finer for heads, whose lenses are small."""
    if any(organ.startswith("eye") for organ in scan.organs):
        return HEAD_VOXEL_MM
    if "brain" not in scan.organs:
        return TRUNK_VOXEL_MM
    brain_ml = scan.measurements.volume_ml("brain", scan.series.spacing_mm[2])
    return HEAD_VOXEL_MM if brain_ml >= HEAD_BRAIN_ML else TRUNK_VOXEL_MM


def _require_usable(scan: Scan) -> None:
    if scan.series.not_hu:
        raise PixelDataError(
            f"{scan.series.not_hu[0].message} The patient cannot be simulated without them; choose "
            "another series of the scan."
        )
    if not scan.measurements.counts.any():
        raise SegmentationError(
            "The label map is empty, so no organ can be scored; segment the images, or give a "
            "label map with organs."
        )


def _regions(
    blocks: Blocks, materials: VoxelMaterials, labels: Labels, not_bone: np.ndarray
) -> Regions:
    couch = np.array([tissue.kind is Kind.COUCH for tissue in labels.tissues])
    is_bone = labels.pixel_laws.is_bone[blocks.label]
    return regions_of(
        blocks.label,
        skin=blocks.skin,
        front_of_eye=front_of_eyes(blocks.label, labels.names, blocks.spacing_mm),
        cortex=is_bone & (materials.density_g_cm3 > CORTEX_G_CM3),
        not_bone=not_bone,
        scored=~couch[blocks.label] & ~blocks.repeated,
    )


class _Completed(NamedTuple):
    anatomy: Anatomy
    repeated_mm: tuple[float, float]
    added_mm2: float
    flags: tuple[Flag, ...]


def _anatomy(
    scan: Scan,
    image: Upright,
    blocks: Blocks,
    materials: VoxelMaterials,
    regions: Regions,
    labels: Labels,
) -> _Completed:
    """Return the anatomy with what the images lack."""
    inside = np.array([t.kind not in (Kind.COUCH, Kind.OUTSIDE) for t in labels.tissues])
    body = inside[blocks.label]
    if not labels.has_body:
        body &= materials.density_g_cm3 > 0.05
    anatomy = Anatomy(
        material=materials.material,
        density_g_cm3=materials.density_g_cm3,
        region=regions.region,
        body=body,
        completed=blocks.repeated & body,
        spacing_mm=blocks.spacing_mm,
        corner_mm=blocks.corner_mm,
    )
    dx, dy, dz = anatomy.spacing_mm
    going_on = goes_on(body, dx * dy)
    flags = []
    missing = _missing_by_slab(scan, image, blocks)
    if missing is None:
        if np.nan_to_num(scan.size.truncated_fraction).any():
            flags.append(flag("field_not_completed"))
        added = 0.0
    else:
        added = float(missing.max())
        if added > 0:
            anatomy = complete_field(anatomy, _seen_blocks(image, blocks), missing)
            flags.append(flag("field_completed", f"up to {added / 100:.0f} cm2 in a slice"))
    images = (float(image.edges_mm[0]), float(image.edges_mm[-1]))
    lengths = lengths_beyond(images, scan.beam.range_mm, going_on)
    anatomy = without_air_around(repeat_ends(anatomy, *lengths))
    low = round((blocks.corner_mm[2] - anatomy.corner_mm[2]) / dz) * dz
    high = (anatomy.region.shape[0] - blocks.label.shape[0]) * dz - low
    if low or high:
        flags.append(flag("ends_repeated", f"{low:.0f} mm below and {high:.0f} mm above"))
    return _Completed(anatomy, (float(low), float(high)), added, tuple(flags))


def _missing_by_slab(scan: Scan, image: Upright, blocks: Blocks) -> np.ndarray | None:
    """Return the area that the field of view cuts off each slab; None where it is not known."""
    if image.seen is None or len(image.edges_mm) != len(scan.series.slices) + 1:
        return None
    missing = missing_area_mm2(scan.size)
    z_mm = scan.series.z_mm
    centres = (image.edges_mm[1:] + image.edges_mm[:-1]) / 2
    order = np.argsort(z_mm)
    if not np.allclose(np.sort(z_mm), centres, atol=1.0):
        return None
    slabs = blocks.corner_mm[2] + (np.arange(len(blocks.label)) + 0.5) * blocks.spacing_mm[2]
    return np.interp(slabs, centres, missing[order])


def _seen_blocks(image: Upright, blocks: Blocks) -> np.ndarray:
    """Return the blocks that the field of view holds more than half of, [j, i]."""
    seen = image.seen if image.seen is not None else np.ones(image.shape, bool)
    right, down = (
        round(size / pixel) for size, pixel in zip(blocks.spacing_mm, image.pixel_mm, strict=False)
    )
    rows, columns = blocks.label.shape[1:]
    whole = np.zeros((rows * down, columns * right))
    whole[: image.shape[0], : image.shape[1]] = seen
    share = whole.reshape(rows, down, columns, right).mean(axis=(1, 3))
    return np.asarray(share > 0.5)


def _marrow(scan: Scan, labels: Labels, regions: Regions) -> tuple[MarrowSite, ...]:
    simulated = {labels.names[label] for label, _ in regions.of}
    present = [name for name in labels.names if name in simulated]
    z_mm, measured = scan.series.z_mm, scan.measurements
    occupied = dict(zip(measured.names, measured.counts.T > 0, strict=True))
    cut = [name for name in present if touches_an_end(z_mm, occupied[name])]
    acquisition = scan.series.acquisition
    return marrow_sites(present, cut, acquisition.age_years, acquisition.sex)
