"""DICOM files without identity: PS3.15's basic profile, with new UIDs and shifted dates.

The profile's table of tags is that of the package dicom-anonymizer (Annex E, table E.1-1). Dates
are moved back by a number of days that is the same for one patient (option "Retain Longitudinal
Temporal Information with Modified Dates"), and the same old UID gets the same new one throughout a
run, so that slices, reports and references stay together. What the profile leaves is searched for
the patient's name, IDs and dates in every spelling (`Identity`). Age, sex and descriptions can be
kept, by the profile's own options.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom

from ..errors import DependencyError, InputError, OutputError
from ..files.walking import find_files
from ..tasks.progress import Progress
from .attributes import KINDS, TEXTS, attributes, lost
from .deidentify_run import Run
from .identity import Identity, is_coded

HELD = "held.csv"
# Classes whose pixels usually hold text: secondary captures, and the pages that scanners make.
SCREEN_CLASSES = "1.2.840.10008.5.1.4.1.1.7"


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
    held
        For each file written, by its new path, how many attributes of each of `attributes.KINDS`
        were taken out or changed; also in the folder's ``held.csv``.
    """

    files: int
    patients: int
    left_out: tuple[str, ...]
    held: Mapping[str, Mapping[str, int]]

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each kind of attribute: how many there were, in how many files."""
        for kind in KINDS:
            counts = [held[kind] for held in self.held.values() if held.get(kind)]
            if counts:
                yield f"{kind}: {sum(counts)} attributes in {len(counts)} files"


def deidentify(
    source: str | Path,
    target: str | Path,
    progress: Progress | None = None,
    *,
    keep_characteristics: bool = False,
    keep_descriptions: bool = False,
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
    keep_characteristics
        Keep age, sex, size, weight and pregnancy, so that a child stays a child; ages above 90
        become 90.
    keep_descriptions
        Keep descriptions of study, series and protocol without names, IDs and dates.

    Returns
    -------
    Deidentified
        How many files and patients, what was left out, and what the files held.

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
    run = Run(keep_characteristics, keep_descriptions)
    held: dict[str, Mapping[str, int]] = {}
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
        who = run.identity_of(data)
        before = attributes(data)
        kept = {**run.times_of(data), **run.kept_of(data, who)}
        rules = run.uid_rules()
        for dataset in _with_nested(data):
            anonymize_dataset(dataset, rules, base_rules_gen=initialize_actions_2024b)
        _clean(data, who)
        _mark(data, kept, run.patient_name(path), run.methods)
        held[path.relative_to(target).as_posix()] = lost(before, attributes(data))
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
    try:
        _write_held(target, held)
    except OSError as error:
        raise OutputError(
            f"The folder {target.name} cannot be written ({error.strerror})."
        ) from error
    return Deidentified(run.written, len(run.numbers[""]), left_out, held)


def _write_held(target: Path, held: Mapping[str, Mapping[str, int]]) -> None:
    with (target / HELD).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("file", *KINDS))
        writer.writerows(
            (file, *(counts.get(k, 0) for k in KINDS)) for file, counts in held.items()
        )


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


def _with_nested(data: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    """Yield a dataset, then those in the sequences that are left in it by then."""
    yield data
    for element in data:
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _with_nested(item)


def _clean(data: pydicom.Dataset, who: Identity) -> None:
    """Take the identity out of what the profile leaves as it is."""
    for element in data.iterall():
        if element.VR == "PN":
            element.value = ""
        elif element.VR in TEXTS and element.value and element.keyword != "SpecificCharacterSet":
            many = not isinstance(element.value, str)
            values = list(element.value) if many else [element.value]
            coded = element.VR == "CS"
            cleaned = [
                str(value) if coded and is_coded(str(value)) else who.cleaned(str(value))
                for value in values
            ]
            if cleaned != [" ".join(str(value).split()) for value in values]:
                element.value = cleaned if many else cleaned[0]


def _mark(
    data: pydicom.Dataset, kept: dict[str, Any], name: str, methods: tuple[tuple[str, str], ...]
) -> None:
    for tag, value in kept.items():
        setattr(data, tag, value)
    data.PatientName = data.PatientID = name
    data.PatientIdentityRemoved = "YES"
    data.LongitudinalTemporalInformationModified = "MODIFIED"
    data.DeidentificationMethod = "CTDoseSeg, PS3.15 basic profile"
    items = []
    for value, meaning in methods:
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
