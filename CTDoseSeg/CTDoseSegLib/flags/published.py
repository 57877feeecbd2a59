"""The published models (dosimetry/published.py)."""

FLAGS = {
    "published_no_interval": (
        "warning",
        "The published models come without an uncertainty",
        "No interval is given; their authors' median errors were 4-13 % on other patients.",
    ),
    "published_slice_mean": (
        "info",
        "The published dose is the unweighted mean over slices",
        "It is not energy over mass.",
    ),
    "published_exposure": (
        "refusal",
        "The published models know the current of one tube with its usual filter",
        "Use the bundled model, with CTDIvol.",
    ),
    "published_protocol": (
        "warning",
        "The published models presume 0.5 s per rotation, a pitch near 1 and one scanner",
        "Their dose is not rescaled; compare with the bundled model.",
    ),
    "published_no_scaler": (
        "refusal",
        "The published folder has a model for this organ, but no array to scale its input",
        "No dose is given for it.",
    ),
    "published_no_tube_current": (
        "refusal",
        "The published models need the tube current of every slice",
        "Use a series with X-Ray Tube Current (0018,1151), or type it.",
    ),
    "published_no_slice_location": (
        "refusal",
        "The published models need Slice Location (0020,1041) of every slice",
        "Use the original DICOM series, or the bundled model.",
    ),
    "published_no_size": (
        "refusal",
        "The published models need the water-equivalent diameter of every slice",
        "No body was found on a slice that has the organ; look at the segmentation.",
    ),
    "published_negative": (
        "refusal",
        "The published network's dose is not above zero",
        "Its input lies outside what it was trained on; the dose is not given.",
    ),
    "published_outside_training": (
        "warning",
        "Input is more than 3 SD from what the published model was trained on",
        "Its answer is an extrapolation.",
    ),
}
