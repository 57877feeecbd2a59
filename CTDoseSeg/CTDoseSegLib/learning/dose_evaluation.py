"""How well the dose model does on patients that it was not fitted on."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from ..dosimetry.dose_model import DoseModel, OrganModel
from ..events import Events
from .arrays import OrganRows, Patient, RegionArrays
from .coefficients import Sample, fit_region, organs_to_fit, sample_of, samples_of

FOLDS = 5
COVERAGE = 0.9
CROP_MARGIN_MM = 10.0


@dataclass(frozen=True)
class OrganErrors:
    """Errors of one organ over the patients left out, per cent of the label.

    An organ's dose is the mean over its interior slices. ``labelled`` compares with the label as it
    is, the air artefact included; ``tissue`` is the dose as it is given to a user, without it.
    ``bias`` is the median of signed errors. The interval is that which a user gets: from the dose
    with the label's air term, divided by exp(`model_log_q90`), to the dose as given, times the
    same; `interval_low` and `interval_high` are its ends as factors on the dose as given (median
    over patients), `coverage_pct` is how many labels lie in the intervals made from the other
    folds. ``crop`` is the change when the scan is cropped to the organ +- 10 mm.
    """

    region: str
    organ: str
    patients: int
    rows: int
    labelled_median_pct: float
    labelled_mean_pct: float
    bias_median_pct: float
    slice_mape_pct: float
    tissue_median_pct: float
    tissue_mean_pct: float
    coverage_pct: float
    model_log_q90: float
    interval_low: float
    interval_high: float
    crop_mean_abs_pct: float
    crop_bias_pct: float

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        return tuple(f.name for f in fields(cls))


@dataclass(frozen=True)
class Held:
    """One organ of one patient who was left out: fold, labels and predictions by slice."""

    fold: int
    label: np.ndarray
    labelled: np.ndarray
    tissue: np.ndarray
    crop: float

    @property
    def log_error(self) -> float:
        return math.log(self.labelled.mean() / self.label.mean())

    @property
    def log_air(self) -> float:
        """How far the label's air term moves the dose as given, ln; not positive."""
        return min(math.log(self.labelled.mean() / self.tissue.mean()), 0.0)

    @property
    def log_outside(self) -> float:
        """How far the label lies outside the span between both doses, ln; negative inside."""
        above = math.log(self.label.mean() / self.tissue.mean())
        return max(above, self.log_air - above)


def folds_of(patients: int, seed: int) -> np.ndarray:
    """Fold of each patient, [patients]."""
    return np.random.default_rng(seed).permutation(patients) % FOLDS


def cross_validate(
    arrays: RegionArrays, *, seed: int = 0, events: Events | None = None
) -> tuple[OrganErrors, ...]:
    """Patient-grouped 5-fold errors of every organ that gets a model.

    Nothing is chosen on the folds: the kernel is fixed beforehand, caps and hidden factors come
    from the patients that are fitted.
    """
    events = events or Events()
    fold = folds_of(len(arrays.patients), seed)
    organs = organs_to_fit(arrays)
    samples = {o: samples_of(arrays.patients, o) for o in organs}
    held: dict[str, list[Held]] = {organ: [] for organ in organs}
    nothing = dict.fromkeys(organs, 0)
    for number in range(FOLDS):
        events.progress(number / FOLDS, f"fitting {arrays.region} without fold {number + 1}")
        fitted = {
            o: [s for s in found if fold[s.patient] != number] for o, found in samples.items()
        }
        region = fit_region(arrays.region, fitted, nothing, {})
        for organ, found in samples.items():
            held[organ] += [
                _hold(number, s, region.organs[organ], arrays.patients[s.patient])
                for s in found
                if fold[s.patient] == number
            ]
    return tuple(_errors(arrays.region, organ, held[organ]) for organ in organs)


def score(model: DoseModel, arrays: RegionArrays) -> dict[str, np.ndarray]:
    """Signed errors in per cent of a finished model, by organ, for each patient, [patients].

    The label is compared with the prediction as labelled, the air artefact included. Only patients
    that the model was not fitted on tell how good it is.
    """
    out = {}
    for organ, fitted in model.regions[arrays.region].organs.items():
        found = samples_of(arrays.patients, organ)
        held = [_hold(0, s, fitted, arrays.patients[s.patient]) for s in found]
        out[organ] = np.array([100 * math.expm1(h.log_error) for h in held])
    return out


def conformal_quantile(scores: np.ndarray, coverage: float = COVERAGE) -> float:
    """The score that a new patient exceeds with probability at most 1 - `coverage`.

    Split-conformal rank ceil((n + 1) coverage), at most n; the scores are those of patients left
    out in turn (Vovk 2015, cross-conformal prediction), so that every patient serves both ends. A
    score is how far the label lies outside what is predicted, and negative inside (Romano et al.
    2019, conformalized quantile regression).
    """
    ordered = np.sort(scores)
    rank = min(math.ceil((len(ordered) + 1) * coverage), len(ordered))
    return float(ordered[rank - 1])


def crop_change(model: OrganModel, patient: Patient, organ: str) -> float:
    """Relative change of the organ's dose when the scan is cropped to the organ +- 10 mm."""
    whole = sample_of(0, patient, organ)
    cropped = sample_of(0, _cropped(patient, organ), organ)
    return float(_tissue(model, cropped).mean() / _tissue(model, whole).mean() - 1.0)


def _cropped(patient: Patient, organ: str) -> Patient:
    rows = patient.organs[organ]
    z = patient.z_mm[rows.slices]
    inside = (patient.z_mm >= z.min() - CROP_MARGIN_MM) & (patient.z_mm <= z.max() + CROP_MARGIN_MM)
    moved: OrganRows = replace(rows, slices=rows.slices - int(np.argmax(inside)))
    return Patient(
        z_mm=patient.z_mm[inside],
        tube_current_mA=patient.tube_current_mA[inside],
        wed_mm=patient.wed_mm[inside],
        interior=patient.interior[inside],
        organs={organ: moved},
    )


def _tissue(model: OrganModel, sample: Sample) -> np.ndarray:
    return sample.tube_current_mA * np.exp(model.log_factor(sample.z_mm, sample.wed_mm, sample.hu))


def _hold(fold: int, sample: Sample, model: OrganModel, patient: Patient) -> Held:
    tissue = _tissue(model, sample)
    labelled = tissue * np.exp(model.label_artefact(sample.hu))
    return Held(
        fold=fold,
        label=sample.dose_mGy[sample.keep],
        labelled=labelled[sample.keep],
        tissue=tissue[sample.keep],
        crop=crop_change(model, patient, model.organ),
    )


def _errors(region: str, organ: str, held: list[Held]) -> OrganErrors:
    label = np.array([h.label.mean() for h in held])
    signed = 100 * (np.array([h.labelled.mean() for h in held]) / label - 1)
    tissue = 100 * np.abs(np.array([h.tissue.mean() for h in held]) / label - 1)
    rows = np.concatenate([h.label for h in held])
    predicted = np.concatenate([h.labelled for h in held])
    scored = rows > 0
    outside = np.array([h.log_outside for h in held])
    fold = np.array([h.fold for h in held])
    covered = [
        outside[fold == number] <= conformal_quantile(outside[fold != number])
        for number in np.unique(fold)
    ]
    quantile = conformal_quantile(outside)
    crop = 100 * np.array([h.crop for h in held])
    return OrganErrors(
        region=region,
        organ=organ,
        patients=len(held),
        rows=len(rows),
        labelled_median_pct=float(np.median(np.abs(signed))),
        labelled_mean_pct=float(np.mean(np.abs(signed))),
        bias_median_pct=float(np.median(signed)),
        slice_mape_pct=float(100 * np.mean(np.abs(predicted[scored] / rows[scored] - 1))),
        tissue_median_pct=float(np.median(tissue)),
        tissue_mean_pct=float(np.mean(tissue)),
        coverage_pct=float(100 * np.mean(np.concatenate(covered))),
        model_log_q90=quantile,
        interval_low=math.exp(float(np.median([h.log_air for h in held])) - quantile),
        interval_high=math.exp(quantile),
        crop_mean_abs_pct=float(np.mean(np.abs(crop))),
        crop_bias_pct=float(np.mean(crop)),
    )
