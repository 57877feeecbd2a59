"""Size and SSDE (measurement/size.py, measurement/ssde.py)."""

from .entry import Entry

FLAGS = {
    "slice_without_body": Entry(
        "info",
        "No body was found in a slice",
        cause="no_body",
        consequence="no size there",
    ),
    "no_body": Entry(
        "refusal",
        "No body was found in any slice",
        "Check that this is a CT in Hounsfield units, and look at the segmentation.",
        mends=("segmentation",),
        cause="no_body",
        consequence="no size, SSDE or organ dose",
    ),
    "body_of_organs": Entry(
        "warning",
        "The label map has organs but no label for the rest of the body",
        "Let the segmentation put the organs on a body, or label the rest of it as body_rest.",
        mends=("segmentation",),
        consequence="the organs alone are measured as the body: area and WED are too small, and "
        "SSDE and doses are wrong",
    ),
    "body_lighter_than_air": Entry(
        "refusal",
        "The mean value of the body is below that of a vacuum",
        "The images are not in Hounsfield units.",
        mends=("series",),
        cause="not_hu",
        consequence="no water-equivalent diameter there",
    ),
    "body_truncated": Entry(
        "warning",
        "The field of view cuts the body",
        cause="truncation",
        consequence="WED as measured is too small; the corrected one stands beside it",
    ),
    "truncation_not_corrected": Entry(
        "warning",
        "The field of view cuts too much of the body to estimate the missing part",
        "Reconstruct with a larger field of view.",
        mends=("series",),
        cause="truncation",
        consequence="WED as measured is too small there, and no correction is valid",
    ),
    "ssde_without_ctdivol": Entry(
        "refusal",
        "CTDIvol is not known",
        mends=("ctdivol_mGy", "dose_report"),
        cause="ctdivol",
        consequence="no SSDE without it",
    ),
    "ssde_scan_ctdivol": Entry(
        "info",
        "CTDIvol is known for the scan only, not for each slice",
        cause="ctdivol_of_scan",
        consequence="SSDE per slice takes it in proportion to the tube current where that is "
        "known, else the scan's mean on every slice",
    ),
    "ssde_outside_fit": Entry(
        "warning",
        "The water-equivalent diameter is outside 8-45 cm, where SSDE's factors were fitted",
        consequence="SSDE is extrapolated there",
    ),
    "ssde_phantom_assumed": Entry(
        "warning",
        "The CTDI phantom is not stated",
        mends=("phantom_cm", "dose_report"),
        cause="phantom",
        consequence="with the other phantom SSDE differs by about a factor of two",
    ),
    "ssde_in_doubt": Entry(
        "warning",
        "Anatomy and phantom leave two tables for SSDE",
        "Both results are given.",
        mends=("body_part", "phantom_cm"),
        cause="phantom",
    ),
    "ssde_head_unverified": Entry(
        "info",
        "The head's SSDE factors were read in one public implementation only",
        "Compare with AAPM Report 293 before you rely on them.",
    ),
    "ssde_head_body_phantom": Entry(
        "refusal",
        "CTDIvol of a head is stated for the 32 cm phantom, for which there are no factors",
        "Check whether this is a head, and which phantom CTDIvol is for: a head needs that of the "
        "16 cm phantom.",
        mends=("body_part", "phantom_cm"),
        cause="phantom",
        consequence="no SSDE",
    ),
}
