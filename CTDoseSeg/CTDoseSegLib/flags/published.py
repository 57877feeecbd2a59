"""The published models (dosimetry/published/)."""

from .entry import Entry

FLAGS = {
    "published_child": Entry(
        "refusal",
        "The patient is under 18",
        mends=("dose_model",),
        cause="child",
        consequence="no organ dose: the published models are for adults",
    ),
    "published_not_trunk": Entry(
        "refusal",
        "The body part is not of the trunk",
        mends=("body_part", "dose_model"),
        cause="body_part",
        consequence="no organ dose: the published models are for chest and abdomen",
    ),
    "published_edge_of_trunk": Entry(
        "warning",
        "The body part lies at the edge of the trunk",
        mends=("body_part", "dose_model"),
        cause="body_part",
        consequence="the published models are for chest and abdomen and may not hold there",
    ),
    "published_tube_voltage": Entry(
        "warning",
        "The tube voltage is not 120 kV",
        mends=("dose_model",),
        consequence="the published models were trained at 120 kV, and their dose is not rescaled",
    ),
    "published_no_interval": Entry(
        "warning",
        "The published models come without an uncertainty",
        consequence="no interval; their authors' median errors were 4-13 % on other patients",
    ),
    "published_slice_mean": Entry(
        "info",
        "The published dose is the unweighted mean over slices",
        "It is not energy over mass.",
    ),
    "published_exposure": Entry(
        "refusal",
        "The published models know the current of one tube with its usual filter",
        mends=("dose_model",),
        consequence="no organ dose",
    ),
    "published_protocol": Entry(
        "warning",
        "The published models presume 0.5 s per rotation, a pitch near 1 and one scanner",
        mends=("dose_model",),
        consequence="their dose is not rescaled to this protocol",
    ),
    "published_no_scaler": Entry(
        "refusal",
        "The published folder has a model for this organ, but no array to scale its input",
        mends=("dose_arrays", "dose_model"),
        consequence="no dose for it",
    ),
    "published_no_tube_current": Entry(
        "refusal",
        "The published models need the tube current of every slice",
        mends=("tube_current_mA", "dose_model"),
        cause="tube_current",
        consequence="no dose",
    ),
    "published_no_slice_location": Entry(
        "refusal",
        "The published models need Slice Location (0020,1041) of every slice",
        mends=("series", "dose_model"),
        consequence="no dose",
    ),
    "published_no_size": Entry(
        "refusal",
        "The published models need the water-equivalent diameter of every slice",
        "No body was found on a slice that has the organ; look at the segmentation.",
        mends=("segmentation",),
        cause="no_body",
        consequence="no dose",
    ),
    "published_negative": Entry(
        "refusal",
        "The published network's dose is not above zero",
        "Its input lies outside what it was trained on.",
        mends=("dose_model",),
        consequence="no dose",
    ),
    "published_outside_training": Entry(
        "warning",
        "Input is more than 3 SD from what the published model was trained on",
        mends=("dose_model",),
        consequence="its dose is an extrapolation",
    ),
    "inference_rows_incomplete": Entry(
        "warning",
        "Rows of the inference arrays have missing values",
        "They are NaN there.",
        mends=("tube_current_mA", "series"),
        consequence="who drops such rows takes the mean dose of the other slices alone",
    ),
}
