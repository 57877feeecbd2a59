"""One word on how sure the organ doses of a result are, with the reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..dosimetry.doses import OrganDose

# From the lower end of the total 90 % interval to the dose, ln: up to here a dose is known to about
# 25 %, 50 %. This project's judgement, for readers in a hurry; the intervals say more.
_LEVELS = ((math.log(1.25), "good"), (math.log(1.5), "moderate"))
_LOW = "low"
# Uncertainty component to why a dose is not better known.
REASONS = {
    "law": "how well the fast law knows such organs",
    "beam": "the scanner's beam is not known exactly",
    "body_model": "patients differ from the simulated bodies",
    "ctdivol_display": "the displayed CTDIvol may be off; a scanner profile narrows this",
    "ctdivol_of_scan": "CTDIvol is known for the whole scan only",
    "dose_per_mas": "CTDIvol is not known, and mAs took its place",
    "nctdiw": "how CTDI of a wide beam was measured",
    "wide_beam": "the wide beam",
    "unusual_beam": "the unusual beam",
    "segmentation": "how the organs are drawn",
    "irradiated_range": "where the scan began and ended is not known exactly",
    "organ_modulation": "the tube current may follow the angle",
    "miscentring": "the patient may lie off the centre",
    "composition": "what tissues are made of",
    "materials": "what tissues are made of",
    "truncation": "the field of view cuts the body",
    "tube_voltage": "the tube voltage is not known exactly",
    "statistics": "the number of simulated photons",
    "missing_anatomy": "what lies beyond the images",
    "start_angle": "the angle at which the tube started",
    "partial_volume": "voxels at the organs' surfaces",
}


def confidence(organs: Sequence[OrganDose]) -> tuple[str, str]:
    """Return ``good``, ``moderate`` or ``low``, and what makes it no better; empty without doses.

    It is that of the organ in the middle: half of the organs have a lower end further away. The
    upper end may be further still where contrast agent is.

    Parameters
    ----------
    organs
        Of a result.

    Returns
    -------
    word, reason : str

    Examples
    --------
    >>> confidence([])
    ('', '')
    """
    widths, budgets = [], []
    for organ in organs:
        if organ.dose_mGy and organ.total_low_mGy:
            widths.append(math.log(organ.dose_mGy / organ.total_low_mGy))
            budgets.append(organ.budget)
    if not widths:
        return "", ""
    middle = int(np.argsort(widths)[len(widths) // 2])
    word = next((word for most, word in _LEVELS if widths[middle] <= most), _LOW)
    budget = budgets[middle]
    largest = max(budget, key=lambda name: budget[name], default="")
    reason = REASONS.get(largest, largest.replace("_", " "))
    spread = 100.0 * (math.exp(widths[middle]) - 1.0)
    return word, f"90 % within about {spread:.0f} % of the dose; mostly {reason}"
