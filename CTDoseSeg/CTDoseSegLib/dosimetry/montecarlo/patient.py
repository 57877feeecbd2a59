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

from ...ct.attenuation import LEAST_KV, MOST_KV
from ...ct.organs import OUTSIDE_BODY
from ...errors import PixelDataError, SegmentationError
from ...flags import Flag, flag, organ_place
from ...segmentation.labelmap import BODY, BODY_REST, SKIN
from ...segmentation.threshold.skin import enclosed, outer_shell
from ...tasks.progress import Progress, Stage
from ..fast.completed_organ import REFERENCE_MASS_G
from ..scan import Scan, cut_by_field, touches_an_end
from .blocks import Blocks, PixelLaws, make_blocks
from .completion import (
    Anatomy,
    complete_field,
    goes_on,
    lengths_beyond,
    missing_area_mm2,
    repeat_ends,
)
from .contrast_in_bone import contrast_in_bone
from .hu_materials import VoxelMaterials, materials_of
from .isocentre import isocentre_of
from .marrow import MarrowSite, marrow_sites
from .regions import CORTEX_G_CM3, Regions, regions_of, scores_of
from .tissue_laws import (
    DENSE_METAL_HU,
    LOWEST_HU,
    METAL_HU,
    REST_IS_BONE_BESIDE_IODINE_HU,
    REST_IS_BONE_HU,
    REST_IS_BONE_UNNAMED_HU,
    HULaws,
    Kind,
    Tissue,
    means_hu,
)
from .upright import ALONG_AXES_MM, Slice, Upright, upright
from .voxels import Scores, Voxels

TRUNK_VOXEL_MM, HEAD_VOXEL_MM = 4.0, 2.0
# A brain of this volume makes the scan one of a head, whose lenses are small.
HEAD_BRAIN_ML = 200.0
SKIN_MM = 2.0
# Bone by HU alone, and metal, below this volume are noise, calcification or a clip.
NAMED_FROM_ML = 5.0
METAL_FROM_ML = 0.2
# A mean concentration of iodine below this is that of the edges of what lies beside.
NAMED_FROM_MG_ML = 0.2
# An organ's mass in the voxels may differ from that of its pixels by this.
MASS_WITHIN = 0.20
ADULT_Y = 18.0


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Patient:
    """The patient that is simulated.

    Attributes
    ----------
    voxels, scores
        What the transport takes.
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
    completed
        Boolean [k, j, i]: True for tissue that the images do not show.
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
        _SkinOf(image, labels.body_values),
        Stage(progress, 0.0, 0.9),
    )
    progress.update(0.9, "making voxels")
    not_bone = contrast_in_bone(blocks, labels.pixel_laws.is_bone)
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
    image_mass_g = _image_masses(scan, scores, blocks, labels)
    flags = (
        *_image_flags(scan, image, off_mm, labels),
        *_material_flags(blocks, materials, not_bone),
        *isocentre_flags,
        *missing,
        *_marrow_flags(marrow),
        *_mass_flags(scores, mass_g, image_mass_g),
    )
    return Patient(
        voxels=voxels,
        scores=scores,
        mass_g=mass_g,
        image_mass_g=image_mass_g,
        seen_share=_seen_shares(scan, scores, image_mass_g),
        marrow=marrow,
        iodine_mg_ml=_iodine_of(scores, regions, materials),
        image_range_mm=(float(image.edges_mm[0]), float(image.edges_mm[-1])),
        repeated_mm=repeated_mm,
        added_area_mm2=added_mm2,
        completed=anatomy.completed,
        flags=flags,
    )


def usual_voxel_mm(scan: Scan) -> float:
    """Return the voxels to use: finer for heads, whose lenses are small."""
    if "brain" not in scan.organs:
        return TRUNK_VOXEL_MM
    brain_ml = scan.measurements.volume_ml("brain", scan.series.spacing_mm[2])
    return HEAD_VOXEL_MM if brain_ml >= HEAD_BRAIN_ML else TRUNK_VOXEL_MM


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of a map, the first being that of no label, and what they are made of."""

    names: tuple[str, ...]
    tissues: tuple[Tissue, ...]
    laws: HULaws
    pixel_laws: PixelLaws
    bone_hu: float
    contrast: bool
    body_values: tuple[int, ...]
    has_body: bool


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


def labels_of(scan: Scan) -> Labels:
    atoms = scan.labelmap.atoms
    measured = scan.measurements
    laws = HULaws.at(scan.series.acquisition.kvp_kV)
    means = means_hu(measured.names, measured.counts, measured.sums)
    has_body = any(a.name in (BODY, BODY_REST, "body_trunc") for a in atoms)
    stated = scan.series.acquisition.contrast
    tissues: tuple[Tissue, ...] = ()
    contrast = bool(stated)
    for _ in range(2):  # an organ that surely holds contrast agent makes others likely to
        unlabelled = laws.tissue("" if has_body else BODY_REST, float("nan"))
        named = (laws.tissue(a.name, means.get(a.name, np.nan), contrast=contrast) for a in atoms)
        tissues = (unlabelled, *named)
        contrast |= any(tissue.enhanced for tissue in tissues)
    bones_named = any(tissue.kind is Kind.BONE for tissue in tissues)
    # Where bones have labels, what is as dense and has none is a vessel, unless none was enhanced.
    contrast |= bones_named and stated is None
    bone_hu = REST_IS_BONE_HU
    if contrast:
        bone_hu = REST_IS_BONE_BESIDE_IODINE_HU if bones_named else REST_IS_BONE_UNNAMED_HU
    position = np.zeros(int(np.iinfo(scan.labelmap.labels.dtype).max) + 1, np.int32)
    position[[atom.value for atom in atoms]] = np.arange(1, len(atoms) + 1)
    pixel_laws = PixelLaws(
        position=position,
        density_g_cm3=laws.density_table(tissues, bone_hu),
        lowest_hu=LOWEST_HU,
        is_bone=np.array([tissue.kind is Kind.BONE for tissue in tissues]),
        metal_hu=METAL_HU,
        dense_metal_hu=DENSE_METAL_HU,
    )
    return Labels(
        names=("", *(atom.name for atom in atoms)),
        tissues=tissues,
        laws=laws,
        pixel_laws=pixel_laws,
        bone_hu=bone_hu,
        contrast=contrast,
        body_values=tuple(a.value for a in atoms if a.name not in OUTSIDE_BODY),
        has_body=has_body,
    )


class _SkinOf:
    """Finds the skin of a slice: the body's outer 2 mm, beside the air around it."""

    def __init__(self, image: Upright, body_values: tuple[int, ...]) -> None:
        self._seen = image.seen
        self._spacing = (image.pixel_mm[1], image.pixel_mm[0])
        self._values = np.array(body_values)

    def __call__(self, image: Slice) -> np.ndarray:
        lookup = np.zeros(max(int(image.labels.max()), int(self._values.max())) + 1, bool)
        lookup[self._values] = True
        body = lookup[image.labels]
        solid = body if self._seen is None else body | ~self._seen
        holes = enclosed(~solid, np.zeros_like(solid))
        return body & outer_shell(solid | holes, self._spacing, SKIN_MM)


def _regions(
    blocks: Blocks, materials: VoxelMaterials, labels: Labels, not_bone: np.ndarray
) -> Regions:
    couch = np.array([tissue.kind is Kind.COUCH for tissue in labels.tissues])
    is_bone = labels.pixel_laws.is_bone[blocks.label]
    return regions_of(
        blocks.label,
        skin=blocks.skin,
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
    anatomy = repeat_ends(anatomy, *lengths)
    low = round((blocks.corner_mm[2] - anatomy.corner_mm[2]) / dz) * dz
    high = (anatomy.region.shape[0] - blocks.label.shape[0]) * dz - low
    if low or high:
        flags.append(flag("ends_repeated", f"{low:.0f} mm below and {high:.0f} mm above"))
    return _Completed(anatomy, (float(low), float(high)), added, tuple(flags))


def _missing_by_slab(scan: Scan, image: Upright, blocks: Blocks) -> np.ndarray | None:
    """Return the area that the field of view cuts off each slab; None where it cannot be told."""
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


def _image_masses(scan: Scan, scores: Scores, blocks: Blocks, labels: Labels) -> np.ndarray:
    place = {name: n for n, name in enumerate(labels.names)}
    masses = np.full(len(scores), np.nan)
    for n, name in enumerate(scores.names):
        if name != SKIN and (atoms := scan.labelmap.groups.get(name)):
            masses[n] = sum(blocks.mass_g[place[atom]] for atom in atoms)
    return masses


def _seen_shares(scan: Scan, scores: Scores, image_mass_g: np.ndarray) -> dict[str, float | None]:
    shares: dict[str, float | None] = {}
    acquisition, z_mm = scan.series.acquisition, scan.series.z_mm
    adult = acquisition.age_years is None or acquisition.age_years >= ADULT_Y
    for name, mass in zip(scores.names, image_mass_g, strict=True):
        if name not in scan.organs:
            continue
        if name == SKIN:
            shares[name] = None  # no scan holds all of it
            continue
        occupied = scan.measurements.occupied(name)
        if not (touches_an_end(z_mm, occupied) or cut_by_field(scan.labelmap, name)):
            shares[name] = 1.0
        elif adult and name in REFERENCE_MASS_G:
            male, female = REFERENCE_MASS_G[name]
            reference = {"M": male, "F": female}.get(acquisition.sex or "", (male + female) / 2)
            shares[name] = min(float(mass) / reference, 1.0)
        else:
            shares[name] = None
    return shares


def _iodine_of(scores: Scores, regions: Regions, materials: VoxelMaterials) -> dict[str, float]:
    flat = regions.region.ravel()
    size = len(regions.of) + 1
    sums = np.bincount(flat, weights=materials.iodine_mg_ml.ravel(), minlength=size)
    counts = np.bincount(flat, minlength=size)
    means = scores.of_regions(sums) / np.maximum(scores.of_regions(counts), 1)
    named = zip(scores.names, means, strict=True)
    return {name: float(mean) for name, mean in named if mean > NAMED_FROM_MG_ML}


def _image_flags(scan: Scan, image: Upright, off_mm: float, labels: Labels) -> list[Flag]:
    flags = []
    if off_mm > ALONG_AXES_MM:
        flags.append(flag("grid_resampled", f"by up to {off_mm:.0f} mm"))
    if image.not_finite:
        flags.append(flag("hu_not_finite", f"{image.not_finite} voxels"))
    kvp = scan.series.acquisition.kvp_kV
    if kvp is None or not LEAST_KV <= kvp <= MOST_KV:
        found = "not known" if kvp is None else f"{kvp:g} kV"
        flags.append(flag("hu_voltage_assumed", f"{found}, {labels.laws.kvp:g} kV was taken"))
    if not labels.has_body:
        flags.append(flag("body_by_hu"))
    return flags


def _material_flags(blocks: Blocks, materials: VoxelMaterials, not_bone: np.ndarray) -> list[Flag]:
    voxel_ml = float(np.prod(blocks.spacing_mm)) / 1000.0
    flags = []
    for code, where, least_ml in (
        ("metal_simulated", materials.metal, METAL_FROM_ML),
        ("bone_is_contrast", not_bone, 0.0),
        ("tissue_by_hu", materials.bone_by_hu, NAMED_FROM_ML),
        ("iodine_by_hu", materials.iodine_by_hu, NAMED_FROM_ML),
    ):
        volume_ml = float(where.sum()) * voxel_ml
        if volume_ml > least_ml:
            flags.append(flag(code, f"{volume_ml:.3g} ml"))
    return flags


def _marrow_flags(marrow: tuple[MarrowSite, ...]) -> list[Flag]:
    if marrow and all(site.active_share is None for site in marrow):
        return [flag("marrow_bones_unnamed")]
    return []


def _mass_flags(scores: Scores, mass_g: np.ndarray, image_mass_g: np.ndarray) -> list[Flag]:
    flags = []
    for name, voxels_g, images_g in zip(scores.names, mass_g, image_mass_g, strict=True):
        if images_g > 0 and abs(voxels_g / images_g - 1.0) > MASS_WITHIN:
            detail = f"{voxels_g:.3g} g beside {images_g:.3g} g"
            flags.append(flag("organ_mass_changed", detail).at(organ_place(name)))
    return flags
