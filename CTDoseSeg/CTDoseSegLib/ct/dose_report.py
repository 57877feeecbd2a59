"""Irradiation events: of dose reports, as the scanner wrote them down, and beside a series."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from ..flags import Flag, flag

SPIRAL, SEQUENCED, STATIONARY = "spiral", "sequenced", "stationary"
LOCALIZER, FREE, UNKNOWN = "localizer", "free", "unknown"
# Begins the label of a localizer among a folder's events.
FOLDER_LOCALIZER = "localizer"


@dataclass(frozen=True)
class XRaySource:
    """One tube of an event; None is "not known"."""

    kvp_kV: float | None = None
    tube_current_mA: float | None = None
    tube_current_max_mA: float | None = None
    rotation_time_s: float | None = None


@dataclass(frozen=True)
class IrradiationEvent:
    """One time that the beam was on. None is "not known"; `flags` name what was left out.

    Attributes
    ----------
    uid
        Irradiation event UID; may be empty. Never shown.
    kind
        ``spiral``, ``sequenced``, ``stationary`` (bolus tracking, perfusion), ``localizer``
        (constant angle), ``free`` or ``unknown``.
    protocol, target_region
        As written, without the patient's identity.
    started
        Start by the scanner's clock; never shown.
    exposure_time_s
        Beam-on time of the whole event.
    scanning_length_mm
        Travel of the table while the beam was on, overranging included (113825).
    exposed_range_mm
        Exposed Range (113899). Its makers do not agree: Toshiba's is the scanning length plus the
        collimation, Siemens' DLP / CTDIvol. Kept, not used.
    scan_top_z_mm, scan_bottom_z_mm, volume_top_z_mm, volume_bottom_z_mm
        Ends of the scanning length and of the reconstructable volume, z in the patient coordinate
        system of `frame_of_reference_uid` (DICOM's z is RAS superior).
    volume_length_mm
        Length of the reconstructable volume.
    kvp_kV, tube_current_mA, tube_current_max_mA, rotation_time_s
        Of the tube; with several tubes the value that they share. The current is the mean.
    phantom_cm
        16 or 32.
    ctdivol_mGy, dlp_mGy_cm, ssde_mGy
        Mean CTDIvol, above zero; dose-length product; size-specific dose estimate.
    dual_source
        More than one tube; None where nothing is stated of tubes.
    sources
        Each tube.
    """

    uid: str = ""
    kind: str = UNKNOWN
    protocol: str = ""
    target_region: str = ""
    started: datetime.datetime | None = None
    exposure_time_s: float | None = None
    scanning_length_mm: float | None = None
    exposed_range_mm: float | None = None
    volume_length_mm: float | None = None
    scan_top_z_mm: float | None = None
    scan_bottom_z_mm: float | None = None
    volume_top_z_mm: float | None = None
    volume_bottom_z_mm: float | None = None
    frame_of_reference_uid: str = ""
    single_collimation_mm: float | None = None
    total_collimation_mm: float | None = None
    pitch: float | None = None
    rotation_time_s: float | None = None
    kvp_kV: float | None = None
    tube_current_mA: float | None = None
    tube_current_max_mA: float | None = None
    ctdivol_mGy: float | None = None
    phantom_cm: int | None = None
    dlp_mGy_cm: float | None = None
    ssde_mGy: float | None = None
    modulation: str = ""
    tin_filter: bool | None = None
    dual_source: bool | None = None
    sources: tuple[XRaySource, ...] = ()
    flags: tuple[Flag, ...] = ()

    @property
    def scan_range_mm(self) -> tuple[float, float] | None:
        """(low, high) z of the scanning length; some scanners swap top and bottom."""
        return _ordered(self.scan_bottom_z_mm, self.scan_top_z_mm)

    @property
    def volume_range_mm(self) -> tuple[float, float] | None:
        """(low, high) z of the reconstructable volume."""
        return _ordered(self.volume_bottom_z_mm, self.volume_top_z_mm)


@dataclass(frozen=True)
class Device:
    """The scanner. The serial number identifies it and is never written to a result."""

    manufacturer: str = ""
    model: str = ""
    serial: str = field(default="", repr=False)


@dataclass(frozen=True)
class DoseReport:
    """All irradiation events of a study, as far as its dose reports hold them.

    Attributes
    ----------
    events
        In the report's order.
    dlp_total_mGy_cm
        DLP total as stated; None where there is one for each phantom, which must not be added.
    stated_events
        Number of events that the report states.
    study_uid
        May be empty; never shown.
    device
        What irradiated.
    sha256
        Of each file.
    flags
        What holds for the report as a whole.
    """

    events: tuple[IrradiationEvent, ...]
    dlp_total_mGy_cm: float | None = None
    stated_events: int | None = None
    study_uid: str = ""
    device: Device = Device()
    sha256: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()

    def with_texts(self, changed: Callable[[str], str]) -> DoseReport:
        """Return the report with each of its free texts as `changed` returns it.

        Details of flags quote the report.
        """

        def quoted(flags: tuple[Flag, ...]) -> tuple[Flag, ...]:
            return tuple(
                flag(old.code, changed(old.detail), consequence=old.consequence, mends=old.mends)
                for old in flags
            )

        events = tuple(
            replace(
                event,
                protocol=changed(event.protocol),
                target_region=changed(event.target_region),
                modulation=changed(event.modulation),
                flags=quoted(event.flags),
            )
            for event in self.events
        )
        maker, model = changed(self.device.manufacturer), changed(self.device.model)
        device = replace(self.device, manufacturer=maker, model=model)
        return replace(self, events=events, device=device, flags=quoted(self.flags))


@dataclass(frozen=True)
class PlacedEvent:
    """An event of the report and where it lies.

    Attributes
    ----------
    event
        As reported.
    own
        It made the images.
    range_mm
        (low, high) RAS superior of the tube being on, overranging included; None where unknown.
    source
        How the range came about, or why there is none.
    """

    event: IrradiationEvent
    own: bool
    range_mm: tuple[float, float] | None
    source: str


@dataclass(frozen=True)
class MatchedReport:
    """A dose report whose event of the images is known.

    Attributes
    ----------
    report
        As read.
    events
        All of its events, in its order; at least one is `own`.
    rule
        ``event UID``, ``values`` or ``only event``.
    flags
        What the matching leaves in doubt.
    """

    report: DoseReport
    events: tuple[PlacedEvent, ...]
    rule: str
    flags: tuple[Flag, ...] = ()

    @property
    def own(self) -> tuple[PlacedEvent, ...]:
        """Events that made the images."""
        return tuple(event for event in self.events if event.own)

    def without_identity(self) -> MatchedReport:
        """Return it without UIDs, times and serial number, which a match needs no more."""

        def clean(event: IrradiationEvent) -> IrradiationEvent:
            return replace(event, uid="", frame_of_reference_uid="", started=None)

        report = replace(
            self.report,
            events=tuple(map(clean, self.report.events)),
            study_uid="",
            device=replace(self.report.device, serial=""),
        )
        events = tuple(replace(placed, event=clean(placed.event)) for placed in self.events)
        return replace(self, report=report, events=events)

    @property
    def dose_length_mm(self) -> float | None:
        """DLP / CTDIvol of the images' events: the length that their dose counts."""
        lengths = [
            10.0 * placed.event.dlp_mGy_cm / placed.event.ctdivol_mGy
            for placed in self.own
            if placed.event.dlp_mGy_cm and placed.event.ctdivol_mGy
        ]
        return sum(lengths) if len(lengths) == len(self.own) else None


@dataclass(frozen=True)
class FolderEvents:
    """The irradiation events of a folder beside that of the series measured.

    Attributes
    ----------
    reconstructions
        Number of other series of the same event: they add no dose.
    others
        Each other event by its first series, without identity: they added dose that the result
        of this series lacks. Localizers are among them.
    """

    reconstructions: int
    others: tuple[str, ...]

    @property
    def scans(self) -> tuple[str, ...]:
        """The others without the localizers."""
        return tuple(label for label in self.others if not label.startswith(FOLDER_LOCALIZER))


def merged(reports: Iterable[DoseReport]) -> DoseReport:
    """Merge several reports of one study, each event once.

    A scanner may write a new report after every event, each with all events so far. Events are
    one where their UIDs are; those without a UID are taken from the report with the most events
    alone. The DLP total is that of a report that has all events, else it is not known.

    Parameters
    ----------
    reports
        Of one study; at least one.

    Returns
    -------
    DoseReport
        With the patient-independent facts (device, study) of the report with the most events.
    """
    ranked = sorted(reports, key=lambda report: -len(report.events))
    first = ranked[0]
    events, known = list(first.events), {event.uid for event in first.events}
    for report in ranked[1:]:
        for event in report.events:
            if event.uid and event.uid not in known:
                known.add(event.uid)
                events.append(event)
    hashes = tuple(dict.fromkeys(h for report in ranked for h in report.sha256))
    flags = first.flags if len(events) == len(first.events) else ()
    total = first.dlp_total_mGy_cm if len(events) == len(first.events) else None
    return replace(
        first,
        events=tuple(events),
        dlp_total_mGy_cm=total,
        stated_events=max(r.stated_events or 0 for r in ranked) or None,
        sha256=hashes,
        flags=flags,
    )


def _ordered(a: float | None, b: float | None) -> tuple[float, float] | None:
    return None if a is None or b is None or a == b else (min(a, b), max(a, b))
