"""DLP and effective dose (dosimetry/effective_dose.py)."""

FLAGS = {
    "dlp_computed": (
        "info",
        "DLP is not stated and was computed from CTDIvol",
        "Type dlp_mGy_cm in --acquisition, or give the dose report.",
    ),
    "dlp_lower_bound": (
        "warning",
        "The computed DLP is a lower bound",
        "Overranging and whatever was scanned beyond the images are not in it.",
    ),
    "dlp_disagrees": (
        "warning",
        "The stated DLP does not fit CTDIvol and length",
        "It may be of several exposures, of a longer range, or of another phantom; check it.",
    ),
    "effective_dose_no_dlp": (
        "refusal",
        "Effective dose needs DLP, or CTDIvol of every slice, which is not known",
        "Type dlp_mGy_cm or ctdivol_mGy in --acquisition.",
    ),
    "effective_dose_child": (
        "refusal",
        "Effective dose is not given for a patient under 18",
        "The k factors here are for adults; use those for the patient's age.",
    ),
    "effective_dose_pregnancy": (
        "refusal",
        "Effective dose is not given where pregnancy is stated",
        "It says nothing of the fetus; ask a medical physicist for an individual calculation.",
    ),
    "effective_dose_region": (
        "refusal",
        "The scanned range is not one that a k factor is for",
        "Give a label map with more organs, or correct body_part in --acquisition; a range of "
        "several parts has no k of its own.",
    ),
    "effective_dose_body_part": (
        "warning",
        "The k factor was chosen by the body part that the scanner states",
        "Too little of the range is known by its organs; give a label map with more of them.",
    ),
    "effective_dose_short": (
        "warning",
        "The scanned range is short for a k factor, which is that of a whole part of the body",
        "Effective dose depends on which organs lie in it; take it as an order of magnitude.",
    ),
    "effective_dose_phantom": (
        "refusal",
        "The CTDI phantom of the DLP is not the one that the k factor is for",
        "Type phantom_cm in --acquisition: 16 for head and neck, 32 for the rest.",
    ),
}
