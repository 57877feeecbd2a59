"""Reading a DICOM folder against SimpleITK's series reader, both with all metadata.

Writes 300 uncompressed slices of 512 x 512 into a temporary folder, reads them with both in turn
and prints the times and their ratio (ours / SimpleITK's; at most 1 is the aim).

    python Testing/Benchmarks/benchmark_reading.py [--slices 300] [--repeats 3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))


def write_series(folder: Path, count: int) -> None:
    """`count` slices of noise with about the tags of a scanner's."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    rng = np.random.default_rng(0)
    series, study, event = generate_uid(), generate_uid(), generate_uid()
    for k in range(count):
        data = pydicom.Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
        data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]
        data.SeriesInstanceUID, data.StudyInstanceUID = series, study
        data.IrradiationEventUID = event
        data.Modality, data.Manufacturer = "CT", "SIEMENS"
        data.ManufacturerModelName, data.SeriesDescription = "Noise 300", "Thorax 1.0 B30f"
        data.PatientID, data.PatientName, data.PatientAge = "0", "Noise", "050Y"
        data.StudyDate = data.SeriesDate = data.ContentDate = "20240101"
        data.StudyTime = data.AcquisitionTime = data.ContentTime = f"1200{k % 60:02d}.5"
        data.BodyPartExamined, data.PatientPosition = "CHEST", "HFS"
        data.SeriesNumber, data.InstanceNumber, data.AcquisitionNumber = 2, k + 1, 1
        data.KVP, data.XRayTubeCurrent, data.ExposureTime = 120, 100 + k % 90, 500
        data.Exposure, data.SpiralPitchFactor = 50, 1.0
        data.SingleCollimationWidth, data.TotalCollimationWidth = 0.6, 38.4
        data.CTDIvol, data.ExposureModulationType = 7.5 + k % 9, "XYZ_EC"
        data.ConvolutionKernel, data.FilterType = "B30f", "WEDGE_3"
        data.SliceThickness, data.GantryDetectorTilt = 1, 0
        data.ImagePositionPatient = [-180.5, -190.5, -float(k)]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.SliceLocation, data.FrameOfReferenceUID = -float(k), study
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.Rows = data.Columns = 512
        data.PixelSpacing = [0.7, 0.7]
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, -1024, "HU"
        block = data.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", bytes(12000))
        data.PixelData = rng.integers(0, 3000, (512, 512), dtype=np.uint16).tobytes()
        data.save_as(folder / f"CT{k:04d}.dcm", enforce_file_format=True)


def read_with_simpleitk(folder: Path) -> np.ndarray:
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    reader.MetaDataDictionaryArrayUpdateOn()
    return SimpleITK.GetArrayFromImage(reader.Execute())


def main() -> None:
    from CTDoseSegLib.reading.reader import read_series

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_series(folder, options.slices)
        ours, theirs = [], []
        for _ in range(options.repeats):
            start = time.perf_counter()
            expected = read_with_simpleitk(folder)
            middle = time.perf_counter()
            series = read_series(folder)
            ours.append(time.perf_counter() - middle)
            theirs.append(middle - start)
            if not np.array_equal(series.hu, expected):
                sys.exit("the two readers disagree")
    print(f"{options.slices} slices of 512 x 512, uncompressed, best of {options.repeats}")
    print(f"SimpleITK   {min(theirs):6.2f} s")
    print(f"read_series {min(ours):6.2f} s")
    print(f"ratio       {min(ours) / min(theirs):6.2f}")


if __name__ == "__main__":
    main()
