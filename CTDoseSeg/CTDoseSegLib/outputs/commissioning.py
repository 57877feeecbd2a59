"""Fitted beams as files: a scanner profile, and a table of residuals."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..ct.acquisition import read_json_object
from ..ct.scanner_profile import check_profile, words
from ..dosimetry.montecarlo.commission import FittedBeam
from ..dosimetry.montecarlo.measured_ctdi import MeasuredCTDI
from ..errors import AcquisitionError

PROFILE, RESIDUALS = "scanner_profile.json", "residuals.csv"
COLUMNS = (
    "filter",
    "voltage_kV",
    "quantity",
    "phantom_cm",
    "unit",
    "measured",
    "fitted",
    "difference_percent",
    "studentized",
)


def profile_with_beams(
    measured: MeasuredCTDI, fits: Sequence[FittedBeam], earlier: Path | None
) -> dict[str, Any]:
    """Return the values of a scanner profile with fitted beams.

    Parameters
    ----------
    measured
        On the scanner.
    fits
        Their beams take the place of those of the same name.
    earlier
        A profile that is to be kept otherwise; None: a new one with make and model alone.

    Raises
    ------
    AcquisitionError
        If the earlier profile is not valid, or is of another scanner.
    """
    values: dict[str, Any] = {"manufacturer": measured.manufacturer, "model": measured.model}
    if earlier is not None:
        values = read_json_object(earlier)
        profile = check_profile(values)
        for key in ("manufacturer", "model"):
            stated, wanted = getattr(profile, key), getattr(measured, key)
            if words(stated) != words(wanted):
                raise AcquisitionError(
                    f"The scanner profile {earlier.name} is of the {key} {stated}, the "
                    f"measurements are of {wanted}; give the profile of that scanner."
                )
    names = {fit.beam.name for fit in fits}
    kept = [beam for beam in values.get("beams") or [] if beam["name"] not in names]
    values["beams"] = [*kept, *(asdict(fit.beam) for fit in fits)]
    check_profile(values)
    return values


def write_commissioning(
    values: Mapping[str, Any], fits: Sequence[FittedBeam], folder: Path
) -> list[Path]:
    """Write the profile and the table of residuals, and return their paths."""
    profile, residuals = folder / PROFILE, folder / RESIDUALS
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, indent=1)
    profile.write_text(text + "\n", encoding="utf-8", newline="\n")
    with residuals.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(COLUMNS)
        for fit in fits:
            for residual in fit.residuals:
                reading = residual.reading
                rows.writerow(
                    (
                        fit.beam.name,
                        f"{reading.voltage_kV:g}",
                        reading.quantity,
                        reading.phantom_cm or "",
                        reading.unit,
                        f"{reading.value:g}",
                        f"{residual.fitted:.4g}",
                        f"{residual.percent:.1f}",
                        f"{residual.studentized:.1f}",
                    )
                )
    return [profile, residuals]
