"""DICOM segmentations (SEG): binary, fractional and label map, named by their segments.

Contours of an RTSTRUCT are read too (`rtstruct`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ct.organs import name_of
from ..dicom.elements import parse_errors
from ..errors import DependencyError, InputError, SegmentationError
from .frame_of_reference import frame_of_reference, refuse_other_frame
from .layers import merge_layers
from .rtstruct import RTSTRUCT, fill_contours

if TYPE_CHECKING:
    from ..ct.series import CTSeries

_SEG = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
# A voxel belongs to a segment if half of it does, or if it does so with this probability.
_HALF = 0.5


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class DICOMLabels:
    """Labels of a SEG or RTSTRUCT.

    Attributes
    ----------
    labels
        [k, j, i]: the slices from the first to the last that has a frame; values are the segments'
        numbers.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    rows
        ``value`` and ``name`` of the segments.
    overlap
        Voxels that lie in several segments; each belongs to the smallest.
    frame_of_reference
        UID; empty where the file states none.
    left_out
        Contours that lie in no slice of the CT.
    """

    labels: np.ndarray
    affine: np.ndarray
    rows: list[dict[str, str]]
    overlap: int
    frame_of_reference: str = ""
    left_out: int = 0


def read_dicom_labels(path: Path, series: CTSeries | None = None) -> DICOMLabels:
    """Read a DICOM SEG, or fill the contours of an RTSTRUCT.

    Parameters
    ----------
    path
        The file.
    series
        On whose grid contours are filled; None: an RTSTRUCT is refused.

    Returns
    -------
    DICOMLabels

    Raises
    ------
    InputError
        If the file cannot be read.
    SegmentationError
        If it is another kind of DICOM file, its frames cannot be placed, or contours were drawn on
        another examination.
    DependencyError
        If highdicom is missing.
    """
    import pydicom

    try:
        dataset = pydicom.dcmread(path)
    except parse_errors() as error:
        raise InputError(
            f"{path.name}: the DICOM header is damaged; copy or export the file again."
        ) from error
    if series is not None and _holds_contours(dataset):
        frame = frame_of_reference(dataset)
        refuse_other_frame(frame, series, path.name)
        filled = fill_contours(dataset, series, path.name)
        return DICOMLabels(
            filled.labels, series.affine, filled.rows, filled.overlap, frame, filled.left_out
        )
    _refuse_other_kinds(dataset, path.name)
    return _labels_of(dataset, path)


def _labels_of(dataset: Any, path: Path) -> DICOMLabels:
    highdicom = _highdicom(path.name)
    try:
        segmentation = highdicom.seg.Segmentation.from_dataset(dataset, copy=False)
        labels, affine, overlap = _volume(segmentation)
        rows = [_row(segment) for segment in segmentation.SegmentSequence]
    except MemoryError:
        raise
    except Exception as error:
        cause = " ".join(str(error).split()).rstrip(".")
        raise SegmentationError(
            f"{path.name} is a DICOM SEG that cannot be used ({cause}): export it again, or as a "
            "NIfTI or NRRD label map."
        ) from error
    rows = [row for row in rows if int(row["value"])]
    return DICOMLabels(labels, affine, rows, overlap, frame_of_reference(dataset))


def _holds_contours(dataset: Any) -> bool:
    kind = str(dataset.get("SOPClassUID", ""))
    return kind == RTSTRUCT or str(dataset.get("Modality", "")) == "RTSTRUCT"


def _refuse_other_kinds(dataset: Any, name: str) -> None:
    kind = str(dataset.get("SOPClassUID", ""))
    modality = str(dataset.get("Modality", ""))
    if _holds_contours(dataset):
        raise SegmentationError(
            f"{name} is a DICOM RT structure set (RTSTRUCT): its contours are read together with "
            "the CT that they were drawn on alone."
        )
    if kind not in _SEG:
        raise SegmentationError(
            f"{name} is a DICOM file of another kind{f' ({modality})' if modality else ''}, not a "
            "segmentation (SEG): give the label map of this series."
        )


def _volume(segmentation: Any) -> tuple[np.ndarray, np.ndarray, int]:
    if segmentation.SegmentationType == "LABELMAP":
        volume = segmentation.get_volume(combine_segments=True)
        return volume.array, _affine(volume), 0
    layers = []
    for number in segmentation.segment_numbers:
        volume = segmentation.get_volume(segment_numbers=[number])
        # Fractions come as parts of 1.
        layers.append(np.where(volume.array[..., 0] >= _HALF, np.uint16(number), np.uint16(0)))
    labels, overlap = merge_layers(layers)
    return labels, _affine(volume), overlap


def _affine(volume: Any) -> np.ndarray:
    # highdicom's indices are (slice, row, column), its world is LPS.
    affine = np.asarray(volume.affine, float)[:, [2, 1, 0, 3]]
    turned: np.ndarray = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return turned


def _row(segment: Any) -> dict[str, str]:
    code = _code(segment, "SegmentedPropertyTypeCodeSequence")
    kinds = segment.get("SegmentedPropertyTypeCodeSequence") or [None]
    side = _code(kinds[0], "SegmentedPropertyTypeModifierCodeSequence")
    name = name_of(str(segment.get("SegmentLabel", "")), code, side)
    return {"value": str(segment.SegmentNumber), "name": name}


def _code(dataset: Any, keyword: str) -> str:
    """Return the SNOMED CT code of a code sequence; empty where it has none."""
    for item in (dataset.get(keyword) if dataset is not None else None) or ():
        if item.get("CodingSchemeDesignator") == "SCT":
            return str(item.get("CodeValue", ""))
    return ""


def _highdicom(name: str) -> Any:
    try:
        import highdicom
    except ImportError as error:
        raise DependencyError(
            f"{name} is a DICOM SEG, and reading it needs the package highdicom: install it (pip "
            "install ctdoseseg[dicom]), or give a NIfTI or NRRD label map."
        ) from error
    return highdicom
