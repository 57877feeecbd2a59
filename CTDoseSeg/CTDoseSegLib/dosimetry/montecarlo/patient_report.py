"""What is reported of a simulated patient: masses, parts that are seen, contrast agent, flags."""

from __future__ import annotations

import numpy as np

from ...ct.attenuation import LEAST_KV, MOST_KV
from ...flags import Flag, flag, organ_place
from ...segmentation.labelmap import SKIN
from ..fast.completed_organ import REFERENCE_MASS_G
from ..scan import Scan, cut_by_field, touches_an_end
from .blocks import Blocks
from .hu_materials import VoxelMaterials
from .labels import Labels
from .marrow import MarrowSite
from .regions import Regions
from .upright import ALONG_AXES_MM, Upright
from .voxels import Scores

# Bone by HU alone, and metal, below this volume are noise, calcification or a clip.
NAMED_FROM_ML = 5.0
METAL_FROM_ML = 0.2
# A mean concentration of iodine below this is that of the edges of what lies beside.
NAMED_FROM_MG_ML = 0.2
# An organ's mass in the voxels may differ from that of its pixels by this.
MASS_WITHIN = 0.20
ADULT_Y = 18.0


def image_masses(scan: Scan, scores: Scores, blocks: Blocks, labels: Labels) -> np.ndarray:
    """Return the mass of each score by the pixels of its labels; NaN for skin and marrow."""
    place = {name: n for n, name in enumerate(labels.names)}
    masses = np.full(len(scores), np.nan)
    for n, name in enumerate(scores.names):
        if name != SKIN and (atoms := scan.labelmap.groups.get(name)):
            masses[n] = sum(blocks.mass_g[place[atom]] for atom in atoms)
    return masses


def seen_shares(scan: Scan, scores: Scores, image_mass_g: np.ndarray) -> dict[str, float | None]:
    """Return what part of each organ is in the images, as `Patient.seen_share` has it."""
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


def iodine_of(scores: Scores, regions: Regions, materials: VoxelMaterials) -> dict[str, float]:
    """Return the mean iodine of each score that holds any, in mg/ml."""
    flat = regions.region.ravel()
    size = len(regions.of) + 1
    sums = np.bincount(flat, weights=materials.iodine_mg_ml.ravel(), minlength=size)
    counts = np.bincount(flat, minlength=size)
    means = scores.of_regions(sums) / np.maximum(scores.of_regions(counts), 1)
    named = zip(scores.names, means, strict=True)
    return {name: float(mean) for name, mean in named if mean > NAMED_FROM_MG_ML}


def image_flags(scan: Scan, image: Upright, off_mm: float, labels: Labels) -> list[Flag]:
    """Return what is flagged of the images: their axes, values and voltage, and a missing body."""
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


def material_flags(blocks: Blocks, materials: VoxelMaterials, not_bone: np.ndarray) -> list[Flag]:
    """Return what is flagged of materials that HU alone decided."""
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


def marrow_flags(marrow: tuple[MarrowSite, ...]) -> list[Flag]:
    """Return the flag of bones that the label map does not tell apart."""
    if marrow and all(site.active_share is None for site in marrow):
        return [flag("marrow_bones_unnamed")]
    return []


def mass_flags(scores: Scores, mass_g: np.ndarray, image_mass_g: np.ndarray) -> list[Flag]:
    """Return the flags of organs whose voxels have another mass than their pixels."""
    flags = []
    for name, voxels_g, images_g in zip(scores.names, mass_g, image_mass_g, strict=True):
        if images_g > 0 and abs(voxels_g / images_g - 1.0) > MASS_WITHIN:
            detail = f"{voxels_g:.3g} g beside {images_g:.3g} g"
            flags.append(flag("organ_mass_changed", detail).at(organ_place(name)))
    return flags
