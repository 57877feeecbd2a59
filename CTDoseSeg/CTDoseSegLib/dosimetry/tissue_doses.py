"""Doses of ICRP's tissues from organ doses: what is predicted of each, and a bound for the rest.

The mean dose of a whole tissue is the dose of its part in the images times the share of the tissue
that lies there, and that of the rest. The rest gets scattered radiation: from nothing to what the
part in the images gets. A tissue that no organ dose stands for gets from nothing to the highest
dose of the organs predicted in its part of the body, or in the part nearest to it. Both bounds are
this project's judgement; they hold where the images show what was irradiated.

The share in the images is 1 where an organ ends inside them or where an engine completed it, that
of the bones' active marrow for red marrow, else the mass seen over that of a reference person of
the patient's age and sex (`tissue_weights`). Contrast agent counts nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..measurement.body_parts import PARTS
from .doses import BONE_SURFACE, RED_MARROW, OrganDose
from .tissue_weights import EVERYWHERE, MUSCLE, MUSCLES, Tissue, reference_mass_g, tissues

# Most that bone surface gets, over red marrow: 26.6 over 12.3 mGy in 22 simulated whole-body CT
# (10.1038/s41598-020-66366-2, table 2), which counts the mineral as bone surface.
BONE_OVER_MARROW = 2.2


@dataclass(frozen=True)
class Patient:
    """Whose reference masses are taken.

    Attributes
    ----------
    age_years, sex
        None for not known.
    marrow_share
        Part of the body's active marrow that the images hold; None for not known.
    """

    age_years: float | None = None
    sex: str | None = None
    marrow_share: float | None = None


@dataclass(frozen=True)
class TissueDose:
    """The dose of a tissue: of its predicted part by organ, and a bound for the rest.

    Attributes
    ----------
    tissue
        Its row in the table.
    by_organ_mGy
        What each organ's dose gives to the tissue's mean.
    share
        Part of the tissue that these are for, 0 to 1.
    rest_mGy
        The most that the rest gives to the tissue's mean.
    """

    tissue: Tissue
    by_organ_mGy: Mapping[str, float]
    share: float
    rest_mGy: float

    @property
    def predicted_mSv(self) -> float:
        """What the predicted part gives to effective dose: photons have a weight of 1."""
        return self.tissue.weight * sum(self.by_organ_mGy.values())

    @property
    def bound_mSv(self) -> float:
        """The most that the rest gives to effective dose."""
        return self.tissue.weight * self.rest_mGy


@dataclass(frozen=True)
class _InImages:
    """Dose of an organ, and the share of the whole organ that it is for."""

    dose_mGy: float
    share: float


def tissue_doses(organs: Iterable[OrganDose], patient: Patient) -> tuple[TissueDose, ...]:
    """Return the dose of every tissue, in the order of the table.

    Parameters
    ----------
    organs
        As a dose engine gave them; of an organ that is listed twice the first dose counts.
    patient
        For the masses of what the images cut.

    Returns
    -------
    tuple of TissueDose
        Empty where no organ has a dose.
    """
    dosed = by_name(organs)
    known = {name: _in_images(organ, patient) for name, organ in dosed.items()}
    if not known:
        return ()
    masses = {name: organ.seen_mass_g or 0.0 for name, organ in dosed.items()}
    highest = _highest_by_part(known)
    return tuple(_tissue_dose(tissue, known, masses, highest, patient) for tissue in tissues())


def by_name(organs: Iterable[OrganDose]) -> dict[str, OrganDose]:
    """Return the organs that have a dose, by name; of several of one name the first."""
    dosed: dict[str, OrganDose] = {}
    for organ in organs:
        if organ.dose_mGy is not None:
            dosed.setdefault(organ.organ, organ)
    return dosed


def is_completed(organ: OrganDose) -> bool:
    """Return whether an organ's dose is taken from the estimate of the whole organ."""
    return organ.whole_organ_dose_mGy is not None


def _in_images(organ: OrganDose, patient: Patient) -> _InImages:
    dose = organ.dose_mGy or 0.0
    free = 1.0
    if organ.iodine_free_dose_mGy is not None and dose > 0:
        free = organ.iodine_free_dose_mGy / dose
    if organ.whole_organ_dose_mGy is not None:
        return _InImages(free * organ.whole_organ_dose_mGy, 1.0)
    if organ.coverage is not None and organ.coverage >= 1.0:
        return _InImages(free * dose, 1.0)
    if organ.organ == RED_MARROW:
        return _InImages(free * dose, patient.marrow_share or 0.0)
    reference = reference_mass_g(organ.organ, patient.age_years, patient.sex)
    seen = min((organ.seen_mass_g or 0.0) / reference, 1.0) if reference else 0.0
    return _InImages(free * dose, seen)


def _tissue_dose(
    tissue: Tissue,
    known: Mapping[str, _InImages],
    masses: Mapping[str, float],
    highest: Mapping[str, float],
    patient: Patient,
) -> TissueDose:
    most = highest[tissue.part]
    if tissue.name == BONE_SURFACE:
        marrow = known.get(RED_MARROW)
        most = BONE_OVER_MARROW * (marrow.dose_mGy if marrow else most)
    made = [_put_together(tissue, names, known, most) for names in tissue.organs]
    if tissue.name == MUSCLE and not made[0].by_organ_mGy:
        made.append(_of_samples(tissue, known, masses, patient) or made[0])
    return max(made, key=lambda one: (one.share, bool(one.by_organ_mGy)))  # the first of equal ones


def _put_together(
    tissue: Tissue, names: tuple[str, ...], known: Mapping[str, _InImages], most_mGy: float
) -> TissueDose:
    """Return a tissue from its parts, which count alike."""
    each = 1.0 / len(names)
    parts = {name: known[name] for name in names if name in known}
    rest = sum((1.0 - part.share) * part.dose_mGy for part in parts.values())
    rest += (len(names) - len(parts)) * most_mGy
    return TissueDose(
        tissue,
        {name: each * part.share * part.dose_mGy for name, part in parts.items()},
        each * sum(part.share for part in parts.values()),
        each * rest,
    )


def _of_samples(
    tissue: Tissue,
    known: Mapping[str, _InImages],
    masses: Mapping[str, float],
    patient: Patient,
) -> TissueDose | None:
    """Return muscle from single muscles, each by its mass; None where none has a dose and mass."""
    total = sum(masses[name] for name in MUSCLES if name in known)
    reference = reference_mass_g("skeletal_muscle", patient.age_years, patient.sex)
    if not (total > 0 and reference):
        return None
    mean = {name: masses[name] / total * known[name].dose_mGy for name in MUSCLES if name in known}
    share = min(total / reference, 1.0)
    rest = (1.0 - share) * sum(mean.values())
    return TissueDose(tissue, {name: share * part for name, part in mean.items()}, share, rest)


def _highest_by_part(known: Mapping[str, _InImages]) -> dict[str, float]:
    """Return the highest dose in each part of the body, else in the parts nearest to it."""
    own: dict[str, float] = {}
    for tissue in tissues():
        doses = [known[n].dose_mGy for names in tissue.organs for n in names if n in known]
        if doses and tissue.part != EVERYWHERE:
            own[tissue.part] = max(own.get(tissue.part, 0.0), *doses)
    everywhere = max(one.dose_mGy for one in known.values())
    highest = {EVERYWHERE: everywhere}
    for place, part in enumerate(PARTS):
        away = {other: abs(place - PARTS.index(other)) for other in own}
        nearest = [own[other] for other in own if away[other] == min(away.values())]
        highest[part] = max(nearest, default=everywhere)
    return highest
