"""A scan with another exposure, as a dose engine takes it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ...ct.series import CTSeries
from ...measurement.ctdivol import slice_ctdivol_mGy
from ...measurement.effective_mas import slice_effective_mAs
from ..beam import beam_of
from ..dose_length_product import dose_length_product
from ..effective_dose import EffectiveDose, effective_dose
from ..scan import Scan
from .change import Change, OutputRatio


def times(value: float | None, factor: float) -> float | None:
    """Return a value multiplied; None where it is not known."""
    return None if value is None else value * factor


def mas_factor(scan: Scan, change: Change) -> float:
    """Return mAs / pitch over that of the scan."""
    mas = change.tube_current_factor * change.rotation_time_factor
    pitch = scan.series.acquisition.pitch
    return mas * pitch / change.pitch if pitch and change.pitch else mas


def irradiated(scan: Scan, change: Change) -> np.ndarray:
    """Return which slices an exposure meets, [k]; all where its range is that of the scan."""
    z_mm = scan.series.z_mm
    if change.irradiated_range_mm is None:
        return np.ones(len(z_mm), bool)
    low, high = change.irradiated_range_mm
    return np.asarray((z_mm >= low) & (z_mm <= high))


def exposed(scan: Scan, change: Change, output: OutputRatio) -> Scan:
    """Return a scan with another exposure.

    Tube currents stay as they are, for their shape along the body alone counts: CTDIvol and
    effective mAs change in their place. The mean tube current of a dose report goes with them.
    """
    series, acquisition = scan.series, scan.series.acquisition
    mas = mas_factor(scan, change)
    factor = mas * output.value * change.ctdivol_factor
    effective = slice_effective_mAs(series).values * mas
    slices = tuple(
        replace(
            item,
            ctdivol_mGy=times(item.ctdivol_mGy, factor),
            effective_mAs=float(value) if math.isfinite(value) else item.effective_mAs,
        )
        for item, value in zip(series.slices, effective, strict=True)
    )
    changed = replace(
        acquisition,
        kvp_kV=change.kvp_kV or acquisition.kvp_kV,
        pitch=change.pitch or acquisition.pitch,
        rotation_time_s=times(acquisition.rotation_time_s, change.rotation_time_factor),
        ctdivol_mGy=times(acquisition.ctdivol_mGy, factor),
        dlp_mGy_cm=times(acquisition.dlp_mGy_cm, factor),
    )
    per_mas = times(scan.scanner.nctdiw_mGy_per_100mAs, output.value)
    scanner = replace(scan.scanner, nctdiw_mGy_per_100mAs=per_mas)
    # An engine that is given the CT alone takes the scanner from it.
    series = replace(series, slices=slices, acquisition=changed, scanner=scanner)
    exposed = replace(scan, series=series, scanner=scanner)
    return _over_range(scan, exposed, change.irradiated_range_mm)


def _over_range(scan: Scan, exposed: Scan, range_mm: tuple[float, float] | None) -> Scan:
    """Return a scan with another irradiated range and the DLP of it.

    The DLP is as far from CTDIvol times length as that of the scan is, where its range is known.
    """
    if range_mm is None:
        return exposed
    series = exposed.series
    sources = {**series.acquisition.sources, "irradiated_range_mm": "user"}
    stated = replace(series.acquisition, irradiated_range_mm=range_mm, sources=sources)
    there = replace(series, acquisition=replace(stated, dlp_mGy_cm=None))
    computed, _ = dose_length_product(there)
    before, _ = dose_length_product(scan.series, scan.scanner.overranging_mm)
    dlp = None if computed is None else computed.value_mGy_cm
    if scan.beam.known and before is not None and before.computed_mGy_cm:
        dlp = times(dlp, before.value_mGy_cm / before.computed_mGy_cm)
    series = replace(series, acquisition=replace(stated, dlp_mGy_cm=dlp))
    return replace(exposed, series=series, beam=beam_of(series))


def effective_dose_of(exposed: Scan, change: Change) -> EffectiveDose:
    """Return k x DLP; of another range by the parts of the body that are in it."""
    series, measured = exposed.series, exposed.measurements
    if change.irradiated_range_mm is not None:
        first, last = np.flatnonzero(irradiated(exposed, change))[[0, -1]]
        some = slice(int(first), int(last) + 1)
        measured = replace(
            measured,
            counts=measured.counts[some],
            sums=measured.sums[some],
            squares=measured.squares[some],
        )
        series = _cropped(series, some)
    return effective_dose(series, measured, overranging_mm=exposed.scanner.overranging_mm)


def _cropped(series: CTSeries, some: slice) -> CTSeries:
    """Return some slices with the CTDIvol that they have among all; nothing is distributed anew.

    Their tube currents go, by which one CTDIvol for all would be distributed.
    """
    ctdivol, _ = slice_ctdivol_mGy(series)
    slices = tuple(
        replace(
            item, ctdivol_mGy=float(value) if math.isfinite(value) else None, tube_current_mA=None
        )
        for item, value in zip(series.slices[some], ctdivol[some], strict=True)
    )
    affine = series.affine.copy()
    affine[:3, 3] += some.start * affine[:3, 2]
    return replace(series, hu=series.hu[some], affine=affine, slices=slices, dose_report=None)
