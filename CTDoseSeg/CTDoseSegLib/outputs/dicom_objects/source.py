"""The CT that DICOM objects are made for: its patient, study and images, without free text.

An object made of a CT belongs to the CT's patient, study and frame of reference. Nothing else is
taken over: descriptions, comments and allergies are free text that may hold anything, and the
references and procedure steps of the CT are not those of the object.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dicom.elements import parse_errors
from ...errors import InputError

if TYPE_CHECKING:
    import pydicom

    from ...ct.series import CTSeries

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
# Type 2 of the patient and study modules: must stand, may be empty.
_MAY_BE_EMPTY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)
_OF_PATIENT_AND_STUDY = (
    *("SpecificCharacterSet", "IssuerOfPatientID", "StudyInstanceUID", "TimezoneOffsetFromUTC"),
    *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator"),
)
_OF_THE_IMAGE = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "Rows", "Columns"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("DimensionOrganizationSequence", "DimensionIndexSequence"),
)
_UNIQUE = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
NOT_DICOM = (
    "The CT was not read from DICOM, so that no DICOM object can belong to it; the other files are "
    "complete."
)
_SAME_MM = 0.01
_PLAIN_SET = "ISO 2022 IR 6"


@dataclass(frozen=True, eq=False)
class SourceCT:
    """The images of a CT as objects made of it name them.

    Attributes
    ----------
    images
        Headers without free text and without pixels: one of each slice, [k], or that of the one
        file of a multi-frame image.
    frames
        Slice k to the frame of the file, [k]; for a file a slice, 0 to their number.
    """

    images: tuple[pydicom.Dataset, ...]
    frames: np.ndarray

    @property
    def first(self) -> pydicom.Dataset:
        """The header that states patient and study."""
        return self.images[0]

    @property
    def uids(self) -> tuple[str, ...]:
        """SOP instance UIDs of the images."""
        return tuple(str(image.SOPInstanceUID) for image in self.images)

    def image_of(self, k: int) -> tuple[pydicom.Dataset, int | None]:
        """Return the image that holds slice `k`, and its frame number there, from 1.

        The number is None where an image is a file of its own.
        """
        if len(self.images) == len(self.frames):
            return self.images[k], None
        return self.first, int(self.frames[k]) + 1


def read_source(series: CTSeries) -> SourceCT:
    """Read from the files of a series what objects made of it state.

    Parameters
    ----------
    series
        As `reading.reader.read_series` gives it.

    Returns
    -------
    SourceCT

    Raises
    ------
    InputError
        If the series was not read from DICOM, or its files lack the UIDs by which an object
        names them.
    """
    from ...dicom.header_file import looks_like_dicom

    files = tuple(dict.fromkeys(series.files))
    if not files:
        raise InputError(NOT_DICOM)
    with open(files[0], "rb") as stream:
        if not looks_like_dicom(stream.read(132)):
            raise InputError(NOT_DICOM)
    images = tuple(_header(Path(file)) for file in files)
    n = len(series.hu)
    if len(images) == n:
        frames = np.arange(n)
    elif len(images) == 1:
        frames = _frames(images[0], series)
    else:
        raise InputError(
            f"The CT has {n} slices in {len(images)} files; DICOM objects are made of a file a "
            "slice, or of one multi-frame file."
        )
    _check_uids(images)
    return SourceCT(images, frames)


def _header(path: Path) -> pydicom.Dataset:
    """Return what an object takes from a file."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            kept = pydicom.Dataset()
            for keyword in (*_MAY_BE_EMPTY, *_OF_PATIENT_AND_STUDY, *_OF_THE_IMAGE):
                if (value := data.get(keyword)) not in (None, ""):
                    setattr(kept, keyword, value)
                elif keyword in _MAY_BE_EMPTY:
                    setattr(kept, keyword, "")
    except parse_errors() as error:
        raise InputError(
            f"{path.name}: the DICOM header cannot be read again; DICOM objects need the files of "
            "the CT where they were."
        ) from error
    kept.SOPClassUID = kept.get("SOPClassUID") or CT_IMAGE
    kept.Modality = "CT"
    if kept.PatientSex not in ("", "M", "F", "O"):
        kept.PatientSex = ""
    _spell_out_character_sets(kept)
    return kept


def _spell_out_character_sets(data: pydicom.Dataset) -> None:
    """Name the plain set, which stands as an empty value where others are added to it."""
    sets = data.get("SpecificCharacterSet")
    if not sets:
        return
    several = [str(one) for one in sets] if not isinstance(sets, str) else [sets]
    if len(several) > 1:
        several = [one or _PLAIN_SET for one in several]
    data.SpecificCharacterSet = several


def _check_uids(images: Sequence[pydicom.Dataset]) -> None:
    for keyword in _UNIQUE:
        if any(not image.get(keyword) for image in images):
            raise InputError(
                f"The CT's files have no {keyword}, by which DICOM objects name what they belong "
                "to; no DICOM object was made."
            )
    if len({str(image.SOPInstanceUID) for image in images}) < len(images):
        raise InputError(
            "Images of the CT share one SOPInstanceUID, so that a DICOM object cannot name them; "
            "export the series again from the archive."
        )


def _frames(image: pydicom.Dataset, series: CTSeries) -> np.ndarray:
    """Return the frame of each slice by its position."""
    groups: Any = image.get("PerFrameFunctionalGroupsSequence") or []
    try:
        stated = [group.PlanePositionSequence[0].ImagePositionPatient for group in groups]
        positions = np.array([[float(v) for v in one] for one in stated])
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            "The multi-frame image does not state where its frames lie; no DICOM object was made."
        ) from error
    n = len(series.hu)
    k = np.arange(n)
    corners = (series.affine[:3, 2:3] * k + series.affine[:3, 3:]).T * (-1, -1, 1)
    if len(positions) < n:
        raise InputError("The multi-frame image has fewer frames than the CT has slices.")
    distances_mm = np.linalg.norm(positions[None] - corners[:, None], axis=2)
    frames = distances_mm.argmin(axis=1)
    if distances_mm.min(axis=1).max() > _SAME_MM or len(set(frames)) < n:
        raise InputError(
            "The frames of the multi-frame image do not lie where the slices of the CT do; no "
            "DICOM object was made."
        )
    return frames
