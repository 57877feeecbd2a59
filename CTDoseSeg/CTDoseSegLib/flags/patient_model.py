"""The patient that Monte Carlo simulates (dosimetry/montecarlo/patient.py)."""

from .entry import Entry

FLAGS = {
    "grid_resampled": Entry(
        "info",
        "The volume is inclined to the patient's axes",
        consequence="it was resampled for the simulation",
    ),
    "hu_not_finite": Entry(
        "warning",
        "The volume holds values that are no numbers",
        mends=("series",),
        consequence="they were simulated as air",
    ),
    "hu_voltage_assumed": Entry(
        "warning",
        "HU of iodine and bone are not known at this tube voltage",
        mends=("kvp_kV", "dose_report"),
        cause="tube_voltage_unknown",
        consequence="those at another voltage were taken",
    ),
    "tissue_by_hu": Entry(
        "warning",
        "Tissue that no label names was taken for bone by its HU alone",
        mends=("segmentation",),
        consequence="doses in and beside enhanced vessels are wrong where these were meant",
    ),
    "iodine_by_hu": Entry(
        "info",
        "Tissue that no label names holds contrast agent by its HU",
        mends=("segmentation",),
        cause="contrast",
        consequence="it was simulated with iodine; where it is bone or lime, doses beside it are "
        "slightly off",
    ),
    "body_by_hu": Entry(
        "warning",
        "The label map names organs but no body",
        mends=("segmentation",),
        consequence="all else was taken by its HU alone, the couch as tissue",
    ),
    "metal_simulated": Entry(
        "warning",
        "There is metal in the body",
        cause="metal",
        consequence="it was simulated as titanium or iron of at most 3 g/cm3; doses beside it are "
        "rough, and its streaks change HU around it",
    ),
    "bone_is_contrast": Entry(
        "warning",
        "A region labelled bone is as smooth as contrast agent and has no cortex",
        mends=("segmentation",),
        cause="contrast",
        consequence="it was simulated as blood with iodine and left out of the bones",
    ),
    "isocentre_assumed": Entry(
        "info",
        "The images do not state where the axis of rotation is",
        consequence="the place named was taken; 2 cm beside it change organ doses by some percent",
    ),
    "ends_repeated": Entry(
        "info",
        "The body goes on beyond the images",
        consequence="their end slices were repeated so that radiation scatters there too; in two "
        "phantoms cut 40 mm short of the beam, doses to whole organs were then within 1.1 % of the "
        "whole body's, and 12 to 22 % too low without",
    ),
    "field_completed": Entry(
        "warning",
        "The field of view cuts the body",
        cause="truncation",
        consequence="soft tissue was added beyond it for the simulation, up to the corrected size; "
        "in two phantoms with 16 to 19 % of the contour cut, organ doses were then within 6 % of "
        "the whole body's (root mean square 2 %), and up to 13 % too high without",
    ),
    "field_not_completed": Entry(
        "warning",
        "The field of view cuts the body, and it is not known how much is missing",
        mends=("series",),
        cause="truncation",
        consequence="organ doses are too high there",
    ),
    "organ_mass_changed": Entry(
        "warning",
        "The organ has another mass in the simulation's voxels than in the images",
        consequence="its dose is that of voxels which also hold what lies beside it",
    ),
    "marrow_bones_unnamed": Entry(
        "info",
        "The label map does not tell one bone from another",
        mends=("segmentation",),
        consequence="the dose to active marrow cannot be weighed by bone",
    ),
}
