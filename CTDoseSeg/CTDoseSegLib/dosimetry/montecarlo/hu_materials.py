"""Materials of a simulation's voxels: by label first, then by HU.

A voxel is one material. Where the tissue lies between two (fat and muscle, marrow and cortical
bone, two concentrations of iodine), it is one of both, drawn so that over neighbouring voxels the
mean composition is right; its density is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .blocks import Blocks, lattice
from .materials import MATERIALS, index_of
from .tissue_laws import CERTAIN_HU, NO_AIR_G_CM3, HULaws, Kind, Tissue

# Lighter voxels are gas: of the bowel, the airways, or around the body.
_GAS_G_CM3 = 0.05
# Blood with iodine stands for vessels and, as it is nearer to them than soft tissue, which holds
# fat, for organs: (mg/ml, index), ascending.
_IODINE = sorted(
    (m.iodine_mg_ml, n)
    for n, m in enumerate(MATERIALS)
    if m.name == "blood" or m.name.startswith("blood_iodine_")
)
_BONES = ("yellow_marrow", "spongiosa", "mixed_bone", "cortical_bone", "teeth")
# Part of a voxel that must be metal for the voxel to be metal.
_MOSTLY = 0.5


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class VoxelMaterials:
    """Materials and densities of voxels, [k, j, i].

    Attributes
    ----------
    material
        uint8, index into `MATERIALS`.
    density_g_cm3
        float32.
    iodine_mg_ml
        Iodine of contrast agent by HU, float32; 0 where none is counted.
    metal
        True where a voxel is metal.
    bone_by_hu, iodine_by_hu
        True where tissue that no label names further is bone, or holds contrast agent, by its HU.
    """

    material: np.ndarray
    density_g_cm3: np.ndarray
    iodine_mg_ml: np.ndarray
    metal: np.ndarray
    bone_by_hu: np.ndarray
    iodine_by_hu: np.ndarray


def materials_of(
    blocks: Blocks,
    tissues: Sequence[Tissue],
    laws: HULaws,
    *,
    bone_hu: float,
    contrast: bool,
    not_bone: np.ndarray | None = None,
) -> VoxelMaterials:
    """Return the materials of blocks.

    Parameters
    ----------
    blocks
        With density, HU and label.
    tissues
        Of each label, [label].
    laws
        At the tube's voltage.
    bone_hu
        From here on what is not named further is bone.
    contrast
        True where an organ of the scan holds contrast agent, so that tissue that no label names
        further may hold it too.
    not_bone
        True where a bone's label lies on contrast agent, [k, j, i].
    """
    label, hu = blocks.label, blocks.hu
    density = blocks.density_g_cm3.copy()
    kind = np.array([list(Kind).index(tissue.kind) for tissue in tissues], np.uint8)[label]
    material = np.array([index_of(tissue.material) for tissue in tissues], np.uint8)[label]
    is_kind = {each: kind == number for number, each in enumerate(Kind)}
    if not_bone is not None:
        is_kind[Kind.BONE] &= ~not_bone
        is_kind[Kind.SOFT] |= not_bone
        material[not_bone] = index_of("blood")
        density[not_bone] = np.minimum(density[not_bone], 1.05)
    drawn = lattice(label.shape)

    rest = is_kind[Kind.REST]
    bone_by_hu = rest & (hu >= bone_hu)
    _mix(material, rest, _between_fat_and_muscle(hu, laws), ("adipose", "soft_tissue"), drawn)
    _mix_bone(material, density, is_kind[Kind.BONE] | bone_by_hu, drawn)

    beside_bone = _grown(is_kind[Kind.BONE] | bone_by_hu)
    iodine = _iodine(blocks, tissues, laws, is_kind, not_bone, beside_bone)
    iodine[bone_by_hu] = 0.0
    if not contrast:
        iodine[rest] = 0.0
    _put_iodine(material, iodine, drawn)

    material[(density < _GAS_G_CM3) & ~is_kind[Kind.LUNG] & ~is_kind[Kind.COUCH]] = index_of("air")
    material[is_kind[Kind.OUTSIDE] & (density < _GAS_G_CM3)] = index_of("air")
    material[density <= NO_AIR_G_CM3] = index_of("air")
    metal = (blocks.metal > _MOSTLY) & ~is_kind[Kind.COUCH]
    material[metal] = index_of("titanium")
    material[metal & (blocks.dense_metal > _MOSTLY)] = index_of("iron")
    iodine_by_hu = rest & (iodine > 0)
    return VoxelMaterials(material, density, iodine, metal, bone_by_hu & ~metal, iodine_by_hu)


def _between_fat_and_muscle(hu: np.ndarray, laws: HULaws) -> np.ndarray:
    """Return the part of soft tissue in fat and soft tissue; what holds air is soft tissue."""
    fat, muscle = laws.hu("adipose"), laws.hu("muscle")
    part = (hu - fat) / (muscle - fat)
    return np.where(hu < 2.5 * fat, 1.0, part.clip(0.0, 1.0))


def _mix(
    material: np.ndarray,
    where: np.ndarray,
    part: np.ndarray,
    names: tuple[str, str],
    drawn: np.ndarray,
) -> None:
    """Put the second of two materials in the part of the voxels that `part` states."""
    first, second = (index_of(name) for name in names)
    material[where] = np.where(drawn[where] < part[where], second, first)


def _mix_bone(
    material: np.ndarray, density: np.ndarray, where: np.ndarray, drawn: np.ndarray
) -> None:
    """Put bone's materials: of the two that the density lies between, each by its mass."""
    numbers = np.array([index_of(name) for name in _BONES], np.uint8)
    known = np.array([MATERIALS[n].density_g_cm3 for n in numbers])
    # The teeth's material is for teeth and metal's surroundings alone: bone ends with cortex.
    own = density[where]
    teeth = material[where] == index_of("teeth")
    above = np.searchsorted(known, own).clip(1, len(known) - 1)
    above = np.where(teeth, above, np.minimum(above, len(known) - 2))
    low, high = known[above - 1], known[above]
    part = ((own - low) / (high - low)).clip(0.0, 1.0) * high / np.maximum(own, 1e-3)
    material[where] = numbers[np.where(drawn[where] < part, above, above - 1)]


def _iodine(
    blocks: Blocks,
    tissues: Sequence[Tissue],
    laws: HULaws,
    is_kind: dict[Kind, np.ndarray],
    not_bone: np.ndarray | None,
    beside_bone: np.ndarray,
) -> np.ndarray:
    """Return iodine in mg/ml by HU above the tissue's own without it.

    In an organ that is enhanced as a whole every voxel counts, elsewhere those that noise cannot
    lift so high and that a bone beside them does not.
    """
    own = np.array([t.unenhanced_hu if np.isfinite(t.unenhanced_hu) else 45.0 for t in tissues])
    label = blocks.label
    may = np.array([tissue.material != "cartilage" for tissue in tissues])[label]
    may &= is_kind[Kind.SOFT] | is_kind[Kind.LUNG] | is_kind[Kind.REST]
    above = blocks.hu - own[label].astype(np.float32)
    certain = may & (above > CERTAIN_HU) & ~beside_bone
    positive = np.maximum(above, 0.0)
    part = _enhanced_part(label, above, positive, tissues, beside_bone)[label]
    if not_bone is not None:
        part[not_bone] = 1.0
    counted = np.where(certain, positive, positive * part * may)
    return np.asarray(counted / laws.hu_per_mg_ml, np.float32)


def _enhanced_part(
    label: np.ndarray,
    above: np.ndarray,
    positive: np.ndarray,
    tissues: Sequence[Tissue],
    beside_bone: np.ndarray,
) -> np.ndarray:
    """Return what part of the HU above a tissue's own is contrast agent, [label]: 0 for most.

    Where noise, or fat in a muscle, lifts and lowers HU, the lower half must count against the
    upper one: the mean of an organ holds as much iodine as its mean HU say.
    """
    count = len(tissues)
    flat = label[~beside_bone]
    mean, upper = (
        np.bincount(flat, weights=of[~beside_bone], minlength=count) for of in (above, positive)
    )
    part = (mean / np.maximum(upper, 1e-6)).clip(0.0, 1.0)
    enhanced = np.array([tissue.enhanced for tissue in tissues])
    return np.asarray(np.where(enhanced, part, 0.0), np.float32)


def _grown(mask: np.ndarray) -> np.ndarray:
    """Return a mask with the voxels that touch it."""
    from scipy import ndimage

    grown: np.ndarray = ndimage.binary_dilation(mask, np.ones((3, 3, 3), bool))
    return grown


def _put_iodine(material: np.ndarray, iodine: np.ndarray, drawn: np.ndarray) -> None:
    """Put tissue with iodine: of the two concentrations beside a voxel's, one that is drawn."""
    where = np.flatnonzero(iodine.ravel() > 0)
    levels = np.array([level for level, _ in _IODINE])
    numbers = np.array([number for _, number in _IODINE], np.uint8)
    held = iodine.ravel()[where].clip(max=levels[-1])
    above = np.searchsorted(levels, held).clip(1, len(levels) - 1)
    part = (held - levels[above - 1]) / (levels[above] - levels[above - 1])
    higher = drawn.ravel()[where] < part
    flat = material.reshape(-1)
    none = (above == 1) & ~higher
    flat[where[~none]] = numbers[np.where(higher, above, above - 1)[~none]]
