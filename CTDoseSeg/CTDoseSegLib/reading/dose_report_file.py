"""CT dose reports in files.

Read are X-Ray Radiation Dose SR and, with the same template (PS3.16, TID 10011 to 10014), Enhanced
and Comprehensive SR, which older scanners used. A value that is not there is None; one that cannot
be trusted is None and has a flag. A comment is looked at for a tin filter and not kept, and names
of persons and places are never read.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..ct.dose_report import (
    FREE,
    LOCALIZER,
    SEQUENCED,
    SPIRAL,
    STATIONARY,
    UNKNOWN,
    Device,
    DoseReport,
    IrradiationEvent,
    XRaySource,
)
from ..dicom.identity import Identity
from ..dicom.structured_report import (
    KV,
    MA,
    MGY,
    MGY_CM,
    MM,
    NO_UNIT,
    NOTHING,
    SECONDS,
    Document,
    Item,
    read_document,
    read_number,
)
from ..dicom.times import parse_datetime
from ..errors import DoseReportError
from ..flags import Flag, flag
from .rotation_time import STATED_ROTATION_S

SOP_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.88.67",  # X-Ray Radiation Dose SR
    "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced SR
    "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR
)
RADIATION_DOSE_SR = SOP_CLASSES[0]
TITLE = "113701"  # X-Ray Radiation Dose Report
# CID 10013; spiral has had several codes.
_KINDS = {
    **dict.fromkeys(("SRT:P5-08001", "SNM3:P5-08001", "99SDM:P5-08001", "SCT:116152004"), SPIRAL),
    "DCM:113804": SEQUENCED,
    "DCM:113805": LOCALIZER,
    "DCM:113806": STATIONARY,
    "DCM:113807": FREE,
}
_PHANTOMS_CM = {"DCM:113690": 16, "DCM:113691": 32}
# The total and the sum of the events differ by rounding: half a unit for each, or this fraction.
TOTAL_TOLERANCE = 0.02


def read_dose_report(path: str | Path) -> DoseReport:
    """Read the CT dose report in a file.

    Parameters
    ----------
    path
        DICOM structured report.

    Returns
    -------
    DoseReport

    Raises
    ------
    DoseReportError
        If the file cannot be read, is cut off, or is something else; the sentence states what it
        is and what to do.
    """
    document = read_document(path)
    name = os.path.basename(path)
    acquisitions = tuple(document.root.outermost("113819"))
    if not acquisitions:
        raise DoseReportError(_nothing_in(name, document))
    who = document.identity
    events = tuple(_Reader(item, who).event() for item in acquisitions)
    totals = next(document.root.outermost("113811"), NOTHING)
    flags: list[Flag] = []
    total, problem, detail = read_number(totals.of("113813"), MGY_CM)
    if problem:
        flags.append(flag(problem, f"DLP total, {who.removed_from(detail)}"))
    stated = _count(totals.of("113812"))
    if stated is not None and stated > len(events):
        flags.append(flag("rdsr_events_missing", f"{len(events)} of {stated}"))
    flags += _total_flag(total, events)
    scope = document.root.first("113705").first("110180").value
    return DoseReport(
        events,
        total,
        stated,
        document.tags["StudyInstanceUID"] or scope,
        _device(document, acquisitions[0]),
        (hashlib.sha256(document.content).hexdigest(),),
        tuple(flags),
    )


class _Reader:
    """Reads one CT Acquisition container, gathering flags."""

    def __init__(self, item: Item, who: Identity) -> None:
        self.item, self.who = item, who
        self.technique = next(item.outermost("113822"), NOTHING)
        self.dose = next(item.outermost("113829"), NOTHING)
        self.flags: list[Flag] = []

    def number(
        self,
        where: Item,
        concept: str,
        what: str,
        units: Mapping[str, float],
        limits: tuple[float, float],
    ) -> float | None:
        """Return a value within its limits; 0 is "not known" where the limits start above it."""
        value, problem, detail = read_number(where.of(concept), units)
        if problem:
            parts = (what, self.who.removed_from(detail))
            self.flags.append(flag(problem, ", ".join(part for part in parts if part)))
        if value is None or (value == 0 and limits[0] > 0):
            return None
        if not limits[0] <= value <= limits[1]:
            self.flags.append(flag("rdsr_impossible", f"{what} {value:g}"))
            return None
        return value

    def event(self) -> IrradiationEvent:
        """Return the event with the flags of its values."""
        item, technique = self.item, self.technique
        kind = _kind(item.first("113820"))
        sources = tuple(self._source(tube) for tube in technique.of("113831"))
        tubes = max(len(sources), _count(technique.of("113823")) or 0)
        lengths = {
            name: self.number(technique, concept, what, MM, (0.01, 3000.0))
            for name, concept, what in (
                ("scanning_length_mm", "113825", "scanning length"),
                ("volume_length_mm", "113893", "length of the reconstructable volume"),
                ("exposed_range_mm", "113899", "exposed range"),
                ("single_collimation_mm", "113826", "single collimation"),
                ("total_collimation_mm", "113827", "total collimation"),
            )
        }
        places = {
            name: self.number(technique, concept, "z location", MM, (-5000.0, 5000.0))
            for name, concept in (
                ("volume_top_z_mm", "113895"),
                ("volume_bottom_z_mm", "113896"),
                ("scan_top_z_mm", "113897"),
                ("scan_bottom_z_mm", "113898"),
            )
        }
        exposure_time_s = self.number(technique, "113824", "exposure time", SECONDS, (0.001, 3600))
        pitch = self.number(technique, "113828", "pitch", NO_UNIT, (0.02, 4.0))
        doses, phantom_cm = self._dose(kind)
        return IrradiationEvent(
            uid=item.first("113769").value,
            kind=kind,
            protocol=self.who.removed_from(item.first("125203").value),
            target_region=self.who.removed_from(item.first("123014").meaning),
            started=parse_datetime(item.first("111526").value),
            exposure_time_s=exposure_time_s,
            pitch=pitch,
            frame_of_reference_uid=technique.first("112227").value,
            modulation=self.who.removed_from(item.first("113842").value),
            tin_filter=_tin_filter(item),
            dual_source=tubes > 1 if tubes else None,
            sources=sources,
            **{
                name: _shared([getattr(source, name) for source in sources])
                for name in XRaySource.__dataclass_fields__
            },
            **lengths,
            **places,
            **doses,
            phantom_cm=phantom_cm,
            flags=tuple(dict.fromkeys(self.flags)),
        )

    def _source(self, tube: Item) -> XRaySource:
        return XRaySource(
            self.number(tube, "113733", "kVp", KV, (40.0, 200.0)),
            self.number(tube, "113734", "tube current", MA, (1.0, 3000.0)),
            self.number(tube, "113833", "maximum tube current", MA, (1.0, 3000.0)),
            self.number(tube, "113834", "exposure time per rotation", SECONDS, STATED_ROTATION_S),
        )

    def _dose(self, kind: str) -> tuple[dict[str, float | None], int | None]:
        """Return the doses by field name, and the phantom's diameter in cm."""
        dose = self.dose
        ctdivol = self.number(dose, "113830", "CTDIvol", MGY, (1e-4, 5000.0))
        phantoms = {_PHANTOMS_CM.get(code.value) for code in dose.of("113835")}
        phantom = phantoms.pop() if len(phantoms) == 1 else None
        if kind != LOCALIZER and ctdivol is None:
            # One that is there and not used has its own flag.
            value, problem, _ = read_number(dose.of("113830"), MGY)
            if not value and not problem:
                self.flags.append(flag("rdsr_no_ctdivol", "it is 0" if value == 0 else ""))
        elif kind != LOCALIZER and phantom is None:
            self.flags.append(flag("rdsr_no_phantom"))
        doses = {
            "ctdivol_mGy": ctdivol,
            "dlp_mGy_cm": self.number(dose, "113838", "DLP", MGY_CM, (0.0, 1e6)),
            "ssde_mGy": self.number(dose, "113930", "SSDE", MGY, (1e-4, 5000.0)),
        }
        return doses, phantom


def _nothing_in(name: str, document: Document) -> str:
    """Return the sentence for a structured report without a CT acquisition."""
    if document.title_code != TITLE:
        title = document.identity.removed_from(document.title)[:48]
        return (
            f'{name} is a structured report, but no dose report (its title is "{title}"); give '
            "the X-Ray Radiation Dose SR."
        )
    procedure = document.identity.removed_from(document.root.first("121058").meaning)[:48]
    what = f" (it reports {procedure})" if procedure else ""
    return (
        f"{name} is a dose report without a CT acquisition{what}; give that of the CT, or export "
        "it again."
    )


def _kind(code: Item) -> str:
    if code.value in _KINDS:
        return _KINDS[code.value]
    words = code.meaning.upper()
    for word, kind in (
        ("SPIRAL", SPIRAL),
        ("HELICAL", SPIRAL),
        ("SEQUENCED", SEQUENCED),
        ("CONSTANT ANGLE", LOCALIZER),
        ("STATIONARY", STATIONARY),
    ):
        if word in words:
            return kind
    return UNKNOWN


def _tin_filter(item: Item) -> bool | None:
    """Read it from the event's comment, the one place where Siemens names the filter."""
    stated = re.findall(r"Sn Filter \(Tube [A-Z]\) = (yes|no)", item.first("121106").value, re.I)
    return any(word.lower() == "yes" for word in stated) if stated else None


def _device(document: Document, acquisition: Item) -> Device:
    """Return the irradiating device, else the observer, else whoever wrote the file."""
    role, root, tags = acquisition.first("113876"), document.root, document.tags
    maker = role.first("113878").value or root.first("121014").value or tags["Manufacturer"]
    model = (
        role.first("113879").value or root.first("121015").value or tags["ManufacturerModelName"]
    )
    return Device(
        document.identity.removed_from(maker),
        document.identity.removed_from(model),
        role.first("113880").value or root.first("121016").value or tags["DeviceSerialNumber"],
    )


def _total_flag(total: float | None, events: tuple[IrradiationEvent, ...]) -> list[Flag]:
    parts = [event.dlp_mGy_cm for event in events if event.dlp_mGy_cm is not None]
    if total is None or not parts:
        return []
    rounding = 0.5 * (len(parts) + 1) if total == round(total) else 0.0
    if abs(sum(parts) - total) <= max(TOTAL_TOLERANCE * total, rounding):
        return []
    return [flag("rdsr_total_differs", f"{total:g} mGy cm stated, {sum(parts):g} added up")]


def _count(items: tuple[Item, ...]) -> int | None:
    """Return a count; its unit is an annotation ({events}) with many spellings."""
    for text, _ in (pair for item in items for pair in item.numbers):
        if re.fullmatch(r"\+?\d{1,4}(\.0*)?", text):
            return int(float(text)) or None
    return None


def _shared(values: list[float | None]) -> float | None:
    return values[0] if values and len(set(values)) == 1 else None
