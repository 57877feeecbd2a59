"""The report's PDF as a DICOM object, which any archive keeps with the CT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .identity import PDF_SERIES, RESEARCH, Producer
from .plain import new_object

if TYPE_CHECKING:
    from .source import SourceCT

ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
TITLE = "CT organ dose report (research)"


def make_pdf(source: SourceCT, pdf: bytes, producer: Producer) -> Any:
    """Make the encapsulated PDF of a report.

    Parameters
    ----------
    source
        The CT.
    pdf
        The file's content.
    producer
        Gives the UIDs.

    Returns
    -------
    pydicom.Dataset
    """
    from pydicom.dataset import Dataset

    data = new_object(
        source,
        producer,
        sop_class=ENCAPSULATED_PDF,
        modality="DOC",
        number=PDF_SERIES,
        description=f"CTDoseSeg report {RESEARCH}",
    )
    data.ConversionType = "WSD"
    # The patient is not named in the pages.
    data.BurnedInAnnotation = "NO"
    data.AcquisitionDateTime = ""
    data.DocumentTitle = TITLE
    title = Dataset()
    title.CodeValue, title.CodingSchemeDesignator = "126000", "DCM"
    title.CodeMeaning = "Imaging Measurement Report"
    data.ConceptNameCodeSequence = [title]
    data.MIMETypeOfEncapsulatedDocument = "application/pdf"
    data.EncapsulatedDocumentLength = len(pdf)
    data.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return data
