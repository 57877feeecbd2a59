"""Size and SSDE (dosimetry/size.py)."""

FLAGS = {
    "slice_without_body": (
        "info",
        "No body was found in a slice",
        "Size is not given there.",
    ),
    "no_body": (
        "refusal",
        "No body was found in any slice",
        "Check that this is a CT in Hounsfield units and look at the segmentation.",
    ),
    "body_lighter_than_air": (
        "refusal",
        "The mean value of the body is below that of a vacuum",
        "The images are not in Hounsfield units; export the series again.",
    ),
    "body_truncated": (
        "warning",
        "The field of view cuts the body",
        "The diameter as measured is too small; the corrected one stands beside it.",
    ),
    "truncation_not_corrected": (
        "warning",
        "The field of view cuts a fifth or more of the body's outline",
        "The diameter as measured is too small, and no correction is valid; "
        "reconstruct with a larger field of view.",
    ),
    "ssde_without_ctdivol": (
        "refusal",
        "SSDE needs CTDIvol, which is not known",
        "Type it from the dose page or dose report.",
    ),
    "ssde_scan_ctdivol": (
        "info",
        "CTDIvol is known for the scan only, not for each slice",
        "SSDE per slice takes it in proportion to the tube current where that is known, else "
        "the scan's mean on every slice.",
    ),
    "ssde_outside_fit": (
        "warning",
        "The water-equivalent diameter is outside 8-45 cm, where SSDE's factors were fitted",
        "SSDE is extrapolated there.",
    ),
    "ssde_phantom_assumed": (
        "warning",
        "SSDE assumes a CTDI phantom, which is not stated",
        "Type phantom_cm: with the other phantom SSDE differs by about a factor of two.",
    ),
    "ssde_in_doubt": (
        "warning",
        "Anatomy and phantom leave two tables for SSDE",
        "Both results are given; type body_part and phantom_cm in --acquisition.",
    ),
    "ssde_head_unverified": (
        "info",
        "The head's SSDE factors were read in one public implementation only",
        "Compare with AAPM Report 293 before you rely on them.",
    ),
    "ssde_head_body_phantom": (
        "refusal",
        "CTDIvol of a head is stated for the 32 cm phantom, for which there are no factors",
        "Check phantom_cm; type body_part in --acquisition if this is not a head.",
    ),
}
