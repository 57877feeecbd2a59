"""One word on how sure the organ doses of a result are, with the reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..segmentation.labelmap import BODY, BODY_REST

if TYPE_CHECKING:
    from ..dosimetry.doses import OrganDose
    from ..result import Result

# From the dose to the further end of the total 90 % interval, ln: up to here a dose is known to
# about 25 %, 50 %. This project's judgement, for readers in a hurry; the intervals say more.
_LEVELS = ((math.log(1.25), "good"), (math.log(1.5), "moderate"))
_LOW = "low"
# Uncertainty component to why a dose is not better known.
_SHIFTED = 1.2
CONTRAST = "contrast agent may add to the dose"
# Flag of the scan that contradicts what doses are scaled with: no interval covers that.
CONTRADICTION = "ctdivol_per_mas"
CONTRADICTED = "CTDIvol and tube current contradict each other"
REASONS = {
    "law": "how well the fast law knows such organs",
    "beam": "the scanner's beam is not known exactly",
    "body_model": "patients differ from the simulated bodies",
    "ctdivol_display": "the displayed CTDIvol may be wrong (a scanner profile narrows this)",
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


def confidence(organs: Sequence[OrganDose]) -> tuple[str, float, float, str]:
    """Return how well organ doses are known, of the organ in the middle: half are known less well.

    Parameters
    ----------
    organs
        Of a result; without parts of each other, which would count several times.

    Returns
    -------
    word : str
        ``good``, ``moderate`` or ``low``; empty where no organ has a dose with an interval.
    below, above : float
        How far the total 90 % interval goes below and above that organ's dose, as a part of it.
    reason : str
        What makes it no better, one of `REASONS`; contrast agent where that takes the upper end
        furthest.

    Examples
    --------
    >>> confidence([])
    ('', 0.0, 0.0, '')
    """
    ends = []
    for organ in organs:
        dose, low, high = organ.dose_mGy, organ.total_low_mGy, organ.total_high_mGy
        if dose and low and high:
            ends.append((math.log(dose / low), math.log(high / dose), organ.budget))
    if not ends:
        return "", 0.0, 0.0, ""
    down, up, budget = sorted(ends, key=lambda one: max(one[:2]))[len(ends) // 2]
    word = next((word for most, word in _LEVELS if max(down, up) <= most), _LOW)
    reason = REASONS.get(max(budget, key=lambda name: budget[name], default=""), "")
    # Components widen both ends alike; contrast agent moves the upper one.
    if up > _SHIFTED * down:
        reason = CONTRAST
    return word, 1.0 - math.exp(-down), math.exp(up) - 1.0, reason


def confidence_of(result: Result) -> tuple[str, float, float, str]:
    """Return how well the organ doses of a result are known, as `confidence` does.

    Parts of organs count with their organ. Where CTDIvol and tube current contradict each other,
    one of them is wrong, and the word is ``low`` whatever the intervals.
    """
    whole = whole_organs(result)
    word, below, above, reason = confidence([o for o in result.organs if o.organ in whole])
    if word and any(flag.code == CONTRADICTION for flag in result.all_flags()):
        word, reason = _LOW, CONTRADICTED
    return word, below, above, reason


def whole_organs(result: Result) -> set[str]:
    """Return the organs with a dose that are no parts (lobes, chambers, sides) of others.

    A part holds some of the voxels of another organ with a dose, or has its name and more; the
    body, which holds all of them, is none.
    """
    given = (o.organ for o in result.organs if o.dose_mGy is not None)
    organs = [name for name in dict.fromkeys(given) if name not in (BODY, BODY_REST)]
    atoms = {n: set(s.atoms) for n, s in result.structures.items() if n in organs}
    parts = {
        name
        for name in organs
        if any(name.startswith(f"{other}_") for other in organs)
        or any(atoms.get(name, {""}) < others for others in atoms.values())
    }
    return set(organs) - parts
