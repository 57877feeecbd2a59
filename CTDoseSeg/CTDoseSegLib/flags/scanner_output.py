"""CTDIvol against effective mAs (measurement/ctdi_check.py)."""

from .entry import Entry

FLAGS = {
    "ctdivol_per_mas": Entry(
        "warning",
        "CTDIvol and effective mAs do not fit each other",
        mends=("ctdivol_mGy", "phantom_cm", "rotation_time_s", "pitch", "dose_report"),
        cause="ctdivol_per_mas",
        consequence="the rotation time, the pitch, the unit of CTDIvol or of tube current, or the "
        "CTDI phantom is wrong, and with it SSDE or organ doses",
    ),
    "phantom_inferred": Entry(
        "warning",
        "The CTDI phantom is not stated and was inferred",
        mends=("phantom_cm", "dose_report"),
        cause="phantom",
        consequence="with the other phantom SSDE and organ doses differ by about a factor of two",
    ),
    "mas_by_table": Entry(
        "warning",
        "The dose was scaled with effective mAs and the CTDI per mAs of scanners of this model",
        mends=("ctdivol_mGy", "dose_report"),
        cause="ctdi_per_mas",
        consequence="another scanner of this model, filter or collimation may give more or less",
    ),
    "ssde_by_mas": Entry(
        "warning",
        "CTDIvol is not known; SSDE was made from effective mAs and the scanner's CTDI per mAs",
        mends=("ctdivol_mGy", "dose_report"),
        cause="ctdi_per_mas",
        consequence="SSDE is less certain than by a stated CTDIvol",
    ),
}
