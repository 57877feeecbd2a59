"""The contrast phase by TotalSegmentator's own classifier: seconds after injection, with spread.

The package measures the HU of organs and vessels in its own labels and gives them to five
classifiers that its wheel holds. They need the package xgboost. Nothing of it changes a dose here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import util
from typing import Any

from ...errors import DependencyError
from ...flags import flag
from ..labelmap import Labelmap
from .plan import PACKAGE, Plan, make_plan, with_networks_of

PHASE, WHY_NO_PHASE = "contrast_phase", "why_no_contrast_phase"
HEAD_TASK = "headneck_bones_vessels"
_MODULE = f"{PACKAGE}.bin.totalseg_get_phase"


def has_classifier() -> bool:
    """Return whether the installed TotalSegmentator has a classifier of the contrast phase."""
    try:
        return util.find_spec(_MODULE) is not None
    except ImportError:
        return False


def check_phase() -> Plan:
    """Return what the classifier needs besides itself: the 3 mm network of the task ``total``.

    Where the scan shows brain it also runs the task ``headneck_bones_vessels``.

    Raises
    ------
    DependencyError
        If the installed TotalSegmentator has no such classifier, or xgboost is missing.
    """
    plan = with_networks_of(make_plan("fast"), HEAD_TASK)
    if not has_classifier():
        raise DependencyError(
            f"TotalSegmentator {plan.version} has no classifier of the contrast phase; install a "
            f"newer one, or leave out the extra {PHASE}."
        )
    if util.find_spec("xgboost") is None:
        raise DependencyError(
            "TotalSegmentator's contrast phase needs the package xgboost; install it with: pip "
            f"install xgboost, or leave out the extra {PHASE}."
        )
    return plan


def needed_plans(quality: str, extras: Sequence[str]) -> tuple[Plan, ...]:
    """Return the plan of a run; then that of the contrast phase, where it is asked for.

    Raises
    ------
    DependencyError
        If TotalSegmentator, or what the contrast phase needs, is missing.
    """
    plan = make_plan(quality, extras)
    return (plan, check_phase()) if PHASE in extras else (plan,)


def with_phase(labelmap: Labelmap, result: Mapping[str, Any], version: str) -> Labelmap:
    """Add a contrast phase to what a label map says of its making, and a flag with its doubt.

    Parameters
    ----------
    labelmap
        Of the same scan.
    result
        Of the worker: `PHASE` as ``totalseg_get_phase`` gives it, or `WHY_NO_PHASE`; without either
        nothing was asked.
    version
        Of TotalSegmentator.

    Returns
    -------
    Labelmap
    """
    if why := result.get(WHY_NO_PHASE):
        return replace(labelmap, flags=(*labelmap.flags, flag("contrast_phase_missing", why)))
    if not (found := result.get(PHASE)):
        return labelmap
    seconds, low, high = (float(found[key]) for key in ("pi_time", "pi_time_min", "pi_time_max"))
    phase, certainty = str(found["phase"]), float(found["probability"])
    about = {
        "phase": phase,
        "certainty": certainty,
        "after_injection_s": seconds,
        "lowest_s": low,
        "highest_s": high,
        "sd_s": float(found["stddev"]),
        "by": f"TotalSegmentator {version}",
    }
    detail = (
        f"{phase.replace('_', ' ')}, {seconds:.0f} s after injection; its classifiers give "
        f"{low:.0f} to {high:.0f} s, its certainty of the phase is {100 * certainty:.0f} %"
    )
    return replace(
        labelmap,
        about={**labelmap.about, PHASE: about},
        flags=(*labelmap.flags, flag("contrast_phase", detail)),
    )
