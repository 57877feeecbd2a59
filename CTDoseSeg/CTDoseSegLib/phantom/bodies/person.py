"""A person: age, sex, height and weight, within the limits of the bodies that can be built."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from statistics import NormalDist

import numpy as np

from ...errors import InputError
from .growth import (
    ADULT_FROM_Y,
    MAX_AGE_Y,
    MAX_HEIGHT_Z,
    SEXES,
    bmi_limits,
    reference_bmi,
    reference_height_mm,
    value_at,
    z_score,
)

# Share of the young among those drawn: more than in the population, as children change more.
_YOUNG_SHARE = 0.4


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who a body is.

    Parameters
    ----------
    age_y
        Age in years, 0 (newborn) to 90.
    sex
        ``female`` or ``male``.
    height_mm
        Standing height, or length up to 2 years.
    weight_kg
        Body mass.

    Raises
    ------
    InputError
        A value is outside the limits of the bodies.
    """

    age_y: float
    sex: str
    height_mm: float
    weight_kg: float

    def __post_init__(self) -> None:
        _check_age_and_sex(self.age_y, self.sex)
        _check_height(self.height_mm, self.age_y, self.sex)
        _check_bmi(self)

    @property
    def bmi(self) -> float:
        """Body mass index in kg/m2."""
        return self.weight_kg / (self.height_mm / 1000) ** 2

    @classmethod
    def of(
        cls,
        age_y: float,
        sex: str,
        *,
        height_cm: float | None = None,
        weight_kg: float | None = None,
        bmi: float | None = None,
        height_percentile: float | None = None,
        weight_percentile: float | None = None,
    ) -> Person:
        """Return a person of whom at least age and sex are known.

        Without a height, that of ICRP 89's reference person. Without weight or body mass index, the
        weight at which the body mass index is the reference person's.

        Parameters
        ----------
        age_y, sex
            Age in years and ``female`` or ``male``.
        height_cm, height_percentile
            Height itself, or its percentile among people of this age and sex.
        weight_kg, bmi, weight_percentile
            Weight itself, the body mass index in kg/m2, or the percentile of weight among people of
            this age and sex, whatever their height.

        Returns
        -------
        Person

        Raises
        ------
        InputError
            Options contradict each other, or a value is outside the limits.

        Examples
        --------
        >>> from CTDoseSegLib.phantom.bodies.person import Person
        >>> Person.of(35, "male")
        Person(age_y=35, sex='male', height_mm=1760.0, weight_kg=73.0)
        >>> round(Person.of(5, "female", bmi=15).weight_kg, 1)
        17.8
        """
        _check_age_and_sex(age_y, sex)
        _check_one_of(height_cm=height_cm, height_percentile=height_percentile)
        _check_one_of(weight_kg=weight_kg, bmi=bmi, weight_percentile=weight_percentile)
        if height_percentile is not None:
            height_cm = _at_percentile("height", height_percentile, age_y, sex)
        height_mm = reference_height_mm(age_y, sex) if height_cm is None else 10 * height_cm
        _check_height(height_mm, age_y, sex)
        if weight_percentile is not None:
            weight_kg = _at_percentile("weight", weight_percentile, age_y, sex)
        if weight_kg is None:
            index = reference_bmi(age_y, sex) if bmi is None else bmi
            weight_kg = index * (height_mm / 1000) ** 2
        return cls(
            age_y=age_y, sex=sex, height_mm=round(height_mm, 3), weight_kg=round(weight_kg, 6)
        )

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, age_y: float | None = None, sex: str | None = None
    ) -> Person:
        """Draw a person within the limits.

        Four in ten are under 20 years, the youngest most often; the others are of any adult age
        alike. Height is drawn from the growth charts or, in adults, NHANES, and then the body mass
        index from the same, independent of height.

        Parameters
        ----------
        rng
            Source of all randomness.
        age_y, sex
            What is not to be drawn.

        Returns
        -------
        Person

        Examples
        --------
        >>> import numpy as np
        >>> from CTDoseSegLib.phantom.bodies.person import Person
        >>> person = Person.drawn(np.random.default_rng(1), sex="female")
        >>> 0 <= person.age_y <= 90
        True
        """
        if age_y is None:
            age_y = _drawn_age(rng)
        if sex is None:
            sex = SEXES[int(rng.integers(2))]
        _check_age_and_sex(age_y, sex)
        z = _drawn_within(rng, -MAX_HEIGHT_Z, MAX_HEIGHT_Z)
        height_cm = value_at("height", z, age_y, sex)
        low, high = (z_score("bmi", limit, age_y, sex) for limit in bmi_limits(age_y))
        bmi = value_at("bmi", _drawn_within(rng, low, high), age_y, sex)
        return cls.of(age_y, sex, height_cm=height_cm, bmi=bmi)


def _drawn_age(rng: np.random.Generator) -> float:
    share = float(rng.uniform())
    if share < _YOUNG_SHARE:
        return ADULT_FROM_Y * (share / _YOUNG_SHARE) ** 1.5
    rest = (share - _YOUNG_SHARE) / (1 - _YOUNG_SHARE)
    return ADULT_FROM_Y + (MAX_AGE_Y - ADULT_FROM_Y) * rest


def _drawn_within(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw from the part of a standard normal distribution between two limits."""
    normal = NormalDist()
    least, most = normal.cdf(low), normal.cdf(high)
    return min(max(normal.inv_cdf(float(rng.uniform(least, most))), low), high)


def _at_percentile(measure: str, percentile: float, age_y: float, sex: str) -> float:
    if not 0 < percentile < 100:
        raise InputError(
            f"A {measure} at percentile {percentile:g} does not exist; give a percentile between "
            "0 and 100."
        )
    return value_at(measure, NormalDist().inv_cdf(percentile / 100), age_y, sex)


def _check_one_of(**options: float | None) -> None:
    named = [name for name, value in options.items() if value is not None]
    if len(named) > 1:
        raise InputError(
            f"{' and '.join(named)} contradict each other; give only one of {', '.join(options)}."
        )


def _check_age_and_sex(age_y: float, sex: str) -> None:
    if sex not in SEXES:
        raise InputError(f"A body's sex is female or male, not {sex!r}.")
    if not 0 <= age_y <= MAX_AGE_Y:
        raise InputError(
            f"A body of {age_y:g} years cannot be built; its age must be 0 to {MAX_AGE_Y:g} years."
        )


def _check_height(height_mm: float, age_y: float, sex: str) -> None:
    low, high = (value_at("height", z, age_y, sex) for z in (-MAX_HEIGHT_Z, MAX_HEIGHT_Z))
    # A tenth of a mm for the rounding of a height that was drawn at a limit.
    if not 10 * low - 0.1 <= height_mm <= 10 * high + 0.1:
        raise InputError(
            f"A height of {height_mm / 10:.4g} cm is outside what bodies are built for; at "
            f"{age_y:.3g} years ({sex}) it must be {low:.1f} to {high:.1f} cm."
        )


def _check_bmi(person: Person) -> None:
    low, high = bmi_limits(person.age_y)
    if not (isfinite(person.weight_kg) and low - 1e-3 <= person.bmi <= high + 1e-3):
        square = (person.height_mm / 1000) ** 2
        raise InputError(
            f"A weight of {person.weight_kg:.4g} kg at {person.height_mm / 10:.4g} cm is outside "
            f"what bodies are built for; at {person.age_y:.3g} years the body mass index must be "
            f"{low:.1f} to {high:.1f}, here {low * square:.1f} to {high * square:.1f} kg."
        )
