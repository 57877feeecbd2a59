"""A change of an exposure, and what it does to CTDIvol.

CTDIvol follows tube current, rotation time and pitch exactly: it is CTDIw / pitch, and CTDIw is
proportional to mAs (IEC 60601-2-44). With the tube voltage it changes as the CTDI of the beam in
its phantom does, behind the same filters and for the same mAs (`montecarlo.ctdi_output`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...ct.acquisition import BODY_PHANTOM_CM
from ...ct.geometry import cell_widths_mm
from ..fast.beam_terms import VOLTAGES_KV
from ..fast.scaling import phantom_of
from ..montecarlo.beam_choice import unusual_beams, usual_model
from ..montecarlo.ctdi_output import ctdi_per_100mAs
from ..scan import Scan

PITCHES = (0.1, 4.0)
FACTORS = (0.01, 100.0)
TARGETS_MGY = (0.1, 500.0)
# Standard deviation of the power of the tube voltage that CTDIw goes with, around that of the
# table: weighted CTDI of six scanners of four makers at 80, 100 and 135 or 140 kV, 32 cm, lies
# around the generic beam's with 0.25 to 0.42 (INDOSE's table, probably after ImPACT).
POWER_SD = 0.4
# Of a beam unlike any in the tables, such as behind a tin filter; this project's judgement.
UNUSUAL_POWER_SD = 1.0
_SAME_KV, _SAME_MM = 0.5, 0.05


@dataclass(frozen=True)
class Change:
    """What of an exposure would be other; None and factors of 1: as it was.

    Attributes
    ----------
    kvp_kV
        Tube voltage.
    tube_current_factor, rotation_time_factor
        On tube current and rotation time.
    pitch
        Spiral pitch factor, at the same mA: scanners that keep mAs / pitch change the tube current
        too.
    irradiated_range_mm
        (low, high), RAS superior coordinates between which the tube would be on.
    target_ssde_mGy
        Mean SSDE to be reached by the tube current, whose own factor then does not count.
    ctdivol_factor
        What changes CTDIvol beyond these, with the spectrum as it was. No effect where CTDIvol is
        not known and dose follows from mAs.

    Examples
    --------
    >>> Change(pitch=1.2).beam_changes, Change(kvp_kV=100.0).beam_changes
    (False, True)
    """

    kvp_kV: float | None = None
    tube_current_factor: float = 1.0
    rotation_time_factor: float = 1.0
    pitch: float | None = None
    irradiated_range_mm: tuple[float, float] | None = None
    target_ssde_mGy: float | None = None
    ctdivol_factor: float = 1.0

    @property
    def beam_changes(self) -> bool:
        """True where organ doses do not just follow CTDIvol: another voltage or range."""
        return self.kvp_kV is not None or self.irradiated_range_mm is not None

    @property
    def words(self) -> str:
        """What changes, in words; empty for nothing."""
        return ", ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        if self.kvp_kV is not None:
            yield f"{self.kvp_kV:g} kV"
        if self.pitch is not None:
            yield f"pitch {self.pitch:g}"
        if self.irradiated_range_mm is not None:
            low, high = self.irradiated_range_mm
            yield f"irradiated range {low:.0f} to {high:.0f} mm"
        if self.target_ssde_mGy is not None:
            yield f"SSDE {self.target_ssde_mGy:g} mGy"
        for factor, name in (
            (self.tube_current_factor, "tube current"),
            (self.rotation_time_factor, "rotation time"),
            (self.ctdivol_factor, "CTDIvol beyond these"),
        ):
            if factor != 1.0:
                yield f"{name} x {factor:.4g}"


@dataclass(frozen=True)
class OutputRatio:
    """CTDIvol at another tube voltage over that of the scan, for the same mAs.

    Attributes
    ----------
    value
        1 for the voltage of the scan.
    log_sd
        Standard deviation of its logarithm.
    source
        What it follows from; empty for the voltage of the scan.
    """

    value: float = 1.0
    log_sd: float = 0.0
    source: str = ""


def output_ratio(scan: Scan, kvp_kV: float) -> OutputRatio:
    """Return what a tube voltage makes of CTDIvol, by the CTDI table of the scan's beam.

    The table's own error cancels in the ratio, half-value layer and filter of the scanner do not:
    they stand in `log_sd` with the scatter of scanners around the table.

    Parameters
    ----------
    scan
        Its tube voltage is known.
    kvp_kV
        70 to 150.
    """
    was = scan.series.acquisition.kvp_kV
    if was is None:
        raise ValueError("The tube voltage of the scan is not known.")
    if abs(kvp_kV - was) < _SAME_KV:
        return OutputRatio()
    phantom_cm = phantom_of(scan) or BODY_PHANTOM_CM
    model = usual_model(scan, phantom_cm)
    usual, lower, higher, *filters = (
        math.log(
            ctdi_per_100mAs(one, kvp_kV, phantom_cm).weighted
            / ctdi_per_100mAs(one, was, phantom_cm).weighted
        )
        for one in (model, *model.variants())
    )
    unusual = next(iter(unusual_beams(scan)), "")
    power = UNUSUAL_POWER_SD if unusual else POWER_SD
    others = float(np.mean(np.square(np.array(filters) - usual))) if filters else 0.0
    sd = math.hypot(power * math.log(kvp_kV / was), (higher - lower) / 2, math.sqrt(others))
    source = f"CTDI table of the beam {model.name}" + (f"; {unusual}" if unusual else "")
    return OutputRatio(math.exp(usual), sd, source)


def without_what_stays(scan: Scan, change: Change) -> Change:
    """Return a change without the tube voltage or range that the scan has: they are no change.

    Parameters
    ----------
    scan, change
        The change is one without `problems`.

    Returns
    -------
    Change
    """
    was, asked = scan.series.acquisition.kvp_kV, change.kvp_kV
    if asked is not None and was is not None and abs(asked - was) < _SAME_KV:
        change = replace(change, kvp_kV=None)
    ends = change.irradiated_range_mm
    own = scan.beam.range_mm if scan.beam.known else None
    if ends is not None and own is not None and np.allclose(ends, own, rtol=0, atol=_SAME_MM):
        change = replace(change, irradiated_range_mm=None)
    return change


def problems(scan: Scan, change: Change) -> dict[str, str]:
    """Return which parts of a change cannot be, by name, each with a sentence; empty if all can.

    Examples
    --------
    >>> from CTDoseSegLib import read_ct, segment
    >>> from CTDoseSegLib.measurement.measurements import measure
    >>> from CTDoseSegLib.measurement.size import measure_size
    >>> series = read_ct("ct")
    >>> labelmap = segment(series, "classical")
    >>> measured = measure(series, labelmap)
    >>> scan = Scan.of(series, labelmap, measured, measure_size(series, labelmap, measured))
    >>> list(problems(scan, Change(pitch=12.0)))
    ['pitch']
    """
    found = dict(_problems(scan, change))
    return {name: sentence for name, sentence in found.items() if sentence}


def _problems(scan: Scan, change: Change) -> Iterator[tuple[str, str]]:
    exposure = scan.series.acquisition
    for name in ("tube_current_factor", "rotation_time_factor", "ctdivol_factor"):
        yield name, _outside("The factor", getattr(change, name), FACTORS, "")
    if change.kvp_kV is not None:
        yield "kvp_kV", _outside("The tube voltage", change.kvp_kV, VOLTAGES_KV, " kV")
        if exposure.kvp_kV is None:
            yield "kvp_kV", "The tube voltage of the scan is not known; enter it with its exposure."
        elif problem := _outside("The scan's voltage", exposure.kvp_kV, VOLTAGES_KV, " kV"):
            yield "kvp_kV", problem
    if change.pitch is not None:
        yield "pitch", _outside("The pitch", change.pitch, PITCHES, "")
        if exposure.pitch is None:
            yield "pitch", "The pitch of the scan is not known; enter it with its exposure."
    if change.target_ssde_mGy is not None:
        yield "target_ssde_mGy", _outside("SSDE", change.target_ssde_mGy, TARGETS_MGY, " mGy")
    if change.irradiated_range_mm is not None:
        yield "irradiated_range_mm", _range_problem(scan, *change.irradiated_range_mm)


def _outside(name: str, value: float, limits: tuple[float, float], unit: str) -> str:
    low, high = limits
    if low <= value <= high:
        return ""
    return f"{name} is {value:g}{unit}; write a number from {low:g} to {high:g}."


def _range_problem(scan: Scan, low: float, high: float) -> str:
    if not low < high:
        return "The irradiated range starts at its lower end; write the lower number first."
    z_mm = scan.series.z_mm
    half_mm = cell_widths_mm(z_mm).max() / 2 if len(z_mm) > 1 else 0.0
    ends = [float(z_mm.min() - half_mm), float(z_mm.max() + half_mm)]
    if scan.beam.known:
        own = scan.beam.range_mm
        ends = [min(ends[0], own[0]), max(ends[1], own[1])]
    if low < ends[0] - 0.5 or high > ends[1] + 0.5:
        return (
            "The irradiated range reaches beyond what was scanned, where no anatomy is known; "
            f"write one inside {ends[0]:.0f} to {ends[1]:.0f} mm."
        )
    if not ((z_mm >= low) & (z_mm <= high)).any():
        return "No slice lies in that irradiated range; write a longer one."
    return ""
