"""What a run knows: the dose of each organ by the place of the tube, for any exposure of the body.

A run is stored as sums by stratum (bin of z and of angle). The dose of an exposure is a weighted
sum of them, so that another current profile, range or CTDIvol costs milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .exposure import Exposure
from .source_path import SourcePath
from .tally import MEDIUM, Tally

# 1 keV in 1 g: 1.602176634e-16 J (exact in the SI of 2019) in 1e-3 kg.
MGY_PER_KEV_PER_G = 1.602176634e-10
# Length of a bin of the path; shorter ones would each get too few histories for a variance.
BIN_MM = 10.0
_MOST_BINS = 150
# Of the histories, for exposures that go on further than the one that is asked for.
BEYOND_SHARE = 0.1
# Rounding of edges.
_SLACK_MM = 1e-6


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Response:
    """The sums of a run, and what turns them into doses.

    Attributes
    ----------
    tally
        The run.
    path
        Where its histories started.
    mass_g
        Of each score, [score]; air in it not counted.
    kerma_mGy_cm
        c: the 100 mm integral of weighted air kerma per emitted photon in the CTDI phantom.
    kerma_relative_se
        Its standard error, as a part of it.

    Examples
    --------
    1 g that got 2 keV of every photon, where a photon gives 1e-10 mGy cm in the CTDI phantom:

    >>> exposure = Exposure(np.array([0.0]), np.array([10.0]), (-50.0, 50.0), 0.0, 32, 20.0)
    >>> path = path_of(exposure, angle_bins=1)
    >>> number = np.full(path.shape, 100)
    >>> sums, squares = (np.full((3, 1, *path.shape), 100.0 * keV) for keV in (2, 4))
    >>> share = path.stratum_probability()
    >>> tally = Tally(("liver",), share, number, sums, squares, None, np.array([1000]), 1, 0)
    >>> response = Response(tally, path, np.array([1.0]), 1e-10, 0.0)
    >>> dose_mGy, relative_se = response.doses(exposure)
    >>> print(f"{dose_mGy[0]:.1f} mGy at {exposure.dose_length_mGy_cm:g} mGy cm")
    320.4 mGy at 100 mGy cm
    """

    tally: Tally
    path: SourcePath
    mass_g: np.ndarray
    kerma_mGy_cm: float
    kerma_relative_se: float

    def doses(self, exposure: Exposure, detector: int = MEDIUM) -> tuple[np.ndarray, np.ndarray]:
        """Return the dose of every score for an exposure, and its relative standard error.

        Parameters
        ----------
        exposure
            Its range lies within the path of the run.
        detector
            Of the tally: dose to the medium, to soft tissue or to red marrow.

        Returns
        -------
        dose_mGy, relative_se
            [score]; the error holds the histories of the run, not those behind c. 0 and infinite
            where no photon arrived, NaN where a score has no mass.

        Raises
        ------
        ValueError
            If the range goes on beyond the path.
        """
        weights = exposure.weights(self.path.z_edges_mm, self.path.angle_bins)
        return self.weighted(weights, self._covered(exposure), detector)

    def weighted(
        self, weights: np.ndarray, dose_length_mGy_cm: float, detector: int = MEDIUM
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what `doses` does, of relative numbers of photons by stratum, [z, a]."""
        mean, se = self.tally.mean_energy_keV(detector, weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            dose_mGy = mean * self.mGy_per_keV(dose_length_mGy_cm)
            relative = np.where(mean > 0, se / mean, np.inf)
        return dose_mGy, relative

    def mGy_per_keV(self, dose_length_mGy_cm: float) -> np.ndarray:
        """Return the dose of each score for 1 keV per emitted photon, [score]."""
        with np.errstate(divide="ignore"):
            scale: np.ndarray = (
                MGY_PER_KEV_PER_G * dose_length_mGy_cm / self.kerma_mGy_cm / self.mass_g
            )
        return np.where(self.mass_g > 0, scale, np.nan)

    def per_length(self, exposure: Exposure, z_mm: float) -> np.ndarray:
        """Return the dose of each score by 1 mm of the path at `z_mm`, mGy/mm, [score].

        Of the bin in which `z_mm` lies, with the angles of the exposure and its CTDIvol there.
        """
        edges = self.path.z_edges_mm
        low, high = exposure.range_mm
        z = float(np.clip(z_mm, low + _SLACK_MM, high - _SLACK_MM))
        row = int(np.clip(np.searchsorted(edges, z) - 1, 0, len(edges) - 2))
        part = exposure.between(edges[row : row + 2])[0]
        length = min(edges[row + 1], high) - max(edges[row], low)
        weights = exposure.weights(edges, self.path.angle_bins)
        weights[np.arange(len(weights)) != row] = 0.0
        dose, _ = self.weighted(weights, part)
        return dose / length

    def _covered(self, exposure: Exposure) -> float:
        low, high = exposure.range_mm
        first, last = self.path.z_edges_mm[[0, -1]]
        if low < first - _SLACK_MM or high > last + _SLACK_MM:
            raise ValueError(
                f"The range from {low:.0f} to {high:.0f} mm goes beyond what was simulated, from "
                f"{first:.0f} to {last:.0f} mm; simulate again."
            )
        return exposure.dose_length_mGy_cm


def path_of(
    exposure: Exposure,
    *,
    angle_bins: int = 16,
    reach_mm: tuple[float, float] | None = None,
) -> SourcePath:
    """Return a path that samples an exposure as it is, and a little beyond it.

    Parameters
    ----------
    exposure
        Where the tube is on, and how much.
    angle_bins
        Number of bins of the angle.
    reach_mm
        (low, high): what other exposures may need; None: no more than the exposure's own range.
        `BEYOND_SHARE` of the histories start outside the exposure's range, where there is any.
    """
    low, high = exposure.range_mm
    first, last = (low, high) if reach_mm is None else reach_mm
    own = _edges(low, high)
    below, above = _edges(min(first, low), low), _edges(high, max(last, high))
    edges = np.concatenate((below[:-1], own, above[1:]))
    along = exposure.between(edges)
    share = along / along.sum()
    outside = share <= 0
    if outside.any():
        length = np.where(outside, np.diff(edges), 0.0)
        share = (1 - BEYOND_SHARE) * share + BEYOND_SHARE * length / length.sum()
    around = exposure.angle_weight
    if around is not None:
        around = np.broadcast_to(around, (len(share), angle_bins)).copy()
    return SourcePath(edges, share, angle_bins, angle_weight=around)


def _edges(low_mm: float, high_mm: float) -> np.ndarray:
    """Return edges of bins of about `BIN_MM`; one edge where both ends are the same."""
    if high_mm - low_mm < _SLACK_MM:
        return np.array([low_mm])
    bins = int(np.clip(np.ceil((high_mm - low_mm) / BIN_MM), 1, _MOST_BINS))
    return np.linspace(low_mm, high_mm, bins + 1)
