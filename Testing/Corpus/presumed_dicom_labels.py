"""Label maps in DICOM: SEG of every kind, and contours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .base import Base, Table
from .presumed import AFFINE, entry
from .presumed_names import LIVER_ML, only, sizes, with_map

PRESUMED_DICOM_LABELS = Table("presumed")

_LIVER_CODE = "10200004"


def _dicom_seg(kind: str, *, coded: bool = True) -> Callable[[Base, Path], Path]:
    """The liver as a DICOM SEG."""

    def write_map(base: Base, folder: Path) -> Path:
        import pydicom
        from label_files import write_seg

        mask = only(base, liver=1)
        if kind == "BINARY":
            mask = mask[..., None].astype(bool)
        elif kind == "FRACTIONAL":
            mask = mask[..., None].astype(float)
        path = write_seg(folder / "seg.dcm", mask, AFFINE, [("Liver", _LIVER_CODE, "")], kind)
        if not coded:
            data = pydicom.dcmread(path)
            del data.SegmentSequence[0].SegmentedPropertyCategoryCodeSequence
            data.save_as(path)
        return path

    return write_map


for _kind in ("BINARY", "FRACTIONAL", "LABELMAP"):
    entry(
        PRESUMED_DICOM_LABELS,
        f"dicom_seg_{_kind.lower()}",
        f"the liver as a DICOM SEG, {_kind}",
        with_map(_dicom_seg(_kind)),
        without=("unnamed_labels", "not_this_organ"),
        check=sizes(liver=LIVER_ML),
        doses=True,
    )
entry(
    PRESUMED_DICOM_LABELS,
    "dicom_seg_without_its_code",
    "a DICOM SEG without the code of what its segment is",
    with_map(_dicom_seg("BINARY", coded=False)),
    says=("seg.dcm", "DICOM SEG"),
)


def _contours(base: Base, folder: Path) -> Path:
    from label_files import write_rtstruct

    return write_rtstruct(folder / "contours.dcm")


entry(
    PRESUMED_DICOM_LABELS,
    "rtstruct_as_segmentation",
    "contours of a DICOM RTSTRUCT as the label map",
    with_map(_contours),
    says=("RTSTRUCT", "contours"),
)
