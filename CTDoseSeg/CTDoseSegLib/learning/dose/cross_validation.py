"""Doses of patients left out in turn, label and prediction, organ by organ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from ...dosimetry.fast.model import NARROW, WIDE, OrganModel, RegionModel
from ...dosimetry.fast.scaling import CTDIVOL, MAS
from ...tasks.progress import Progress
from ..folds import FOLDS, folds_of
from .coefficients import HIDDEN_EXPOSURE, fit_region
from .hidden_exposure import hidden_exposure
from .samples import KERNELS, Features, Sample

# Fields of `Held` that need more than one patient.
_LATER = ("log_q", "hidden_log", "log_q_ctdivol")


@dataclass(frozen=True)
class Held:
    """One organ of the patients left out, each an entry of every array, [p].

    Doses are means over the organ's interior slices, in mGy; those that begin with ``end`` are
    means over its other slices, NaN where there are none.

    Attributes
    ----------
    label
        Simulated dose.
    given, labelled
        Predicted dose as a user gets it, and times the label's air term.
    slice_error_pct
        Mean absolute error of the slices, per cent of their labels; slices of 0 mGy left out.
    log_q
        Conformal 90 % quantile from the patients of the other folds, for doses by effective mAs.
    hidden_log
        Factor of exposure, ln, that the patient's other organs share (`hidden_exposure`).
    log_q_ctdivol
        The same quantile of labels without this factor, for doses by CTDIvol.
    crop
        Relative change of the dose as given when the scan is cropped to the organ +- 10 mm.
    wed_mm, current_mA
        Mean smoothed size and mean convolved tube current of the organ's interior slices.
    end_given, end_labelled, end_given_in_beam, end_labelled_in_beam
        The same at the ends, where the irradiated range is not known, and where it is.
    """

    patient: np.ndarray
    fold: np.ndarray
    label: np.ndarray
    given: np.ndarray
    labelled: np.ndarray
    slices: np.ndarray
    slice_error_pct: np.ndarray
    log_q: np.ndarray
    crop: np.ndarray
    wed_mm: np.ndarray
    current_mA: np.ndarray
    end_label: np.ndarray
    end_given: np.ndarray
    end_labelled: np.ndarray
    end_given_in_beam: np.ndarray
    end_labelled_in_beam: np.ndarray
    hidden_log: np.ndarray
    log_q_ctdivol: np.ndarray

    @property
    def error_pct(self) -> np.ndarray:
        """Signed error of the prediction of the label."""
        return 100 * (self.labelled / self.label - 1)

    @property
    def given_error_pct(self) -> np.ndarray:
        """Signed error of the dose as given, the air in the label not considered."""
        return 100 * (self.given / self.label - 1)

    @property
    def low(self) -> np.ndarray:
        """Low end of the model's 90 % interval, which reaches down to the label's air term."""
        return np.minimum(self.labelled, self.given) * np.exp(-self.log_q)

    @property
    def high(self) -> np.ndarray:
        """High end of the model's 90 % interval."""
        return self.given * np.exp(self.log_q)

    @property
    def covered(self) -> np.ndarray:
        """True where the label lies in the model's 90 % interval, [p]."""
        return (self.low <= self.label) & (self.label <= self.high)

    @property
    def covered_ctdivol(self) -> np.ndarray:
        """True where the label without hidden factor lies in the interval for CTDIvol, [p]."""
        return self.log_outside_ctdivol <= self.log_q_ctdivol

    @property
    def log_outside(self) -> np.ndarray:
        """How far the label lies outside the span between both doses, ln; negative inside."""
        return log_outside(self.label, self.given, self.labelled)

    @property
    def log_outside_ctdivol(self) -> np.ndarray:
        """The same of the label without hidden factor, [p]."""
        return log_outside(self.label / np.exp(self.hidden_log), self.given, self.labelled)


def log_outside(label: np.ndarray, given: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Return how far labels lie outside the span from `labelled` to `given`, ln; inside < 0."""
    above = np.log(label / given)
    return np.maximum(above, np.minimum(np.log(labelled / given), 0.0) - above)


def conformal_quantile(scores: np.ndarray, coverage: float = 0.9) -> float:
    """Return the score that a new patient exceeds with probability at most 1 - `coverage`.

    Split-conformal rank ceil((n + 1) coverage), at most n; the scores are those of patients left
    out in turn (Vovk 2015, cross-conformal prediction), so that every patient serves both ends. A
    score is how far the label lies outside what is predicted, and negative inside (Romano et al.
    2019, conformalized quantile regression).
    """
    ordered = np.sort(scores)
    rank = min(int(np.ceil((len(ordered) + 1) * coverage)), len(ordered))
    return float(ordered[rank - 1])


def cross_validate(
    region: str,
    samples: Mapping[str, list[Sample]],
    patients: int,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Held]:
    """Return each organ's doses of all patients, predicted by models of the other four folds.

    Nothing is chosen on the fold that is left out: kernels are listed beforehand; which organ gets
    which, caps and hidden factors come from the patients that are fitted.
    """
    progress = progress or Progress()
    fold = folds_of(patients, seed)
    nothing = dict.fromkeys(samples, 0)
    rows: dict[str, list[tuple]] = {organ: [] for organ in samples}
    for number in range(FOLDS):
        progress.update(number / FOLDS, f"fitting {region} without fold {number + 1}, seed {seed}")
        fitted = {o: [s for s in all_ if fold[s.patient] != number] for o, all_ in samples.items()}
        model = fit_region(region, fitted, nothing, {})
        for organ, all_ in samples.items():
            left_out = [s for s in all_ if fold[s.patient] == number]
            rows[organ] += [doses(model.organs[organ], s, number) for s in left_out]
    tables = {organ: held(own) for organ, own in rows.items()}
    return without_hidden_exposure(region, tables)


def score(
    model: RegionModel, samples: Mapping[str, list[Sample]], *, all_rows: bool = False
) -> dict[str, Held]:
    """Return each organ's doses by a finished model, of the organs that it knows.

    Only patients that the model was not fitted on show how good it is. With `all_rows`, rows near
    the ends of the images count like the others.
    """
    out = {}
    for organ, own in samples.items():
        if organ in model.organs:
            fitted = model.organs[organ]
            rows = [doses(fitted, s, 0, all_rows=all_rows) for s in own]
            out[organ] = held(rows, fitted.model_log_q90)
    return without_hidden_exposure(model.region, out, model.organs)


def without_hidden_exposure(
    region: str, tables: Mapping[str, Held], organs: Mapping[str, OrganModel] | None = None
) -> dict[str, Held]:
    """Return the tables with hidden factor and the quantile for CTDIvol, the region's own.

    In the chest the patients' common deviations are of one kind, with no minority apart, and none
    is taken out. The quantile is that of `organs` or, None, of the other folds.
    """
    if region not in HIDDEN_EXPOSURE:
        return {o: replace(h, log_q_ctdivol=h.log_q) for o, h in tables.items()}
    out = {}
    for organ, factor in hidden_exposure(tables).items():
        h = replace(tables[organ], hidden_log=factor)
        if organs is None:
            q = conformal_by_fold(h.log_outside_ctdivol, h.fold)
        else:
            q = np.full(len(h.patient), organs[organ].model_log_q90[CTDIVOL])
        out[organ] = replace(h, log_q_ctdivol=q)
    return out


def doses(model: OrganModel, sample: Sample, fold: int, *, all_rows: bool = False) -> tuple:
    """Return the values of `Held` for one patient, less `log_q`, and what CTDIvol alone needs."""
    kernel = WIDE if model.kernel == KERNELS[WIDE] else NARROW
    keep = np.ones(len(sample.keep), bool) if all_rows else sample.keep
    given = _given(model, sample.whole, kernel)
    factor = np.exp(model.log_factor(sample.whole.sizes_mm))
    air = np.exp(model.label_artefact(sample.hu))
    in_beam = sample.in_beam_mA[kernel] * factor
    label = sample.dose_mGy
    scored = keep & (label > 0)
    slices = 100 * np.abs(given * air / np.where(label > 0, label, 1.0) - 1)
    return (
        *(sample.patient, fold),
        *(_mean(values, keep) for values in (label, given, given * air)),
        int(keep.sum()),
        _mean(slices, scored),
        _given(model, sample.cropped, kernel).mean() / given.mean() - 1.0,
        _mean(sample.whole.sizes_mm[:, 0], keep),
        _mean(sample.whole.current_mA[kernel], keep),
        *(_mean(v, ~keep) for v in (label, given, given * air, in_beam, in_beam * air)),
    )


def held(rows: list[tuple], log_q: Mapping[str, float] | None = None) -> Held:
    """Return rows of `doses`, with the quantiles of the model or, None, of the other folds.

    No hidden factor is taken out yet (`without_hidden_exposure`).
    """
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    names = [f.name for f in fields(Held) if f.name not in _LATER]
    by_name = dict(zip(names, columns, strict=True))
    order = np.argsort(by_name["patient"], kind="stable")
    by_name = {name: values[order] for name, values in by_name.items()}
    if log_q is None:
        outside = log_outside(by_name["label"], by_name["given"], by_name["labelled"])
        quantiles = conformal_by_fold(outside, by_name["fold"])
    else:
        quantiles = np.full(len(order), log_q[MAS])
    nothing = np.zeros(len(order))
    return Held(log_q=quantiles, hidden_log=nothing, log_q_ctdivol=quantiles, **by_name)


def conformal_by_fold(scores: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return, by patient, the conformal quantile of the scores of all other folds."""
    out = np.empty(len(scores))
    for number in np.unique(fold):
        out[fold == number] = conformal_quantile(scores[fold != number])
    return out


def _given(model: OrganModel, features: Features, kernel: str) -> np.ndarray:
    return features.current_mA[kernel] * np.exp(model.log_factor(features.sizes_mm))


def _mean(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where].mean()) if where.any() else float("nan")
