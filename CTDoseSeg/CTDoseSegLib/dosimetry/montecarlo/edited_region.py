"""A region of the CT that was drawn after a simulation: its pixels, and what they are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import ndimage

from ..dose_map import DoseMap
from ..scan import Scan
from .blocks import Blocks
from .hu_materials import VoxelMaterials, materials_of
from .maps import RegionDose, dose_along, dose_of_region
from .patient import Labels, labels_of
from .photons import photons_of

# Two materials are alike where their energy transfer coefficients at 60 keV, the mean energy of a
# CT beam, differ by less.
_ALIKE, _ENERGY_KEV = 0.05, 60.0
# Materials are those of voxels of about this size, without the noise of single pixels.
_SMOOTH_MM = 4.0
# A larger region is taken on every second slice, or fewer: it is a mean over millions of pixels.
_MOST_PIXELS = 3_000_000
_AIR_HU = -1000.0


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Pixels:
    """An organ's pixels in a box around them.

    Attributes
    ----------
    box
        Slices of k, j and i; of k every slice, or every second one, and so on.
    mask
        Boolean [k, j, i] in the box.
    affine
        4 x 4, (i, j, k, 1) of the box to RAS in mm.
    """

    box: tuple[slice, slice, slice]
    mask: np.ndarray
    affine: np.ndarray

    @classmethod
    def of(cls, scan: Scan, organ: str) -> Pixels | None:
        """Return the pixels of an organ; None where it has none."""
        if organ not in scan.labelmap.groups:
            return None
        labels, values = scan.labelmap.labels, scan.labelmap.values(organ)
        rows = np.flatnonzero(scan.measurements.occupied(organ))
        if not rows.size:
            return None
        inside = np.zeros(int(np.iinfo(labels.dtype).max) + 1, bool)
        inside[list(values)] = True
        seen = np.zeros(labels.shape[1:], bool)
        for k in range(rows[0], rows[-1] + 1):
            seen |= inside[labels[k]]
        down, right = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        size = (rows[-1] - rows[0] + 1) * (np.ptp(down) + 3) * (np.ptp(right) + 3)
        every = math.ceil(size / _MOST_PIXELS)
        box = (
            slice(int(rows[0]), int(rows[-1]) + 1, every),
            # A pixel more all around, for what grows by half a one.
            slice(max(int(down[0]) - 1, 0), int(down[-1]) + 2),
            slice(max(int(right[0]) - 1, 0), int(right[-1]) + 2),
        )
        onto = np.diag([1.0, 1.0, every, 1.0])
        onto[:3, 3] = [part.start for part in reversed(box)]
        return cls(box, inside[labels[box]], scan.series.affine @ onto)

    @property
    def every(self) -> int:
        """Of how many slices one is taken."""
        return self.box[0].step or 1


@dataclass(frozen=True, eq=False)
class Region:
    """What the map gives to an organ's pixels.

    Attributes
    ----------
    dose
        To soft tissue, with its uncertainty.
    slice_dose_mGy
        On each slice of the CT, [k]; NaN where the organ is not there.
    """

    dose: RegionDose
    slice_dose_mGy: np.ndarray

    @classmethod
    def of(cls, scan: Scan, organ: str, dose_map: DoseMap) -> Region | None:
        """Return the dose of an organ as it is drawn; None where the map has nothing of it."""
        pixels = Pixels.of(scan, organ)
        if pixels is None:
            return None
        density = materials_in(scan, pixels, labels_of(scan)).density_g_cm3
        of_map = (dose_map, pixels.mask, pixels.affine, density)
        dose = dose_of_region(*of_map)
        if dose is None or not dose.dose_mGy > 0:
            return None
        taken = np.arange(len(scan.labelmap.labels))[pixels.box[0]]
        occupied = scan.measurements.occupied(organ)
        along = dose_along(*of_map)
        seen = np.isfinite(along)
        slices = np.interp(np.arange(len(occupied)), taken[seen], along[seen])
        mass_g = dose.mass_g * pixels.every
        whole = RegionDose(dose.dose_mGy, dose.statistical_sd_mGy, dose.edge_sd_mGy, mass_g)
        return cls(whole, np.where(occupied, slices, np.nan))


def changed_share(before: Scan, now: Scan, organ: str) -> float:
    """Return the part of an organ's mass, as it is now, that has another material than before.

    Materials by which the photons' energy goes over alike are no others: liver is soft tissue.

    Parameters
    ----------
    before, now
        The same images with two label maps.
    organ
        Group of the second one.
    """
    pixels = Pixels.of(now, organ)
    if pixels is None:
        return 0.0
    new = materials_in(now, pixels, labels_of(now))
    old = materials_in(before, pixels, labels_of(before))
    ratio = _transfer()[new.material] / _transfer()[old.material]
    mass = np.where(pixels.mask, new.density_g_cm3, 0.0)
    changed = mass[np.abs(ratio - 1.0) > _ALIKE].sum()
    return float(changed / mass.sum()) if changed else 0.0


def materials_in(scan: Scan, pixels: Pixels, labels: Labels) -> VoxelMaterials:
    """Return material and density of every pixel of a box, as the simulation assigns them."""
    hu = np.nan_to_num(scan.series.hu[pixels.box].astype(np.float32), nan=_AIR_HU)
    label = labels.pixel_laws.position[scan.labelmap.labels[pixels.box]].astype(np.uint16)
    table, lowest = labels.pixel_laws.density_g_cm3, labels.pixel_laws.lowest_hu
    column = (np.rint(hu) - lowest).clip(0, table.shape[1] - 1).astype(np.int32)
    size = np.linalg.norm(pixels.affine[:3, :3], axis=0)
    width = [1, *(max(1, round(_SMOOTH_MM / step)) for step in (size[1], size[0]))]
    none = np.zeros(hu.shape, np.float32)
    laws = labels.pixel_laws
    blocks = Blocks(
        density_g_cm3=table[label, column],
        hu=ndimage.uniform_filter(np.maximum(hu, _AIR_HU), width),
        label=label,
        skin=none.astype(bool),
        brightest_hu=none,
        metal=(hu >= laws.metal_hu).astype(np.float32),
        dense_metal=(hu >= laws.dense_metal_hu).astype(np.float32),
        repeated=none.astype(bool),
        spacing_mm=(float(size[0]), float(size[1]), float(size[2])),
        corner_mm=(0.0, 0.0, 0.0),
        volume_mm3=np.zeros(len(labels.tissues)),
        mass_g=np.zeros(len(labels.tissues)),
    )
    return materials_of(
        blocks, labels.tissues, labels.laws, bone_hu=labels.bone_hu, contrast=labels.contrast
    )


@cache
def _transfer() -> np.ndarray:
    """Return mu_tr/rho of every material at `_ENERGY_KEV`, cm2/g."""
    photons = photons_of()
    return np.array([np.interp(_ENERGY_KEV, photons.energies_keV, of) for of in photons.transfer])
