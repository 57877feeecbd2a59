"""Dose of the uterus region of a woman whose pregnancy is stated, for a physicist to judge.

Until about ten weeks the dose of the uterus stands for that of the embryo; later a label of the
fetus, or of the uterus with what is in it, is needed. Without a label the region is a sphere of
5 cm, and where it may lie is part of the interval (`uterus_position`).

The dose is that of the engine where it has one of the label, or of every voxel; else that of the
fast law's uterus. The z-profile method (`z_profile`) gives a second value that shares CTDIvol with
it and nothing else. The interval is at least +-30 %.

Where more than half of the region lies outside the irradiated range, or the images cut it, or the
fast law gives nothing there, or the week is one of a larger fetus that no label shows, the dose is
an upper bound: the z-profile method at the nearest
plausible place, times `SAFETY` and the uncertainty of CTDIvol.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..ct.acquisition import Acquisition
from ..flags import UTERUS, Flag, flag
from ..measurement.ctdi_per_mas import K90
from ..segmentation.labelmap import BODY
from .dose_map import DoseMap
from .doses import DoseResult, OrganDose
from .fast.along_body import AlongBody
from .fast.engine import load_model
from .fast.organ import organ_dose
from .fast.refusals import beam_flags, scan_flags
from .fast.uncertainty import basis_components
from .montecarlo.beams import REFERENCE_KV
from .scan import Scan
from .uterus_position import SPHERE_MM, UterusPosition, uterus_position
from .z_profile import z_profile_mGy

NOTE = (
    "An estimate of the dose of the uterus region, not of the unborn child's: a medical physicist "
    "must judge it."
)
# The least half-width of the interval.
LEAST = 0.30
# From the last menstruation: then a fetus is about as long as the sphere is wide.
SPHERE_UNTIL_WEEK = 12
# Of the upper bound, over the z-profile method at the nearest plausible place.
SAFETY = 1.5
# What the images may go on by at each end where the irradiated range is not known: the usual
# overranging (`montecarlo.exposure`) and its uncertainty, half of both ends together.
_BEYOND_MM, _BEYOND_SD_MM = 25.0, 6.0
_STEPS = 9
_FAST, _SIMULATED = "fast", "montecarlo"


@dataclass(frozen=True)
class UterusDose:
    """Dose of the uterus region.

    Attributes
    ----------
    dose_mGy
        By the engine or the fast law; None where there is an upper bound alone, or nothing.
    low_mGy, high_mGy
        Ends of the interval, at least +-30 %; of an upper bound `high_mGy` alone.
    z_profile_mGy
        By the z-profile method at the most probable place, of a label that the images cut its part
        in them; None without CTDIvol.
    upper_bound
        True where `high_mGy` is an upper bound and no dose is given.
    region
        ``fetus`` or ``uterus`` of the label map, or ``sphere`` of 5 cm; empty without a place.
    position_from
        ``label fetus``, ``label uterus``, ``user``, ``pelvis`` or ``lungs``; empty without a place.
    position_mm, position_low_mm, position_high_mm
        Middle of the region, RAS superior, with the lowest and highest plausible one.
    method
        ``fast``, or the engine whose dose it is; empty without a dose.
    flags
        Of this dose alone.
    note
        What the number is, to be shown with it.
    """

    dose_mGy: float | None = None
    low_mGy: float | None = None
    high_mGy: float | None = None
    z_profile_mGy: float | None = None
    upper_bound: bool = False
    region: str = ""
    position_from: str = ""
    position_mm: float | None = None
    position_low_mm: float | None = None
    position_high_mm: float | None = None
    method: str = ""
    flags: tuple[Flag, ...] = ()
    note: str = NOTE


def is_asked(acquisition: Acquisition) -> bool:
    """Return whether the dose is given: where pregnancy is stated, in the images or by the user.

    Not of every woman who might be pregnant: it would alarm many and inform nobody.

    Examples
    --------
    >>> is_asked(Acquisition(pregnancy_stated=True)), is_asked(Acquisition(sex="F", age_years=30))
    (True, False)
    """
    return acquisition.pregnant and acquisition.sex != "M"


def uterus_dose(scan: Scan, doses: DoseResult, engine: str = "") -> UterusDose:
    """Return the dose of the uterus region with its interval, an upper bound, or why neither.

    Parameters
    ----------
    scan
        With CTDIvol; `Acquisition.uterus_z_mm` states the place where no label does.
    doses
        Of any dose engine.
    engine
        Its name.

    Examples
    --------
    >>> from CTDoseSegLib import analyze, read_ct, segment
    >>> series = read_ct("ct")
    >>> analysis = analyze(series, segment(series, "classical"))
    >>> analysis.uterus_dose is None  # pregnancy is not stated
    True
    """
    refusals = scan.series.not_hu
    body = AlongBody.of(scan)
    if not refusals and not body.usable_bases:
        missing = ("ctdivol_mGy", "phantom_cm", "dose_report")
        refusals = (flag("uterus_no_dose", "CTDIvol is not known", mends=missing),)
    if not refusals and not np.isfinite(body.wed_mm).any():
        refusals = (flag("uterus_no_dose", "the size of the body is not known"),)
    if not refusals and scan.is_head:
        refusals = (flag("uterus_no_dose", "the images are of a head"),)
    if refusals:
        return UterusDose(flags=_placed(refusals))
    position = uterus_position(scan)
    if position is None:
        return UterusDose(flags=_placed((flag("uterus_position_unknown"),)))
    profile = _Profile.of(body, position)
    found = UterusDose(
        z_profile_mGy=profile.at(position.z_mm),
        region=position.label or "sphere",
        position_from=position.source,
        position_mm=position.z_mm,
        position_low_mm=position.low_mm,
        position_high_mm=position.high_mm,
    )
    flags = [flag("uterus_judge")]
    if position.slices is None:
        flags.append(flag("uterus_by_position", _in_words(position)))
    outside = profile.outside(position.z_mm)
    given = outside <= 0.5 and not _needs_label(body, position)
    seen = _of_region(body, position, doses, engine) if given else None
    if seen is None or position.cut:
        flags.append(flag("uterus_bound", _why_bound(body, position, outside)))
        bound = profile.bound()
        if seen is not None:
            bound = max(bound, float(seen[0].total_high_mGy or 0.0))
        return replace(found, high_mGy=bound, upper_bound=True, flags=_placed(flags))
    organ, method = seen
    dose = float(organ.dose_mGy or 0.0)
    low, high = _interval(organ, profile)
    if abs(math.log(profile.at(position.z_mm) / dose)) > math.log1p(LEAST):
        detail = f"{dose:.2g} mGy, {profile.at(position.z_mm):.2g} mGy by the z-profile method"
        flags.append(flag("uterus_methods_differ", detail))
    return replace(
        found, dose_mGy=dose, low_mGy=low, high_mGy=high, method=method, flags=_placed(flags)
    )


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class _Profile:
    """The z-profile method on a scan, for its uterus region at any plausible place."""

    body: AlongBody
    position: UterusPosition
    range_mm: tuple[float, float]
    edge_sd_mm: float

    @classmethod
    def of(cls, body: AlongBody, position: UterusPosition) -> _Profile:
        if body.beam.known:
            return cls(body, position, body.beam.range_mm, body.beam.edge_sd_mm)
        z = body.z_mm
        around = float(z.min()) - _BEYOND_MM, float(z.max()) + _BEYOND_MM
        return cls(body, position, around, _BEYOND_SD_MM)

    def at(self, middle_mm: float, wider_mm: float = 0.0) -> float:
        """Return the mean dose of the region with its middle there, the range made wider."""
        places, share = self.position.places_mm(self.body.z_mm, middle_mm)
        low, high = self.range_mm
        values = np.asarray(self.body.bases[self.body.usable_bases[0]].values)
        wider = (low - wider_mm, high + wider_mm)
        voltage = self.body.acquisition.kvp_kV or REFERENCE_KV
        size = self._wed_mm(places)
        dose = z_profile_mGy(places, size, self.body.z_mm, values, wider, voltage)
        return float(dose @ share)

    def outside(self, middle_mm: float) -> float:
        """Return the part of the region outside the irradiated range, 0 to 1."""
        places, share = self.position.places_mm(self.body.z_mm, middle_mm)
        low, high = self.range_mm
        return float(share[(places < low) | (places > high)].sum())

    def plausible(self) -> np.ndarray:
        """Return middles from the lowest to the highest, mm."""
        return np.linspace(self.position.low_mm, self.position.high_mm, _STEPS)

    def bound(self) -> float:
        """Return a dose that the region does not reach."""
        wider = K90 * self.edge_sd_mm
        most = max(self.at(middle, wider) for middle in self.plausible())
        basis = self.body.usable_bases[0]
        doubt = basis_components(basis, self.body.scan.scanner)
        doubt |= self.body.bases[basis].components
        return SAFETY * most * math.exp(K90 * math.hypot(*doubt.values()))

    def _wed_mm(self, places: np.ndarray) -> float:
        """Return the size at the region: of its slices, or of the nearest 50 mm of the images."""
        z, wed = self.body.z_mm, self.body.wed_mm
        known = np.isfinite(wed)
        away = np.maximum(places.min() - z, z - places.max())
        near = known & (away <= max(float(away[known].min()) + SPHERE_MM, 0.0))
        return float(wed[near].mean())


def _of_region(
    body: AlongBody, position: UterusPosition, doses: DoseResult, engine: str
) -> tuple[OrganDose, str] | None:
    """Return the dose of the region by the engine, else by the fast law, and by which."""
    for organ in doses.organs:
        if organ.organ == position.label and organ.dose_mGy and organ.total_high_mGy:
            return _without_iodine(organ), engine or _FAST
    by_law = _by_law(body, position)
    if by_law is None or position.label or doses.dose_map is None:
        return None if by_law is None else (by_law, _FAST)
    simulated = _in_sphere(doses.dose_map, body.scan, position.z_mm)
    if simulated is None or not by_law.dose_mGy:
        return by_law, _FAST
    # The map has no interval of its own for a region: that of the law, which is the wider.
    scale = simulated / by_law.dose_mGy
    low, high = (scale * (end or 0.0) for end in (by_law.total_low_mGy, by_law.total_high_mGy))
    own = replace(by_law, dose_mGy=simulated, total_low_mGy=low, total_high_mGy=high)
    return own, engine or _SIMULATED


def _without_iodine(organ: OrganDose) -> OrganDose:
    """Return the dose without what contrast agent in the uterus adds: little reaches the fetus."""
    if not organ.iodine_free_dose_mGy or not organ.dose_mGy:
        return organ
    scale = organ.iodine_free_dose_mGy / organ.dose_mGy
    low, high = (scale * (end or 0.0) for end in (organ.total_low_mGy, organ.total_high_mGy))
    return replace(
        organ, dose_mGy=organ.iodine_free_dose_mGy, total_low_mGy=low, total_high_mGy=high
    )


def _by_law(body: AlongBody, position: UterusPosition) -> OrganDose | None:
    """Return what the fast law's uterus gives in the region; None where it gives nothing."""
    slices = position.measured(body.scan)
    if slices is None:
        return None
    if any(one.severity == "refusal" for one in _flags_of_law(body)):
        return None
    shared = load_model().regions["pelvis"]
    # In the name of a group that is there: a sphere has none of its own.
    own = replace(shared.organs["uterus"], organ=position.label or BODY)
    organ = organ_dose(body, shared, own, slices)
    return organ if organ.dose_mGy and organ.total_high_mGy else None


def _flags_of_law(body: AlongBody) -> tuple[Flag, ...]:
    return (*scan_flags(body.acquisition, body.bases, {}), *beam_flags(body))


def _in_sphere(dose_map: DoseMap, scan: Scan, z_mm: float) -> float | None:
    """Return the map's mean dose in the sphere, in the middle of the body; None where it is not."""
    k = int(np.abs(scan.series.z_mm - z_mm).argmin())
    atoms = set(scan.labelmap.groups.get(BODY, ()))
    values = [atom.value for atom in scan.labelmap.atoms if atom.name in atoms]
    rows, columns = np.nonzero(np.isin(scan.labelmap.labels[k], values))
    if not rows.size:
        return None
    centre = scan.series.affine @ np.array([columns.mean(), rows.mean(), k, 1.0])
    grid = np.indices(dose_map.dose_mGy.shape)[::-1].reshape(3, -1)
    places = dose_map.affine[:3, :3] @ grid + dose_map.affine[:3, 3:]
    away = places - np.array([centre[0], centre[1], z_mm])[:, None]
    inside = (away**2).sum(axis=0) <= (SPHERE_MM / 2) ** 2
    dose = dose_map.dose_mGy.reshape(-1)[inside]
    dose = dose[dose > 0]
    return float(dose.mean()) if dose.size else None


def _interval(organ: OrganDose, profile: _Profile) -> tuple[float, float]:
    """Return the ends of the interval: the organ's own, with where the region may lie."""
    dose = float(organ.dose_mGy or 0.0)
    middle = profile.at(profile.position.z_mm)
    other = np.log([profile.at(place) / middle for place in profile.plausible()])
    down = math.hypot(math.log(dose / float(organ.total_low_mGy or dose)), min(other.min(), 0.0))
    up = math.hypot(math.log(float(organ.total_high_mGy or dose) / dose), max(other.max(), 0.0))
    return min(dose * math.exp(-down), dose * (1 - LEAST)), max(
        dose * math.exp(up), dose * (1 + LEAST)
    )


def _needs_label(body: AlongBody, position: UterusPosition) -> bool:
    """Return whether a fetus of this week is larger than the sphere that stands for it."""
    week = body.acquisition.pregnancy_week
    return position.slices is None and week is not None and week > SPHERE_UNTIL_WEEK


def _why_bound(body: AlongBody, position: UterusPosition, outside: float) -> str:
    if position.cut:
        return "the images cut the label"
    if outside > 0.5:
        return f"{outside:.0%} of the region lies outside the irradiated range"
    if _needs_label(body, position):
        return f"after week {SPHERE_UNTIL_WEEK} a label must show the fetus"
    if position.measured(body.scan) is None:
        return "the region lies beyond the images"
    return "the fast law gives no dose there"


def _in_words(position: UterusPosition) -> str:
    by = {
        "user": "the place that was typed",
        "pelvis": "the bones of the pelvis or the bladder",
        "lungs": "the lower end of the lungs",
    }[position.source]
    return f"by {by}, middle between z {position.low_mm:.0f} and {position.high_mm:.0f} mm"


def _placed(flags: tuple[Flag, ...] | list[Flag]) -> tuple[Flag, ...]:
    return tuple(one.at(UTERUS) for one in flags)
