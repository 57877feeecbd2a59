"""Effective mAs of every slice, the same for SSDE, for organ doses and for checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ct.acquisition import Acquisition
from ..ct.series import CTSeries, SliceInfo
from .ctdivol import positive_number, positive_numbers


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class EffectiveMAs:
    """Tube current x rotation time / pitch along the body.

    Attributes
    ----------
    values
        mAs of every slice, [k]; NaN where it is not known.
    reasons
        Why dose does not follow from them, in words; empty where it does.
    """

    values: np.ndarray
    reasons: tuple[str, ...] = ()


def slice_effective_mAs(series: CTSeries) -> EffectiveMAs:
    """Return effective mAs of every slice, as stated or from tube current, rotation and pitch."""
    return effective_mAs_of(series.acquisition, series.slices)


def effective_mAs_of(acquisition: Acquisition, slices: Sequence[SliceInfo]) -> EffectiveMAs:
    """Return effective mAs as `slice_effective_mAs` does, of a series without its voxels."""
    reasons = [
        reason
        for stated, reason in (
            (acquisition.dual_source, "two tubes"),
            (acquisition.tin_filter, "a tin filter"),
            (acquisition.ecg_gated, "ECG gating"),
        )
        if stated
    ]
    values = positive_numbers([s.effective_mAs for s in slices])
    if not np.isfinite(values).all():
        current = positive_numbers([s.tube_current_mA for s in slices])
        rotation = positive_number(acquisition.rotation_time_s)
        pitch = positive_number(acquisition.pitch)
        values = np.where(np.isfinite(values), values, current * rotation / pitch)
        missing = [
            name
            for name, known in (
                ("tube current", np.isfinite(current).all()),
                ("rotation time", np.isfinite(rotation)),
                ("pitch", np.isfinite(pitch)),
            )
            if not known
        ]
        if not np.isfinite(values).all():
            reasons.append(f"{', '.join(missing)} not known")
    return EffectiveMAs(values, tuple(reasons))
