"""Two scaling bases: from how a scan was exposed to the tube current that the dose model knows.

The model's current is that of the training scanner at 0.5 s per rotation and pitch 1. Dose per mAs
differs by about 30 % between scanners, but by about 5 % once it is divided by CTDIvol (Turner et
al. 2010, not verified here), so CTDIvol comes first and effective mAs is the fallback.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ...ct.acquisition import BODY_PHANTOM_CM
from ...ct.scanner_profile import GENERIC, Scanner
from ...ct.series import CTSeries
from ...flags import Flag, flag
from ...measurement.ctdivol import (
    positive_number,
    positive_numbers,
    scan_mean_component,
    slice_ctdivol_mGy,
)
from ..training_scans import ROTATION_TIME_S, TRAINING_KVP, other_voltage

CTDIVOL = "ctdivol"
MAS = "mas"
# Uncertainty component of a CTDIvol of the whole scan on images that may be a part of it.
CTDIVOL_OF_SCAN = "ctdivol_of_scan"
# The better one first.
BASES = (CTDIVOL, MAS)


@dataclass(frozen=True)
class ScalingBasis:
    """What the dose of every slice is scaled with: CTDIvol or effective mAs.

    Attributes
    ----------
    name
        ``ctdivol`` or ``mas``.
    values
        CTDIvol of the 32 cm phantom in mGy, or effective mAs, [k]; None where it cannot be used,
        and `flags` give the reason.
    scanner_ctdivol_per_mas
        CTDIvol per effective mAs of this scanner, where its profile states it: effective mAs are
        then turned into CTDIvol first.
    components
        Uncertainty components of the values themselves, by name: the standard deviation of their
        logarithm, one error of all slices.
    """

    name: str
    values: np.ndarray | None
    flags: tuple[Flag, ...]
    scanner_ctdivol_per_mas: float | None = None
    components: Mapping[str, float] = field(default_factory=dict)

    def tube_current_mA(self, ctdivol_per_mas: float) -> np.ndarray:
        """Return the tube current of the training scanner that gives this exposure, [k].

        Parameters
        ----------
        ctdivol_per_mas
            CTDIvol per effective mAs of the training scanner, of the organ's region.

        Raises
        ------
        ValueError
            If the basis cannot be used.
        """
        if self.values is None:
            raise ValueError(f"The scaling basis {self.name} has no values.")
        mas = self.values / ctdivol_per_mas if self.name == CTDIVOL else self.values
        if self.scanner_ctdivol_per_mas is not None:
            mas = mas * (self.scanner_ctdivol_per_mas / ctdivol_per_mas)
        return mas / ROTATION_TIME_S


def scaling_bases(series: CTSeries, scanner: Scanner = GENERIC) -> dict[str, ScalingBasis]:
    """Return both bases by name."""
    return {CTDIVOL: ctdivol_basis(series), MAS: mas_basis(series, scanner)}


def ctdivol_basis(series: CTSeries) -> ScalingBasis:
    """Return CTDIvol of every slice (`slice_ctdivol_mGy`).

    The 16 cm phantom is not converted: the ratio of both depends on spectrum and filter.
    """
    acquisition = series.acquisition
    values, flags = slice_ctdivol_mGy(series)
    if missing := int(np.isnan(values).sum()):
        some = f"on {missing} of {len(values)} slices, nor is their tube current"
        return ScalingBasis(
            CTDIVOL, None, (flag("ctdivol_unknown", some if missing < len(values) else ""),)
        )
    if acquisition.phantom_cm is not None and acquisition.phantom_cm != BODY_PHANTOM_CM:
        return ScalingBasis(CTDIVOL, None, (flag("ctdivol_small_phantom"),))
    if acquisition.phantom_cm is None:
        flags = (flag("ctdivol_phantom_unknown"), *flags)
    of_scan = scan_mean_component(series)
    return ScalingBasis(
        CTDIVOL, values, flags, components={CTDIVOL_OF_SCAN: of_scan} if of_scan else {}
    )


def mas_basis(series: CTSeries, scanner: Scanner = GENERIC) -> ScalingBasis:
    """Return effective mAs (mA x rotation time / pitch) of every slice.

    At 120 kV alone, unless the profile of the scanner states its weighted CTDI per mAs at the tube
    voltage of the scan.
    """
    acquisition = series.acquisition
    own = scanner.nctdiw_mGy_per_100mAs
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
    elif own is None and other_voltage(kvp):
        reasons.append(f"{kvp:g} kV instead of {TRAINING_KVP:g} kV")
    mas = positive_numbers([s.effective_mAs for s in series.slices])
    if not np.isfinite(mas).all():
        current = positive_numbers([s.tube_current_mA for s in series.slices])
        rotation, pitch = (
            positive_number(acquisition.rotation_time_s),
            positive_number(acquisition.pitch),
        )
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
        return ScalingBasis(MAS, None, (flag("mas_unusable", "; ".join(reasons)),))
    if own is None:
        return ScalingBasis(MAS, mas, ())
    return ScalingBasis(MAS, mas, (), own / 100.0)
