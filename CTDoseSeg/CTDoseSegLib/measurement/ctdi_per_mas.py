"""CTDIvol per effective mAs: the range of all scanners, and a few models' own values.

Effective mAs are tube current x rotation time / pitch. The values are those that scanners displayed
in public dose reports; `ctdi_per_mas.csv` names each with its year and relative standard deviation
(judgement: 5 % where several reports agree, 10 % where one has it or the collimation is not known).
Models whose own values contradict each other by more than a third are not in it.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..ct.acquisition import BODY_PHANTOM_CM, HEAD_PHANTOM_CM
from ..ct.scanner_profile import words

# mGy per mAs at 120 kV of clean spirals in dose reports and in Fujii 2009 (PMC3473380, table 2),
# 0.055 to 0.10 for 32 cm. For 16 cm 1.6 to 2.45 times as much (weighted CTDI of 35 scanners).
REFERENCE_KVP = 120.0
BANDS: dict[int, tuple[float, float]] = {
    BODY_PHANTOM_CM: (0.05, 0.11),
    HEAD_PHANTOM_CM: (0.09, 0.25),
}
# Where only one of the phantoms is possible, with a margin to the other's values.
_ONLY: dict[int, tuple[float, float]] = {
    BODY_PHANTOM_CM: (0.05, 0.09),
    HEAD_PHANTOM_CM: (0.13, 0.25),
}
# CTDI grows with this power of the tube voltage: 0.26 to 0.37 times at 80 kV, 0.58 to 0.66 at 100,
# 1.22 at 135 and 1.37 to 1.62 at 140 (weighted CTDI and air kerma of nine scanners).
_LEAST_POWER = {"below": 2.3, "above": 1.7}
_MOST_POWER = 3.3
_VOLTAGES = (70.0, 150.0)
# A model's own value is not narrower than this on either side, with 90 % confidence: filter,
# collimation and the exemplar differ from those of the report.
LEAST_RELATIVE_90 = 0.35
K90 = 1.645
_SAME_KVP = 0.5
_SAME_COLLIMATION = 0.1


@dataclass(frozen=True)
class KnownOutput:
    """CTDIvol per effective mAs of one model of scanner.

    Attributes
    ----------
    manufacturer, model, kvp_kV, phantom_cm
        What it holds for.
    collimation_mm
        Total collimation; None where the source does not state it.
    ctdivol_mGy_per_100mAs
        As displayed.
    relative_sd
        Of the value.
    year
        Of the source; None where it is not known.
    source
        Where it was read.
    """

    manufacturer: str
    model: str
    kvp_kV: float
    phantom_cm: int
    collimation_mm: float | None
    ctdivol_mGy_per_100mAs: float
    relative_sd: float
    year: int | None
    source: str

    @property
    def log_sd(self) -> float:
        """Standard deviation of ln(CTDIvol) as it is used: at least -35 % with 90 %."""
        return max(self.relative_sd, -math.log(1 - LEAST_RELATIVE_90) / K90)

    @property
    def in_words(self) -> str:
        """The value and its source in words."""
        year = f", {self.year}" if self.year else ""
        return f"{self.ctdivol_mGy_per_100mAs:g} mGy per 100 mAs ({self.source}{year})"


@cache
def known_outputs() -> tuple[KnownOutput, ...]:
    """Return the table.

    Examples
    --------
    >>> flash = next(row for row in known_outputs() if "Flash" in row.model)
    >>> flash.ctdivol_mGy_per_100mAs, flash.phantom_cm
    (6.76, 32)
    """
    path = Path(__file__).with_name("ctdi_per_mas.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            KnownOutput(
                row["manufacturer"],
                row["model"],
                float(row["kvp_kV"]),
                int(row["phantom_cm"]),
                float(row["collimation_mm"]) if row["collimation_mm"] else None,
                float(row["ctdivol_mGy_per_100mAs"]),
                float(row["relative_sd"]),
                int(row["year"]) if row["year"] else None,
                row["source"],
            )
            for row in csv.DictReader(file)
        )


def known_output(
    manufacturer: str | None,
    model: str | None,
    kvp_kV: float | None,
    phantom_cm: int,
    collimation_mm: float | None,
) -> KnownOutput | None:
    """Return the value of a model for a scan, or None where the table has none for it.

    Makers are compared by their first word and models by letters and digits, as scanner profiles
    are. A collimation that differs by more than a tenth is another beam.
    """
    if manufacturer is None or model is None or kvp_kV is None:
        return None
    for row in known_outputs():
        other_beam = (
            row.collimation_mm is not None
            and collimation_mm is not None
            and abs(collimation_mm / row.collimation_mm - 1) > _SAME_COLLIMATION
        )
        if (
            words(row.manufacturer)[:1] == words(manufacturer)[:1]
            and "".join(words(row.model)) == "".join(words(model))
            and abs(row.kvp_kV - kvp_kV) <= _SAME_KVP
            and row.phantom_cm == phantom_cm
            and not other_beam
        ):
            return row
    return None


def possible_ctdivol_per_mas(kvp_kV: float, phantom_cm: int | None) -> tuple[float, float] | None:
    """Return what CTDIvol per effective mAs can be, (lowest, highest) in mGy per mAs.

    Parameters
    ----------
    kvp_kV
        Tube voltage; beyond 70 to 150 kV nothing is known.
    phantom_cm
        16 or 32; None: either.

    Examples
    --------
    >>> possible_ctdivol_per_mas(120, 32)
    (0.05, 0.11)
    """
    scale = _voltage_scale(kvp_kV)
    if scale is None:
        return None
    bands = [band for size, band in BANDS.items() if phantom_cm in (None, size)]
    return min(b[0] for b in bands) * scale[0], max(b[1] for b in bands) * scale[1]


def phantom_by_output(ctdivol_per_mas: float, kvp_kV: float) -> int | None:
    """Return the only phantom that a CTDIvol per effective mAs (mGy per mAs) can be for, or None.

    Examples
    --------
    >>> phantom_by_output(0.07, 120), phantom_by_output(0.1, 120), phantom_by_output(0.16, 120)
    (32, None, 16)
    """
    scale = _voltage_scale(kvp_kV)
    if scale is None:
        return None
    least, most = scale
    for phantom, (low, high) in _ONLY.items():
        # The narrower range: whatever the power is.
        if low * most <= ctdivol_per_mas <= high * least:
            return phantom
    return None


def _voltage_scale(kvp_kV: float) -> tuple[float, float] | None:
    """Return by what CTDI can differ from that at 120 kV, (least, most)."""
    if not _VOLTAGES[0] <= kvp_kV <= _VOLTAGES[1]:
        return None
    ratio = kvp_kV / REFERENCE_KVP
    least_power = _LEAST_POWER["below" if ratio < 1 else "above"]
    scales = sorted((ratio**least_power, ratio**_MOST_POWER))
    return scales[0], scales[1]
