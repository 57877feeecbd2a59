"""CTDIvol of every slice, the same for SSDE and for organ doses."""

from __future__ import annotations

import numpy as np

from ..ct.series import CTSeries
from ..flags import Flag, flag

# Values of one quantity that differ by less are the same number on every slice.
_SAME = 1e-3


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
    one_value = np.ptp(values[stated]) <= _SAME * values[stated].mean()
    varies = np.isfinite(current).all() and np.ptp(current) > _SAME * current.mean()
    both = stated & np.isfinite(current)
    flags = []
    if missing := int((~stated).sum()):
        if both.any():
            per_mA = values[both].mean() / current[both].mean()
            values = np.where(stated, values, per_mA * current)
        filled = missing - int(np.isnan(values).sum())
        if filled:
            flags.append(flag("ctdivol_filled", f"{filled} of {len(values)} slices"))
    if one_value and varies:
        stated_mGy = values[stated].mean()
        values = current * (stated_mGy / current[stated].mean())
        detail = f"{current.min():.0f} to {current.max():.0f} mA"
        low, high = values.min() / stated_mGy, values.max() / stated_mGy
        ratios = f"CTDIvol of a slice is {low:.2f} to {high:.2f} times the stated one"
        flags.append(flag("ctdivol_distributed", detail, consequence=ratios))
    elif one_value and not np.isfinite(current).all() and len(values) > 1:
        flags.append(flag("ctdivol_flat", f"{values[stated].mean():.2f} mGy"))
    return values, tuple(flags)


def positive_number(value: float | None) -> float:
    """Return a positive number, or NaN: zero and negative exposures are not measurements."""
    return float(value) if value is not None and 0 < float(value) < np.inf else np.nan


def positive_numbers(values: list[float | None]) -> np.ndarray:
    """Return `positive_number` of each, [n]."""
    return np.array([positive_number(value) for value in values])
