"""The range along the body in which the tube was on, as far as it is known.

Organ doses depend on it at its edges alone: an organ well inside gets what the current at it
gives, one beyond an edge gets scatter. Images never show it: a helical scan starts before the
first image and ends after the last (overranging).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..ct.series import CTSeries
from ..flags import Flag, flag

# Overranging at each end where the total collimation is not known: 30 mm in all.
OVERRANGE_MM = 15.0
# Rounding of a range that a user typed; scatter of an overranging that was measured (assumed).
_TYPED_SD_MM = 5.0
# Rounding of a dose report's positions, and what of the sources' names marks them.
_REPORTED_SD_MM = 1.0
_REPORTED = "rdsr"
_RECTANGULAR = math.sqrt(3.0)
EVERYWHERE = (-np.inf, np.inf)


@dataclass(frozen=True)
class Beam:
    """The irradiated range in use.

    Attributes
    ----------
    range_mm
        (low, high), RAS superior coordinates; everywhere where the range is not known.
    edge_sd_mm
        Standard deviation of each edge's position; 0 where the range is not known.
    flags
        What was assumed.
    """

    range_mm: tuple[float, float]
    edge_sd_mm: float = 0.0
    flags: tuple[Flag, ...] = ()

    @property
    def known(self) -> bool:
        """True where the range is known."""
        return self.range_mm != EVERYWHERE

    def outside(self, z_mm: np.ndarray) -> np.ndarray:
        """Return True for the slices outside the range, [k]."""
        return (z_mm < self.range_mm[0]) | (z_mm > self.range_mm[1])

    def moved(self, low_mm: float, high_mm: float) -> tuple[float, float]:
        """Return the range with its edges moved outward by these lengths; low stays below high."""
        low, high = self.range_mm[0] - low_mm, self.range_mm[1] + high_mm
        return min(low, self.range_mm[1]), max(high, self.range_mm[0])


def beam_of(series: CTSeries, overranging_mm: float | None = None) -> Beam:
    """Return the irradiated range to use for a scan.

    A range that a user typed is where the tube was on, overranging included, and is taken as it
    is. So is that of a dose report, whose scanning length is the table's travel with the tube on.
    Makers differ in whether the beam's width and the ramps at its ends count: DLP / CTDIvol, the
    length that the dose counts, is 0.8 to 1.2 times the scanning length in reports of four makers.
    Half the difference, or the usual overranging where it is not known, stays uncertain at each
    end.

    Any other range (that of an image's ScanLength) is the one that was imaged, and is widened at
    each end by half the total collimation, or by 15 mm where that is not known; how much it was
    stays uncertain by as much again. A range that was only guessed (a length, centred on the
    images) may also lie as much to one side as it is longer than the images. A range that misses
    the images is not used, unless a dose report states it in their own coordinates: then they got
    scatter alone.

    `overranging_mm`, both ends together, is what a scanner profile states: it is then known to 5 mm
    at each end.
    """
    acquisition = series.acquisition
    stated = acquisition.irradiated_range_mm
    if stated is None:
        return Beam(EVERYWHERE)
    z = series.z_mm
    source = acquisition.sources.get("irradiated_range_mm", "")
    reported = source.startswith(_REPORTED)
    if not reported and (stated[1] <= z.min() or stated[0] >= z.max()):
        return Beam(EVERYWHERE, flags=(flag("irradiated_range_elsewhere"),))
    if source == "user":
        return Beam(stated, _TYPED_SD_MM)
    width = acquisition.total_collimation_mm
    overrange = width / 2 if width else OVERRANGE_MM
    slack = max(np.ptp(stated) - np.ptp(z), 0.0) / 2 if "centred on the images" in source else 0.0
    if reported:
        counted = series.dose_report.dose_length_mm if series.dose_report else None
        if counted is not None:
            overrange = abs(counted - float(np.ptp(stated))) / 2
        doubt = math.hypot(overrange, slack) / _RECTANGULAR
        return Beam(stated, math.hypot(_REPORTED_SD_MM, doubt))
    why = "half the total collimation" if width else "total collimation not known"
    sd = overrange
    if overranging_mm is not None:
        overrange, why = overranging_mm / 2, "scanner profile"
        sd = _TYPED_SD_MM * _RECTANGULAR
    widened = flag("irradiated_range_widened", f"by {overrange:.3g} mm at each end ({why})")
    return Beam(
        (stated[0] - overrange, stated[1] + overrange),
        math.hypot(sd, slack) / _RECTANGULAR,
        (widened,),
    )
