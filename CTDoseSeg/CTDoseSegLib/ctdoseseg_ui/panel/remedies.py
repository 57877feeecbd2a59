"""How flags are mended in the panel, in its own words."""

from __future__ import annotations

from slicer.i18n import tr as _


def words() -> dict[str, tuple[str, str]]:
    """Return what is done with each name of `flags.MENDS`, and what it is called.

    What the panel can do itself comes first.
    """
    enter = _("enter {} in the section Acquisition")
    in_python = _("give {} in acquisition= of logic.analyze in the Python console")
    elsewhere = _("analyze with {} on the command line")
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
        "totalsegmentator": (_("choose {} under Segmentation by"), "TotalSegmentator"),
        "engine": (_("choose {} under Segmentation by"), _("another method")),
        "segmentation": (
            _("choose {} under Segmentation by"),
            _("a segmentation of the scene with all organs"),
        ),
        "label_names": (_("name {} in the Segmentations module"), _("the segments")),
        "series": (_("load {}"), _("the original axial series, complete")),
        "dose_model": (_("empty {} under Advanced"), _("the field Dose model")),
        **{name: (in_python, name) for name in ("dlp_mGy_cm", "manufacturer", "model")},
        "dose_report": (elsewhere, _("the dose report")),
        "scanner_profile": (elsewhere, _("a newer scanner profile")),
    }
