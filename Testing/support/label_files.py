"""Label maps as other programs write them: Slicer's .seg.nrrd, DICOM SEG, RTSTRUCT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"


def image_of(array: np.ndarray, affine: np.ndarray) -> sitk.Image:
    """An image of `array` [k, j, i], or [k, j, i, layer], with an affine to RAS."""
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    flip = np.diag([-1.0, -1.0, 1.0])
    image.SetSpacing(spacing.tolist())
    image.SetOrigin((flip @ affine[:3, 3]).tolist())
    image.SetDirection((flip @ (affine[:3, :3] / spacing)).ravel().tolist())
    return image


def write_slicer_segmentation(
    path: Path,
    array: np.ndarray,
    affine: np.ndarray,
    segments: Sequence[Mapping[str, object]],
) -> Path:
    """Write a ``.seg.nrrd``: `segments` have Name and what else the header states of them."""
    image = image_of(array, affine)
    for number, fields in enumerate(segments):
        for name, value in {"ID": f"Segment_{number + 1}", **fields}.items():
            image.SetMetaData(f"Segment{number}_{name}", str(value))
    image.SetMetaData("Segmentation_MasterRepresentation", "Binary labelmap")
    sitk.WriteImage(image, str(path), True)
    return path


def ct_slices(shape: tuple[int, int, int], affine: np.ndarray) -> list[Dataset]:
    """DICOM headers of the slices of a CT, from the first to the last k."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    slices = []
    for k in range(shape[0]):
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        data.SOPInstanceUID = generate_uid()
        data.StudyInstanceUID, data.SeriesInstanceUID = study, series
        data.FrameOfReferenceUID = frame
        data.Modality = "CT"
        data.PatientID = data.PatientName = data.PatientBirthDate = data.PatientSex = ""
        data.StudyID = data.StudyDate = data.StudyTime = data.AccessionNumber = ""
        data.SeriesNumber, data.InstanceNumber = 1, k + 1
        data.Rows, data.Columns = shape[1:]
        data.PixelSpacing = [spacing[1], spacing[0]]
        data.SliceThickness = spacing[2]
        data.ImageOrientationPatient = [
            *(lps[:3, 0] / spacing[0]).tolist(),
            *(lps[:3, 1] / spacing[1]).tolist(),
        ]
        data.ImagePositionPatient = (lps @ (0, 0, k, 1))[:3].tolist()
        slices.append(data)
    return slices


def write_seg(
    path: Path,
    masks: np.ndarray,
    affine: np.ndarray,
    segments: Sequence[tuple[str, str, str]],
    kind: str = "BINARY",
) -> Path:
    """Write a DICOM SEG with highdicom; frames without labels are left out.

    Parameters
    ----------
    masks
        [k, j, i, segment], True or parts of 1; for ``LABELMAP`` [k, j, i] with numbers.
    segments
        Label, SNOMED CT code and SNOMED CT code of the side (empty: none) of each.
    """
    import highdicom
    from highdicom.sr.coding import CodedConcept

    category = CodedConcept("123037004", "SCT", "Anatomical Structure")
    descriptions = []
    for number, (label, code, side) in enumerate(segments, start=1):
        description = highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=category,
            segmented_property_type=CodedConcept(code, "SCT", label),
            algorithm_type="MANUAL",
        )
        if side:
            kind_of = description.SegmentedPropertyTypeCodeSequence[0]
            kind_of.SegmentedPropertyTypeModifierCodeSequence = [CodedConcept(side, "SCT", "side")]
        descriptions.append(description)
    segmentation = highdicom.seg.Segmentation(
        source_images=ct_slices(masks.shape[:3], affine),
        pixel_array=masks,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        omit_empty_frames=True,
    )
    segmentation.save_as(path)
    return path


def write_rtstruct(
    path: Path, structures: dict[str, list[np.ndarray]] | None = None, frame_of_reference: str = ""
) -> Path:
    """Write an RT structure set.

    Parameters
    ----------
    structures
        Name to closed contours, [n, 3] points in LPS mm; None: none.
    frame_of_reference
        UID; empty: the file states none.
    """
    data = Dataset()
    if frame_of_reference:
        frame = Dataset()
        frame.FrameOfReferenceUID = frame_of_reference
        data.ReferencedFrameOfReferenceSequence = pydicom.Sequence([frame])
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = RTSTRUCT
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.Modality = "RTSTRUCT"
    data.PatientName = "Doe^Jane"
    data.StructureSetROISequence = pydicom.Sequence([] if structures else [Dataset()])
    data.ROIContourSequence = pydicom.Sequence()
    for number, (name, contours) in enumerate((structures or {}).items(), start=1):
        roi, item = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        item.ReferencedROINumber, item.ContourSequence = number, pydicom.Sequence()
        for points in contours:
            contour = Dataset()
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(points)
            contour.ContourData = [f"{value:.3f}" for value in np.ravel(points)]
            item.ContourSequence.append(contour)
        data.StructureSetROISequence.append(roi)
        data.ROIContourSequence.append(item)
    data.save_as(path, enforce_file_format=True)
    return path
