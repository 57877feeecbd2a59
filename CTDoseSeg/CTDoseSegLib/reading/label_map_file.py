"""Label maps in files: their voxels, and the names that stand in or beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..dicom.header_file import looks_like_dicom
from ..errors import InputError, SegmentationError
from .dicom_seg import read_dicom_labels
from .image_file import read_image
from .label_names import HEADER, LabelNames, read_names_beside, table_in_header
from .nifti_file import SCALING, is_nifti, nifti_extensions
from .npy_volume import read_npy_array
from .seg_nrrd import is_segmentation, segmentation_labels

if TYPE_CHECKING:
    from ..ct.series import CTSeries

_VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".npy")
_SEGMENTS = "the segments"
_SCENE = "the segmentation"


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class LabelFile:
    """A label map as it is in a file.

    Attributes
    ----------
    voxels
        [k, j, i], of the file's type.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    names
        From the file or from beside it; empty where there is no table.
    partial
        True where the file may hold only that part of the CT's grid which has labels.
    overlap_voxels
        Voxels that lay in several segments.
    scaling
        How the header scales the values; empty where it does not.
    frame_of_reference
        UID of the frame that a DICOM file lies in, empty where it states none: its labels may be
        put onto a CT of that frame and another grid. None for files of other kinds.
    left_out
        Contours that lie in no slice of the CT.
    """

    voxels: np.ndarray
    affine: np.ndarray
    names: LabelNames
    partial: bool = False
    overlap_voxels: int = 0
    scaling: str = ""
    frame_of_reference: str | None = None
    left_out: int = 0


def read_label_file(path: Path, series: CTSeries | None = None) -> LabelFile:
    """Read a label map with its names.

    Parameters
    ----------
    path
        NIfTI, NRRD (also Slicer's ``.seg.nrrd``), DICOM SEG or RTSTRUCT, or npy with its affine
        in .json.
    series
        The CT; needed for an RTSTRUCT alone.

    Returns
    -------
    LabelFile

    Raises
    ------
    InputError
        If the file does not exist, or it or a table of names cannot be read.
    SegmentationError
        If it is no label map.
    DependencyError
        If a package that reads it is missing.
    """
    if not path.is_file():
        raise InputError(f"There is no label map {path.name}: check the path.")
    if not path.name.lower().endswith(_VOLUMES) and _is_dicom(path):
        read = read_dicom_labels(path, series)
        return LabelFile(
            read.labels,
            read.affine,
            read_names_beside(path, read.rows, _SEGMENTS),
            partial=True,
            overlap_voxels=read.overlap,
            frame_of_reference=read.frame_of_reference,
            left_out=read.left_out,
        )
    if path.name.lower().endswith(".npy"):
        return _read_npy(path)
    image = read_image(path)
    if image.axes == 3 and is_segmentation(image.fields):
        labels, rows, overlap = segmentation_labels(image.voxels, image.fields, path.name)
        names = read_names_beside(path, rows)
        return LabelFile(labels, image.affine, names, partial=True, overlap_voxels=overlap)
    if image.axes != 3 or image.values_per_voxel != 1:
        raise SegmentationError(
            f"{path.name} has {image.axes} dimensions and {image.values_per_voxel} values a voxel; "
            "give one three-dimensional label map (export several layers as one)."
        )
    rows_in_header: Sequence[dict[str, str]] = ()
    if is_nifti(path):
        rows_in_header = table_in_header(nifti_extensions(path))
    names = read_names_beside(path, rows_in_header, HEADER)
    scaling = image.fields.get(SCALING, "")
    return LabelFile(image.voxels, image.affine, names, scaling=scaling)


def _read_npy(path: Path) -> LabelFile:
    """Read what the module stages: an array with its affine and its names beside it."""
    voxels, affine = read_npy_array(path)
    if voxels.ndim != 3 or voxels.dtype.kind not in "uif":
        raise SegmentationError(
            f"{path.name} holds {voxels.dtype} of shape {voxels.shape}; give slices x rows x "
            "columns of whole numbers."
        )
    names = read_names_beside(path, ())
    # The tables beside it are the module's too: nobody in a scene knows of them.
    return LabelFile(voxels, affine, replace(names, source=_SCENE if names.source else ""))


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        return looks_like_dicom(stream.read(132))
