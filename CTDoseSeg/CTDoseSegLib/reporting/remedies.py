"""How flags are mended on the command line, in its own words."""

from __future__ import annotations

_TYPE = "type {what} in --acquisition"

# What is done with each name of `flags.MENDS`, and what it is called; the first comes first.
WORDS = {
    **{
        name: (_TYPE, name)
        for name in (
            *("ctdivol_mGy", "dlp_mGy_cm", "phantom_cm", "kvp_kV", "tube_current_mA"),
            *("rotation_time_s", "pitch", "irradiated_range_mm", "age_years", "body_part"),
            *("pregnancy_week", "uterus_z_mm", "manufacturer", "model"),
        )
    },
    "dose_report": ("give {what} with --rdsr", "the dose report"),
    "scanner_profile": ("give {what} with --scanner-profile", "a newer scanner profile"),
    "totalsegmentator": (
        "{what}",
        "install TotalSegmentator (pip install ctdoseseg[totalsegmentator]) and its weights "
        "(ctdoseseg weights fetch)",
    ),
    "engine": ("choose {what} with --engine", "another engine"),
    "segmentation": ("give {what} with --segmentation", "a label map of the organs"),
    "label_names": (
        "name the values with {what}",
        "--labels, or a labels.csv beside the label map",
    ),
    "series": ("give {what} as INPUT", "the original axial series, complete"),
    "dose_arrays": ("give {what} with --dose-arrays", "a folder that holds its array"),
    "dose_model": ("leave out {what}", "--dose-model, for the bundled model"),
}
