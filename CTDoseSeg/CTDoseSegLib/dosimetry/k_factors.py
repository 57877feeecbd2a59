"""Published factors k from dose-length product to effective dose, in mSv/(mGy cm).

The table is `k_factors.csv` beside this file: a factor holds for a range of the body, an age, a
tube voltage and a body size (each empty: the source does not tell them apart) and for a DLP of one
CTDI phantom. For each range the factors stand in the order in which they are taken for the dose;
the first one is near the middle of those for ICRP 103, where these are more than two. Sources:

Lee 2012
    NCI, Med Phys 39:2129 (10.1118/1.3693052), table XII. Its adult trunk is for the 32 cm phantom,
    its children for the 16 cm one: it does not say so, but k halves between adult and 15 years.
NCICT 2020
    Korean survey, Diagnostics 10:727 (10.3390/diagnostics10090727), abstract. The phantom of its
    neck is not known: the value is twice that of others, as for 32 cm, and is taken for either.
AJR 2020
    PMC7393764, table 4: chest by body mass index, and head.
Huda 2008
    PMC2657852: head, neck, and one value for the body.
Fujii 2009
    PMC3473380, table 2: measured in phantoms of an adult and a child of six years (here
    with those of five), on four scanners; abdomen and pelvis of the adult from the abstract.
Deak 2010
    Radiology 257:158 (10.1148/radiol.10100047). Adults alone; values at second hand; by its
    abstract they do not depend on voltage.
AAPM 96
    Report 96 (2008), table 3, after Shrimpton: tissue weights of ICRP 60, older than the rest.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .applicability import ADULT_YEARS

# Classes of body mass index, by the mean water-equivalent diameter of the chest's slices below
# which each begins to be taken. This project's judgement, between effective diameters of phantoms
# of known class (Li 2012, PMC3482255: chest 27 cm normal, 31 to 32 obese I, 35 obese II and III)
# and of patients (O'Neill 2018, 10.1186/s41747-018-0070-5: abdomen 9.4 cm + 0.76 BMI), both
# lessened by about a tenth for the lungs.
SIZES_BELOW_MM = {
    "normal": 260.0,
    "overweight": 290.0,
    "obese I": 320.0,
    "obese II": 350.0,
    "obese III": float("inf"),
}
_SIZES = tuple(SIZES_BELOW_MM)
_USUAL_KVP = 120.0
_ADULT = "adult"
# Factors of abdomen and pelvis stand in where a part of it has none of its own.
_STAND_IN = {"abdomen": "abdomen and pelvis", "pelvis": "abdomen and pelvis"}


@dataclass(frozen=True)
class Factor:
    """One published factor.

    Attributes
    ----------
    scanned_range
        Part of the body, ``abdomen and pelvis``, or ``trunk`` (chest, abdomen and pelvis).
    age_years
        Of the source's phantom; None for an adult.
    kvp_kV
        Tube voltage; None where the source does not tell it apart.
    body_size
        One of `SIZES_BELOW_MM`; empty for a reference person.
    phantom_cm
        CTDI phantom of the DLP; None where that is not known.
    k_mSv_per_mGy_cm
        Effective dose per DLP.
    tissue_weights
        ``ICRP 103`` or ``ICRP 60``.
    source
        Short name, as in this module's documentation.
    """

    scanned_range: str
    age_years: float | None
    kvp_kV: float | None
    body_size: str
    phantom_cm: int | None
    k_mSv_per_mGy_cm: float
    tissue_weights: str
    source: str

    @property
    def label(self) -> str:
        """Source with what else the factor is for; no two factors of a range share it."""
        parts = [self.source]
        if self.age_years is not None:
            parts.append(f"{self.age_years:g} years")
        if self.kvp_kV is not None:
            parts.append(f"{self.kvp_kV:g} kV")
        return ", ".join([*parts, self.body_size] if self.body_size else parts)


@cache
def all_factors() -> tuple[Factor, ...]:
    """Return the whole table, in its order."""
    text = files(__package__).joinpath("k_factors.csv").read_text(encoding="utf-8")
    return tuple(
        Factor(
            row["scanned_range"],
            None if row["age_years"] == _ADULT else float(row["age_years"]),
            float(row["kvp_kV"]) if row["kvp_kV"] else None,
            row["body_size"],
            int(row["phantom_cm"]) if row["phantom_cm"] else None,
            float(row["k_mSv_per_mGy_cm"]),
            row["tissue_weights"],
            row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def published_factors(
    scanned_range: str,
    *,
    age_years: float | None = None,
    kvp_kV: float | None = None,
    body_size: str | None = None,
) -> tuple[Factor, ...]:
    """Return the factors that were published for a range of this patient's body, the best first.

    The best one is for the nearest age and tube voltage and, in adults that are not of normal
    size, for the body size. The others tell how far published values are apart: those of the ages
    on either side, of the sizes next to this one, and of the voltages from the scan's up to 120 kV,
    which is what most sources are for. Factors that know no size or voltage are among them always.

    Parameters
    ----------
    scanned_range
        As `Factor.scanned_range`.
    age_years
        Of the patient; None is taken as an adult.
    kvp_kV
        Tube voltage; None where it is not known.
    body_size
        As `body_size_of` returns it; None where it is not known.

    Returns
    -------
    tuple of Factor
        At least one for every range of the table.

    Examples
    --------
    >>> best, *others = published_factors("chest", kvp_kV=100.0)
    >>> best.label, best.k_mSv_per_mGy_cm
    ('Lee 2012, 100 kV', 0.0203)
    """
    of_range = _of_age(scanned_range, age_years)
    voltages = sorted({f.kvp_kV for f in of_range if f.kvp_kV is not None})
    wanted_kvp = min(voltages, key=lambda v: abs(v - (kvp_kV or _USUAL_KVP)), default=None)
    fitting = [
        f
        for f in of_range
        if (kvp_kV is None or f.kvp_kV is None or wanted_kvp is None or f.kvp_kV >= wanted_kvp)
        and (not f.body_size or body_size is None or _next_to(f.body_size, body_size))
    ]
    age = None if age_years is None or is_adult(age_years) else age_years

    def rank(factor: Factor) -> tuple[float, bool, bool]:
        off_age = 0.0 if age is None else abs((factor.age_years or 0.0) - age)
        off_voltage = factor.kvp_kV not in (None, wanted_kvp)
        normal = body_size in (None, _SIZES[0])
        off_size = bool(factor.body_size) if normal else factor.body_size != body_size
        return off_age, off_voltage, off_size

    return tuple(sorted(fitting, key=rank))


def body_size_of(chest_wed_mm: float) -> str | None:
    """Return the class of body mass index that goes with the mean WED of an adult's chest."""
    return next((name for name, top in SIZES_BELOW_MM.items() if chest_wed_mm < top), None)


def _of_age(scanned_range: str, age_years: float | None) -> Sequence[Factor]:
    """Return the factors of a range for adults, or for the table's ages on either side."""
    of_range = [f for f in all_factors() if f.scanned_range == scanned_range]
    if age_years is None or is_adult(age_years):
        return [f for f in of_range if f.age_years is None]
    ages = {f.age_years for f in of_range if f.age_years is not None}
    if not ages:
        return _of_age(_STAND_IN[scanned_range], age_years)
    below = max((a for a in ages if a <= age_years), default=min(ages))
    above = min((a for a in ages if a >= age_years), default=max(ages))
    return [f for f in of_range if f.age_years in (below, above)]


def is_adult(age_years: float | None) -> bool:
    """Return whether factors for adults are taken: also where the age is not known."""
    return age_years is None or age_years >= ADULT_YEARS


def _next_to(size: str, wanted: str) -> bool:
    return abs(_SIZES.index(size) - _SIZES.index(wanted)) <= 1
