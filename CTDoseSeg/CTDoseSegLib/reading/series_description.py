"""A series by its headers: for the ranking, in words, and as flags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..dicom.header import Header
from ..dicom.identity import safe_code, safe_text
from ..errors import GeometryError
from ..flags import Flag, flag
from .selection import SeriesCandidate, why_reformat
from .stacking import along, is_axial
from .value_kind import value_flags

_EXPOSURE = ("XRayTubeCurrent", "XRayTubeCurrentInmA", "CTDIvol", "CTExposureSequence")


def candidate_of(headers: Sequence[Header], *, patient: int = 0, index: int = 0) -> SeriesCandidate:
    """Describe a group of slices for `selection`.

    Parameters
    ----------
    headers
        Of the group; at least one.
    patient
        Index of the patient in the folder.
    index
        The group's place in the caller's list.

    Returns
    -------
    SeriesCandidate
    """
    first = headers[0]
    axial, extent = None, 0.0
    try:
        axial = is_axial(first)
        extent = float(np.ptp(along(headers)))
    except GeometryError:
        pass
    number = first.number("SeriesNumber")
    return SeriesCandidate(
        series_uid=first.text("SeriesInstanceUID"),
        patient=patient,
        description=safe_text(first, "SeriesDescription"),
        series_number=None if number is None else int(number),
        modality=safe_code(first, "Modality").upper(),
        sop_class=first.text("SOPClassUID"),
        image_type=first.texts("ImageType"),
        kernel=first.text("ConvolutionKernel"),
        n_slices=len(headers),
        thickness_mm=first.number("SliceThickness"),
        extent_mm=extent,
        axial=axial,
        has_exposure=any(keyword in first.values for keyword in _EXPOSURE),
        index=index,
    )


def description(header: Header) -> str:
    """Return series number and description without the patient's identity."""
    number = header.number("SeriesNumber")
    parts = ("" if number is None else f"{int(number)}", safe_text(header, "SeriesDescription"))
    return " ".join(part for part in parts if part)


def kind_flags(headers: Sequence[Header]) -> list[Flag]:
    """Flag what in a series' own description speaks against it."""
    flags = []
    first = headers[0]
    kinds = [value.upper().strip() for value in first.texts("ImageType")]
    if kinds[:1] == ["DERIVED"]:
        flags.append(flag("derived", safe_text(first, "ImageType").upper()))
    if why_reformat(candidate_of(headers)):
        flags.append(flag("reformat"))
    flags += value_flags(headers)
    thickness = Counter(header.number("SliceThickness") for header in headers)
    if len(thickness) > 1:
        flags.append(flag("thickness_varies", f"{len(thickness)} values"))
    if len({h.text("IrradiationEventUID") for h in headers} - {""}) > 1:
        flags.append(flag("several_events"))
    return flags
