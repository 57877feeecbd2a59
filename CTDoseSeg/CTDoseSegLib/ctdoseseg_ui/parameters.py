"""The parameter node: what the user chose, kept with the scene."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from slicer import (
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTextNode,
)
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Default, WithinRange, parameterNodeWrapper

LOWEST_FACTOR, HIGHEST_FACTOR = 0.25, 4.0
# A slider's factor is 1 where it differs by less.
UNCHANGED = 1e-6
# What a simulation aims at: percent of the dose of every larger organ, and minutes at most.
LEAST_PERCENT, MOST_PERCENT = 0.1, 20.0
LEAST_MINUTES, MOST_MINUTES = 0.1, 600.0


class Method(Enum):
    """Where the organs come from."""

    AUTO = "auto"
    TOTALSEGMENTATOR = "totalsegmentator"
    UNET = "unet"
    CLASSICAL = "classical"
    EXISTING = "existing"

    def label(self) -> str:
        """Text in the menu."""
        return {
            Method.AUTO: _("Automatic (best that is installed)"),
            Method.TOTALSEGMENTATOR: _("TotalSegmentator (asks before it installs)"),
            Method.UNET: _("UNet (asks before it installs)"),
            Method.CLASSICAL: _(
                "Threshold-based (classical): body, lungs, bone (nothing to install)"
            ),
            Method.EXISTING: _("A segmentation of the scene"),
        }[self]


class Region(Enum):
    """Whose organs get doses."""

    AUTO = "auto"
    HEAD = "head"
    CHEST = "chest"
    ABDOMEN = "abdomen"
    PELVIS = "pelvis"
    TRUNK = "trunk"

    def label(self) -> str:
        """Text in the menu."""
        return {
            Region.AUTO: _("Automatic"),
            Region.HEAD: _("Head and neck"),
            Region.CHEST: _("Chest"),
            Region.ABDOMEN: _("Abdomen"),
            Region.PELVIS: _("Pelvis"),
            Region.TRUNK: _("Skin, muscle and marrow of the trunk"),
        }[self]


class DoseEngine(Enum):
    """What the organ doses come from."""

    FAST = "fast"
    MONTE_CARLO = "montecarlo"

    def label(self) -> str:
        """Text in the menu."""
        return {
            DoseEngine.FAST: _("Fast law (at once)"),
            DoseEngine.MONTE_CARLO: _("Monte Carlo on this CT (asks before it installs)"),
        }[self]


class Quality(Enum):
    """TotalSegmentator's resolution."""

    FAST = "fast"
    FULL = "full"
    FASTEST = "fastest"

    def label(self) -> str:
        """Text in the menu."""
        return {
            Quality.FAST: _("Fast (3 mm)"),
            Quality.FULL: _("Full (1.5 mm)"),
            Quality.FASTEST: _("Fastest (6 mm)"),
        }[self]


class Voltage(Enum):
    """Tube voltage of "What if", among those that the fast law was fitted to."""

    AS_SCANNED = ""
    KV_70 = "70"
    KV_80 = "80"
    KV_90 = "90"
    KV_100 = "100"
    KV_110 = "110"
    KV_120 = "120"
    KV_130 = "130"
    KV_135 = "135"
    KV_140 = "140"
    KV_150 = "150"

    def label(self) -> str:
        """Text in the menu."""
        return _("{kV} kV").format(kV=self.value) if self.value else _("As scanned")


class LowerChart(Enum):
    """What the second plot view shows."""

    DOSES = "doseChart"
    SSDE = "ssdeChart"
    HISTOGRAMS = "dvhChart"

    def label(self) -> str:
        """Text in the menu."""
        return {
            LowerChart.DOSES: _("Organ doses"),
            LowerChart.SSDE: _("SSDE and CTDIvol"),
            LowerChart.HISTOGRAMS: _("Dose-volume histograms"),
        }[self]


class OrganOrder(Enum):
    """How the organs of a result are sorted, in the table and in the chart."""

    BODY = "body"
    DOSE = "dose"
    NAME = "name"
    UPPER = "upper"
    VOLUME = "volume"
    NOTES = "notes"

    def label(self) -> str:
        """Text in the menu."""
        return {
            OrganOrder.BODY: _("Head to feet"),
            OrganOrder.DOSE: _("Highest dose first"),
            OrganOrder.NAME: _("By name"),
            OrganOrder.UPPER: _("Highest upper end of the interval first"),
            OrganOrder.VOLUME: _("Largest first"),
            OrganOrder.NOTES: _("Most notes first"),
        }[self]


@parameterNodeWrapper
class CTDoseSegParameterNode:
    """What the user chose. Typed exposure is text: empty means "as DICOM states"."""

    inputVolume: vtkMRMLScalarVolumeNode
    method: Method = Method.AUTO
    inputSegmentation: vtkMRMLSegmentationNode
    region: Region = Region.AUTO
    doseEngine: DoseEngine = DoseEngine.FAST
    aimedPercent: Annotated[float, WithinRange(LEAST_PERCENT, MOST_PERCENT), Default(1.0)]
    mostMinutes: Annotated[float, WithinRange(LEAST_MINUTES, MOST_MINUTES), Default(5.0)]
    doseModelFolder: str = ""
    unetFolder: str = ""
    quality: Quality = Quality.FAST
    lungVessels: bool = False
    heartChambers: bool = False
    breasts: bool = False
    headGlands: bool = False
    tissueTypes: bool = False
    contrastPhase: bool = False

    kvp_kV: str = ""
    tube_current_mA: str = ""
    rotation_time_s: str = ""
    pitch: str = ""
    ctdivol_mGy: str = ""
    phantom_cm: str = ""
    irradiated_range_mm: str = ""
    age_years: str = ""
    body_part: str = ""
    # A dose report's file is of one CT, a scanner profile's of one scanner. Without a file the
    # report of the same study is looked for, unless it is left out.
    doseReportFile: str = ""
    useDoseReport: bool = True
    scannerProfileFile: str = ""

    # Shown, and filled by Apply; None: Apply makes a new one.
    result: vtkMRMLTextNode
    comparedResult: vtkMRMLTextNode
    lowerChart: LowerChart = LowerChart.DOSES
    organOrder: OrganOrder = OrganOrder.BODY
    showOverlay: bool = False
    showDoseMap: bool = False
    showIsodoses: bool = True
    overlayOpacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
    showDoubt: bool = False
    show3D: bool = True

    tubeCurrentFactor: Annotated[float, WithinRange(LOWEST_FACTOR, HIGHEST_FACTOR), Default(1.0)]
    rotationTimeFactor: Annotated[float, WithinRange(LOWEST_FACTOR, HIGHEST_FACTOR), Default(1.0)]
    ctdivolFactor: Annotated[float, WithinRange(LOWEST_FACTOR, HIGHEST_FACTOR), Default(1.0)]
    # Empty: as scanned.
    whatIfVoltage: Voltage = Voltage.AS_SCANNED
    whatIfPitch: str = ""
    whatIfRange_mm: str = ""
    whatIfSSDE_mGy: str = ""
    whatIfOrgan: str = ""


TYPED = (
    "kvp_kV",
    "tube_current_mA",
    "rotation_time_s",
    "pitch",
    "ctdivol_mGy",
    "phantom_cm",
    "irradiated_range_mm",
    "age_years",
    "body_part",
)
