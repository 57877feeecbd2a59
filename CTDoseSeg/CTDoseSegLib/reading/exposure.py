"""Exposure from DICOM headers: per slice and for the scan, each value with its tag."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ct.acquisition import Acquisition
from ..ct.series import SliceInfo
from ..dicom.header import Header
from ..dicom.identity import safe_text
from ..flags import Flag, flag

# Exposure as written may differ from mA x rotation time / pitch by this fraction (its rounding).
EXPOSURE_TOLERANCE = 0.05
# One source leaves gaps beyond a pitch of about 1.5 to 1.7: only dual-source scanners go higher.
SINGLE_SOURCE_PITCH = 1.75
# Flags that a typed value answers.
MISSING = (
    "kvp_unknown",
    "tube_current_missing",
    "effective_mas_unknown",
    "ctdivol_missing",
    "phantom_unknown",
    "irradiated_range_unknown",
)
PHANTOMS_CM = {"113690": 16, "113691": 32}


@dataclass(frozen=True)
class SliceExposure:
    """Exposure of one slice; None is "not known"."""

    tube_current_mA: float | None
    exposure_mAs: float | None
    effective_mAs: float | None
    ctdivol_mGy: float | None


def read_exposure(
    headers: Sequence[Header], z_mm: Sequence[float]
) -> tuple[Acquisition, tuple[SliceExposure, ...], tuple[Flag, ...]]:
    """Exposure of the slices of one irradiation event.

    Returns
    -------
    acquisition : Acquisition
    slices : tuple of SliceExposure
        One for each header.
    flags : tuple of Flag
        What is missing or contradicts itself.
    """
    collect = _Collector(headers)
    collect.tube_voltage()
    collect.rotation_and_pitch()
    collect.beam()
    collect.patient()
    collect.technique()
    collect.phantom()
    slices = collect.per_slice()
    collect.irradiated_range(z_mm)
    return Acquisition(**collect.values, sources=collect.sources), slices, tuple(collect.flags)


def slice_info(header: Header, exposure: SliceExposure, z_mm: float) -> SliceInfo:
    """A slice as its header and its exposure describe it."""
    return SliceInfo(
        z_mm=z_mm,
        slice_location_mm=header.number("SliceLocation"),
        tube_current_mA=exposure.tube_current_mA,
        exposure_mAs=exposure.exposure_mAs,
        effective_mAs=exposure.effective_mAs,
        ctdivol_mGy=exposure.ctdivol_mGy,
        thickness_mm=header.number("SliceThickness"),
    )


class _Collector:
    """Gathers values, their sources and flags of one event."""

    def __init__(self, headers: Sequence[Header]) -> None:
        self.headers = headers
        self.first = headers[0]
        self.values: dict[str, object] = {}
        self.sources: dict[str, str] = {}
        self.flags: list[Flag] = []
        self.maker = self.first.text("Manufacturer").upper()

    def put(self, name: str, value: object, source: str) -> None:
        if value is not None and value != "":
            self.values[name] = value
            self.sources[name] = source

    def per_header(self, *choices: tuple[str, float]) -> tuple[list[float | None], str]:
        """For each slice the first positive value of (keyword, scale), also in the exposure
        sequence; and the tag of the first one used."""
        found, used = [], ""
        for header in self.headers:
            value = None
            inner = header.values.get("CTExposureSequence", ({},))[0]
            for keyword, scale in choices:
                number = header.number(keyword)
                if not number and inner.get(keyword):
                    number = inner[keyword][0]
                if number is not None and number > 0:
                    value, used = number * scale, used or keyword
                    break
            found.append(value)
        return found, _tag(used) if used else ""

    def one(self, *choices: tuple[str, float]) -> tuple[float | None, str]:
        """The value if it is the same in all slices that have one, else None."""
        found, tag = self.per_header(*choices)
        values = {round(v, 6) for v in found if v is not None}
        return (next(v for v in found if v is not None), tag) if len(values) == 1 else (None, tag)

    def tube_voltage(self) -> None:
        kvp, tag = self.one(("KVP", 1.0))
        if kvp is not None and 40 <= kvp <= 200:
            self.put("kvp_kV", kvp, tag)
        elif kvp is not None:
            self.flags.append(flag("kvp_unknown", f"KVP (0018,0060) is {kvp:g}"))
        elif tag:
            self.flags.append(flag("kvp_unknown", "KVP (0018,0060) differs between slices"))
        else:
            self.flags.append(flag("kvp_unknown"))

    def rotation_and_pitch(self) -> None:
        pitch, tag = self.one(("SpiralPitchFactor", 1.0))
        if pitch is None:
            feed, _ = self.one(("TableFeedPerRotation", 1.0))
            width, _ = self.one(("TotalCollimationWidth", 1.0))
            if feed and width:
                pitch = feed / width
                tag = "computed: table feed per rotation (0018,9310) / total collimation"
        if pitch is not None and 0.05 <= pitch <= 4:
            self.put("pitch", pitch, tag)
        rotation, tag = self.one(("RevolutionTime", 1.0))
        if rotation is None:
            # Siemens, GE and Canon write the time of one rotation into ExposureTime; Philips the
            # time that a point is exposed, rotation time / pitch.
            rotation, tag = self.one(("ExposureTime", 1e-3), ("ExposureTimeInms", 1e-3))
            if rotation is not None and "PHILIPS" in self.maker:
                pitch = self.values.get("pitch")
                rotation = rotation * pitch if pitch else None
                tag = "computed: exposure time (0018,1150) x pitch"
        if rotation is not None and 0.1 <= rotation <= 10:
            self.put("rotation_time_s", rotation, tag)

    def beam(self) -> None:
        for name, keyword in (
            ("single_collimation_mm", "SingleCollimationWidth"),
            ("total_collimation_mm", "TotalCollimationWidth"),
        ):
            self.put(name, *self.one((keyword, 1.0)))
        for name, keyword in (
            ("modulation", "ExposureModulationType"),
            ("filter_type", "FilterType"),
            ("kernel", "ConvolutionKernel"),
            ("manufacturer", "Manufacturer"),
            ("model", "ManufacturerModelName"),
        ):
            self.put(name, safe_text(self.first, keyword), _tag(keyword))
        # Coded words: a patient whose name is Head must not lose the body part.
        for name, keyword in (
            ("body_part", "BodyPartExamined"),
            ("patient_position", "PatientPosition"),
        ):
            self.put(name, self.first.text(keyword), _tag(keyword))

    def patient(self) -> None:
        age, source = age_years(self.first)
        self.put("age_years", age, source)
        sex = self.first.text("PatientSex").upper()
        self.put("sex", sex if sex in ("M", "F", "O") else None, _tag("PatientSex"))
        weight = self.first.number("PatientWeight")
        possible = weight if weight and 0.3 < weight < 500 else None
        self.put("weight_kg", possible, _tag("PatientWeight"))
        # PS3.3, C.2.3: 1 not pregnant, 2 possibly, 3 definitely, 4 unknown.
        stated = {1: False, 2: True, 3: True}.get(self.first.integer("PregnancyStatus"))
        self.put("pregnancy_stated", stated, _tag("PregnancyStatus"))

    def technique(self) -> None:
        agent = self.first.text("ContrastBolusAgent").upper()
        if "ContrastBolusAgentSequence" in self.first.values:
            self.put("contrast", True, "image (0018,0012)")
        elif agent:
            none = agent in ("NONE", "NO", "NO CONTRAST", "N/A", "NA", "WITHOUT")
            self.put("contrast", not none, _tag("ContrastBolusAgent"))
        self._gating()
        self._filter()
        self._sources()

    def _gating(self) -> None:
        synchronised = self.first.text("CardiacSynchronizationTechnique").upper()
        options = self.first.text("ScanOptions").upper()
        if synchronised:
            gated = synchronised not in ("NONE", "REALTIME")
            self.put("ecg_gated", gated, _tag("CardiacSynchronizationTechnique"))
        elif re.search(r"CARDIAC|\bECG\b|\bEKG\b|SNAPSHOT|\bCG\b|\bCARD\b", options):
            self.put("ecg_gated", True, _tag("ScanOptions"))
        else:
            for keyword in ("CardiacRRIntervalSpecified", "NominalPercentageOfCardiacPhase"):
                if keyword in self.first.values:
                    self.put("ecg_gated", True, _tag(keyword))

    def _filter(self) -> None:
        tin = r"\b(TIN|SN\d*)\b"
        for keyword in ("FilterMaterial", "FilterType"):
            written = self.first.text(keyword).upper()
            if re.search(tin, written):
                self.put("tin_filter", True, _tag(keyword))
                return
        if self.first.text("FilterMaterial"):
            self.put("tin_filter", False, _tag("FilterMaterial"))

    def _sources(self) -> None:
        kinds = {value.upper() for value in self.first.texts("ImageType")}
        multienergy = self.first.text("MultienergyCTAcquisition").upper() == "YES"
        if {"DET_A", "DET_B", "DET_AB"} & kinds:
            self.put("dual_source", True, _tag("ImageType"))
        elif len(self.first.values.get("CTExposureSequence", ())) > 1:
            self.put("dual_source", True, "image (0018,9321)")
        elif (self.values.get("pitch") or 0) > SINGLE_SOURCE_PITCH:
            self.put("dual_source", True, f"computed: pitch over {SINGLE_SOURCE_PITCH}")
        energies = any(re.search(r"\bDE_|DUAL.?ENERGY|\bGSI\b|\bVMI\b|\bMONO", k) for k in kinds)
        if multienergy or energies or "GSI" in self.first.text("ScanOptions").upper():
            self.flags.append(flag("dual_energy"))

    def phantom(self) -> None:
        sizes = {
            PHANTOMS_CM.get("".join(item.get("CodeValue", ())))
            for header in (self.first, self.headers[-1])
            for item in _phantom_items(header)
        }
        if len(sizes) == 1 and None not in sizes:
            self.put("phantom_cm", sizes.pop(), "image (0018,9346)")
        else:
            detail = "more than one code" if len(sizes) > 1 else ""
            self.flags.append(flag("phantom_unknown", detail))

    def per_slice(self) -> tuple[SliceExposure, ...]:
        current, tag = self.per_header(
            ("XRayTubeCurrent", 1.0), ("XRayTubeCurrentInmA", 1.0), ("XRayTubeCurrentInuA", 1e-3)
        )
        written, written_tag = self.per_header(
            ("Exposure", 1.0), ("ExposureInmAs", 1.0), ("ExposureInuAs", 1e-3)
        )
        dose, dose_tag = self.per_header(("CTDIvol", 1.0))
        for name, values, source in (
            ("tube_current_mA", current, tag),
            ("exposure_mAs", written, written_tag),
        ):
            if any(v is not None for v in values):
                self.sources[name] = source
        if missing := sum(v is None for v in current):
            self.flags.append(flag("tube_current_missing", f"{missing} of {len(current)} slices"))
        effective = self._effective(current, written)
        self._scan_ctdivol(dose, dose_tag, current)
        return tuple(
            SliceExposure(*row) for row in zip(current, written, effective, dose, strict=True)
        )

    def _effective(
        self, current: list[float | None], written: list[float | None]
    ) -> list[float | None]:
        """mA x rotation time / pitch; as written where Siemens or Philips give no other way."""
        rotation, pitch = self.values.get("rotation_time_s"), self.values.get("pitch")
        if rotation and pitch:
            effective = [None if v is None else v * rotation / pitch for v in current]
            self.sources["effective_mAs"] = "computed: mA x rotation time / pitch"
            pairs = [(e, w) for e, w in zip(effective, written, strict=True) if e and w]
            off = float(np.median([abs(w / e - 1) for e, w in pairs])) if pairs else 0.0
            if off > EXPOSURE_TOLERANCE:
                self.flags.append(flag("exposure_disagrees", f"by {100 * off:.0f} %"))
            return effective
        if any(written) and re.search("SIEMENS|PHILIPS", self.maker):
            source = self.sources["exposure_mAs"]
            self.sources["effective_mAs"] = f"{source}, effective by its maker"
            return list(written)
        self.flags.append(flag("effective_mas_unknown"))
        return [None] * len(current)

    def _scan_ctdivol(
        self, dose: list[float | None], tag: str, current: list[float | None]
    ) -> None:
        zero = any(
            "CTDIvol" in h.values or _inner(h, "CTDIvol")
            for h, value in zip(self.headers, dose, strict=True)
            if value is None
        )
        known = [v for v in dose if v is not None]
        if missing := len(dose) - len(known):
            detail = f"{missing} of {len(dose)} slices" if known else "all slices"
            self.flags.append(flag("ctdivol_missing", f"0 in {detail}" if zero else detail))
        if not known:
            return
        same = max(known) - min(known) <= 1e-6 * max(known)
        if same:
            self.put("ctdivol_mGy", known[0], tag)
        else:
            self.put("ctdivol_mGy", float(np.mean(known)), f"computed: mean of {tag}")
        self.sources["ctdivol_mGy per slice"] = tag
        known_mA = [v for v in current if v is not None]
        if known_mA and max(known_mA) > 1.02 * min(known_mA):
            self.put("ctdivol_is_scan_mean", same, f"computed: {tag} against tube current")

    def irradiated_range(self, z_mm: Sequence[float]) -> None:
        """From ScanLength, which says how long but not where: centred on the images."""
        length, tag = self.one(("ScanLength", 1.0))
        low, high = min(z_mm), max(z_mm)
        if length is not None and high - low <= length <= 2500:
            middle = (low + high) / 2
            span = (middle - length / 2, middle + length / 2)
            self.put("irradiated_range_mm", span, f"computed: {tag} centred on the images")
        else:
            self.flags.append(flag("irradiated_range_unknown"))


def missing_flags(acquisition: Acquisition, slices: Sequence) -> tuple[Flag, ...]:
    """Flags for what a source that states little (a volume file) does not say.

    `slices` have `tube_current_mA`, `effective_mAs` and `ctdivol_mGy`.
    """
    missing = {
        "kvp_unknown": acquisition.kvp_kV is None,
        "tube_current_missing": any(item.tube_current_mA is None for item in slices),
        "effective_mas_unknown": any(item.effective_mAs is None for item in slices),
        "ctdivol_missing": any(item.ctdivol_mGy is None for item in slices),
        "phantom_unknown": acquisition.phantom_cm is None,
        "irradiated_range_unknown": acquisition.irradiated_range_mm is None,
    }
    return tuple(flag(code) for code, is_missing in missing.items() if is_missing)


def age_years(header: Header) -> tuple[float | None, str]:
    """Age from PatientAge (nnnD, W, M or Y), else from birth and study dates; and its source."""
    if match := re.fullmatch(r"(\d{1,3})([DWMY])", header.text("PatientAge").upper()):
        per_year = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[match[2]]
        age = int(match[1]) / per_year
        return (age, _tag("PatientAge")) if age <= 120 else (None, "")
    try:
        birth, study = (
            datetime.datetime.strptime(header.text(keyword)[:8], "%Y%m%d").date()
            for keyword in ("PatientBirthDate", "StudyDate")
        )
    except ValueError:
        return None, ""
    age = (study - birth).days / 365.25
    return (age, "computed: birth date to study date") if 0 <= age <= 120 else (None, "")


def _inner(header: Header, keyword: str) -> tuple:
    return header.values.get("CTExposureSequence", ({},))[0].get(keyword, ())


def _phantom_items(header: Header) -> tuple:
    inner = header.values.get("CTExposureSequence", ({},))[0]
    name = "CTDIPhantomTypeCodeSequence"
    return header.values.get(name, ()) or inner.get(name, ())


def _tag(keyword: str) -> str:
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword) or 0
    return f"image ({tag >> 16:04x},{tag & 0xFFFF:04x})"
