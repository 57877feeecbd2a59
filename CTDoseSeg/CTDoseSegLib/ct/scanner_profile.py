"""What a medical physicist measured on one scanner, in a small file, and how it changes a scan.

The profile narrows what is else assumed of any scanner: how far the displayed CTDIvol may be off,
how much a spiral overranges, what dose an mAs gives, and what its beams are like.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import AcquisitionError
from ..flags import Flag
from .acquisition import read_json_object

GENERIC_NAME = "generic"
_TEXTS = ("manufacturer", "model", "station", "serial")
# Lowest and highest value that a scanner can have.
_POSSIBLE = {"ctdivol_check_ratio": (0.5, 2.0), "overranging_mm": (0.0, 300.0)}
_KVP, _NCTDIW = (40.0, 200.0), (0.1, 100.0)
_KEYS = (*_TEXTS, *_POSSIBLE, "ctdivol_check_date", "nctdiw_mGy_per_100mAs", "beams")
_PHANTOMS_CM = (16, 32)
# Numbers of a beam: 3 to 15 mm of aluminium are half-value layers with and without a tin filter.
_OF_A_BEAM = {
    "hvl_mm": (3.0, 15.0),
    "hvl_sd_mm": (0.0, 3.0),
    "bowtie_scale": (0.0, 10.0),
    "focus_isocentre_mm": (300.0, 1000.0),
}


@dataclass(frozen=True)
class MeasuredBeam:
    """A beam of the scanner, as `ctdoseseg commission` fits it to measured CTDI.

    Attributes
    ----------
    name
        Of its filter: ``body``, ``head``.
    phantom_cm
        CTDI phantom that goes with the filter, 16 or 32.
    bowtie
        Name of the published bowtie filter whose shape it has.
    bowtie_scale
        Its thickness over that of the published one.
    hvl_mm, hvl_sd_mm
        Half-value layer of the central ray at 120 kV in mm of aluminium, and its standard
        deviation.
    focus_isocentre_mm
        Distance of the focus from the axis of rotation.
    alternatives
        Other filters that fit the measurements nearly as well, with the factors on them.
    """

    name: str
    phantom_cm: int
    bowtie: str
    bowtie_scale: float
    hvl_mm: float
    hvl_sd_mm: float
    focus_isocentre_mm: float
    alternatives: Mapping[str, float] = field(default_factory=dict)


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
    beams
        For the Monte Carlo engine, one for each filter.
    """

    manufacturer: str
    model: str
    station: str | None = None
    serial: str | None = None
    ctdivol_check_ratio: float | None = None
    ctdivol_check_date: datetime.date | None = None
    overranging_mm: float | None = None
    nctdiw_mGy_per_100mAs: Mapping[float, float] = field(default_factory=dict)
    beams: tuple[MeasuredBeam, ...] = ()


@dataclass(frozen=True)
class Scanner:
    """What of a profile holds for one scan.

    Attributes
    ----------
    name
        Manufacturer and model; without a profile ``generic``.
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
        At the scan's tube voltage: the profile's or, where CTDIvol is not known, that of the model
        (`measurement.ctdi_per_mas`).
    nctdiw_log_sd
        Standard deviation of ln(`nctdiw_mGy_per_100mAs`) of the model; None for the profile's.
    nctdiw_source
        Where the model's value comes from; None for the profile's.
    device_checked
        True where station or serial number of profile and images agree.
    flags
        What was done, and what could not be.
    beams
        Measured beams of the profile.
    """

    name: str = GENERIC_NAME
    ctdivol_ratio: float | None = None
    ctdivol_check_date: str | None = None
    ctdivol_checked: bool = False
    compared_with: str | None = None
    overranging_mm: float | None = None
    nctdiw_mGy_per_100mAs: float | None = None
    nctdiw_log_sd: float | None = None
    nctdiw_source: str | None = None
    device_checked: bool = False
    flags: tuple[Flag, ...] = ()
    beams: tuple[MeasuredBeam, ...] = ()


GENERIC = Scanner()


def read_scanner_profile(path: str | Path) -> ScannerProfile:
    """Read a profile from a JSON object with the fields of `ScannerProfile`.

    Parameters
    ----------
    path
        JSON file, UTF-8.

    Returns
    -------
    ScannerProfile
        The values, checked.

    Raises
    ------
    AcquisitionError
        If the file is not such an object, or a key is unknown, missing or impossible; the sentence
        names the key.

    Examples
    --------
    >>> from pathlib import Path
    >>> text = '{"manufacturer": "SIEMENS", "model": "SOMATOM Force", "overranging_mm": 40}'
    >>> _ = Path("scanner.json").write_text(text)
    >>> read_scanner_profile("scanner.json").overranging_mm
    40.0
    """
    return check_profile(read_json_object(path))


def check_profile(values: Mapping[str, Any]) -> ScannerProfile:
    """Check a profile's values, as `read_scanner_profile` reads them.

    Parameters
    ----------
    values
        Fields of `ScannerProfile` by name; None counts as absent.

    Returns
    -------
    ScannerProfile

    Raises
    ------
    AcquisitionError
        If a name is unknown, missing or its value impossible; the sentence names it.
    """
    stated = {key: value for key, value in values.items() if value is not None}
    for key in stated:
        if key not in _KEYS:
            raise AcquisitionError(
                f"{key} is not a value of a scanner profile; known are {', '.join(_KEYS)}."
            )
    for key in ("manufacturer", "model"):
        if key not in stated:
            raise AcquisitionError(f"The scanner profile has no {key}; add it as in the images.")
    both = ("ctdivol_check_ratio", "ctdivol_check_date")
    if len(missing := [key for key in both if key not in stated]) == 1:
        raise AcquisitionError(
            f"The scanner profile has no {missing[0]}; a check has a ratio and a date."
        )
    texts = {key: _text(key, stated[key]) for key in _TEXTS if key in stated}
    numbers = {key: _number(key, stated[key], _POSSIBLE[key]) for key in _POSSIBLE if key in stated}
    date, nctdiw = stated.get("ctdivol_check_date"), stated.get("nctdiw_mGy_per_100mAs")
    return ScannerProfile(
        manufacturer=texts["manufacturer"],
        model=texts["model"],
        station=texts.get("station"),
        serial=texts.get("serial"),
        ctdivol_check_ratio=numbers.get("ctdivol_check_ratio"),
        ctdivol_check_date=None if date is None else _date(date),
        overranging_mm=numbers.get("overranging_mm"),
        nctdiw_mGy_per_100mAs={} if nctdiw is None else _by_kvp(nctdiw),
        beams=_beams(stated.get("beams", [])),
    )


def words(text: str) -> list[str]:
    """Return the words of a name in lower case, without punctuation."""
    return re.findall(r"[a-z0-9]+", text.lower())


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not words(value):
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
    by_kvp: dict[float, float] = {}
    for voltage, dose in value.items():
        try:
            kvp = float(voltage)
        except ValueError:
            kvp = math.nan
        if not _KVP[0] <= kvp <= _KVP[1]:
            raise AcquisitionError(f"{key} has the tube voltage {voltage!r}; write it in kV.")
        by_kvp[kvp] = _number(f"{key} at {kvp:g} kV", dose, _NCTDIW)
    return by_kvp


def _beams(values: Any) -> tuple[MeasuredBeam, ...]:
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise AcquisitionError(f"beams is {values!r}; write a list of objects, one for each beam.")
    beams = tuple(_beam(number, value) for number, value in enumerate(values, start=1))
    for number, beam in enumerate(beams):
        if beam.name in [other.name for other in beams[:number]]:
            raise AcquisitionError(f"beams has the name {beam.name!r} twice; give each its own.")
    return beams


def _beam(number: int, value: Mapping[str, Any]) -> MeasuredBeam:
    keys = {"name", "phantom_cm", "bowtie", *_OF_A_BEAM}
    for key in sorted(keys ^ (set(value) - {"alternatives"})):
        what = "has no" if key in keys else "has an unknown value"
        raise AcquisitionError(
            f"beam {number} {what} {key}; a beam has {', '.join(sorted(keys))} "
            "(ctdoseseg commission writes them)."
        )
    if value["phantom_cm"] not in _PHANTOMS_CM:
        raise AcquisitionError(
            f"phantom_cm of beam {number} is {value['phantom_cm']!r}; write 16 or 32."
        )
    numbers = {
        key: _number(f"{key} of beam {number}", value[key], possible)
        for key, possible in _OF_A_BEAM.items()
    }
    scales, others = _OF_A_BEAM["bowtie_scale"], value.get("alternatives", {})
    if not isinstance(others, dict):
        raise AcquisitionError(f"alternatives of beam {number} must be an object by filter.")
    return MeasuredBeam(
        name=_text(f"name of beam {number}", value["name"]),
        phantom_cm=int(value["phantom_cm"]),
        bowtie=_text(f"bowtie of beam {number}", value["bowtie"]),
        alternatives={
            name: _number(f"{name} of beam {number}", other, scales)
            for name, other in others.items()
        },
        **numbers,
    )
