"""The tags that CTDoseSeg needs, interpreted from their bytes.

Values are interpreted here rather than by pydicom's element classes: for 300 slices that saves
most of the time, and a value that breaks its format (a name in a number, a wrong VR) is then
one missing value with a flag, not a failure of the file.
"""

from __future__ import annotations

import functools
import math
import re
import struct
import zlib
from collections.abc import Iterable
from typing import Any

from .character_sets import decode_text, possible_texts
from .identity_tags import DATES, IDENTIFYING, NAMES, NUMBERS


def parse_errors() -> tuple[type[Exception], ...]:
    """Return what pydicom raises on damaged files, each seen with one cut or altered at random."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (
        InvalidDicomError,
        BytesLengthException,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        NotImplementedError,
        OverflowError,
        MemoryError,
        struct.error,
        zlib.error,
    )


def _words(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(texts).split()))


KEYWORDS = _words(
    # who and which series; patient tags serve to tell patients apart and are never shown
    "PatientID PatientName PatientBirthDate PatientAge PatientSex PatientWeight PregnancyStatus "
    "StudyInstanceUID StudyDate SeriesInstanceUID SeriesNumber SeriesDescription SOPClassUID "
    "SOPInstanceUID InstanceNumber AcquisitionNumber FrameAcquisitionNumber IrradiationEventUID "
    "TemporalPositionIdentifier TemporalPositionIndex AcquisitionDate AcquisitionTime "
    "AcquisitionDateTime "
    "FrameAcquisitionDateTime ContentTime NominalPercentageOfCardiacPhase Modality ImageType "
    "FrameType FrameOfReferenceUID BodyPartExamined PatientPosition Manufacturer "
    "ManufacturerModelName "
    # geometry
    "ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness SliceLocation "
    "GantryDetectorTilt DataCollectionCenterPatient "
    # pixels
    "Rows Columns SamplesPerPixel BitsAllocated BitsStored HighBit "
    "PixelRepresentation NumberOfFrames RescaleSlope RescaleIntercept RescaleType "
    "PixelPaddingValue PixelPaddingRangeLimit LossyImageCompression "
    # exposure
    "KVP XRayTubeCurrent XRayTubeCurrentInuA XRayTubeCurrentInmA ExposureTime ExposureTimeInms "
    "Exposure ExposureInuAs ExposureInmAs RevolutionTime SpiralPitchFactor TableFeedPerRotation "
    "SingleCollimationWidth TotalCollimationWidth CTDIvol ExposureModulationType FilterType "
    "FilterMaterial ConvolutionKernel ScanOptions ScanLength MultienergyCTAcquisition "
    "CardiacSynchronizationTechnique CardiacRRIntervalSpecified ContrastBolusAgent "
    "CodeValue",
    *NAMES,
    *NUMBERS,
    *DATES,
)
SEQUENCES = _words(
    "OtherPatientIDsSequence "
    "CTDIPhantomTypeCodeSequence CTExposureSequence ContrastBolusAgentSequence "
    "SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence"
)

_TEXT_NUMBER = ("DS", "IS")
# A comma that can only be a decimal one: with three digits after it and more than a zero before, it
# could group thousands, and the value stays unread.
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+,(\d{1,2}|\d{4,})|0,\d+)")
_BINARY = {"FD": "d", "FL": "f", "US": "H", "SS": "h", "UL": "I", "SL": "i", "US or SS": "H"}


def dataset_values(
    dataset: Any, character_sets: tuple[str, ...] = ()
) -> tuple[dict[str, Any], list[str]]:
    """Return the needed values of a dataset and the keywords whose values could not be read.

    Parameters
    ----------
    dataset
        pydicom's.
    character_sets
        Those of the dataset around it, for one that declares none.

    Returns
    -------
    values : dict
        Keyword to a tuple of floats or strings, or of such dicts (sequences).
    problems : list of str
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    known = known_tags()
    character_sets = _declared(dataset) or character_sets
    # Looks at the tags that are present, not at those that could be: most of a hundred are absent,
    # and asking pydicom for one, and its comparison of tags, took most of an archive's discovery.
    for tag, element in list(dataset.items()):
        keyword, vr = known.get(int(tag), ("", ""))
        if not keyword:
            continue
        try:
            if vr == "SQ":
                grouped = keyword.endswith("FunctionalGroupsSequence")
                items = dataset[tag].value or ()
                value = tuple(
                    _flatten(item, character_sets)
                    if grouped
                    else dataset_values(item, character_sets)[0]
                    for item in items
                )
            else:
                value = _interpret(element, vr, keyword, character_sets)
        except RecursionError:
            raise
        except parse_errors():
            problems.append(keyword)
            continue
        if len(value) > 1 and keyword in _single_numbers():
            problems.append(keyword)  # which of them is meant?
        elif value:
            values[keyword] = value
    return values, problems


def _flatten(group: Any, character_sets: tuple[str, ...]) -> dict[str, Any]:
    """Flatten the functional groups of one frame: every needed tag of every group."""
    flat: dict[str, Any] = {}
    for element in group:
        if element.VR == "SQ" and element.value:
            inner, _ = dataset_values(element.value[0], character_sets)
            flat.update(inner)
            if element.keyword == "CTExposureSequence":
                flat["CTExposureSequence"] = tuple(
                    dataset_values(item, character_sets)[0] for item in element.value
                )
    return flat


_cache: dict[tuple, Any] = {}


def _declared(dataset: Any) -> tuple[str, ...]:
    """Return the values of SpecificCharacterSet (0008,0005); empty where there are none."""
    element = dataset.get_item(0x00080005)
    raw = element.value if element is not None else None
    if isinstance(raw, bytes):
        return tuple(part.strip(" \0") for part in raw.decode("ascii", "replace").split("\\"))
    if raw is None:
        return ()
    return (raw,) if isinstance(raw, str) else tuple(str(part) for part in raw)


def _interpret(element: Any, vr: str, keyword: str, character_sets: tuple[str, ...]) -> tuple:
    """Interpret an element as a tuple of floats or strings.

    The same bytes come back in every slice of a series, hence the cache.
    """
    raw = element.value
    if not isinstance(raw, bytes):
        return _from_pydicom(raw, vr)
    written = element.VR
    if written in (None, "UN", "OB", "OW"):
        written = vr
    identifies = keyword in IDENTIFYING
    key = (vr, written, element.is_little_endian, raw, identifies, character_sets)
    if key not in _cache:
        if len(_cache) > 20000:
            _cache.clear()
        if identifies:
            # Read in each way in which it can be meant: it is recognised, and never shown.
            _cache[key] = _values_of(possible_texts(raw, character_sets))
        else:
            _cache[key] = _decode(raw, vr, written, element.is_little_endian, character_sets)
    return _cache[key]


def _decode(
    raw: bytes, vr: str, written: str, little_endian: bool, character_sets: tuple[str, ...]
) -> tuple:
    """Interpret bytes by the VR that the file wrote; numbers are wanted where `vr` is a number."""
    wants_number = vr in _TEXT_NUMBER or vr in _BINARY
    if written in _BINARY:
        code = _BINARY[written]
        count = len(raw) // struct.calcsize(code)
        values: tuple[Any, ...] = struct.unpack_from(
            f"{'<' if little_endian else '>'}{count}{code}", raw
        )
        values = tuple(float(v) for v in values)
    elif wants_number:
        texts = _values_of((raw.decode("latin-1"),))
        values = tuple(read_decimal(text) for text in texts if text)
    else:
        return _values_of((decode_text(raw, character_sets),))
    if wants_number and not all(math.isfinite(v) for v in values):
        raise ValueError("not a finite number")
    return values if wants_number else tuple(str(v) for v in values)


def read_decimal(text: str) -> float:
    """Read a number; some archives write DS with the decimal comma of their country."""
    return float(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)


def _values_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the values in texts, stripped; none where all are empty."""
    parts = [part.strip(" \0\t\r\n") for text in texts for part in text.split("\\")]
    return tuple(parts) if any(parts) else ()


def _from_pydicom(value: Any, vr: str) -> tuple:
    """Convert the value of an element that pydicom has interpreted already."""
    if value is None or value == "":
        return ()
    items = list(value) if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
    if vr in _TEXT_NUMBER or vr in _BINARY:
        numbers = tuple(float(item) for item in items if item not in (None, ""))
        if not all(math.isfinite(v) for v in numbers):
            raise ValueError("not a finite number")
        return numbers
    return tuple(str(item).strip() for item in items)


_known_tags: dict[int, tuple[str, str]] = {}


@functools.cache
def _single_numbers() -> frozenset[str]:
    """Return the needed tags that hold one number by DICOM's dictionary."""
    from pydicom.datadict import dictionary_VM

    numbers = (*_TEXT_NUMBER, *_BINARY)
    return frozenset(
        keyword
        for tag, (keyword, vr) in known_tags().items()
        if vr in numbers and dictionary_VM(tag) == "1"
    )


def known_tags() -> dict[int, tuple[str, str]]:
    """Map the needed tags to keyword and the VR of DICOM's dictionary."""
    if not _known_tags:
        from pydicom.datadict import dictionary_VR, tag_for_keyword

        for keyword in (*KEYWORDS, *SEQUENCES):
            tag = tag_for_keyword(keyword)
            _known_tags[tag] = (keyword, dictionary_VR(tag))
    return _known_tags
