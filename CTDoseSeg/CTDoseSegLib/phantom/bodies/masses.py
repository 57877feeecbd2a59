"""What organs weigh: ICRP's reference masses carried to a person's age, sex and size.

`masses.csv` holds the reference masses in grams at six ages, with the blood in them (mesh phantoms
of ICRP Publications 145 and 156), as CT sees an organ with its blood, and beside them those without
(ICRP Publication 89). `mass_scaling.csv` says how a mass follows height and body mass index, and
how wide it spreads among people alike in these; `marrow_shares.csv` where active marrow lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...errors import InputError
from ..tables import table_rows
from .growth import REFERENCE_AGES_Y, reference_bmi, reference_height_mm, reference_weight_kg
from .person import Person

# Judgement, from the masses in anatomy texts (parotid 25 g, submandibular 10 g, sublingual 3.5 g).
GLAND_SHARES = {"parotid": 0.64, "submandibular": 0.27, "sublingual": 0.09}
# Judgement: even the leanest body keeps some fat, and muscle gives way before it.
_LEAST_ADIPOSE_SHARE = 0.04
_LARGEST_DEVIATION = 2.5


def reference_mass_g(organ: str, person: Person) -> float:
    """Return what an organ of this person weighs by ICRP's references, in g.

    Between ICRP's ages the mass is interpolated in its logarithm against that of the reference
    weight, so that organs keep pace with growth. It then follows the person's height as
    (height / reference height) ** exponent (Willmann 2007) and likewise the body mass index.
    Adipose tissue takes what the other parts leave of the person's weight.

    Parameters
    ----------
    organ
        A name of `masses.csv`. The eyes include their lenses, and spongiosa includes active marrow
        and the medullary cavities; most cartilage lies inside other parts.
    person
        Whose organ.

    Returns
    -------
    float

    Raises
    ------
    InputError
        No such organ, or a person of this sex has none.

    Examples
    --------
    >>> from CTDoseSegLib.phantom.bodies.masses import reference_mass_g
    >>> from CTDoseSegLib.phantom.bodies.person import Person
    >>> round(reference_mass_g("liver", Person.of(30, "male")))
    2360
    """
    masses = organ_masses_g(person)
    if organ not in masses:
        raise InputError(f"A {person.sex} body has no organ {organ!r}; it has {', '.join(masses)}.")
    return masses[organ]


def organ_masses_g(person: Person, rng: np.random.Generator | None = None) -> dict[str, float]:
    """Return the masses of all organs of a person, in g.

    Parameters
    ----------
    person
        Whose organs.
    rng
        Source of randomness for deviations from the reference, log-normal and at most 2.5 standard
        deviations; None: the reference masses.

    Returns
    -------
    dict
        Mass by organ, as `reference_mass_g`. The parts that are not inside another one, and the few
        small ones that are not named, add up to the person's weight.

    Examples
    --------
    >>> import numpy as np
    >>> from CTDoseSegLib.phantom.bodies.masses import organ_masses_g
    >>> from CTDoseSegLib.phantom.bodies.person import Person
    >>> child = Person.of(5, "female")
    >>> round(organ_masses_g(child)["kidneys"])
    142
    >>> drawn = organ_masses_g(child, np.random.default_rng(1))
    >>> 80 < drawn["kidneys"] < 240
    True
    """
    masses: dict[str, float] = {}
    deviations: dict[str, float] = {}
    for organ, rule in _rules().items():
        if (organ, person.sex) not in _table():
            continue
        deviations[organ] = deviations.get(rule.inside, _deviation(rng))
        masses[organ] = _at_age(organ, person) * rule.factor(person, deviations[organ])
    _fill_with_adipose(masses, person)
    return masses


def marrow_shares(age_y: float, sex: str) -> dict[str, float]:
    """Return the share of the active marrow by bone; the shares add up to 1.

    Parameters
    ----------
    age_y, sex
        Whose marrow.

    Returns
    -------
    dict
        Share by bone: the skull holds a third of it in infants and 7 % in adults.

    Examples
    --------
    >>> from CTDoseSegLib.phantom.bodies.masses import marrow_shares
    >>> round(marrow_shares(1, "female")["skull"], 2), round(marrow_shares(40, "male")["skull"], 2)
    (0.33, 0.07)
    """
    shares = {
        row["bone"]: float(np.interp(age_y, REFERENCE_AGES_Y, _knots(row)))
        for row in table_rows("bodies/marrow_shares.csv")
        if row["sex"] == sex
    }
    total = sum(shares.values())
    return {bone: share / total for bone, share in shares.items()}


@dataclass(frozen=True)
class _Rule:
    """How the mass of an organ follows size, and how wide it spreads."""

    height_exponent: float
    bmi_exponent_below: float
    bmi_exponent_above: float
    gsd: Mapping[str, float]
    inside: str

    def factor(self, person: Person, deviation: float) -> float:
        """Return the mass of a person's organ over that of the reference person of that age."""
        height = person.height_mm / reference_height_mm(person.age_y, person.sex)
        build = person.bmi / reference_bmi(person.age_y, person.sex)
        exponent = self.bmi_exponent_above if build > 1 else self.bmi_exponent_below
        spread = self.gsd[person.sex] ** deviation
        return float(height**self.height_exponent * build**exponent * spread)


def _fill_with_adipose(masses: dict[str, float], person: Person) -> None:
    """Let adipose tissue take what the others leave of the weight; muscle yields to its least."""
    weight = 1000 * person.weight_kg
    unnamed = float(np.interp(*_clock(person), _unnamed_g(person.sex)))
    unnamed *= person.weight_kg / reference_weight_kg(person.age_y, person.sex)
    named = sum(mass for organ, mass in masses.items() if not _rules()[organ].inside)
    adipose = weight - unnamed - (named - masses["adipose"])
    least = _LEAST_ADIPOSE_SHARE * weight
    masses["adipose"] = max(adipose, least)
    masses["muscle"] -= max(least - adipose, 0.0)


def _deviation(rng: np.random.Generator | None) -> float:
    """Draw from a standard normal distribution without its far tails."""
    if rng is None:
        return 0.0
    while abs(deviation := float(rng.standard_normal())) > _LARGEST_DEVIATION:
        pass
    return deviation


def _at_age(organ: str, person: Person) -> float:
    """Interpolate the reference mass to a person's age."""
    knots = _table()[organ, person.sex]
    return float(np.exp(np.interp(*_clock(person), np.log(knots))))


def _clock(person: Person) -> tuple[float, list[float]]:
    """Return the logarithm of the reference weight at a person's age, and at ICRP's ages."""
    return float(np.log(reference_weight_kg(person.age_y, person.sex))), _clock_marks(person.sex)


@lru_cache
def _clock_marks(sex: str) -> list[float]:
    return [float(np.log(reference_weight_kg(age, sex))) for age in REFERENCE_AGES_Y]


@lru_cache
def _unnamed_g(sex: str) -> list[float]:
    """Return what the named parts leave of the reference weights at ICRP's ages, in g."""
    named = [
        values
        for (organ, whose), values in _table().items()
        if whose == sex and not _rules()[organ].inside
    ]
    weights = [1000 * reference_weight_kg(age, sex) for age in REFERENCE_AGES_Y]
    return [w - sum(column) for w, column in zip(weights, zip(*named, strict=True), strict=True)]


@lru_cache
def _table() -> dict[tuple[str, str], tuple[float, ...]]:
    """Masses at ICRP's ages by organ and sex: with blood where the table has them."""
    table = {}
    rows = table_rows("bodies/masses.csv")
    for row in sorted(rows, key=lambda row: row["kind"]):  # with_blood overwrites
        table[row["organ"], row["sex"]] = _knots(row)
    return table


@lru_cache
def _rules() -> dict[str, _Rule]:
    return {
        row["organ"]: _Rule(
            height_exponent=float(row["height_exponent"]),
            bmi_exponent_below=float(row["bmi_exponent_below"]),
            bmi_exponent_above=float(row["bmi_exponent_above"]),
            gsd={sex: float(row[f"gsd_{sex}"]) for sex in ("female", "male")},
            inside=row["inside"],
        )
        for row in table_rows("bodies/mass_scaling.csv")
    }


def _knots(row: Mapping[str, str]) -> tuple[float, ...]:
    return tuple(float(row[f"{age:g}"]) for age in REFERENCE_AGES_Y)
