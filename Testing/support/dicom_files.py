"""Small DICOM series for the tests of reading: every tag can be replaced or taken out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

SHAPE = (6, 8)  # rows, columns
UID = "1.2.826.0.1.3680043.8.498"


def make_slice(k: int = 0, pixels: np.ndarray | None = None, **tags) -> pydicom.Dataset:
    """Slice `k` (2 mm steps) of a plain axial series; a tag given as None is left out."""
    if pixels is None:
        pixels = np.full(SHAPE, 1024 + k, np.uint16)
    rows, columns = pixels.shape
    values = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{UID}.9.{k + 1}",
        "SeriesInstanceUID": f"{UID}.1",
        "StudyInstanceUID": f"{UID}.2",
        "PatientID": "ID-4711",
        "PatientName": "Secret^Person",
        "Modality": "CT",
        "Manufacturer": "SIEMENS",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SeriesNumber": 3,
        "SeriesDescription": "Thorax",
        "InstanceNumber": k + 1,
        "AcquisitionNumber": 1,
        "KVP": 120,
        "XRayTubeCurrent": 100 + 10 * k,
        "ExposureTime": 500,
        "SpiralPitchFactor": 1.25,
        "CTDIvol": 5.0 + k,
        "ConvolutionKernel": "B30f",
        "SliceThickness": 2,
        "ImagePositionPatient": [-10, -20, 100 + 2 * k],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.5, 0.5],
        "SliceLocation": 2 * k,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
    }
    values.update(tags)
    data = pydicom.Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = f"{UID}.9.{k + 1}"
    for keyword, value in values.items():
        if value is not None:
            setattr(data, keyword, value)
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        if keyword in data:  # with the VR for unsigned pixels, as many files have it
            data[keyword].VR = "US"
    data.PixelData = pixels.tobytes()
    return data


def save(data: pydicom.Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def write_series(folder: Path, slices=range(5), **tags) -> Path:
    """Write slices into `folder`; a callable tag is called with k."""
    for n, k in enumerate(slices):
        own = {name: value(k) if callable(value) else value for name, value in tags.items()}
        name = f"{own.get('SeriesInstanceUID', 'series') or 'blank'}-{n:03d}.dcm"
        save(make_slice(k, **own), folder / name)
    return folder


def codes(series) -> set[str]:
    return {flag.code for flag in series.flags}
