"""DLP and effective dose (dosimetry/effective_dose.py, size_specific_effective_dose.py)."""

from .entry import Entry

FLAGS = {
    "dlp_computed": Entry(
        "info",
        "DLP is not stated and was computed from CTDIvol",
        mends=("dlp_mGy_cm", "dose_report"),
        cause="irradiated_range",
    ),
    "dlp_lower_bound": Entry(
        "warning",
        "The irradiated range is not known",
        mends=("irradiated_range_mm", "dose_report"),
        cause="irradiated_range",
        consequence="DLP is a lower bound: overranging and whatever was scanned beyond the images "
        "are not in it",
    ),
    "dlp_disagrees": Entry(
        "warning",
        "The stated DLP does not fit CTDIvol and length",
        "It may be of several exposures, of a longer range, or of another phantom; check it.",
        mends=("dlp_mGy_cm",),
        consequence="effective dose follows the stated one",
    ),
    "effective_dose_no_dlp": Entry(
        "refusal",
        "CTDIvol is not known",
        mends=("ctdivol_mGy", "dose_report"),
        cause="ctdivol",
        consequence="no effective dose, which needs DLP, or CTDIvol of every slice",
    ),
    "effective_dose_child": Entry(
        "info",
        "The patient is under 18",
        cause="child",
        consequence="effective dose is by factors for children, which are for the 16 cm phantom",
    ),
    "effective_dose_pregnancy": Entry(
        "warning",
        "Pregnancy is stated",
        "Ask a medical physicist for an individual calculation.",
        cause="pregnancy",
        consequence="effective dose says nothing of the fetus",
    ),
    "effective_dose_region": Entry(
        "refusal",
        "What was scanned is not known, or is not the stated part of the body",
        "There are k factors for head, neck, chest, abdomen and pelvis, to which DLP is split.",
        mends=("body_part", "segmentation"),
        cause="scanned_range",
        consequence="no effective dose",
    ),
    "effective_dose_body_part": Entry(
        "warning",
        "The k factor was chosen by the stated body part",
        "Too little of the range is known by its organs.",
        mends=("segmentation",),
        cause="scanned_range",
    ),
    "effective_dose_short": Entry(
        "warning",
        "The scanned range is short for a k factor, which is that of a whole part of the body",
        cause="irradiated_range",
        consequence="effective dose depends on which organs lie in the range; take it as an order "
        "of magnitude",
    ),
    "effective_dose_phantom": Entry(
        "refusal",
        "The CTDI phantom of the DLP is not the one that the k factor is for",
        mends=("phantom_cm", "dose_report"),
        cause="phantom",
        consequence="no effective dose",
    ),
    "effective_dose_converted": Entry(
        "warning",
        "The CTDI phantom of the DLP is not the one that the k factor is for",
        cause="phantom",
        consequence="DLP was converted from one phantom to the other",
    ),
    "size_specific_not_offered": Entry(
        "info",
        "Too little of the tissue weights is predicted",
        "A label map with the missing organs and with bones, in a scan of the trunk, gives more; a "
        "simulation gives every labelled organ.",
        mends=("segmentation",),
        consequence="no size-specific effective dose beside k x DLP",
    ),
    "size_specific_bounded": Entry(
        "info",
        "A part of the tissue weights is not predicted",
        mends=("segmentation",),
        consequence="size-specific effective dose has half of the most that they may add, and its "
        "interval reaches to both ends",
    ),
}
