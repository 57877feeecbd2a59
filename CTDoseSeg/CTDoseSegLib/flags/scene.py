"""Volumes and segmentations of a scene (ctdoseseg_ui/)."""

from .entry import Entry

FLAGS = {
    "nonlinear_transform": Entry(
        "warning",
        "The volume is under a nonlinear transform",
        cause="irregular_slices",
        consequence="no organ volumes, and three-dimensional results are not valid; results per "
        "slice are",
    ),
    "doses_by_new_model": Entry(
        "warning",
        "The saved result was of another version of the dose model",
        "Do not compare these doses with those saved before the edit.",
        consequence="after an edit all doses are by this version, so organs that were not edited "
        "change too",
    ),
    "dicom_not_found": Entry(
        "warning",
        "The DICOM files of the volume are not in the database any more",
        mends=("series", "ctdivol_mGy", "phantom_cm"),
        consequence="its exposure is known only as far as it is entered by hand",
    ),
    "segments_overlap": Entry(
        "warning",
        "Segments overlap",
        "Each voxel counts for the smallest segment that holds it.",
    ),
    "segments_resampled": Entry(
        "warning",
        "The segmentation is not on the grid of the volume",
        "It was resampled to the nearest voxel; look at it on the slices.",
    ),
    "segments_outside": Entry(
        "warning",
        "Segments reach beyond the volume",
        "Only what lies inside is measured.",
    ),
}
