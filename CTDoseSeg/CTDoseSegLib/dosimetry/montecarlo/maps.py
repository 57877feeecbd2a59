"""The dose of every voxel, of every slice of an organ, and of any other region of a dose map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..dose_map import DoseMap
from .response import MGY_PER_KEV_PER_G
from .tally import MEDIUM, SOFT_TISSUE, Tally
from .voxels import Scores, Voxels

# What is lighter than this is air: a dose to it has no meaning and is all noise.
LEAST_DENSITY_G_CM3 = 0.02
# So many voxels of a region are enough for its mean.
_MOST_PLACES = 30_000


def dose_map_of(
    tally: Tally,
    voxels: Voxels,
    mGy_g_per_keV: float,
    *,
    body: np.ndarray | None = None,
    slices: slice = slice(None),
    keep_batches: bool = True,
) -> DoseMap:
    """Return the dose of every voxel with its statistical uncertainty, 0 in air and off the body.

    Parameters
    ----------
    tally
        With its map.
    voxels
        That were simulated.
    mGy_g_per_keV
        Dose to 1 g for 1 keV per emitted photon, mGy.
    body
        Boolean [k, j, i]: elsewhere, as in the couch, there is no dose; None: all voxels.
    slices
        Of k: what the images show, without the anatomy that was added beyond them.
    keep_batches
        False leaves out the dose to soft tissue, which takes 4 bytes for each voxel and batch.

    Raises
    ------
    ValueError
        If the tally has no map.
    """
    batches = tally.map_of(MEDIUM)[:, slices]
    mass_g = voxels.voxel_mass_g()[slices]
    tissue = voxels.density_g_cm3[slices] >= LEAST_DENSITY_G_CM3
    if body is not None:
        tissue &= body[slices]
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(tissue, np.float32(mGy_g_per_keV) / mass_g, np.float32(0.0))
    scale = scale.astype(np.float32)
    share = (tally.batch_histories / tally.batch_histories.sum()).astype(np.float32)
    mean = np.tensordot(share, batches, axes=1)
    square = sum(part**2 * (one - mean) ** 2 for part, one in zip(share, batches, strict=True))
    number = len(share)
    error = np.sqrt(square * (number / max(number - 1, 1))).astype(np.float32)
    soft = tally.map_of(SOFT_TISSUE)[:, slices] * scale if keep_batches else None
    return DoseMap(
        dose_mGy=(mean * scale).astype(np.float32),
        affine=ras_affine(voxels, slices.start or 0),
        statistical_sd_mGy=error * scale,
        histories=tally.total_histories,
        soft_tissue_batches_mGy=soft,
    )


def ras_affine(voxels: Voxels, first_slice: int = 0) -> np.ndarray:
    """Return the 4 x 4 matrix from (i, j, k, 1) of voxels to RAS in mm.

    Parameters
    ----------
    voxels
        Along left, posterior and superior, in mm from the origin of the CT.
    first_slice
        k of the first slice that is kept.
    """
    x, y, z = voxels.spacing_mm
    left, back, low = (
        corner + step / 2 for corner, step in zip(voxels.corner_mm, voxels.spacing_mm, strict=True)
    )
    affine = np.diag([-x, -y, z, 1.0])
    affine[:3, 3] = -left, -back, low + first_slice * z
    return affine


def slice_doses(
    tally: Tally, voxels: Voxels, scores: Scores, mGy_g_per_keV: float, z_mm: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the dose of each score on each slice of the CT, mGy, NaN where it is not there.

    Parameters
    ----------
    tally, voxels, scores, mGy_g_per_keV
        As in `dose_map_of`.
    z_mm
        Slice centres, RAS superior, [k].
    """
    share = (tally.batch_histories / tally.batch_histories.sum()).astype(np.float32)
    energy = np.tensordot(share, tally.map_of(MEDIUM), axes=1)
    size = int(voxels.region.max()) + 1
    layers = np.arange(len(energy))[:, None, None] * size + voxels.region
    shape = (len(energy), size)
    total = size * len(energy)
    of_energy, of_mass = (
        np.bincount(layers.ravel(), values.ravel(), total).reshape(shape)
        for values in (energy, voxels.voxel_mass_g())
    )
    corner, step = voxels.corner_mm[2], voxels.spacing_mm[2]
    layer = np.clip(((z_mm - corner) / step).astype(int), 0, len(energy) - 1)
    doses = {}
    for name, members in zip(scores.names, scores.members, strict=True):
        columns = [region for region in members if region < size]
        mass = of_mass[:, columns].sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            dose = mGy_g_per_keV * of_energy[:, columns].sum(axis=1) / mass
        doses[name] = np.where(mass > 0, dose, np.nan)[layer]
    return doses


@dataclass(frozen=True)
class RegionDose:
    """The mean dose of a region of a dose map.

    Attributes
    ----------
    dose_mGy
        To soft tissue, weighted by mass.
    statistical_sd_mGy
        By the batches of the run.
    edge_sd_mGy
        How much it changes as the region grows or shrinks by half a voxel: partial volume.
    mass_g
        Of the region.
    """

    dose_mGy: float
    statistical_sd_mGy: float
    edge_sd_mGy: float
    mass_g: float


def dose_of_region(
    dose_map: DoseMap, mask: np.ndarray, affine: np.ndarray, density_g_cm3: np.ndarray
) -> RegionDose | None:
    """Return the dose of a region that was drawn after the run; None where the map has none of it.

    The dose to soft tissue does not jump where materials meet, and is interpolated linearly.

    Parameters
    ----------
    dose_map
        With its batches.
    mask
        Boolean [k, j, i], on the grid of the CT.
    affine
        4 x 4 of that grid, (i, j, k, 1) to RAS in mm.
    density_g_cm3
        On that grid, [k, j, i]: each voxel counts by its mass.

    Raises
    ------
    ValueError
        If the map was made without batches.
    """
    batches = dose_map.soft_tissue_batches_mGy
    if batches is None:
        raise ValueError("The dose map has no batches; simulate again and keep them.")
    grown, shrunk = _half_a_voxel(mask)
    weights = np.where(grown, density_g_cm3, 0.0)
    places = np.argwhere(weights > 0)
    if not len(places):
        return None
    every = math.ceil(len(places) / _MOST_PLACES)
    places = places[::every]
    here = tuple(places.T)
    corners = _Corners.of(dose_map, affine, places)
    mass = weights[here]
    own = mass * mask[here]
    if not own.sum() > 0:
        return None
    by_batch = batches.reshape(len(batches), -1)
    per_batch = by_batch @ corners.share(own, by_batch.shape[1])
    wide, narrow = (
        float((by_batch @ corners.share(part, by_batch.shape[1])).mean())
        if part.sum() > 0
        else float(per_batch.mean())
        for part in (mass, mass * shrunk[here])
    )
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000.0
    return RegionDose(
        dose_mGy=float(per_batch.mean()),
        statistical_sd_mGy=float(per_batch.std(ddof=1) / np.sqrt(len(per_batch))),
        edge_sd_mGy=abs(wide - narrow) / 4,  # a whole voxel apart: half of it either way, halved
        mass_g=float(weights[mask].sum()) * voxel_ml,
    )


def dose_along(
    dose_map: DoseMap, mask: np.ndarray, affine: np.ndarray, density_g_cm3: np.ndarray
) -> np.ndarray:
    """Return the dose of a region on each of its slices, mGy, NaN where it is not there, [k].

    Parameters are those of `dose_of_region`.
    """
    batches = dose_map.soft_tissue_batches_mGy
    if batches is None:
        raise ValueError("The dose map has no batches; simulate again and keep them.")
    mean = np.mean(batches, axis=0)
    doses = np.full(len(mask), np.nan)
    places = np.argwhere(mask & (density_g_cm3 > 0))
    places = places[:: max(1, math.ceil(len(places) / _MOST_PLACES))]
    if len(places):
        mass = density_g_cm3[tuple(places.T)]
        dose = _Corners.of(dose_map, affine, places).values(mean)
        total = np.bincount(places[:, 0], mass, len(mask))
        energy = np.bincount(places[:, 0], mass * dose, len(mask))
        np.divide(energy, total, out=doses, where=total > 0)
    return doses


@dataclass(frozen=True, eq=False)
class _Corners:
    """The eight voxels of a map around each of some points, and their weights, [point, 8]."""

    index: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, dose_map: DoseMap, affine: np.ndarray, places: np.ndarray) -> _Corners:
        to_map = np.linalg.inv(dose_map.affine) @ affine
        ijk = places[:, ::-1] @ to_map[:3, :3].T + to_map[:3, 3]
        shape = dose_map.dose_mGy.shape
        last = np.array(shape[::-1]) - 1
        ijk = np.clip(ijk, 0, last)
        first = np.minimum(ijk.astype(int), np.maximum(last - 1, 0))
        part = ijk - first
        offsets = np.array(list(np.ndindex(2, 2, 2)))
        corners = np.minimum(first[:, None] + offsets, last)
        weight = np.prod(np.where(offsets, part[:, None], 1 - part[:, None]), axis=2)
        index = np.ravel_multi_index(tuple(corners[..., ::-1].transpose(2, 0, 1)), shape)
        # Air has no dose in the map: it does not count.
        weight = weight * (dose_map.dose_mGy.ravel()[index] > 0)
        total = weight.sum(axis=1, keepdims=True)
        return cls(index, np.divide(weight, total, out=np.zeros_like(weight), where=total > 0))

    def values(self, voxels: np.ndarray) -> np.ndarray:
        """Return the values of voxels at the points, [point]."""
        interpolated: np.ndarray = np.sum(voxels.ravel()[self.index] * self.weight, axis=1)
        return interpolated

    def share(self, mass: np.ndarray, size: int) -> np.ndarray:
        """Return how much each of `size` voxels counts in the mean weighted by mass, float32."""
        parts = (self.weight * mass[:, None]).ravel()
        shares: np.ndarray = np.bincount(self.index.ravel(), parts, size) / mass.sum()
        return shares.astype(np.float32)


def _half_a_voxel(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a mask with its neighbours in the plane, and without its outermost voxels.

    By shifting: the general morphology of scipy takes ten times as long.
    """
    grown, shrunk = mask.copy(), mask.copy()
    for axis in (1, 2):
        for here, beside in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
            to = (slice(None),) * axis + (here,)
            of = (slice(None),) * axis + (beside,)
            grown[to] |= mask[of]
            shrunk[to] &= mask[of]
    # Beyond the edge of the grid is nothing.
    for axis in (1, 2):
        for edge in (0, -1):
            shrunk[(slice(None),) * axis + (edge,)] = False
    return grown, shrunk


def scale_of_maps(dose_length_mGy_cm: float, kerma_mGy_cm: float) -> float:
    """Return the dose to 1 g for 1 keV per emitted photon, mGy.

    Parameters
    ----------
    dose_length_mGy_cm
        CTDIvol times length over the whole path.
    kerma_mGy_cm
        c, per emitted photon.
    """
    return MGY_PER_KEV_PER_G * dose_length_mGy_cm / kerma_mGy_cm
