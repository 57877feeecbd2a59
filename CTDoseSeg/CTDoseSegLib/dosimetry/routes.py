"""Two routes from how a scan was exposed to the tube current that the dose model knows.

The model's current is that of the training scanner at 0.5 s per rotation and pitch 1. Dose per mAs
differs by about 30 % between scanners, but by about 5 % once it is divided by CTDIvol (Turner et
al. 2010, not verified here), so CTDIvol comes first and effective mAs is the fallback.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ct.series import CTSeries
from ..errors import Flag, flag
from .dose_model import ROTATION_TIME_S

CTDIVOL = "ctdivol"
MAS = "mas"
ROUTES = (CTDIVOL, MAS)
TRAINING_KVP = 120.0
BODY_PHANTOM_CM = 32
# Values of one quantity that differ by less are the same number on every slice.
_SAME = 1e-3


@dataclass(frozen=True)
class Exposure:
    """One route's exposure of every slice.

    Attributes
    ----------
    route
        ``ctdivol`` or ``mas``.
    values
        CTDIvol of the 32 cm phantom in mGy, or effective mAs, [k]; None where the route cannot be
        taken, and `flags` say why.
    """

    route: str
    values: np.ndarray | None
    flags: tuple[Flag, ...]

    def tube_current_mA(self, ctdivol_per_mas: float) -> np.ndarray:
        """The training scanner's tube current for this exposure, [k].

        Parameters
        ----------
        ctdivol_per_mas
            CTDIvol per effective mAs of the training scanner, of the organ's region.

        Raises
        ------
        ValueError
            If the route cannot be taken.
        """
        if self.values is None:
            raise ValueError(f"The {self.route} route has no values.")
        mas = self.values / ctdivol_per_mas if self.route == CTDIVOL else self.values
        return mas / ROTATION_TIME_S


def exposures(series: CTSeries) -> dict[str, Exposure]:
    """Both routes, by name."""
    return {CTDIVOL: ctdivol_exposure(series), MAS: mas_exposure(series)}


def ctdivol_exposure(series: CTSeries) -> Exposure:
    """CTDIvol of every slice.

    Values that differ between slices are used as they are. One value for all is distributed in
    proportion to the slices' tube current (its mean over the slices kept), if that is known. The
    16 cm phantom is not converted: the ratio of both depends on spectrum and filter.
    """
    acquisition = series.acquisition
    values = _numbers([s.ctdivol_mGy for s in series.slices])
    if not np.isfinite(values).all():
        values = np.where(np.isfinite(values), values, _number(acquisition.ctdivol_mGy))
    if not np.isfinite(values).all():
        return Exposure(CTDIVOL, None, (flag("ctdivol_unknown"),))
    if acquisition.phantom_cm is not None and acquisition.phantom_cm != BODY_PHANTOM_CM:
        return Exposure(CTDIVOL, None, (flag("ctdivol_small_phantom"),))
    flags = []
    if acquisition.phantom_cm is None:
        flags.append(flag("ctdivol_phantom_unknown"))
    if np.ptp(values) <= _SAME * values.mean():
        current = _numbers([s.tube_current_mA for s in series.slices])
        if not np.isfinite(current).all():
            if len(values) > 1:
                flags.append(flag("ctdivol_flat", f"{values.mean():.2f} mGy"))
        elif np.ptp(current) > _SAME * current.mean():
            values = values * current / current.mean()
            flags.append(
                flag("ctdivol_distributed", f"{current.min():.0f} to {current.max():.0f} mA")
            )
    return Exposure(CTDIVOL, values, tuple(flags))


def mas_exposure(series: CTSeries) -> Exposure:
    """Effective mAs (mA x rotation time / pitch) of every slice."""
    acquisition = series.acquisition
    reasons = [
        reason
        for stated, reason in (
            (acquisition.dual_source, "two tubes"),
            (acquisition.tin_filter, "a tin filter"),
            (acquisition.ecg_gated, "ECG gating"),
        )
        if stated
    ]
    kvp = acquisition.kvp_kV
    if kvp is None:
        reasons.append("tube voltage not known")
    elif abs(kvp - TRAINING_KVP) > 0.5:
        reasons.append(f"{kvp:g} kV instead of {TRAINING_KVP:g} kV")
    mas = _numbers([s.effective_mAs for s in series.slices])
    if not np.isfinite(mas).all():
        current = _numbers([s.tube_current_mA for s in series.slices])
        rotation, pitch = _number(acquisition.rotation_time_s), _number(acquisition.pitch)
        mas = np.where(np.isfinite(mas), mas, current * rotation / pitch)
        missing = [
            name
            for name, known in (
                ("tube current", np.isfinite(current).all()),
                ("rotation time", np.isfinite(rotation)),
                ("pitch", np.isfinite(pitch)),
            )
            if not known
        ]
        if not np.isfinite(mas).all():
            reasons.append(f"{', '.join(missing)} not known")
    if reasons:
        return Exposure(MAS, None, (flag("mas_unusable", "; ".join(reasons)),))
    return Exposure(MAS, mas, ())


def _number(value: float | None) -> float:
    """A positive number, or NaN: zero and negative exposures are not measurements."""
    return float(value) if value is not None and 0 < float(value) < np.inf else np.nan


def _numbers(values: list[float | None]) -> np.ndarray:
    return np.array([_number(value) for value in values])
