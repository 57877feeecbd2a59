"""What a simulation scored: energy sums by stratum, and the means of any combination of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# What is asked of the photons in a region, in the order of the tally's first axis.
MEDIUM, SOFT_TISSUE, RED_MARROW = range(3)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Tally:
    """Sums over the histories of each stratum, so that other exposures are weighted sums.

    Attributes
    ----------
    names
        Of the scores.
    probability
        [z, a]: share of histories that each stratum should get; sums to 1.
    histories
        int64 [z, a]: number of histories that started in each stratum, those that missed included.
    sums_keV
        [detector, score, z, a]: sum of a history's energy over histories. Detector `MEDIUM` is
        the energy imparted (collision kerma), `SOFT_TISSUE` and `RED_MARROW` the mass of the
        region times the dose that these tissues would take in the same fluence.
    squares_keV2
        [detector, score, z, a]: sum of the squares of a history's energy.
    map_keV
        float32 [batch, 2 (medium, soft tissue), k, j, i] or None: mean energy per history of each
        batch of histories.
    batch_histories
        int64 [batch]: histories of each batch.
    emitted_keV, escaped_keV
        Energy of all photons at their start, and of those that left or missed the grid.

    Examples
    --------
    Two strata of 100 histories each, in which every history left 1 and 3 keV:

    >>> import numpy as np
    >>> sums = np.full((3, 1, 2, 1), 100.0) * np.array([1.0, 3.0])[:, None]
    >>> squares = np.full((3, 1, 2, 1), 100.0) * np.array([1.0, 9.0])[:, None]
    >>> half, number = np.full((2, 1), 0.5), np.full((2, 1), 100)
    >>> tally = Tally(("liver",), half, number, sums, squares, None, np.array([200]), 400, 0)
    >>> mean, se = tally.mean_energy_keV(MEDIUM, np.array([[3.0], [1.0]]))
    >>> mean.tolist(), se.tolist()
    ([1.5], [0.0])
    """

    names: tuple[str, ...]
    probability: np.ndarray
    histories: np.ndarray
    sums_keV: np.ndarray
    squares_keV2: np.ndarray
    map_keV: np.ndarray | None
    batch_histories: np.ndarray
    emitted_keV: float
    escaped_keV: float

    @property
    def total_histories(self) -> int:
        """Number of histories of all strata."""
        return int(self.histories.sum())

    def map_of(self, detector: int) -> np.ndarray:
        """Return the map of `MEDIUM` or `SOFT_TISSUE`, float32 [batch, k, j, i].

        Raises
        ------
        ValueError
            If the run kept no map.
        """
        if self.map_keV is None:
            raise ValueError("The tally has no map; simulate with one.")
        return np.asarray(self.map_keV[:, detector])

    def mean_energy_keV(
        self, detector: int = MEDIUM, weights: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean energy per emitted photon of each score, and its standard error.

        Parameters
        ----------
        detector
            `MEDIUM`, `SOFT_TISSUE` or `RED_MARROW`.
        weights
            [z, a]: relative numbers of photons that the exposure emits from each stratum, not
            negative; scaled to sum to 1. None: as the histories were sampled.

        Returns
        -------
        mean, se
            [score], keV per emitted photon.

        Raises
        ------
        ValueError
            If the weights have another shape, are negative or all zero, or there is a stratum
            with weight that no history could start in.
        """
        share = self._shares(weights)
        used = share > 0
        number = self.histories
        sums, squares = self.sums_keV[detector], self.squares_keV2[detector]
        if (number[used] >= 2).all():
            return _stratified(share[used], number[used], sums[:, used], squares[:, used])
        # Too few histories for a variance within each stratum. The number of histories that a
        # stratum should have got gives a mean without bias, and the scatter over all histories
        # an error that also holds the differences between strata: it is too large, if anything.
        factor = share[used] / self.probability[used]
        total = self.total_histories
        mean = sums[:, used] @ factor / total
        scatter = squares[:, used] @ factor**2 / total - mean**2
        return mean, np.sqrt(np.maximum(scatter, 0.0) / max(total - 1, 1))

    def _shares(self, weights: np.ndarray | None) -> np.ndarray:
        if weights is None:
            return self.probability
        weights = np.asarray(weights, dtype=float)
        if weights.shape != self.probability.shape:
            raise ValueError(
                f"Weights of the shape {weights.shape} do not fit strata of the shape "
                f"{self.probability.shape}."
            )
        if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
            raise ValueError("Weights of strata must be finite, not negative and not all zero.")
        if (weights[self.probability == 0] > 0).any():
            raise ValueError("Weights give a share to a stratum that no history could start in.")
        shares: np.ndarray = weights / weights.sum()
        return shares


def _stratified(
    share: np.ndarray, number: np.ndarray, sums: np.ndarray, squares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return sum and standard error of strata's means times their shares (Cochran, chapter 5)."""
    means = sums / number
    variance = np.maximum(squares - number * means**2, 0.0) / (number - 1)
    return means @ share, np.sqrt(variance @ (share**2 / number))
