"""Dose of the heart from those of its chambers and its muscle, which the law knows one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...ct.geometry import cell_widths_mm
from ...flags import Flag, flag
from ..doses import OrganDose
from ..scan import Scan
from .completed_organ import no_reference_flag
from .density import density
from .iodine import ADDED, iodine_flag
from .scaling import BASES

HEART = "heart"
CHAMBERS_AND_MUSCLE = (
    *("heart_myocardium", "heart_atrium_left", "heart_atrium_right"),
    *("heart_ventricle_left", "heart_ventricle_right"),
)
# Some segmentations have it apart; with a few millilitres it does not change the mean.
_APPENDAGE = "atrial_appendage_left"
_ENDS = ("dose_mGy", "model_low_mGy", "model_high_mGy", "total_low_mGy", "total_high_mGy")


def heart_of_parts(scan: Scan, organs: Mapping[str, OrganDose]) -> OrganDose | None:
    """Return the dose of the heart as the union of its parts, weighted by mass; None without them.

    The errors of the parts are taken as one: they share model, exposure and patient. So the ends
    of the intervals are weighted as the doses are.

    Parameters
    ----------
    scan
        Whose label map has the heart as a group.
    organs
        Organ to its dose, as far as they are done.
    """
    members = {*scan.labelmap.groups.get(HEART, ())} - {_APPENDAGE}
    if members != {*CHAMBERS_AND_MUSCLE} or not members <= set(organs):
        return None
    parts = [organs[name] for name in CHAMBERS_AND_MUSCLE]
    flags = tuple(dict.fromkeys(entry for part in parts for entry in _shared(part)))
    if any(entry.code == "iodine" for part in parts for entry in part.flags):
        flags += (iodine_flag(ADDED[HEART]),)
    region = parts[0].region
    known = replace(scan.without_dose(HEART, flags, region), by_route=dict.fromkeys(BASES))
    if any(part.dose_mGy is None for part in parts):
        return known
    mass = np.array([_mass_g(scan, part) for part in parts])
    weights = mass.sum(axis=1) / mass.sum()

    def mean(values: list[float | None]) -> float | None:
        given = [value for value in values if value is not None]
        return float(weights @ np.array(given)) if len(given) == len(values) else None

    ends: dict[str, Any] = {name: mean([getattr(part, name) for part in parts]) for name in _ENDS}
    doses = np.array([np.nan_to_num(part.slice_dose_mGy) for part in parts])
    on_slice = mass.sum(axis=0)
    profile = np.full(len(on_slice), np.nan)
    np.divide((doses * mass).sum(axis=0), on_slice, out=profile, where=on_slice > 0)
    whole = known.coverage is not None
    flags += (flag("union_of_parts", ", ".join(CHAMBERS_AND_MUSCLE).replace("_", " ")),)
    if not whole:
        flags += (no_reference_flag(),)
    return replace(
        known,
        **ends,
        dose_slice_mean_mGy=float(np.nanmean(profile)),
        route=parts[0].route,
        by_route={basis: mean([part.by_route.get(basis) for part in parts]) for basis in BASES},
        slice_dose_mGy=profile,
        budget={
            name: float(weights @ np.array([part.budget[name] for part in parts]))
            for name in parts[0].budget
        },
        flags=flags,
        whole_organ_dose_mGy=ends["dose_mGy"] if whole else None,
        whole_organ_low_mGy=ends["total_low_mGy"] if whole else None,
        whole_organ_high_mGy=ends["total_high_mGy"] if whole else None,
        seen_mass_g=float(mass.sum()),
        missing_mass_g=0.0 if whole else None,
    )


def before_parts(organs: Sequence[OrganDose]) -> int:
    """Return where the heart stands among `organs`: before the first of its parts."""
    return next(n for n, organ in enumerate(organs) if organ.organ in CHAMBERS_AND_MUSCLE)


def _shared(part: OrganDose) -> tuple[Flag, ...]:
    """Return the flags of a part that hold for the heart too."""
    own = ("whole_organ_", "iodine")
    return tuple(entry for entry in part.flags if not entry.code.startswith(own))


def _mass_g(scan: Scan, part: OrganDose) -> np.ndarray:
    """Return a part's mass in the slices that have its dose, [k]."""
    slices = scan.organs[part.organ]
    by_hu = density(part.organ, slices.mean_hu)
    mass = slices.area_mm2 * by_hu * cell_widths_mm(scan.series.z_mm) / 1000.0
    return np.where(np.isfinite(part.slice_dose_mGy), mass, 0.0)
