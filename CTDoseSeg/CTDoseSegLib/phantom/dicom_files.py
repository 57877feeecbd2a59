"""Writes a phantom as a CT series, with its dose report and its truth beside it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..errors import OutputError
from ..tasks.progress import Progress
from .dose_report_file import SpiralScan, add_dose_report
from .exposure import (
    PITCH,
    ROTATION_TIME_S,
    SINGLE_COLLIMATION_MM,
    TOTAL_COLLIMATION_MM,
    PhantomExposure,
    exposure,
)
from .truth_files import write_truth

if TYPE_CHECKING:
    from .bodies.body import Body
    from .phantom import Phantom

# Blood without contrast agent is far below, with it far above.
ENHANCED_HU = 90.0
DEFINITELY_PREGNANT = 3  # DICOM PS3.3, Table C.7-4a; 4 is unknown
# What an image states and a report does not.
_OF_IMAGES = (
    *("ImageType", "IrradiationEventUID", "FrameOfReferenceUID", "PositionReferenceIndicator"),
    *("AcquisitionDate", "AcquisitionTime", "AcquisitionNumber", "ProtocolName"),
    *("BodyPartExamined", "PatientPosition", "ContrastBolusAgent"),
)
# SNOMED codes of what a protocol was made for.
_TRUNK = ("416949008", "Abdomen and Pelvis", "SCT")
_REGIONS = {
    "trunk": ("416775004", "Chest, Abdomen and Pelvis", "SCT"),
    "chest": ("51185008", "Chest", "SCT"),
    "abdomen": ("818981001", "Abdomen", "SCT"),
    "head": ("69536005", "Head", "SCT"),
    "head_neck": ("774007", "Head and Neck", "SCT"),
    "abdomen_pelvis": _TRUNK,
    "pelvis": ("816092008", "Pelvis", "SCT"),
    "whole": ("38266002", "Entire body", "SCT"),
}


def write_dicom(
    phantom: Phantom, folder: str | Path, progress: Progress | None = None
) -> list[Path]:
    """Write ``folder/dicom`` (one file a slice), ``folder/rdsr`` and ``folder/truth``.

    The dose report has a folder of its own, so that ``folder/dicom`` stays an examination without
    one; who analyses `folder` as a whole has both.

    Parameters
    ----------
    phantom
        Made slice by slice while writing.
    folder
        Made where it does not exist; one with a phantom in it is refused. Nothing is left in it
        where the task fails or is cancelled.
    progress
        Receives progress; may cancel.

    Returns
    -------
    list of Path
        The DICOM files in order of k, then the truth's: ``segmentation.nii.gz`` (``.nrrd``
        without nibabel), ``labels.csv`` (value, name, snomed_code, color), ``groups.csv`` (group,
        atom) and ``truth.json`` (exact WED, tube current, CTDIvol, irradiated range), then
        ``rdsr/dose_report.dcm``.

    Raises
    ------
    OutputError
        If the folder cannot be written, or already has a phantom in it.
    """
    progress = progress or Progress()
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        require_free(folder)
        with tempfile.TemporaryDirectory(prefix=".phantom-", dir=folder) as unfinished:
            files = _write(phantom, Path(unfinished), progress)
            for name in ("truth", "rdsr", "dicom"):
                (Path(unfinished) / name).rename(folder / name)
            return [folder / file.relative_to(unfinished) for file in files]
    except OSError as error:
        raise OutputError(
            f"The phantom cannot be written to {folder.name}: {error.strerror}; choose another "
            "folder."
        ) from error


def require_free(folder: Path) -> None:
    """Refuse a folder that has a phantom in it.

    Raises
    ------
    OutputError
        Naming what is there.
    """
    for name in ("dicom", "truth", "rdsr"):
        if (folder / name).exists():
            raise OutputError(
                f"{folder.name} already has a folder {name}; give another folder for the phantom."
            )


def _write(phantom: Phantom, folder: Path, progress: Progress) -> list[Path]:
    """Write pixels first; the tube current needs every slice's WED, so tags come second."""
    count = phantom.shape[2]
    hu, truth = phantom.render(
        lambda k: progress.update(0.9 * (k + 1) / count, "Making the phantom")
    )
    exposed = exposure(phantom, truth.wed_mm)
    files = []
    (folder / "dicom").mkdir()
    (folder / "truth").mkdir()
    for k in range(count):
        path = folder / "dicom" / f"CT_{count - k:04d}.dcm"
        _dataset(phantom, exposed, k, hu[k]).save_as(path, enforce_file_format=True)
        files.append(path)
    progress.update(0.97, "Writing the truth")
    files += write_truth(phantom, truth, exposed, folder / "truth")
    (folder / "rdsr").mkdir()
    files.append(folder / "rdsr" / "dose_report.dcm")
    _dose_report(phantom, exposed).save_as(files[-1], enforce_file_format=True)
    progress.update(1.0, "Writing the truth")
    return files


def _uid(phantom: Phantom, what: str) -> str:
    """Return a UID that is the same for the same phantom."""
    from pydicom.uid import generate_uid

    body = [] if phantom.body is None else [repr(phantom.body)]
    return str(generate_uid(entropy_srcs=[repr(phantom), *body, what]))


def _file(sop_class: str, instance_uid: str) -> Any:
    """Return a data set to be saved as a file of its own."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = instance_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, instance_uid
    return ds


def _dataset(phantom: Phantom, exposed: PhantomExposure, k: int, hu: np.ndarray) -> Any:
    """Return one slice as a CT Image Storage data set."""
    from pydicom.uid import CTImageStorage

    ds = _file(CTImageStorage, _uid(phantom, f"instance {k}"))
    _patient_and_study(ds, phantom)
    _geometry(ds, phantom, exposed, k)
    _exposure(ds, phantom, exposed, k)
    _pixels(ds, hu)
    return ds


def _patient_and_study(ds: Any, phantom: Phantom) -> None:
    """Set patient, study, series and equipment; no identity."""
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.PatientName = "Phantom^CTDoseSeg"
    ds.PatientID = f"PHANTOM-{phantom.seed}"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "", "O", "050Y"
    if phantom.body is not None:
        _person(ds, phantom.body)
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Never had an identity: analytic phantom"
    ds.StudyInstanceUID = _uid(phantom, "study")
    ds.SeriesInstanceUID = _uid(phantom, "series")
    ds.FrameOfReferenceUID = _uid(phantom, "frame of reference")
    ds.IrradiationEventUID = _uid(phantom, "irradiation event")
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20240101"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "120000"
    ds.AccessionNumber, ds.ReferringPhysicianName, ds.StudyID = "", "", "1"
    ds.StudyDescription = "CTDoseSeg phantom"
    ds.SeriesDescription = f"Phantom {phantom.variant}"
    ds.ProtocolName = f"Phantom {phantom.variant}"
    if _enhanced(phantom):
        ds.ContrastBolusAgent = "IODINE"
    ds.Modality, ds.SeriesNumber, ds.AcquisitionNumber = "CT", 2, 1
    ds.Manufacturer, ds.ManufacturerModelName = "CTDoseSeg phantom", "Analytic"
    ds.SoftwareVersions = __version__
    ds.PositionReferenceIndicator = ""
    body = {
        **{"trunk": "CHESTABDOMEN", "cylinder": "PHANTOM", "whole": "WHOLEBODY"},
        **{"head_neck": "HEADNECK", "abdomen_pelvis": "ABDOMENPELVIS"},
    }
    ds.BodyPartExamined = body.get(phantom.variant, phantom.variant.upper())
    ds.PatientPosition = phantom.position


def _enhanced(phantom: Phantom) -> bool:
    """Return whether there is contrast agent."""
    if phantom.body is not None:
        return phantom.body.phase != "none"
    return any(m.atom == "aorta" and m.hu > ENHANCED_HU for m in phantom.canvas.materials)


def _person(ds: Any, body: Body) -> None:
    """Set what a scanner knows of the patient."""
    from pydicom.valuerep import format_number_as_ds

    person = body.person
    months = round(12 * person.age_y)
    ds.PatientAge = f"{months:03d}M" if months < 24 else f"{int(person.age_y):03d}Y"
    ds.PatientSex = person.sex[0].upper()
    ds.PatientSize = format_number_as_ds(round(person.height_mm / 1000, 3))
    ds.PatientWeight = format_number_as_ds(round(person.weight_kg + body.gained_kg, 1))
    if body.pregnancy_week is not None:
        ds.PregnancyStatus = DEFINITELY_PREGNANT


def _dose_report(phantom: Phantom, exposed: PhantomExposure) -> Any:
    """Return the examination's X-Ray Radiation Dose SR."""
    from pydicom.uid import XRayRadiationDoseSRStorage

    ds = _file(XRayRadiationDoseSRStorage, _uid(phantom, "dose report"))
    _patient_and_study(ds, phantom)
    for keyword in _OF_IMAGES:
        if keyword in ds:
            delattr(ds, keyword)
    ds.SeriesInstanceUID = _uid(phantom, "dose report series")
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "SR", 99, 1
    ds.SeriesDescription, ds.DeviceSerialNumber = "Dose report", "0"
    scan = SpiralScan(
        uid=_uid(phantom, "irradiation event"),
        protocol=f"Phantom {phantom.variant}",
        region=_REGIONS.get(phantom.variant, _TRUNK),
        frame_of_reference_uid=_uid(phantom, "frame of reference"),
        z_mm=exposed.z_mm,
        tube_current_mA=exposed.tube_current_mA,
        ctdivol_mGy=exposed.ctdivol_mGy,
        scanned_mm=exposed.irradiated_range_mm,
        volume_mm=exposed.imaged_range_mm,
        phantom_cm=exposed.phantom_cm,
        kvp_kV=exposed.kvp_kV,
        rotation_time_s=ROTATION_TIME_S,
        pitch=PITCH,
        single_collimation_mm=SINGLE_COLLIMATION_MM,
        total_collimation_mm=TOTAL_COLLIMATION_MM,
        localizer=exposed.localizer,
        bolus_tracking=exposed.bolus_tracking,
    )
    uids = [_uid(phantom, what) for what in ("localizer event", "bolus event", "device")]
    add_dose_report(ds, scan, uids, ds.StudyDate)
    return ds


def _geometry(ds: Any, phantom: Phantom, exposed: PhantomExposure, k: int) -> None:
    """Set the image plane, LPS in mm; instances count from the head."""
    from pydicom.valuerep import format_number_as_ds

    step = np.diag([-1.0, -1.0, 1.0]) @ phantom.affine[:3, :3]
    origin = np.diag([-1.0, -1.0, 1.0, 1.0]) @ phantom.affine @ np.array([0, 0, k, 1.0])
    row, column = step[:, 0] / phantom.spacing_mm[1], step[:, 1] / phantom.spacing_mm[0]
    ds.InstanceNumber = phantom.shape[2] - k
    ds.ImagePositionPatient = [format_number_as_ds(float(v)) for v in origin[:3]]
    ds.ImageOrientationPatient = [format_number_as_ds(float(v)) for v in (*row, *column)]
    ds.PixelSpacing = [format_number_as_ds(float(v)) for v in phantom.spacing_mm[:2]]
    ds.SliceThickness = format_number_as_ds(float(phantom.spacing_mm[2]))
    ds.SliceLocation = format_number_as_ds(round(float(exposed.table_mm[k]), 3))
    ds.TablePosition = float(exposed.table_mm[k])
    ds.DataCollectionDiameter = "500"
    size = max(phantom.shape[0] * phantom.spacing_mm[0], phantom.shape[1] * phantom.spacing_mm[1])
    ds.ReconstructionDiameter = format_number_as_ds(round(float(size), 3))
    ds.GantryDetectorTilt = "0"


def _exposure(ds: Any, phantom: Phantom, exposed: PhantomExposure, k: int) -> None:
    """Set tube, table and dose of a slice."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    current = float(exposed.tube_current_mA[k])
    ds.KVP = f"{exposed.kvp_kV:g}"
    ds.XRayTubeCurrent = round(current)
    ds.ExposureTime = round(1000 * ROTATION_TIME_S)
    # Effective mAs, divided by the pitch, as some makers write it.
    ds.Exposure = round(current * ROTATION_TIME_S / PITCH)
    ds.ExposureInuAs = round(1000 * current * ROTATION_TIME_S / PITCH)
    ds.RevolutionTime = ROTATION_TIME_S
    ds.SingleCollimationWidth = SINGLE_COLLIMATION_MM
    ds.TotalCollimationWidth = TOTAL_COLLIMATION_MM
    ds.SpiralPitchFactor = PITCH
    ds.TableFeedPerRotation = PITCH * TOTAL_COLLIMATION_MM
    ds.TableSpeed = PITCH * TOTAL_COLLIMATION_MM / ROTATION_TIME_S
    ds.AcquisitionType = "SPIRAL"
    ds.ExposureModulationType = "Z_EC"
    ds.FilterType = "HEAD" if exposed.phantom_cm == 16 else "BODY"
    ds.ConvolutionKernel = "PSF"
    ds.RotationDirection = "CW"
    ds.CTDIvol = float(exposed.ctdivol_mGy[k])
    code = Dataset()
    body = exposed.phantom_cm == 32
    code.CodeValue = "113691" if body else "113690"
    code.CodingSchemeDesignator = "DCM"
    code.CodeMeaning = f"IEC {'Body' if body else 'Head'} Dosimetry Phantom"
    ds.CTDIPhantomTypeCodeSequence = Sequence([code])
    # The CT image has no attribute for the irradiated range. ScanLength (0018,1302), here as an
    # extension, is how much was imaged, without the overranging (DICOM PS3.3, Table C.8-9).
    low, high = exposed.imaged_range_mm
    ds.ScanLength = round(high - low)


def _pixels(ds: Any, hu: np.ndarray) -> None:
    """Set the pixels: signed 16 bits, HU = stored - 1024."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = hu.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = "40", "400"
    ds.PixelData = (hu + np.int16(1024)).astype("<i2").tobytes()
