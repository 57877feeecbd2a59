"""Where the uterus region lies along the body: by a label, by the user, or by landmarks.

Landmarks are the upper ends of sacrum, hip bones and bladder, or, where no pelvis is in the images,
the lower end of the lungs. How far below them the middle of a uterus lies was measured on women of
this project's family of bodies (`Testing/MonteCarlo/uterus_of_bodies.py`), not pregnant and of 9 to
39 weeks. A pregnant uterus rests in the pelvis and grows upwards, its middle by 110 mm until term:
all of these places are plausible where the week is not stated (`Acquisition.pregnancy_week`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..measurement.measurements import GroupSlices
from .scan import Scan, touches_an_end

# Groups of the label map that are the region itself, the one that is asked for first.
LABELS = ("fetus", "uterus")
SPHERE_MM = 50.0  # diameter
_USER_MM = 30.0
# Upper end to the middle of the uterus of a woman who is not pregnant, mm.
_PELVIS = {"sacrum": -50.0, "hip_left": -85.0, "hip_right": -85.0, "urinary_bladder": 5.0}
# Lower end of the lungs to the same, mm.
_BELOW_LUNGS_MM = -225.0
# How far the middle of a pregnant uterus lies above that, by week: the masses and shapes of the
# bodies (`phantom.bodies.pregnancy`). Without the week the first of a pregnancy is most probable.
_WEEKS = (5, 8, 12, 16, 20, 24, 28, 32, 36, 40)
_GROWN_MM = (0.0, 3.0, 13.0, 30.0, 48.0, 62.0, 77.0, 90.0, 102.0, 111.0)
_USUAL_WEEK = 12.0
# What single women differ by.
_PELVIS_MM, _LUNGS_MM = 30.0, 45.0
_LUNGS = ("lung", "lung_left", "lung_right", "lung_lower_lobe_left", "lung_lower_lobe_right")
_HU = 40.0


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class UterusPosition:
    """Where the region is.

    Attributes
    ----------
    source
        ``label fetus``, ``label uterus``, ``user``, ``pelvis`` or ``lungs``.
    z_mm
        Its middle, RAS superior.
    low_mm, high_mm
        The lowest and the highest plausible place of the middle.
    slices
        The label as measured; None where there is none.
    cut
        True where the images end in the label: a part of it is beyond them.
    """

    source: str
    z_mm: float
    low_mm: float
    high_mm: float
    slices: GroupSlices | None = None
    cut: bool = False

    @property
    def label(self) -> str:
        """The label's group; empty where there is none."""
        return self.source.removeprefix("label ") if self.slices is not None else ""

    def places_mm(self, z_mm: np.ndarray, at_mm: float | None = None) -> tuple[np.ndarray, ...]:
        """Return places along the region and their shares of it, [n]; `at_mm` moves its middle.

        Parameters
        ----------
        z_mm
            Of the images' slices, [k].
        at_mm
            None: where it most probably is.
        """
        if self.slices is not None:
            there = self.slices.count > 0
            places, area = z_mm[there], self.slices.area_mm2[there]
        else:
            away = (np.arange(10) + 0.5) * SPHERE_MM / 10 - SPHERE_MM / 2
            places, area = self.z_mm + away, (SPHERE_MM / 2) ** 2 - away**2
        moved = 0.0 if at_mm is None else at_mm - self.z_mm
        return places + moved, area / area.sum()

    def measured(self, scan: Scan) -> GroupSlices | None:
        """Return the label's slices, or those of the sphere; None where images do not hold it."""
        if self.slices is not None:
            return self.slices
        z, half = scan.series.z_mm, SPHERE_MM / 2
        if len(z) < 2 or self.z_mm - half < z.min() or self.z_mm + half > z.max():
            return None
        area = math.pi * np.maximum(half**2 - (z - self.z_mm) ** 2, 0.0)
        if not area.any():
            area[np.abs(z - self.z_mm).argmin()] = math.pi * half**2
        count = np.ceil(area / scan.measurements.pixel_area_mm2).astype(np.int64)
        there = count > 0
        hu, sd = np.where(there, _HU, np.nan), np.where(there, 0.0, np.nan)
        return GroupSlices(count, area, hu, sd)


def uterus_position(scan: Scan) -> UterusPosition | None:
    """Return where the uterus region of a scan lies; None where nothing tells it.

    In this order: a label of the fetus or the uterus, the place that the user states
    (`Acquisition.uterus_z_mm`), the pelvis, the lungs.
    """
    z = scan.series.z_mm
    for label in LABELS:
        if label in scan.organs:
            slices = scan.organs[label]
            occupied = slices.count > 0
            middle = float(np.average(z, weights=slices.area_mm2))
            cut = touches_an_end(z, occupied)
            return UterusPosition(f"label {label}", middle, middle, middle, slices, cut)
    stated = scan.series.acquisition.uterus_z_mm
    if stated is not None:
        return UterusPosition("user", stated, stated - _USER_MM, stated + _USER_MM)
    middles = [
        float(z[there].max()) + offset
        for organ, offset in _PELVIS.items()
        if (there := _occupied(scan, organ)) is not None and not there[np.argmax(z)]
    ]
    if middles:
        return _grown(scan, "pelvis", float(np.mean(middles)), _PELVIS_MM)
    for lungs in _LUNGS:
        if (there := _occupied(scan, lungs)) is not None:
            # Lungs that the images cut end further down: further away is on the safe side.
            return _grown(scan, "lungs", float(z[there].min()) + _BELOW_LUNGS_MM, _LUNGS_MM)
    return None


def _grown(scan: Scan, source: str, middle_mm: float, doubt_mm: float) -> UterusPosition:
    """Return the place from that of the middle of a uterus that is not pregnant."""
    week = scan.series.acquisition.pregnancy_week
    weeks = (_WEEKS[0], _USUAL_WEEK, _WEEKS[-1]) if week is None else (week,) * 3
    low, usual, high = middle_mm + np.interp(weeks, _WEEKS, _GROWN_MM)
    return UterusPosition(source, float(usual), float(low) - doubt_mm, float(high) + doubt_mm)


def _occupied(scan: Scan, organ: str) -> np.ndarray | None:
    return scan.organs[organ].count > 0 if organ in scan.organs else None
