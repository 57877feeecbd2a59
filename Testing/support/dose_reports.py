"""Small dose reports for the tests: every number, unit and item can be replaced or taken out."""

from __future__ import annotations

from pathlib import Path

from dicom_files import UID
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

RDSR = "1.2.840.10008.5.1.4.1.1.88.67"
KINDS = {
    "spiral": ("P5-08001", "SRT", "Spiral Acquisition"),
    "sequenced": ("113804", "DCM", "Sequenced Acquisition"),
    "localizer": ("113805", "DCM", "Constant Angle Acquisition"),
    "stationary": ("113806", "DCM", "Stationary Acquisition"),
}
# Name to concept and unit, in the container of each.
TECHNIQUE = {
    "seconds": ("113824", "s"),
    "length": ("113825", "mm"),
    "exposed": ("113899", "mm"),
    "volume_length": ("113893", "mm"),
    "volume_top": ("113895", "mm"),
    "volume_bottom": ("113896", "mm"),
    "top": ("113897", "mm"),
    "bottom": ("113898", "mm"),
    "single": ("113826", "mm"),
    "total": ("113827", "mm"),
    "pitch": ("113828", "{ratio}"),
}
TUBE = {
    "kvp": ("113733", "kV"),
    "current": ("113734", "mA"),
    "current_max": ("113833", "mA"),
    "rotation": ("113834", "s"),
}
DOSE = {"ctdivol": ("113830", "mGy"), "dlp": ("113838", "mGy.cm"), "ssde": ("113930", "mGy")}
SPIRAL = {
    "kind": "spiral",
    "uid": f"{UID}.5.1",
    "region": "Chest",
    "protocol": "Thorax",
    "seconds": 4,
    "length": 320,
    "single": 0.6,
    "total": 38.4,
    "pitch": 1,
    "kvp": 120,
    "current": 200,
    "current_max": 300,
    "rotation": 0.5,
    "ctdivol": 8,
    "dlp": 256,
    "phantom": "113691",
}


def code(value: str, scheme: str = "DCM", meaning: str = "meaning") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def item(kind: str, concept: str, content=(), scheme: str = "DCM", **tags) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = "CONTAINS", kind
    made.ConceptNameCodeSequence = [code(concept, scheme)]
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    if content:
        made.ContentSequence = list(content)
    return made


def number(concept: str, value, unit: str, scheme: str = "UCUM") -> Dataset:
    """`value` is a number or text, a tuple of several, or a (value, unit) pair in a list."""
    if isinstance(value, list):
        value, unit = value
    measured = []
    for one in value if isinstance(value, tuple) else (value,):
        part = Dataset()
        part.add_new("NumericValue", "DS", "1")
        part["NumericValue"]._value = one if isinstance(one, str) else f"{one:g}"
        part.MeasurementUnitsCodeSequence = [code(unit, scheme)] if unit else []
        measured.append(part)
    return item("NUM", concept, MeasuredValueSequence=measured)


def event(**changes) -> Dataset:
    """A CT Acquisition: `SPIRAL` with changes; None takes a value out, `tubes` is a list."""
    values = {**SPIRAL, **changes}

    def numbers(table: dict, source: dict) -> list[Dataset]:
        return [
            number(concept, source[name], unit)
            for name, (concept, unit) in table.items()
            if source.get(name) is not None
        ]

    tubes = values.get("tubes", [values])
    technique = numbers(TECHNIQUE, values)
    if values.get("frame"):
        technique.append(item("UIDREF", "112227", UID=values["frame"]))
    technique += [item("CONTAINER", "113831", numbers(TUBE, tube)) for tube in tubes]
    dose = numbers(DOSE, values)
    phantoms = values.get("phantom") or ()
    for phantom in (phantoms,) if isinstance(phantoms, str) else phantoms:
        dose.append(item("CODE", "113835", ConceptCodeSequence=[code(phantom)]))
    content = [
        item("TEXT", "125203", TextValue=values["protocol"]),
        item("CODE", "123014", ConceptCodeSequence=[code("T", "SRT", values["region"])]),
        item("CODE", "113820", ConceptCodeSequence=[code(*KINDS[values["kind"]])]),
        item("CONTAINER", "113822", technique),
        item("CONTAINER", "113829", dose),
    ]
    if values.get("uid"):
        content.append(item("UIDREF", "113769", UID=values["uid"]))
    if values.get("started"):
        content.append(item("DATETIME", "111526", DateTime=values["started"]))
    if values.get("comment"):
        content.append(item("TEXT", "121106", TextValue=values["comment"]))
    return item("CONTAINER", "113819", content)


def report(*events: Dataset, stated: int | None = None, total=None, **tags) -> Dataset:
    """A report with these events; tags are replaced, or left out where they are None."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = RDSR
    data.file_meta.MediaStorageSOPInstanceUID = f"{UID}.6.1"
    values = {
        "SOPClassUID": RDSR,
        "SOPInstanceUID": f"{UID}.6.1",
        "StudyInstanceUID": f"{UID}.2",
        "SeriesInstanceUID": f"{UID}.6",
        "Modality": "SR",
        "PatientID": "ID-4711",
        "PatientName": "Secret^Person",
        "Manufacturer": "SIEMENS",
        "ConceptNameCodeSequence": [code("113701", "DCM", "X-Ray Radiation Dose Report")],
        **tags,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(data, keyword, value)
    totals = [number("113812", len(events) if stated is None else stated, "{events}")]
    if total is not None:
        totals.append(number("113813", total, "mGy.cm"))
    data.ContentSequence = [item("CONTAINER", "113811", totals), *events]
    return data


def write_report(path: Path, *events: Dataset, **tags) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    report(*events, **tags).save_as(path, enforce_file_format=True)
    return path
