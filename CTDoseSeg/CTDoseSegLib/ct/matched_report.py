"""The irradiation events beside a series: of its dose report, and of the folder it lay in."""

from __future__ import annotations

from dataclasses import dataclass

from ..flags import Flag
from .dose_report import DoseReport, IrradiationEvent

# Begins the label of a localizer among a folder's events.
FOLDER_LOCALIZER = "localizer"


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
