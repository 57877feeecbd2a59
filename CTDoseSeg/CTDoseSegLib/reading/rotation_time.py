"""The time of one rotation, from tags that mean it; ExposureTime is it for some makers only.

PS3.3 C.8.15.3.8.1 wants rotation time / pitch in ExposureTime (0018,1150) of a spiral. Philips
follows it (Ingenuity CT: 1277 ms at 0.5 s and pitch 0.391). Siemens writes the rotation time
(615 mA x 0.33 s / 0.8 = 253 mAs as written), Toshiba too (Aquilion ONE: 350 and 500 ms at 0.35 and
0.5 s whatever the pitch). GE writes the time that the tube was on (LightSpeed 16: 1325 ms at 0.8 s,
and its conformance statement), which may be that of the whole scan.
"""

from __future__ import annotations

import re

from .tag_values import TagValues

# No scanner turns faster, or slower in a spiral; axial scans took up to 4 s.
LONGEST_ROTATION_S = 2.0
_SPIRAL_S = (0.2, LONGEST_ROTATION_S)
STATED_ROTATION_S = (0.2, 4.0)
# Rotation times of Siemens and Philips: where Exposure does not confirm one.
_BY_MAKER_S = (0.25, 1.5)
# Exposure is written in whole mAs, and tube current rounded too.
_RELATIVE, _ABSOLUTE_MAS = 0.03, 1.0
# Of the slices, those that must fit: the first and last of a scan may be written otherwise.
_MOST = 0.9
_SAME = 1.05

_SOURCES = {
    "rotation": "image (0018,1150)",
    "rotation / pitch": "computed: exposure time (0018,1150) x pitch",
}


def rotation_time_s(gathered: TagValues) -> tuple[float | None, str]:
    """Return the rotation time of a series and its source, after its pitch was gathered.

    RevolutionTime (0018,9305), else ExposureTime where Exposure (0018,1152) shows what it means, or
    where its maker's habit is known and nothing contradicts it.

    Parameters
    ----------
    gathered
        Values of the series, the pitch among them where it is known.

    Returns
    -------
    seconds : float or None
        None where no tag states it.
    source : str
    """
    stated, source = gathered.common(("RevolutionTime", 1.0))
    if stated is not None:
        return (stated, source) if _within(stated, STATED_ROTATION_S) else (None, "")
    time, _ = gathered.common(("ExposureTime", 1e-3), ("ExposureTimeInms", 1e-3))
    if time is None or gathered.maker.startswith("GE"):
        return None, ""
    pitch = gathered.values.get("pitch")
    by_meaning = {"rotation": time, "rotation / pitch": time * pitch if pitch else None}
    meaning = _meaning_by_exposure(gathered, time, pitch) or _meaning_by_maker(gathered, by_meaning)
    return (by_meaning[meaning], _SOURCES[meaning]) if meaning else (None, "")


def _meaning_by_exposure(gathered: TagValues, time_s: float, pitch: float | None) -> str | None:
    """Return what ExposureTime is where tube current, Exposure and pitch agree about it."""
    if not pitch:
        return None
    fitting = {}
    if _fits(gathered, time_s / pitch):  # Exposure is the effective mAs
        fitting["rotation"] = time_s
    if _fits(gathered, time_s):  # Exposure is tube current x ExposureTime, whatever that is
        if re.search("TOSHIBA|CANON", gathered.maker):
            fitting["rotation"] = time_s
        else:
            fitting["rotation / pitch"] = time_s * pitch
    fitting = {name: value for name, value in fitting.items() if _within(value, _SPIRAL_S)}
    if not fitting or max(fitting.values()) > _SAME * min(fitting.values()):
        return None
    return next(iter(fitting))


def _meaning_by_maker(gathered: TagValues, by_meaning: dict[str, float | None]) -> str | None:
    """Return what ExposureTime is by its maker alone.

    Philips' Exposure is tube current x ExposureTime in any scan, so that one which does not fit
    leaves both in doubt. That of Siemens may be of another kind, and is flagged where it differs.
    """
    meaning = None
    if "SIEMENS" in gathered.maker:
        meaning = "rotation"
    elif "PHILIPS" in gathered.maker:
        unconfirmed = not any(exposures(gathered)[0])
        if unconfirmed or _fits(gathered, by_meaning["rotation"] or 0.0):
            meaning = "rotation / pitch"
    return meaning if meaning and _within(by_meaning[meaning], _BY_MAKER_S) else None


def tube_currents(gathered: TagValues) -> tuple[list[float | None], str]:
    """Return tube current of each slice in mA, and its source."""
    return gathered.per_slice(
        ("XRayTubeCurrent", 1.0), ("XRayTubeCurrentInmA", 1.0), ("XRayTubeCurrentInuA", 1e-3)
    )


def exposures(gathered: TagValues) -> tuple[list[float | None], str]:
    """Return Exposure of each slice in mAs, as written, and its source."""
    return gathered.per_slice(("Exposure", 1.0), ("ExposureInmAs", 1.0), ("ExposureInuAs", 1e-3))


def _fits(gathered: TagValues, seconds: float) -> bool:
    """Return whether Exposure is tube current x `seconds` on nearly all slices that have both."""
    (currents, _), (written_mAs, _) = tube_currents(gathered), exposures(gathered)
    pairs = [
        (current * seconds, written)
        for current, written in zip(currents, written_mAs, strict=True)
        if current and written
    ]
    fitting = [abs(c - w) <= _RELATIVE * w + _ABSOLUTE_MAS for c, w in pairs]
    return bool(pairs) and sum(fitting) >= _MOST * len(pairs)


def _within(value: float | None, span: tuple[float, float]) -> bool:
    return value is not None and span[0] <= value <= span[1]
