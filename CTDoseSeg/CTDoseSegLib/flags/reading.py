"""Images and the exposure that they state (reading/, dicom/)."""

from .entry import Entry

_PER_SLICE = "no organ volumes, and resampling is not valid; results per slice are"

FLAGS = {
    "files_unreadable": Entry(
        "warning",
        "Some DICOM files could not be read",
        mends=("series",),
        consequence="slices may be missing",
    ),
    "damaged_copies": Entry(
        "info",
        "Damaged files were left out, because an intact image of the same position is there",
        "Files are numbered in the order of their paths.",
    ),
    "mixed_series": Entry(
        "warning",
        "The series mixes kinds of images, sizes or spacings",
        "Only one part whose images fit together was read.",
        mends=("series",),
    ),
    "duplicates_dropped": Entry(
        "info",
        "Identical slices occur more than once",
        "The copies were dropped.",
    ),
    "phases_left_out": Entry(
        "warning",
        "The series holds several images at each position",
        mends=("series",),
        consequence="the doses are those of the phase that was taken",
    ),
    "reconstructions_left_out": Entry(
        "info",
        "The series holds several reconstructions of one exposure",
        "The exposure counts once.",
    ),
    "scans_joined": Entry(
        "info",
        "The series holds scans that adjoin and overlap",
        "Where they overlap the longer one is measured.",
        consequence="the doses count the exposure of a position once, also where two scans have it",
    ),
    "several_events": Entry(
        "info",
        "The series was exposed in more than one irradiation event",
        "Doses are those of the slices' own tube current.",
    ),
    "single_slice": Entry(
        "warning",
        "The series has a single slice",
        mends=("series",),
        cause="irradiated_range",
        consequence="organ volumes and three-dimensional results are not meaningful; the size of "
        "the slice is",
    ),
    "tilted": Entry(
        "warning",
        "The gantry was tilted, so the slices are not stacked at right angles",
        cause="irregular_slices",
        consequence=_PER_SLICE,
    ),
    "tilt_resampled": Entry(
        "info",
        "The gantry was tilted, but the images were resampled to upright slices",
        "Tube current per slice belongs to the tilted ones.",
    ),
    "oblique": Entry(
        "warning",
        "The slices are inclined to the body's axis",
        mends=("series",),
        consequence="areas and water-equivalent diameters are those of inclined cuts",
    ),
    "orientation_unknown": Entry(
        "warning",
        "The file does not state how the volume lies in the body",
        mends=("series",),
        consequence="left and right organs may be exchanged; sizes are not concerned",
    ),
    "orientation_disagrees": Entry(
        "warning",
        "The file states two orientations of the volume, in sform and qform",
        "The sform was taken.",
        mends=("series",),
        consequence="left and right, or front and back, may be exchanged; sizes are not concerned",
    ),
    "unit_converted": Entry(
        "info",
        "The file's unit of length is not the millimetre",
        "Its lengths were converted to mm.",
    ),
    "voxel_size_presumed": Entry(
        "warning",
        "The voxels are cubes of exactly 1 mm and the origin is 0, as a program writes that knows "
        "neither",
        mends=("series",),
        consequence="sizes, volumes and doses are wrong if the voxels are not 1 mm",
    ),
    "axes_doubtful": Entry(
        "warning",
        "The body reaches through both sides of every slice, but not through the first and last "
        "slice: the axes may be exchanged",
        mends=("series",),
        consequence="water-equivalent diameters and doses hold only for axial slices",
    ),
    "not_axial": Entry(
        "refusal",
        "The slices are not axial",
        mends=("series",),
        consequence="no water-equivalent diameter, SSDE or organ dose",
    ),
    "uneven_spacing": Entry(
        "warning",
        "The distance between slices changes",
        cause="irregular_slices",
        consequence=_PER_SLICE,
    ),
    "missing_slices": Entry(
        "warning",
        "Slices are missing",
        mends=("series",),
        cause="irregular_slices",
        consequence=_PER_SLICE,
    ),
    "shifted_slices": Entry(
        "warning",
        "Slices are shifted against each other",
        cause="irregular_slices",
        consequence=_PER_SLICE,
    ),
    "thickness_varies": Entry(
        "info",
        "The slice thickness changes within the series",
        "Noise and dose may change with it.",
    ),
    "derived": Entry(
        "warning",
        "The images are derived from others (0008,0008)",
        mends=("series",),
        cause="derived_images",
        consequence="HU and exposure may differ from the original's",
    ),
    "reformat": Entry(
        "warning",
        "The images are a reformat or projection (0008,0008)",
        mends=("series",),
        cause="derived_images",
    ),
    "lossy": Entry(
        "warning",
        "The pixels went through a lossy compression",
        mends=("series",),
        consequence="HU may be off by some units",
    ),
    "not_hu": Entry(
        "refusal",
        "The values are not Hounsfield units",
        mends=("series",),
        cause="not_hu",
        consequence="no water-equivalent diameter, SSDE, organ dose or effective dose",
    ),
    "rescale_type": Entry(
        "warning",
        "RescaleType (0028,1054) names no unit of CT",
        "The values are spread as Hounsfield units are.",
        cause="not_hu",
    ),
    "rescale_missing": Entry(
        "warning",
        "The file does not state how stored values become HU",
        "A slope of 1 and an intercept of 0 were taken for what is missing, because there is air.",
        cause="not_hu",
    ),
    "rescale_varies": Entry(
        "info",
        "The rescaling to HU changes from slice to slice",
        "Each slice was read with its own.",
    ),
    "padding_ignored": Entry(
        "warning",
        "PixelPaddingValue (0028,0120) names a value that occurs within the image",
        "It was read as an ordinary value.",
    ),
    "tags_unreadable": Entry(
        "warning",
        "Tags have values that cannot be read",
        "They count as not known.",
    ),
    "tags_implausible": Entry(
        "warning",
        "Tags have values that no scanner has, or that leap in a single slice",
        "They count as not known.",
    ),
    "tube_current_outlying": Entry(
        "warning",
        "The tube current of single slices is far from that of the slices beside them, which no "
        "modulation explains",
        "Check the values in the files.",
        mends=("tube_current_mA",),
        consequence="doses scaled by it are wrong if the values are",
    ),
    "ctdivol_outlying": Entry(
        "warning",
        "The CTDIvol of single slices is far from that of the slices beside them, which no "
        "modulation explains",
        "Check the values in the files.",
        mends=("ctdivol_mGy",),
        consequence="SSDE, DLP and doses scaled by it are wrong if the values are",
    ),
    "kvp_unknown": Entry(
        "warning",
        "The tube voltage is not known",
        mends=("kvp_kV", "dose_report"),
        cause="tube_voltage_unknown",
    ),
    "tube_current_missing": Entry(
        "warning",
        "The tube current (0018,1151) is missing or 0",
        mends=("tube_current_mA", "dose_report"),
        cause="effective_mas",
        consequence="CTDIvol, where it is known, is the only scaling basis of organ doses",
    ),
    "effective_mas_unknown": Entry(
        "info",
        "Effective mAs is not known, because tube current, rotation time or pitch is missing",
        mends=("rotation_time_s", "pitch"),
        cause="effective_mas",
    ),
    "exposure_disagrees": Entry(
        "info",
        "Exposure (0018,1152) differs from tube current x rotation time / pitch",
        "The latter is used; makers write different things into Exposure.",
    ),
    "ctdivol_missing": Entry(
        "warning",
        "CTDIvol is not known",
        mends=("ctdivol_mGy", "dose_report"),
        cause="ctdivol",
        consequence="no SSDE without it",
    ),
    "phantom_unknown": Entry(
        "warning",
        "The CTDI phantom is not stated",
        "It is 32 cm for the body and 16 cm for the head.",
        mends=("phantom_cm", "dose_report"),
        cause="phantom",
    ),
    "irradiated_range_unknown": Entry(
        "info",
        "The irradiated range is not known",
        mends=("irradiated_range_mm", "dose_report"),
        cause="irradiated_range",
        consequence="every slice is taken as irradiated",
    ),
    "dual_energy": Entry(
        "warning",
        "The scan used more than one photon energy",
        consequence="results made for one tube voltage may be off",
    ),
}
