"""The uncertainty components of a simulated organ dose, added in quadrature in ln(dose).

After the GUM, as those of the fast law (`fast.uncertainty`), whose components of the same name are
the same error in both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from ...ct.acquisition import Acquisition
from ...measurement.ctdi_per_mas import K90
from ...measurement.size import SizeProfile
from ...measurement.truncation import error_range
from ..doses import OrganDose
from ..fast.uncertainty import DOSE_BY_SIZE, TRUNCATION, WITHOUT_DOUBT, modulation_component
from .exposure import Exposure
from .response import Response

_RECTANGULAR = math.sqrt(3.0)
_COMPOSITION = 0.03
# How well the part of the dose that bone or iodine adds over soft tissue is known.
_ADDED_DOSE = 0.15
# How well the dose is known that comes from beyond the images, through anatomy that is made up.
_BEYOND_IMAGES = 0.20
# Voxels at an organ's surface share material and dose with what lies beside it.
_SURFACE = 0.04
# Of the axis of rotation, where the images state it and where it is taken from them or the body.
_CENTRED, _MISCENTRING = 0.02, 0.05
_START_ANGLES = 8
# What two doses must have in common for a component to be the same error in both. The same scan is
# simulated with the same histories.
SHARED_BY: Mapping[str, tuple[str, ...]] = {
    "statistics": ("scan", "organ"),
    "ctdivol_display": ("scanner",),
    "ctdivol_of_scan": ("scan",),
    "nctdiw": ("scanner",),
    "wide_beam": ("scanner",),
    "beam": ("scanner", "organ"),
    "materials": ("organ", "patient"),
    "missing_anatomy": ("organ", "scan"),
    "start_angle": ("organ", "scan"),
    "partial_volume": ("organ", "scan"),
    "irradiated_range": ("organ", "scan"),
    "organ_modulation": ("organ", "scan"),
    "miscentring": ("scan",),
    "segmentation": ("organ", "scan"),
}
# Errors that the fast law makes too, in the same direction: they do not set both doses apart. The
# beam is none of them, as another one than the law takes may have been chosen.
SHARED_WITH_FAST = (
    *("ctdivol_display", "ctdivol_of_scan", "nctdiw", "wide_beam", "organ_modulation"),
    *("miscentring", "irradiated_range", "segmentation"),
)


def material_component(dose_mGy: float, soft_tissue_mGy: float) -> float:
    """Return the component of compositions unlike those assigned.

    Parameters
    ----------
    dose_mGy, soft_tissue_mGy
        To the organ as it is, and to soft tissue in its place: the difference is that of iodine,
        bone or fat, whose amounts are known less well.
    """
    if not (dose_mGy > 0 and soft_tissue_mGy > 0):
        return _COMPOSITION
    return math.hypot(_COMPOSITION, _ADDED_DOSE * math.log(dose_mGy / soft_tissue_mGy))


def range_components(response: Response, exposure: Exposure, dose_mGy: np.ndarray) -> np.ndarray:
    """Return the component of where the path ends, of every score, [score].

    Each end moves by its standard deviation; the dose changes by what a millimetre of the path
    gives there.
    """
    total = np.zeros(len(dose_mGy))
    for end in exposure.range_mm:
        total += (exposure.edge_sd_mm * response.per_length(exposure, end)) ** 2
    return _parts(np.sqrt(total), dose_mGy)


def beyond_images_components(
    response: Response,
    exposure: Exposure,
    images_mm: tuple[float, float],
    dose_mGy: np.ndarray,
) -> np.ndarray:
    """Return the component of anatomy that was irradiated and is not in the images, [score].

    By the part of the dose that comes from where the beam's centre lay beyond the images.

    Parameters
    ----------
    images_mm
        (low, high): outer edges of the first and last slice.
    """
    edges = response.path.z_edges_mm
    weights = exposure.weights(edges, response.path.angle_bins)
    length = np.diff(edges)
    inside = np.clip(
        np.minimum(edges[1:], images_mm[1]) - np.maximum(edges[:-1], images_mm[0]), 0, None
    )
    outside = weights * (1 - inside / length)[:, None]
    share = float(outside.sum())
    if share < 1e-9:
        return np.zeros(len(dose_mGy))
    from_there, _ = response.weighted(outside, share * exposure.dose_length_mGy_cm)
    return _BEYOND_IMAGES * _parts(from_there, dose_mGy)


def start_angle_components(
    response: Response, exposure: Exposure, dose_mGy: np.ndarray
) -> np.ndarray:
    """Return the component of a helical scan's unknown start angle, of every score, [score].

    The dose of `_START_ANGLES` start angles is compared with the mean of all; its scatter holds
    the noise of the run, which is taken off. 0 where the table feed is not known to be a helix's.
    """
    feed = exposure.feed_mm
    if feed is None:
        return np.zeros(len(dose_mGy))
    doses, noise = zip(*_by_start_angle(response, exposure, feed), strict=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.array(doses) / dose_mGy - 1
        spread = np.mean(change**2, axis=0)
        own = np.mean((np.array(noise) * np.array(doses) / dose_mGy) ** 2, axis=0)
    variance = np.nan_to_num(spread - own, nan=0.0, posinf=0.0)
    return np.sqrt(np.maximum(variance, 0.0))


def _by_start_angle(
    response: Response, exposure: Exposure, feed_mm: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield doses and their relative errors for start angles all around, each [score]."""
    edges, angles = response.path.z_edges_mm, response.path.angle_bins
    average = exposure.weights(edges, angles)
    for start in range(_START_ANGLES):
        weights = average * turned(edges, angles, feed_mm, start / _START_ANGLES)
        yield response.weighted(weights, exposure.dose_length_mGy_cm)


def turned(z_edges_mm: np.ndarray, angles: int, feed_mm: float, start: float) -> np.ndarray:
    """Return how much of each bin of z a helix is at each angle, mean 1 over the angles, [n, a].

    Parameters
    ----------
    z_edges_mm
        Edges of the bins of z, [n + 1].
    angles
        Number of angle bins.
    feed_mm
        Table feed in a rotation.
    start
        Angle at z = 0 as a part of a turn.

    Examples
    --------
    >>> turned(np.array([0.0, 10.0, 20.0]), 4, 40.0, 0.0)
    array([[4., 0., 0., 0.],
           [0., 4., 0., 0.]])
    """
    turns = z_edges_mm / feed_mm + start
    marks = np.arange(angles + 1) / angles
    # How much of each angle bin was passed since turn 0 at each edge.
    whole, part = np.floor(turns), turns - np.floor(turns)
    passed = whole[:, None] / angles + np.clip(part[:, None] - marks[:-1], 0.0, 1.0 / angles)
    share = np.diff(passed, axis=0) / np.diff(turns)[:, None]
    return share * angles


def truncation_component(size: SizeProfile, slice_mass: np.ndarray) -> float:
    """Return the component of a body cut by the field of view and completed.

    Parameters
    ----------
    size
        Of the scan.
    slice_mass
        Of the organ, or any measure of how much of it is on each slice, [k].
    """
    cut = size.truncated_fraction > 0
    if not cut.any() or not slice_mass.sum() > 0:
        return 0.0
    too_small, _ = error_range(size.truncated_fraction, size.asymmetry)
    sd = np.where(cut, np.maximum(DOSE_BY_SIZE * -np.log1p(too_small) / K90, TRUNCATION), 0.0)
    return float(np.nan_to_num(sd) @ slice_mass / slice_mass.sum())


def fixed_components(surface_share: float, acquisition: Acquisition) -> dict[str, float]:
    """Return the components of what is not known at all, by name.

    Parameters
    ----------
    surface_share
        Part of the organ's voxels that have a neighbour, by a face, outside it.
    acquisition
        For its modulation of the tube current by the angle.
    """
    return {
        "partial_volume": _SURFACE * surface_share,
        "organ_modulation": modulation_component(acquisition.modulation),
        "miscentring": _MISCENTRING if acquisition.isocentre_mm is None else _CENTRED,
        "segmentation": WITHOUT_DOUBT,
    }


def differs_from_fast(own: OrganDose, fast: OrganDose) -> bool:
    """Return whether two doses of an organ differ by more than both intervals allow.

    Each interval counts on the side of the other dose. Errors that both doses make in the same
    direction (`SHARED_WITH_FAST`) do not set them apart and are taken out of both.
    """
    ends = (own.total_low_mGy, own.total_high_mGy, fast.total_low_mGy, fast.total_high_mGy)
    if not (own.dose_mGy and fast.dose_mGy and all(ends)):
        return False
    upward = fast.dose_mGy > own.dose_mGy
    reach = _reach(own, upward=upward) + _reach(fast, upward=not upward)
    return abs(math.log(own.dose_mGy / fast.dose_mGy)) > math.sqrt(reach)


def _reach(organ: OrganDose, *, upward: bool) -> float:
    """Return the square of how far an interval reaches in ln(dose), without shared errors."""
    end = organ.total_high_mGy if upward else organ.total_low_mGy
    if not (end and organ.dose_mGy):
        return math.inf
    shared = sum(organ.budget.get(name, 0.0) ** 2 for name in SHARED_WITH_FAST)
    return max(math.log(end / organ.dose_mGy) ** 2 - K90**2 * shared, 0.0)


def _parts(part_mGy: np.ndarray, dose_mGy: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        parts: np.ndarray = np.where(dose_mGy > 0, part_mGy / dose_mGy, 0.0)
    return np.nan_to_num(parts)
