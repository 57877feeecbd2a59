"""What doubt of a contour does to an organ's dose: the dose over other masks that are plausible.

The law gives a dose in each slice that does not depend on the organ's contour there; the organ's
dose is their mean, weighted by its mass in each slice. So a mask is the organ's area in each slice,
and no volume is needed. Plausible masks are the organ drawn at a high and at a low probability, and
as it was drawn when the slices were varied (`segmentation.doubt`); a contour is moved up or down
the body where it is small on one side of the organ's centre and large on the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...ct.geometry import cell_widths_mm
from ...measurement.measurements import GroupSlices
from ...segmentation.doubt import OrganDoubt
from .along_body import AlongBody
from .density import density
from .model import OrganModel, RegionModel
from .uncertainty import WITHOUT_DOUBT

# The fit of Testing/Bodies/doubt_of_bodies.py on 190 organs of 14 bodies of any age, seeds 3001 to
# 3014: the 90 % interval holds 93 % of them, and 90 % of 188 organs of 14 others, 3101 to 3114.
FLOOR = 0.001
PER_SPREAD = 1.25
PER_DISAGREEMENT = 0.02


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class DoseOfMasks:
    """The dose of an organ as it follows from the organ's area in each slice.

    Attributes
    ----------
    dose_mGy
        In each slice, also in those without the organ, [k]; NaN where the body was not measured.
    area_mm2
        As the organ is drawn, [k].
    g_per_mm2
        Its mass in each slice by area, [k].
    z_mm
        Of the slices, [k].
    """

    dose_mGy: np.ndarray
    area_mm2: np.ndarray
    g_per_mm2: np.ndarray
    z_mm: np.ndarray

    @classmethod
    def of(
        cls,
        body: AlongBody,
        shared: RegionModel,
        organ: OrganModel,
        basis: str,
        slices: GroupSlices,
    ) -> DoseOfMasks | None:
        """Return it for an organ of a scan; None where no slice of it was measured.

        Where the organ is not drawn, its HU are those of the nearest slice that has it.
        """
        measured = np.flatnonzero((slices.count > 0) & np.isfinite(slices.mean_hu))
        if not measured.size:
            return None
        every = np.arange(len(body.z_mm))
        nearest = measured[np.abs(every[:, None] - measured).argmin(axis=1)]
        by_hu = density(organ.organ, slices.mean_hu[nearest])
        factor = np.exp(organ.log_factor(body.sizes_mm(shared), body.terms.values))
        return cls(
            body.reached_mGy(basis, shared, organ, body.beam.range_mm) * factor,
            slices.area_mm2,
            by_hu * cell_widths_mm(body.z_mm) / 1000.0,
            body.z_mm,
        )

    def mean_mGy(self, area_mm2: np.ndarray) -> float:
        """Return the dose of a mask of the organ; NaN where no slice of it was measured."""
        mass = np.where(np.isfinite(self.dose_mGy), area_mm2 * self.g_per_mm2, 0.0)
        if not mass.sum() > 0:
            return math.nan
        return float(np.nansum(self.dose_mGy * mass) / mass.sum())

    def plausible_areas(self, doubt: OrganDoubt) -> Iterator[np.ndarray]:
        """Yield the areas of the masks that are plausible, mm2, each [k]."""
        less, more = self.area_mm2 + doubt.less_mm2, self.area_mm2 + doubt.more_mm2
        upper = self.z_mm > np.average(self.z_mm, weights=np.maximum(self.area_mm2, 1e-9))
        again = self.area_mm2 + doubt.again_mm2
        moved = np.where(upper, more, less), np.where(upper, less, more)
        for area in (less, more, again, *moved):
            yield np.maximum(area, 0.0)

    def spread(self, doubt: OrganDoubt) -> float:
        """Return the root mean square of ln(dose of a plausible mask / dose as drawn)."""
        drawn = self.mean_mGy(self.area_mm2)
        doses = np.array([self.mean_mGy(area) for area in self.plausible_areas(doubt)])
        known = doses[doses > 0]
        return float(np.sqrt(np.mean(np.log(known / drawn) ** 2))) if known.size else 0.0


def segmentation_component(masks: DoseOfMasks | None, doubt: OrganDoubt) -> float:
    """Return the uncertainty of ln(dose) by the organ's contour, a standard deviation.

    sqrt(`FLOOR`^2 + (`PER_SPREAD` spread)^2 + (`PER_DISAGREEMENT` (1 - agreement))^2), fitted on
    bodies with exact labels so that the 90 % interval holds ln(dose of the found mask / dose of the
    true one); `WITHOUT_DOUBT` where no slice was measured.

    Parameters
    ----------
    masks
        The organ's dose by its area.
    doubt
        Of the organ.
    """
    if masks is None:
        return WITHOUT_DOUBT
    disagreement = PER_DISAGREEMENT * (1.0 - doubt.agreement)
    return math.hypot(FLOOR, PER_SPREAD * masks.spread(doubt), disagreement)
