"""Dose of one organ by the fast law, its two intervals, and what makes it doubtful."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...ct.geometry import cell_widths_mm
from ...flags import Flag, flag
from ...measurement.ctdi_per_mas import K90
from ...measurement.measurements import GroupSlices
from ...measurement.truncation import error_range
from ..applicability import is_child
from ..doses import RED_MARROW, OrganDose
from ..scan import Scan, touches_an_end
from .along_body import AlongBody
from .beam_terms import BeamTerms
from .completed_organ import NO_WHOLE, CompletedOrgan, SeenOrgan, complete_organ
from .density import density
from .iodine import iodine_flag
from .kernel import smooth
from .model import OrganModel, RegionModel
from .plausible import DoseOfMasks, segmentation_component
from .refusals import disagreement_flag, size_flags
from .scaling import BASES, CTDIVOL, phantom_of
from .uncertainty import (
    DOSE_BY_SIZE,
    LAW,
    TRUNCATION,
    USUAL_MARGIN_MM,
    WITHOUT_DOUBT,
    known_range_component,
    ninety_percent,
    total_log_half_width,
    uncertainty_components,
    unknown_range_component,
)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class _Piece:
    """One organ's measurable slices; `wed_mm` is smoothed, `weights` add up to 1. [n].

    `occupied` is True on all of its slices, `usable` on the measurable ones, [k].
    """

    occupied: np.ndarray
    usable: np.ndarray
    z_mm: np.ndarray
    wed_mm: np.ndarray
    factor: np.ndarray
    mass_g: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        return np.asarray(self.mass_g / self.mass_g.sum())


def organ_dose(
    body: AlongBody,
    shared: RegionModel,
    organ: OrganModel,
    slices: GroupSlices,
    iodine: tuple[float, float] | None = None,
) -> OrganDose:
    """Return the dose of one organ, or why there is none.

    Parameters
    ----------
    body
        Of the scan; at least one of its scaling bases can be used.
    shared, organ
        The model of the organ's region, and its own.
    slices
        What was measured of the organ.
    iodine
        Least and most that contrast agent adds to its dose, as a part of it; None for nothing.
    """
    scan = body.scan
    piece = _piece(body, shared, organ, slices)
    if piece is None:
        return refused(scan, organ.organ, organ.region, (flag("organ_not_measurable"),))
    given = {
        name: body.reached_mGy(name, shared, organ, body.beam.range_mm)[piece.usable]
        for name in body.usable_bases
    }
    doses = {name: float(one * piece.factor @ piece.weights) for name, one in given.items()}
    by_basis = {name: doses.get(name) for name in BASES}
    basis = body.usable_bases[0]
    range_component = _range_component(body, shared, organ, basis, piece)
    profile = given[basis] * piece.factor
    dose = doses[basis]
    flags = (
        *size_flags(organ, piece.wed_mm, piece.weights),
        *_organ_flags(body, shared, piece, range_component),
    )
    if any(entry.severity == "refusal" for entry in flags):
        return refused(scan, organ.organ, organ.region, flags)
    added = 0.0
    if iodine is not None:
        added = math.log1p(iodine[1])
        flags += (iodine_flag(iodine),)
    components = uncertainty_components(
        organ,
        basis,
        body.acquisition,
        beam=_beam_component(body, shared, organ, basis, piece),
        voltage=_voltage_component(body, shared, organ, basis, piece),
        irradiated_range=range_component,
        truncation=_truncation_component(body, shared, piece),
        scanner=scan.scanner,
        segmentation=_segmentation_component(body, shared, organ, basis, slices),
        unusual_beam=bool(body.unusual_beams),
    )
    components |= body.bases[basis].components
    total = total_log_half_width(components)
    law = total_log_half_width({name: components[name] for name in LAW})
    slice_dose = np.full(len(piece.occupied), np.nan)
    slice_dose[piece.usable] = profile
    low, high = dose * math.exp(-total), dose * math.exp(total + added)
    completed = _completed(body, shared, organ, basis, piece, (dose, low, high))
    return replace(
        refused(scan, organ.organ, organ.region, flags),
        dose_mGy=dose,
        model_low_mGy=dose * math.exp(-law),
        model_high_mGy=dose * math.exp(law),
        total_low_mGy=low,
        total_high_mGy=high,
        dose_slice_mean_mGy=float(profile.mean()),
        route=basis,
        by_route=by_basis,
        slice_dose_mGy=slice_dose,
        budget=components,
        flags=(*flags, *disagreement_flag(by_basis), *completed.flags),
        whole_organ_dose_mGy=completed.dose_mGy,
        whole_organ_low_mGy=completed.low_mGy,
        whole_organ_high_mGy=completed.high_mGy,
        seen_mass_g=completed.seen_mass_g,
        missing_mass_g=completed.missing_mass_g,
    )


def refused(scan: Scan, organ: str, region: str, flags: Sequence[Flag]) -> OrganDose:
    """Return what is known of an organ without its dose; `flags` hold the reason."""
    return replace(scan.without_dose(organ, flags, region), by_route=dict.fromkeys(BASES))


def _completed(
    body: AlongBody,
    shared: RegionModel,
    organ: OrganModel,
    basis: str,
    piece: _Piece,
    dose_mGy: tuple[float, float, float],
) -> CompletedOrgan:
    """Return the dose of the completed organ from that of the part in the images, with interval."""
    if organ.organ == RED_MARROW:  # its flags say what part of it is in the images
        return CompletedOrgan()
    mass = np.zeros(len(piece.occupied))
    mass[piece.usable] = piece.mass_g
    if is_child(body.acquisition) and touches_an_end(body.z_mm, piece.occupied):
        effect = f"{NO_WHOLE} of a child, of whom the images show a part"
        why = flag("whole_organ_undefined", consequence=effect)
        return CompletedOrgan(seen_mass_g=float(mass.sum()), flags=(why,))
    lowest, highest = np.argmin(piece.z_mm), np.argmax(piece.z_mm)
    seen = SeenOrgan(
        organ=organ.organ,
        sex=body.acquisition.sex,
        z_mm=body.z_mm,
        occupied=piece.occupied,
        mass_g=mass,
        ctdivol_mGy=np.asarray(body.bases[basis].values),
        dose_per_mGy=(float(piece.factor[lowest]), float(piece.factor[highest])),
        kernel=organ.kernel_at(float(piece.wed_mm @ piece.weights)),
        beam=body.beam,
    )
    return complete_organ(seen, *dose_mGy)


def _piece(
    body: AlongBody, shared: RegionModel, organ: OrganModel, slices: GroupSlices
) -> _Piece | None:
    sizes = body.sizes_mm(shared)
    occupied = slices.count > 0
    usable = occupied & np.isfinite(sizes[:, 0]) & np.isfinite(slices.mean_hu)
    if not usable.any():
        return None
    by_hu = density(organ.organ, slices.mean_hu[usable])
    mass_g = slices.area_mm2[usable] * by_hu * cell_widths_mm(body.z_mm)[usable] / 1000.0
    factor = np.exp(organ.log_factor(sizes[usable], body.terms.values))
    return _Piece(occupied, usable, body.z_mm[usable], sizes[usable, 0], factor, mass_g)


def _range_component(
    body: AlongBody, shared: RegionModel, organ: OrganModel, basis: str, piece: _Piece
) -> float:
    """Return the uncertainty component of the irradiated range."""

    def dose(range_mm: tuple[float, float]) -> float:
        ctdivol = body.reached_mGy(basis, shared, organ, range_mm)[piece.usable]
        return float(ctdivol * piece.factor @ piece.weights)

    if not body.beam.known:
        # Every slice was taken as an inner one: a short scan gives all of its organs less.
        usual = (body.z_mm.min() - USUAL_MARGIN_MM, body.z_mm.max() + USUAL_MARGIN_MM)
        short = math.log(dose(body.beam.range_mm) / dose(usual)) / math.sqrt(3.0)
        return max(unknown_range_component(distance_to_end(body.z_mm, piece.occupied)), short)

    outside = float(piece.weights[body.beam.outside(piece.z_mm)].sum())
    return known_range_component(body.beam, dose, outside, organ.scatter_log_q90)


def _beam_component(
    body: AlongBody, shared: RegionModel, organ: OrganModel, basis: str, piece: _Piece
) -> float:
    """Return the component of a beam unlike the one that is taken.

    Half the change from the lower to the higher half-value layer, which are a standard deviation
    away, and the scatter of the other filters, in quadrature: as for a simulation.
    """
    lower, higher, *filters = _changes(body, shared, organ, basis, piece, body.other_terms)
    variance = ((higher - lower) / 2) ** 2
    if filters:
        variance += float(np.mean(np.square(filters)))
    return math.sqrt(variance)


def _voltage_component(
    body: AlongBody, shared: RegionModel, organ: OrganModel, basis: str, piece: _Piece
) -> float:
    """Return what the usual voltages change, as limits; 0 where the voltage is known."""
    changes = _changes(body, shared, organ, basis, piece, body.voltage_terms)
    return max(map(abs, changes), default=0.0) / math.sqrt(3.0)


def _changes(
    body: AlongBody,
    shared: RegionModel,
    organ: OrganModel,
    basis: str,
    piece: _Piece,
    beams: Sequence[BeamTerms],
) -> list[float]:
    """Return ln(dose with each of the beams / dose), by the same scaling basis."""
    sizes = body.sizes_mm(shared)[piece.usable]
    own = piece.factor @ piece.weights
    displayed = phantom_of(body.scan) if basis == CTDIVOL else None
    changes = []
    for other in beams:
        dose = np.exp(organ.log_factor(sizes, other.values)) @ piece.weights
        ratio = 1.0
        if displayed is not None:
            ratio = other.to_32_cm(displayed) / body.terms.to_32_cm(displayed)
        changes.append(math.log(dose / own * ratio))
    return changes


def _segmentation_component(
    body: AlongBody, shared: RegionModel, organ: OrganModel, basis: str, slices: GroupSlices
) -> float:
    """Return the component of the organ's contour, by what its engine knows of its own doubt."""
    labelmap = body.scan.labelmap
    members = labelmap.groups.get(organ.organ)
    doubt = labelmap.doubt.of(members) if labelmap.doubt and members else None
    if doubt is None:
        return WITHOUT_DOUBT
    return segmentation_component(DoseOfMasks.of(body, shared, organ, basis, slices), doubt)


def _truncation_component(body: AlongBody, shared: RegionModel, piece: _Piece) -> float:
    """Return the component of a body cut by the field of view, smoothed as the sizes are."""
    size = body.scan.size
    cut = size.truncated_fraction > 0
    if not cut.any():
        return 0.0
    too_small, _ = error_range(size.truncated_fraction, size.asymmetry)
    sd = np.where(cut, np.maximum(DOSE_BY_SIZE * -np.log1p(too_small) / K90, TRUNCATION), 0.0)
    sd[np.isnan(body.wed_mm)] = np.nan
    smoothed = smooth(body.z_mm, sd, shared.size_kernels[0])
    return float(smoothed[piece.usable] @ piece.weights)


def _organ_flags(
    body: AlongBody, shared: RegionModel, piece: _Piece, range_component: float
) -> tuple[Flag, ...]:
    occupied, size = piece.occupied, body.scan.size
    added = "the 90 % interval of its dose allows"
    flags = []
    if (left_out := int((occupied & ~piece.usable).sum())) > 0:
        flags.append(flag("slices_without_features", f"{left_out} of {int(occupied.sum())}"))
    if (outside := body.beam.outside(body.z_mm)[occupied].mean()) > 0:
        effect = f"scattered radiation alone reaches it there; {added} "
        effect += f"{ninety_percent(range_component)} for that"
        detail = f"{outside:.0%} of its slices"
        flags.append(flag("organ_outside_range", detail, consequence=effect))
    cut = size.truncated_fraction[occupied]
    if np.nanmax(np.append(cut, 0.0)) > 0:
        detail = f"up to {np.nanmax(cut):.0%} of the body contour"
        effect = f"{added} {ninety_percent(_truncation_component(body, shared, piece))} for that"
        if np.isnan(size.wed_corrected_mm[occupied & (size.truncated_fraction > 0)]).any():
            effect = (
                f"its size is too small where it is not corrected and its dose too high; {effect}"
            )
        flags.append(flag("organ_truncated", detail, consequence=effect))
    return tuple(flags)


def distance_to_end(z_mm: np.ndarray, occupied: np.ndarray) -> float:
    """Return how far an organ is from the nearer end of the images, mm."""
    z = z_mm[occupied]
    return float(min(z.min() - z_mm.min(), z_mm.max() - z.max()))
