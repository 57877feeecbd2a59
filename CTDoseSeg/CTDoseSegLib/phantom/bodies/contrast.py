"""Iodine in vessels and organs by phase, from the enhancement seen in CT.

`contrast.csv` holds the enhancement in HU at 120 kV over the unenhanced tissue, for about 0.6 g of
iodine per kg of body mass injected at 4 ml/s, with its sources. Enhancement is proportional to the
iodine: about 25 HU for each mg/ml at 120 kV.
"""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ..tables import table_rows

# Arterial: late, 35 to 40 s after the start of the injection; portal 70 s; nephrographic 100 s;
# excretory (delayed) 5 minutes.
PHASES = ("none", "arterial", "portal", "nephrographic", "excretory")
HU_PER_MG_ML = 25.0
# Judgement: what dose, injection and heart change in all tissues alike (aorta and liver vary by 15
# to 20 % between patients), and what is a tissue's own.
_BODY_GSD = 1.18
_TISSUE_GSD = 1.1
_LARGEST_DEVIATION = 2.5


def iodine_of_body(phase: str, rng: np.random.Generator | None = None) -> dict[str, float]:
    """Return the iodine in all tissues of one body, in mg/ml.

    Parameters
    ----------
    phase
        One of `PHASES`.
    rng
        Source of randomness: a factor for the body and one for each tissue; None: the usual
        patient.

    Returns
    -------
    dict
        Iodine by tissue; a tissue that is not named takes up none that matters.

    Raises
    ------
    InputError
        No such phase.

    Examples
    --------
    >>> from CTDoseSegLib.phantom.bodies.contrast import iodine_of_body
    >>> iodine = iodine_of_body("portal")
    >>> round(iodine["liver"], 2), round(iodine["muscle"], 2)
    (2.44, 0.32)
    """
    if phase not in PHASES:
        raise InputError(f"{phase!r} is no contrast phase; choose one of {', '.join(PHASES)}.")
    body = _BODY_GSD ** _deviation(rng)
    iodine = {}
    for row in table_rows("bodies/contrast.csv"):
        factor = body * _TISSUE_GSD ** _deviation(rng)
        usual = 0.0 if phase == "none" else float(row[f"{phase}_hu"]) / HU_PER_MG_ML
        iodine[row["tissue"]] = usual * factor
    return iodine


def _deviation(rng: np.random.Generator | None) -> float:
    if rng is None:
        return 0.0
    return float(np.clip(rng.standard_normal(), -_LARGEST_DEVIATION, _LARGEST_DEVIATION))
