"""Images and the exposure that they state (ct/)."""

FLAGS = {
    "files_unreadable": (
        "warning",
        "Some DICOM files could not be read",
        "Slices may be missing; export the series again.",
    ),
    "mixed_series": (
        "warning",
        "The series mixes kinds of images, sizes or spacings",
        "Only the largest consistent part was read.",
    ),
    "duplicates_dropped": (
        "info",
        "Identical slices occur more than once",
        "The copies were dropped.",
    ),
    "phases_left_out": (
        "warning",
        "The series holds several images at each position",
        "Each phase was an exposure of its own: give the phase that you want as a series.",
    ),
    "several_events": (
        "info",
        "The series was exposed in more than one irradiation event",
        "Doses are those of the slices' own tube current.",
    ),
    "single_slice": (
        "warning",
        "The series has a single slice",
        "Size is given for it; organ volumes and three-dimensional results are not meaningful.",
    ),
    "tilted": (
        "warning",
        "The gantry was tilted, so the slices are not stacked at right angles",
        "Results per slice are valid; volumes and segmentation in three dimensions are not.",
    ),
    "tilt_resampled": (
        "info",
        "The gantry was tilted, but the images were resampled to upright slices",
        "Tube current per slice belongs to the tilted ones.",
    ),
    "oblique": (
        "warning",
        "The slices are inclined to the body's axis",
        "Areas and water-equivalent diameters are those of inclined cuts.",
    ),
    "not_axial": (
        "refusal",
        "The slices are not axial",
        "Size and dose need axial slices; give the axial series.",
    ),
    "uneven_spacing": (
        "warning",
        "The distance between slices changes",
        "Results per slice are valid; volumes and resampling are not.",
    ),
    "missing_slices": (
        "warning",
        "Slices are missing",
        "Results per slice are valid; volumes and resampling are not. Copy the series again.",
    ),
    "shifted_slices": (
        "warning",
        "Slices are shifted against each other",
        "Results per slice are valid; volumes and resampling are not.",
    ),
    "thickness_varies": (
        "info",
        "The slice thickness changes within the series",
        "Noise and dose may change with it.",
    ),
    "derived": (
        "warning",
        "The images are derived from others (0008,0008)",
        "Their values and exposure may differ from the original's; prefer the original series.",
    ),
    "reformat": (
        "warning",
        "The images are a reformat or projection (0008,0008)",
        "Prefer the original axial series.",
    ),
    "lossy": (
        "warning",
        "The pixels went through a lossy compression",
        "HU may be off by some units; prefer the original series.",
    ),
    "not_hu": (
        "warning",
        "The values may not be Hounsfield units",
        "Water-equivalent diameters and doses hold for Hounsfield units only.",
    ),
    "rescale_missing": (
        "warning",
        "RescaleSlope and RescaleIntercept (0028,1052-1053) are missing",
        "The stored values were taken as HU.",
    ),
    "rescale_varies": (
        "info",
        "The rescaling to HU changes from slice to slice",
        "Each slice was read with its own.",
    ),
    "padding_ignored": (
        "warning",
        "PixelPaddingValue (0028,0120) names a value that occurs within the image",
        "It was read as an ordinary value.",
    ),
    "tags_unreadable": (
        "warning",
        "Tags have values that cannot be read",
        "They count as not known.",
    ),
    "kvp_unknown": (
        "warning",
        "The tube voltage is not known",
        "Type it, or doses are given with a wider interval.",
    ),
    "tube_current_missing": (
        "warning",
        "The tube current (0018,1151) is missing or 0",
        "Type it, or give CTDIvol.",
    ),
    "effective_mas_unknown": (
        "info",
        "Effective mAs is not known: tube current, rotation time or pitch is missing",
        "Type rotation_time_s and pitch.",
    ),
    "exposure_disagrees": (
        "info",
        "Exposure (0018,1152) differs from tube current x rotation time / pitch",
        "The latter is used; makers write different things into Exposure.",
    ),
    "ctdivol_missing": (
        "warning",
        "CTDIvol (0018,9345) is missing or 0",
        "SSDE needs it: type it from the dose page or dose report.",
    ),
    "phantom_unknown": (
        "warning",
        "The CTDI phantom (0018,9346) is not stated",
        "Type phantom_cm, 32 for body and 16 for head.",
    ),
    "irradiated_range_unknown": (
        "info",
        "The irradiated range is not known",
        "Every slice is taken as inside it; a dose report or a typed range tells.",
    ),
    "dual_energy": (
        "warning",
        "The scan used more than one photon energy",
        "Results made for one tube voltage may be off.",
    ),
}
