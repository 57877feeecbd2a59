"""The exposure of each slice by its header (tube current, mAs, CTDIvol), and over what range."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ..ct.series import SliceInfo
from ..flags import FLAGS, flag, slice_runs
from .outlying_slices import mean_changes_by, outlying_slices, two_beside
from .rotation_time import LONGEST_ROTATION_S, exposures, tube_currents
from .tag_values import TagValues, exposure_item

# Exposure as written may differ from mA x rotation time / pitch by this fraction (its rounding).
EXPOSURE_TOLERANCE = 0.05
_LONGEST_SCAN_MM = 2500
# What occurs: two tubes together reach 2,600 mA; a perfusion study reaches some 1,000 mGy.
TUBE_CURRENT_MA = (1.0, 5000.0)
CTDIVOL_MGY = (0.01, 5000.0)
# Modulation changes the tube current over centimetres, not by this factor from slice to slice.
LEAP = 8.0
_MOST_NAMED = 3
# Rotation time / pitch of spirals without a stated pitch: 0.5 s at pitch 0.2 is slower than most.
_LONGEST_WITHOUT_PITCH_S = 3.0
# Beyond this distance of slices a value says little about that of the next one.
_SMOOTH_OVER_MM = 20.0

_Column = list[float | None]


def gather_slices(gathered: TagValues, z_mm: Sequence[float]) -> tuple[SliceInfo, ...]:
    """Gather what holds for each slice, after rotation time and pitch; return the slices."""
    current, current_source = tube_currents(gathered)
    written, written_source = exposures(gathered)
    ctdivol, ctdivol_source = gathered.per_slice(("CTDIvol", 1.0))
    _take_out_implausible(gathered, "tube current", current, "mA", TUBE_CURRENT_MA)
    _take_out_implausible(gathered, "CTDIvol", ctdivol, "mGy", CTDIVOL_MGY)
    if len(z_mm) > 1 and np.median(np.abs(np.diff(z_mm))) <= _SMOOTH_OVER_MM:
        _flag_outlying(gathered, "tube_current_outlying", "mA", current, (written, ctdivol))
        _flag_outlying(gathered, "ctdivol_outlying", "mGy", ctdivol, (written, current))
    for name, values, source in (
        ("tube_current_mA", current, current_source),
        ("exposure_mAs", written, written_source),
    ):
        if any(value is not None for value in values):
            gathered.sources[name] = source
    if missing := sum(value is None for value in current):
        gathered.flags.append(flag("tube_current_missing", f"{missing} of {len(current)} slices"))
    effective = _effective_mAs(gathered, current, written)
    _gather_ctdivol(gathered, ctdivol, ctdivol_source, current)
    return tuple(
        SliceInfo(
            z_mm=z,
            slice_location_mm=header.number("SliceLocation"),
            tube_current_mA=current[k],
            exposure_mAs=written[k],
            effective_mAs=effective[k],
            ctdivol_mGy=ctdivol[k],
            thickness_mm=header.number("SliceThickness"),
        )
        for k, (header, z) in enumerate(zip(gathered.headers, z_mm, strict=True))
    )


def _take_out_implausible(
    gathered: TagValues, name: str, values: _Column, unit: str, span: tuple[float, float]
) -> None:
    """Make values unknown, with a flag, that no scanner has or that leap in a single slice."""
    low, high = span
    odd = [
        k
        for k, value in enumerate(values)
        if value is not None and (not low <= value <= high or _leaps(values, k))
    ]
    if odd:
        detail = f"{name} {values[odd[0]]:g} {unit} in {len(odd)} of {len(values)} slices"
        gathered.flags.append(flag("tags_implausible", detail))
    for k in odd:
        values[k] = None


def _flag_outlying(
    gathered: TagValues, code: str, unit: str, values: _Column, witnesses: tuple[_Column, ...]
) -> None:
    """Flag values far from those of the slices beside them, with what they do to the mean."""
    if outlying := outlying_slices(values, witnesses):
        shown = ", ".join(f"{values[k]:g} {unit}" for k in outlying[:_MOST_NAMED])
        percent = f"{100 * mean_changes_by(values, outlying):+.1f} %"
        detail = f"{shown} in slices {slice_runs(outlying)}"
        consequence = (
            f"they change the mean over the slices by {percent}; {FLAGS[code].consequence}"
        )
        gathered.flags.append(flag(code, detail, consequence=consequence))


def _leaps(values: _Column, k: int) -> bool:
    """Return whether a slice's value is far above or far below those of its two nearest slices."""
    value, beside = values[k], two_beside(values, k)
    if value is None or len(values) < 4 or not beside:
        return False
    return value > LEAP * max(beside) or value < min(beside) / LEAP


def gather_irradiated_range(gathered: TagValues, z_mm: Sequence[float]) -> None:
    """Gather it from ScanLength, which is how long but not where: centred on the images.

    It is the size of what was imaged in the direction of the scan (DICOM PS3.3, Table C.8-9): the
    overranging is not in it.
    """
    length, source = gathered.common(("ScanLength", 1.0))
    low, high = min(z_mm), max(z_mm)
    if length is not None and high - low <= length <= _LONGEST_SCAN_MM:
        middle = (low + high) / 2
        span = (middle - length / 2, middle + length / 2)
        gathered.put("irradiated_range_mm", span, f"computed: {source} centred on the images")
    else:
        gathered.flags.append(flag("irradiated_range_unknown"))


def _effective_mAs(gathered: TagValues, current: _Column, written: _Column) -> _Column:
    """Return mA x rotation time / pitch; without these the mAs of Siemens or Philips as written."""
    rotation, pitch = gathered.values.get("rotation_time_s"), gathered.values.get("pitch")
    if rotation and pitch:
        effective = [None if value is None else value * rotation / pitch for value in current]
        gathered.sources["effective_mAs"] = "computed: mA x rotation time / pitch"
        pairs = [(e, w) for e, w in zip(effective, written, strict=True) if e and w]
        off = float(np.median([abs(w / e - 1) for e, w in pairs])) if pairs else 0.0
        if off > EXPOSURE_TOLERANCE:
            gathered.flags.append(flag("exposure_disagrees", f"by {100 * off:.0f} %"))
        return effective
    of_rotation = _of_one_rotation(current, written, pitch)
    if any(written) and of_rotation and re.search("SIEMENS|PHILIPS", gathered.maker):
        source = gathered.sources["exposure_mAs"]
        gathered.sources["effective_mAs"] = f"{source}, effective by its maker"
        return list(written)
    gathered.flags.append(flag("effective_mas_unknown", _not_a_rotation(gathered, of_rotation)))
    return [None] * len(current)


def _of_one_rotation(current: _Column, written: _Column, pitch: float | None) -> bool:
    """Return whether mAs as written can be those of one rotation, and not of the whole scan."""
    seconds = [w / c for w, c in zip(written, current, strict=True) if w and c]
    longest = LONGEST_ROTATION_S / pitch if pitch else _LONGEST_WITHOUT_PITCH_S
    return not seconds or float(np.median(seconds)) <= longest


def _not_a_rotation(gathered: TagValues, of_rotation: bool) -> str:
    """Return which tag is there and was not taken for the rotation time; empty where none is."""
    if "rotation_time_s" in gathered.values:
        return ""
    times, source = gathered.per_slice(("ExposureTime", 1.0), ("ExposureTimeInms", 1.0))
    known = [time for time in times if time]
    detail = (
        f"exposure time, {source}, is {known[0]:g} ms and need not be one rotation" if known else ""
    )
    return detail if of_rotation else f"{detail}; Exposure is that of the whole scan".lstrip("; ")


def _gather_ctdivol(gathered: TagValues, ctdivol: _Column, source: str, current: _Column) -> None:
    """Gather the scan's CTDIvol from that of its slices."""
    zero = any(
        "CTDIvol" in header.values or "CTDIvol" in exposure_item(header)
        for header, value in zip(gathered.headers, ctdivol, strict=True)
        if value is None
    )
    known = [value for value in ctdivol if value is not None]
    if missing := len(ctdivol) - len(known):
        detail = f"{missing} of {len(ctdivol)} slices" if missing < len(ctdivol) else "all slices"
        gathered.flags.append(flag("ctdivol_missing", f"0 in {detail}" if zero else detail))
    if not known:
        return
    same = max(known) - min(known) <= 1e-6 * max(known)
    if same:
        gathered.put("ctdivol_mGy", known[0], source)
    else:
        gathered.put("ctdivol_mGy", float(np.mean(known)), f"computed: mean of {source}")
    gathered.sources["ctdivol_mGy per slice"] = source
    known_mA = [value for value in current if value is not None]
    if known_mA and max(known_mA) > 1.02 * min(known_mA):
        gathered.put("ctdivol_is_scan_mean", same, f"computed: {source} against tube current")
