"""Dose-length product (DLP) of one exposure: as stated, else CTDIvol times length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ct.geometry import cell_widths_mm
from ..ct.series import CTSeries
from ..flags import Flag, flag
from ..measurement.ctdivol import positive_number, slice_ctdivol_mGy
from .beam import Beam, beam_of

# A stated DLP outside these ratios to that of the images is worth a question (this project's own).
_STATED_TO_COMPUTED = (0.8, 1.6)


@dataclass(frozen=True)
class DoseLengthProduct:
    """DLP of one exposure.

    Attributes
    ----------
    value_mGy_cm
        As stated, else computed.
    source
        Where it came from: ``image``, ``rdsr``, ``user`` or ``computed: ...``.
    computed_mGy_cm
        CTDIvol of each slice times the width of its cell, over the irradiated range where that is
        known, else over the images; None where CTDIvol is not known on every slice.
    length_mm
        Of the range that `computed_mGy_cm` is over.
    lower_bound
        True where it was computed over the images alone, without overranging.
    """

    value_mGy_cm: float
    source: str
    computed_mGy_cm: float | None
    length_mm: float
    lower_bound: bool


def dose_length_product(
    series: CTSeries, overranging_mm: float | None = None
) -> tuple[DoseLengthProduct | None, tuple[Flag, ...]]:
    """Return the DLP of a series as stated, else from CTDIvol, and its flags.

    Computed, it is the sum of CTDIvol (mGy) times the width of the slice's cell (cm), halfway to
    its neighbours. Where the irradiated range is known, the first and last slice's value goes on to
    its ends, as in organ doses.
    """
    acquisition = series.acquisition
    beam = beam_of(series, overranging_mm)
    widths = _widths_mm(series, beam)
    ctdivol, _ = slice_ctdivol_mGy(series)
    computed = None
    if widths is not None and np.isfinite(ctdivol).all():
        computed = float(ctdivol @ widths) / 10.0
    length = 0.0 if widths is None else float(widths.sum())
    over = "irradiated range" if beam.known else "images"
    stated = positive_number(acquisition.dlp_mGy_cm)
    if np.isfinite(stated):
        source = acquisition.sources.get("dlp_mGy_cm", "image")
        dlp = DoseLengthProduct(float(stated), source, computed, length, False)
        return dlp, _disagreement(dlp, over)
    if computed is None:
        return None, (flag("effective_dose_no_dlp"),)
    source = f"computed: CTDIvol of each slice times its width, over the {over}"
    flags = [flag("dlp_computed", f"{computed:.0f} mGy cm over {length:.0f} mm of the {over}")]
    if not beam.known:
        flags.append(flag("dlp_lower_bound"))
    dlp = DoseLengthProduct(computed, source, computed, length, not beam.known)
    return dlp, tuple(flags)


def _widths_mm(series: CTSeries, beam: Beam) -> np.ndarray | None:
    """Return the length that each slice's CTDIvol stands for, [k]; None where it is not known."""
    z = series.z_mm
    if any(entry.code == "not_axial" for entry in series.flags):
        return None
    if not beam.known:
        thickness = series.slices[0].thickness_mm
        if len(z) > 1:
            return cell_widths_mm(z)
        return None if thickness is None else np.array([thickness])
    order = np.argsort(z, kind="stable")
    middles = (z[order][1:] + z[order][:-1]) / 2
    low, high = beam.range_mm
    widths = np.empty(len(z))
    widths[order] = np.diff(np.concatenate(([low], np.clip(middles, low, high), [high])))
    return widths


def _disagreement(dlp: DoseLengthProduct, over: str) -> tuple[Flag, ...]:
    if not dlp.computed_mGy_cm:
        return ()
    low, high = _STATED_TO_COMPUTED
    if low <= dlp.value_mGy_cm / dlp.computed_mGy_cm <= high:
        return ()
    detail = (
        f"{dlp.value_mGy_cm:.0f} mGy cm stated, {dlp.computed_mGy_cm:.0f} from CTDIvol over the "
        f"{over}"
    )
    ratio = dlp.value_mGy_cm / dlp.computed_mGy_cm
    what = f"effective dose follows the stated DLP, {ratio:.2g} times the computed one"
    return (flag("dlp_disagrees", detail, consequence=what),)
