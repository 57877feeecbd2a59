"""CTDI that was measured on a scanner, as `ctdoseseg commission` takes it: a small JSON file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...ct.acquisition import read_json_object
from ...errors import AcquisitionError
from .ctdi import PHANTOMS_CM
from .spectra import LEAST_KV, MOST_KV

CENTRE, PERIPHERY, IN_AIR, HVL = "centre", "periphery", "in_air", "hvl"
# Key in the file, and its least and most value: mGy per 100 mAs, mm of aluminium.
_QUANTITIES = {
    "centre_mGy_per_100mAs": (CENTRE, 0.05, 200.0),
    "periphery_mGy_per_100mAs": (PERIPHERY, 0.05, 200.0),
    "in_air_mGy_per_100mAs": (IN_AIR, 0.2, 500.0),
    "hvl_mm": (HVL, 1.0, 15.0),
}
_IN_PHANTOM = (CENTRE, PERIPHERY)
_FILE_KEYS = {"manufacturer", "model", "focus_isocentre_mm", "relative_sd", "filters"}
_FILTER_KEYS = {"name", "phantom_cm", "measurements"}


@dataclass(frozen=True)
class Reading:
    """One measured number.

    Attributes
    ----------
    voltage_kV
        Tube voltage.
    quantity
        ``centre`` or ``periphery`` of a phantom, ``in_air`` (all CTDI100 in mGy per 100 mAs), or
        ``hvl`` (mm of aluminium).
    phantom_cm
        16 or 32; None without a phantom.
    value
        As measured.
    """

    voltage_kV: float
    quantity: str
    phantom_cm: int | None
    value: float

    @property
    def words(self) -> str:
        """What was measured, for people."""
        at = f"at {self.voltage_kV:g} kV"
        if self.quantity == HVL:
            return f"the half-value layer {at}"
        if self.quantity == IN_AIR:
            return f"CTDI in air {at}"
        return f"the {self.quantity} of the {self.phantom_cm} cm phantom {at}"

    @property
    def unit(self) -> str:
        """Of `value`."""
        return "mm Al" if self.quantity == HVL else "mGy per 100 mAs"


@dataclass(frozen=True)
class MeasuredFilter:
    """What was measured with one filter of a scanner.

    Attributes
    ----------
    name
        Of the filter.
    phantom_cm
        CTDI phantom that goes with it.
    readings
        In the order of the file.
    """

    name: str
    phantom_cm: int
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class MeasuredCTDI:
    """What was measured on a scanner.

    Attributes
    ----------
    manufacturer, model
        As the images state them.
    filters
        At least one.
    focus_isocentre_mm
        Distance of the focus from the axis of rotation.
    relative_sd
        Standard deviation of a reading over its value, from chamber, position and mAs.
    """

    manufacturer: str
    model: str
    filters: tuple[MeasuredFilter, ...]
    focus_isocentre_mm: float = 595.0
    relative_sd: float = 0.03


def read_measured_ctdi(path: str | Path) -> MeasuredCTDI:
    """Read measurements from a JSON file; see `check_measured_ctdi`."""
    return check_measured_ctdi(read_json_object(path))


def check_measured_ctdi(values: Mapping[str, Any]) -> MeasuredCTDI:
    """Check measurements of CTDI.

    Parameters
    ----------
    values
        manufacturer, model, filters; optional focus_isocentre_mm and relative_sd. Each filter has
        name, phantom_cm and measurements; each of these voltage_kV, and some of
        centre_mGy_per_100mAs and periphery_mGy_per_100mAs (with phantom_cm),
        in_air_mGy_per_100mAs, hvl_mm.

    Raises
    ------
    AcquisitionError
        If something is missing, unknown or impossible; the sentence names it.

    Examples
    --------
    >>> measured = check_measured_ctdi(
    ...     {
    ...         "manufacturer": "SIEMENS",
    ...         "model": "SOMATOM X",
    ...         "filters": [
    ...             {
    ...                 "name": "body",
    ...                 "phantom_cm": 32,
    ...                 "measurements": [
    ...                     {
    ...                         "voltage_kV": 120,
    ...                         "phantom_cm": 32,
    ...                         "centre_mGy_per_100mAs": 4.3,
    ...                         "periphery_mGy_per_100mAs": 7.8,
    ...                     }
    ...                 ],
    ...             }
    ...         ],
    ...     }
    ... )
    >>> [reading.words for reading in measured.filters[0].readings]
    ['the centre of the 32 cm phantom at 120 kV', 'the periphery of the 32 cm phantom at 120 kV']
    """
    _known("the measurements", values, _FILE_KEYS, {"manufacturer", "model", "filters"})
    entries = values["filters"]
    if not isinstance(entries, list) or not entries:
        raise AcquisitionError("filters must be a list with an object for each filter measured.")
    filters = tuple(_filter(number, entry) for number, entry in enumerate(entries, start=1))
    names = [one.name for one in filters]
    if len(set(names)) < len(names):
        raise AcquisitionError(f"two filters have one name ({', '.join(names)}); name them apart.")
    return MeasuredCTDI(
        _text("manufacturer", values["manufacturer"]),
        _text("model", values["model"]),
        filters,
        _number("focus_isocentre_mm", values.get("focus_isocentre_mm", 595.0), 300.0, 1000.0),
        _number("relative_sd", values.get("relative_sd", 0.03), 0.002, 0.3),
    )


def _filter(number: int, entry: Any) -> MeasuredFilter:
    where = f"filter {number}"
    _known(where, entry, _FILTER_KEYS, _FILTER_KEYS)
    name = _text(f"name of {where}", entry["name"])
    measurements = entry["measurements"]
    if not isinstance(measurements, list) or not measurements:
        raise AcquisitionError(f"measurements of {where} must be a list with one object or more.")
    readings: list[Reading] = []
    for place, measurement in enumerate(measurements, start=1):
        readings += _readings(f"measurement {place} of the filter {name}", measurement)
    for place, reading in enumerate(readings):
        if any(_same(reading, other) for other in readings[:place]):
            raise AcquisitionError(
                f"{reading.words} stands twice for the filter {name}; give the mean."
            )
    if not any(reading.quantity in _IN_PHANTOM for reading in readings):
        raise AcquisitionError(
            f"the filter {name} has no CTDI in a phantom; measure centre and periphery of one."
        )
    return MeasuredFilter(name, _phantom(where, entry["phantom_cm"]), tuple(readings))


def _readings(where: str, measurement: Any) -> list[Reading]:
    _known(where, measurement, {"voltage_kV", "phantom_cm", *_QUANTITIES}, {"voltage_kV"})
    voltage = _number(f"voltage_kV of {where}", measurement["voltage_kV"], LEAST_KV, MOST_KV)
    readings = []
    for key, (quantity, low, high) in _QUANTITIES.items():
        if key not in measurement:
            continue
        phantom_cm = None
        if quantity in _IN_PHANTOM:
            phantom_cm = _phantom(where, measurement.get("phantom_cm"))
        value = _number(f"{key} of {where}", measurement[key], low, high)
        readings.append(Reading(voltage, quantity, phantom_cm, value))
    if not readings:
        raise AcquisitionError(f"{where} has no value; give one of {', '.join(_QUANTITIES)}.")
    return readings


def _same(one: Reading, other: Reading) -> bool:
    return (one.voltage_kV, one.quantity, one.phantom_cm) == (
        other.voltage_kV,
        other.quantity,
        other.phantom_cm,
    )


def _known(where: str, values: Any, keys: set[str], needed: set[str]) -> None:
    if not isinstance(values, Mapping):
        raise AcquisitionError(f"{where} must be an object with {', '.join(sorted(needed))}.")
    for key in values:
        if key not in keys:
            raise AcquisitionError(
                f"{key} is not a value of {where}; known are {', '.join(sorted(keys))}."
            )
    for key in sorted(needed):
        if key not in values:
            raise AcquisitionError(f"{where} lacks {key}; add it.")


def _phantom(where: str, value: Any) -> int:
    if value not in PHANTOMS_CM or isinstance(value, bool):
        raise AcquisitionError(f"phantom_cm of {where} is {value!r}; write 16 or 32.")
    return int(value)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise AcquisitionError(f"{key} is {value!r}; write text in quotation marks.")
    return " ".join(value.split())


def _number(key: str, value: Any, low: float, high: float) -> float:
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not low <= value <= high:
        raise AcquisitionError(f"{key} is {value!r}; write a number from {low:g} to {high:g}.")
    return float(value)
