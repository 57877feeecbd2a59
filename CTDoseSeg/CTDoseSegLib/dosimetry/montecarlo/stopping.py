"""When a simulation is good enough, and how far it is from that."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...tasks.progress import Progress
from ..scan import Scan
from .exposure import Exposure
from .response import Response
from .tally import Tally

# Organs that decide: neither small nor, for the greater part, out of the beam.
LEAST_ML, LEAST_IN_RANGE = 20.0, 0.5


@dataclass
class StopRule:
    """Ask of every tally whether the organs that decide have the uncertainty that was asked for.

    Attributes
    ----------
    organs
        Organ that decides to the position of its score.
    relative_se
        Relative standard error that is asked for.
    max_seconds
        The run ends after these, whatever it reached.
    response_of
        Makes a response of a tally.
    exposure
        Whose doses are asked for.
    progress
        Is told the present uncertainty.
    """

    organs: Mapping[str, int]
    relative_se: float
    max_seconds: float
    response_of: Callable[[Tally], Response]
    exposure: Exposure
    progress: Progress = field(default_factory=Progress)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._started = self.clock()

    def __call__(self, tally: Tally) -> bool:
        """Return whether the simulation may end; tells the progress how far it is."""
        worst, name = self.worst(tally)
        seconds = self.clock() - self._started
        self.progress.update(self._fraction(worst, seconds), _message(worst, name, tally))
        return worst <= self.relative_se or seconds >= self.max_seconds

    def worst(self, tally: Tally) -> tuple[float, str]:
        """Return the largest relative standard error of the organs that decide, and whose it is."""
        if not self.organs:
            return 0.0, ""
        _, relative_se = self.response_of(tally).doses(self.exposure)
        name = max(self.organs, key=lambda organ: float(relative_se[self.organs[organ]]))
        return float(relative_se[self.organs[name]]), name

    def _fraction(self, worst: float, seconds: float) -> float:
        """Return how much of the work is done: variance falls with the number of histories."""
        of_histories = (self.relative_se / worst) ** 2 if 0 < worst < np.inf else 0.0
        return float(min(max(of_histories, seconds / self.max_seconds), 1.0))


def deciding_organs(scan: Scan, exposure: Exposure, scores: Mapping[str, int]) -> dict[str, int]:
    """Return the organs over 20 ml that are in the range by half or more, with their scores.

    Parameters
    ----------
    scan
        With what was measured of its organs.
    exposure
        With the range.
    scores
        Name of each score to its position.
    """
    low, high = exposure.range_mm
    z = scan.series.z_mm
    inside = (z >= low) & (z <= high)
    deciding = {}
    for name, slices in scan.organs.items():
        if name not in scores:
            continue
        volume_ml = scan.measurements.volume_ml(name, scan.series.spacing_mm[2])
        share = slices.count[inside].sum() / slices.count.sum()
        if volume_ml >= LEAST_ML and share >= LEAST_IN_RANGE:
            deciding[name] = scores[name]
    return deciding


def histories_to(relative_se: float, present: float, histories: int) -> float:
    """Return how many histories it takes for a relative standard error, infinite for none at all.

    Examples
    --------
    >>> histories_to(0.01, 0.02, 1_000_000)
    4000000.0
    """
    return histories * (present / relative_se) ** 2


def _message(worst: float, name: str, tally: Tally) -> str:
    millions = tally.total_histories / 1e6
    if not name or not np.isfinite(worst):
        return f"simulating, {millions:.1f} million photons"
    organ = name.replace("_", " ")
    return f"simulating, {millions:.1f} million photons: {100 * worst:.1f} % in {organ}"
