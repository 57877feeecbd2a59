"""`ctdoseseg evaluate-unet`: a network against labelled scans, in numbers and pictures."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...ct.volume_files import write_volume
from ...files.staging import staged_folder
from ...segmentation.unet.engine import best_device, predict
from ...segmentation.unet.network import for_inference, load_unet
from ...segmentation.unet.spec import UNetSpec
from ...tasks.progress import Progress, Stage
from .cases import UNKNOWN, labelled_scans
from .config import read_config
from .judged import Judged
from .metrics import CaseScore, score, slice_dice
from .pictures import write_figures, write_pictures

CASES_FILE, SLICES_FILE = "unet_cases.csv", "unet_slices.csv"
SLICE_COLUMNS = (
    *("case", "slice_index", "z_mm", "label", "dice", "accuracy"),
    *("true_area_mm2", "found_area_mm2", "mean_hu", "sd_hu"),
)


def evaluate(
    config_file: str | Path,
    unet_folder: str | Path | None,
    output: str | Path,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run a network on the cases of a configuration and write what came of it.

    Parameters
    ----------
    config_file
        As for training; its classes must be the network's.
    unet_folder
        Of the network; None for the bundled one.
    output
        Gets ``unet_cases.csv`` (a row a case and label), ``unet_slices.csv`` (a row a case, slice
        and label), ``predictions/`` (label maps, pictures and an animation of each case) and
        figures.

    Returns
    -------
    dict
        ``files`` and ``dice``: label to the median Dice over cases that have it.
    """
    progress = progress or Progress()
    config = read_config(config_file)
    network, spec, _digest = load_unet(unet_folder)
    device = best_device()
    network = for_inference(network, device)
    scores: list[CaseScore] = []
    slices: list[Sequence[Any]] = []
    pages: list[tuple[float, str, np.ndarray, np.ndarray, np.ndarray]] = []
    coronal = []
    with staged_folder(output) as folder:
        scans = labelled_scans(config, spec, Stage(progress, 0.0, 0.9))
        for scan in scans:
            predicted = predict(network, spec, scan.series, None, device)
            judged = Judged(scan.name, scan.series, scan.labels, predicted, scan.not_drawn)
            scores += _case_scores(judged, spec)
            slices += _slice_rows(judged, spec)
            pages += _pages(judged, spec)
            coronal.append(judged)
            coronal = coronal[:3]
            place = f"predictions_{scan.name}"
            name = "".join(c if c.isalnum() or c in "-_" else "_" for c in place)
            write_volume(folder, name, predicted, scan.series.affine)
            write_pictures(judged, spec, folder, name)
        _write_csv(folder / CASES_FILE, CaseScore.columns(), map(_row, scores))
        _write_csv(folder / SLICES_FILE, SLICE_COLUMNS, slices)
        write_figures(folder, scores, pages, coronal, spec)
        files = sorted(path.name for path in folder.iterdir())
    progress.update(1.0, "written")
    return {"files": files, "dice": _medians(scores)}


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
    return [
        score(judged.name, name, judged.predicted == n, judged.truth == n, judged.known, spacing)
        for n, name in enumerate(spec.classes, start=1)
        if name in spec.shown and name not in judged.not_drawn
    ]


def _slice_rows(judged: Judged, spec: UNetSpec) -> list[Sequence[Any]]:
    """Return the area of each label on each slice, with mean and SD of its HU."""
    series, known = judged.series, judged.known
    rows: list[Sequence[Any]] = []
    for n, name in enumerate(spec.classes, start=1):
        if name not in spec.shown or name in judged.not_drawn:
            continue
        predicted, truth = judged.predicted == n, judged.truth == n
        dice = slice_dice(predicted, truth, known)
        for k in range(len(series.slices)):
            inside = series.hu[k][predicted[k]]
            wrong = ((predicted[k] != truth[k]) & known[k]).sum() / max(int(known[k].sum()), 1)
            rows.append(
                (
                    *(judged.name, k, series.slices[k].z_mm, name, dice[k], 1.0 - wrong),
                    truth[k].sum() * series.pixel_area_mm2,
                    predicted[k].sum() * series.pixel_area_mm2,
                    inside.mean() if inside.size else None,
                    inside.std() if inside.size else None,
                )
            )
    return rows


def _pages(
    judged: Judged, spec: UNetSpec
) -> list[tuple[float, str, np.ndarray, np.ndarray, np.ndarray]]:
    """Return each slice that has a label, with its mean Dice over the labels in it."""
    pages = []
    for k in range(len(judged.truth)):
        truth, predicted = judged.truth[k], judged.predicted[k]
        known = truth != UNKNOWN
        present = [
            n
            for n, name in enumerate(spec.classes, start=1)
            if name in spec.shown
            and name not in judged.not_drawn
            and ((truth == n).any() or ((predicted == n) & known).any())
        ]
        if not present:
            continue
        dice = [
            float(slice_dice((predicted == n)[None], (truth == n)[None], known[None])[0])
            for n in present
        ]
        pages.append(
            (
                float(np.mean(dice)),
                f"{judged.name}, slice {k}",
                judged.series.hu[k],
                truth,
                predicted,
            )
        )
    return pages


def _row(one: CaseScore) -> Sequence[Any]:
    return [getattr(one, name) for name in CaseScore.columns()]


def _write_csv(path: Path, columns: Sequence[str], rows: Any) -> None:
    from ...outputs.tables import cell

    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([cell(value) for value in row] for row in rows)
