"""When a simulation is good enough, and how far it is from that."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from ...tasks.progress import Progress
from ..scan import Scan
from .exposure import Exposure
from .response import Response
from .tally import Tally

# Organs that decide: neither small nor, for the greater part, out of the beam.
LEAST_ML, LEAST_IN_RANGE = 20.0, 0.5
# The lens of the eye is small and matters; it is asked for no more precisely than this.
LENS, LENS_SE = "eye_lens", 0.03


class Ended(Enum):
    """What ended a run, and with it what would make its doses more certain."""

    PRECISE = "ask for a smaller relative standard error"
    MINUTES = "allow more minutes"
    HISTORIES = "allow more histories"


@dataclass(frozen=True)
class Precision:
    """How certain the dose of an organ is.

    Attributes
    ----------
    organ
        Its name; empty where no organ decides.
    relative_se, asked_for
        Relative standard error that was reached, and that was asked for.
    """

    organ: str
    relative_se: float
    asked_for: float

    @property
    def reached(self) -> bool:
        """Whether it is as certain as was asked for."""
        return self.relative_se <= self.asked_for

    @property
    def in_words(self) -> str:
        """Error and organ, such as ``1.2 % in liver``."""
        return f"{100 * self.relative_se:.1f} % in {self.organ.replace('_', ' ')}"


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
        Receives the present uncertainty.
    least_histories
        The run goes on to these, however certain the organs are.
    """

    organs: Mapping[str, int]
    relative_se: float
    max_seconds: float
    response_of: Callable[[Tally], Response]
    exposure: Exposure
    progress: Progress = field(default_factory=Progress)
    least_histories: int = 0
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._started = self.clock()
        self._seconds = 0.0

    def __call__(self, tally: Tally) -> bool:
        """Return whether the simulation may end; tells the progress how far it is."""
        worst = self.worst(tally)
        self._seconds = self.clock() - self._started
        self.progress.update(self._fraction(worst, self._seconds), _message(worst, tally))
        enough = worst.reached and tally.total_histories >= self.least_histories
        return enough or self._seconds >= self.max_seconds

    def ended(self, tally: Tally) -> Ended:
        """Return what ended a run, of its last tally."""
        if self.worst(tally).reached:
            return Ended.PRECISE
        return Ended.MINUTES if self._seconds >= self.max_seconds else Ended.HISTORIES

    def worst(self, tally: Tally) -> Precision:
        """Return the precision of the organ that is farthest from what was asked for."""
        if not self.organs:
            return Precision("", 0.0, self.relative_se)
        _, relative_se = self.response_of(tally).doses(self.exposure)
        return max(
            (
                Precision(name, float(relative_se[score]), self._asked_for(name))
                for name, score in self.organs.items()
            ),
            key=lambda one: one.relative_se / one.asked_for,
        )

    def _asked_for(self, organ: str) -> float:
        return max(self.relative_se, LENS_SE) if organ.startswith(LENS) else self.relative_se

    def _fraction(self, worst: Precision, seconds: float) -> float:
        """Return how much of the work is done: variance falls with the number of histories."""
        known = 0 < worst.relative_se < np.inf
        of_histories = (worst.asked_for / worst.relative_se) ** 2 if known else 0.0
        return float(min(max(of_histories, seconds / self.max_seconds), 1.0))


def deciding_organs(scan: Scan, exposure: Exposure, scores: Mapping[str, int]) -> dict[str, int]:
    """Return the organs that are in the range by half or more, with their scores.

    Those over 20 ml, and the lenses of the eyes.

    Parameters
    ----------
    scan
        With what was measured of its organs.
    exposure
        With the range.
    scores
        Name of each score to its position.
    """
    low, high = exposure.covered_mm
    z = scan.series.z_mm
    inside = (z >= low) & (z <= high)
    deciding = {}
    for name, slices in scan.organs.items():
        if name not in scores:
            continue
        volume_ml = scan.measurements.volume_ml(name, scan.series.spacing_mm[2])
        share = slices.count[inside].sum() / slices.count.sum()
        large = volume_ml >= LEAST_ML or name.startswith(LENS)
        if large and share >= LEAST_IN_RANGE:
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


def in_millions(histories: float) -> str:
    """Return a number of photons in words, with two digits below ten million.

    Examples
    --------
    >>> in_millions(321_000), in_millions(25_400_000)
    ('0.32 million', '25 million')
    """
    millions = histories / 1e6
    return f"{millions:.2g} million" if millions < 9.95 else f"{millions:.0f} million"


def _message(worst: Precision, tally: Tally) -> str:
    photons = f"simulating, {tally.total_histories / 1e6:.1f} million photons"
    known = worst.organ and np.isfinite(worst.relative_se)
    return f"{photons}: {worst.in_words}" if known else photons
