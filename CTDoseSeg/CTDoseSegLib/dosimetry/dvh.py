"""Dose-volume histograms: which part of an organ gets at least which dose.

The organ is drawn on the grid of the CT, the dose is known on the coarser grid of the simulation.
Each voxel of the organ takes the dose of the voxel of the map that it lies in: the volume stays
that of the drawing, and no dose is made up between voxels, where materials meet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..segmentation.labelmap import Labelmap
from .dose_map import DoseMap

# The noise's variance over that of the doses; above, the histogram's width is mostly noise.
LARGEST_NOISE = 0.5
# So many voxels of an organ are enough.
_MOST_PLACES = 100_000


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class DoseVolumeHistogram:
    """The doses of the parts of an organ.

    Attributes
    ----------
    dose_mGy
        Of the voxels of the map that hold some of the organ, ascending.
    volume_ml
        Of the organ in each of them.
    noise_sd_mGy
        Standard deviation of a single voxel by the number of photons, root mean square over the
        organ: it widens the histogram.
    """

    dose_mGy: np.ndarray
    volume_ml: np.ndarray
    noise_sd_mGy: float

    @property
    def total_ml(self) -> float:
        """Volume of the organ, without the air in it."""
        return float(self.volume_ml.sum())

    @property
    def mean_mGy(self) -> float:
        """Mean over the volume; an organ dose is the mean over its mass."""
        return float(self.dose_mGy @ self.volume_ml) / self.total_ml

    @property
    def sd_mGy(self) -> float:
        """Standard deviation over the volume, with the noise."""
        variance = (self.dose_mGy - self.mean_mGy) ** 2 @ self.volume_ml / self.total_ml
        return math.sqrt(float(variance))

    @property
    def is_noisy(self) -> bool:
        """Whether noise makes much of its width: then its ends are no doses of any part."""
        return self.noise_sd_mGy**2 > LARGEST_NOISE * (self.sd_mGy**2 - self.noise_sd_mGy**2)

    def percent_at_least(self, dose_mGy: np.ndarray) -> np.ndarray:
        """Return the part of the volume that gets at least each of some doses, percent."""
        above = np.r_[np.cumsum(self.volume_ml[::-1])[::-1], 0.0]
        percent: np.ndarray = 100.0 * above / above[0]
        return percent[np.searchsorted(self.dose_mGy, dose_mGy, side="left")]

    def highest_dose_of(self, percent: float) -> float:
        """Return the highest dose that a part of the volume, in percent, gets at least, mGy."""
        reached = self.percent_at_least(self.dose_mGy) >= percent - 1e-9
        return float(self.dose_mGy[reached][-1])


def organ_histogram(
    dose_map: DoseMap, labelmap: Labelmap, organ: str, counts: np.ndarray
) -> DoseVolumeHistogram | None:
    """Return the histogram of an organ of a label map; None where the map has no dose of it.

    A large organ costs no more than some milliseconds: not all of its pixels are looked at.

    Parameters
    ----------
    dose_map
        In mGy.
    labelmap
        That holds the organ.
    organ
        Name of a group.
    counts
        Its voxels on each slice, [k].
    """
    slices = np.flatnonzero(counts)
    if not len(slices):
        return None
    first, last = int(slices[0]), int(slices[-1]) + 1
    step = max(1, int(math.sqrt(counts.sum() / _MOST_PLACES)))
    affine = labelmap.affine @ np.diag([step, step, 1.0, 1.0])
    affine[:3, 3] += first * affine[:3, 2]
    mask = np.isin(labelmap.labels[first:last, ::step, ::step], labelmap.values(organ))
    return dose_volume_histogram(dose_map, mask, affine)


def dose_volume_histogram(
    dose_map: DoseMap, mask: np.ndarray, affine: np.ndarray
) -> DoseVolumeHistogram | None:
    """Return the histogram of an organ; None where the map has no dose of it.

    Air has no dose in the map, and does not count.

    Parameters
    ----------
    dose_map
        In mGy.
    mask
        Boolean [k, j, i]: the organ, on any grid.
    affine
        4 x 4 of that grid, (i, j, k, 1) to RAS in mm.

    Examples
    --------
    >>> import numpy as np
    >>> dose_mGy = np.array([[[4.0, 8.0]]], np.float32)
    >>> dose_map = DoseMap(dose_mGy, np.diag([10.0, 10.0, 10.0, 1.0]), 0.1 * dose_mGy, 1_000_000)
    >>> histogram = dose_volume_histogram(dose_map, dose_mGy > 0, dose_map.affine)
    >>> histogram.percent_at_least(np.array([0.0, 5.0, 9.0])).tolist()
    [100.0, 50.0, 0.0]
    """
    places = np.flatnonzero(mask)
    every = max(1, math.ceil(len(places) / _MOST_PLACES))
    kji = np.stack(np.unravel_index(places[::every], mask.shape), axis=1)
    to_map = np.linalg.inv(dose_map.affine) @ affine
    ijk = np.rint(kji[:, ::-1] @ to_map[:3, :3].T + to_map[:3, 3]).astype(int)
    shape = dose_map.dose_mGy.shape
    inside = ((ijk >= 0) & (ijk < shape[::-1])).all(axis=1)
    index = np.ravel_multi_index(tuple(ijk[inside].T[::-1]), shape)
    voxels, counts = np.unique(index, return_counts=True)
    dose = dose_map.dose_mGy.ravel()[voxels].astype(float)
    voxels, counts, dose = (values[dose > 0] for values in (voxels, counts, dose))
    if not len(voxels):
        return None
    order = np.argsort(dose)
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000.0
    noise = dose_map.statistical_sd_mGy.ravel()[voxels].astype(float)
    return DoseVolumeHistogram(
        dose_mGy=dose[order],
        volume_ml=counts[order] * voxel_ml * every,
        noise_sd_mGy=math.sqrt(float(noise**2 @ counts / counts.sum())),
    )
