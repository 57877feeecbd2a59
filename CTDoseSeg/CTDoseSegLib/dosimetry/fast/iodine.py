"""Contrast agent, by the HU of the organs that take it up, and the dose that iodine adds to them.

The law knows no HU. What iodine adds is a shift upward, never a symmetric width: published
simulations give its range by organ, and this package's the upper end in organs brighter than
theirs. It is not added to the dose, which is that to the tissue without contrast agent; the upper
end of the total interval reaches up by the most.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from ...ct.acquisition import Acquisition
from ...flags import Flag, flag
from ...measurement.measurements import GroupSlices

_BLOOD = (
    *("aorta", "pulmonary_artery", "heart_atrium_left", "heart_atrium_right"),
    *("heart_ventricle_left", "heart_ventricle_right"),
)
_KIDNEYS = ("kidney_left", "kidney_right")
_OTHER_VESSELS = (
    *("superior_vena_cava", "inferior_vena_cava", "portal_vein_and_splenic_vein", "vessels"),
    *(f"iliac_{vessel}_{s}" for vessel in ("artery", "vena") for s in ("left", "right")),
    "lung_vessels",
)
_SALIVARY_GLANDS = (
    "salivary_glands",
    *(f"{gland}_gland_{s}" for gland in ("parotid", "submandibular") for s in ("left", "right")),
)
# Mean HU that an organ without iodine does not reach. Blood has 30 to 60 HU, liver 58 +- 9 (64
# livers without disease, 10.1007/s00414-019-02016-1; portal venous phase 53 to 61 HU more,
# PMC7996171), spleen about 10 less than liver, kidneys 30 to 40 and heart muscle 40 to 50: three
# standard deviations above, rounded, by this project's judgement. Iron or amiodarone may lift a
# liver above it.
ENHANCED_HU = {
    **dict.fromkeys(_BLOOD, 90.0),
    **dict.fromkeys(_KIDNEYS, 70.0),
    **{"liver": 85.0, "spleen": 80.0, "heart_myocardium": 80.0, "heart": 80.0},
}
# Least and most that iodine adds to the organ's dose, as a part of it. Mazloumi et al. 2021
# (10.1007/s00330-021-07763-7, abdomen, mean +- SD): liver 21 +- 5, kidneys 37 and 39 +- 7, aorta
# 34 +- 6, spleen 26 +- 4 %. Sahbaee et al. 2017 (PMC5452877, 58 patients, most over time): heart
# 53, spleen 30, liver 35, kidneys 54, stomach 27, colon 18, small bowel 17, pancreas 24 %. Amato et
# al. 2013 (10.2214/AJR.12.8958, portal venous phase): liver 19, kidneys 71, spleen and pancreas
# 33 %. Blood beside the aorta as aorta and heart, the thyroid as kidneys, salivary glands as the
# pancreas, the duodenum as other small bowel, by this project's judgement: at most as much, and
# nothing where the agent is elsewhere.
ADDED = {
    **dict.fromkeys(_BLOOD, (0.28, 0.53)),
    **dict.fromkeys(_KIDNEYS, (0.30, 0.71)),
    **{"liver": (0.16, 0.35), "spleen": (0.22, 0.33)},
    **{"heart_myocardium": (0.0, 0.53), "heart": (0.0, 0.53)},
    **{"pancreas": (0.0, 0.33), "stomach": (0.0, 0.27)},
    **{"colon": (0.0, 0.18), "small_bowel": (0.0, 0.17)},
    **{"kidney": (0.30, 0.71), "thyroid_gland": (0.0, 0.71), "duodenum": (0.0, 0.17)},
    **dict.fromkeys(_OTHER_VESSELS, (0.0, 0.53)),
    **dict.fromkeys(_SALIVARY_GLANDS, (0.0, 0.33)),
}

# By this package's simulations (Testing/Training/dose_iodine.py) a milligram in a millilitre, 25 HU
# at 120 kV, adds 9 to 11 % to the dose of organs that take it up. Counted from the least HU that
# they have without it.
_PER_HU, _LEAST_HU = 0.10 / 25.0, 30.0
_MOST_NAMED = 3
_RAISED = "iodine raises the dose of the organs that take it up"
_LEFT_OUT = "the doses leave that out, the upper ends of their total intervals include it"

_NOT_JUDGED = "no organ here shows by its HU whether it holds any"


def enhanced_organs(present: Mapping[str, GroupSlices]) -> dict[str, float]:
    """Return the organs that hold contrast agent by their HU, with their mean HU."""
    means = {}
    for name, threshold in ENHANCED_HU.items():
        if name in present:
            mean = _mean_hu(present[name])
            if mean > threshold:
                means[name] = mean
    return means


def contrast_flags(
    acquisition: Acquisition,
    flags: tuple[Flag, ...],
    enhanced: Mapping[str, float],
    present: Mapping[str, GroupSlices],
    dosed: Collection[str],
) -> tuple[Flag, ...]:
    """Return the scan's flags with what the HU say of contrast agent, whatever the header does.

    `dosed` are the organs whose doses are asked for: the one that iodine may add the most to is
    named.
    """
    consequence = _consequence(enhanced, dosed)
    brightest = sorted(enhanced, key=lambda name: -enhanced[name])
    listed = ", ".join(
        f"{name.replace('_', ' ')} {enhanced[name]:.0f} HU" for name in brightest[:_MOST_NAMED]
    )
    if (more := len(brightest) - _MOST_NAMED) > 0:
        listed += f" and {more} more organs"
    if not acquisition.contrast:
        by_hu = flag("contrast_by_hu", listed, consequence=consequence)
        return (*flags, by_hu) if enhanced else flags
    judged = any(name in present for name in ENHANCED_HU)
    unseen = flag("contrast_unseen", consequence="" if judged else _NOT_JUDGED)
    stated = flag("contrast", listed, consequence=consequence) if enhanced else unseen
    return tuple(stated if entry.code == "contrast" else entry for entry in flags)


def added_by_iodine(organ: str, enhanced: Mapping[str, float]) -> tuple[float, float] | None:
    """Return the least and the most that iodine adds to an organ's dose; None for nothing.

    An organ that is known by its HU must be enhanced itself; one that is not, as bowel wall and
    pancreas, takes up contrast agent where another organ does.

    Examples
    --------
    >>> added_by_iodine("inferior_vena_cava", {"aorta": 200.0})
    (0.0, 0.68)
    >>> added_by_iodine("kidney", {"aorta": 200.0}) is None
    True

    Blood of the arterial phase holds more than the published patients' had:

    >>> added_by_iodine("aorta", {"aorta": 330.0})
    (0.28, 1.2)
    """
    if organ == "kidney":
        sides = [added_by_iodine(side, enhanced) for side in _KIDNEYS]
        return max((side for side in sides if side), default=None)
    if organ in _OTHER_VESSELS and "aorta" in enhanced:
        least, most = added_by_iodine("aorta", enhanced) or ADDED["aorta"]
        return 0.0, most
    has_it = organ in enhanced if organ in ENHANCED_HU else bool(enhanced)
    if not has_it or organ not in ADDED:
        return None
    least, most = ADDED[organ]
    if organ in enhanced:
        most = max(most, _PER_HU * (enhanced[organ] - _LEAST_HU))
    return least, most


def iodine_flag(added: tuple[float, float]) -> Flag:
    """Return the flag of an organ whose dose iodine raises."""
    effect = f"iodine adds {_percent(added)} to the dose in simulations"
    return flag("iodine", consequence=effect)


def _consequence(enhanced: Mapping[str, float], dosed: Collection[str]) -> str:
    added = {organ: part for organ in dosed if (part := added_by_iodine(organ, enhanced))}
    if not added:
        return f"{_RAISED}; {_LEFT_OUT}"
    most = max(added.values(), key=lambda part: (part[1], part[0]))
    names = [organ.replace("_", " ") for organ in added if added[organ] == most]
    shown = ", ".join(names[:_MOST_NAMED])
    if (more := len(names) - _MOST_NAMED) > 0:
        shown += f" and {more} more"
    raised = f"{_RAISED}, most that of {shown} ({_percent(most)} in simulations)"
    return f"{raised}; {_LEFT_OUT}"


def _percent(added: tuple[float, float]) -> str:
    least, most = (100 * part for part in added)
    return f"{least:.0f} to {most:.0f} %" if least else f"up to {most:.0f} %"


def _mean_hu(slices: GroupSlices) -> float:
    known = (slices.count > 0) & np.isfinite(slices.mean_hu)
    if not known.any():
        return float("nan")
    return float(np.average(slices.mean_hu[known], weights=slices.count[known]))
