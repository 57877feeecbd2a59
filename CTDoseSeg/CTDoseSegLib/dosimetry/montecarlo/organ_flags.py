"""What to know of simulated organ doses, and why there is none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...ct.organs import is_bone
from ...flags import Flag, flag, organ_place
from ..doses import OrganDose
from .run import Run
from .stopping import histories_to, in_millions

# Less iodine raises the dose by less than 5 %.
LEAST_IODINE_MG_ML = 0.3
# Less of the body's active marrow in the images: their dose is not that of the body's marrow.
WHOLE_MARROW = 0.9
# From this age on the shares of bones of active marrow are an adult's (`marrow.csv`).
_ADULT_MARROW_Y = 20.0


def organ_flags(run: Run, name: str, score: int) -> Iterator[Flag]:
    """Yield what to know of an organ's dose."""
    occupied = run.scan.organs[name].count > 0
    z = run.scan.series.z_mm[occupied]
    low, high = run.exposure.range_mm
    if outside := float(((z < low) | (z > high)).mean()):
        yield flag("monte_carlo_outside_range", f"{outside:.0%} of its slices")
    if (iodine := run.iodine_mg_ml.get(name, 0.0)) >= LEAST_IODINE_MG_ML:
        detail = f"{iodine:.1f} mg of iodine in 1 ml"
        average = float(run.soft_tissue_mGy[score])
        yield flag(
            "monte_carlo_iodine",
            detail,
            consequence="iodine raises its dose; average soft tissue in its place would get "
            f"{average:.1f} mGy",
        )
    yield from (one for one in run.flags if one.place == organ_place(name))
    if is_bone(name):
        yield flag("monte_carlo_bone")
    cut = run.scan.size.truncated_fraction[occupied]
    if np.nanmax(np.append(cut, 0.0)) > 0:
        detail = f"up to {np.nanmax(cut):.0%} of the body contour lie outside the field of view"
        yield flag("monte_carlo_anatomy", detail)


def noisy(histories: int, relative_se: float, largest_se: float, advice: str) -> Flag:
    """Return why an organ has no dose, how many photons it would take, and how to get them."""
    detail = f"{in_millions(histories)} photons"
    if np.isfinite(relative_se):
        needed = in_millions(histories_to(largest_se, relative_se, histories))
        detail += f" gave {100 * relative_se:.3g} %; {largest_se:.0%} takes about {needed}"
    return flag("monte_carlo_noisy", detail, consequence=f"no dose; {advice}")


def differs(own: OrganDose, fast: OrganDose) -> Flag:
    """Return the flag of a dose that the fast law's interval does not reach."""
    ends = (fast.dose_mGy, fast.total_low_mGy, fast.total_high_mGy)
    dose, low, high = (0.0 if value is None else value for value in ends)
    return flag(
        "monte_carlo_differs",
        f"{own.dose_mGy:.1f} mGy simulated, {dose:.1f} mGy ({low:.1f} to {high:.1f}) by the law",
    )


def marrow_flags(age_years: float | None, dose_mGy: float, seen: float | None) -> Iterator[Flag]:
    """Yield what the dose to red marrow is, and what part of the body's marrow it stands for.

    Parameters
    ----------
    age_years
        Of the patient; None for not known.
    dose_mGy
        To the active marrow in the images.
    seen
        Part of the body's active marrow that is in the images; None where it is not known.
    """
    whose = "an adult's"
    if age_years is not None and age_years < _ADULT_MARROW_Y:
        whose = f"the active marrow at the age of {age_years:.3g} years"
    if seen is None:
        unnamed = "no label tells the bones apart, so that each part counts by its mass"
        unknown = "what share of the marrow they hold is not known"
        yield flag("monte_carlo_marrow_part", f"{unnamed}; {unknown}")
        return
    held = f"the images hold {min(seen, 1.0):.0%} of {whose}"
    if seen < WHOLE_MARROW:
        least = f"the mean of the whole body's marrow is at least {seen * dose_mGy:.2g} mGy"
        yield flag("monte_carlo_marrow_part", held, consequence=least, mends=())
    else:
        yield flag("monte_carlo_marrow", held)
