"""How the dose model's coefficients come to be: `ctdoseseg train-dose`.

Rows of every organ are matched to their patients (`arrays`), rows near the simulation's ends are
left out, and ln(label / (K * mA)) is fitted by robust, bounded least squares for each organ. Then
each organ's slopes with size are drawn toward the median of its group, because neighbouring
organs are shadowed by the same body: half a hundred patients show the slopes of one organ poorly.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...dosimetry.fast.model import NARROW, TERMS, WIDE, OrganModel, RegionModel
from ...dosimetry.fast.scaling import BASES
from ...errors import InputError
from .arrays import BACKBONE, RegionArrays
from .organ_fit import SIZE_TERMS, OrganFit
from .samples import KERNELS, SIZE_KERNELS, Sample

# CTDIvol (32 cm phantom, mGy) per effective mAs at 120 kV of the training scanner, which nobody
# has measured: with it doses by CTDIvol agree with the size-dependent organ coefficients of Li et
# al. 2012 for lung (0.075 to 0.083) and stomach (0.070 to 0.078). One scanner, one value.
CTDIVOL_PER_MAS = 0.076
NOT_PREDICTED = {
    "lung_trachea_bronchia": "the doses simulated for it are those of the air in it",
    "trachea": "the doses simulated for it are those of the air in it",
    "urinary_bladder": "two thirds of the doses simulated for it are those of other organs",
    "thyroid_gland": "no simulated doses of it are public",
    "spinal_cord": "no simulated doses of it are public",
    "heart": "it needs a label map with all four chambers and the myocardium",
}
SUSPECT = ("stomach", "gallbladder")
# Below these HU the label of an organ falls, to 0.3 for lung of -900 HU, alike in all lobes, as if
# its air had been scored as nearly no dose. Dose to tissue does not fall with lung density.
_LUNG_KNOTS_HU = (-830.0, -865.0)
_GAS_KNOTS_HU = (-300.0,)
_GAS_ORGANS = ("colon", "small_bowel", "stomach", "esophagus")
# A patient whose organs all lie further off than this belongs to the hidden minority of the
# abdomen arrays: a factor of his own is taken out before the coefficients are fitted.
HIDDEN_FACTOR_LOG = 0.12
# Regions whose arrays have such a minority: eleven of the abdomen's 52 patients.
HIDDEN_EXPOSURE = ("abdomen",)
# An organ whose dose changes by more than this, on average over the patients that are fitted, when
# the scan is cropped to it, gets the narrow kernel: what it cannot see must not matter.
CROP_LIMIT = 0.04
# Least 90 % quantile of an organ whose cross-validation is too kind. Esophagus: of 13 patients that
# were not in the training arrays 77 % lay within 0.13, and their median error of 9.3 % makes 0.22
# where errors are normal: 1.645 ln(1.093) / 0.6745.
LEAST_LOG_Q90 = {"esophagus": 0.22}
LEAST_PATIENTS = 5
# Weight of a squared deviation of a slope (per 100 mm) from its group's median.
_SHRINK = 0.1
_ROUNDS = 4


def fit_region(
    region: str,
    samples: Mapping[str, list[Sample]],
    left_out: Mapping[str, int],
    quantiles: Mapping[str, Mapping[str, float]],
) -> RegionModel:
    """Fit all organs of a region.

    Parameters
    ----------
    samples
        Organ to the samples to fit.
    left_out
        Organ to the number of its rows that are not among them.
    quantiles
        Organ to its conformal quantiles by scaling basis, kept beside the coefficients.

    Raises
    ------
    InputError
        If an organ has fewer than five patients.
    """
    for organ, own in samples.items():
        if len(own) < LEAST_PATIENTS:
            raise InputError(
                f"{organ} ({region}) has interior rows of {len(own)} patients only; the dose "
                f"model needs at least {LEAST_PATIENTS}."
            )
    fits = {organ: OrganFit(own, air_knots(organ)) for organ, own in samples.items()}
    solutions = _solve(fits)
    narrow = [
        organ
        for organ, fit in fits.items()
        if abs(fit.crop_changes(solutions[organ]).mean()) > CROP_LIMIT
    ]
    even = dict.fromkeys(fits, 0.0)
    if narrow:
        wide = {o: fits[o].factors(solutions[o]) for o in narrow}
        fits |= {o: OrganFit(samples[o], air_knots(o), NARROW) for o in narrow}
        solutions = _solve(fits)
        # Where the current is even the kernels give the same, and only their coefficients differ.
        even |= {o: float((fits[o].factors(solutions[o]) - wide[o]).mean()) for o in narrow}
    organs = {
        organ: _model(
            region,
            organ,
            fit,
            solutions[organ],
            left_out[organ],
            quantiles.get(organ, dict.fromkeys(BASES, np.inf)),
            even[organ],
        )
        for organ, fit in fits.items()
    }
    return RegionModel(region, KERNELS[WIDE], SIZE_KERNELS, CTDIVOL_PER_MAS, organs)


def organs_to_fit(arrays: RegionArrays) -> tuple[str, ...]:
    """Return the organs of the arrays that get a model."""
    return tuple(organ for organ in arrays.organs if organ not in NOT_PREDICTED)


def air_knots(organ: str) -> tuple[float, ...]:
    """Return the HU below which the organ's labels show air scored as nearly no dose."""
    if _is_lung(organ):
        return _LUNG_KNOTS_HU
    return _GAS_KNOTS_HU if organ in _GAS_ORGANS else ()


def group_of(organ: str) -> str:
    """Return the group of organs that share their slopes with size."""
    if organ.startswith("heart_"):
        return "heart"
    return "lung" if _is_lung(organ) else "other"


def hidden_factors(fits: Mapping[str, OrganFit], solutions: Mapping[str, np.ndarray]) -> dict:
    """Return, by patient, the factor (ln) that all organs share where it is not small."""
    rests: dict[int, list[float]] = {}
    for organ, fit in fits.items():
        if organ not in SUSPECT:
            mean = fit.by_patient(fit.target - fit.matrix @ solutions[organ])
            for patient, value in zip(fit.patients.tolist(), mean.tolist(), strict=True):
                rests.setdefault(patient, []).append(value)
    medians = {patient: float(np.median(values)) for patient, values in rests.items()}
    return {p: m for p, m in medians.items() if abs(m) > HIDDEN_FACTOR_LOG}


def _is_lung(organ: str) -> bool:
    return organ.startswith("lung") and organ != "lung_vessels"


def _solve(fits: Mapping[str, OrganFit]) -> dict[str, np.ndarray]:
    """Solve each organ by itself, with hidden factors taken out, then with its group."""
    factors: dict[int, float] = {}
    solutions: dict[str, np.ndarray] = {}
    for number in range(_ROUNDS):
        solutions = {o: fit.solve(fit.shifted(factors)) for o, fit in fits.items()}
        if number < _ROUNDS - 1:
            factors = hidden_factors(fits, solutions)
    for _ in range(_ROUNDS):
        slopes: dict[str, list[np.ndarray]] = {}
        for organ, solution in solutions.items():
            if organ not in SUSPECT and organ != BACKBONE:
                slopes.setdefault(group_of(organ), []).append(solution[list(SIZE_TERMS)])
        middle = {group: np.median(own, axis=0) for group, own in slopes.items()}
        solutions = {
            organ: solutions[organ]
            if organ == BACKBONE or group_of(organ) not in middle
            else fit.solve(fit.shifted(factors), middle[group_of(organ)], _SHRINK)
            for organ, fit in fits.items()
        }
    return solutions


def _model(
    region: str,
    organ: str,
    fit: OrganFit,
    solution: np.ndarray,
    left_out: int,
    quantiles: Mapping[str, float],
    even_current_log: float,
) -> OrganModel:
    values = np.round(solution, 9).tolist()
    return OrganModel(
        organ=organ,
        region=region,
        coefficients=dict(zip(TERMS, values, strict=False)),
        kernel=KERNELS[fit.kernel],
        wed_cap_mm=fit.wed_cap,
        training=fit.training,
        patients_wed_mm=fit.patients_wed,
        model_log_q90={
            basis: max(float(quantiles[basis]), LEAST_LOG_Q90.get(organ, 0.0)) for basis in BASES
        },
        even_current_log=even_current_log,
        air_label=dict(zip(fit.knots, values[len(TERMS) :], strict=True)),
        warn=organ in SUSPECT,
        counts={
            "patients": len(fit.samples),
            "rows": len(fit.target),
            "rows_left_out": int(left_out),
        },
    )
