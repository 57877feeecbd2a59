"""Size of the body in each slice, and the dose that goes with it.

Water-equivalent diameter after AAPM Report 220, the part of the body contour on the border of the
field of view, and the size-specific dose estimate (SSDE) by anatomy and CTDI phantom together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ct.scanner_profile import GENERIC, Scanner
from ..ct.series import CTSeries
from ..errors import AcquisitionError
from ..flags import Flag, flag, slice_place, slice_runs
from ..segmentation.labelmap import BODY, Labelmap
from .body_contour import BodyContours, trace_contours
from .ctdi_check import with_estimated_ctdivol
from .ctdivol import slice_ctdivol_mGy
from .measurements import Measurements
from .truncation import corrected_wed_mm, explain, is_correctable

# A mask whose mean HU is in this range holds no tissue but noise in air, or padding; a slice of
# lungs has about -400. A lower mean comes of values that are not HU.
NO_TISSUE_HU = (-1050.0, -700.0)
# No adult head, and no child's, has a larger water-equivalent diameter.
LARGEST_HEAD_MM = 230.0
# SSDE's factors were fitted to diameters in this range.
FIT_RANGE_MM = (80.0, 450.0)
# Factor f = a exp(-b Dw / cm) for CTDIvol in the named phantom.
TABLES: dict[str, tuple[float, float]] = {
    "body, 32 cm phantom (AAPM 204 and 220)": (3.704369, 0.03671937),
    "body, 16 cm phantom (AAPM 204)": (1.874799, 0.03871313),
    "head, 16 cm phantom (AAPM 293)": (1.9852, 0.0486),
}
BODY_32, BODY_16, HEAD_16 = TABLES
_HEAD_WORDS = ("HEAD", "BRAIN", "SKULL", "ORBIT", "SINUS", "FACE")
_BODY_WORDS = (
    *("CHEST", "THORAX", "LUNG", "HEART", "CARDIAC", "BREAST", "ABDOMEN", "PELVIS", "TRUNK"),
    *("LIVER", "PANCREAS", "KIDNEY", "COLON", "SPLEEN", "BLADDER", "PROSTATE"),
)


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


@dataclass(frozen=True)
class SSDEProfile:
    """Size-specific dose estimate, slice by slice.

    Attributes
    ----------
    ssde_mGy
        CTDIvol times the factor, [k]; NaN where either is not known.
    ctdivol_used_mGy
        CTDIvol that SSDE and organ doses are made from, [k]: where one value stands for all slices
        it is distributed in proportion to their tube current.
    factor
        Conversion factor for `wed_mm`, [k].
    table
        Where the factor comes from: anatomy, phantom and report, a name in `TABLES`; empty where
        none fits.
    flags
        What holds for the scan.
    slice_flags
        For each slice, its flags.
    alternative_ssde_mGy
        SSDE by `alternative_table`, [k]; None without one.
    alternative_table
        The other table that may be meant, where anatomy or phantom leave a doubt; else None.
    """

    ssde_mGy: np.ndarray
    ctdivol_used_mGy: np.ndarray
    factor: np.ndarray
    table: str
    flags: tuple[Flag, ...]
    slice_flags: tuple[tuple[Flag, ...], ...] = ()
    alternative_ssde_mGy: np.ndarray | None = None
    alternative_table: str | None = None

    @property
    def mean_mGy(self) -> float:
        """Mean of SSDE over the slices that have one, DICOM's SSDE (113930); NaN if none has."""
        known = self.ssde_mGy[np.isfinite(self.ssde_mGy)]
        return float(known.mean()) if known.size else float("nan")


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
            detail, consequence = _slices(where), ""
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
        flags=_per_slice(cases, slices),
        scan_flags=tuple(scan_flags),
    )


def ssde(
    series: CTSeries,
    size: SizeProfile,
    anatomy: str | None = None,
    scanner: Scanner = GENERIC,
) -> SSDEProfile:
    """Return SSDE of every slice: CTDIvol times a factor that falls with the measured WED.

    Parameters
    ----------
    series
        For CTDIvol (of each slice, or the scan's distributed by the tube current, as organ doses
        take it), phantom, body part and age.
    size
        Size of the same series.
    anatomy
        ``body`` or ``head``; None: by the acquisition's body part.
    scanner
        Where CTDIvol is not known, its CTDI per mAs in the 32 cm phantom stands in for bodies.

    Returns
    -------
    SSDEProfile

    Raises
    ------
    AcquisitionError
        If `anatomy` is none of these.

    Notes
    -----
    f = 3.704369 exp(-0.03671937 Dw) for the body and the 32 cm phantom, 1.874799
    exp(-0.03871313 Dw) for the 16 cm phantom (AAPM 204), Dw in cm. For the head (AAPM 293)
    1.9852 exp(-0.0486 Dw), coefficients seen in one public implementation only (unverified).
    """
    if anatomy not in (None, "body", "head"):
        raise AcquisitionError(f"The anatomy is {anatomy!r}; choose body or head, or leave it out.")
    if series.not_hu:  # the series' own flag is the reason
        ctdivol, _ = slice_ctdivol_mGy(series)
        unknown = np.full(size.wed_mm.shape, np.nan)
        return SSDEProfile(unknown, ctdivol, unknown, "", (), ((),) * len(unknown))
    estimate_flags: tuple[Flag, ...] = ()
    if (anatomy or anatomy_of(series.acquisition.body_part)) != "head":
        series, estimate_flags = with_estimated_ctdivol(series, scanner)
    table, other, flags = _choose_tables(series, size, anatomy)
    ctdivol, ctdivol_flags = slice_ctdivol_mGy(series)
    ctdivol_flags = (*estimate_flags, *ctdivol_flags)
    if np.isnan(ctdivol).all():
        flags = []  # there is nothing that a table could be applied to
    factor = _factor(table, size.wed_mm)
    values = ctdivol * factor
    low, high = FIT_RANGE_MM
    outside = (size.wed_mm < low) | (size.wed_mm > high)
    cases = {"ssde_without_ctdivol": np.isnan(ctdivol), "ssde_outside_fit": outside}
    flags += ctdivol_flags
    one_value = any(f.code in ("ctdivol_distributed", "ctdivol_flat") for f in ctdivol_flags)
    of_slices = any(s.ctdivol_mGy for s in series.slices)
    if one_value or not (of_slices or np.isnan(ctdivol).all()):
        flags.append(flag("ssde_scan_ctdivol"))
    for code, where in cases.items():
        if where.any():
            flags.append(flag(code, _slices(where)))
    return SSDEProfile(
        ssde_mGy=values,
        ctdivol_used_mGy=ctdivol,
        factor=factor,
        table=table,
        flags=tuple(flags),
        slice_flags=_per_slice(cases, values.size),
        alternative_ssde_mGy=ctdivol * _factor(other, size.wed_mm) if other else None,
        alternative_table=other or None,
    )


def anatomy_of(body_part: str | None) -> str | None:
    """Return ``head`` or ``body`` by DICOM's BodyPartExamined; None where it does not decide."""
    words = (body_part or "").upper()
    head = any(word in words for word in _HEAD_WORDS)
    body = any(word in words for word in _BODY_WORDS) or "NECK" in words
    if head == body or words.strip() == "NECK":
        return None
    return "head" if head else "body"


def _choose_tables(
    series: CTSeries, size: SizeProfile, anatomy: str | None
) -> tuple[str, str, list[Flag]]:
    """Return the factor table, the other one that may be meant (or empty), and flags."""
    acquisition = series.acquisition
    phantom, age = acquisition.phantom_cm, acquisition.age_years
    child = age is not None and age < 18
    anatomy = anatomy or anatomy_of(acquisition.body_part)
    flags: list[Flag] = []
    if phantom is None:
        flags.append(_assumed_phantom(anatomy, size))
    other = ""
    if anatomy == "head":
        table = "" if phantom == 32 else HEAD_16
        if phantom == 32:
            flags.append(flag("ssde_head_body_phantom"))
    elif anatomy == "body" or phantom == 32 or not _may_be_head(size):
        table = BODY_16 if phantom == 16 else BODY_32
        other = BODY_16 if phantom is None and child else ""
    elif phantom == 16:
        table, other = (BODY_16, HEAD_16) if child else (HEAD_16, BODY_16)
    else:
        table, other = BODY_32, HEAD_16
    if other:
        by_other = _if_table(other, table, size, "by the other table SSDE is")
        flags.append(flag("ssde_in_doubt", f"{table}, or {other}", consequence=by_other))
    if HEAD_16 in (table, other):
        flags.append(flag("ssde_head_unverified"))
    return table, other, flags


def _assumed_phantom(anatomy: str | None, size: SizeProfile) -> Flag:
    """Flag that SSDE assumes a phantom, with what it would be with the other one."""
    if anatomy == "head":
        other = "with the 32 cm phantom there would be no SSDE"
        return flag("ssde_phantom_assumed", "SSDE assumes 16 cm", consequence=other)
    other = _if_table(BODY_16, BODY_32, size, "with the 16 cm phantom SSDE would be")
    return flag("ssde_phantom_assumed", "SSDE assumes 32 cm", consequence=other)


def _if_table(table: str, instead_of: str, size: SizeProfile, begin: str) -> str:
    """Return what another table does to SSDE, mean over the slices; empty without a diameter."""
    known = size.wed_mm[np.isfinite(size.wed_mm)]
    if known.size == 0:
        return ""
    ratio = (_factor(table, known) / _factor(instead_of, known)).mean()
    return f"{begin} {ratio:.2f} times as large"


def _may_be_head(size: SizeProfile) -> bool:
    known = size.wed_mm[np.isfinite(size.wed_mm)]
    return known.size == 0 or float(np.median(known)) < LARGEST_HEAD_MM


def _factor(table: str, wed_mm: np.ndarray) -> np.ndarray:
    if not table:
        return np.full(wed_mm.shape, np.nan)
    a, b = TABLES[table]
    return a * np.exp(-b * wed_mm / 10.0)


def _per_slice(cases: dict[str, np.ndarray], slices: int) -> tuple[tuple[Flag, ...], ...]:
    flags = {code: flag(code) for code in cases}
    return tuple(
        tuple(flags[code].at(slice_place(k)) for code, where in cases.items() if where[k])
        for k in range(slices)
    )


def _slices(where: np.ndarray) -> str:
    """Return the slices of [k] by number: ``slices 0-3, 7``."""
    return "all slices" if where.all() else f"slices {slice_runs(np.flatnonzero(where))}"
