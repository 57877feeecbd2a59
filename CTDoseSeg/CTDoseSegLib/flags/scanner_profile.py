"""Scanner profiles (ct/scanner_profile.py)."""

from .entry import Entry

FLAGS = {
    "scanner_profile_not_used": Entry(
        "warning",
        "The scanner profile was not used, because the images do not state make and model",
        mends=("manufacturer", "model"),
    ),
    "scanner_device_unknown": Entry(
        "warning",
        "The scanner profile names a device that the images do not state",
        "It was taken by make and model alone; check that it is this scanner.",
    ),
    "scanner_profile_small_phantom": Entry(
        "warning",
        "The scanner profile's CTDIvol check was not used",
        "It holds for the 32 cm phantom, and this CTDIvol is for the 16 cm phantom.",
        cause="phantom",
    ),
    "ctdivol_corrected": Entry(
        "info",
        "CTDIvol and DLP were corrected by the scanner profile",
        "Results show the corrected values; divide them by the ratio for those displayed.",
        consequence="CTDIvol, DLP and the doses by them change",
    ),
    "scanner_check_old": Entry(
        "warning",
        "The scanner profile's CTDIvol check is more than 18 months away",
        mends=("scanner_profile",),
        consequence="its ratio was used, but the interval was not narrowed",
    ),
    "mas_by_profile": Entry(
        "info",
        "The dose was scaled with effective mAs and the scanner profile's CTDI per mAs",
        "CTDIvol is better where it is known.",
        mends=("ctdivol_mGy", "dose_report"),
        cause="ctdivol",
    ),
}
