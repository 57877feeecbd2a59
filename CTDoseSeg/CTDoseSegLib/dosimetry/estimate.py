"""Ask a dose engine for a scan, and check what it returns before anybody shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from numbers import Real

import numpy as np

from ..errors import CTDoseSegError, DoseEngineError
from ..flags import Flag, flag, organ_place
from ..segmentation.labelmap import SKIN
from ..tasks.progress import Progress
from .dose_map import DoseMap
from .doses import IN_BONES, DoseResult, OrganDose
from .engines import DoseEngine
from .peak_skin_dose import PeakSkinDose
from .scan import Scan, cut_by_field, touches_an_end

_NUMBERS = (
    *("dose_mGy", "model_low_mGy", "model_high_mGy", "total_low_mGy", "total_high_mGy"),
    *("dose_slice_mean_mGy", "volume_ml", "coverage", "seen_mass_g", "missing_mass_g"),
    *("whole_organ_dose_mGy", "whole_organ_low_mGy", "whole_organ_high_mGy"),
    "iodine_free_dose_mGy",
)
# They say what a dose or its interval allows for, and nothing where no organ has a dose.
_OF_DOSES = {
    *("age_unknown", "tube_voltage_unknown", "tube_voltage_outside", "unusual_beam"),
    "dose_range_unknown",
    *("ctdivol_phantom_assumed", "mas_only", "mas_by_profile", "mas_by_table"),
    *("contrast", "contrast_unseen", "contrast_by_hu"),
    *("published_tube_voltage", "published_edge_of_trunk", "published_protocol"),
    *("published_no_interval", "published_slice_mean"),
}


def estimate(engine: DoseEngine, scan: Scan, progress: Progress | None = None) -> DoseResult:
    """Return the organ doses of a scan by an engine, checked, each flag of an organ at its place.

    Parameters
    ----------
    engine
        Any dose engine.
    scan
        What it is asked for.
    progress
        Takes progress; may cancel.

    Returns
    -------
    DoseResult
        As the engine gave it, after the checks, with a flag on every organ that the images cut;
        without doses where the CT is not in HU, and without what is said of doses where no organ
        has one.

    Raises
    ------
    DoseEngineError
        If the engine cannot run on this scan, fails, or returns what no dose can be; the sentence
        names it. Errors that it raises on purpose (`CTDoseSegError`) stay as they are.
    """
    able, reason = available(engine, scan)
    if not able:
        raise DoseEngineError(
            f"The dose engine {engine.name} cannot be used: {reason.rstrip('.')}. Choose another "
            "dose engine."
        )
    with _named(engine):
        result = engine.estimate(scan, progress or Progress())
    if problem := next(_problems(result, scan), ""):
        raise DoseEngineError(
            f"The dose engine {engine.name} gave no usable result: {problem}; correct the engine, "
            "or choose another one."
        )
    if scan.series.not_hu:
        result = _withheld(result, scan)
    organs = tuple(_placed(_cut(organ, scan)) for organ in result.organs)
    return replace(result, organs=organs, flags=tuple(_of_what_is_there(result)))


def available(engine: DoseEngine, scan: Scan) -> tuple[bool, str]:
    """Return whether an engine can run on a scan, and why not.

    Raises
    ------
    DoseEngineError
        If the engine fails to answer.
    """
    with _named(engine):
        able, reason = engine.available(scan)
        return bool(able), str(reason)


@contextmanager
def _named(engine: DoseEngine) -> Iterator[None]:
    """Turn what an engine did not raise on purpose into one sentence that names it."""
    try:
        yield
    except (CTDoseSegError, MemoryError):
        raise
    except Exception as error:
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise DoseEngineError(
            f"The dose engine {engine.name} failed ({cause}); choose another dose engine."
        ) from error


def _withheld(result: DoseResult, scan: Scan) -> DoseResult:
    """Return the result without its doses and what else an engine made of values that are no HU."""
    organs = tuple(
        scan.without_dose(organ.organ, scan.series.not_hu, organ.region) for organ in result.organs
    )
    return replace(
        result, organs=organs, flags=(), dose_map=None, peak_skin_dose=None, skin_dose=None
    )


def _of_what_is_there(result: DoseResult) -> Iterator[Flag]:
    """Yield the flags of a result, but not those of doses where there is none."""
    dosed = result.dose_map is not None or any(o.dose_mGy is not None for o in result.organs)
    for one in result.flags:
        if dosed:
            yield one
        elif one.code == "pregnancy":
            alone = "for the unborn child there is that of the uterus region alone"
            yield flag(one.code, one.detail, consequence=alone)
        elif one.code not in _OF_DOSES:
            yield one


def _cut(organ: OrganDose, scan: Scan) -> OrganDose:
    """Return an organ with the flag of its coverage; skin goes on beyond the images of any scan."""
    whole = organ.coverage is not None and organ.coverage >= 1.0
    if (
        whole
        or organ.organ in (SKIN, *IN_BONES)
        or any(one.code == "organ_cut" for one in organ.flags)
    ):
        return organ
    occupied = scan.measurements.occupied(organ.organ)
    if cut_by_field(scan.labelmap, organ.organ) and not touches_an_end(scan.series.z_mm, occupied):
        return organ
    without = "its volume and HU are those of the part in the images"
    cut = flag("organ_cut", consequence="" if organ.dose_mGy is not None else without)
    return replace(organ, flags=(*organ.flags, cut))


def _placed(organ: OrganDose) -> OrganDose:
    place = organ_place(organ.organ)
    return replace(organ, flags=tuple(entry.at(place) for entry in organ.flags))


def _problems(result: object, scan: Scan) -> Iterator[str]:
    """Yield what is wrong with the result of an engine."""
    if not isinstance(result, DoseResult):
        yield f"it returned {type(result).__name__}, not a DoseResult"
        return
    if not isinstance(result.organs, tuple) or not _are_flags(result.flags):
        yield "its organs and flags must be tuples of OrganDose and of Flag"
        return
    if not isinstance(result.model_card, Mapping):
        yield f"its model_card is {type(result.model_card).__name__}, not a mapping"
    if result.dose_map is not None and not isinstance(result.dose_map, DoseMap):
        yield f"its dose_map is {type(result.dose_map).__name__}, not a DoseMap"
    peak = result.peak_skin_dose
    if peak is not None and not isinstance(peak, PeakSkinDose):
        yield f"its peak_skin_dose is {type(peak).__name__}, not a PeakSkinDose"
    seen = set()
    for organ in result.organs:
        if not isinstance(organ, OrganDose):
            yield f"among its organs is {type(organ).__name__}, not an OrganDose"
            return
        if (organ.organ, organ.region) in seen:
            yield f"{organ.organ} is in it twice"
        seen.add((organ.organ, organ.region))
        yield from _organ_problems(organ, scan)


def _organ_problems(organ: OrganDose, scan: Scan) -> Iterator[str]:
    name = organ.organ
    if name not in scan.labelmap.groups and name not in IN_BONES:
        yield f"{name} is no organ of the label map"
    numbers = {field: getattr(organ, field) for field in _NUMBERS}
    numbers |= {f"by_route {key}": value for key, value in organ.by_route.items()}
    numbers |= {f"budget {key}": value for key, value in organ.budget.items()}
    for field, value in numbers.items():
        if value is not None and not _is_possible(value):
            yield f"{field} of {name} is {value!r}"
    if not _are_flags(organ.flags):
        yield f"the flags of {name} must be a tuple of Flag"
    elif organ.dose_mGy is None and not organ.flags:
        yield f"{name} has neither a dose nor a flag with the reason"
    doses, count = organ.slice_dose_mGy, len(scan.series.slices)
    if not isinstance(doses, np.ndarray) or doses.shape != (count,) or doses.dtype.kind != "f":
        yield f"slice_dose_mGy of {name} must be an array of {count} numbers"
    elif np.isinf(doses).any():
        yield f"slice_dose_mGy of {name} is infinite on some slice"


def _is_possible(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) < np.inf


def _are_flags(flags: object) -> bool:
    return isinstance(flags, tuple) and all(isinstance(entry, Flag) for entry in flags)
