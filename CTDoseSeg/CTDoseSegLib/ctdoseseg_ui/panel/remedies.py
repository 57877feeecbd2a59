"""How flags are mended in the panel, in its own words."""

from __future__ import annotations

from slicer.i18n import tr as _


def words() -> dict[str, tuple[str, str]]:
    """Return what is done with each name of `flags.MENDS` that the panel can mend.

    Not in the table is what has no field here: the dose-length product, the weeks of a pregnancy,
    the place of the uterus, the scanner's maker and model.
    """
    enter = _("enter {what} in the section Acquisition")
    return {
        "ctdivol_mGy": (enter, _("CTDIvol (mGy)")),
        "phantom_cm": (enter, _("the CTDI phantom (cm)")),
        "kvp_kV": (enter, _("the tube voltage (kV)")),
        "tube_current_mA": (enter, _("the tube current (mA)")),
        "rotation_time_s": (enter, _("the rotation time (s)")),
        "pitch": (enter, _("the pitch")),
        "irradiated_range_mm": (enter, _("the irradiated range (mm)")),
        "age_years": (enter, _("the age (years)")),
        "body_part": (enter, _("the body part")),
        "dose_report": (_("choose {what} in the section Acquisition"), _("the dose report")),
        "scanner_profile": (
            _("choose {what} in the section Acquisition"),
            _("the scanner profile"),
        ),
        "totalsegmentator": (_("choose {what} under Segmentation by"), "TotalSegmentator"),
        "engine": (_("choose {what} under Segmentation by"), _("another method")),
        "segmentation": (
            _("choose {what} under Segmentation by"),
            _("a segmentation of the scene with all organs"),
        ),
        "label_names": (_("name {what} in the Segmentations module"), _("the segments")),
        "series": (_("load {what}"), _("the original axial series, complete")),
        "dose_arrays": (_("choose {what} under Advanced"), _("a folder that holds its array too")),
        "dose_model": (_("empty {what} under Advanced"), _("the field Dose model")),
    }
