"""When no organ dose is given, and when one is given with a warning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import numpy as np

from ...ct.acquisition import Acquisition
from ...flags import Flag, flag
from ...measurement.measurements import GroupSlices
from .model import OrganModel
from .scaling import CTDIVOL, MAS, TRAINING_KVP, Exposure

ADULT_YEARS = 18.0
DISAGREEMENT = 0.2
# Blood without contrast agent has 30 to 60 HU.
ENHANCED_HU = 90.0
_BLOOD = (
    *("aorta", "pulmonary_artery", "heart_atrium_left", "heart_atrium_right"),
    *("heart_ventricle_left", "heart_ventricle_right"),
)
_TRUNK = (
    *("CHEST", "THORA", "TORAX", "LUNG", "HEART", "ABDOM", "PELVI", "TRUNK", "LIVER"),
    *("WHOLEBODY", "BRUST", "BAUCH", "BECKEN"),
)
# Found anywhere in the text, without accents: names of head and limbs in the scanners' languages.
_HEAD_OR_LIMB_PARTS = (
    *("HEAD", "BRAIN", "SKULL", "ORBIT", "SINUS", "KOPF", "SCHADEL", "CRANE", "CRANI", "CABEZA"),
    *("EXTREMIT", "EXTREMID", "HUMERUS", "ELBOW", "FOREARM", "WRIST", "FINGER", "FEMUR", "THIGH"),
    *("KNEE", "ANKLE", "GENOU", "RODILLA", "SPRUNGGELENK"),
)
# Found as words of their own, or in the plural.
_HEAD_OR_LIMB_WORDS = (
    *("EAR", "IAC", "FACE", "JAW", "TETE", "TESTA", "ARM", "HAND", "LEG", "CALF", "FOOT", "FEET"),
    *("TOE", "KNIE", "FUSS", "BEIN", "PIED", "JAMBE", "BRAS", "PIERNA", "BRAZO", "MANO"),
)
_EDGE_PARTS = (
    *("NECK", "CSPINE", "CSPN", "CERVIC", "SHOULDER", "CLAVIC", "HALS", "SCHULTER", "CUELLO"),
    *("EPAULE", "HOMBRO", "HUFTE", "HANCHE", "CADERA"),
)
_EDGE_WORDS = ("HIP", "COU", "HWS")


def scan_flags(
    acquisition: Acquisition,
    exposures: dict[str, Exposure],
    consequences: Mapping[str, str] | None = None,
) -> tuple[Flag, ...]:
    """Flags of the scan as a whole; a refusal among them means that no dose is given.

    `consequences` says for some of them what they do to the doses of the model in use.
    """

    def made(code: str, detail: str = "") -> Flag:
        return flag(code, detail, consequence=(consequences or {}).get(code, ""))

    flags = [remark for exposure in exposures.values() for remark in exposure.flags]
    age = acquisition.age_years
    if age is None:
        flags.append(flag("age_unknown"))
    elif age < ADULT_YEARS:
        flags.append(flag("child"))
    if acquisition.pregnancy_stated:
        flags.append(flag("pregnancy"))
    if not_of_the_trunk(acquisition.body_part):
        flags.append(flag("not_trunk", str(acquisition.body_part)))
    elif at_the_edge_of_the_trunk(acquisition.body_part):
        flags.append(flag("edge_of_trunk", str(acquisition.body_part)))
    if all(exposure.values is None for exposure in exposures.values()):
        flags.append(flag("no_exposure"))
    if acquisition.kvp_kV is None:
        flags.append(made("tube_voltage_unknown"))
    elif abs(acquisition.kvp_kV - TRAINING_KVP) > 0.5:
        flags.append(made("tube_voltage", f"{acquisition.kvp_kV:g} kV"))
    if acquisition.contrast:
        flags.append(flag("contrast"))
    if acquisition.irradiated_range_mm is None:
        flags.append(made("dose_range_unknown"))
    return tuple(flags)


def not_of_the_trunk(body_part: str | None) -> bool:
    """True where the scanner's body part names head or limbs and no part of the trunk."""
    return _names(body_part, _HEAD_OR_LIMB_PARTS, _HEAD_OR_LIMB_WORDS)


def at_the_edge_of_the_trunk(body_part: str | None) -> bool:
    """True where it names neck, shoulder or hip and no part of the trunk."""
    return _names(body_part, _EDGE_PARTS, _EDGE_WORDS)


def _names(body_part: str | None, parts: tuple[str, ...], words: tuple[str, ...]) -> bool:
    decomposed = unicodedata.normalize("NFKD", (body_part or "").upper())
    text = "".join(c for c in decomposed if not unicodedata.combining(c))
    # "C-SPINE" and "C SPINE" are one word as the scanners mean it.
    joined = re.sub(r"[^A-Z]+", "", text)
    if any(part in joined for part in _TRUNK):
        return False
    found = {word.removesuffix("S") for word in re.split(r"[^A-Z]+", text)} - {""}
    return any(part in joined for part in parts) or any(
        word.removesuffix("S") in found for word in words
    )


def contrast_by_hu_flag(
    acquisition: Acquisition, present: Mapping[str, GroupSlices]
) -> tuple[Flag, ...]:
    """A warning where blood is denser than without contrast agent and none is stated."""
    if acquisition.contrast:
        return ()
    found = []
    for name in _BLOOD:
        if name in present:
            filled = present[name].count > 0
            mean = np.average(present[name].mean_hu[filled], weights=present[name].count[filled])
            if mean > ENHANCED_HU:
                found.append(f"{name} {mean:.0f} HU")
    return (flag("contrast_by_hu", ", ".join(found)),) if found else ()


def feature_flags(
    model: OrganModel, wed_mm: np.ndarray, tube_current_mA: np.ndarray, hu: np.ndarray
) -> tuple[Flag, ...]:
    """Refusal or warning where an organ's mean features lie outside training's p1 to p99.

    Parameters
    ----------
    wed_mm, tube_current_mA
        Smoothed along the body, of the organ's slices, [n].
    hu
        Mean HU of the organ's slices, [n].
    """
    size, known = float(wed_mm.mean()), model.training["wed_mm"]
    if size not in known:
        detail = f"{size:.0f} mm, trained on {known.low:.0f} to {known.high:.0f} mm"
        return (flag("size_outside_training", detail),)
    outside = [
        f"{name}{value:.0f} {unit}, trained on {span.low:.0f} to {span.high:.0f}"
        for name, unit, value, span in (
            ("", "HU", float(hu.mean()), model.training["hu"]),
            (
                "tube current ",
                "mA",
                float(tube_current_mA.mean()),
                model.training["tube_current_mA"],
            ),
        )
        if value not in span
    ]
    return (flag("outside_training", "; ".join(outside)),) if outside else ()


def disagreement_flag(by_route: dict[str, float | None]) -> tuple[Flag, ...]:
    """A warning where both routes give a dose and they differ by more than 20 %."""
    doses = [dose for dose in by_route.values() if dose is not None]
    if len(doses) < 2 or max(doses) <= (1 + DISAGREEMENT) * min(doses):
        return ()
    detail = ", ".join(f"{dose:.1f} mGy by {route}" for route, dose in by_route.items())
    change = 100 * (by_route[MAS] / by_route[CTDIVOL] - 1)
    what = f"the dose by CTDIvol is the headline; by effective mAs it would be {change:+.0f} %"
    return (flag("routes_disagree", detail, consequence=what),)
