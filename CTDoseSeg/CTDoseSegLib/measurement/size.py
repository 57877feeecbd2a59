"""Size of the body in each slice.

Water-equivalent diameter after AAPM Report 220, and the part of the body contour on the border of
the field of view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ct.series import CTSeries
from ..flags import Flag, flag, slice_place, slice_runs
from ..segmentation.labelmap import BODY, BODY_REST, Labelmap
from .body_contour import BodyContours, trace_contours
from .measurements import Measurements
from .truncation import corrected_wed_mm, explain, is_correctable

# Atoms with which a label map has a body; the last is TotalSegmentator's.
_WHOLE_BODIES = {BODY, BODY_REST, "body_trunc"}
# A mask whose mean HU is in this range holds no tissue but noise in air, or padding; a slice of
# lungs has about -400. A lower mean comes of values that are not HU.
NO_TISSUE_HU = (-1050.0, -700.0)


@dataclass(frozen=True)
class WEDSummary:
    """Water-equivalent diameter of a scan; NaN where no slice has one.

    Attributes
    ----------
    centre_mm
        Of the slice in the middle of the images.
    mean_mm
        Mean of all slices that have a body.
    low_mm, high_mm
        Smallest and largest of these slices.
    """

    centre_mm: float
    mean_mm: float
    low_mm: float
    high_mm: float


@dataclass(frozen=True)
class SizeProfile:
    """Size of the body, slice by slice.

    Attributes
    ----------
    body_area_mm2
        Area of the body mask, without the couch, [k]; 0 without a body: no mask, or one that holds
        no tissue.
    body_mean_hu
        Mean HU of the body mask, without the couch, [k]; NaN without a body.
    wed_mm
        Water-equivalent diameter as measured, with the partly filled pixels around the mask, [k];
        NaN without a body.
    truncated_fraction
        Part of the body contour that lies on the border of the field of view, 0-1, [k]; NaN
        without a body.
    asymmetry
        How unlike opposite sides are cut, 0-1, [k], as in `body_contour.BodyContours`; NaN without
        a body.
    wed_corrected_mm
        Water-equivalent diameter with the missing part estimated, [k]; equal to `wed_mm` where
        nothing is cut, NaN where too much is cut to correct it.
    flags
        For each slice, its flags.
    scan_flags
        The same for the scan as a whole: which slices.
    """

    body_area_mm2: np.ndarray
    body_mean_hu: np.ndarray
    wed_mm: np.ndarray
    truncated_fraction: np.ndarray
    asymmetry: np.ndarray
    wed_corrected_mm: np.ndarray
    flags: tuple[tuple[Flag, ...], ...]
    scan_flags: tuple[Flag, ...] = ()

    def summary(self) -> WEDSummary:
        """Return WED of the centre slice, mean and range."""
        known = self.wed_mm[np.isfinite(self.wed_mm)]
        if known.size == 0:
            return WEDSummary(np.nan, np.nan, np.nan, np.nan)
        centre = float(self.wed_mm[self.wed_mm.size // 2])
        return WEDSummary(centre, *(float(f(known)) for f in (np.mean, np.min, np.max)))


def water_equivalent_diameter_mm(
    area_mm2: np.ndarray, mean_hu: np.ndarray, rim_water_mm2: np.ndarray | float = 0.0
) -> np.ndarray:
    """Return WED in mm: 2 sqrt(((mean HU / 1000 + 1) area + rim) / pi).

    Parameters
    ----------
    area_mm2, mean_hu
        Area and mean HU of the body mask, of one shape.
    rim_water_mm2
        Water-equivalent area of the partly filled pixels just outside the body mask.

    Returns
    -------
    numpy.ndarray
        Of the same shape; NaN where there is no body, or where its mean HU is below that of a
        vacuum.

    Notes
    -----
    AAPM Report 220; the rim is this project's.
    """
    water_mm2 = (np.asarray(mean_hu) / 1000.0 + 1.0) * np.asarray(area_mm2) + rim_water_mm2
    return 2.0 * np.sqrt(np.where(water_mm2 > 0, water_mm2, np.nan) / np.pi)


def measure_size(
    series: CTSeries,
    labelmap: Labelmap,
    measurements: Measurements,
    contours: BodyContours | None = None,
) -> SizeProfile:
    """Measure the size of the body group in every slice, with truncation.

    Parameters
    ----------
    series
        The CT, [k, j, i].
    labelmap
        On the same grid.
    measurements
        Of these two.
    contours
        As `trace_contours` returns them, for a caller that keeps them; None: traced here.

    Returns
    -------
    SizeProfile

    Notes
    -----
    A mask ends halfway up the blurred edge of the skin, and what lies outside it is missing from
    the integral that AAPM 220 defines: 0.1 to 0.4 % of the diameter on the phantom. WED therefore
    counts the rim of partly filled pixels too; area and mean HU are those of the mask.
    """
    slices = series.hu.shape[0]
    area, rim = np.zeros(slices), np.zeros(slices)
    mean, truncated, asymmetry = (np.full(slices, np.nan) for _ in range(3))
    if BODY in measurements.groups:
        body = measurements.of(BODY)
        contours = contours or trace_contours(series, labelmap)
        low, high = NO_TISSUE_HU
        has_body = (body.count > 0) & ~((body.mean_hu >= low) & (body.mean_hu < high))
        area, rim = (has_body * of for of in (body.area_mm2, contours.rim_water_mm2))
        mean, truncated, asymmetry = (
            np.where(has_body, of, np.nan)
            for of in (body.mean_hu, contours.truncated_fraction, contours.asymmetry)
        )
    wed = water_equivalent_diameter_mm(area, mean, rim)
    not_axial = any(item.code == "not_axial" for item in series.flags)
    not_hu = bool(series.not_hu)
    withheld = not_axial or not_hu
    if withheld:  # the diameter of another cut through the body is not the beam's
        wed[:] = np.nan
    corrected = corrected_wed_mm(wed, truncated, asymmetry)

    # The edge of a body mask that follows values that are not HU says nothing of the body.
    cut = (truncated > 0) & (not not_hu)
    correctable = is_correctable(truncated, asymmetry)
    cases = {
        "slice_without_body": area == 0,
        "body_of_organs": (area > 0) & _WHOLE_BODIES.isdisjoint(a.name for a in labelmap.atoms),
        "not_axial": np.full(slices, not_axial),
        "not_hu": np.full(slices, not_hu),
        "body_lighter_than_air": (area > 0) & np.isnan(wed) & (not withheld),
        "body_truncated": cut & correctable,
        "truncation_not_corrected": cut & ~correctable,
    }
    scan_flags = []
    for code, where in cases.items():
        if code == "slice_without_body" and where.all():
            scan_flags.append(flag("no_body"))
        elif where.any() and code not in ("not_axial", "not_hu"):  # flags of the series itself
            detail, consequence = slices_in_words(where), ""
            if code in ("body_truncated", "truncation_not_corrected"):
                extent, consequence = explain(truncated[where], asymmetry[where])
                detail = f"{detail}, {extent}"
            scan_flags.append(flag(code, detail, consequence=consequence))
    return SizeProfile(
        body_area_mm2=area,
        body_mean_hu=mean,
        wed_mm=wed,
        truncated_fraction=truncated,
        asymmetry=asymmetry,
        wed_corrected_mm=corrected,
        flags=flags_per_slice(cases, slices),
        scan_flags=tuple(scan_flags),
    )


def flags_per_slice(cases: dict[str, np.ndarray], slices: int) -> tuple[tuple[Flag, ...], ...]:
    """Return for each of `slices` slices the flags of the cases that hold there."""
    flags = {code: flag(code) for code in cases}
    return tuple(
        tuple(flags[code].at(slice_place(k)) for code, where in cases.items() if where[k])
        for k in range(slices)
    )


def slices_in_words(where: np.ndarray) -> str:
    """Return the slices of [k] by number: ``slices 0-3, 7``."""
    return "all slices" if where.all() else f"slices {slice_runs(np.flatnonzero(where))}"
