"""What bodies are made of: density and composition of tissues by age, and their HU by voltage.

`tissues.csv` holds mass percent and density, a row for each age at which they are known;
`spongiosa.csv` the density of each bone's spongiosa and its mass fraction of mineral bone, the
rest being marrow. The column `source` names the publication of each row: ICRP 110 (adults) and
143 (children), ICRU 44 and 46, NIST; "memory" marks a value that was not read in a copy of its
source, "judgement" one that has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from ..ct.attenuation import hounsfield
from ..errors import CompositionError
from .tables import table_rows

# From this age a body is made of an adult's tissues (ICRP's reference adults).
ADULT_Y = 20.0
SPONGIOSA = "spongiosa_"


@dataclass(frozen=True)
class Tissue:
    """A substance of a body or of what lies in it, on it and around it.

    Attributes
    ----------
    name
        One of `tissue_names`, or that of a mixture.
    density_g_ml
        In g/ml. The lung's is that of ICRP's reference body, with the air in it.
    fractions
        Mass fraction of each element; their sum is 1.
    """

    name: str
    density_g_ml: float
    fractions: Mapping[str, float] = field(hash=False)

    def hu(self, kvp: float, iodine_mg_ml: float = 0.0, density_g_ml: float | None = None) -> float:
        """Return the HU of the tissue.

        Parameters
        ----------
        kvp
            Tube voltage in kV, 70 to 150.
        iodine_mg_ml
            Iodine of a contrast medium in mg/ml of tissue.
        density_g_ml
            In place of the tissue's own: of a lung that is more or less inflated.

        Returns
        -------
        float

        Raises
        ------
        AcquisitionError
            If the voltage is outside the table of attenuation.
        CompositionError
            If the density or the iodine is impossible.

        Examples
        --------
        >>> aorta = tissue("blood")
        >>> round(aorta.hu(120)), round(aorta.hu(120, iodine_mg_ml=10))
        (44, 297)
        >>> round(tissue("lung").hu(120, density_g_ml=0.2))
        -801
        """
        density = self.density_g_ml if density_g_ml is None else density_g_ml
        return hounsfield(self.fractions, density, kvp, iodine_mg_ml)


def tissue_names() -> tuple[str, ...]:
    """Return the names of all tissues, in the order of the tables."""
    return (*_tissues(), *(SPONGIOSA + region for region in _spongiosa()))


def tissue(name: str, age_y: float = 30.0) -> Tissue:
    """Return a tissue of a body of an age.

    Density and composition are linear between the ages of the table. Spongiosa is mineral bone of
    the age and marrow, red and yellow by the cellularity of the bone: all red in the newborn
    (ICRP 143), linear with age to the adult's (ICRP 110).

    Parameters
    ----------
    name
        One of `tissue_names`.
    age_y
        Age in years; from 20 on an adult.

    Returns
    -------
    Tissue

    Raises
    ------
    CompositionError
        If there is no such tissue, or the age is below zero or no number.

    Examples
    --------
    >>> tissue("cortical_bone", age_y=5).density_g_ml
    1.7
    >>> tissue("spongiosa_lumbar", 5).hu(120) > tissue("spongiosa_lumbar").hu(120)
    True
    """
    if not 0 <= age_y < np.inf:
        raise CompositionError(f"an age of {age_y:g} years is impossible; give zero or more")
    if name in _tissues():
        return _at_age(name, age_y)
    region = name.removeprefix(SPONGIOSA)
    if name.startswith(SPONGIOSA) and region in _spongiosa():
        return _spongiosa_at_age(region, age_y)
    raise CompositionError(f"there is no tissue {name!r}; there are {', '.join(tissue_names())}")


def active_marrow_share(name: str, age_y: float = 30.0) -> float:
    """Return the mass fraction of red marrow in a spongiosa.

    Parameters
    ----------
    name
        ``spongiosa_`` and its region.
    age_y
        Age in years.

    Returns
    -------
    float

    Raises
    ------
    CompositionError
        If there is no such spongiosa.

    Examples
    --------
    >>> round(active_marrow_share("spongiosa_lumbar"), 2)
    0.57
    """
    region = name.removeprefix(SPONGIOSA)
    if not name.startswith(SPONGIOSA) or region not in _spongiosa():
        raise CompositionError(f"there is no spongiosa {name!r}")
    ages, _, minerals, cellularity = _spongiosa()[region]
    mineral = float(np.interp(age_y, ages, minerals))
    return (1.0 - mineral) * float(np.interp(age_y, (0.0, ADULT_Y), (1.0, cellularity)))


def mixture(name: str, parts: Mapping[Tissue, float]) -> Tissue:
    """Return a mixture whose parts keep their volumes.

    Parameters
    ----------
    name
        Of the mixture.
    parts
        Mass fraction of each tissue; their sum is 1.

    Returns
    -------
    Tissue

    Raises
    ------
    CompositionError
        If a fraction is below zero, or they do not add up to 1.

    Examples
    --------
    >>> marrow = {tissue("red_marrow"): 0.5, tissue("yellow_marrow"): 0.5}
    >>> round(mixture("marrow", marrow).density_g_ml, 3)
    1.004
    """
    total = sum(parts.values())
    if any(not share >= 0 for share in parts.values()) or not abs(total - 1) <= 1e-6:
        raise CompositionError(
            f"the parts of {name} add up to {total:.6g}; give fractions, none below zero, "
            "that add up to 1"
        )
    elements = dict.fromkeys(element for part in parts for element in part.fractions)
    fractions = {
        element: sum(share * part.fractions.get(element, 0.0) for part, share in parts.items())
        for element in elements
    }
    volume_ml_g = sum(share / part.density_g_ml for part, share in parts.items())
    return Tissue(name, 1.0 / volume_ml_g, fractions)


def breast(glandularity: float, age_y: float = 30.0) -> Tissue:
    """Return breast tissue without skin.

    Parameters
    ----------
    glandularity
        Mass fraction of glandular tissue, 0 to 1; the rest is adipose.
    age_y
        Age in years.

    Returns
    -------
    Tissue

    Raises
    ------
    CompositionError
        If the glandularity or the age is impossible.

    Examples
    --------
    >>> breast(0.15).hu(120) < breast(0.5).hu(120)
    True
    """
    parts = {
        tissue("breast_glandular", age_y): glandularity,
        tissue("adipose", age_y): 1.0 - glandularity,
    }
    return mixture("breast", parts)


def _at_age(name: str, age_y: float) -> Tissue:
    rows = _tissues()[name]
    ages = [age for age, _ in rows]
    density = float(np.interp(age_y, ages, [row.density_g_ml for _, row in rows]))
    elements = dict.fromkeys(element for _, row in rows for element in row.fractions)
    fractions = {
        element: float(np.interp(age_y, ages, [row.fractions.get(element, 0.0) for _, row in rows]))
        for element in elements
    }
    return Tissue(name, density, fractions)


def _spongiosa_at_age(region: str, age_y: float) -> Tissue:
    ages, densities, minerals, adult_cellularity = _spongiosa()[region]
    mineral = float(np.interp(age_y, ages, minerals))
    red = float(np.interp(age_y, (0.0, ADULT_Y), (1.0, adult_cellularity)))
    parts = {
        tissue("cortical_bone", age_y): mineral,
        tissue("red_marrow"): (1.0 - mineral) * red,
        tissue("yellow_marrow"): (1.0 - mineral) * (1.0 - red),
    }
    mixed = mixture(SPONGIOSA + region, parts)
    # ICRP's own density: the parts' volumes give one that differs by a few per cent.
    return replace(mixed, density_g_ml=float(np.interp(age_y, ages, densities)))


@lru_cache(maxsize=1)
def _tissues() -> dict[str, list[tuple[float, Tissue]]]:
    """Return each tissue at the ages of its rows, the youngest first."""
    named: dict[str, list[tuple[float, Tissue]]] = {}
    for row in table_rows("tissues.csv"):
        fractions = _fractions(row["mass_percent"])
        known = Tissue(row["name"], float(row["density_g_ml"]), fractions)
        named.setdefault(row["name"], []).append((float(row["age_y"] or 0), known))
    return named


def _fractions(mass_percent: str) -> dict[str, float]:
    """Return mass fractions of a cell; published percents are rounded and add up to about 100."""
    cells = mass_percent.split()
    percent = dict(zip(cells[::2], map(float, cells[1::2]), strict=True))
    total = sum(percent.values())
    return {element: value / total for element, value in percent.items()}


@lru_cache(maxsize=1)
def _spongiosa() -> dict[str, tuple[list[float], list[float], list[float], float]]:
    """Return ages, densities, fractions of mineral, and the adult's cellularity, by region."""
    regions: dict[str, tuple[list[float], list[float], list[float], float]] = {}
    for row in table_rows("spongiosa.csv"):
        cellularity = float(row["adult_cellularity"])
        ages, densities, minerals, _ = regions.setdefault(row["region"], ([], [], [], cellularity))
        ages.append(float(row["age_y"]))
        densities.append(float(row["density_g_ml"]))
        minerals.append(float(row["mineral_fraction"]))
    return regions
