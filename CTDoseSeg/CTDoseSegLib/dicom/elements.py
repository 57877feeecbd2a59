"""The tags that CTDoseSeg needs, interpreted from their bytes.

Values are interpreted here rather than by pydicom's element classes: for 300 slices that saves
most of the time, and a value that breaks its format (a name in a number, a wrong VR) is then
one missing value with a flag, not a failure of the file.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from typing import Any


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


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


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
    "GantryDetectorTilt "
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
    "CodeValue"
)
SEQUENCES = _words(
    "CTDIPhantomTypeCodeSequence CTExposureSequence ContrastBolusAgentSequence "
    "SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence"
)

_TEXT_NUMBER = ("DS", "IS")
# A comma that can only be a decimal one: with three digits after it and more than a zero before, it
# could group thousands, and the value stays unread.
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+,(\d{1,2}|\d{4,})|0,\d+)")
_BINARY = {"FD": "d", "FL": "f", "US": "H", "SS": "h", "UL": "I", "SL": "i", "US or SS": "H"}


def dataset_values(dataset: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the needed values of a dataset and the keywords whose values could not be read.

    Parameters
    ----------
    dataset
        pydicom's.

    Returns
    -------
    values : dict
        Keyword to a tuple of floats or strings, or of such dicts (sequences).
    problems : list of str
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    known = known_tags()
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
                    _flatten(item) if grouped else dataset_values(item)[0] for item in items
                )
            else:
                value = _interpret(element, vr)
        except RecursionError:
            raise
        except parse_errors():
            problems.append(keyword)
            continue
        if value:
            values[keyword] = value
    return values, problems


def _flatten(group: Any) -> dict[str, Any]:
    """Flatten the functional groups of one frame: every needed tag of every group."""
    flat: dict[str, Any] = {}
    for element in group:
        if element.VR == "SQ" and element.value:
            inner, _ = dataset_values(element.value[0])
            flat.update(inner)
            if element.keyword == "CTExposureSequence":
                flat["CTExposureSequence"] = tuple(dataset_values(i)[0] for i in element.value)
    return flat


_cache: dict[tuple, Any] = {}


def _interpret(element: Any, vr: str) -> tuple:
    """Interpret an element as a tuple of floats or strings.

    The same bytes come back in every slice of a series, hence the cache.
    """
    raw = element.value
    if not isinstance(raw, bytes):
        return _from_pydicom(raw, vr)
    written = element.VR
    if written in (None, "UN", "OB", "OW"):
        written = vr
    key = (vr, written, element.is_little_endian, raw)
    if key not in _cache:
        if len(_cache) > 20000:
            _cache.clear()
        _cache[key] = _decode(raw, vr, written, element.is_little_endian)
    return _cache[key]


def _decode(raw: bytes, vr: str, written: str, little_endian: bool) -> tuple:
    """Interpret bytes by the VR that the file wrote; numbers are wanted where `vr` is a number."""
    wants_number = vr in _TEXT_NUMBER or vr in _BINARY
    if written in _BINARY:
        code = _BINARY[written]
        count = len(raw) // struct.calcsize(code)
        values: tuple = struct.unpack_from(f"{'<' if little_endian else '>'}{count}{code}", raw)
        values = tuple(float(v) for v in values)
    else:
        parts = [part.strip(" \0\t\r\n") for part in _to_text(raw).split("\\")]
        if wants_number:
            values = tuple(_number(part) for part in parts if part)
        else:
            values = tuple(parts) if any(parts) else ()
    if wants_number and not all(math.isfinite(v) for v in values):
        raise ValueError("not a finite number")
    return values if wants_number else tuple(str(v) for v in values)


def _number(text: str) -> float:
    """Read a number; some archives write DS with the decimal comma of their country."""
    return float(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)


def _to_text(raw: bytes) -> str:
    """Decode any character set: numbers, codes and UIDs are ASCII, the rest is for display."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


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


def known_tags() -> dict[int, tuple[str, str]]:
    """Map the needed tags to keyword and the VR of DICOM's dictionary."""
    if not _known_tags:
        from pydicom.datadict import dictionary_VR, tag_for_keyword

        for keyword in (*KEYWORDS, *SEQUENCES):
            tag = tag_for_keyword(keyword)
            _known_tags[tag] = (keyword, dictionary_VR(tag))
    return _known_tags
