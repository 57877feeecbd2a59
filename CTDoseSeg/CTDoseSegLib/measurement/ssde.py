"""Size-specific dose estimate (SSDE) of each slice, by anatomy and CTDI phantom together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ct.scanner_profile import GENERIC, Scanner
from ..ct.series import CTSeries
from ..errors import AcquisitionError
from ..flags import Flag, flag
from .ctdi_check import with_estimated_ctdivol
from .ctdivol import positive_numbers, slice_ctdivol_mGy
from .size import SizeProfile, flags_per_slice, slices_in_words

# No adult head, and no child's, has a larger water-equivalent diameter.
LARGEST_HEAD_MM = 230.0
NO_SSDE_OF_A_HEAD = "no SSDE without it; a head's is by CTDIvol of the 16 cm phantom"
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
    head = (anatomy or anatomy_of(series.acquisition.body_part)) == "head"
    if not head:
        series, estimate_flags = with_estimated_ctdivol(series, scanner)
    table, other, flags = _choose_tables(series, size, anatomy)
    if estimate_flags:  # made slice by slice: there is nothing to distribute or to fill
        ctdivol = positive_numbers([item.ctdivol_mGy for item in series.slices])
        ctdivol_flags = estimate_flags
    else:
        ctdivol, ctdivol_flags = slice_ctdivol_mGy(series)
    if np.isnan(ctdivol).all():
        flags = []  # there is nothing that a table could be applied to
    factor = size_factor(table, size.wed_mm)
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
            missing = NO_SSDE_OF_A_HEAD if head and code == "ssde_without_ctdivol" else ""
            flags.append(flag(code, slices_in_words(where), consequence=missing))
    return SSDEProfile(
        ssde_mGy=values,
        ctdivol_used_mGy=ctdivol,
        factor=factor,
        table=table,
        flags=tuple(flags),
        slice_flags=flags_per_slice(cases, values.size),
        alternative_ssde_mGy=ctdivol * size_factor(other, size.wed_mm) if other else None,
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
    ratio = (size_factor(table, known) / size_factor(instead_of, known)).mean()
    return f"{begin} {ratio:.2f} times as large"


def _may_be_head(size: SizeProfile) -> bool:
    known = size.wed_mm[np.isfinite(size.wed_mm)]
    return known.size == 0 or float(np.median(known)) < LARGEST_HEAD_MM


def size_factor(table: str, wed_mm: np.ndarray) -> np.ndarray:
    """Return the factor from CTDIvol to SSDE by a table of `TABLES`, NaN by none.

    Examples
    --------
    >>> size_factor(BODY_32, np.array([270.0])).round(2).tolist()
    [1.37]
    """
    if not table:
        return np.full(wed_mm.shape, np.nan)
    a, b = TABLES[table]
    return a * np.exp(-b * wed_mm / 10.0)
