"""`ctdoseseg evaluate-dose`: a finished dose model against arrays in the published format.

Nothing is fitted. On patients that the model was fitted on, as those of the training arrays, the
errors show how well it describes them, not how good it is.

``dose_evaluation.csv`` has two rows for each region and organ: ``rows`` is ``interior`` (slices
at least 60 mm from the chest's upper end and 30 mm from any other: the simulated beam starts inside
the images there) or ``all``. An organ's dose is the unweighted mean over its slices, as the label
is.

- ``median_error_pct``, ``mean_error_pct``, ``bias_pct``: absolute errors and mean signed error of
  the prediction of the label, which includes the label's air term (lung and bowel whose air was
  scored as nearly no dose), per cent of the label.
- ``given_median_error_pct``, ``given_mean_error_pct``, ``given_bias_pct``: the same of the dose as
  a user gets it, without that term.
- ``coverage_pct``: labels within the model's 90 % interval for doses by effective mAs,
  ``interval_score_pct`` its interval score; ``ctdivol_coverage_pct``: within that for doses by
  CTDIvol, after division by what the patient's other organs share where it is over 12 % (abdomen).
  The intervals are those of an organ in the interior.
- ``slices``, and what could not be used: ``nan_rows``, ``unmatched_rows``, ``zero_doses``
  (patients whose label is 0).

``dose_evaluation_patients.csv`` has a row for each patient and organ; patients are numbered as
they come in the arrays.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...dosimetry.fast.model import DoseModel, load_model
from ...errors import InputError
from ...tasks.progress import Progress
from ..files import write_files
from .arrays import BACKBONE, REGIONS, RegionArrays, load_region, region_folder
from .cross_validation import score
from .evaluation import interval_score_pct
from .held import Held
from .samples import Sample, samples_of

SUMMARY_FILE = "dose_evaluation.csv"
PATIENTS_FILE = "dose_evaluation_patients.csv"
BUNDLED = "bundled"
INTERIOR, ALL = "interior", "all"


def evaluate(
    arrays_folder: str | Path,
    output_folder: str | Path,
    *,
    model: str | Path = BUNDLED,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a dose model and write both tables.

    Parameters
    ----------
    arrays_folder
        Holds ``chest_merged_training_arrays``, ``abdomen_merged_training_arrays``, or both.
    model
        ``bundled``, or the folder that `ctdoseseg train-dose` wrote.

    Returns
    -------
    dict
        ``files``, ``model_sha256``, ``regions`` (means over organs by region and rows) and
        ``lines`` (a summary to read).

    Raises
    ------
    InputError
        If there are no arrays, or one cannot be used.
    ModelError
        If the model cannot be read.
    OutputError
        If the tables cannot be written.
    """
    progress = progress or Progress()
    if not Path(arrays_folder).is_dir():
        raise InputError(f"There is no folder {Path(arrays_folder).name}; give that of the arrays.")
    regions = [r for r in REGIONS if region_folder(arrays_folder, r).is_dir()]
    if not regions:
        names = " nor ".join(region_folder("", region).name for region in REGIONS)
        raise InputError(
            f"{Path(arrays_folder).name} holds neither {names}; give the folder that holds them."
        )
    fitted = load_model(None if str(model) == BUNDLED else model)
    rows: list[dict[str, Any]] = []
    patients: list[dict[str, Any]] = []
    summary: dict[str, dict[str, Any]] = {}
    lines: list[str] = []
    for number, region in enumerate(regions):
        progress.update(number / len(regions), f"scoring {region}")
        arrays = load_region(arrays_folder, region, any_backbone=True)
        scored = list(_scored(fitted, arrays))
        rows += [row for _, _, _, row in scored]
        patients += [row for o, kind, h, _ in scored for row in _patient_rows(region, o, kind, h)]
        summary[region] = {kind: _mean_over_organs(scored, kind) for kind in (INTERIOR, ALL)}
        lines += _lines(region, arrays, summary[region], fitted)
    if not rows:
        raise InputError("The dose model knows none of the organs in these arrays.")
    progress.update(1.0, "writing")
    texts = {PATIENTS_FILE: _csv(patients), SUMMARY_FILE: _csv(rows)}
    write_files(Path(output_folder), texts)
    return {
        "files": sorted(texts),
        "model_sha256": fitted.card["sha256"],
        "regions": summary,
        "lines": lines,
    }


def _scored(
    model: DoseModel, arrays: RegionArrays
) -> Iterator[tuple[str, str, Held, dict[str, Any]]]:
    """Yield organ, kind of rows, doses and summary row."""
    region = model.regions[arrays.region]
    samples = samples_of(arrays.region, arrays.patients, all_rows=True)
    usable: Mapping[str, Mapping[str, list[Sample]]] = {
        INTERIOR: {o: [s for s in own if s.keep.any()] for o, own in samples.items()},
        ALL: samples,
    }
    held = {
        kind: score(region, {o: own for o, own in by_organ.items() if own}, all_rows=kind == ALL)
        for kind, by_organ in usable.items()
    }
    for organ in samples:
        for kind in (INTERIOR, ALL):
            if organ in held[kind]:
                h, zero = _without_zero_doses(held[kind][organ])
                if len(h.label):
                    row = _summary_row(arrays, organ, kind, h)
                    yield organ, kind, h, {**row, "zero_doses": zero}


def _without_zero_doses(h: Held) -> tuple[Held, int]:
    has_dose = h.label > 0
    kept = {name: values[has_dose] for name, values in vars(h).items()}
    return replace(h, **kept), int((~has_dose).sum())


def _summary_row(arrays: RegionArrays, organ: str, kind: str, h: Held) -> dict[str, Any]:
    return {
        "region": arrays.region,
        "organ": organ,
        "rows": kind,
        "patients": len(h.label),
        "median_error_pct": np.median(np.abs(h.error_pct)),
        "mean_error_pct": np.abs(h.error_pct).mean(),
        "coverage_pct": 100 * h.covered.mean(),
        "ctdivol_coverage_pct": 100 * h.covered_ctdivol.mean(),
        "bias_pct": h.error_pct.mean(),
        "given_median_error_pct": np.median(np.abs(h.given_error_pct)),
        "given_mean_error_pct": np.abs(h.given_error_pct).mean(),
        "given_bias_pct": h.given_error_pct.mean(),
        "interval_score_pct": interval_score_pct(h).mean(),
        "slices": int(h.slices.sum()),
        "nan_rows": arrays.counts[f"nan:{organ}"],
        "unmatched_rows": arrays.counts[f"unmatched:{organ}"] + arrays.counts[f"ambiguous:{organ}"],
    }


def _patient_rows(region: str, organ: str, kind: str, h: Held) -> Iterator[dict[str, Any]]:
    for n, patient in enumerate(h.patient):
        yield {
            "region": region,
            "organ": organ,
            "patient": int(patient) + 1,
            "rows": kind,
            "slices": int(h.slices[n]),
            "wed_mm": h.wed_mm[n],
            "label_mGy": h.label[n],
            "predicted_mGy": h.labelled[n],
            "error_pct": h.error_pct[n],
            "interval_low_mGy": h.low[n],
            "interval_high_mGy": h.high[n],
            "covered": int(h.covered[n]),
            "given_mGy": h.given[n],
            "given_error_pct": h.given_error_pct[n],
        }


def _mean_over_organs(scored: list, kind: str) -> dict[str, float]:
    rows = [row for _, k, _, row in scored if k == kind]
    names = ("median_error_pct", "mean_error_pct", "given_median_error_pct", "coverage_pct")
    means = {name: round(float(np.mean([r[name] for r in rows])), 3) for name in names if rows}
    return {"organs": len(rows), **means}


def _lines(
    region: str, arrays: RegionArrays, summary: Mapping[str, Mapping], model: DoseModel
) -> Iterator[str]:
    for kind, means in summary.items():
        if means["organs"]:
            yield (
                f"{region}, {kind} slices, mean over {means['organs']} organs: median error "
                f"{means['median_error_pct']:.1f} % (with the label's air term), "
                f"{means['given_median_error_pct']:.1f} % for the dose as given; the 90 % interval "
                f"holds {means['coverage_pct']:.0f} %."
            )
        else:
            yield f"{region}: no organ of the model has {kind} slices."
    nan = sum(n for name, n in arrays.counts.items() if name.startswith("nan:"))
    if nan:
        yield f"{region}: {nan} rows have missing values and were left out."
    if BACKBONE not in arrays.organs:
        yield (
            f"{region}: there is no {BACKBONE} array, so that patients were separated by the "
            "longest one; some may be merged, and tube current beyond the organ is not known."
        )
    unknown = [o for o in arrays.organs if o not in model.regions[region].organs]
    if unknown:
        yield f"{region}: not predicted: {', '.join(unknown)}."


def _csv(rows: list[dict[str, Any]]) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {k: f"{v:.5g}" if isinstance(v, (float, np.floating)) else v for k, v in row.items()}
        )
    return stream.getvalue().encode("ascii")
