"""Near-minimum, near-maximum and hottest cubic centimetre of an organ, where noise allows them.

The voxels of a map scatter by the number of photons: what looks like the coldest and the hottest
voxel of an organ would be noise. The variance of the batches is taken off, and the maximum is
located on one half of the histories and read on the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .maps import LEAST_DENSITY_G_CM3
from .tally import MEDIUM, Tally
from .voxels import Scores, Voxels

# Standard deviations beyond which a spread is no chance.
_SURE = 2.6
# A normal distribution's 98th percentile.
_AT_98 = 2.054
# An organ is as good as uniform where its dose may spread by no more than this.
_UNIFORM = 0.02
# The noise's variance over that of the doses; above, the shape of what is left is guesswork.
_LARGEST_NOISE = 0.5
# Relative standard error of the hottest cubic centimetre.
_LARGEST_SE = 0.05
_LEAST_VOXELS = 50
_CUBE_MM = 10.0
# Part of a cube that must lie in the organ.
_FILLED = 0.75


@dataclass(frozen=True)
class DoseVolume:
    """Doses of parts of an organ, mGy; None where noise does not allow to give them.

    Attributes
    ----------
    d98_mGy, d2_mGy
        Doses that 98 % and 2 % of its volume get at least.
    hottest_ml_mGy, hottest_ml_sd_mGy
        Mean over the cube of 1 cm3 with the highest dose, and its standard deviation.
    photons
        How many it would take to give what is missing; None where nothing is, or no number helps.
    """

    d98_mGy: float | None = None
    d2_mGy: float | None = None
    hottest_ml_mGy: float | None = None
    hottest_ml_sd_mGy: float | None = None
    photons: int | None = None


def dose_volumes(
    tally: Tally, voxels: Voxels, scores: Scores, organs: Iterable[str], mGy_g_per_keV: float
) -> dict[str, DoseVolume]:
    """Return the doses of parts of organs, to the medium.

    Parameters
    ----------
    tally
        With its map.
    voxels, scores
        That were simulated.
    organs
        Names of scores.
    mGy_g_per_keV
        Dose to 1 g for 1 keV per emitted photon, mGy.

    Raises
    ------
    ValueError
        If the tally has no map.
    """
    energy = tally.map_of(MEDIUM)
    mass_g = voxels.voxel_mass_g()
    tissue = voxels.density_g_cm3 >= LEAST_DENSITY_G_CM3
    found = {}
    for name in organs:
        members = scores.members[scores.index_of(name)]
        inside = np.zeros(1 << 16, bool)
        inside[list(members)] = True
        mask = inside[voxels.region] & tissue
        box = _box(mask)
        if box is None:
            continue
        part = mask[box]
        cut = energy[(slice(None), *box)] * np.float32(mGy_g_per_keV)
        low, high, more = _percentiles(cut[:, part] / mass_g[box][part])
        hottest, sd, again = _hottest(cut * part, mass_g[box] * part, part, voxels.spacing_mm)
        photons = max(more, again) * tally.total_histories
        found[name] = DoseVolume(
            low, high, hottest, sd, round(photons) if 0 < photons < math.inf else None
        )
    return found


def _percentiles(doses: np.ndarray) -> tuple[float | None, float | None, float]:
    """Return D98 and D2 of voxels' doses by batch, [batch, voxel], and how many times the photons.

    The doses are drawn together around their mean until they scatter as they do without noise.
    The number is 0 where the doses are given.
    """
    batches, number = doses.shape
    if number < _LEAST_VOXELS or batches < 2:
        return None, None, 0.0
    voxel = doses.mean(axis=0, dtype=float)
    noise = float(doses.var(axis=0, ddof=1, dtype=float).mean()) / batches
    mean, total = float(voxel.mean()), float(voxel.var(ddof=1))
    if not mean > 0:
        return None, None, math.inf
    chance = noise * math.sqrt(2.0 / number)
    true = total - noise
    if true < _SURE * chance:  # no spread is seen
        most = math.sqrt(max(true, 0.0) + _SURE * chance) * _AT_98 / mean
        if most <= _UNIFORM:
            return mean, mean, 0.0
        worst = _AT_98**2 * 2 * _SURE * chance / mean**2  # falls as the noise does
        return None, None, worst / _UNIFORM**2
    if noise > _LARGEST_NOISE * true:
        return None, None, noise / (_LARGEST_NOISE * true)
    drawn = mean + (voxel - mean) * math.sqrt(true / total)
    low, high = np.quantile(drawn, (0.02, 0.98))
    return max(float(low), 0.0), float(high), 0.0


def _hottest(
    energy: np.ndarray, mass_g: np.ndarray, mask: np.ndarray, spacing_mm: tuple[float, ...]
) -> tuple[float | None, float | None, float]:
    """Return the dose of the hottest cube, its standard deviation, and how many times the photons.

    Parameters
    ----------
    energy
        Dose times mass by batch, 0 outside the organ, [batch, k, j, i].
    mass_g, mask
        Of the organ, [k, j, i].
    spacing_mm
        (x, y, z) of a voxel.
    """
    from scipy.ndimage import uniform_filter

    size = [max(round(_CUBE_MM / step), 1) for step in reversed(spacing_mm)]
    filled = uniform_filter(mask.astype(np.float32), size, mode="constant")
    whole = filled >= _FILLED
    if not whole.any():
        return None, None, 0.0
    mass = uniform_filter(mass_g, size, mode="constant")
    half = len(energy) // 2
    first = uniform_filter(energy[:half].mean(axis=0), size, mode="constant")
    dose = np.where(whole, first / np.where(whole, mass, 1.0), -1.0)
    place = np.unravel_index(int(dose.argmax()), dose.shape)
    cube = tuple(
        slice(max(n - s // 2, 0), n - s // 2 + s) for n, s in zip(place, size, strict=True)
    )
    total = float(mass_g[cube].sum())
    read = energy[(slice(half, None), *cube)].sum(axis=(1, 2, 3), dtype=float) / total
    mean, sd = float(read.mean()), float(read.std(ddof=1)) / math.sqrt(len(read))
    if not mean > 0:
        return None, None, math.inf
    if sd > _LARGEST_SE * mean:
        return None, None, (sd / (_LARGEST_SE * mean)) ** 2
    return mean, sd, 0.0


def _box(mask: np.ndarray) -> tuple[slice, ...] | None:
    """Return the smallest box around a mask; None where it is empty."""
    sides = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    if not len(sides[0]):
        return None
    return tuple(slice(int(side[0]), int(side[-1]) + 1) for side in sides)
