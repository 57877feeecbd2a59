"""Scanner profiles (ct/scanner_profile.py)."""

FLAGS = {
    "scanner_profile_not_used": (
        "warning",
        "The scanner profile was not used, because the images do not state make and model",
        "Type manufacturer and model in --acquisition if you know that it is this scanner.",
    ),
    "scanner_device_unknown": (
        "warning",
        "The scanner profile names a device that the images do not state",
        "It was taken by make and model alone; check that it is this scanner.",
    ),
    "scanner_profile_small_phantom": (
        "warning",
        "The scanner profile's CTDIvol check was not used",
        "It holds for the 32 cm phantom, and this CTDIvol is for the 16 cm phantom.",
    ),
    "ctdivol_corrected": (
        "info",
        "CTDIvol and DLP were corrected by the scanner profile",
        "Results show the corrected values; divide them by the ratio for those displayed.",
    ),
    "scanner_check_old": (
        "warning",
        "The scanner profile's CTDIvol check is more than 18 months away",
        "Its ratio was used, but the interval was not narrowed; enter a newer check.",
    ),
    "mas_by_profile": (
        "info",
        "The dose was scaled with effective mAs and the scanner profile's CTDI per mAs",
        "CTDIvol, where it is known, is better still; type ctdivol_mGy in --acquisition.",
    ),
}
