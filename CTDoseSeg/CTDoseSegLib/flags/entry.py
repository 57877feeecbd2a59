"""What every flag of the catalogue says of itself, and the names of what can mend one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning", "refusal"]

# What can mend a flag: a closed list of stable names. Values have the names that `Acquisition` and
# the slices have for them. Each face words every name in a table of its own.
MENDS = {
    "ctdivol_mGy": "CTDIvol, of the scan or of every slice",
    "phantom_cm": "diameter of the CTDI phantom, 32 for the body and 16 for the head",
    "kvp_kV": "tube voltage",
    "tube_current_mA": "tube current, of the scan or of every slice",
    "rotation_time_s": "time per rotation",
    "pitch": "spiral pitch factor",
    "dlp_mGy_cm": "dose-length product of the exposure",
    "irradiated_range_mm": "where the tube was on, RAS superior",
    "pregnancy_week": "weeks of the pregnancy from the last menstruation",
    "uterus_z_mm": "where the middle of the uterus is, RAS superior",
    "age_years": "the patient's age",
    "body_part": "the part of the body that was scanned",
    "manufacturer": "maker of the scanner",
    "model": "model of the scanner",
    "dose_report": "the X-Ray Radiation Dose SR of the examination",
    "scanner_profile": "what was measured on the scanner",
    "series": "another series of the scan: the original, axial and complete one",
    "segmentation": "a label map with the organs, or a corrected one",
    "label_names": "names of the label map's values",
    "totalsegmentator": "TotalSegmentator with its weights",
    "engine": "another segmentation engine",
    "dose_arrays": "the folder with the arrays that a dose model was trained with",
    "dose_model": "the bundled dose model in place of another one",
}


@dataclass(frozen=True)
class Entry:
    """One flag of the catalogue.

    Attributes
    ----------
    severity
        As `Flag.severity`.
    found
        What was found: a sentence without its full stop. Flags that say the same share it.
    advice
        What to do or to know, in sentences, where it is the same for every face.
    mends
        Names of `MENDS`. Values are typed together; files and choices stand in for one another.
    cause
        What this flag shares with others that come from the same thing; empty: its own code.
    consequence
        What it does to the numbers, where that is known in general: a part of a sentence without
        its full stop.
    """

    severity: Severity
    found: str
    advice: str = ""
    mends: tuple[str, ...] = ()
    cause: str = ""
    consequence: str = ""
