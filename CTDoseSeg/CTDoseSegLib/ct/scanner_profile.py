"""What a medical physicist measured on one scanner, in a small file, and how it changes a scan.

The profile narrows what is else assumed of any scanner: how far the displayed CTDIvol may be off,
how much a spiral overranges, and what dose an mAs gives.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import AcquisitionError, Flag, flag
from .acquisition import read_json_object
from .series import CTSeries

GENERIC_NAME = "generic"
# A yearly check that may come half a year late.
VALID_DAYS = 548
_SAME_KVP = 0.5
_TEXTS = ("manufacturer", "model", "station", "serial")
# Lowest and highest value that a scanner can have.
_POSSIBLE = {"ctdivol_check_ratio": (0.5, 2.0), "overranging_mm": (0.0, 300.0)}
_KVP, _NCTDIW = (40.0, 200.0), (0.1, 100.0)
_KEYS = (*_TEXTS, *_POSSIBLE, "ctdivol_check_date", "nctdiw_mGy_per_100mAs")


@dataclass(frozen=True)
class ScannerProfile:
    """A scanner's own numbers; None is "not measured".

    Attributes
    ----------
    manufacturer, model
        As the images state them.
    station, serial
        Station name and device serial number, to tell apart scanners of one model; compared with
        the images and never written into a result.
    ctdivol_check_ratio
        CTDIvol measured over CTDIvol displayed, 32 cm phantom.
    ctdivol_check_date
        Day of that measurement.
    overranging_mm
        Length irradiated beyond a spiral's planned range, both ends together.
    nctdiw_mGy_per_100mAs
        Tube voltage (kV) to weighted CTDI per 100 mAs in the 32 cm phantom, with the collimation
        and filter of body scans.
    """

    manufacturer: str
    model: str
    station: str | None = None
    serial: str | None = None
    ctdivol_check_ratio: float | None = None
    ctdivol_check_date: datetime.date | None = None
    overranging_mm: float | None = None
    nctdiw_mGy_per_100mAs: Mapping[float, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scanner:
    """What of a profile holds for one scan; without a profile `name` is ``generic``.

    Attributes
    ----------
    ctdivol_ratio
        The CTDIvol of the series was multiplied by it; None where it was not.
    ctdivol_check_date
        Day of the check, ISO 8601.
    ctdivol_checked
        True where the check is at most 18 months from `compared_with`.
    compared_with
        ``scan`` or, where the scan's date is not known, ``analysis``.
    overranging_mm
        In all.
    nctdiw_mGy_per_100mAs
        At the scan's tube voltage.
    device_checked
        True where station or serial number of profile and images agree.
    flags
        What was done, and what could not be.
    """

    name: str = GENERIC_NAME
    ctdivol_ratio: float | None = None
    ctdivol_check_date: str | None = None
    ctdivol_checked: bool = False
    compared_with: str | None = None
    overranging_mm: float | None = None
    nctdiw_mGy_per_100mAs: float | None = None
    device_checked: bool = False
    flags: tuple[Flag, ...] = ()


GENERIC = Scanner()


def read_scanner_profile(path: str | Path) -> ScannerProfile:
    """Read a profile from a JSON object with the fields of `ScannerProfile`.

    Raises
    ------
    AcquisitionError
        If the file is not such an object, or a key is unknown, missing or impossible; the sentence
        names the key.
    """
    return check_profile(read_json_object(path))


def check_profile(values: Mapping[str, Any]) -> ScannerProfile:
    """Check a profile's values; see `read_scanner_profile`."""
    given = {key: value for key, value in values.items() if value is not None}
    for key in given:
        if key not in _KEYS:
            raise AcquisitionError(
                f"{key} is not a value of a scanner profile; known are {', '.join(_KEYS)}."
            )
    for key in ("manufacturer", "model"):
        if key not in given:
            raise AcquisitionError(f"The scanner profile has no {key}; add it as in the images.")
    both = ("ctdivol_check_ratio", "ctdivol_check_date")
    if len(missing := [key for key in both if key not in given]) == 1:
        raise AcquisitionError(
            f"The scanner profile has no {missing[0]}; a check has a ratio and a date."
        )
    checked = {
        **{key: _text(key, given[key]) for key in _TEXTS if key in given},
        **{key: _number(key, given[key], _POSSIBLE[key]) for key in _POSSIBLE if key in given},
    }
    if "ctdivol_check_date" in given:
        checked["ctdivol_check_date"] = _date(given["ctdivol_check_date"])
    if "nctdiw_mGy_per_100mAs" in given:
        checked["nctdiw_mGy_per_100mAs"] = _by_kvp(given["nctdiw_mGy_per_100mAs"])
    return ScannerProfile(**checked)


def with_profile(
    series: CTSeries, profile: ScannerProfile, today: datetime.date | None = None
) -> tuple[CTSeries, Scanner]:
    """`series` with CTDIvol and DLP corrected by a profile, and what of the profile holds for it.

    Parameters
    ----------
    series
        Its make and model must be the profile's. CTDIvol, also one that was typed, is taken as the
        one displayed.
    profile
        Of the scanner that made it.
    today
        Compared with the date of the check where the scan's own date is not known.

    Raises
    ------
    AcquisitionError
        If the images state another make, model, station or serial number.
    """
    acquisition = series.acquisition
    if acquisition.manufacturer is None or acquisition.model is None:
        return series, Scanner(flags=(flag("scanner_profile_not_used"),))
    if not _same_scanner(profile, acquisition.manufacturer, acquisition.model):
        raise AcquisitionError(
            f"The scanner profile is of {profile.manufacturer} {profile.model}, the images are of "
            f"{acquisition.manufacturer} {acquisition.model}; give the profile of that scanner, or "
            "none."
        )
    device, scanned_on = _device(series)
    flags = list(_device_flags(profile, device))
    reference, compared_with = scanned_on or today or datetime.date.today(), "analysis"
    if scanned_on is not None:
        compared_with = "scan"
    ratio = profile.ctdivol_check_ratio
    if ratio is not None and acquisition.phantom_cm == 16:
        ratio = None
        flags.append(flag("scanner_profile_small_phantom"))
    checked = False
    if ratio is not None:
        days = abs((reference - profile.ctdivol_check_date).days)
        checked = days <= VALID_DAYS
        detail = f"times {ratio:g}, check of {profile.ctdivol_check_date.isoformat()}"
        flags.append(flag("ctdivol_corrected", detail))
        if not checked:
            flags.append(flag("scanner_check_old", f"{days} days from the {compared_with}"))
        series = _corrected(series, ratio)
    kvp = acquisition.kvp_kV
    nctdiw = [
        value
        for voltage, value in profile.nctdiw_mGy_per_100mAs.items()
        if kvp is not None and abs(voltage - kvp) <= _SAME_KVP
    ]
    date = profile.ctdivol_check_date
    scanner = Scanner(
        name=f"{profile.manufacturer} {profile.model}",
        ctdivol_ratio=ratio,
        ctdivol_check_date=date.isoformat() if date else None,
        ctdivol_checked=checked,
        compared_with=compared_with if date else None,
        overranging_mm=profile.overranging_mm,
        nctdiw_mGy_per_100mAs=nctdiw[0] if nctdiw else None,
        device_checked=any(
            getattr(profile, name) and device[name] for name in ("station", "serial")
        ),
        flags=tuple(flags),
    )
    return series, scanner


def _corrected(series: CTSeries, ratio: float) -> CTSeries:
    acquisition = series.acquisition
    sources = dict(acquisition.sources)
    changed = {}
    for name in ("ctdivol_mGy", "dlp_mGy_cm"):
        value = getattr(acquisition, name)
        if value is not None:
            changed[name] = value * ratio
    for name in (*changed, "ctdivol_mGy per slice"):
        if name in sources:
            sources[name] += f", times {ratio:g} by the scanner profile"
    slices = tuple(
        item if item.ctdivol_mGy is None else replace(item, ctdivol_mGy=item.ctdivol_mGy * ratio)
        for item in series.slices
    )
    acquisition = replace(acquisition, **changed, sources=sources)
    return replace(series, acquisition=acquisition, slices=slices)


def _same_scanner(profile: ScannerProfile, manufacturer: str, model: str) -> bool:
    """Makers by their first word (their names grow and shrink), models by letters and digits."""
    maker, stated = (_words(name)[:1] for name in (profile.manufacturer, manufacturer))
    return maker == stated and _words(profile.model) == _words(model)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _device(series: CTSeries) -> tuple[dict[str, str], datetime.date | None]:
    """Station name, serial number and date of a DICOM series, read when they are needed: they
    point to a place and a day, and are kept nowhere."""
    from .values import parse_errors

    nothing = {"station": "", "serial": ""}
    if not series.files or not series.files[0]:
        return nothing, None
    import pydicom

    tags = ["StationName", "DeviceSerialNumber", "AcquisitionDate", "StudyDate"]
    try:
        data = pydicom.dcmread(series.files[0], stop_before_pixels=True, specific_tags=tags)
        found = {tag: str(data.get(tag) or "").strip() for tag in tags}
    except parse_errors():
        return nothing, None
    device = {"station": found["StationName"], "serial": found["DeviceSerialNumber"]}
    for tag in ("AcquisitionDate", "StudyDate"):
        try:
            return device, datetime.datetime.strptime(found[tag][:8], "%Y%m%d").date()
        except ValueError:
            continue
    return device, None


def _device_flags(profile: ScannerProfile, device: Mapping[str, str]) -> list[Flag]:
    flags = []
    for name, stated in device.items():
        wanted = getattr(profile, name)
        if wanted and stated and _words(wanted) != _words(stated):
            raise AcquisitionError(
                f"The scanner profile is of another scanner of this model: its {name} is not that "
                "of the images; give the profile of that scanner, or none."
            )
        if wanted and not stated:
            flags.append(flag("scanner_device_unknown", name))
    return flags


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not _words(value):
        raise AcquisitionError(f"{key} is {value!r}; write text in quotation marks.")
    return " ".join(value.split())


def _number(key: str, value: Any, possible: tuple[float, float]) -> float:
    low, high = possible
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not low <= value <= high:
        raise AcquisitionError(f"{key} is {value!r}; write a number from {low:g} to {high:g}.")
    return float(value)


def _date(value: Any) -> datetime.date:
    try:
        date = datetime.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise AcquisitionError(
            f"ctdivol_check_date is {value!r}; write a date as 2026-01-31."
        ) from None
    if not datetime.date(1990, 1, 1) <= date <= datetime.date.today():
        raise AcquisitionError(f"ctdivol_check_date is {value!r}; write the day of the check.")
    return date


def _by_kvp(value: Any) -> dict[float, float]:
    key = "nctdiw_mGy_per_100mAs"
    if not isinstance(value, dict) or not value:
        raise AcquisitionError(f'{key} is {value!r}; write it by kV, as {{"120": 7.6}}.')
    found = {}
    for voltage, dose in value.items():
        try:
            kvp = float(voltage)
        except ValueError:
            kvp = math.nan
        if not _KVP[0] <= kvp <= _KVP[1]:
            raise AcquisitionError(f"{key} has the tube voltage {voltage!r}; write it in kV.")
        found[kvp] = _number(f"{key} at {kvp:g} kV", dose, _NCTDIW)
    return found
