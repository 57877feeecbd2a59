"""The uncertainty components of the dose to skin other than its noise, and what to know of it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ...flags import Flag, flag
from ...segmentation.labelmap import BODY, BODY_REST, SKIN
from .exposure import image_range
from .interval import fixed_components, material_component
from .patient import Patient
from .run import Run
from .xray_beam import XRayBeam

# Without a score of the skin the beam's component is that of a body by a generic beam.
_BEAM_SD = 0.05
# Part of the dose to skin that comes straight from the side of the tube: surface dose at rest over
# that with scatter, 16 cm of water.
_STRAIGHT = 0.5
# Linear attenuation of tissue for the primary photons of a CT, 1/mm.
_MU_PER_MM = 0.02
# Height of 1 cm2.
_HEIGHT_MM = 10.0
_RECTANGULAR = math.sqrt(3.0)
_BY_BODY = 0.10


def skin_components(run: Run, beam: XRayBeam) -> dict[str, float]:
    """Return the components of the dose to skin by name, standard deviations of ln(dose).

    Parameters
    ----------
    run
        Of the exposure.
    beam
        With its focus and collimation.
    """
    scores = run.scores
    score = next((scores[name] for name in (SKIN, BODY, BODY_REST) if name in scores), None)
    spread = _BEAM_SD if score is None else float(run.beam_sd[score])
    return {
        "kerma": run.response.kerma_relative_se,
        **run.exposure.log_sd,
        "beam": spread,
        "materials": material_component(1.0, 1.0),
        **fixed_components(1.0, run.scan.series.acquisition),
        "start_angle": _stripes(run, beam),
    }


def _stripes(run: Run, beam: XRayBeam) -> float:
    """Return the component of a helix's stripes, which the dose averaged over its start lacks."""
    feed = run.exposure.feed_mm
    if feed is None:
        return 0.0
    area_mm2 = float(np.nanmedian(run.scan.size.body_area_mm2))
    radius = math.sqrt(area_mm2 / math.pi) if math.isfinite(area_mm2) else 100.0
    radius = min(radius, 0.6 * beam.focus_isocentre_mm)
    highest = helix_peak(feed, beam.collimation_mm, radius, beam.focus_isocentre_mm)
    return math.log(1.0 + _STRAIGHT * (highest - 1.0)) / _RECTANGULAR


def helix_peak(feed_mm: float, width_mm: float, radius_mm: float, focus_mm: float) -> float:
    """Return the highest dose along z over the mean, by a helix's primary photons at a surface.

    At a point of a cylinder of tissue, means over 10 mm of z. The beam is narrower on the side of
    the tube than at the isocentre, so that a pitch of 1 leaves gaps and a small one overlaps.

    Parameters
    ----------
    feed_mm
        Table feed in a rotation.
    width_mm
        Collimation, at the isocentre.
    radius_mm
        Of the cylinder.
    focus_mm
        From the focus to the isocentre.

    Examples
    --------
    Little at a small pitch, and more at a large one:

    >>> low, high = (helix_peak(pitch * 40.0, 40.0, 100.0, 600.0) for pitch in (0.5, 1.5))
    >>> low < 1.15 < high < 2
    True
    """
    angles = 2 * np.pi * (np.arange(360) + 0.5) / 360
    # The point lies at angle 0; the tube at each angle, both from the axis.
    across = focus_mm * np.sin(angles)
    along = focus_mm * np.cos(angles) - radius_mm
    square = across**2 + along**2
    inward = np.maximum(-along / np.sqrt(square), 0.0)  # cosine of the ray with the radius
    weight = np.exp(-_MU_PER_MM * 2 * radius_mm * inward) / square
    half = width_mm / 2 * (focus_mm - radius_mm * np.cos(angles)) / focus_mm
    steps = max(int(np.ceil(2 * feed_mm)), 8)
    z = (np.arange(steps) + 0.5) / steps * feed_mm
    turns = np.arange(
        -math.ceil(1.5 * width_mm / feed_mm) - 1, math.ceil(1.5 * width_mm / feed_mm) + 2
    )
    place = feed_mm * (angles / (2 * np.pi))[:, None] + feed_mm * turns
    profile = np.array(
        [float(weight @ (np.abs(one - place) <= half[:, None]).sum(axis=1)) for one in z]
    )
    window = max(min(round(_HEIGHT_MM / feed_mm * steps), steps), 1)
    around = np.concatenate((profile, profile))
    sums = np.cumsum(np.concatenate(([0.0], around)))
    means = (sums[window : window + steps] - sums[:steps]) / window
    return float(means.max() / profile.mean())


def skin_flags(run: Run, patient: Patient) -> tuple[Flag, ...]:
    """Return what to know about the dose to skin of a run."""
    return tuple(_skin_flags(run, patient))


def _skin_flags(run: Run, patient: Patient) -> Iterator[Flag]:
    cut = np.nan_to_num(run.scan.size.truncated_fraction)
    if cut.any():
        detail = f"on {int((cut > 0).sum())} of {len(cut)} slices"
        yield flag("peak_skin_cut", detail)
    if any(one.code == "metal_simulated" for one in patient.flags):
        yield flag("peak_skin_metal")
    low, high = run.exposure.covered_mm
    first, last = image_range(run.scan.series)
    beyond = max(first - low, 0.0) + max(high - last, 0.0)
    if beyond > max(_BY_BODY * (high - low), _HEIGHT_MM):
        yield flag("peak_skin_beyond", f"{beyond:.0f} of {high - low:.0f} mm")
