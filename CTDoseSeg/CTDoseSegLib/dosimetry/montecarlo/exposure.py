"""Where along the body the tube was on, and how much: CTDIvol by the place of the beam's centre.

An absorbed dose is the sum over z of CTDIvol(z) dz x dose per history from z / c, c the 100 mm
integral of weighted air kerma per history in the CTDI phantom of the report. Collimation and pitch
cancel, so that CTDIvol and the path of the beam's centre are all that a scan has to give.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ...ct.acquisition import BODY_PHANTOM_CM, HEAD_PHANTOM_CM
from ...ct.dose_report import STATIONARY
from ...ct.geometry import cell_widths_mm
from ...ct.series import CTSeries
from ...flags import Flag, flag
from ...measurement.ctdi_check import with_estimated_ctdivol
from ...measurement.ctdivol import (
    positive_number,
    positive_numbers,
    scan_mean_component,
    slice_ctdivol_mGy,
)
from ...measurement.size_interval import PROFILE_SD
from ...measurement.ssde import anatomy_of
from ..applicability import ADULT_YEARS
from ..fast.uncertainty import display_component
from ..scan import Scan

# Overranging of helical scans, both ends together: 32 to 71 mm on four 64-slice scanners (Fujii
# et al. 2009).
OVERRANGING_MM = (30.0, 70.0)
_RECTANGULAR = math.sqrt(3.0)
# DLP that is further from CTDIvol times length is worth a question.
DLP_TOLERANCE = 0.05
# No scan goes on further beyond its images than this at both ends together.
_LONGEST_BEYOND_MM = 200.0
# From here on a displayed CTDIvol is that of a narrower beam, scaled (IEC 60601-2-44 ed. 3.1).
WIDE_BEAM_MM = 40.0
_WIDE_BEAM_SD = 0.03
DEFAULT_COLLIMATION_MM = 40.0
# Path of a beam that stands still: short beside its width.
AT_REST_MM = 1.0
# How well DLP over CTDIvol must agree with the beam's width to tell that the table stood still.
_WIDTH_TOLERANCE = 0.2


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Exposure:
    """CTDIvol along the path of the beam's centre.

    Attributes
    ----------
    z_mm
        Places at which CTDIvol is known, ascending, [s]; beyond them the nearest value holds.
    ctdivol_mGy
        For the phantom `phantom_cm`, [s].
    range_mm
        Where the beam's centre was while the tube was on: (low, high), RAS superior.
    edge_sd_mm
        Standard deviation of each end of it.
    phantom_cm
        Diameter of the CTDI phantom, 16 or 32.
    collimation_mm
        Of the beam along z, at the isocentre.
    feed_mm
        How far the table moves in a rotation; None where it is not known.
    log_sd
        Uncertainty component of CTDIvol to its standard deviation of ln(dose).
    flags
        What was assumed.
    angle_weight
        Tube current by angle bin, mean 1, [a]; None where it was the same from all sides or is not
        known.
    at_rest
        True where the table stood still, as in perfusion and bolus tracking: CTDIvol is then that
        of all rotations together, and counts the beam's width (IEC 60601-2-44), so that the photons
        of CTDIvol times the width come from one place.

    Examples
    --------
    Two slices 10 mm apart; the path goes on 5 mm beyond them:

    >>> z_mm, ctdivol_mGy = np.array([0.0, 10.0]), np.array([4.0, 6.0])
    >>> exposure = Exposure(z_mm, ctdivol_mGy, (-5.0, 15.0), 0.0, 32, 20.0)
    >>> exposure.between(np.array([-10.0, 0.0, 5.0, 20.0]))
    array([2., 2., 6.])
    >>> exposure.dose_length_mGy_cm
    10.0
    """

    z_mm: np.ndarray
    ctdivol_mGy: np.ndarray
    range_mm: tuple[float, float]
    edge_sd_mm: float
    phantom_cm: int
    collimation_mm: float
    feed_mm: float | None = None
    log_sd: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    angle_weight: np.ndarray | None = None
    at_rest: bool = False

    @property
    def dose_length_mGy_cm(self) -> float:
        """CTDIvol times length over the whole path."""
        return float(self.between(np.array(self.range_mm))[0])

    def between(self, edges_mm: np.ndarray) -> np.ndarray:
        """Return the integral of CTDIvol over each bin, in mGy cm, [n], 0 outside the path.

        Parameters
        ----------
        edges_mm
            Edges of the bins, ascending, [n + 1].
        """
        middles = (self.z_mm[1:] + self.z_mm[:-1]) / 2
        low, high = self.range_mm
        inside = np.clip(edges_mm, low, high)
        # CTDIvol is a step function: its integral is linear between the middles of the slices.
        knots = np.unique(np.concatenate(([low, high], np.clip(middles, low, high))))
        centres = (knots[1:] + knots[:-1]) / 2
        value = self.ctdivol_mGy[np.searchsorted(middles, centres)]
        integral = np.concatenate(([0.0], np.cumsum(value * np.diff(knots)))) / 10.0
        return np.diff(np.interp(inside, knots, integral))

    def moved(self, low_mm: float, high_mm: float) -> Exposure:
        """Return the exposure with its ends moved outward by these lengths."""
        low, high = self.range_mm[0] - low_mm, self.range_mm[1] + high_mm
        return replace(self, range_mm=(min(low, high - 1.0), high))

    def standing_at(self, z_mm: float, ctdivol_mGy: float) -> Exposure:
        """Return the exposure with all its photons from one place, the table standing still.

        Parameters
        ----------
        z_mm
            Of the beam's centre, RAS superior.
        ctdivol_mGy
            Of all rotations together.

        Examples
        --------
        >>> helical = Exposure(np.zeros(1), np.ones(1), (-50.0, 50.0), 0.0, 16, 40.0)
        >>> round(helical.standing_at(10.0, 100.0).dose_length_mGy_cm, 3)
        400.0
        """
        return replace(
            self,
            z_mm=np.array([z_mm]),
            ctdivol_mGy=np.array([ctdivol_mGy * self.collimation_mm / AT_REST_MM]),
            range_mm=(z_mm - AT_REST_MM / 2, z_mm + AT_REST_MM / 2),
            edge_sd_mm=0.0,
            feed_mm=None,
            at_rest=True,
        )

    @property
    def covered_mm(self) -> tuple[float, float]:
        """(low, high): where the beam's centre was, or the beam itself if the table stood still."""
        half = self.collimation_mm / 2 if self.at_rest else 0.0
        return self.range_mm[0] - half, self.range_mm[1] + half

    def weights(self, z_edges_mm: np.ndarray, angles: int) -> np.ndarray:
        """Return the relative number of photons by bin of z and of angle, [n, a], adding up to 1.

        Parameters
        ----------
        z_edges_mm
            Edges of the bins of the beam's centre, [n + 1].
        angles
            Number of angle bins.
        """
        along = self.between(z_edges_mm)
        around = np.ones(angles) if self.angle_weight is None else self.angle_weight
        weights = np.outer(along / along.sum(), around / around.sum())
        return np.asarray(weights)


def exposure_of(scan: Scan, *, collimation_mm: float | None = None) -> Exposure:
    """Return the exposure of a scan.

    CTDIvol is that of the slices (`measurement.ctdivol`), or follows from effective mAs where a
    scanner profile or the scanner's model gives CTDI per mAs.

    Parameters
    ----------
    scan
        `unusable` has no objection to it.
    collimation_mm
        In place of the one that the images state.
    """
    series, by_mas = with_estimated_ctdivol(scan.series, scan.scanner)
    ctdivol, flags = _along_body(series, bool(by_mas))
    phantom_cm, assumed = _phantom(series)
    acquisition = series.acquisition
    width = collimation_mm or acquisition.total_collimation_mm
    pitch = acquisition.pitch
    order = np.argsort(series.z_mm, kind="stable")
    path = Exposure(
        z_mm=series.z_mm[order],
        ctdivol_mGy=ctdivol[order],
        range_mm=image_range(series),
        edge_sd_mm=0.0,
        phantom_cm=phantom_cm,
        collimation_mm=width or DEFAULT_COLLIMATION_MM,
        feed_mm=pitch * width if pitch and width else None,
    )
    if is_at_rest(series, path.collimation_mm):
        path, about_range = _standing(path, scan)
    else:
        path, about_range = _with_range(path, scan)
    log_sd, about_ctdivol = _components(scan, series, path, bool(by_mas))
    return replace(
        path,
        log_sd=log_sd,
        flags=(*by_mas, *flags, *assumed, *about_range, *about_ctdivol),
    )


def is_at_rest(series: CTSeries, collimation_mm: float) -> bool:
    """Return whether the table stood still while the tube was on.

    By the dose report, where it calls the event stationary. Else where the images are no longer
    than the beam is wide, there is no pitch, and DLP is CTDIvol times that width.

    Parameters
    ----------
    series
        With its exposure.
    collimation_mm
        Width of the beam.
    """
    if series.dose_report is not None and (own := series.dose_report.own):
        return all(placed.event.kind == STATIONARY for placed in own)
    acquisition = series.acquisition
    dlp, ctdivol = acquisition.dlp_mGy_cm, acquisition.ctdivol_mGy
    if acquisition.pitch or not (acquisition.total_collimation_mm and dlp and ctdivol):
        return False
    low, high = image_range(series)
    counted_mm = 10.0 * dlp / ctdivol
    near = abs(counted_mm / collimation_mm - 1) <= _WIDTH_TOLERANCE
    return near and high - low <= collimation_mm * (1 + DLP_TOLERANCE)


def unusable(scan: Scan) -> str:
    """Return why a scan has no exposure that a dose can be made from; empty where it has one."""
    series, _ = with_estimated_ctdivol(scan.series, scan.scanner)
    values = positive_numbers([item.ctdivol_mGy for item in series.slices])
    if not np.isfinite(values).any():
        values, _ = slice_ctdivol_mGy(series)
    if np.isnan(values).all():
        return (
            "CTDIvol is not known, nor CTDI per mAs of the scanner with tube current, rotation "
            "time and pitch; enter CTDIvol"
        )
    values, _ = slice_ctdivol_mGy(series)
    if missing := int(np.isnan(values).sum()):
        return f"CTDIvol is not known on {missing} of {len(values)} slices; enter it"
    return ""


def child_without_phantom(series: CTSeries) -> bool:
    """Return whether the CTDI phantom decides over a factor of two, and is not stated."""
    acquisition = series.acquisition
    age = acquisition.age_years
    return acquisition.phantom_cm is None and age is not None and age < ADULT_YEARS


def _along_body(series: CTSeries, by_mas: bool) -> tuple[np.ndarray, tuple[Flag, ...]]:
    if by_mas:  # made slice by slice: there is nothing to distribute
        return positive_numbers([item.ctdivol_mGy for item in series.slices]), ()
    return slice_ctdivol_mGy(series)


def _phantom(series: CTSeries) -> tuple[int, tuple[Flag, ...]]:
    stated = series.acquisition.phantom_cm
    if stated is not None:
        return stated, tuple(_other_statement(series, stated))
    head = anatomy_of(series.acquisition.body_part) == "head"
    phantom_cm = HEAD_PHANTOM_CM if head else BODY_PHANTOM_CM
    return phantom_cm, (flag("monte_carlo_phantom_assumed", f"{phantom_cm} cm is assumed"),)


def _other_statement(series: CTSeries, phantom_cm: int) -> Iterator[Flag]:
    """Yield that a child's CTDIvol was typed without its phantom, which is then the images' own.

    Consoles may show a child's CTDIvol for 16 cm where the images state 32 cm.
    """
    acquisition = series.acquisition
    typed, own = (acquisition.sources.get(name) for name in ("ctdivol_mGy", "phantom_cm"))
    age = acquisition.age_years
    if typed == "user" and own != "user" and age is not None and age < ADULT_YEARS:
        yield flag("monte_carlo_phantom_of_images", f"{phantom_cm} cm ({own or 'images'})")


def image_range(series: CTSeries) -> tuple[float, float]:
    """Return the outer edges of the first and last slice, RAS superior."""
    z = series.z_mm
    if len(z) > 1:
        half = cell_widths_mm(z) / 2
        return float((z - half).min()), float((z + half).max())
    thickness = series.slices[0].thickness_mm or 1.0
    return float(z[0] - thickness / 2), float(z[0] + thickness / 2)


def _with_range(path: Exposure, scan: Scan) -> tuple[Exposure, tuple[Flag, ...]]:
    """Return the path with the range that is known, and what was assumed of it."""
    dlp = float(positive_number(scan.series.acquisition.dlp_mGy_cm))
    if scan.beam.known:
        known = replace(path, range_mm=scan.beam.range_mm, edge_sd_mm=scan.beam.edge_sd_mm)
        return known, (*scan.beam.flags, *_dlp_flags(known, dlp))
    least, most = (length / 2 for length in OVERRANGING_MM)
    usual = path.moved((least + most) / 2, (least + most) / 2)
    usual = replace(usual, edge_sd_mm=(most - least) / 2 / _RECTANGULAR)
    if math.isnan(dlp):
        detail = f"{least + most:.0f} mm were added to the images"
        return usual, (*scan.beam.flags, flag("monte_carlo_range_assumed", detail))
    beyond_mm = _beyond_by_dlp(path, dlp)
    if beyond_mm is None:
        return usual, (*scan.beam.flags, *_dlp_flags(usual, dlp))
    # More than the usual overranging may lie on one side as well as on the other.
    to_one_side = max(beyond_mm - OVERRANGING_MM[0], 0.0) / 2 / _RECTANGULAR
    centred = path.moved(beyond_mm / 2, beyond_mm / 2)
    centred = replace(centred, edge_sd_mm=math.hypot(5.0, to_one_side))
    detail = f"{beyond_mm:.0f} mm longer than the images"
    return centred, (*scan.beam.flags, flag("monte_carlo_range_by_dlp", detail))


def _standing(path: Exposure, scan: Scan) -> tuple[Exposure, tuple[Flag, ...]]:
    """Return the path of a table that stood still, and what was assumed of it."""
    known = scan.beam.known
    low, high = scan.beam.range_mm if known else path.range_mm
    middle = (low + high) / 2
    dlp = float(positive_number(scan.series.acquisition.dlp_mGy_cm))
    ctdivol = float(np.interp(middle, path.z_mm, path.ctdivol_mGy))
    report = scan.series.dose_report
    own = [placed.event for placed in report.own] if report is not None else []
    stated = [event.ctdivol_mGy for event in own if event.ctdivol_mGy]
    if own and len(stated) == len(own):  # images may state that of one rotation
        ctdivol = sum(stated) * (scan.scanner.ctdivol_ratio or 1.0)
    if not scan.series.acquisition.total_collimation_mm and math.isfinite(dlp):
        path = replace(path, collimation_mm=10.0 * dlp / ctdivol)
    standing = path.standing_at(middle, ctdivol)
    place = f"at z {middle:.0f} mm" + ("" if known else ", the middle of the images")
    detail = f"{path.collimation_mm:.3g} mm wide, {place}"
    return standing, (flag("monte_carlo_at_rest", detail), *_dlp_flags(standing, dlp))


def _beyond_by_dlp(path: Exposure, dlp_mGy_cm: float) -> float | None:
    """Return how much longer than the images DLP says the path is; None where it cannot be."""
    lacking = dlp_mGy_cm - path.dose_length_mGy_cm
    per_cm = (path.ctdivol_mGy[0] + path.ctdivol_mGy[-1]) / 2
    beyond_mm = 10.0 * lacking / per_cm
    slack = DLP_TOLERANCE * dlp_mGy_cm
    if lacking < -slack or beyond_mm > _LONGEST_BEYOND_MM:
        return None
    return max(float(beyond_mm), 0.0)


def _dlp_flags(path: Exposure, dlp_mGy_cm: float) -> tuple[Flag, ...]:
    own = path.dose_length_mGy_cm
    if math.isnan(dlp_mGy_cm) or abs(dlp_mGy_cm / own - 1) <= DLP_TOLERANCE:
        return ()
    detail = f"{dlp_mGy_cm:.0f} mGy cm stated, {own:.0f} mGy cm by CTDIvol"
    return (flag("monte_carlo_dlp", detail),)


def _components(
    scan: Scan, series: CTSeries, path: Exposure, by_mas: bool
) -> tuple[dict[str, float], tuple[Flag, ...]]:
    """Return the uncertainty components of CTDIvol by name, and what to know of it."""
    scanner = scan.scanner
    if by_mas:
        components = {"nctdiw": scanner.nctdiw_log_sd or PROFILE_SD}
    else:
        components = {"ctdivol_display": display_component(scanner)}
        if of_scan := scan_mean_component(series):
            components["ctdivol_of_scan"] = of_scan
    if path.collimation_mm <= WIDE_BEAM_MM:
        return components, ()
    components["wide_beam"] = _WIDE_BEAM_SD
    return components, (flag("monte_carlo_wide_beam", f"{path.collimation_mm:.0f} mm"),)
