"""DICOM files without identity: PS3.15's basic profile, with new UIDs and shifted dates.

The profile's table of tags is that of the package dicom-anonymizer (Annex E, table E.1-1). Dates
are moved back by a number of days that is the same for one patient (option "Retain Longitudinal
Temporal Information with Modified Dates"), and the same old UID gets the same new one throughout a
run, so that slices, reports and references stay together.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.uid import generate_uid

from ..errors import DependencyError, InputError, OutputError
from ..files.walking import find_files
from ..tasks.progress import Progress

# PS3.16, context group 7050.
METHODS = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
)
KEPT_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime")
KEPT_TIMES = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime")
# Classes whose pixels usually hold text: secondary captures, and the pages that scanners make.
SCREEN_CLASSES = "1.2.840.10008.5.1.4.1.1.7"
LONGEST_SHIFT_DAYS = 3650


@dataclass(frozen=True)
class Deidentified:
    """What a run did.

    Attributes
    ----------
    files
        Number of files written.
    patients
        Number of patients.
    left_out
        One sentence for each kind of file that was not written, with its number.
    """

    files: int
    patients: int
    left_out: tuple[str, ...]


def deidentify(
    source: str | Path, target: str | Path, progress: Progress | None = None
) -> Deidentified:
    """Write the DICOM files below `source` to `target` without identity.

    Folders and files are numbered: patient_01/study_01/series_01/00001.dcm. Files with burned-in
    text, or of a kind that usually has it, are left out and counted: pixels are not changed.

    Parameters
    ----------
    source
        File or folder, searched with its subfolders.
    target
        Folder to write; missing or empty.
    progress
        Receives progress; may cancel.

    Returns
    -------
    Deidentified
        How many files and patients, and what was left out.

    Raises
    ------
    InputError
        If there is no DICOM file.
    OutputError
        If `target` is not empty or cannot be written.
    DependencyError
        If dicom-anonymizer is missing.
    """
    try:
        from dicomanonymizer import anonymize_dataset
        from dicomanonymizer.simpledicomanonymizer import initialize_actions_2024b
    except ImportError as error:
        raise DependencyError(
            "De-identifying needs the package dicom-anonymizer; install it with: pip install "
            "ctdoseseg[deidentify]"
        ) from error
    progress = progress or Progress()
    target = Path(target)
    if target.exists() and any(target.iterdir()):
        raise OutputError(f"The folder {target.name} is not empty; give an empty one.")
    run = _Run()
    counts = {"not DICOM": 0, "text in the picture (burned in)": 0}
    files, _ = find_files(Path(source))
    for n, file in enumerate(files):
        progress.update(n / len(files), f"de-identifying file {n + 1} of {len(files)}")
        data = _read(file)
        if data is None:
            counts["not DICOM"] += 1
            continue
        if has_burned_in_text(data):
            counts["text in the picture (burned in)"] += 1
            continue
        path = target / run.place_of(data)
        kept = run.times_of(data)
        anonymize_dataset(data, run.uid_rules(), base_rules_gen=initialize_actions_2024b)
        _mark(data, kept, run.patient_name(path))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            data.save_as(path, enforce_file_format=True)
        except OSError as error:
            raise OutputError(
                f"The folder {target.name} cannot be written ({error.strerror})."
            ) from error
        run.written += 1
    left_out = tuple(
        f"{count} files were left out: {why}." for why, count in counts.items() if count
    )
    if not run.written:
        raise InputError("No DICOM image was written. " + " ".join(left_out))
    return Deidentified(run.written, len(run.numbers[""]), left_out)


def has_burned_in_text(data: pydicom.Dataset) -> bool:
    """Return whether a file states that its pixels show text, or is of a kind that usually does."""
    if str(data.get("BurnedInAnnotation", "")).upper() == "YES":
        return True
    return str(data.get("SOPClassUID", "")).startswith(SCREEN_CLASSES)


def holds_identity(path: str | Path) -> bool:
    """Return whether a DICOM file names a patient: for a warning before it is used for training."""
    data = _read(path, stop_before_pixels=True)
    if data is None or str(data.get("PatientIdentityRemoved", "")).upper() == "YES":
        return False
    return any(str(data.get(tag, "") or "").strip() for tag in ("PatientName", "PatientBirthDate"))


class _Run:
    """Numbers, UIDs and shifts of one run; the secret that they hang on is never kept."""

    def __init__(self) -> None:
        self._secret = secrets.token_hex(16)
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


def _mark(data: pydicom.Dataset, kept: dict[str, str], name: str) -> None:
    for tag, value in kept.items():
        setattr(data, tag, value)
    data.PatientName = data.PatientID = name
    data.PatientIdentityRemoved = "YES"
    data.LongitudinalTemporalInformationModified = "MODIFIED"
    data.DeidentificationMethod = "CTDoseSeg, PS3.15 basic profile"
    items = []
    for value, meaning in METHODS:
        item = pydicom.Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
        items.append(item)
    data.DeidentificationMethodCodeSequence = items
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    # Application titles and preamble can name the hospital.
    for element in list(data.file_meta):
        if element.keyword.endswith("ApplicationEntityTitle") or element.tag.element >= 0x0100:
            del data.file_meta[element.tag]
    data.preamble = b"\0" * 128


def _read(path: str | Path, **options: Any) -> pydicom.Dataset | None:
    try:
        return pydicom.dcmread(path, **options)
    except (pydicom.errors.InvalidDicomError, OSError, ValueError, AttributeError, KeyError):
        return None


def iter_identities(folder: Path) -> Iterator[Path]:
    """Return the DICOM files below `folder` that name a patient."""
    files, _ = find_files(folder)
    return (Path(file) for file in files if holds_identity(file))
