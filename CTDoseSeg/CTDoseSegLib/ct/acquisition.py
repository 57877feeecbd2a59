"""How the scan was exposed; each value with the place that it came from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..errors import AcquisitionError

# Diameters of the CTDI phantoms.
HEAD_PHANTOM_CM, BODY_PHANTOM_CM = 16, 32


@dataclass(frozen=True)
class Acquisition:
    """The exposure of one irradiation event, as far as it is known. None is "not known".

    Attributes
    ----------
    kvp_kV
        Tube voltage.
    rotation_time_s
        Time per rotation.
    pitch
        Spiral pitch factor; 1.0 for contiguous axial scans.
    single_collimation_mm
        Collimation of one detector row at the isocentre.
    total_collimation_mm
        Collimation of the beam at the isocentre.
    ctdivol_mGy
        Mean CTDIvol of the event; values per slice stand with the slices.
    ctdivol_is_scan_mean
        True where every slice states the same CTDIvol although the tube current varies, False
        where CTDIvol varies; None where the tube current does not decide it.
    phantom_cm
        Diameter of the CTDI phantom, 32 or 16.
    dlp_mGy_cm
        Dose-length product of the event.
    irradiated_range_mm
        (low, high) RAS superior coordinates between which the tube was on, not the image range.
        The dosimetry adds the overranging where `sources` names neither a user nor a dose report.
    isocentre_mm
        (x, y), RAS right and anterior coordinates of the axis that the tube turns around.
    modulation
        Modulation of the tube current, as written by the scanner.
    filter_type
        Beam filter, as written by the scanner.
    kernel
        Reconstruction kernel, as written by the scanner.
    dual_source, ecg_gated, tin_filter, contrast, pregnancy_stated
        True or False where the data state it.
    pregnancy_week
        Weeks from the last menstruation, where a user states them.
    uterus_z_mm
        RAS superior coordinate of the middle of the uterus or fetus, where a user states it.
    age_years, sex, weight_kg
        Of the patient.
    body_part
        Part of the body, as written by the scanner.
    patient_position
        Position on the table, as written by the scanner, such as ``HFS``.
    manufacturer, model
        Of the scanner, as it writes them.
    sources
        Field name to where the value came from: ``image (gggg,eeee)``, ``rdsr``, ``user`` or
        ``computed: ...``. Every field that is not None has an entry; per-slice values have one
        under ``tube_current_mA``, ``exposure_mAs``, ``effective_mAs``, ``ctdivol_mGy per slice``.
    """

    kvp_kV: float | None = None
    rotation_time_s: float | None = None
    pitch: float | None = None
    single_collimation_mm: float | None = None
    total_collimation_mm: float | None = None
    ctdivol_mGy: float | None = None
    phantom_cm: int | None = None
    dlp_mGy_cm: float | None = None
    irradiated_range_mm: tuple[float, float] | None = None
    isocentre_mm: tuple[float, float] | None = None
    modulation: str | None = None
    filter_type: str | None = None
    kernel: str | None = None
    dual_source: bool | None = None
    ecg_gated: bool | None = None
    tin_filter: bool | None = None
    contrast: bool | None = None
    pregnancy_stated: bool | None = None
    pregnancy_week: float | None = None
    uterus_z_mm: float | None = None
    age_years: float | None = None
    sex: str | None = None
    weight_kg: float | None = None
    body_part: str | None = None
    patient_position: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    ctdivol_is_scan_mean: bool | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def pregnant(self) -> bool:
        """True where pregnancy is stated, or its week."""
        return bool(self.pregnancy_stated) or self.pregnancy_week is not None


PER_SLICE = ("tube_current_mA", "effective_mAs", "ctdivol_mGy")

# What a CT can have: (lowest, highest) of each number that a user may type.
_POSSIBLE = {
    "kvp_kV": (40.0, 200.0),
    "rotation_time_s": (0.1, 10.0),
    "pitch": (0.05, 4.0),
    "single_collimation_mm": (0.1, 400.0),
    "total_collimation_mm": (0.1, 400.0),
    "ctdivol_mGy": (0.01, 2000.0),
    "dlp_mGy_cm": (0.01, 100000.0),
    "age_years": (0.0, 120.0),
    "weight_kg": (0.3, 500.0),
    "pregnancy_week": (1.0, 45.0),
    "uterus_z_mm": (-1e5, 1e5),
    "tube_current_mA": (1.0, 3000.0),
    "effective_mAs": (0.1, 10000.0),
}


@dataclass(frozen=True)
class TypedAcquisition:
    """What a user typed: scan values by field name, and values per slice (one number for all)."""

    values: Mapping[str, Any]
    per_slice: Mapping[str, tuple[float, ...]]

    def apply(self, acquisition: Acquisition) -> Acquisition:
        """Return `acquisition` with the typed values in place of its own, their source ``user``."""
        named = {**self.values, **self.per_slice}
        sources = {**acquisition.sources, **dict.fromkeys(named, "user")}
        if "ctdivol_mGy" in named:
            sources["ctdivol_mGy per slice"] = "user"
        values = dict(self.values)
        if "ctdivol_mGy" in named:
            # What the image states about its own CTDIvol does not hold for the typed one.
            values.setdefault("ctdivol_is_scan_mean", None)
        return replace(acquisition, **values, sources=sources)


def read_typed_acquisition(path: str | Path) -> TypedAcquisition:
    """Read a JSON object with fields of `Acquisition` and per-slice values.

    ``tube_current_mA``, ``effective_mAs`` and ``ctdivol_mGy`` may be one number or one for each
    slice; the scan's ``ctdivol_mGy`` is then their mean.

    Parameters
    ----------
    path
        JSON file, UTF-8.

    Returns
    -------
    TypedAcquisition
        The values, checked.

    Raises
    ------
    AcquisitionError
        If the file is not such an object, or a key is unknown or its value impossible; the
        sentence names the key.
    """
    return check_typed(read_json_object(path))


def read_json_object(path: str | Path) -> dict[str, Any]:
    """Read the names and values of a JSON file that somebody wrote.

    Parameters
    ----------
    path
        JSON file, UTF-8 with or without a byte order mark.

    Returns
    -------
    dict
        Name to value, unchecked.

    Raises
    ------
    AcquisitionError
        If the file cannot be read or is no JSON object.
    """
    name = Path(path).name
    try:
        written = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise AcquisitionError(f"{name} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise AcquisitionError(f"{name} is not valid JSON; correct it.") from error
    if not isinstance(written, dict):
        raise AcquisitionError(f"{name} must hold a JSON object of names and values.")
    return written


def check_typed(typed: Mapping[str, Any]) -> TypedAcquisition:
    """Check typed values, as `read_typed_acquisition` reads them.

    Parameters
    ----------
    typed
        Fields of `Acquisition` and per-slice values by name; None counts as absent.

    Returns
    -------
    TypedAcquisition
        The values, checked.

    Raises
    ------
    AcquisitionError
        If a name is unknown or its value impossible; the sentence names it.
    """
    values: dict[str, Any] = {}
    per_slice: dict[str, tuple[float, ...]] = {}
    for key, value in typed.items():
        if value is None:
            continue
        if key in PER_SLICE:
            numbers = value if isinstance(value, list) else [value]
            if not numbers:
                raise AcquisitionError(f"{key} is an empty list; give one number or one per slice.")
            per_slice[key] = tuple(_number(key, number) for number in numbers)
        else:
            values[key] = _typed_value(key, value)
    if "ctdivol_mGy" in per_slice:
        dose = per_slice["ctdivol_mGy"]
        values["ctdivol_mGy"] = sum(dose) / len(dose)
    return TypedAcquisition(values, per_slice)


def _typed_value(key: str, value: Any) -> Any:
    types = {f.name: str(f.type) for f in fields(Acquisition) if f.name != "sources"}
    if key not in types:
        known = ", ".join(sorted({*types, *PER_SLICE}))
        raise AcquisitionError(f"{key} is not a value of an acquisition; known are {known}.")
    if key == "phantom_cm":
        if value not in (HEAD_PHANTOM_CM, BODY_PHANTOM_CM) or isinstance(value, bool):
            raise AcquisitionError(f"phantom_cm is {value!r}; a CTDI phantom has 16 or 32 cm.")
        return int(value)
    if key == "irradiated_range_mm":
        return _range(value)
    if key == "isocentre_mm":
        return _place(value)
    if key == "sex":
        if value not in ("M", "F", "O"):
            raise AcquisitionError(f"sex is {value!r}; write M, F or O.")
        return value
    if types[key].startswith("bool"):
        if not isinstance(value, bool):
            raise AcquisitionError(f"{key} is {value!r}; write true or false.")
        return value
    if types[key].startswith("str"):
        if not isinstance(value, str):
            raise AcquisitionError(f"{key} is {value!r}; write text in quotation marks.")
        return value
    return _number(key, value)


def _range(value: Any) -> tuple[float, float]:
    good = isinstance(value, list) and len(value) == 2 and all(_is_number(v) for v in value)
    if not good or not value[0] < value[1] or max(abs(v) for v in value) > 1e5:
        raise AcquisitionError(
            f"irradiated_range_mm is {value!r}; write [low, high], RAS coordinates in mm."
        )
    return float(value[0]), float(value[1])


def _place(value: Any) -> tuple[float, float]:
    good = isinstance(value, list) and len(value) == 2 and all(_is_number(v) for v in value)
    if not good or max(abs(v) for v in value) > 1e5:
        raise AcquisitionError(
            f"isocentre_mm is {value!r}; write [right, anterior], RAS coordinates in mm."
        )
    return float(value[0]), float(value[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _number(key: str, value: Any) -> float:
    low, high = _POSSIBLE[key]
    if not _is_number(value) or not low <= value <= high:
        raise AcquisitionError(f"{key} is {value!r}; write a number from {low:g} to {high:g}.")
    return float(value)
