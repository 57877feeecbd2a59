"""CTDIvol of every slice, the same for SSDE and for organ doses."""

from __future__ import annotations

import numpy as np

from ..ct.series import CTSeries
from ..flags import Flag, flag

# Values of one quantity that differ by less are the same number on every slice.
_SAME = 1e-3
# Standard deviation of ln(CTDIvol) of a slice where a CTDIvol of the whole scan is distributed by
# the tube current of the images alone, as if these were the whole scan. This project's judgement:
# on a scan that was cropped to its parts with little current the dose came out 30 % too high.
IMAGES_AS_SCAN = 0.15
# A dose report whose mean tube current is further from the images', either way, does not speak of
# the same quantity.
_FARTHEST = 2.0
# Closer than this they are the same but for rounding.
_ROUNDING = 0.05


def slice_ctdivol_mGy(series: CTSeries) -> tuple[np.ndarray, tuple[Flag, ...]]:
    """Return CTDIvol of every slice in mGy, [k], NaN where it is not known, and flags.

    Values that differ between slices are used as they are. One value for all, stated on the slices
    or for the scan, is distributed in proportion to the slices' tube current (its mean over the
    slices kept), if that is known. Slices without a value among others that have one get theirs
    from their own tube current, by the CTDIvol per mA of the others; else they have none.
    """
    current = positive_numbers([s.tube_current_mA for s in series.slices])
    values = positive_numbers([s.ctdivol_mGy for s in series.slices])
    stated = np.isfinite(values)
    if not stated.any():
        values[:] = positive_number(series.acquisition.ctdivol_mGy)
        stated = np.isfinite(values)
    if not stated.any():
        return values, ()
    one_value = _one_value(values[stated])
    both = stated & np.isfinite(current)
    flags = []
    if missing := int((~stated).sum()):
        if both.any():
            per_mA = values[both].mean() / current[both].mean()
            values = np.where(stated, values, per_mA * current)
        filled = missing - int(np.isnan(values).sum())
        if filled:
            flags.append(flag("ctdivol_filled", f"{filled} of {len(values)} slices"))
    mean_mA = _event_mean_mA(series, current)
    if one_value and (_varies(current) or _part_of_scan(current, mean_mA)):
        stated_mGy = values[stated].mean()
        values = current * (stated_mGy / (mean_mA or current[stated].mean()))
        flags.append(_distributed(values / stated_mGy, current, mean_mA))
    elif one_value and not np.isfinite(current).all() and len(values) > 1:
        flags.append(flag("ctdivol_flat", f"{values[stated].mean():.2f} mGy"))
    return values, tuple(flags)


def scan_mean_component(series: CTSeries) -> float:
    """Return the uncertainty of every slice's CTDIvol from not knowing the scan's mean current.

    The standard deviation of ln(CTDIvol), the same error on all slices: `IMAGES_AS_SCAN` where one
    CTDIvol was distributed and the scan's mean tube current is not known, else 0.
    """
    current = positive_numbers([s.tube_current_mA for s in series.slices])
    values = positive_numbers([s.ctdivol_mGy for s in series.slices])
    stated = values[np.isfinite(values)]
    if not stated.size and np.isnan(positive_number(series.acquisition.ctdivol_mGy)):
        return 0.0
    known = _event_mean_mA(series, current) is not None
    return 0.0 if known or not _one_value(stated) or not _varies(current) else IMAGES_AS_SCAN


def _one_value(stated: np.ndarray) -> bool:
    return not stated.size or bool(np.ptp(stated) <= _SAME * stated.mean())


def _varies(current: np.ndarray) -> bool:
    return bool(np.isfinite(current).all() and np.ptp(current) > _SAME * current.mean())


def _part_of_scan(current: np.ndarray, mean_mA: float | None) -> bool:
    """Return whether images of one tube current are a part of a scan with another mean."""
    return mean_mA is not None and abs(np.mean(current) / mean_mA - 1) > _ROUNDING


def _event_mean_mA(series: CTSeries, current: np.ndarray) -> float | None:
    """Return the mean tube current of the images' irradiation event by the dose report, if any."""
    if series.dose_report is None:
        return None
    stated = {positive_number(placed.event.tube_current_mA) for placed in series.dose_report.own}
    mean = stated.pop() if len(stated) == 1 else np.nan
    apart = mean / np.mean(current)
    return mean if 1 / _FARTHEST <= apart <= _FARTHEST else None


def _distributed(ratios: np.ndarray, current: np.ndarray, mean_mA: float | None) -> Flag:
    """Return what was distributed: `ratios` of each slice's CTDIvol to the stated one, [k]."""
    detail = f"{current.min():.0f} to {current.max():.0f} mA"
    effect = f"CTDIvol of a slice is {ratios.min():.2f} to {ratios.max():.2f} times the stated one"
    if mean_mA is not None:
        detail += f", {mean_mA:.0f} mA the mean of the scan by its dose report"
        return flag("ctdivol_distributed", detail, consequence=effect, mends=())
    effect += (
        "; the images' mean current was taken for that of the scan: where they are a part of it "
        "with less current than the rest, all doses are too high (by 30 % in one that was cropped)"
    )
    return flag("ctdivol_distributed", detail, consequence=effect)


def positive_number(value: float | None) -> float:
    """Return a positive number, or NaN: zero and negative exposures are not measurements."""
    return float(value) if value is not None and 0 < float(value) < np.inf else np.nan


def positive_numbers(values: list[float | None]) -> np.ndarray:
    """Return `positive_number` of each, [n]."""
    return np.array([positive_number(value) for value in values])
