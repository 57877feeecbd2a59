"""Volumes and segmentations of a Slicer scene (ctdoseseg_ui/)."""

FLAGS = {
    "nonlinear_transform": (
        "warning",
        "The volume is under a nonlinear transform",
        "Results per slice are valid; volumes and three-dimensional results are not.",
    ),
    "dicom_not_found": (
        "warning",
        "The DICOM files of the volume are not in Slicer's database any more",
        "Its exposure is not known; import the files again or type the values.",
    ),
    "segments_overlap": (
        "warning",
        "Segments overlap",
        "Each voxel counts for the smallest segment that holds it.",
    ),
    "segments_resampled": (
        "warning",
        "The segmentation is not on the grid of the volume",
        "It was resampled to the nearest voxel; look at it on the slices.",
    ),
    "segments_outside": (
        "warning",
        "Segments reach beyond the volume",
        "Only what lies inside is measured.",
    ),
}
