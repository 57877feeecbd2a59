"""Doses of patients left out in turn, label and prediction, organ by organ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np

from ...dosimetry.fast.model import NARROW, WIDE, OrganModel, RegionModel
from ...dosimetry.fast.scaling import CTDIVOL, MAS
from ...tasks.progress import Progress
from ..folds import FOLDS, folds_of
from .coefficients import HIDDEN_EXPOSURE, fit_region
from .held import Held, conformal_by_fold, log_outside
from .hidden_exposure import hidden_exposure
from .samples import KERNELS, Features, Sample

# Fields of `Held` that need more than one patient.
_LATER = ("log_q", "hidden_log", "log_q_ctdivol")


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


def _given(model: OrganModel, features: Features, kernel: str) -> np.ndarray:
    return features.current_mA[kernel] * np.exp(model.log_factor(features.sizes_mm))


def _mean(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where].mean()) if where.any() else float("nan")
