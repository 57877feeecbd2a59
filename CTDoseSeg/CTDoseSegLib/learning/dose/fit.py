"""`ctdoseseg train-dose`: from the training arrays to the model file, its card and its figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...dosimetry.fast.model import CARD_FILE, MODEL_FILE, RegionModel, sha256
from ...dosimetry.fast.scaling import CTDIVOL, MAS
from ...tasks.progress import Progress, Stage
from ..files import write_files
from .arrays import REGIONS, RegionArrays, load_region
from .card import write_card
from .coefficients import fit_region, organs_to_fit
from .cross_validation import cross_validate
from .evaluation import (
    SEEDS,
    OrganErrors,
    baseline_figures,
    draws_of,
    organ_errors,
    region_figures,
)
from .held import Held
from .hidden_exposure import hidden_share
from .model_file import model_json
from .published_baseline import HELD_FILE, BaselineDose, read_held, train_published
from .samples import Sample, samples_of

EVALUATION_FILE = "evaluation.csv"
BASELINE_FILE = "baseline.csv"


def train(
    arrays_folder: str | Path,
    output_folder: str | Path,
    *,
    baseline: Sequence[int] = (),
    figures: str | Path | None = None,
    seeds: Sequence[int] = SEEDS,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Fit the dose model, score it on patients left out, and write model, card and figures.

    Parameters
    ----------
    arrays_folder
        Folder of the published training arrays.
    output_folder
        Gets model.json, model_card.md and evaluation.csv.
    baseline
        Also train the published network, for so many epochs each, on the rows and folds of the
        first seed (needs torch; minutes for 30 epochs, hours for 2,000). Its doses of the patients
        left out are in baseline_patients.csv of the output folder, which is added to and shown in
        the card: an interrupted training goes on where it was.
    figures
        Folder for pictures of the doses of patients left out (needs matplotlib), or None.
    seeds
        Of the folds; figures are means over them.

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
    progress = progress or Progress()
    output = Path(output_folder)
    all_arrays = {region: load_region(arrays_folder, region) for region in REGIONS}
    if baseline:
        stage = Stage(progress, 0.0, 0.5)
        train_published(all_arrays, output / HELD_FILE, baseline, seed=seeds[0], progress=stage)
    networks = read_held(output / HELD_FILE)
    errors: list[OrganErrors] = []
    models: dict[str, RegionModel] = {}
    summary: dict[str, dict[str, Any]] = {}
    held: dict[str, list[dict[str, Held]]] = {}
    for number, (region, arrays) in enumerate(all_arrays.items()):
        stage = Stage(progress, 0.5 + 0.25 * number, 0.75 + 0.25 * number)
        samples = samples_to_fit(arrays)
        count = len(arrays.patients)
        held[region] = [
            cross_validate(region, samples, count, seed=s, progress=stage) for s in seeds
        ]
        draws = draws_of(count)
        organs = organ_errors(region, held[region], draws)
        errors += organs
        summary[region] = _figures(held[region], networks, region, draws)
        quantiles = {e.organ: {CTDIVOL: e.ctdivol_log_q90, MAS: e.model_log_q90} for e in organs}
        models[region] = fit_all(arrays, samples, quantiles)
    content = model_json(models, all_arrays, summary, seeds)
    digest = sha256(content)
    rows = _baseline_rows(networks)
    card = write_card(digest, models, all_arrays, errors, rows, summary, seeds)
    texts = {
        EVALUATION_FILE: _csv(OrganErrors.columns(), [vars(e) for e in errors]).encode(),
        CARD_FILE: card.encode(),
        MODEL_FILE: content,
    }
    if rows:
        texts = {BASELINE_FILE: _csv(tuple(rows[0]), rows).encode(), **texts}
    write_files(output, texts)
    if figures is not None:
        from .figures import draw

        draw({region: seeds_[0] for region, seeds_ in held.items()}, models, Path(figures))
    progress.update(1.0, "written")
    return {
        "sha256": digest,
        "files": sorted(texts),
        "regions": summary,
        "organs": [vars(e) for e in errors],
        "lines": [_line(region, values) for region, values in summary.items()],
    }


def samples_to_fit(arrays: RegionArrays) -> dict[str, list[Sample]]:
    """Return the samples of the organs that get a model."""
    wanted = organs_to_fit(arrays)
    samples = samples_of(arrays.region, arrays.patients)
    return {organ: samples.get(organ, []) for organ in wanted}


def fit_all(
    arrays: RegionArrays,
    samples: Mapping[str, list[Sample]],
    quantiles: Mapping[str, Mapping[str, float]],
) -> RegionModel:
    """Fit the region's model to all its patients."""
    fitted = {o: sum(int(s.keep.sum()) for s in own) for o, own in samples.items()}
    all_rows = {
        o: sum(arrays.counts[f"{what}:{o}"] for what in ("rows", "unmatched", "ambiguous", "nan"))
        for o in samples
    }
    left_out = {o: all_rows[o] - fitted[o] for o in samples}
    return fit_region(arrays.region, samples, left_out, quantiles)


def _figures(
    seeds: Sequence[Mapping[str, Held]],
    networks: Sequence[BaselineDose],
    region: str,
    draws: np.ndarray,
) -> dict[str, Any]:
    """Return a region's figures: the model's, the mixture of patients, and each network's."""
    figures: dict[str, Any] = _rounded_figures(region_figures(seeds, draws))
    figures["mixture"] = hidden_share(seeds[0])
    for epochs in sorted({d.epochs for d in networks}):
        doses = [d for d in networks if d.epochs == epochs and d.region == region]
        if doses:
            figures[f"published_{epochs}_epochs"] = _rounded_figures(
                baseline_figures(doses, seeds[0], draws)
            )
    return figures


def _rounded_figures(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


def _line(region: str, figures: Mapping[str, Any]) -> str:
    beside = "".join(
        f"; published network, {key.split('_')[1]} epochs, {network['median_pct']:.1f} % "
        f"({network['organs']} organs)"
        for key, network in figures.items()
        if key.startswith("published_")
    )
    return (
        f"{region}: median organ error {figures['labelled_median_pct']:.1f} % "
        f"({figures['labelled_median_low_pct']:.1f} to {figures['labelled_median_high_pct']:.1f}) "
        f"against the labels, {figures['tissue_median_pct']:.1f} % for the dose as given{beside}; "
        f"its interval covers {figures['coverage_pct']:.0f} % by effective mAs and "
        f"{figures['ctdivol_coverage_pct']:.0f} % by CTDIvol; a cropped scan changes it by "
        f"{figures['crop_mean_abs_pct']:.1f} %"
    )


def _baseline_rows(networks: Sequence[BaselineDose]) -> list[dict[str, Any]]:
    """Return the figures of the published network by epochs, region and organ."""
    rows = []
    for key in sorted({(d.epochs, d.region, d.organ) for d in networks}):
        doses = [d for d in networks if (d.epochs, d.region, d.organ) == key]
        errors = [abs(100 * (d.predicted_mGy / d.label_mGy - 1)) for d in doses]
        rows.append(
            {
                "region": key[1],
                "organ": key[2],
                "patients": len(doses),
                "epochs": key[0],
                "folds": len({d.fold for d in doses}),
                "baseline_median_pct": float(np.median(errors)),
                "baseline_mean_pct": float(np.mean(errors)),
            }
        )
    return rows


def _cell(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return stream.getvalue()
