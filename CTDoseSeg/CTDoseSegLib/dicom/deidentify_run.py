"""One run of de-identifying: its numbers, UIDs and shifts, and what it keeps of a patient."""

from __future__ import annotations

import datetime
import hashlib
import re
import secrets
from pathlib import Path
from typing import Any

import pydicom
from pydicom.uid import generate_uid

from .elements import dataset_values
from .identity import Identity

# PS3.16, context group 7050.
METHODS = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
)
KEEP_CHARACTERISTICS = ("113108", "Retain Patient Characteristics Option")
KEEP_DESCRIPTIONS = ("113105", "Clean Descriptors Option")
# PS3.15, table E.1-1: what these options keep of a CT examination.
CHARACTERISTICS = (
    *("PatientAge", "PatientSex", "PatientSexNeutered", "PatientSize", "PatientWeight"),
    *("PregnancyStatus", "SmokingStatus"),
)
DESCRIPTIONS = (
    *("StudyDescription", "SeriesDescription", "ProtocolName", "AcquisitionProtocolDescription"),
    *("RequestedProcedureDescription", "PerformedProcedureStepDescription", "ContrastBolusAgent"),
    *("AcquisitionDeviceProcessingDescription", "DerivationDescription"),
)
OLDEST_YEARS = 90  # ages above are those of few, and are written as this one
KEPT_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime")
KEPT_TIMES = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime")
LONGEST_SHIFT_DAYS = 3650


class Run:
    """Numbers, UIDs and shifts of one run; the secret that they hang on is never kept."""

    def __init__(self, keep_characteristics: bool = False, keep_descriptions: bool = False) -> None:
        self._secret = secrets.token_hex(16)
        self._characteristics, self._descriptions = keep_characteristics, keep_descriptions
        self._identities: dict[str, Identity] = {}
        self.methods: tuple[tuple[str, str], ...] = METHODS
        if keep_characteristics:
            self.methods += (KEEP_CHARACTERISTICS,)
        if keep_descriptions:
            self.methods += (KEEP_DESCRIPTIONS,)
        self.numbers: dict[str, dict[str, int]] = {"": {}}
        self.written = 0

    def place_of(self, data: pydicom.Dataset) -> Path:
        """Return the numbered path of a file."""
        key, parts = "", []
        for kind, tag in (
            ("patient", "PatientID"),
            ("study", "StudyInstanceUID"),
            ("series", "SeriesInstanceUID"),
        ):
            value = str(data.get(tag, "") or "")
            if kind == "patient":
                value += f"|{data.get('PatientName', '')}"
            numbers = self.numbers.setdefault(key, {})
            number = numbers.setdefault(value, len(numbers) + 1)
            parts.append(f"{kind}_{number:02d}")
            key += f"/{number}"
        files = self.numbers.setdefault(key + "/files", {})
        number = files.setdefault(
            str(data.get("SOPInstanceUID", "")) or str(len(files)), len(files) + 1
        )
        return Path(*parts, f"{number:05d}.dcm")

    def patient_name(self, path: Path) -> str:
        """Return what stands for the patient's name and ID."""
        return path.parts[-4]

    def uid(self, old: str) -> str:
        """Replace a UID, by the same new one throughout the run."""
        return generate_uid(entropy_srcs=[self._secret, old])

    def uid_rules(self) -> dict[tuple[int, int], Any]:
        """Return the profile's rules for UIDs, with this run's own mapping."""
        from dicomanonymizer.simpledicomanonymizer import (
            delete_or_empty_or_replace_UID,
            initialize_actions_2024b,
            replace_UID,
        )

        def replaced(dataset: pydicom.Dataset, tag: tuple[int, int]) -> None:
            element = dataset.get(tag)
            if element is None or element.VR != "UI" or not element.value:
                return
            if isinstance(element.value, str):
                element.value = self.uid(element.value)
            else:
                element.value = [self.uid(str(value)) for value in element.value]

        profile = initialize_actions_2024b()
        kinds = (replace_UID, delete_or_empty_or_replace_UID)
        rules = {tag: replaced for tag, action in profile.items() if action in kinds}
        # The class of an object is not its identity.
        rules.pop((0x0008, 0x0016), None)
        return rules

    def identity_of(self, data: pydicom.Dataset) -> Identity:
        """Return what no text may show: what this file and earlier ones of the patient state."""
        who = Identity.of(dataset_values(data)[0])
        places = ("InstitutionName", "InstitutionalDepartmentName", "StationName")
        who |= Identity(tuple(str(data.get(place, "") or "") for place in places))
        patient = str(data.get("PatientID", "") or "")
        if patient:
            who |= self._identities.get(patient, Identity())
            self._identities[patient] = who
        return who

    def kept_of(self, data: pydicom.Dataset, who: Identity) -> dict[str, Any]:
        """Return the characteristics and the cleaned descriptions that are to be kept."""
        kept: dict[str, Any] = {}
        if self._characteristics:
            kept = {tag: data[tag].value for tag in CHARACTERISTICS if data.get(tag)}
            kept["PatientAge"] = _age(data)
        if self._descriptions:
            kept |= {tag: who.removed_from(str(data.get(tag, "") or "")) for tag in DESCRIPTIONS}
        return {tag: value for tag, value in kept.items() if value not in (None, "")}

    def times_of(self, data: pydicom.Dataset) -> dict[str, str]:
        """Return the shifted dates, and times as they are."""
        patient = f"{data.get('PatientID', '')}|{data.get('PatientName', '')}"
        digest = hashlib.sha256(f"{self._secret}{patient}".encode()).digest()
        days = 1 + int.from_bytes(digest[:4], "big") % LONGEST_SHIFT_DAYS
        kept = {tag: str(data[tag].value) for tag in KEPT_TIMES if data.get(tag)}
        for tag in KEPT_DATES:
            value = str(data.get(tag) or "")
            if shifted := _shifted(value, days):
                kept[tag] = shifted
        return kept


def _shifted(value: str, days: int) -> str:
    """Shift a DICOM date or date-time by so many days into the past; empty for none."""
    try:
        day = datetime.datetime.strptime(value[:8], "%Y%m%d") - datetime.timedelta(days=days)
    except ValueError:
        return ""
    return day.strftime("%Y%m%d") + value[8:]


def _age(data: pydicom.Dataset) -> str:
    """Return the age as DICOM writes it: as stated, else from the dates of birth and study."""
    stated = str(data.get("PatientAge", "") or "").strip()
    if re.fullmatch(r"\d{3}[DWM]", stated):
        return stated
    if re.fullmatch(r"\d{3}Y", stated):
        return f"{min(int(stated[:3]), OLDEST_YEARS):03d}Y"
    try:
        birth, study = (
            datetime.datetime.strptime(str(data.get(tag, "") or "")[:8], "%Y%m%d")
            for tag in ("PatientBirthDate", "StudyDate")
        )
    except ValueError:
        return ""
    months = 12 * (study.year - birth.year) + study.month - birth.month - (study.day < birth.day)
    if not 0 <= months <= 12 * 120:
        return ""
    return f"{months:03d}M" if months < 24 else f"{min(months // 12, OLDEST_YEARS):03d}Y"
