"""Height, weight and body mass index by age and sex, with the limits of what is drawn.

`growth.csv` holds L, M and S (Cole's LMS method) of height in cm, weight in kg and body mass index:
the CDC 2000 growth charts up to 20 years, NHANES 2015-2016 in adults. The reference person is that
of ICRP Publication 89 (table 2.9); between its ages the growth charts give the shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import exp, inf, log

import numpy as np

from ..tables import table_rows

SEXES = ("female", "male")
ADULT_FROM_Y = 20.0
MAX_AGE_Y = 90.0
MAX_HEIGHT_Z = 3.5
# ICRP Publication 89, table 2.9, at these ages; the last one is the adult.
REFERENCE_AGES_Y = (0.0, 1.0, 5.0, 10.0, 15.0, ADULT_FROM_Y)
_ICRP_CM_AND_KG: Mapping[tuple[str, str], tuple[float, ...]] = {
    ("height", "female"): (51, 76, 109, 138, 161, 163),
    ("height", "male"): (51, 76, 109, 138, 167, 176),
    ("weight", "female"): (3.5, 10, 19, 32, 53, 60),
    ("weight", "male"): (3.5, 10, 19, 32, 56, 73),
}
# Judgement: adults from moderate thinness to obesity of class 3 and beyond; in children the band
# holds the 3rd to the 97th percentile of weight at the median height of every age and goes beyond
# both by about as much as in adults.
_BMI_AGES_Y = (0.0, 0.25, 1.0, 2.0, 5.0, 10.0, 15.0, ADULT_FROM_Y)
_BMI_LOW = (9.0, 10.5, 12.5, 12.0, 11.0, 11.5, 13.5, 16.0)
_BMI_HIGH = (20.0, 24.0, 26.0, 26.0, 29.0, 37.0, 45.0, 50.0)


def reference_height_mm(age_y: float, sex: str) -> float:
    """Return the height of ICRP 89's reference person of an age and sex, in mm."""
    return 10 * _reference("height", age_y, sex)


def reference_weight_kg(age_y: float, sex: str) -> float:
    """Return the weight of ICRP 89's reference person of an age and sex, in kg."""
    return _reference("weight", age_y, sex)


def reference_bmi(age_y: float, sex: str) -> float:
    """Return the body mass index of ICRP 89's reference person, in kg/m2."""
    return reference_weight_kg(age_y, sex) / (reference_height_mm(age_y, sex) / 1000) ** 2


def bmi_limits(age_y: float) -> tuple[float, float]:
    """Return the least and the largest body mass index a body of this age may have."""
    low, high = (float(np.interp(age_y, _BMI_AGES_Y, band)) for band in (_BMI_LOW, _BMI_HIGH))
    return low, high


def value_at(measure: str, z: float, age_y: float, sex: str) -> float:
    """Return the value at a z-score: M (1 + L S z)^(1/L) (Cole and Green 1992).

    Parameters
    ----------
    measure
        ``height`` (cm), ``weight`` (kg) or ``bmi`` (kg/m2).
    z
        Standard deviations from the median.
    age_y, sex
        Whose distribution.

    Returns
    -------
    float
        Infinite where the distribution's upper tail has no such value.
    """
    skew, median, width = _lms(measure, age_y, sex)
    if abs(skew) < 1e-6:
        return median * exp(width * z)
    base = 1 + skew * width * z
    if base <= 0:
        return inf if skew < 0 else 0.0
    return float(median * base ** (1 / skew))


def z_score(measure: str, value: float, age_y: float, sex: str) -> float:
    """Return how many standard deviations a value lies from the median of an age and sex."""
    skew, median, width = _lms(measure, age_y, sex)
    if abs(skew) < 1e-6:
        return log(value / median) / width
    return float(((value / median) ** skew - 1) / (skew * width))


def _reference(measure: str, age_y: float, sex: str) -> float:
    """Follow the growth charts' median, moved so that it meets ICRP 89 at each of its ages."""
    age = min(age_y, ADULT_FROM_Y)
    ratio = float(np.interp(age, REFERENCE_AGES_Y, _ratios_to_charts(measure, sex)))
    return ratio * _lms(measure, age, sex)[1]


@lru_cache
def _ratios_to_charts(measure: str, sex: str) -> list[float]:
    values = _ICRP_CM_AND_KG[measure, sex]
    medians = [_lms(measure, age, sex)[1] for age in REFERENCE_AGES_Y]
    return [value / median for value, median in zip(values, medians, strict=True)]


def _lms(measure: str, age_y: float, sex: str) -> tuple[float, float, float]:
    table = _growth(sex)
    scale = {"height": "height_m_cm", "weight": "weight_m_kg", "bmi": "bmi_m"}[measure]
    columns = (f"{measure}_l", scale, f"{measure}_s")
    skew, median, width = (float(np.interp(age_y, table["age_y"], table[c])) for c in columns)
    return skew, median, width


@lru_cache
def _growth(sex: str) -> dict[str, np.ndarray]:
    rows = [row for row in table_rows("bodies/growth.csv") if row["sex"] == sex]
    numbers = [name for name in rows[0] if name not in ("sex", "source")]
    return {name: np.array([float(row[name]) for row in rows]) for name in numbers}
