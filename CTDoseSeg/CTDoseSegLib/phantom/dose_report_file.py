"""The phantom's dose report: localizer, bolus tracking and the spiral that made its images.

Plain pydicom, after PS3.16 TID 10011 to 10014. All events but the spiral have no image, as in a
clinical examination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .exposure import BOLUS_ROTATIONS, LOCALIZER_COLLIMATION_MM, LOCALIZER_SPEED_MM_S, Event

BOLUS_LENGTH_MM = 10.0
# Where bolus tracking looks, as a part of the irradiated range from its lower end.
BOLUS_HEIGHT = 0.7
_SPIRAL = ("116152004", "Spiral Acquisition", "SCT")
_STATIONARY = ("113806", "Stationary Acquisition", "DCM")
_LOCALIZER = ("113805", "Constant Angle Acquisition", "DCM")


@dataclass(frozen=True)
class SpiralScan:
    """The scan that made the images; arrays [k], ranges (low, high) in RAS z.

    `uid` is the event's, `scanned_mm` the irradiated range, `volume_mm` that of the images.
    """

    uid: str
    protocol: str
    region: tuple[str, str, str]
    frame_of_reference_uid: str
    z_mm: np.ndarray
    tube_current_mA: np.ndarray
    ctdivol_mGy: np.ndarray
    scanned_mm: tuple[float, float]
    volume_mm: tuple[float, float]
    phantom_cm: int
    kvp_kV: float
    rotation_time_s: float
    pitch: float
    single_collimation_mm: float
    total_collimation_mm: float
    localizer: Event
    bolus_tracking: Event | None

    def mean(self, values: np.ndarray) -> float:
        """Return the mean over the irradiated range; the end slices' values reach its ends."""
        order = np.argsort(self.z_mm)
        z = self.z_mm[order]
        edges = np.concatenate(([self.scanned_mm[0]], (z[1:] + z[:-1]) / 2, [self.scanned_mm[1]]))
        return float(np.average(values[order], weights=np.diff(edges)))


def add_dose_report(ds: Any, scan: SpiralScan, uids: Sequence[str], date: str) -> None:
    """Put the content of a CT dose report into a data set that has its patient and study.

    Parameters
    ----------
    ds
        Gets title, template and content.
    scan
        The spiral.
    uids
        Of the localizer event, of the bolus-tracking event and of the device.
    date
        YYYYMMDD of the examination, which starts at 11:58.
    """
    events = [_localizer(scan, uids[0], date)]
    if scan.bolus_tracking is not None:
        events.append(_bolus_tracking(scan, scan.bolus_tracking, uids[1], date))
    events.append(_spiral(scan, date))
    total = round(sum(dlp for dlp, _ in events), 4)
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    ds.ConceptNameCodeSequence = [_code("113701", "X-Ray Radiation Dose Report")]
    ds.ContentTemplateSequence = [_dataset(MappingResource="DCMR", TemplateIdentifier="10011")]
    scope = _uid_item("110180", "Study Instance UID", ds.StudyInstanceUID, "HAS PROPERTIES")
    tomography = ("77477000", "Computed Tomography X-Ray", "SCT")
    device, study = ("121007", "Device"), ("113014", "Study")
    ds.ContentSequence = [
        _code_item("121058", "Procedure reported", tomography, "HAS CONCEPT MOD"),
        _code_item("121005", "Observer Type", device, "HAS OBS CONTEXT"),
        _uid_item("121012", "Device Observer UID", uids[2], "HAS OBS CONTEXT"),
        _time("113809", "Start of X-Ray Irradiation", f"{date}115800", "HAS OBS CONTEXT"),
        _time("113810", "End of X-Ray Irradiation", f"{date}120100", "HAS OBS CONTEXT"),
        _code_item("113705", "Scope of Accumulation", study, "HAS OBS CONTEXT", [scope]),
        _container(
            "113811",
            "CT Accumulated Dose Data",
            [
                _number("113812", "Total Number of Irradiation Events", len(events), "{events}"),
                _number("113813", "CT Dose Length Product Total", total, "mGy.cm"),
            ],
        ),
        *(event for _, event in events),
        _code_item("113854", "Source of Dose Information", ("113856", "Automated Data Collection")),
    ]


def _localizer(scan: SpiralScan, uid: str, date: str) -> tuple[float, Any]:
    """Return DLP and container of the localizer, over all that is scanned."""
    length = scan.scanned_mm[1] - scan.scanned_mm[0]
    return _event(
        scan,
        uid,
        _LOCALIZER,
        "Localizer",
        f"{date}115800",
        scan.scanned_mm,
        seconds=length / LOCALIZER_SPEED_MM_S,
        collimation=(0.6, LOCALIZER_COLLIMATION_MM),
        current=(scan.localizer.tube_current_mA,) * 2,
        ctdivol=scan.localizer.ctdivol_mGy,
    )


def _bolus_tracking(scan: SpiralScan, event: Event, uid: str, date: str) -> tuple[float, Any]:
    """Return DLP and container of the rotations at one place that wait for the contrast agent."""
    low, high = scan.scanned_mm
    middle = low + BOLUS_HEIGHT * (high - low)
    return _event(
        scan,
        uid,
        _STATIONARY,
        "Bolus tracking",
        f"{date}115930",
        (middle - BOLUS_LENGTH_MM / 2, middle + BOLUS_LENGTH_MM / 2),
        seconds=BOLUS_ROTATIONS * scan.rotation_time_s,
        collimation=(BOLUS_LENGTH_MM, BOLUS_LENGTH_MM),
        current=(event.tube_current_mA,) * 2,
        ctdivol=event.ctdivol_mGy,
        more=[_number("113834", "Exposure Time per Rotation", scan.rotation_time_s, "s")],
    )


def _spiral(scan: SpiralScan, date: str) -> tuple[float, Any]:
    """Return DLP and container of the scan that made the images."""
    length = scan.scanned_mm[1] - scan.scanned_mm[0]
    speed = scan.pitch * scan.total_collimation_mm / scan.rotation_time_s
    current = scan.tube_current_mA
    return _event(
        scan,
        scan.uid,
        _SPIRAL,
        scan.protocol,
        f"{date}120000",
        scan.scanned_mm,
        seconds=length / speed,
        collimation=(scan.single_collimation_mm, scan.total_collimation_mm),
        current=(round(scan.mean(current), 2), float(current.max())),
        ctdivol=round(scan.mean(scan.ctdivol_mGy), 4),
        volume_mm=scan.volume_mm,
        more=[_number("113834", "Exposure Time per Rotation", scan.rotation_time_s, "s")],
    )


def _event(
    scan: SpiralScan,
    uid: str,
    kind: tuple[str, str, str],
    protocol: str,
    start: str,
    range_mm: tuple[float, float],
    *,
    seconds: float,
    collimation: tuple[float, float],
    current: tuple[float, float],
    ctdivol: float,
    volume_mm: tuple[float, float] | None = None,
    more: Sequence[Any] = (),
) -> tuple[float, Any]:
    """Return the DLP and a CT Acquisition container (TID 10013)."""
    low, high = range_mm
    # Bolus tracking is stated with the length itself, not with a difference of two places.
    length = collimation[1] if kind == _STATIONARY else high - low
    dlp = round(ctdivol * length / 10, 4)
    technique = [
        _number("113824", "Exposure Time", seconds, "s"),
        _number("113825", "Scanning Length", high - low, "mm"),
        _number("113897", "Top Z Location of Scanning Length", high, "mm"),
        _number("113898", "Bottom Z Location of Scanning Length", low, "mm"),
    ]
    if volume_mm is not None:
        bottom, top = volume_mm
        technique += [
            _number("113893", "Length of Reconstructable Volume", top - bottom, "mm"),
            _number("113895", "Top Z Location of Reconstructable Volume", top, "mm"),
            _number("113896", "Bottom Z Location of Reconstructable Volume", bottom, "mm"),
        ]
    technique += [
        _uid_item("112227", "Frame of Reference UID", scan.frame_of_reference_uid),
        _number("113826", "Nominal Single Collimation Width", collimation[0], "mm"),
        _number("113827", "Nominal Total Collimation Width", collimation[1], "mm"),
    ]
    if kind == _SPIRAL:
        technique.append(_number("113828", "Pitch Factor", scan.pitch, "{ratio}"))
    tube = [
        _text("113832", "Identification of the X-Ray Source", "1"),
        _number("113733", "KVP", scan.kvp_kV, "kV"),
        _number("113833", "Maximum X-Ray Tube Current", current[1], "mA"),
        _number("113734", "X-Ray Tube Current", current[0], "mA"),
        *more,
    ]
    technique += [
        _number("113823", "Number of X-Ray Sources", 1, "{X-Ray sources}"),
        _container("113831", "CT X-Ray Source Parameters", tube),
    ]
    body = scan.phantom_cm == 32
    name = f"IEC {'Body' if body else 'Head'} Dosimetry Phantom"
    dose = [
        _number("113830", "Mean CTDIvol", ctdivol, "mGy"),
        _code_item("113835", "CTDIw Phantom Type", ("113691" if body else "113690", name)),
        _number("113838", "DLP", dlp, "mGy.cm"),
    ]
    event = _container(
        "113819",
        "CT Acquisition",
        [
            _text("125203", "Acquisition Protocol", protocol),
            _code_item("123014", "Target Region", scan.region),
            _code_item("113820", "CT Acquisition Type", kind),
            _uid_item("113769", "Irradiation Event UID", uid),
            _time("111526", "DateTime Started", start),
            _container("113822", "CT Acquisition Parameters", technique),
            _container("113829", "CT Dose", dose),
            _text("113842", "X-Ray Modulation Type", "Z_EC" if kind == _SPIRAL else "NONE"),
        ],
    )
    return dlp, event


def _dataset(**values: Any) -> Any:
    from pydicom.dataset import Dataset

    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def _code(value: str, meaning: str, scheme: str = "DCM") -> Any:
    return _dataset(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _item(kind: str, value: str, meaning: str, relation: str = "CONTAINS", **more: Any) -> Any:
    name = [_code(value, meaning)]
    return _dataset(RelationshipType=relation, ValueType=kind, ConceptNameCodeSequence=name, **more)


def _container(value: str, meaning: str, content: Sequence[Any]) -> Any:
    return _item(
        "CONTAINER", value, meaning, ContinuityOfContent="SEPARATE", ContentSequence=list(content)
    )


def _number(value: str, meaning: str, number: float, unit: str) -> Any:
    measured = _dataset(
        NumericValue=f"{round(number, 6):.12g}",
        MeasurementUnitsCodeSequence=[_code(unit, unit, "UCUM")],
    )
    return _item("NUM", value, meaning, MeasuredValueSequence=[measured])


def _code_item(
    value: str,
    meaning: str,
    code: tuple[str, ...],
    relation: str = "CONTAINS",
    content: Sequence[Any] = (),
) -> Any:
    more = {"ContentSequence": list(content)} if content else {}
    return _item("CODE", value, meaning, relation, ConceptCodeSequence=[_code(*code)], **more)


def _text(value: str, meaning: str, text: str) -> Any:
    return _item("TEXT", value, meaning, TextValue=text)


def _uid_item(value: str, meaning: str, uid: str, relation: str = "CONTAINS") -> Any:
    return _item("UIDREF", value, meaning, relation, UID=uid)


def _time(value: str, meaning: str, time: str, relation: str = "CONTAINS") -> Any:
    return _item("DATETIME", value, meaning, relation, DateTime=time)
