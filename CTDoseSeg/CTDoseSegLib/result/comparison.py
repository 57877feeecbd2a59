"""Two results side by side: what differs, and whether by more than what they do not share.

Two doses of a scan have many errors in common: the displayed CTDIvol is as wrong for one as for the
other. Such a component is no reason for the two to differ, so that it is taken off the interval of
their ratio: after the GUM (JCGM 100:2008, 5.2), errors that are the same in both cancel. Each
result states what two doses must have in common for that (`Result.uncertainty_shared_by`). Where a
component is larger in one of them, what it has more is taken as that dose's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..dosimetry.dose_length_product import DoseLengthProduct
from ..flags import Flag, flag
from .organ_comparison import OrganComparison, compared_organs, percent
from .result import Result

# Of affines that are one grid, mm.
_SAME_MM = 1e-3


@dataclass(frozen=True)
class Quantity:
    """One number of the scan in both results. None is "not known".

    Attributes
    ----------
    name
        As in results, with its unit at the end: ``ctdivol_mGy``, ``dlp_mGy_cm``, ``ssde_mGy``,
        ``wed_mm``, ``effective_dose_mSv``, ``size_specific_effective_dose_mSv`` or
        ``peak_skin_dose_mGy``.
    a, b
        Of either result.
    flags
        Why they cannot be compared.
    """

    name: str
    a: float | None
    b: float | None
    flags: tuple[Flag, ...] = ()

    @property
    def difference(self) -> float | None:
        """B less A, in the unit of both."""
        return None if self.a is None or self.b is None else self.b - self.a

    @property
    def percent(self) -> float | None:
        """How much more B is than A, in percent of A."""
        return percent(self.a, self.b)


@dataclass(frozen=True, eq=False)
class MatchedSlices:
    """The slices of A, each with the slice of B at its place; arrays are [k of A].

    Attributes
    ----------
    z_mm
        Position along the body, RAS superior.
    index_b
        Slice of B; -1 where it has none there.
    wed_a_mm, wed_b_mm
        Water-equivalent diameter as measured; NaN is "not known".
    ssde_a_mGy, ssde_b_mGy
        Size-specific dose estimate; NaN is "not known".
    """

    z_mm: np.ndarray
    index_b: np.ndarray
    wed_a_mm: np.ndarray
    wed_b_mm: np.ndarray
    ssde_a_mGy: np.ndarray
    ssde_b_mGy: np.ndarray

    @property
    def wed_difference_mm(self) -> np.ndarray:
        """B less A, [k of A]; NaN where either is not known."""
        difference: np.ndarray = self.wed_b_mm - self.wed_a_mm
        return difference


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two results side by side.

    Attributes
    ----------
    quantities
        Numbers of the scan.
    organs
        Those of A in their order, then those that B alone has.
    slices
        Diameter and SSDE along the body.
    shared
        What the results have in common: ``scan``, ``scanner``, ``patient``, ``model``.
    flags
        What holds for the whole comparison.
    """

    quantities: tuple[Quantity, ...]
    organs: tuple[OrganComparison, ...]
    slices: MatchedSlices
    shared: frozenset[str] = frozenset()
    flags: tuple[Flag, ...] = ()


def compare(
    a: Result,
    b: Result,
    *,
    z_a_mm: np.ndarray | None = None,
    z_b_mm: np.ndarray | None = None,
) -> Comparison:
    """Compare two results: of two engines, before and after an edit, or of two phases.

    Parameters
    ----------
    a, b
        The results; differences are B less A.
    z_a_mm, z_b_mm
        Position of each slice along the body (mm), where that is another than the result's own, as
        when one of two phases was registered to the other.

    Returns
    -------
    Comparison
        Where something cannot be compared its flags have the reason.

    Examples
    --------
    >>> from CTDoseSegLib import compare, read_result
    >>> result = read_result("results")
    >>> comparison = compare(result, result)
    >>> {organ.ratio for organ in comparison.organs if organ.ratio is not None}
    {1.0}
    >>> any(organ.differs for organ in comparison.organs)
    False
    >>> float(abs(comparison.slices.wed_difference_mm).max())
    0.0
    """
    shared = shared_by_scans(a, b)
    slices, slice_flags = _match(a, b, z_a_mm, z_b_mm)
    flags = [*_scan_flags(a, b, shared), *slice_flags]
    organs = tuple(compared_organs(a, b, shared))
    return Comparison(_quantities(a, b), organs, slices, shared, tuple(flags))


def shared_by_scans(a: Result, b: Result) -> frozenset[str]:
    """Return what two results have in common: scan, scanner, patient, model."""
    same_images = _same_images(a, b)
    same_values = replace(a.acquisition, sources={}) == replace(b.acquisition, sources={})
    reports = [r.provenance.series.dose_reports_sha256 for r in (a, b)]
    makers = [(r.acquisition.manufacturer, r.acquisition.model) for r in (a, b)]
    one_scanner = makers[0] == makers[1] and None not in makers[0]
    has = {
        "scan": same_images and same_values,
        # A dose report is of one examination.
        "patient": same_images or bool(reports[0] and reports[0] == reports[1]),
        "scanner": (same_images or one_scanner)
        and a.scanner_profile.name == b.scanner_profile.name,
        "model": _model(a) is not None and _model(a) == _model(b),
    }
    return frozenset(name for name, common in has.items() if common)


def _same_images(a: Result, b: Result) -> bool:
    one, other = (r.provenance.series.identity_sha256 for r in (a, b))
    return bool(one) and one == other


def _model(result: Result) -> tuple[object, ...] | None:
    card = result.dose_model
    named = card.get("sha256") or card.get("version")
    return (card.get("name"), named) if named else None


def _scan_flags(a: Result, b: Result, shared: frozenset[str]) -> list[Flag]:
    flags = []
    if not _same_images(a, b):
        flags.append(flag("compared_other_scan"))
    elif "scan" not in shared:
        flags.append(flag("compared_other_exposure", "; ".join(_other_values(a, b))))
    if not (a.uncertainty_shared_by and b.uncertainty_shared_by):
        flags.append(flag("compared_unstated_sharing"))
    return flags


def _other_values(a: Result, b: Result) -> list[str]:
    one, other = (vars(r.acquisition) for r in (a, b))
    return [
        f"{name} {_known(one[name])} and {_known(other[name])}"
        for name in one
        if name != "sources" and one[name] != other[name]
    ]


def _known(value: object) -> object:
    return "not known" if value is None else value


def _quantities(a: Result, b: Result) -> tuple[Quantity, ...]:
    phantoms = [r.acquisition.phantom_cm for r in (a, b)]
    other: tuple[Flag, ...] = ()
    if phantoms[0] != phantoms[1]:
        words = [f"{cm} cm" if cm else "not known" for cm in phantoms]
        other = (flag("compared_other_phantom", " and ".join(words)),)
    values: dict[str, Callable[[Result], float | None]] = {
        "ctdivol_mGy": lambda r: _mean(r.slices.ctdivol_used_mGy),
        "dlp_mGy_cm": lambda r: _dlp(r.effective_dose.dlp),
        "ssde_mGy": lambda r: _mean(r.slices.ssde_mGy),
        "wed_mm": lambda r: _mean(r.slices.wed_mm),
        "effective_dose_mSv": lambda r: r.effective_dose.effective_dose_mSv,
        "size_specific_effective_dose_mSv": lambda r: r.size_specific_effective_dose.value_mSv,
        "peak_skin_dose_mGy": lambda r: r.peak_skin_dose.dose_mGy if r.peak_skin_dose else None,
    }
    of_phantom = ("ctdivol_mGy", "dlp_mGy_cm")
    return tuple(
        Quantity(name, of(a), of(b), other if name in of_phantom else ())
        for name, of in values.items()
    )


def _dlp(dlp: DoseLengthProduct | None) -> float | None:
    return dlp.value_mGy_cm if dlp is not None else None


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


# Slices ----------------------------------------------------------------------------------


def _match(
    a: Result, b: Result, z_a_mm: np.ndarray | None, z_b_mm: np.ndarray | None
) -> tuple[MatchedSlices, list[Flag]]:
    z_a = a.slices.z_mm if z_a_mm is None else np.asarray(z_a_mm, float)
    z_b = b.slices.z_mm if z_b_mm is None else np.asarray(z_b_mm, float)
    flags = []
    grid = _same_grid(a, b)
    same = grid and np.allclose(z_a, z_b, atol=_SAME_MM)
    index = np.arange(len(z_a)) if same else _nearest(z_a, z_b)
    if not grid:
        flags.append(flag("compared_other_grid"))
    if (index < 0).all():
        flags.append(flag("compared_no_common_slice"))

    def at_a(values: np.ndarray) -> np.ndarray:
        return np.where(index < 0, np.nan, values[index])

    one, other = a.slices, b.slices
    matched = MatchedSlices(
        z_a, index, one.wed_mm, at_a(other.wed_mm), one.ssde_mGy, at_a(other.ssde_mGy)
    )
    return matched, flags


def _same_grid(a: Result, b: Result) -> bool:
    one, other = a.geometry, b.geometry
    return one.shape_kji == other.shape_kji and np.allclose(
        one.affine_ijk_to_ras, other.affine_ijk_to_ras, atol=_SAME_MM
    )


def _nearest(z_a: np.ndarray, z_b: np.ndarray) -> np.ndarray:
    """Return the nearest slice of B for each of A, within half of the larger spacing; -1: none."""
    order = np.argsort(z_b, kind="stable")
    middles = (z_b[order][1:] + z_b[order][:-1]) / 2
    index = order[np.searchsorted(middles, z_a)]
    near = np.abs(z_b[index] - z_a) <= max(_spacing_mm(z_a), _spacing_mm(z_b)) / 2 + _SAME_MM
    return np.where(near, index, -1)


def _spacing_mm(z_mm: np.ndarray) -> float:
    return float(np.median(np.diff(np.sort(z_mm)))) if len(z_mm) > 1 else 0.0
