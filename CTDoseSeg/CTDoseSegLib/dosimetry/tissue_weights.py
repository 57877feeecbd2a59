"""Tissue weights of ICRP Publication 103, the organs that stand for each tissue, and their masses.

`tissue_weights.csv` has a row for each tissue; gonads, and prostate or uterus, have one for each
sex, which count half: the weights are for the mean of a male and a female reference person. The 13
tissues of the remainder share 0.12 equally. `organs` are names of the table of organs: ways to put
the tissue together, the best first, each of one or several parts that count alike. What it holds
beyond ICRP's list is this project's judgement:

- An organ with its contents (stomach, bowel, bladder, gallbladder, heart) stands for its wall, as
  label maps draw it.
- Lymphatic nodes are taken as the small intestine, whose mesentery holds the most of them; the
  extrathoracic region as the mean of salivary glands and thyroid, between which it lies; oral
  mucosa as the tongue, else the salivary glands.
- Both sexes have breasts, at the same place: the patient's own stand for both.
- `part` is the part of the body (`measurement.body_parts`) that holds most of the tissue; ``all``
  for what is everywhere.

`reference_masses.csv` holds masses in g with blood and contents, as CT shows an organ: of the mesh
phantoms of ICRP Publications 145 (adults) and 156 (children), from the tables of their volumes and
densities as a public repository has them. To ten years they are the mean of both sexes.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

REMAINDER_WEIGHT, REMAINDER_TISSUES = 0.12, 13
EVERYWHERE = "all"
MUSCLE = "muscle"
# Labels that are samples of muscle where no label holds all of it.
MUSCLES = tuple(
    f"{name}_{side}"
    for name in ("autochthon", "iliopsoas", "gluteus_maximus", "gluteus_medius", "gluteus_minimus")
    for side in ("left", "right")
)
_AGES_Y = (0.0, 1.0, 5.0, 10.0, 15.0, 20.0)
_REMAINDER = "remainder"


@dataclass(frozen=True)
class Tissue:
    """One tissue of ICRP Publication 103, or one sex's part of it.

    Attributes
    ----------
    name
        Rows of the same tissue share it.
    weight
        Of this row: the tissue's weight times the row's share of it.
    part
        Part of the body, or `EVERYWHERE`.
    organs
        Ways to put it together, the best first; each is the names of its parts.
    """

    name: str
    weight: float
    part: str
    organs: tuple[tuple[str, ...], ...]


@cache
def tissues() -> tuple[Tissue, ...]:
    """Return the table of tissues; the weights add up to 1.

    Examples
    --------
    >>> round(sum(tissue.weight for tissue in tissues()), 9)
    1.0
    """
    return tuple(
        Tissue(
            row["tissue"],
            _weight(row["weight"]) * float(row["share"]),
            row["part"],
            tuple(tuple(way.split()) for way in row["organs"].split("|")),
        )
        for row in _rows("tissue_weights.csv")
    )


def reference_mass_g(
    organ: str, age_years: float | None = None, sex: str | None = None
) -> float | None:
    """Return the mass of a reference person's organ, with blood and contents.

    Parameters
    ----------
    organ
        Name in the table of organs; a side gets half of both.
    age_years
        Linear between the reference ages; None: an adult.
    sex
        ``M`` or ``F``; any other: the mean of both.

    Returns
    -------
    float or None
        None for an organ that is not in the table.

    Examples
    --------
    >>> reference_mass_g("kidney_left", sex="M"), reference_mass_g("kidney", 1)
    (211.0, 79.3)
    """
    if organ not in (masses := _masses()):
        pair = organ.removesuffix("_left").removesuffix("_right")
        both = reference_mass_g(pair, age_years, sex) if pair != organ else None
        return None if both is None else both / 2
    sexes = (sex,) if sex in ("M", "F") else ("M", "F")
    by_age = np.mean([masses[organ][one] for one in sexes], axis=0)
    return float(np.interp(_AGES_Y[-1] if age_years is None else age_years, _AGES_Y, by_age))


def _weight(text: str) -> float:
    return REMAINDER_WEIGHT / REMAINDER_TISSUES if text == _REMAINDER else float(text)


@cache
def _masses() -> dict[str, dict[str, list[float]]]:
    """Return the masses by age, by organ and sex."""
    young = ("age_0", "age_1", "age_5", "age_10")
    return {
        row["organ"]: {
            sex: [float(row[column]) for column in (*young, f"age_15_{sex}", f"adult_{sex}")]
            for sex in ("M", "F")
        }
        for row in _rows("reference_masses.csv")
    }


def _rows(name: str) -> list[dict[str, str]]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
