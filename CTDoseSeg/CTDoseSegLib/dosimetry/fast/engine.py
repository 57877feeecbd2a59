"""Organ doses of one scan by the physical model, with two intervals and the reasons for doubt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...ct.geometry import cell_widths_mm
from ...ct.scanner_profile import GENERIC, Scanner
from ...ct.series import CTSeries
from ...flags import Flag, flag
from ...measurement.body_parts import mostly_chest
from ...measurement.measurements import GroupSlices, Measurements
from ...measurement.size import SizeProfile
from ...segmentation.labelmap import SKIN, Labelmap
from ..beam import Beam, beam_of
from ..doses import DoseResult, OrganDose
from .completed_organ import SeenOrgan, WholeOrgan, whole_organ
from .model import (
    DoseModel,
    Kernel,
    OrganModel,
    RegionModel,
    Spreader,
    load_model,
    smooth,
)
from .refusals import contrast_by_hu_flag, disagreement_flag, feature_flags, scan_flags
from .scaling import MAS, ROUTES, Exposure, exposures
from .uncertainty import (
    TRUNCATION_CORRECTED,
    TRUNCATION_UNCORRECTED,
    budget,
    known_range_line,
    ninety_percent,
    scan_consequences,
    total_log_half_width,
    unknown_range_line,
)

__all__ = ["load_model", "predict"]

_LEAST_DENSITY = 0.01
NO_ROUTE = "none"
# The air term of the label is worth a word where it would lower the dose by more than this (ln).
_NOTABLE_AIR = 0.05


@dataclass(frozen=True)
class _Scan:
    """What all organs of a scan share; arrays are [k]."""

    series: CTSeries
    measurements: Measurements
    size: SizeProfile
    exposures: dict[str, Exposure]
    beam: Beam
    wed_mm: np.ndarray
    z_mm: np.ndarray
    scanner: Scanner
    # What several organs ask for again.
    _made: dict[Any, Any] = field(default_factory=dict)

    def spread_mA(
        self, route: str, shared: RegionModel, kernel: Kernel, range_mm: tuple[float, float]
    ) -> np.ndarray:
        """The route's tube current (of the training scanner) with the kernel over a range, [k]."""
        if kernel not in self._made:
            self._made[kernel] = Spreader(self.z_mm, kernel)
        key = (route, shared.ctdivol_per_mas, kernel, range_mm)
        if key not in self._made:
            current = self.exposures[route].tube_current_mA(shared.ctdivol_per_mas)
            self._made[key] = self._made[kernel](current, range_mm)
        return self._made[key]

    def sizes_mm(self, shared: RegionModel) -> np.ndarray:
        """Water equivalent diameter smoothed along the body, [k, 2]."""
        if shared.size_kernels not in self._made:
            self._made[shared.size_kernels] = shared.sizes_mm(self.z_mm, self.wed_mm)
        return self._made[shared.size_kernels]

    @property
    def routes(self) -> list[str]:
        """The routes that can be taken, the better one first."""
        return [route for route in ROUTES if self.exposures[route].values is not None]


def predict(
    model: DoseModel,
    series: CTSeries,
    labelmap: Labelmap,
    measurements: Measurements,
    size: SizeProfile,
    *,
    region: str = "auto",
    scanner: Scanner = GENERIC,
) -> DoseResult:
    """Dose of every organ that is in the label map and that the model or the published list knows.

    Parameters
    ----------
    model
        From `load_model`.
    series
        The CT, for exposure and positions.
    labelmap
        Its organs.
    measurements, size
        Of this label map on this CT.
    region
        ``auto``: each organ by the region whose model knows it, skin by the chest's where half of
        the slices or more are chest; ``chest`` or ``abdomen``: organs of that region alone.
    scanner
        What a profile of the scanner states; CTDIvol of the series is already corrected by it.

    Raises
    ------
    ValueError
        If `region` is none of these.
    """
    if region not in ("auto", *model.regions):
        raise ValueError(f"region is {region!r}; give auto or one of {sorted(model.regions)}.")
    ways = exposures(series, scanner)
    beam = beam_of(series, scanner.overranging_mm)
    used = series.acquisition
    if not beam.known:
        used = replace(used, irradiated_range_mm=None)
    effects = scan_consequences()
    present = {
        group: slices
        for group in measurements.groups
        if group in labelmap.groups and (slices := measurements.of(group)).count.any()
    }
    remarks = (
        *scan_flags(used, ways, effects),
        *beam.flags,
        *contrast_by_hu_flag(used, present),
    )
    # Where too much of the body is cut to correct its size, the size as measured is too small and
    # the dose too high: the safer of two errors, flagged.
    wed = np.where(np.isfinite(size.wed_corrected_mm), size.wed_corrected_mm, size.wed_mm)
    scan = _Scan(series, measurements, size, ways, beam, wed, series.z_mm, scanner)
    refusals = tuple(remark for remark in remarks if remark.severity == "refusal")
    organs = [
        _refused(scan, organ.organ, organ.region, present[organ.organ], refusals)
        if refusals
        else _predict_organ(scan, shared, organ, present[organ.organ])
        for shared, organ in _chosen(model, present, region)
    ]
    for name, reason in model.not_predicted.items():
        if name in present:
            why = (flag("no_dose_model", reason),)
            organs.append(_refused(scan, name, "", present[name], why))
    if not refusals and scan.routes == [MAS]:
        by_profile = scanner.nctdiw_mGy_per_100mAs is not None
        code = "mas_by_profile" if by_profile else "mas_only"
        remarks += (flag(code, consequence=effects[code]),)
    return DoseResult(tuple(organ.placed() for organ in organs), remarks, model.card)


def _chosen(
    model: DoseModel, present: dict[str, GroupSlices], region: str
) -> Iterator[tuple[RegionModel, OrganModel]]:
    """The models to use, each organ once."""
    if region == "auto":
        first = "chest" if mostly_chest(present) else "abdomen"
        names = [first, *(name for name in model.regions if name != first)]
    else:
        names = [region]
    done: set[str] = set()
    for name in names:
        shared = model.regions[name]
        for organ_name, organ in shared.organs.items():
            if organ_name in present and organ_name not in done:
                done.add(organ_name)
                yield shared, organ


@dataclass(frozen=True)
class _Piece:
    """One organ's measurable slices; `wed_mm` is smoothed, `weights` add up to 1. [n]."""

    usable: np.ndarray
    z_mm: np.ndarray
    wed_mm: np.ndarray
    hu: np.ndarray
    factor: np.ndarray
    mass_g: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        return self.mass_g / self.mass_g.sum()


def _predict_organ(
    scan: _Scan, shared: RegionModel, organ: OrganModel, slices: GroupSlices
) -> OrganDose:
    there = slices.count > 0
    piece = _piece(scan, shared, organ, slices)
    if piece is None:
        why = (flag("organ_not_measurable"),)
        return _refused(scan, organ.organ, organ.region, slices, why)
    range_line = _range_line(scan, shared, organ, scan.routes[0], piece, there)
    currents = {
        route: scan.spread_mA(route, shared, organ.kernel, scan.beam.range_mm)[piece.usable]
        for route in scan.routes
    }
    by_route: dict[str, float | None] = {
        route: float(currents[route] * piece.factor @ piece.weights) if route in currents else None
        for route in ROUTES
    }
    route = scan.routes[0]
    profile = currents[route] * piece.factor
    dose = by_route[route]
    labelled = profile * np.exp(organ.label_artefact(piece.hu)) @ piece.weights
    air = max(math.log(dose / labelled), 0.0)
    remarks = (
        *feature_flags(organ, piece.wed_mm, currents[route], piece.hu),
        *_organ_flags(scan, shared, organ, piece, there, range_line),
    )
    if any(remark.severity == "refusal" for remark in remarks):
        return _refused(scan, organ.organ, organ.region, slices, remarks)
    if air > _NOTABLE_AIR:
        detail = f"with that fall it would be {labelled:.1f} instead of {dose:.1f} mGy"
        what = f"the intervals reach {100 * -math.expm1(-air):.0f} % further down"
        remarks += (flag("air_label", detail, consequence=what),)
    lines = budget(
        organ.model_log_q90,
        route,
        scan.series.acquisition,
        range_line,
        _truncation_line(scan, shared, piece),
        scan.scanner,
    )
    total = total_log_half_width(lines)
    slice_dose = np.full(len(there), np.nan)
    slice_dose[piece.usable] = profile
    low, high = dose * math.exp(-air - total), dose * math.exp(total)
    whole = _whole(scan, shared, organ, route, piece, there, (dose, low, high))
    return replace(
        _refused(scan, organ.organ, organ.region, slices, remarks),
        dose_mGy=dose,
        model_low_mGy=dose * math.exp(-air - organ.model_log_q90),
        model_high_mGy=dose * math.exp(organ.model_log_q90),
        total_low_mGy=low,
        total_high_mGy=high,
        dose_slice_mean_mGy=float(profile.mean()),
        route=route,
        by_route=by_route,
        slice_dose_mGy=slice_dose,
        budget=lines,
        flags=(*remarks, *disagreement_flag(by_route), *whole.flags),
        whole_organ_dose_mGy=whole.dose_mGy,
        whole_organ_low_mGy=whole.low_mGy,
        whole_organ_high_mGy=whole.high_mGy,
        seen_mass_g=whole.seen_mass_g,
        missing_mass_g=whole.missing_mass_g,
    )


def _whole(
    scan: _Scan,
    shared: RegionModel,
    organ: OrganModel,
    route: str,
    piece: _Piece,
    there: np.ndarray,
    dose_mGy: tuple[float, float, float],
) -> WholeOrgan:
    """Dose of the whole organ from that of the part in the images and its interval."""
    mass = np.zeros(len(there))
    mass[piece.usable] = piece.mass_g
    lowest, highest = np.argmin(piece.z_mm), np.argmax(piece.z_mm)
    seen = SeenOrgan(
        organ=organ.organ,
        sex=scan.series.acquisition.sex,
        z_mm=scan.z_mm,
        there=there,
        mass_g=mass,
        current_mA=scan.exposures[route].tube_current_mA(shared.ctdivol_per_mas),
        dose_per_mA=(float(piece.factor[lowest]), float(piece.factor[highest])),
        kernel=organ.kernel,
        beam=scan.beam,
    )
    return whole_organ(seen, *dose_mGy)


def _piece(
    scan: _Scan, shared: RegionModel, organ: OrganModel, slices: GroupSlices
) -> _Piece | None:
    sizes = scan.sizes_mm(shared)
    usable = (slices.count > 0) & np.isfinite(sizes[:, 0]) & np.isfinite(slices.mean_hu)
    if not usable.any():
        return None
    z, hu = scan.z_mm[usable], slices.mean_hu[usable]
    density = np.maximum(hu / 1000.0 + 1.0, _LEAST_DENSITY)
    mass_g = slices.area_mm2[usable] * density * cell_widths_mm(scan.z_mm)[usable] / 1000.0
    factor = np.exp(organ.log_factor(sizes[usable]))
    return _Piece(usable, z, sizes[usable, 0], hu, factor, mass_g)


def _range_line(
    scan: _Scan,
    shared: RegionModel,
    organ: OrganModel,
    route: str,
    piece: _Piece,
    there: np.ndarray,
) -> float:
    """The budget's line for the irradiated range."""
    if not scan.beam.known:
        return unknown_range_line(_distance_to_end(scan.z_mm, there))

    def dose(range_mm: tuple[float, float]) -> float:
        current = scan.spread_mA(route, shared, organ.kernel, range_mm)[piece.usable]
        return float(current * piece.factor @ piece.weights)

    outside = float(piece.weights[scan.beam.outside(piece.z_mm)].sum())
    return known_range_line(scan.beam, dose, outside)


def _truncation_line(scan: _Scan, shared: RegionModel, piece: _Piece) -> float:
    """The budget's line for a body cut by the field of view, as the sizes are smoothed."""
    cut = scan.size.truncated_fraction > 0
    if not cut.any():
        return 0.0
    line = np.where(cut, TRUNCATION_CORRECTED, 0.0)
    line[cut & np.isnan(scan.size.wed_corrected_mm)] = TRUNCATION_UNCORRECTED
    line[np.isnan(scan.wed_mm)] = np.nan
    smoothed = smooth(scan.z_mm, line, shared.kernel)
    return float(smoothed[piece.usable] @ piece.weights)


def _organ_flags(
    scan: _Scan,
    shared: RegionModel,
    organ: OrganModel,
    piece: _Piece,
    there: np.ndarray,
    range_line: float,
) -> tuple[Flag, ...]:
    added = "component of the 90 % interval of its dose"
    remarks = []
    if organ.organ != SKIN and _is_cut(scan.z_mm, there):
        remarks.append(flag("organ_cut"))
    if (left_out := int((there & ~piece.usable).sum())) > 0:
        remarks.append(flag("slices_without_features", f"{left_out} of {int(there.sum())}"))
    if (outside := scan.beam.outside(scan.z_mm)[there].mean()) > 0:
        what = f"it gets scatter there, {added}: {ninety_percent(range_line)}"
        detail = f"{outside:.0%} of its slices"
        remarks.append(flag("organ_outside_range", detail, consequence=what))
    cut = scan.size.truncated_fraction[there]
    if np.nanmax(np.append(cut, 0.0)) > 0:
        detail = f"up to {np.nanmax(cut):.0%} of the body contour"
        line = _truncation_line(scan, shared, piece)
        what = f"{added}: {ninety_percent(line)}"
        if np.isnan(scan.size.wed_corrected_mm[there & (scan.size.truncated_fraction > 0)]).any():
            what = f"its size is too small where it is not corrected and its dose too high, {what}"
        remarks.append(flag("organ_truncated", detail, consequence=what))
    if organ.warn:
        remarks.append(flag("suspect_training"))
    return tuple(remarks)


def _refused(
    scan: _Scan, organ: str, region: str, slices: GroupSlices, why: tuple[Flag, ...]
) -> OrganDose:
    """What is known of an organ without its dose."""
    there = slices.count > 0
    regular = scan.series.regular
    step = scan.series.spacing_mm[2]
    return OrganDose(
        organ=organ,
        region=region,
        dose_mGy=None,
        model_low_mGy=None,
        model_high_mGy=None,
        total_low_mGy=None,
        total_high_mGy=None,
        dose_slice_mean_mGy=None,
        volume_ml=scan.measurements.volume_ml(organ, step) if regular else None,
        n_slices=int(there.sum()),
        coverage=None if _is_cut(scan.z_mm, there) else 1.0,
        route=NO_ROUTE,
        by_route=dict.fromkeys(ROUTES),
        slice_dose_mGy=np.full(len(there), np.nan),
        budget={},
        flags=why,
    )


def _is_cut(z_mm: np.ndarray, there: np.ndarray) -> bool:
    return bool(there[np.argmin(z_mm)] or there[np.argmax(z_mm)])


def _distance_to_end(z_mm: np.ndarray, there: np.ndarray) -> float:
    z = z_mm[there]
    return float(min(z.min() - z_mm.min(), z_mm.max() - z.max()))
