"""A data set of an object that highdicom does not make: patient, study, series and equipment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import __version__
from .identity import MANUFACTURER, MODEL, SERIAL_NUMBER, Producer

if TYPE_CHECKING:
    from .source import SourceCT

_OF_THE_CT = (
    *("SpecificCharacterSet", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate"),
    *("PatientSex", "PatientIdentityRemoved", "DeidentificationMethod"),
    *("DeidentificationMethodCodeSequence", "StudyInstanceUID", "StudyID", "StudyDate"),
    *("StudyTime", "AccessionNumber", "ReferringPhysicianName", "TimezoneOffsetFromUTC"),
)


def new_object(
    source: SourceCT,
    producer: Producer,
    *,
    sop_class: str,
    modality: str,
    number: int,
    description: str,
) -> Any:
    """Return a data set of its own series in the study of the CT.

    Parameters
    ----------
    source, producer
        The CT, and what gives the UIDs.
    sop_class
        UID of the SOP class.
    modality, number, description
        Of the series.

    Returns
    -------
    pydicom.Dataset
        With file meta information, to be saved as explicit VR, little endian.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    data = Dataset()
    for keyword in _OF_THE_CT:
        if keyword in source.first:
            setattr(data, keyword, source.first[keyword].value)
    data.SOPClassUID = sop_class
    data.SOPInstanceUID = producer.uid(modality, "instance")
    data.SeriesInstanceUID = producer.uid(modality, "series")
    data.Modality, data.SeriesNumber, data.InstanceNumber = modality, number, 1
    data.SeriesDescription = description
    data.Manufacturer, data.ManufacturerModelName = MANUFACTURER, MODEL
    data.SoftwareVersions, data.DeviceSerialNumber = __version__, SERIAL_NUMBER
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = sop_class
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    return data
