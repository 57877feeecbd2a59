"""`ctdoseseg evaluate-unet`: a network against labelled scans, in numbers and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...ct.series import CTSeries
from ...ct.volume_files import write_volume
from ...files.staging import staged_folder
from ...outputs.tables import write_csv
from ...segmentation.unet.engine import best_device, predict
from ...segmentation.unet.network import for_inference, load_unet
from ...segmentation.unet.spec import UNetSpec
from ...segmentation.working_grid import Canonical
from ...tasks.progress import Progress, Stage
from .case import pixel_digest
from .cases import labelled_scans
from .config import read_config
from .judged import PART_WORDS, Judged, Page
from .layouts import config_of_folder
from .metrics import CaseScore, decided, score, slice_agreement
from .pictures import write_figures, write_pictures
from .split import part_of_slices
from .validation import stand_ins

CASES_FILE, SLICES_FILE = "unet_cases.csv", "unet_slices.csv"
# What an earlier run may have left, of more scans or slices.
_REPLACED = (
    *(f"predictions_*.{end}" for end in ("nii.gz", "nrrd", "jpg", "gif")),
    *("slice_histograms.png", "worst_median_best.png", "coronal.png"),
)
# Of a label: Dice and accuracy of each slice.
Agreements = dict[int, tuple[np.ndarray, np.ndarray]]
SLICE_COLUMNS = (
    *("case", "slice_index", "z_mm", "label", "dice", "accuracy"),
    *("true_area_mm2", "found_area_mm2", "mean_hu", "sd_hu", "part"),
)


def evaluate(
    data: str | Path,
    unet_folder: str | Path | None,
    output: str | Path,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run a network on labelled scans and write what came of it.

    Parameters
    ----------
    data
        A configuration as for training, whose classes must be the network's; or a folder in one of
        the layouts of the training.
    unet_folder
        Of the network; None for the bundled one. Where it has the list of the scans that it was
        trained on, each slice is marked as of training or validation.
    output
        Gets ``unet_cases.csv`` (a row a case and label), ``unet_slices.csv`` (a row a case, slice
        and label), ``predictions_scan_N`` (label map, pictures and an animation of each case, in
        the order of the table) and figures. Names of cases stand in the tables alone.

    Returns
    -------
    dict
        ``files``; ``dice``: label to the median Dice over cases that have it; and ``parts``, the
        same for the cases of each part by itself, those held out from the training first: a list
        of ``part``, ``cases`` (number) and ``dice``.
    """
    progress = progress or Progress()
    network, spec, _digest = load_unet(unet_folder)
    data = Path(data)
    is_file = data.suffix.lower() == ".toml"
    config = read_config(data) if is_file else config_of_folder(data, network=spec)
    device = best_device()
    network = for_inference(network, device)
    trained = None if unet_folder is None else Path(unet_folder)
    scores: list[CaseScore] = []
    slices: list[Sequence[Any]] = []
    pages: list[Page] = []
    coronal: list[Judged] = []
    doubts: list[str] = []
    names: list[str] = []
    with staged_folder(output, replaces=_REPLACED) as folder:
        for scan in labelled_scans(config, spec, Stage(progress, 0.0, 0.9), doubts):
            predicted = predict(network, spec, scan.series, scan.progress, device)
            parts = _parts(scan.series, trained)
            number = len(names) + 1
            names.append(scan.name)
            missing, stands = stand_ins([scan.source], spec.classes)
            skipped = np.flatnonzero(missing[0]).tolist()
            judged = Judged(
                name=scan.name,
                number=number,
                series=scan.series,
                truth=scan.labels,
                predicted=predicted,
                known=decided(predicted, scan.labels, skipped, int(stands[0])),
                not_drawn=scan.source.not_drawn,
                parts=parts,
            )
            scores += _case_scores(judged, spec)
            agreements = {
                n: slice_agreement(predicted == n, scan.labels == n, judged.known)
                for n in _numbers(judged, spec)
            }
            slices += _slice_rows(judged, spec, agreements)
            pages += _pages(judged, agreements)
            coronal = [*coronal, judged][:3]
            name = f"predictions_scan_{number}"
            write_volume(folder, name, predicted, scan.series.affine)
            write_pictures(judged, spec, folder, name)
        write_csv(folder / CASES_FILE, CaseScore.columns(), map(_row, scores))
        write_csv(folder / SLICES_FILE, SLICE_COLUMNS, slices)
        write_figures(folder, scores, pages, coronal, spec)
        files = sorted(path.name for path in folder.iterdir())
    numbered = (f"scan {n} is {name}" for n, name in enumerate(names, start=1))
    progress.note(f"In pictures and names of files: {', '.join(numbered)}.")
    for sentence in doubts:
        progress.warning("labelled_data", sentence)
    progress.update(1.0, "written")
    return {"files": files, "dice": _medians(scores), "parts": _by_part(scores)}


def _parts(series: CTSeries, folder: Path | None) -> tuple[str, ...]:
    """Return of which part of the network's training each slice of a series is."""
    view = Canonical.of(series)
    parts = part_of_slices(folder, pixel_digest(series), len(view.hu))
    if view.permutation[0] != 0:  # its slices are none of the network's
        one = parts[0] if len(set(parts)) == 1 else ""
        return (one,) * len(series.hu)
    return tuple(parts[::-1] if 0 in view.reversed_axes else parts)


def _by_part(scores: Sequence[CaseScore]) -> list[dict[str, Any]]:
    """Return number of cases and medians of each part, the held-out cases first."""
    of_part = {part: [s for s in scores if s.part == part] for part in PART_WORDS}
    return [
        {"part": part, "cases": len({s.case for s in own}), "dice": _medians(own)}
        for part, own in of_part.items()
        if own
    ]


def _medians(scores: Sequence[CaseScore]) -> dict[str, float | None]:
    """Return the median Dice of each label over the cases that have it in truth or result."""
    labels = dict.fromkeys(s.label for s in scores)
    dice = {
        label: [s.dice for s in scores if s.label == label and s.dice is not None]
        for label in labels
    }
    return {label: float(np.median(v)) if v else None for label, v in dice.items()}


def _case_scores(judged: Judged, spec: UNetSpec) -> list[CaseScore]:
    spacing = judged.series.spacing_mm[::-1]
    scores = (
        score(judged.name, name, judged.predicted == n, judged.truth == n, judged.known, spacing)
        for n in _numbers(judged, spec)
        for name in [spec.classes[n - 1]]
    )
    return [replace(one, part=judged.part) for one in scores]


def _numbers(judged: Judged, spec: UNetSpec) -> list[int]:
    """Return the labels that are judged in a scan."""
    return [
        n
        for n, name in enumerate(spec.classes, start=1)
        if name in spec.shown and name not in judged.not_drawn
    ]


def _slice_rows(judged: Judged, spec: UNetSpec, agreements: Agreements) -> list[Sequence[Any]]:
    """Return the area of each label on each slice, with mean and SD of its HU."""
    series = judged.series
    rows: list[Sequence[Any]] = []
    for n, (dice, accuracy) in agreements.items():
        name = spec.classes[n - 1]
        predicted, truth = judged.predicted == n, judged.truth == n
        for k in range(len(series.slices)):
            inside = series.hu[k][predicted[k]]
            agreed = None if np.isnan(dice[k]) else dice[k]
            rows.append(
                (
                    *(judged.name, k, series.slices[k].z_mm, name, agreed, accuracy[k]),
                    truth[k].sum() * series.pixel_area_mm2,
                    predicted[k].sum() * series.pixel_area_mm2,
                    inside.mean() if inside.size else None,
                    inside.std() if inside.size else None,
                    judged.parts[k],
                )
            )
    return rows


def _pages(judged: Judged, agreements: Agreements) -> list[Page]:
    """Return each slice with its accuracy, and its mean Dice over the labels in it."""
    truth, predicted, known = judged.truth, judged.predicted, judged.known
    dice = np.stack([dice for dice, _ in agreements.values()])
    right = ((truth == predicted) & known).sum(axis=(1, 2)) / np.maximum(known.sum(axis=(1, 2)), 1)
    return [
        Page(
            dice=float(np.nanmean(dice[:, k])) if np.isfinite(dice[:, k]).any() else None,
            accuracy=float(right[k]),
            part=judged.parts[k],
            where=f"scan {judged.number}, slice {k}",
            hu=judged.series.hu[k],
            truth=truth[k],
            predicted=predicted[k],
        )
        for k in range(len(truth))
    ]


def _row(one: CaseScore) -> Sequence[Any]:
    return [getattr(one, name) for name in CaseScore.columns()]
