"""`ctdoseseg train-dose`: from the training arrays to the model file, its card and its figures."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..dosimetry.dose_model import (
    CARD_FILE,
    MODEL_FILE,
    SCHEMA_VERSION,
    OrganModel,
    RegionModel,
    Span,
    sha256,
)
from ..errors import OutputError
from ..events import Events, Stage
from .arrays import REGIONS, RegionArrays, load_region
from .coefficients import (
    NOT_PREDICTED,
    fit_region,
    organs_to_fit,
    samples_of,
)
from .dose_card import write_card
from .dose_evaluation import OrganErrors, cross_validate
from .published_baseline import BaselineErrors, cross_validate_published

EVALUATION_FILE = "evaluation.csv"
BASELINE_FILE = "baseline.csv"
MODEL_NAME = "CTDoseSeg organ doses, physical model"
MODEL_VERSION = "1.0"


def train(
    arrays_folder: str | Path,
    output_folder: str | Path,
    *,
    baseline: bool = False,
    seed: int = 0,
    events: Events | None = None,
) -> dict[str, Any]:
    """Fit the dose model, score it on patients left out, and write model, card and figures.

    Parameters
    ----------
    arrays_folder
        Folder of the published training arrays.
    output_folder
        Gets model.json, model_card.md and evaluation.csv.
    baseline
        Also train the published network on the same folds and rows (minutes; needs torch) and
        write baseline.csv. Without it, a baseline.csv already in the output folder is kept and
        shown in the card.
    seed
        Of the folds.

    Returns
    -------
    dict
        ``sha256`` of the model file, ``files``, ``regions`` (figures by region), ``organs``
        (figures by organ) and ``lines`` (a summary to read).

    Raises
    ------
    InputError
        If the arrays cannot be read.
    OutputError
        If the output folder cannot be written.
    """
    events = events or Events()
    output = Path(output_folder)
    all_arrays = {region: load_region(arrays_folder, region) for region in REGIONS}
    errors: list[OrganErrors] = []
    models: dict[str, RegionModel] = {}
    for number, (region, arrays) in enumerate(all_arrays.items()):
        stage = Stage(events, 0.5 * number / len(REGIONS), 0.5 * (number + 1) / len(REGIONS))
        found = cross_validate(arrays, seed=seed, events=stage)
        errors += found
        models[region] = fit_all(arrays, {e.organ: e.model_log_q90 for e in found})
    rows = _published(all_arrays, output, baseline, seed, events)
    figures = {region: _figures(region, errors, rows) for region in REGIONS}
    content = model_json(models, all_arrays, figures, seed)
    digest = sha256(content)
    texts = {
        EVALUATION_FILE: _csv(OrganErrors.columns(), [vars(e) for e in errors]).encode(),
        CARD_FILE: write_card(digest, models, all_arrays, errors, rows, figures, seed).encode(),
        MODEL_FILE: content,
    }
    if rows:
        texts = {BASELINE_FILE: _csv(tuple(rows[0]), rows).encode(), **texts}
    _write(output, texts)
    events.progress(1.0, "written")
    return {
        "sha256": digest,
        "files": sorted(texts),
        "regions": figures,
        "organs": [vars(e) for e in errors],
        "lines": [_line(region, values) for region, values in figures.items()],
    }


def fit_all(arrays: RegionArrays, quantiles: Mapping[str, float]) -> RegionModel:
    """The region's model, fitted to all its patients."""
    organs = organs_to_fit(arrays)
    samples = {o: samples_of(arrays.patients, o) for o in organs}
    used = {o: sum(int(s.keep.sum()) for s in found) for o, found in samples.items()}
    all_rows = {
        o: sum(arrays.counts[f"{what}:{o}"] for what in ("rows", "unmatched", "ambiguous", "nan"))
        for o in organs
    }
    left_out = {o: all_rows[o] - used[o] for o in organs}
    return fit_region(arrays.region, samples, left_out, quantiles)


def model_json(
    models: Mapping[str, RegionModel],
    arrays: Mapping[str, RegionArrays],
    figures: Mapping[str, Mapping[str, float]],
    seed: int,
) -> bytes:
    """The model file: JSON with sorted organs, nine significant digits, one number a line."""
    data = {
        "schema_version": SCHEMA_VERSION,
        "card": {
            "name": MODEL_NAME,
            "version": MODEL_VERSION,
            "training_data": "training arrays of Tzanis and Damilakis 2024 (Apache-2.0)",
            "fold_seed": seed,
            "patients": {region: len(a.patients) for region, a in arrays.items()},
            "figures": {region: dict(values) for region, values in figures.items()},
        },
        "not_predicted": NOT_PREDICTED,
        "regions": {region: _region_json(model) for region, model in models.items()},
    }
    return (json.dumps(_rounded(data), indent=1, ensure_ascii=True) + "\n").encode("ascii")


def _region_json(model: RegionModel) -> dict[str, Any]:
    return {
        "kernel": {
            "form": "sum of two-sided exponentials",
            "weights": [weight for weight, _ in model.kernel],
            "lengths_mm": [length for _, length in model.kernel],
        },
        "ctdivol_per_mas": model.ctdivol_per_mas,
        "organs": {name: _organ_json(organ) for name, organ in sorted(model.organs.items())},
    }


def _organ_json(organ: OrganModel) -> dict[str, Any]:
    return {
        "coefficients": dict(organ.coefficients),
        "hu_cap": _span(organ.hu_cap),
        "wed_cap_mm": _span(organ.wed_cap_mm),
        "short_extent_mm": organ.short_extent_mm,
        "training_p1_p99": {name: _span(span) for name, span in organ.training.items()},
        "model_log_q90": organ.model_log_q90,
        "air_label": {f"{knot:g}": slope for knot, slope in organ.air_label.items()},
        "warn": organ.warn,
        "counts": dict(organ.counts),
    }


def _span(span: Span) -> list[float]:
    return [span.low, span.high]


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _figures(
    region: str, errors: Iterable[OrganErrors], rows: Iterable[Mapping[str, Any]]
) -> dict[str, float]:
    """Means over all organs with a model."""
    mine = [e for e in errors if e.region == region]
    skip = ("region", "organ", "patients", "rows", "model_log_q90", "interval_low", "interval_high")
    figures = {
        name: float(np.mean([getattr(e, name) for e in mine]))
        for name in OrganErrors.columns()
        if name not in skip
    }
    published = [row for row in rows if row["region"] == region]
    for name in ("baseline_median_pct", "baseline_mean_pct"):
        if published:
            figures[name] = float(np.mean([float(row[name]) for row in published]))
    return {name: round(value, 3) for name, value in figures.items()}


def _line(region: str, figures: Mapping[str, float]) -> str:
    beside = (
        f"; published network {figures['baseline_median_pct']:.1f} %"
        if "baseline_median_pct" in figures
        else ""
    )
    return (
        f"{region}: median organ error {figures['labelled_median_pct']:.1f} % against the labels, "
        f"{figures['tissue_median_pct']:.1f} % for the dose as given{beside}; its interval covers "
        f"{figures['coverage_pct']:.0f} %; a cropped scan changes it by "
        f"{figures['crop_mean_abs_pct']:.1f} %"
    )


def _published(
    arrays: Mapping[str, RegionArrays], output: Path, wanted: bool, seed: int, events: Events
) -> list[dict[str, Any]]:
    if wanted:
        found: list[BaselineErrors] = []
        for number, region in enumerate(arrays):
            low = 0.5 + 0.5 * number / len(arrays)
            stage = Stage(events, low, low + 0.5 / len(arrays))
            found += cross_validate_published(arrays[region], seed=seed, events=stage)
        return [{k: _cell(v) for k, v in vars(e).items()} for e in found]
    kept = output / BASELINE_FILE
    if not kept.is_file():
        return []
    with kept.open(newline="", encoding="ascii") as stream:
        return list(csv.DictReader(stream))


def _cell(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return stream.getvalue()


def _write(folder: Path, texts: Mapping[str, bytes]) -> None:
    """Each file whole, written beside and renamed; the model, which its card vouches for, last."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in texts.items():
            beside = folder / f".{name}.part"
            beside.write_bytes(content)
            os.replace(beside, folder / name)
    except OSError as error:
        raise OutputError(
            f"The dose model cannot be written to {folder}: {error.strerror}; choose another "
            "--output folder."
        ) from error
