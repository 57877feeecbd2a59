"""What sets two results apart beside their doses (result/comparison.py)."""

from .entry import Entry

FLAGS = {
    "compared_other_scan": Entry(
        "info",
        "The results are of different scans",
        consequence="their intervals share only what the scans have in common, such as the scanner",
    ),
    "compared_other_exposure": Entry(
        "warning",
        "The results have different exposure values for the same scan",
        consequence="the doses differ by that too",
    ),
    "compared_other_grid": Entry(
        "info",
        "The CTs have different grids",
        consequence="slices are matched by their position along the body",
    ),
    "compared_no_common_slice": Entry(
        "warning",
        "The CTs have no slice at the same position along the body",
        consequence="diameters are compared by their means alone",
    ),
    "compared_other_phantom": Entry(
        "warning",
        "CTDIvol and DLP are of different phantoms",
        "Compare SSDE or organ doses.",
        mends=("phantom_cm",),
        consequence="their difference is not one of the exposure",
    ),
    "compared_unstated_sharing": Entry(
        "info",
        "One of the results does not state which of its uncertainties the other shares",
        consequence="none is taken off, so that the intervals of ratios are too wide",
    ),
    "compared_in_one": Entry(
        "info", "Only one of the results has a dose of this organ", cause="compared_in_one"
    ),
    "compared_other_part": Entry(
        "warning",
        "One of the CTs cuts this organ and the other does not",
        consequence="the doses are of different parts of it",
    ),
    "compared_other_basis": Entry(
        "warning",
        "The doses have different scaling bases",
        consequence="a part of the difference is that of CTDIvol and tube current",
    ),
    "compared_other_region": Entry(
        "warning",
        "The doses are of this organ in different regions of the body",
    ),
    "compared_no_interval": Entry(
        "info",
        "One of the doses has no interval",
        consequence="the ratio has none",
    ),
}
