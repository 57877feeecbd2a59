"""A law against arrays in the published format, as a test.

The arrays hold simulated organ doses of real patients on one scanner at 120 kV, by slice, with the
tube current but without CTDIvol. CTDIvol per mAs of that scanner is not known: one number, the same
in chest and abdomen, is chosen so that the median error over both is 0, and reported. Nothing else
is fitted.

``dose_evaluation.csv`` has a row for each region and organ: patients, median of the signed and of
the absolute error (per cent of the simulated dose) of the law and of SSDE, scaled in the same way,
and what the law's error gains with 10 mm of diameter (empty for fewer than three patients). An
organ's dose is the unweighted mean over its slices, as the label is, of those at least 60 mm from
the chest's upper end and 30 mm from any other: the simulated beam starts inside the images there.
``dose_evaluation_patients.csv`` has a row for each patient and organ; patients are numbered as they
come in the arrays.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...dosimetry.fast.beam_terms import TERMS as BEAM_TERMS
from ...dosimetry.fast.kernel import arriving
from ...dosimetry.fast.model import DoseModel, OrganModel, RegionModel, load_model
from ...errors import InputError
from ...measurement.ssde import BODY_32, size_factor
from ...tasks.progress import Progress
from ..files import write_files
from .arrays import BACKBONE, REGIONS, Patient, RegionArrays, load_region, region_folder

SUMMARY_FILE = "dose_evaluation.csv"
PATIENTS_FILE = "dose_evaluation_patients.csv"
BUNDLED = "bundled"
# The rotation time of the simulations; with a pitch of 1 it makes mAs of the tube current.
ROTATION_TIME_S = 0.5
# The chest's simulated beam starts inside the images: labels pass half of the plateau here.
BEAM_INSET_MM = {"chest": 41.0, "abdomen": 0.0}
# Simulated in air, or two thirds of the rows are not of the organ: no dose to compare with.
UNUSABLE = ("lung_trachea_bronchia", "trachea", "urinary_bladder")


@dataclass(frozen=True)
class Compared:
    """One organ of one patient: simulated dose, and the law's and SSDE by 1 mGy per mAs."""

    region: str
    organ: str
    patient: int
    wed_mm: float
    simulated_mGy: float
    law: float
    ssde: float


def evaluate(
    arrays_folder: str | Path,
    output_folder: str | Path,
    *,
    model: str | Path = BUNDLED,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare a dose model with the arrays and write both tables.

    Parameters
    ----------
    arrays_folder
        Holds ``chest_merged_training_arrays``, ``abdomen_merged_training_arrays``, or both.
    model
        ``bundled``, or the folder that `ctdoseseg train-dose` wrote.

    Returns
    -------
    dict
        ``files``, ``model_sha256``, ``mGy_per_mAs`` (all, and by region), ``regions`` (means over
        organs) and ``lines`` (a summary to read).

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
    compared: list[Compared] = []
    left_out: list[str] = []
    for number, region in enumerate(regions):
        progress.update(number / len(regions), f"comparing {region}")
        arrays = load_region(arrays_folder, region, any_backbone=True)
        own = list(_compared(fitted, arrays))
        compared += own
        left_out += _left_out(arrays, {one.organ for one in own})
    if not compared:
        raise InputError("The dose model knows none of the organs in these arrays.")
    scale = {"all": _scale(compared)}
    scale |= {r: _scale(own) for r in regions if (own := [c for c in compared if c.region == r])}
    ssde = math.exp(float(np.median([math.log(c.simulated_mGy / c.ssde) for c in compared])))
    rows = list(_rows(compared, scale["all"], ssde))
    summary = {region: _means([row for row in rows if row["region"] == region]) for region in scale}
    progress.update(1.0, "writing")
    patients = [_patient_row(one, scale["all"]) for one in compared]
    texts = {PATIENTS_FILE: _csv(patients), SUMMARY_FILE: _csv(rows)}
    write_files(Path(output_folder), texts)
    return {
        "files": sorted(texts),
        "model_sha256": fitted.card["sha256"],
        "mGy_per_mAs": scale,
        "regions": {region: means for region, means in summary.items() if means},
        "lines": [*_lines(scale, summary), *left_out],
    }


def _scale(compared: list[Compared]) -> float:
    """Return CTDIvol per mAs that makes the median error 0."""
    return math.exp(float(np.median([math.log(c.simulated_mGy / c.law) for c in compared])))


def _compared(model: DoseModel, arrays: RegionArrays) -> Iterator[Compared]:
    organs = {
        name: (shared, organ)
        for region, shared in model.regions.items()
        if region != "head"
        for name, organ in shared.organs.items()
        if name not in UNUSABLE
    }
    for number, patient in enumerate(arrays.patients):
        beam = (float(patient.z_mm[0]), float(patient.z_mm[-1]) - BEAM_INSET_MM[arrays.region])
        for name in patient.organs:
            if name in organs:
                yield from _of_organ(arrays.region, number, name, patient, beam, *organs[name])


def _of_organ(
    region: str,
    number: int,
    name: str,
    patient: Patient,
    beam: tuple[float, float],
    shared: RegionModel,
    organ: OrganModel,
) -> Iterator[Compared]:
    rows = patient.organs[name]
    kept = patient.interior[rows.slices] & (rows.dose_mGy > 0)
    if not kept.any():
        return
    slices = rows.slices[kept]
    mas = patient.tube_current_mA * ROTATION_TIME_S
    sizes = shared.sizes_mm(patient.z_mm, patient.wed_mm)[slices]
    reached = organ.reached_mGy(arriving(patient.z_mm, mas, beam)[:, slices], sizes)
    factor = np.exp(organ.log_factor(sizes, np.zeros(len(BEAM_TERMS))))
    by_size = size_factor(BODY_32, patient.wed_mm[slices])
    yield Compared(
        region=region,
        organ=name,
        patient=number,
        wed_mm=float(sizes[:, 0].mean()),
        simulated_mGy=float(rows.dose_mGy[kept].mean()),
        law=float((reached * factor).mean()),
        ssde=float((mas[slices] * by_size).mean()),
    )


def _rows(compared: list[Compared], scale: float, ssde: float) -> Iterator[dict[str, Any]]:
    for region, organ in sorted({(one.region, one.organ) for one in compared}):
        own = [one for one in compared if (one.region, one.organ) == (region, organ)]
        error = np.array([100 * (scale * one.law / one.simulated_mGy - 1) for one in own])
        of_ssde = np.array([100 * (ssde * one.ssde / one.simulated_mGy - 1) for one in own])
        wed = np.array([one.wed_mm for one in own])
        several = len(own) > 2 and np.ptp(wed) > 0
        yield {
            "region": region,
            "organ": organ,
            "patients": len(own),
            "bias_pct": float(np.median(error)),
            "median_error_pct": float(np.median(np.abs(error))),
            "error_pct_per_cm": float(np.polyfit(wed / 10.0, error, 1)[0]) if several else None,
            "ssde_bias_pct": float(np.median(of_ssde)),
            "ssde_median_error_pct": float(np.median(np.abs(of_ssde))),
        }


def _patient_row(one: Compared, scale: float) -> dict[str, Any]:
    return {
        "region": one.region,
        "organ": one.organ,
        "patient": one.patient + 1,
        "wed_mm": one.wed_mm,
        "simulated_mGy": one.simulated_mGy,
        "law_mGy": scale * one.law,
        "error_pct": 100 * (scale * one.law / one.simulated_mGy - 1),
    }


def _means(rows: list[dict[str, Any]]) -> dict[str, float]:
    means: dict[str, float] = {"organs": len(rows)} if rows else {}
    for name in ("median_error_pct", "ssde_median_error_pct", "error_pct_per_cm"):
        known = [row[name] for row in rows if row[name] is not None]
        if known:
            means[name] = round(float(np.mean(known)), 3)
    return means


def _lines(scale: dict[str, float], summary: dict[str, dict[str, float]]) -> Iterator[str]:
    by_region = ", ".join(f"{value:.4f} by {name}" for name, value in scale.items())
    yield f"CTDIvol per mAs of the simulated scanner, mGy (32 cm): {by_region}."
    for region, means in summary.items():
        if means:
            yield (
                f"{region}, mean over {means['organs']} organs: median error "
                f"{means['median_error_pct']:.1f} % with one scale for all, SSDE "
                f"{means['ssde_median_error_pct']:.1f} %."
            )


def _left_out(arrays: RegionArrays, compared: Collection[str]) -> Iterator[str]:
    """Yield what of the arrays was not compared, and what is not known of them."""
    missing = sum(n for name, n in arrays.counts.items() if name.startswith("nan:"))
    if missing:
        yield f"{arrays.region}: {missing} rows have missing values and were left out."
    if BACKBONE not in arrays.organs:
        yield (
            f"{arrays.region}: there is no {BACKBONE} array, so that patients were separated by "
            "the longest one; some may be merged, and tube current beyond the organ is not known."
        )
    others = [organ for organ in arrays.organs if organ not in compared]
    if others:
        yield f"{arrays.region}: not compared: {', '.join(others)}."


def _csv(rows: list[dict[str, Any]]) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {k: f"{v:.5g}" if isinstance(v, (float, np.floating)) else v for k, v in row.items()}
        )
    return stream.getvalue().encode("ascii")
