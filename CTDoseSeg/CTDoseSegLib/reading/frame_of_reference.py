"""Whether a DICOM file's coordinates are those of a CT: its frame of reference (PS3.3, C.7.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..dicom.header_file import read_header
from ..errors import SegmentationError

if TYPE_CHECKING:
    from ..ct.series import CTSeries


def frame_of_reference(dataset: Any) -> str:
    """Return the UID of the frame that a SEG or RTSTRUCT lies in; empty where it states none."""
    if uid := str(dataset.get("FrameOfReferenceUID", "") or ""):
        return uid
    for item in dataset.get("ReferencedFrameOfReferenceSequence") or ():
        return str(item.get("FrameOfReferenceUID", "") or "")
    return ""


def refuse_other_frame(stated: str, series: CTSeries, name: str) -> None:
    """Refuse a file that states another frame of reference than the CT.

    Patients lie in much the same place of every scanner, so that contours of another examination
    would be filled where they do not belong and nothing would show it.

    Parameters
    ----------
    stated
        UID of the file's frame; empty: nothing is refused.
    series
        The CT; nothing is refused where its files are no DICOM.
    name
        Of the file; begins the sentence of the error.

    Raises
    ------
    SegmentationError
        If the frames differ.
    """
    header = read_header(series.files[0]) if stated and series.files else None
    own = header.text("FrameOfReferenceUID") if header is not None else ""
    if own and own != stated:
        raise SegmentationError(
            f"{name} was drawn on another examination than this CT (its frame of reference is "
            "another); give the segmentation of this CT, or register it and save it as a label map "
            "on the CT's grid."
        )
