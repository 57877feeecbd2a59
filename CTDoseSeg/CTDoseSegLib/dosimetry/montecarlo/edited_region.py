"""A region of the CT that was drawn after a simulation: its pixels, and what they are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy import ndimage

from ..dose_map import DoseMap
from ..scan import Scan
from .blocks import Blocks
from .hu_materials import VoxelMaterials, materials_of
from .labels import Labels, labels_of
from .maps import RegionDose, dose_along, dose_of_region
from .materials import index_of
from .photons import photons_of

# Two materials are alike where their energy transfer coefficients differ by less: spleen and soft
# tissue by 8 %, fat or 1 mg/ml of iodine by 15 %.
_ALIKE = 0.10
# Mean energy of a beam of 120 kV, and the power of the voltage that it goes with: 48 keV at 80 kV,
# 66 keV at 140 kV (7 mm of aluminium).
_ENERGY_KEV, _POWER = 61.0, 0.58
# Materials are those of voxels of about this size, without the noise of single pixels.
_SMOOTH_MM = 4.0
# Of larger boxes some pixels are taken, evenly: for a dose, whose organ may be thin, more of them
# than for a part of the mass.
_FOR_DOSE, _FOR_MATERIALS = 8_000_000, 60_000
# Taken slices are not farther apart, where in the plane fewer pixels do.
_ALONG_MM = 8.0
_AIR_HU = -1000.0


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Pixels:
    """An organ's pixels in a box around them, of a large one every second, third, ... pixel.

    Attributes
    ----------
    box
        Slices of k, j and i, with their steps.
    mask
        Boolean [k, j, i] of the box.
    affine
        4 x 4, (i, j, k, 1) of the box to RAS in mm.
    """

    box: tuple[slice, slice, slice]
    mask: np.ndarray
    affine: np.ndarray

    @classmethod
    def of(cls, scan: Scan, organ: str, most: int = _FOR_DOSE) -> Pixels | None:
        """Return the pixels of an organ, `most` of its box; None where it has none."""
        bounds = _bounds(scan, organ) if organ in scan.labelmap.groups else None
        if bounds is None:
            return None
        affine = scan.series.affine
        size_mm = np.linalg.norm(affine[:3, :3], axis=0)[::-1]
        steps = _steps([high - low for low, high in bounds], size_mm, most)
        k, j, i = (slice(*of, step) for of, step in zip(bounds, steps, strict=True))
        onto = np.diag([*(float(step) for step in reversed(steps)), 1.0])
        onto[:3, 3] = i.start, j.start, k.start
        inside = _lookup(scan, organ)[scan.labelmap.labels[k, j, i]]
        return cls((k, j, i), inside, affine @ onto)

    def hu(self, scan: Scan) -> np.ndarray:
        """Return the HU of the pixels, float32."""
        return _finite(scan.series.hu[self.box])

    def smooth_hu(self, scan: Scan) -> np.ndarray:
        """Return the mean HU of some millimetres around each pixel in the plane, float32."""
        volume = scan.series.hu
        size_mm = np.linalg.norm(scan.series.affine[:3, :3], axis=0)
        k, j, i = (np.arange(of.start, of.stop, of.step) for of in self.box)
        total, count = np.zeros(self.mask.shape, np.float32), 0
        for down in _around(_SMOOTH_MM / size_mm[1]):
            rows = (j + down).clip(0, volume.shape[1] - 1)
            for right in _around(_SMOOTH_MM / size_mm[0]):
                columns = (i + right).clip(0, volume.shape[2] - 1)
                total += np.maximum(_finite(volume[np.ix_(k, rows, columns)]), _AIR_HU)
                count += 1
        return total / np.float32(count)

    @property
    def steps(self) -> tuple[int, int, int]:
        """Of how many pixels one is taken along k, j and i."""
        k, j, i = (part.step or 1 for part in self.box)
        return k, j, i


@dataclass(frozen=True, eq=False)
class Region:
    """What the map gives to an organ's pixels.

    Attributes
    ----------
    dose
        To soft tissue, with its uncertainty.
    slice_dose_mGy
        On each slice of the CT, [k]; NaN where the organ is not there.
    material_factor
        Dose to what the region is made of over that to soft tissue, by their energy transfer
        coefficients at the mean energy of the beam.
    """

    dose: RegionDose
    slice_dose_mGy: np.ndarray
    material_factor: float

    @property
    def dose_mGy(self) -> float:
        """Dose to what the region is made of."""
        return self.dose.dose_mGy * self.material_factor

    @classmethod
    def of(cls, scan: Scan, organ: str, dose_map: DoseMap) -> Region | None:
        """Return the dose of an organ as it is drawn; None where the map has nothing of it."""
        pixels = Pixels.of(scan, organ)
        if pixels is None:
            return None
        density = density_in(scan, pixels, labels_of(scan))
        of_map = (dose_map, pixels.mask, pixels.affine, density)
        dose = dose_of_region(*of_map)
        if dose is None or not dose.dose_mGy > 0:
            return None
        occupied = scan.measurements.occupied(organ)
        taken, along = np.arange(len(occupied))[pixels.box[0]], dose_along(*of_map)
        seen = np.isfinite(along)
        slices = np.interp(np.arange(len(occupied)), taken[seen], along[seen])
        volume_ml = scan.measurements.volume_ml(organ, scan.series.spacing_mm[2])
        whole = replace(
            dose,
            # Half a pixel of the CT, not of those that were taken.
            edge_sd_mGy=dose.edge_sd_mGy / pixels.steps[1],
            mass_g=float(density[pixels.mask].mean()) * volume_ml,
        )
        factor = _material_factor(scan, organ)
        return cls(whole, np.where(occupied, slices, np.nan), factor)


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
    pixels = Pixels.of(now, organ, _FOR_MATERIALS)
    if pixels is None or not pixels.mask.any():
        return 0.0
    smooth_hu = pixels.smooth_hu(now)
    new = materials_in(now, pixels, smooth_hu)
    old = materials_in(before, pixels, smooth_hu)
    transfer = _transfer(now.series.acquisition.kvp_kV)
    # Mixtures are drawn voxel by voxel: one tells nothing, the mean of those around it does.
    mean_new, mean_old = (
        ndimage.uniform_filter(np.where(pixels.mask, transfer[of.material], 0.0), (1, 5, 5))
        for of in (new, old)
    )
    changed = pixels.mask & (np.abs(mean_new - mean_old) > _ALIKE * mean_old)
    return float(new.density_g_cm3[changed].sum() / new.density_g_cm3[pixels.mask].sum())


def edited_pixels(before: Scan, now: Scan) -> set[tuple[str, str]]:
    """Return the labels that pixels had and have, where these differ, of two label maps.

    The empty name is that of no label.
    """
    was, has = (_places(scan, before, now) for scan in (before, now))
    names = _names(before, now)
    same_values = np.array_equal(was, has)
    pairs: set[int] = set()
    for old, new in zip(before.labelmap.labels, now.labelmap.labels, strict=True):
        if same_values and np.array_equal(old, new):
            continue
        first, second = was[old], has[new]
        changed = first != second
        pairs.update(np.unique(first[changed] * len(names) + second[changed]).tolist())
    return {(names[pair // len(names)], names[pair % len(names)]) for pair in pairs}


def _names(before: Scan, now: Scan) -> list[str]:
    """Return the names of both label maps, that of no label first."""
    both = (atom.name for scan in (before, now) for atom in scan.labelmap.atoms)
    return list(dict.fromkeys(("", *both)))


def _places(scan: Scan, before: Scan, now: Scan) -> np.ndarray:
    """Return for every value of a scan's label map the place of its name in `_names`."""
    place = {name: n for n, name in enumerate(_names(before, now))}
    places = np.zeros(1 << 16, np.int32)
    for atom in scan.labelmap.atoms:
        places[atom.value] = place[atom.name]
    return places


def density_in(scan: Scan, pixels: Pixels, labels: Labels) -> np.ndarray:
    """Return the density of pixels by label and HU, g/cm3."""
    laws = labels.pixel_laws
    label = laws.position[scan.labelmap.labels[pixels.box]]
    width = laws.density_g_cm3.shape[1]
    column = (np.rint(pixels.hu(scan)) - laws.lowest_hu).clip(0, width - 1).astype(np.int32)
    density: np.ndarray = laws.density_g_cm3.ravel()[label * np.int32(width) + column]
    return density


def materials_in(scan: Scan, pixels: Pixels, smooth_hu: np.ndarray) -> VoxelMaterials:
    """Return material and density of pixels, as the simulation assigns them to its voxels."""
    labels = labels_of(scan)
    laws, hu = labels.pixel_laws, pixels.hu(scan)
    none = np.zeros(hu.shape, np.float32)
    blocks = Blocks(
        density_g_cm3=density_in(scan, pixels, labels),
        hu=smooth_hu,
        label=laws.position[scan.labelmap.labels[pixels.box]].astype(np.uint16),
        skin=none.astype(bool),
        brightest_hu=none,
        metal=(hu >= laws.metal_hu).astype(np.float32),
        dense_metal=(hu >= laws.dense_metal_hu).astype(np.float32),
        repeated=none.astype(bool),
        spacing_mm=(1.0, 1.0, 1.0),
        corner_mm=(0.0, 0.0, 0.0),
        volume_mm3=np.zeros(len(labels.tissues)),
        mass_g=np.zeros(len(labels.tissues)),
    )
    return materials_of(
        blocks, labels.tissues, labels.laws, bone_hu=labels.bone_hu, contrast=labels.contrast
    )


def _finite(hu: np.ndarray) -> np.ndarray:
    values = hu.astype(np.float32)
    return values if hu.dtype.kind in "iu" else np.nan_to_num(values, nan=_AIR_HU)


def _around(pixels: float) -> range:
    """Return the offsets of so many pixels around one."""
    count = max(1, round(pixels))
    return range(-((count - 1) // 2), count // 2 + 1)


def _lookup(scan: Scan, organ: str) -> np.ndarray:
    """Return for every value of the label map whether it is the organ's."""
    inside = np.zeros(int(np.iinfo(scan.labelmap.labels.dtype).max) + 1, bool)
    inside[list(scan.labelmap.values(organ))] = True
    return inside


def _bounds(scan: Scan, organ: str) -> list[tuple[int, int]] | None:
    """Return first and last + 1 along k, j and i, with a pixel more all around in the plane."""
    labels, inside = scan.labelmap.labels, _lookup(scan, organ)
    slices = np.flatnonzero(scan.measurements.occupied(organ))
    if not slices.size:
        return None
    seen = np.zeros(labels.shape[1:], bool)
    for k in range(slices[0], slices[-1] + 1):
        seen |= inside[labels[k]]
    down, right = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not down.size:
        return None
    plane = [(max(int(of[0]) - 1, 0), int(of[-1]) + 2) for of in (down, right)]
    return [(int(slices[0]), int(slices[-1]) + 1), *plane]


def _steps(shape: Sequence[int], size_mm: np.ndarray, most: int) -> tuple[int, int, int]:
    """Return of how many pixels to take one along k, j and i.

    Examples
    --------
    >>> _steps((4, 20, 20), np.array([5.0, 0.8, 0.8]), 60_000)
    (1, 1, 1)
    >>> _steps((60, 400, 300), np.array([5.0, 0.8, 0.8]), 60_000)
    (1, 11, 11)
    """
    too_many = math.prod(shape) / most
    if too_many <= 1:
        return 1, 1, 1
    plane = min(math.ceil(math.sqrt(too_many)), max(1, math.floor(_SMOOTH_MM / size_mm[2])))
    too_many /= plane**2
    along = min(max(1, math.ceil(too_many)), max(1, math.floor(_ALONG_MM / size_mm[0])))
    plane = math.ceil(plane * math.sqrt(max(1.0, too_many / along)))
    return along, plane, plane


def _material_factor(scan: Scan, organ: str) -> float:
    pixels = Pixels.of(scan, organ, _FOR_MATERIALS)
    if pixels is None or not pixels.mask.any():
        return 1.0
    made = materials_in(scan, pixels, pixels.smooth_hu(scan))
    transfer = _transfer(scan.series.acquisition.kvp_kV)
    mass = made.density_g_cm3[pixels.mask]
    mean = np.average(transfer[made.material[pixels.mask]], weights=mass)
    return float(mean / transfer[index_of("soft_tissue")])


@cache
def _transfer(kvp_kV: float | None) -> np.ndarray:
    """Return mu_tr/rho of every material at the mean energy of a beam, cm2/g."""
    photons = photons_of()
    energy = _ENERGY_KEV * ((kvp_kV or 120.0) / 120.0) ** _POWER
    return np.array([np.interp(energy, photons.energies_keV, of) for of in photons.transfer])
