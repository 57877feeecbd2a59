"""Fifth stage: the exposure of a series from its headers, each value with its tag."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..ct.acquisition import Acquisition
from ..ct.series import SliceInfo
from ..dicom.header import Header
from ..dicom.identity import safe_code, safe_text
from ..flags import Flag, flag
from .rotation_time import rotation_time_s
from .slice_exposure import gather_irradiated_range, gather_slices
from .tag_values import TagValues, exposure_item, tag_source

# One source leaves gaps beyond a pitch of about 1.5 to 1.7: only dual-source scanners go higher.
SINGLE_SOURCE_PITCH = 1.75
PHANTOMS_CM = {"113690": 16, "113691": 32}
# In an image type: several energies, or an image made from them (MAT_REMOVED: iodine taken out).
_ENERGIES = re.compile(r"\bDE_|DUAL.?ENERGY|\bGSI\b|\bVMI\b|\bMONO|\bMAT_REMOVED\b|\bVNC\b")


@dataclass(frozen=True)
class SeriesExposure:
    """How a series was exposed, as its headers have it.

    Attributes
    ----------
    acquisition
        What holds for the scan.
    slices
        One for each header.
    flags
        What is missing or contradicts itself.
    """

    acquisition: Acquisition
    slices: tuple[SliceInfo, ...]
    flags: tuple[Flag, ...]


def read_exposure(headers: Sequence[Header], z_mm: Sequence[float]) -> SeriesExposure:
    """Read the exposure of the slices of one irradiation event.

    Parameters
    ----------
    headers
        In the order of the slices.
    z_mm
        RAS superior coordinate of each slice's centre.

    Returns
    -------
    SeriesExposure
    """
    gathered = TagValues(headers)
    _gather_tube_voltage(gathered)
    _gather_rotation_and_pitch(gathered)
    _gather_beam(gathered)
    _gather_patient(gathered)
    _gather_contrast(gathered)
    _gather_gating(gathered)
    _gather_tin_filter(gathered)
    _gather_tubes(gathered)
    _gather_phantom(gathered)
    _gather_isocentre(gathered)
    slices = gather_slices(gathered, z_mm)
    gather_irradiated_range(gathered, z_mm)
    acquisition = Acquisition(**gathered.values, sources=gathered.sources)
    return SeriesExposure(acquisition, slices, tuple(gathered.flags))


def age_years(header: Header) -> tuple[float | None, str]:
    """Return the age and its source: PatientAge (nnnD, W, M or Y), else birth and study dates."""
    if match := re.fullmatch(r"(\d{1,3})([DWMY])", header.text("PatientAge").upper()):
        per_year = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[match[2]]
        age = int(match[1]) / per_year
        return (age, tag_source("PatientAge")) if age <= 120 else (None, "")
    try:
        birth, study = (
            datetime.datetime.strptime(header.text(keyword)[:8], "%Y%m%d").date()
            for keyword in ("PatientBirthDate", "StudyDate")
        )
    except ValueError:
        return None, ""
    age = (study - birth).days / 365.25
    return (age, "computed: birth date to study date") if 0 <= age <= 120 else (None, "")


def _gather_tube_voltage(gathered: TagValues) -> None:
    kvp, source = gathered.common(("KVP", 1.0))
    if kvp is not None and 40 <= kvp <= 200:
        gathered.put("kvp_kV", kvp, source)
    elif kvp is not None:
        gathered.flags.append(flag("kvp_unknown", f"KVP (0018,0060) is {kvp:g}"))
    elif source:
        gathered.flags.append(flag("kvp_unknown", "KVP (0018,0060) differs between slices"))
    else:
        gathered.flags.append(flag("kvp_unknown"))


def _gather_rotation_and_pitch(gathered: TagValues) -> None:
    pitch, source = gathered.common(("SpiralPitchFactor", 1.0))
    if pitch is None:
        feed, _ = gathered.common(("TableFeedPerRotation", 1.0))
        width, _ = gathered.common(("TotalCollimationWidth", 1.0))
        if feed and width:
            pitch = feed / width
            source = "computed: table feed per rotation (0018,9310) / total collimation"
    if pitch is not None and 0.05 <= pitch <= 4:
        gathered.put("pitch", pitch, source)
    gathered.put("rotation_time_s", *rotation_time_s(gathered))


def _gather_beam(gathered: TagValues) -> None:
    for name, keyword in (
        ("single_collimation_mm", "SingleCollimationWidth"),
        ("total_collimation_mm", "TotalCollimationWidth"),
    ):
        gathered.put(name, *gathered.common((keyword, 1.0)))
    for name, keyword in (
        ("modulation", "ExposureModulationType"),
        ("filter_type", "FilterType"),
        ("kernel", "ConvolutionKernel"),
        ("manufacturer", "Manufacturer"),
        ("model", "ManufacturerModelName"),
    ):
        gathered.put(name, safe_text(gathered.first, keyword), tag_source(keyword))
    for name, keyword in (
        ("body_part", "BodyPartExamined"),
        ("patient_position", "PatientPosition"),
    ):
        gathered.put(name, safe_code(gathered.first, keyword), tag_source(keyword))


def _gather_patient(gathered: TagValues) -> None:
    """Gather age, sex, weight and what is stated of a pregnancy."""
    first = gathered.first
    age, source = age_years(first)
    gathered.put("age_years", age, source)
    sex = first.text("PatientSex").upper()
    gathered.put("sex", sex if sex in ("M", "F", "O") else None, tag_source("PatientSex"))
    weight = first.number("PatientWeight")
    possible = weight if weight and 0.3 < weight < 500 else None
    gathered.put("weight_kg", possible, tag_source("PatientWeight"))
    # PS3.3, C.2.3: 1 not pregnant, 2 possibly, 3 definitely, 4 unknown.
    stated = {1: False, 2: True, 3: True}.get(first.integer("PregnancyStatus"))
    gathered.put("pregnancy_stated", stated, tag_source("PregnancyStatus"))


def _gather_contrast(gathered: TagValues) -> None:
    agent = gathered.first.text("ContrastBolusAgent").upper()
    if "ContrastBolusAgentSequence" in gathered.first.values:
        gathered.put("contrast", True, "image (0018,0012)")
    elif agent:
        none = agent in ("NONE", "NO", "NO CONTRAST", "N/A", "NA", "WITHOUT")
        gathered.put("contrast", not none, tag_source("ContrastBolusAgent"))


def _gather_gating(gathered: TagValues) -> None:
    first = gathered.first
    synchronised = first.text("CardiacSynchronizationTechnique").upper()
    options = first.text("ScanOptions").upper()
    if synchronised:
        gated = synchronised not in ("NONE", "REALTIME")
        gathered.put("ecg_gated", gated, tag_source("CardiacSynchronizationTechnique"))
    elif re.search(r"CARDIAC|\bECG\b|\bEKG\b|SNAPSHOT|\bCG\b|\bCARD\b", options):
        gathered.put("ecg_gated", True, tag_source("ScanOptions"))
    else:
        for keyword in ("CardiacRRIntervalSpecified", "NominalPercentageOfCardiacPhase"):
            if keyword in first.values:
                gathered.put("ecg_gated", True, tag_source(keyword))


def _gather_tin_filter(gathered: TagValues) -> None:
    for keyword in ("FilterMaterial", "FilterType"):
        if re.search(r"\b(TIN|SN\d*)\b", gathered.first.text(keyword).upper()):
            gathered.put("tin_filter", True, tag_source(keyword))
            return
    if gathered.first.text("FilterMaterial"):
        gathered.put("tin_filter", False, tag_source("FilterMaterial"))


def _gather_tubes(gathered: TagValues) -> None:
    """Gather whether two tubes were on, and flag several energies."""
    first = gathered.first
    kinds = {value.upper() for value in first.texts("ImageType")}
    multienergy = first.text("MultienergyCTAcquisition").upper() == "YES"
    if {"DET_A", "DET_B", "DET_AB"} & kinds:
        gathered.put("dual_source", True, tag_source("ImageType"))
    elif len(first.values.get("CTExposureSequence", ())) > 1:
        gathered.put("dual_source", True, "image (0018,9321)")
    elif (gathered.values.get("pitch") or 0) > SINGLE_SOURCE_PITCH:
        gathered.put("dual_source", True, f"computed: pitch over {SINGLE_SOURCE_PITCH}")
    energies = any(_ENERGIES.search(k) for k in kinds)
    if multienergy or energies or "GSI" in first.text("ScanOptions").upper():
        gathered.flags.append(flag("dual_energy"))


def _gather_phantom(gathered: TagValues) -> None:
    sizes = {
        PHANTOMS_CM.get("".join(item.get("CodeValue", ())))
        for header in (gathered.first, gathered.headers[-1])
        for item in _phantom_codes(header)
    }
    if len(sizes) == 1 and None not in sizes:
        gathered.put("phantom_cm", sizes.pop(), "image (0018,9346)")
    else:
        detail = "more than one code" if len(sizes) > 1 else ""
        gathered.flags.append(flag("phantom_unknown", detail))


def _gather_isocentre(gathered: TagValues) -> None:
    """Gather where the axis of rotation is: the centre of data collection, in all slices alike.

    ReconstructionTargetCenterPatient is the centre of the images, and TableHeight is measured from
    a zero that makers put elsewhere.
    """
    keyword = "DataCollectionCenterPatient"
    places = {tuple(round(v, 1) for v in h.numbers(keyword)[:2]) for h in gathered.headers}
    if len(places) == 1 and len(place := places.pop()) == 2:
        # The tag is in the patient's coordinates, x to the left and y to posterior.
        gathered.put("isocentre_mm", (-place[0], -place[1]), tag_source(keyword))


def _phantom_codes(header: Header) -> tuple:
    keyword = "CTDIPhantomTypeCodeSequence"
    return header.values.get(keyword, ()) or exposure_item(header).get(keyword, ())
